//! `assessments.proto`: feedback, expectations and references to issues.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use traces::{Assessment, AssessmentKind, Error, UpdateAssessment};
use types::Timestamp;

use super::SESSION;
use crate::call::{Answer, Cx, empty, reply};
use crate::errors::Failure;
use crate::limits;
use crate::request::Fields;

/// The metadata that names the run that made an assessment.
const SOURCE_RUN_ID: &str = "mlflow.assessment.sourceRunId";
const JSON_FORMAT: &str = "JSON_FORMAT";
const SOURCES: [(&str, i64, &str); 4] = [
    ("SOURCE_TYPE_UNSPECIFIED", 0, "SOURCE_TYPE_UNSPECIFIED"),
    ("HUMAN", 1, "HUMAN"),
    ("LLM_JUDGE", 2, "LLM_JUDGE"),
    ("CODE", 3, "CODE"),
];

/// Protobuf's `Value` knows doubles only.
fn as_doubles(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(items) => items.iter().map(as_doubles).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), as_doubles(value))).collect())
        }
        other => other.clone(),
    }
}

/// What is said, and why nothing is.
fn said(f: &Fields) -> Result<Option<(AssessmentKind, Value, Option<Value>)>, Failure> {
    if let Some(feedback) = f.inner("feedback")? {
        let value = feedback.raw("value").map_or(Value::Null, as_doubles);
        let error = match feedback.inner("error")? {
            None => None,
            Some(error) => {
                let mut out = Map::new();
                out.insert("error_code".into(), error.text_or_empty("error_code")?.into());
                for name in ["error_message", "stack_trace"] {
                    if let Some(text) = error.text(name)?.filter(|t| !t.is_empty()) {
                        out.insert(name.into(), text.into());
                    }
                }
                Some(Value::Object(out))
            }
        };
        return Ok(Some((AssessmentKind::Feedback, value, error)));
    }
    if let Some(expectation) = f.inner("expectation")? {
        let value = match expectation.inner("serialized_value")? {
            None => expectation.raw("value").map_or(Value::Null, as_doubles),
            Some(serialized) => {
                let format = serialized.text_or_empty("serialization_format")?;
                if format != JSON_FORMAT {
                    return Err(Failure::invalid(format!(
                        "Unknown serialization format: {format}. Only JSON_FORMAT is supported."
                    )));
                }
                let text = serialized.text_or_empty("value")?;
                serde_json::from_str(&text)
                    .map_err(|e| Failure::invalid(format!("Expectation value is not JSON: {e}")))?
            }
        };
        return Ok(Some((AssessmentKind::Expectation, value, None)));
    }
    if let Some(issue) = f.inner("issue")? {
        let name = issue.text_or_empty("issue_name")?;
        return Ok(Some((AssessmentKind::Issue, json!({ "issue_name": name }), None)));
    }
    Ok(None)
}

fn time(f: &Fields, name: &str) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = f.text(name)? else { return Ok(None) };
    let time =
        Timestamp::parse_rfc3339(&text).ok_or_else(|| limits::invalid_value(&f.path_of(name), &text, ""))?;
    Ok(Some(Timestamp::from_millis(time.millis())).filter(|t| t.0 != 0))
}

/// An assessment of a trace. Without times it gets them later.
pub(super) fn read(f: &Fields, trace: &str) -> Result<Assessment, Failure> {
    let Some((kind, value, error)) = said(f)? else {
        return Err(Failure::invalid("Unknown assessment type: None"));
    };
    let source = f.inner("source")?.unwrap_or_default();
    let metadata = f.map("metadata")?;
    let text = |name: &str| Ok::<_, Failure>(f.text(name)?.filter(|t| !t.is_empty()));
    let name = f.text_or_empty("assessment_name")?;
    limits::length("Assessment name", limits::KEY, &name)?;
    let created_at = time(f, "create_time")?.unwrap_or_default();
    Ok(Assessment {
        uid: f.text_or_empty("assessment_id")?,
        trace: trace.to_owned(),
        kind,
        name,
        value,
        error,
        source_kind: source.choice("source_type", &SOURCES)?.unwrap_or(SOURCES[0].0).to_owned(),
        source: source.text("source_id")?.filter(|t| !t.is_empty()),
        run: metadata.get(SOURCE_RUN_ID).cloned(),
        span: text("span_id")?,
        rationale: text("rationale")?,
        of_session: metadata.contains_key(SESSION),
        metadata,
        overrides: text("overrides")?,
        valid: true,
        created_at,
        updated_at: time(f, "last_update_time")?.unwrap_or(created_at),
    })
}

/// `Assessment` as a message.
pub(super) fn message(a: &Assessment) -> Value {
    let mut out = json!({
        "assessment_id": a.uid,
        "assessment_name": a.name,
        "trace_id": a.trace,
        "source": { "source_type": a.source_kind },
        "create_time": a.created_at.rfc3339(),
        "last_update_time": a.updated_at.rfc3339(),
        "valid": a.valid,
    });
    if let Some(source) = &a.source {
        out["source"]["source_id"] = source.as_str().into();
    }
    for (name, text) in [("span_id", &a.span), ("rationale", &a.rationale), ("overrides", &a.overrides)] {
        if let Some(text) = text {
            out[name] = text.as_str().into();
        }
    }
    if !a.metadata.is_empty() {
        out["metadata"] = json!(a.metadata);
    }
    match a.kind {
        AssessmentKind::Feedback => {
            out["feedback"] = json!({ "value": a.value });
            if let Some(error) = &a.error {
                out["feedback"]["error"] = error.clone();
            }
        }
        AssessmentKind::Expectation => {
            out["expectation"] = match &a.value {
                Value::Array(_) | Value::Object(_) => {
                    let text = crate::convert::python_json(&a.value);
                    json!({ "serialized_value": { "serialization_format": JSON_FORMAT, "value": text } })
                }
                value => json!({ "value": value }),
            };
        }
        AssessmentKind::Issue => out["issue"] = a.value.clone(),
    }
    out
}

fn answer(a: &Assessment) -> Answer {
    reply(&json!({ "assessment": message(a) }))
}

pub(super) async fn create(cx: Cx, f: Fields) -> Answer {
    let trace = f.required_text("trace_id")?;
    let given = f.inner("assessment")?.ok_or_else(|| f.missing("assessment"))?;
    let mut given = read(&given, &trace)?;
    stamp(&mut given, cx.state.ledger.clock().now());
    answer(&traces::create_assessment(&cx.state.ledger, &cx.actor, given).await?)
}

/// Gives a new assessment the times that its client left out.
pub(super) fn stamp(given: &mut Assessment, now: Timestamp) {
    let now = Timestamp::from_millis(now.millis());
    if given.created_at.0 == 0 {
        given.created_at = now;
    }
    if given.updated_at.0 == 0 {
        given.updated_at = now;
    }
}

/// These two words differ from how other endpoints put it.
fn reworded(error: Error) -> Failure {
    match error {
        Error::TraceNotFound(uid) => Failure::missing(format!("Trace with request_id '{uid}' not found")),
        other => other.into(),
    }
}

pub(super) async fn get(cx: Cx, f: Fields) -> Answer {
    let (trace, uid) = (f.required_text("trace_id")?, f.required_text("assessment_id")?);
    answer(&traces::assessment(&cx.state.ledger, &cx.actor, trace, uid).await.map_err(reworded)?)
}

pub(super) async fn update(cx: Cx, f: Fields) -> Answer {
    let (trace, uid) = (f.required_text("trace_id")?, f.required_text("assessment_id")?);
    let given = f.inner("assessment")?.ok_or_else(|| f.missing("assessment"))?;
    let mask = f.text("update_mask")?.ok_or_else(|| f.missing("update_mask"))?;
    let mut change = UpdateAssessment::default();
    let mut values = BTreeMap::new();
    for path in mask.split(',').map(str::trim) {
        match path {
            "assessmentName" | "assessment_name" => {
                change.name = Some(given.text_or_empty("assessment_name")?)
            }
            "expectation" | "feedback" => {
                values.insert(path, said(&given)?);
            }
            "rationale" => change.rationale = Some(given.text_or_empty("rationale")?),
            "metadata" => change.metadata = given.map("metadata")?,
            _ => {}
        }
    }
    if values.len() > 1 {
        return Err(Failure::invalid("Cannot specify both `expectation` and `feedback` parameters."));
    }
    change.value = values.into_values().flatten().next();
    let found = traces::update_assessment(&cx.state.ledger, &cx.actor, trace, uid, change).await;
    answer(&found.map_err(|error| match error {
        Error::WrongKind { given: "expectation", .. } => {
            Failure::invalid("Cannot update expectation value on a Feedback assessment.")
        }
        Error::WrongKind { .. } => {
            Failure::invalid("Cannot update feedback value on an Expectation assessment.")
        }
        other => reworded(other),
    })?)
}

pub(super) async fn delete(cx: Cx, f: Fields) -> Answer {
    let (trace, uid) = (f.required_text("trace_id")?, f.required_text("assessment_id")?);
    traces::delete_assessment(&cx.state.ledger, &cx.actor, trace, uid).await?;
    empty()
}
