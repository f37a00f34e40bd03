use std::collections::HashMap;

use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Timestamp};

use crate::error::Error;
use crate::model::{StoredSpan, Trace};
use crate::store::{Reads, spans as span_store, traces as store};

/// Errors: `TraceNotFound`.
pub async fn trace(ledger: &Ledger, actor: &Actor, uid: String) -> Result<Trace, Error> {
    let found = traces(ledger, actor, vec![uid.clone()]).await?.pop();
    found.ok_or(Error::TraceNotFound(uid))
}

/// Those that exist, in the order asked for, each once.
pub async fn traces(ledger: &Ledger, actor: &Actor, uids: Vec<String>) -> Result<Vec<Trace>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(read(rx, &uids)?.into_iter().map(|t| t.trace).collect())).await
}

/// [`traces`], each with its spans: roots first, then by start. One view of one moment.
pub async fn spans(
    ledger: &Ledger,
    actor: &Actor,
    uids: Vec<String>,
) -> Result<Vec<(Trace, Vec<StoredSpan>)>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let found = read(rx, &uids)?;
            let ids: Vec<i64> = found.iter().map(|t| t.id).collect();
            let mut spans = span_store::of_traces(rx, &ids)?;
            Ok(found.into_iter().map(|t| (t.trace, spans.remove(&t.id).unwrap_or_default())).collect())
        })
        .await
}

fn read(on: &mut impl Reads, uids: &[String]) -> Result<Vec<store::Stored>, Error> {
    let asked: Vec<&str> = uids.iter().map(String::as_str).collect();
    let mut found: HashMap<String, store::Stored> = store::find(on, &asked)?;
    let mut ordered: Vec<store::Stored> = uids.iter().filter_map(|uid| found.remove(uid)).collect();
    store::load(on, &mut ordered)?;
    Ok(ordered)
}

fn find(on: &mut impl Reads, uid: &str) -> Result<store::Stored, Error> {
    store::find_one(on, uid)?.ok_or_else(|| Error::TraceNotFound(uid.to_owned()))
}

/// The trace's name is a tag to some protocols: `name_tag` is what they call it.
///
/// Errors: `TraceNotFound`.
pub async fn set_tag(
    ledger: &Ledger,
    actor: &Actor,
    uid: String,
    name: String,
    value: String,
    name_tag: &'static str,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            let id = find(tx, &uid)?.id;
            if name == name_tag {
                store::set_name(tx, id, Some(&value))?;
            } else {
                store::set_tags(tx, &[(id, &name, &value)])?;
            }
            event(tx, "trace.tagged", &uid, json!({ "tags": [name] }))
        })
        .await
}

/// Errors: `TraceNotFound`, `TagNotFound`.
pub async fn delete_tag(
    ledger: &Ledger,
    actor: &Actor,
    uid: String,
    name: String,
    name_tag: &'static str,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            let found = find(tx, &uid)?;
            let gone = if name == name_tag {
                store::set_name(tx, found.id, None)?;
                found.trace.name.is_some()
            } else {
                store::delete_tag(tx, found.id, &name)? > 0
            };
            if !gone {
                return Err(Error::TagNotFound { trace: uid.clone(), name: name.clone() });
            }
            event(tx, "trace.untagged", &uid, json!({ "tags": [name] }))
        })
        .await
}

/// Which traces of an experiment go.
#[derive(Clone, Debug, PartialEq)]
pub enum DeleteTraces {
    /// Those with these ids that are of the experiment.
    These(Vec<String>),
    /// Those that started at this time or before; the oldest first, if there is a limit.
    Until(Timestamp, Option<i64>),
}

/// Uids that one event names at most; of more it says how many.
const NAMED: usize = 1_000;

/// Deletes traces with their spans and all that was said about them, for ever; how many.
pub async fn delete_traces(
    ledger: &Ledger,
    actor: &Actor,
    experiment: i64,
    which: DeleteTraces,
) -> Result<u64, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let gone: Vec<(i64, String)> = match &which {
                DeleteTraces::Until(until, limit) => store::oldest(tx, experiment, *until, *limit)?,
                DeleteTraces::These(uids) => {
                    let asked: Vec<&str> = uids.iter().map(String::as_str).collect();
                    let found = store::find(tx, &asked)?.into_values();
                    let of_it = found.filter(|t| t.trace.experiment == experiment);
                    let mut gone: Vec<_> = of_it.map(|t| (t.id, t.trace.uid)).collect();
                    gone.sort_unstable();
                    gone
                }
            };
            if gone.is_empty() {
                return Ok(0);
            }
            let ids: Vec<i64> = gone.iter().map(|(id, _)| *id).collect();
            store::delete(tx, &ids)?;
            let uids: Vec<&str> = gone.iter().take(NAMED).map(|(_, uid)| uid.as_str()).collect();
            tx.event(
                "trace.deleted",
                &format!("experiment:{experiment}"),
                json!({ "experiment": experiment, "count": gone.len(), "traces": uids }),
            )?;
            Ok(gone.len() as u64)
        })
        .await
}

/// Says that traces belong to a run, whatever made them. Those that do not exist are passed over.
pub async fn link_to_run(
    ledger: &Ledger,
    actor: &Actor,
    uids: Vec<String>,
    run: String,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let asked: Vec<&str> = uids.iter().map(String::as_str).collect();
            let found = store::find(tx, &asked)?;
            let links: Vec<(i64, &str)> = found.values().map(|t| (t.id, run.as_str())).collect();
            let added = store::link(tx, "run", &links)?;
            if added == 0 {
                return Ok(());
            }
            let traces: Vec<&String> = found.keys().collect();
            Ok(tx.event("trace.linked", &format!("run:{run}"), json!({ "run": run, "traces": traces }))?)
        })
        .await
}

/// Says which prompt versions, as `name/number`, a trace used. Errors: `TraceNotFound`.
pub async fn link_to_prompts(
    ledger: &Ledger,
    actor: &Actor,
    uid: String,
    prompts: Vec<String>,
) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let id = find(tx, &uid)?.id;
            let mut unique: Vec<&str> = prompts.iter().map(String::as_str).collect();
            unique.sort_unstable();
            unique.dedup();
            let links: Vec<(i64, &str)> = unique.iter().map(|p| (id, *p)).collect();
            if store::link(tx, "prompt", &links)? == 0 {
                return Ok(());
            }
            event(tx, "trace.linked", &uid, json!({ "prompts": unique }))
        })
        .await
}

fn event(tx: &mut Tx<'_>, kind: &str, uid: &str, mut payload: serde_json::Value) -> Result<(), Error> {
    payload["trace"] = uid.into();
    Ok(tx.event(kind, &format!("trace:{uid}"), payload)?)
}
