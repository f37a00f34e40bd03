//! The table of runs, made for 100,000 of them: the ids of a query at once, then the rows that are in view.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State as Shared};
use kit::Caller;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracking::search::{Lifecycle, Order, RunField};
use tracking::{ExperimentRef, Group, Keys, RunQuery};
use types::{Actor, Permission, Uid};

use crate::{Failure, State, runs, view};

/// The most ids in one answer.
const IDS: i64 = 200_000;
/// The most runs whose rows or series are asked for at once.
const ROWS: usize = 1_000;
/// The most keys of one kind that are offered as columns.
const MOST_KEYS: i64 = 5_000;
/// The tag that names the run that a run is part of.
const PARENT: &str = "mlflow.parentRunId";

/// MLflow's grammar of run filters and orderings; the house fills it with that of the MLflow door, so that there is
/// one.
pub trait RunGrammar: Send + Sync {
    /// Errors: what is wrong with the filter or the ordering, in MLflow's words.
    fn run_query(&self, filter: &str, order_by: &[String]) -> Result<RunQuery, Failure>;
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Asked {
    /// Name or number; empty for all.
    experiment: String,
    filter: String,
    /// As in MLflow's grammar; `duration` and `experiment` besides.
    order_by: Vec<String>,
    /// `params.x`, `tags.x`, `status`, `name`, `owner`, `experiment` or `parent`.
    group: String,
    /// Only deleted runs instead of only those that are not.
    deleted: bool,
}

fn group(text: &str) -> Result<Option<Group>, Failure> {
    let field = match text.split_once('.') {
        Some(("params", key)) => RunField::Param(key.to_owned()),
        Some(("tags", key)) => RunField::Tag(key.to_owned()),
        _ => match text {
            "" => return Ok(None),
            "experiment" => return Ok(Some(Group::Experiment)),
            "parent" => RunField::Tag(PARENT.to_owned()),
            "status" => RunField::Status,
            "name" => RunField::Name,
            "owner" => RunField::Owner,
            other => {
                let hint = "group by params.x, tags.x, parent, experiment, status, name or owner";
                return Err(Failure::invalid(format!("runs cannot be grouped by `{other}`"), hint));
            }
        },
    };
    Ok(Some(Group::Field(field)))
}

/// An order by what MLflow's grammar has no name for.
fn own_order(text: &str) -> Option<Order<RunField>> {
    let (name, direction) = text.split_once(' ').unwrap_or((text, "ASC"));
    let field = match name {
        "duration" => RunField::Duration,
        "experiment" => RunField::Experiment,
        _ => return None,
    };
    Some(Order { field, descending: direction.eq_ignore_ascii_case("DESC") })
}

async fn experiment(state: &State, actor: &Actor, name: &str) -> Result<Option<Vec<i64>>, Failure> {
    if name.is_empty() {
        return Ok(None);
    }
    let found = match name.parse() {
        Ok(number) => ExperimentRef::Number(number),
        Err(_) => ExperimentRef::Name(name.to_owned()),
    };
    Ok(Some(vec![tracking::experiment(&state.ledger, actor, found).await?.number]))
}

/// `POST runs/query`: the ids of the runs that match, in order, as one text of 32 digits each. With `group`, `groups`
/// holds the distinct values and, for each run, the place of its value (-1 for none).
pub async fn query(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Result<Json<Asked>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let Json(asked) = body.map_err(|e| Failure::body(&e))?;
    let by = group(&asked.group)?;
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for order in asked.order_by {
        match own_order(&order) {
            Some(order) => own.push(order),
            None => theirs.push(order),
        }
    }
    let mut query = state.grammar.run_query(&asked.filter, &theirs)?;
    own.append(&mut query.order);
    query.order = own;
    query.experiments = experiment(&state, actor, &asked.experiment).await?;
    query.lifecycle = if asked.deleted { Lifecycle::Deleted } else { Lifecycle::Active };
    query.limit = IDS;
    let grouped = by.is_some();
    let found = tracking::list_runs(&state.ledger, actor, query, by).await?;
    let mut ids = String::with_capacity(found.items.len() * 32);
    let mut values: Vec<&str> = Vec::new();
    let mut places: BTreeMap<&str, i64> = BTreeMap::new();
    let mut of = Vec::new();
    for run in &found.items {
        ids.push_str(&run.uid.hex());
        if !grouped {
            continue;
        }
        of.push(match run.group.as_deref() {
            None => -1,
            Some(value) => *places.entry(value).or_insert_with(|| {
                values.push(value);
                values.len() as i64 - 1
            }),
        });
    }
    let groups = if grouped { json!({ "values": values, "of": of }) } else { Value::Null };
    Ok(Json(json!({ "total": found.items.len(), "more": found.more, "ids": ids, "groups": groups })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    ids: Vec<Uid>,
    /// `metrics.x`, `params.x` and `tags.x` to return; all, and the data that was read, if absent.
    columns: Option<Vec<String>>,
}

fn few(ids: &[Uid]) -> Result<(), Failure> {
    if ids.len() > ROWS {
        return Err(Failure::invalid(
            format!("{} runs at once are too many", ids.len()),
            "ask for 1,000 at most",
        ));
    }
    Ok(())
}

/// `POST runs/rows`: these runs, in the order given; unknown ids are left out.
pub async fn rows(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let Json(wanted) = body.map_err(|e| Failure::body(&e))?;
    few(&wanted.ids)?;
    let found =
        tracking::runs_of(&state.ledger, actor, wanted.ids, wanted.columns.as_deref().map(keys_of)).await?;
    let rows: Vec<Value> = found
        .iter()
        .map(|run| {
            let mut row = runs::run(run);
            row["data"] = run.inputs.iter().map(|i| format!("{} {}", i.name, i.digest)).collect();
            row
        })
        .collect();
    Ok(Json(json!({ "runs": rows })))
}

/// The names in `metrics.x`, `params.x`, `tags.x`.
fn keys_of(columns: &[String]) -> Keys {
    let of = |part: &str| {
        let named =
            |c: &String| c.strip_prefix(part).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
        columns.iter().filter_map(named).collect()
    };
    Keys { metrics: of("metrics"), params: of("params"), tags: of("tags") }
}

#[derive(Debug, Deserialize)]
pub struct KeysQuery {
    #[serde(default)]
    experiment: String,
}

/// `GET runs/keys?experiment`: what can be a column.
pub async fn keys(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(query): Query<KeysQuery>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let experiments = experiment(&state, actor, &query.experiment).await?;
    let found = tracking::run_keys(&state.ledger, actor, experiments, MOST_KEYS).await?;
    Ok(Json(json!({ "metrics": found.metrics, "params": found.params, "tags": found.tags })))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesOf {
    ids: Vec<Uid>,
    /// All metrics, if empty.
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default = "points")]
    max_points: i64,
}

fn points() -> i64 {
    500
}

/// `POST runs/series`: for each run and key, points `[step, at_ms, value]`, at most `max_points` of each.
pub async fn series(
    Shared(state): Shared<State>,
    caller: Caller,
    body: Result<Json<SeriesOf>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let Json(wanted) = body.map_err(|e| Failure::body(&e))?;
    few(&wanted.ids)?;
    let most = wanted.max_points.clamp(4, 10_000);
    let mut all = Map::new();
    for id in wanted.ids {
        let found = tracking::series(&state.ledger, actor, id, wanted.keys.clone(), most).await?;
        all.insert(id.hex(), view::series(&found));
    }
    Ok(Json(json!({ "runs": all })))
}
