//! `runs/log-batch`, the endpoint that training loops wait for. A body of the common shape is read in one pass into
//! borrowed texts; any other one, and any one with an error in it, is read the way of every other endpoint, whose
//! messages are upstream's.

use std::borrow::Cow;
use std::fmt;

use axum::extract::Request;
use axum::response::Response;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use tracking::{LogBatch, MetricPoint, Millis, ParamConflict};
use types::Level;

use crate::call::{Cx, body, json_response};
use crate::convert::run_uid;
use crate::errors::Failure;
use crate::guard;
use crate::limits;
use crate::request::Fields;
use crate::runs::{metric, with_tags};

struct Parsed {
    run: String,
    metrics: Vec<MetricPoint>,
    params: Vec<(String, String)>,
    tags: Vec<(String, String)>,
}

pub(crate) async fn log_batch(
    cx: Cx,
    _: Vec<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let body = body(request).await?;
    if body.len() > limits::BATCH_BYTES {
        return Err(Failure::invalid(format!(
            "Batched logging API requests must be at most {} bytes, got a request of size {}.",
            limits::BATCH_BYTES,
            body.len()
        )));
    }
    let Parsed { run, metrics, params, tags } = match quick(&body) {
        Some(parsed) => parsed,
        None => careful(&Fields::from_body(&body)?)?,
    };
    guard::require_run(&cx, &run, Level::Edit).await?;
    limits::batch(metrics.len(), params.len(), tags.len())?;
    let repeated: Vec<_> = params
        .iter()
        .enumerate()
        .filter(|(place, (key, _))| params[..*place].iter().any(|(other, _)| other == key))
        .map(|(_, (key, _))| format!("'{key}'"))
        .collect();
    if !repeated.is_empty() {
        return Err(Failure::invalid(format!(
            "Duplicate parameter keys have been submitted: [{}]. Please ensure the request contains only one param \
             value per param key.",
            repeated.join(", ")
        )));
    }
    let batch = LogBatch { metrics, params, on_param_conflict: ParamConflict::Refuse, ..with_tags(tags) };
    tracking::log_batch(&cx.state.ledger, &cx.actor, run_uid(&run)?, batch).await?;
    Ok(json_response(b"{}".to_vec()))
}

fn careful(f: &Fields) -> Result<Parsed, Failure> {
    let run = f.required_text("run_id")?;
    limits::run_id(&run)?;
    let metrics = f.messages("metrics")?.iter().map(metric).collect::<Result<Vec<_>, _>>()?;
    let mut params = Vec::new();
    for (place, (key, value)) in f.pairs("params")?.into_iter().enumerate() {
        params.push(limits::param(&format!("params[{place}].key"), key, value)?);
    }
    let mut tags = Vec::new();
    for (place, (key, value)) in f.pairs("tags")?.into_iter().enumerate() {
        tags.push(limits::tag(&format!("tags[{place}].key"), key, value)?);
    }
    Ok(Parsed { run, metrics, params, tags })
}

/// What upstream's clients send: its fields by their names, numbers as numbers, nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow)]
    run_id: Cow<'a, str>,
    #[serde(borrow, default)]
    metrics: Vec<Metric<'a>>,
    #[serde(borrow, default)]
    params: Vec<Pair<'a>>,
    #[serde(borrow, default)]
    tags: Vec<Pair<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metric<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    value: Number,
    timestamp: i64,
    #[serde(default)]
    step: i64,
    #[serde(default)]
    model_id: Option<String>,
    #[serde(default)]
    dataset_name: Option<String>,
    #[serde(default)]
    dataset_digest: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow, default)]
    value: Option<Text<'a>>,
}

/// A text that is borrowed unless it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A number, or the text of one that JSON has no number for.
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Numbers;
        impl Visitor<'_> for Numbers {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Number, E> {
                match value {
                    "NaN" => Ok(Number(f64::NAN)),
                    "Infinity" => Ok(Number(f64::INFINITY)),
                    "-Infinity" => Ok(Number(f64::NEG_INFINITY)),
                    _ => Err(E::custom("a text that is no number")),
                }
            }
        }
        deserializer.deserialize_any(Numbers)
    }
}

/// `None` if anything about the body is unusual.
fn quick(body: &[u8]) -> Option<Parsed> {
    let body: Body<'_> = serde_json::from_slice(body).ok()?;
    limits::run_id(&body.run_id).ok()?;
    let filled = |text: Option<String>| text.filter(|t| !t.is_empty());
    let mut metrics: Vec<MetricPoint> = Vec::with_capacity(body.metrics.len());
    for metric in body.metrics {
        let key = metric.key.0;
        let known = || metrics.last().is_some_and(|last| last.key == key);
        if metric.timestamp < 0 || !(known() || is_plain(&key) || limits::metric_key("", &key).is_ok()) {
            return None;
        }
        let digest = filled(metric.dataset_digest);
        metrics.push(MetricPoint {
            key: key.into_owned(),
            value: metric.value.0,
            step: metric.step,
            at: Millis(metric.timestamp),
            model: filled(metric.model_id),
            dataset: filled(metric.dataset_name).map(|name| (name, digest)),
        });
    }
    let params = body.params.into_iter().map(|pair| pair.checked(limits::param)).collect::<Option<_>>()?;
    let tags = body.tags.into_iter().map(|pair| pair.checked(limits::tag)).collect::<Option<_>>()?;
    Some(Parsed { run: body.run_id.into_owned(), metrics, params, tags })
}

/// A pair as `limits` keeps it, or why it may not be.
type Check = fn(&str, String, String) -> Result<(String, String), Failure>;

impl Pair<'_> {
    /// As `limits` keeps it; `None` if it is an error.
    fn checked(self, check: Check) -> Option<(String, String)> {
        let value = self.value.map(|value| value.0.into_owned()).unwrap_or_default();
        let key = self.key.0.into_owned();
        if key.is_empty() { None } else { check("", key, value).ok() }
    }
}

/// Whether a key is sure to be allowed, since it has nothing of a path. Others are looked at closely.
fn is_plain(key: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-: .".contains(&b);
    !key.is_empty() && key.len() <= 250 && !key.starts_with('.') && key.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(body: &str) -> (Option<Parsed>, Result<Parsed, Failure>) {
        (quick(body.as_bytes()), Fields::from_body(body.as_bytes()).and_then(|f| careful(&f)))
    }

    fn text(parsed: &Parsed) -> String {
        format!("{} {:?} {:?} {:?}", parsed.run, parsed.metrics, parsed.params, parsed.tags)
    }

    #[test]
    fn the_quick_way_reads_what_the_careful_one_reads() {
        for body in [
            r#"{"run_id":"a1","metrics":[{"key":"m","value":0.1,"timestamp":5,"step":2}]}"#,
            r#"{"run_id":"a1","metrics":[{"key":"a/b","value":"NaN","timestamp":5},{"key":"a/b","value":-3,"timestamp":9223372036854775807,"step":-9223372036854775808}]}"#,
            r#"{"run_id":"a1","params":[{"key":"p","value":"\u00fc\n"},{"key":"q"}],"tags":[{"key":"t","value":""}]}"#,
            r#"{"run_id":"a1","metrics":[{"key":"m","value":"-Infinity","timestamp":1,"model_id":"","dataset_name":"d","dataset_digest":"x"}]}"#,
            r#"{"run_id":"a1","metrics":[]}"#,
        ] {
            let (quick, careful) = both(body);
            assert_eq!(quick.as_ref().map(text), careful.ok().as_ref().map(text), "{body}");
            assert!(quick.is_some(), "{body}");
        }
    }

    #[test]
    fn the_quick_way_leaves_errors_to_the_careful_one() {
        for body in [
            r#"{"metrics":[]}"#,
            r#"{"run_id":"a1","metrics":[{"key":"m","value":"x","timestamp":5}]}"#,
            r#"{"run_id":"a1","metrics":[{"key":"m","value":1,"timestamp":-5}]}"#,
            r#"{"run_id":"a1","metrics":[{"key":"../m","value":1,"timestamp":5}]}"#,
            r#"{"run_id":"a1","metrics":[{"key":"m","value":1,"timestamp":5,"step":"foo"}]}"#,
            r#"{"run_id":"a1","params":[{"key":"","value":"1"}]}"#,
            r#"{"run_id":"a1","metrics":{}}"#,
            r#"{"run_id":"a1""#,
        ] {
            let (quick, careful) = both(body);
            assert!(quick.is_none() && careful.is_err(), "{body}");
        }
        // Unusual, and right.
        for body in [
            r#"{"runId":"a1","metrics":[{"key":"m","value":"1.5","timestamp":"5","step":2.0}],"other":1}"#,
            r#""{\"run_id\":\"a1\"}""#,
        ] {
            let (quick, careful) = both(body);
            assert!(quick.is_none() && careful.is_ok(), "{body}");
        }
    }
}
