use std::collections::{BTreeMap, HashMap};

use ledger::Ledger;
use serde_json::json;
use tracking::ExperimentRef;
use types::{Actor, Timestamp};

use crate::assessments;
use crate::error::Error;
use crate::model::{Assessment, Cost, Span, Trace, TraceState, Usage};
use crate::store::traces::{self as store, Growth, Pair, Stored};
use crate::store::{Reads, Writes, spans};
use crate::usage::{self, Node};

/// Spans of one trace that arrive together, and what they say of the trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrival {
    /// The trace's uid.
    pub trace: String,
    pub spans: Vec<Span>,
    /// The root's, if it is among the spans.
    pub state: Option<TraceState>,
    /// Replaces the name; the rest fills in only what is missing.
    pub name: Option<String>,
    pub session: Option<String>,
    pub request_preview: Option<String>,
    pub response_preview: Option<String>,
    pub metadata: Vec<(String, String)>,
    /// Replace those of the same name.
    pub tags: Vec<(String, String)>,
    /// The run that made it.
    pub run: Option<String>,
}

impl Arrival {
    /// First start and last end, at millisecond resolution.
    fn times(&self) -> (Timestamp, Option<Timestamp>) {
        let millis = |ns: i64| Timestamp(ns.div_euclid(1_000_000) * 1_000);
        let start = self.spans.iter().map(|s| s.started_ns).min().unwrap_or_default();
        (millis(start), self.spans.iter().filter_map(|s| s.ended_ns).max().map(millis))
    }

    fn nodes(&self) -> (Vec<Node<Usage>>, Vec<Node<Cost>>) {
        let usages = self.spans.iter().map(|s| node(s, s.usage)).collect();
        (usages, self.spans.iter().map(|s| node(s, s.cost)).collect())
    }

    /// The trace as it is if nothing else is known of it.
    fn alone(&self, experiment: i64) -> Trace {
        let (started_at, ended_at) = self.times();
        let (usages, costs) = self.nodes();
        Trace {
            uid: self.trace.clone(),
            experiment,
            name: self.name.clone(),
            state: self.state.unwrap_or(TraceState::InProgress),
            started_at,
            ended_at,
            session: self.session.clone(),
            client_request: None,
            request_preview: self.request_preview.clone(),
            response_preview: self.response_preview.clone(),
            declared: false,
            has_spans: true,
            usage: usage::usage(&usages).unwrap_or_default(),
            cost: usage::cost(&costs).unwrap_or_default(),
            tags: BTreeMap::new(),
            metadata: BTreeMap::new(),
            assessments: Vec::new(),
        }
    }
}

fn node<T>(span: &Span, data: Option<T>) -> Node<T> {
    Node { uid: span.uid.clone(), parent: span.parent.clone(), data }
}

/// Records spans, of traces that exist or not yet; new ones go to the experiment of that number. All or nothing.
/// A span that comes again replaces what it was.
///
/// Errors: `Tracking(ExperimentNotFound)`.
pub async fn log_spans(
    ledger: &Ledger,
    actor: &Actor,
    experiment: i64,
    arrivals: Vec<Arrival>,
) -> Result<(), Error> {
    if arrivals.is_empty() {
        return Ok(());
    }
    tracking::experiment(ledger, actor, ExperimentRef::Number(experiment)).await?;
    // What can be computed outside of the one writer is.
    let alone: Vec<Trace> = arrivals.iter().map(|a| a.alone(experiment)).collect();
    ledger.record(actor, move |tx| record(tx, &arrivals, &alone)).await
}

fn record(on: &mut impl Writes, arrivals: &[Arrival], alone: &[Trace]) -> Result<(), Error> {
    let uids: Vec<&str> = arrivals.iter().map(|a| a.trace.as_str()).collect();
    let mut known = store::find(on, &uids)?;
    let new: Vec<&Trace> = alone.iter().filter(|t| !known.contains_key(&t.uid)).collect();
    if !new.is_empty() {
        let inserted = store::insert(on, &new)?;
        let missing: Vec<&str> = new.iter().map(|t| t.uid.as_str()).collect();
        let now_known = store::find(on, &missing)?;
        if inserted == new.len() as u64 {
            // All of it is ours: the rows say already what their spans say.
            let ids: HashMap<&str, i64> =
                now_known.iter().map(|(uid, stored)| (uid.as_str(), stored.id)).collect();
            let fresh: Vec<(i64, &Arrival)> =
                arrivals.iter().filter_map(|a| Some((*ids.get(a.trace.as_str())?, a))).collect();
            attach(on, &fresh)?;
            let old: Vec<&Arrival> = arrivals.iter().filter(|a| known.contains_key(&a.trace)).collect();
            return grow(on, &known, &old);
        }
        known.extend(now_known);
    }
    grow(on, &known, &arrivals.iter().collect::<Vec<_>>())
}

/// Adds arrivals to traces that were there before.
fn grow(on: &mut impl Writes, known: &HashMap<String, Stored>, arrivals: &[&Arrival]) -> Result<(), Error> {
    let mut placed: Vec<(i64, &Arrival)> =
        arrivals.iter().filter_map(|a| Some((known.get(&a.trace)?.id, *a))).collect();
    // In one order, so that two servers that add to the same traces wait for each other instead of forever.
    placed.sort_by_key(|(id, _)| *id);
    for (id, arrival) in &placed {
        let (started_at, ended_at) = arrival.times();
        let growth = Growth {
            started_at,
            ended_at,
            state: arrival.state,
            name: arrival.name.as_deref(),
            session: arrival.session.as_deref(),
            request_preview: arrival.request_preview.as_deref(),
            response_preview: arrival.response_preview.as_deref(),
        };
        store::grow(on, *id, &growth)?;
    }
    attach(on, &placed)?;
    for (id, arrival) in &placed {
        let Some(before) = known.get(&arrival.trace).map(|stored| &stored.trace) else { continue };
        let usage_said = before.declared && before.usage != Usage::default();
        let cost_said = before.declared && before.cost != Cost::default();
        let asks = |said: bool, any: bool| !said && any;
        let any_usage = asks(usage_said, arrival.spans.iter().any(|s| s.usage.is_some()));
        let any_cost = asks(cost_said, arrival.spans.iter().any(|s| s.cost.is_some()));
        if any_usage || any_cost {
            // Parents and children may come apart: the whole tree decides.
            let (usages, costs) = spans::nodes(on, *id)?;
            let usage = if any_usage { usage::usage(&usages) } else { None };
            let cost = if any_cost { usage::cost(&costs) } else { None };
            store::set_amounts(on, *id, usage, cost)?;
        }
    }
    Ok(())
}

/// Spans, tags, metadata and the link to a run.
fn attach(on: &mut impl Writes, placed: &[(i64, &Arrival)]) -> Result<(), Error> {
    let all: Vec<(i64, &Span)> = placed.iter().flat_map(|(id, a)| a.spans.iter().map(|s| (*id, s))).collect();
    spans::upsert(on, &all)?;
    let tags: Vec<Pair<'_>> = placed.iter().flat_map(|(id, a)| pairs(*id, &a.tags)).collect();
    store::set_tags(on, &tags)?;
    let metadata: Vec<Pair<'_>> = placed.iter().flat_map(|(id, a)| pairs(*id, &a.metadata)).collect();
    store::add_metadata(on, &metadata)?;
    let links: Vec<(i64, &str)> =
        placed.iter().filter_map(|(id, a)| Some((*id, a.run.as_deref()?))).collect();
    store::link(on, "run", &links)?;
    Ok(())
}

fn pairs<'a>(
    id: i64,
    values: impl IntoIterator<Item = &'a (String, String)> + 'a,
) -> impl Iterator<Item = Pair<'a>> {
    values.into_iter().map(move |(name, value)| (id, name.as_str(), value.as_str()))
}

/// What a client says of a trace itself.
#[derive(Clone, Debug, PartialEq)]
pub struct StartTrace {
    pub uid: String,
    /// The experiment's number.
    pub experiment: i64,
    pub name: Option<String>,
    pub state: TraceState,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub session: Option<String>,
    pub client_request: Option<String>,
    pub request_preview: Option<String>,
    pub response_preview: Option<String>,
    /// Whether times and amounts are final, whatever spans say later.
    pub declared: bool,
    pub usage: Usage,
    pub cost: Cost,
    pub tags: BTreeMap<String, String>,
    pub metadata: BTreeMap<String, String>,
    /// Their trace is this one, whatever they say.
    pub assessments: Vec<Assessment>,
}

impl StartTrace {
    fn trace(&self) -> Trace {
        Trace {
            uid: self.uid.clone(),
            experiment: self.experiment,
            name: self.name.clone(),
            state: self.state,
            started_at: self.started_at,
            ended_at: self.ended_at,
            session: self.session.clone(),
            client_request: self.client_request.clone(),
            request_preview: self.request_preview.clone(),
            response_preview: self.response_preview.clone(),
            declared: self.declared,
            has_spans: false,
            usage: self.usage,
            cost: self.cost,
            tags: BTreeMap::new(),
            metadata: BTreeMap::new(),
            assessments: Vec::new(),
        }
    }
}

/// Makes a trace, or says what one is whose spans came first.
///
/// Errors: `Tracking(ExperimentNotFound)`, `Tracking(ExperimentState)` if it is deleted.
pub async fn start_trace(ledger: &Ledger, actor: &Actor, request: StartTrace) -> Result<Trace, Error> {
    let number = request.experiment;
    let experiment = tracking::experiment(ledger, actor, ExperimentRef::Number(number)).await?;
    if experiment.deleted {
        return Err(tracking::Error::ExperimentState { number, deleted: true }.into());
    }
    if request.assessments.is_empty() {
        return ledger
            .record(actor, move |tx| {
                start(tx, &request)?;
                whole(tx, &request.uid)
            })
            .await;
    }
    ledger
        .write(actor, move |tx| {
            let id = start(tx, &request)?;
            for given in &request.assessments {
                let given = Assessment { trace: request.uid.clone(), ..given.clone() };
                assessments::put(tx, id, given)?;
            }
            let made = request.assessments.len();
            tx.event(
                "assessment.created",
                &format!("trace:{}", request.uid),
                json!({ "trace": request.uid, "assessments": made }),
            )?;
            whole(tx, &request.uid)
        })
        .await
}

fn start(on: &mut impl Writes, request: &StartTrace) -> Result<i64, Error> {
    let trace = request.trace();
    let fresh = store::insert(on, &[&trace])? > 0;
    let found =
        store::find_one(on, &request.uid)?.ok_or_else(|| Error::TraceNotFound(request.uid.clone()))?;
    if !fresh {
        store::declare(on, found.id, &trace)?;
    }
    let tags: Vec<Pair<'_>> =
        request.tags.iter().map(|(name, value)| (found.id, name.as_str(), value.as_str())).collect();
    store::set_tags(on, &tags)?;
    let metadata: Vec<Pair<'_>> =
        request.metadata.iter().map(|(name, value)| (found.id, name.as_str(), value.as_str())).collect();
    store::set_metadata(on, &metadata)?;
    Ok(found.id)
}

/// The trace with all that hangs on it.
fn whole(on: &mut impl Reads, uid: &str) -> Result<Trace, Error> {
    let found = store::find_one(on, uid)?.ok_or_else(|| Error::TraceNotFound(uid.to_owned()))?;
    let mut all = [found];
    store::load(on, &mut all)?;
    let [found] = all;
    Ok(found.trace)
}

/// How a trace ended, said by a client of the old protocol that sends no spans.
#[derive(Clone, Debug, PartialEq)]
pub struct EndTrace {
    pub uid: String,
    pub state: TraceState,
    pub ended_at: Timestamp,
    pub name: Option<String>,
    pub session: Option<String>,
    pub usage: Usage,
    pub cost: Cost,
    pub tags: BTreeMap<String, String>,
    pub metadata: BTreeMap<String, String>,
}

/// Errors: `TraceNotFound`.
pub async fn end_trace(ledger: &Ledger, actor: &Actor, request: EndTrace) -> Result<Trace, Error> {
    ledger
        .record(actor, move |tx| {
            let id = store::find_one(tx, &request.uid)?
                .ok_or_else(|| Error::TraceNotFound(request.uid.clone()))?
                .id;
            store::end(tx, id, request.state, request.ended_at, request.name.as_deref())?;
            store::set_amounts(tx, id, Some(request.usage), Some(request.cost))?;
            if let Some(session) = &request.session {
                store::set_session(tx, id, session)?;
            }
            let pairs = |values: &BTreeMap<String, String>| -> Vec<(String, String)> {
                values.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
            };
            let (tags, metadata) = (pairs(&request.tags), pairs(&request.metadata));
            store::set_tags(tx, &self::pairs(id, &tags).collect::<Vec<_>>())?;
            store::set_metadata(tx, &self::pairs(id, &metadata).collect::<Vec<_>>())?;
            whole(tx, &request.uid)
        })
        .await
}
