//! Traces as upstream's messages (`TraceInfoV3`, `TraceInfo`) and back.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};
use traces::{Cost, StartTrace, Trace, TraceState, Usage};
use tracking::ExperimentRef;
use types::Timestamp;

use super::{ARTIFACT_LOCATION, COST, FINALIZED, SESSION, SPANS_LOCATION, TOKEN_USAGE, TRACE_NAME};
use super::{assessments, otel};
use crate::call::Cx;
use crate::convert::{experiment_number, own_uri, python_json};
use crate::errors::Failure;
use crate::limits;
use crate::request::Fields;

/// `TraceInfoV3.State`.
const STATES: [(&str, i64, TraceState); 4] = [
    ("STATE_UNSPECIFIED", 0, TraceState::Unspecified),
    ("OK", 1, TraceState::Ok),
    ("ERROR", 2, TraceState::Error),
    ("IN_PROGRESS", 3, TraceState::InProgress),
];

/// `TraceStatus` of the v2 API.
pub(super) const STATUSES: [(&str, i64, TraceState); 4] = [
    ("TRACE_STATUS_UNSPECIFIED", 0, TraceState::Unspecified),
    ("OK", 1, TraceState::Ok),
    ("ERROR", 2, TraceState::Error),
    ("IN_PROGRESS", 3, TraceState::InProgress),
];

/// Where the files of experiments stand, for those asked so far.
pub(super) struct Locations<'a> {
    cx: &'a Cx,
    known: HashMap<i64, String>,
}

impl<'a> Locations<'a> {
    pub fn new(cx: &'a Cx) -> Self {
        Self { cx, known: HashMap::new() }
    }

    /// The folder of a trace's own files.
    pub async fn of(&mut self, trace: &Trace) -> Result<String, Failure> {
        let number = trace.experiment;
        if !self.known.contains_key(&number) {
            let by = ExperimentRef::Number(number);
            let found = tracking::experiment(&self.cx.state.ledger, &self.cx.actor, by).await?;
            let location = found.artifact_location.unwrap_or_else(|| own_uri(&number.to_string()));
            self.known.insert(number, location);
        }
        let root = self.known.get(&number).map_or("", |r| r.trim_end_matches('/'));
        Ok(format!("{root}/traces/{}/artifacts", trace.uid))
    }

    pub async fn v3(&mut self, trace: Trace) -> Result<Value, Failure> {
        let location = self.of(&trace).await?;
        Ok(v3(trace, location))
    }
}

/// Characters of metadata and of tags that messages hold.
fn cut(limit: usize, text: String) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

/// Python spaces the JSON in metadata.
fn numbers(named: &[(&str, Option<Value>)]) -> Option<String> {
    let parts: Vec<_> = named
        .iter()
        .filter_map(|(name, value)| Some(format!("\"{name}\": {}", python_json(value.as_ref()?))))
        .collect();
    (!parts.is_empty()).then(|| format!("{{{}}}", parts.join(", ")))
}

pub(super) fn usage_text(u: &Usage) -> Option<String> {
    numbers(&[
        ("input_tokens", u.input.map(Value::from)),
        ("output_tokens", u.output.map(Value::from)),
        ("total_tokens", u.total.map(Value::from)),
        ("cache_read_input_tokens", u.cache_read.map(Value::from)),
        ("cache_creation_input_tokens", u.cache_write.map(Value::from)),
        ("cache_creation_input_tokens_above_1hr", u.cache_write_1h.map(Value::from)),
    ])
}

pub(super) fn cost_text(c: &Cost) -> Option<String> {
    numbers(&[
        ("input_cost", c.input.map(Value::from)),
        ("output_cost", c.output.map(Value::from)),
        ("total_cost", c.total.map(Value::from)),
    ])
}

/// With what upstream keeps among them and the house in columns.
pub(super) fn metadata(trace: &Trace) -> BTreeMap<String, String> {
    let mut metadata = trace.metadata.clone();
    if let Some(session) = &trace.session {
        metadata.insert(SESSION.to_owned(), session.clone());
    }
    if let Some(text) = usage_text(&trace.usage) {
        metadata.insert(TOKEN_USAGE.to_owned(), text);
    }
    if let Some(text) = cost_text(&trace.cost) {
        metadata.insert(COST.to_owned(), text);
    }
    if trace.declared {
        metadata.insert(FINALIZED.to_owned(), "true".to_owned());
    }
    metadata
}

pub(super) fn tags(trace: &Trace, location: String) -> BTreeMap<String, String> {
    let mut tags = trace.tags.clone();
    if let Some(name) = &trace.name {
        tags.insert(TRACE_NAME.to_owned(), name.clone());
    }
    tags.entry(ARTIFACT_LOCATION.to_owned()).or_insert(location);
    if trace.has_spans {
        tags.insert(SPANS_LOCATION.to_owned(), "TRACKING_STORE".to_owned());
    }
    tags
}

fn object(pairs: BTreeMap<String, String>, key_limit: usize, value_limit: usize) -> Value {
    let cut = |(key, value): (String, String)| (cut(key_limit, key), cut(value_limit, value).into());
    Value::Object(pairs.into_iter().map(cut).collect())
}

/// Protobuf's `Duration`.
fn duration(millis: i64) -> String {
    let sign = if millis < 0 { "-" } else { "" };
    let (seconds, rest) = (millis.unsigned_abs() / 1_000, millis.unsigned_abs() % 1_000);
    if rest == 0 { format!("{sign}{seconds}s") } else { format!("{sign}{seconds}.{rest:03}s") }
}

fn parse_duration(text: &str) -> Option<i64> {
    let number: f64 = text.strip_suffix('s')?.parse().ok()?;
    number.is_finite().then_some((number * 1_000.0).floor() as i64)
}

fn v3(trace: Trace, location: String) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("trace_id", trace.uid.as_str().into());
    if let Some(id) = &trace.client_request {
        put("client_request_id", id.as_str().into());
    }
    let experiment = json!({ "experiment_id": trace.experiment.to_string() });
    put("trace_location", json!({ "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": experiment }));
    for (name, text) in
        [("request_preview", &trace.request_preview), ("response_preview", &trace.response_preview)]
    {
        if let Some(text) = text {
            put(name, text.as_str().into());
        }
    }
    put("request_time", trace.started_at.rfc3339().into());
    if let Some(ended_at) = trace.ended_at {
        put("execution_duration", duration(ended_at.millis() - trace.started_at.millis()).into());
    }
    let state = STATES.iter().find(|(.., s)| *s == trace.state).map_or("", |(name, ..)| name);
    put("state", state.into());
    let (metadata, tags) = (metadata(&trace), tags(&trace, location));
    if !metadata.is_empty() {
        put("trace_metadata", object(metadata, limits::TRACE_METADATA, limits::TRACE_METADATA));
    }
    if !trace.assessments.is_empty() {
        put("assessments", trace.assessments.iter().map(assessments::message).collect());
    }
    if !tags.is_empty() {
        put("tags", object(tags, limits::TRACE_METADATA, limits::TRACE_TAG_SHOWN));
    }
    Value::Object(out)
}

/// `TraceInfo` of the v2 API.
pub(super) fn v2(trace: &Trace, location: String) -> Value {
    let pairs = |values: BTreeMap<String, String>, limit: usize| -> Value {
        values
            .into_iter()
            .map(
                |(key, value)| json!({ "key": cut(limits::TRACE_METADATA, key), "value": cut(limit, value) }),
            )
            .collect()
    };
    let status = STATUSES.iter().find(|(.., s)| *s == trace.state).map_or("", |(name, ..)| name);
    let took = trace.ended_at.map_or(0, |end| end.millis() - trace.started_at.millis());
    let mut out = json!({
        "request_id": trace.uid,
        "experiment_id": trace.experiment.to_string(),
        "timestamp_ms": trace.started_at.millis(),
        "execution_time_ms": took,
        "status": status,
    });
    let metadata = metadata(trace);
    if !metadata.is_empty() {
        out["request_metadata"] = pairs(metadata, limits::TRACE_METADATA);
    }
    let tags = tags(trace, location);
    if !tags.is_empty() {
        out["tags"] = pairs(tags, limits::TRACE_TAG_SHOWN);
    }
    out
}

/// What upstream promotes out of tags and metadata.
pub(super) struct Promoted {
    pub name: Option<String>,
    pub session: Option<String>,
    pub usage: Usage,
    pub cost: Cost,
    pub tags: BTreeMap<String, String>,
    pub metadata: BTreeMap<String, String>,
}

pub(super) fn promote(
    mut tags: BTreeMap<String, String>,
    mut metadata: BTreeMap<String, String>,
) -> Result<Promoted, Failure> {
    let name = tags.remove(TRACE_NAME);
    if let Some(name) = &name {
        limits::length("Trace name", limits::TRACE_TAG_SHOWN, name)?;
    }
    let session = metadata.remove(SESSION);
    if let Some(session) = &session {
        limits::length("Session ID", limits::TRACE_METADATA, session)?;
    }
    let usage = metadata.remove(TOKEN_USAGE).and_then(|text| otel::usage(&text.into())).unwrap_or_default();
    let cost = metadata.remove(COST).and_then(|text| otel::cost(&text.into())).unwrap_or_default();
    // Made up on the way out.
    metadata.remove(FINALIZED);
    tags.remove(SPANS_LOCATION)
        .filter(|l| l != "TRACKING_STORE")
        .map(|l| tags.insert(SPANS_LOCATION.into(), l));
    Ok(Promoted { name, session, usage, cost, tags, metadata })
}

/// `StartTraceV3.trace.trace_info`.
pub(super) fn start(info: &Fields) -> Result<StartTrace, Failure> {
    let uid = info.required_text("trace_id")?;
    let location = info.inner("trace_location")?.unwrap_or_default();
    let experiment = location.inner("mlflow_experiment")?.unwrap_or_default();
    let time = info.text("request_time")?;
    let started_at = match &time {
        None => Timestamp(0),
        Some(text) => Timestamp::parse_rfc3339(text)
            .ok_or_else(|| limits::invalid_value("trace.trace_info.request_time", text, ""))?,
    };
    let started_at = Timestamp::from_millis(started_at.millis());
    let took = info.text("execution_duration")?;
    let took = match &took {
        None => None,
        Some(text) => Some(
            parse_duration(text)
                .ok_or_else(|| limits::invalid_value("trace.trace_info.execution_duration", text, ""))?,
        ),
    };
    let mut given = Vec::new();
    for assessment in info.messages("assessments")? {
        given.push(assessments::read(&assessment, &uid)?);
    }
    let p = promote(info.map("tags")?, info.map("trace_metadata")?)?;
    Ok(StartTrace {
        uid,
        experiment: experiment_number(&experiment.text_or_empty("experiment_id")?)?,
        name: p.name,
        state: info.choice("state", &STATES)?.unwrap_or_default(),
        started_at,
        ended_at: took.map(|millis| Timestamp(started_at.0.saturating_add(millis.saturating_mul(1_000)))),
        session: p.session,
        client_request: info.text("client_request_id")?,
        request_preview: info.text("request_preview")?,
        response_preview: info.text("response_preview")?,
        declared: true,
        usage: p.usage,
        cost: p.cost,
        tags: p.tags,
        metadata: p.metadata,
        assessments: given,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_protobufs() {
        for (millis, text) in [(0, "0s"), (1_500, "1.500s"), (7, "0.007s"), (60_000, "60s")] {
            assert_eq!(duration(millis), text);
            assert_eq!(parse_duration(text), Some(millis));
        }
        assert_eq!(parse_duration("0.0005s"), Some(0));
        assert_eq!(parse_duration("1"), None);
    }

    #[test]
    fn usage_is_written_as_python_writes_it() {
        let usage = Usage { input: Some(1), total: Some(3), ..Usage::default() };
        assert_eq!(usage_text(&usage).unwrap(), r#"{"input_tokens": 1, "total_tokens": 3}"#);
        let cost = Cost { input: Some(0.5), output: Some(1.0), total: None };
        assert_eq!(cost_text(&cost).unwrap(), r#"{"input_cost": 0.5, "output_cost": 1.0}"#);
    }
}
