//! What clients before 3.0 call. They send spans as a file, or not at all.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use traces::{EndTrace, StartTrace, Trace, TraceState};
use types::Timestamp;

use super::info::{self, Locations, STATUSES};
use super::v3;
use crate::call::{Answer, Cx, reply};
use crate::convert::experiment_number;
use crate::errors::Failure;
use crate::request::Fields;

async fn one(cx: &Cx, trace: Trace) -> Answer {
    let location = Locations::new(cx).of(&trace).await?;
    reply(&json!({ "trace_info": info::v2(&trace, location) }))
}

fn pairs(f: &Fields, name: &str) -> Result<BTreeMap<String, String>, Failure> {
    Ok(f.pairs(name)?.into_iter().collect())
}

pub(super) async fn start(cx: Cx, f: Fields) -> Answer {
    let p = info::promote(pairs(&f, "tags")?, pairs(&f, "request_metadata")?)?;
    let now = cx.state.ledger.clock().now();
    let request = StartTrace {
        uid: types::new_id(now).hex(),
        experiment: experiment_number(&f.text_or_empty("experiment_id")?)?,
        name: p.name,
        state: TraceState::InProgress,
        started_at: Timestamp::from_millis(f.integer("timestamp_ms")?.unwrap_or(0)),
        ended_at: None,
        session: p.session,
        client_request: None,
        request_preview: None,
        response_preview: None,
        declared: false,
        usage: p.usage,
        cost: p.cost,
        tags: p.tags,
        metadata: p.metadata,
        assessments: Vec::new(),
    };
    let trace = traces::start_trace(&cx.state.ledger, &cx.actor, request).await?;
    one(&cx, trace).await
}

pub(super) async fn end(cx: Cx, f: Fields) -> Answer {
    let p = info::promote(pairs(&f, "tags")?, pairs(&f, "request_metadata")?)?;
    let request = EndTrace {
        uid: f.required_text("trace_id")?,
        state: f.choice("status", &STATUSES)?.unwrap_or_default(),
        ended_at: Timestamp::from_millis(f.integer("timestamp_ms")?.unwrap_or(0)),
        name: p.name,
        session: p.session,
        usage: p.usage,
        cost: p.cost,
        tags: p.tags,
        metadata: p.metadata,
    };
    let trace = traces::end_trace(&cx.state.ledger, &cx.actor, request).await?;
    one(&cx, trace).await
}

pub(super) async fn get_info(cx: Cx, f: Fields) -> Answer {
    let trace = traces::trace(&cx.state.ledger, &cx.actor, f.required_text("trace_id")?).await?;
    one(&cx, trace).await
}

pub(super) async fn search(cx: Cx, f: Fields) -> Answer {
    let ids = f.texts("experiment_ids")?;
    if ids.is_empty() {
        return Err(f.missing("experiment_ids"));
    }
    let experiments = ids.iter().map(|id| experiment_number(id)).collect::<Result<_, _>>()?;
    let (found, next) = v3::page(&cx, &f, experiments).await?;
    let mut locations = Locations::new(&cx);
    let mut infos: Vec<Value> = Vec::with_capacity(found.len());
    for trace in found {
        let location = locations.of(&trace).await?;
        infos.push(info::v2(&trace, location));
    }
    let mut out = json!({});
    if !infos.is_empty() {
        out["traces"] = infos.into();
    }
    if let Some(next) = next {
        out["next_page_token"] = next.into();
    }
    reply(&out)
}
