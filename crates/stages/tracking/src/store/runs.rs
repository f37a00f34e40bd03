use std::collections::{BTreeMap, BTreeSet, HashMap};

use ledger::{Row, Tx, Value, params};
use types::{Timestamp, Uid};

use super::{PIECE, Reads, Result, placeholders};
use crate::model::{MetricSummary, Run, RunStatus, param_text};

pub(crate) const COLUMNS: &str = "r.id, r.uid, r.experiment_id, e.number AS experiment_number, \
     e.name AS experiment_name, r.name, r.status, r.owner, r.deleted, r.started_at, r.ended_at, r.artifact_location";
pub(crate) const FROM: &str =
    "run r JOIN experiment e ON e.workspace_id = r.workspace_id AND e.id = r.experiment_id";

/// A run's own row, without what it logged.
pub(crate) struct Stored {
    pub id: i64,
    pub experiment_id: i64,
    pub run: Run,
}

pub(crate) fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.get("id")?,
        experiment_id: row.get("experiment_id")?,
        run: Run {
            uid: row.get("uid")?,
            experiment: row.get("experiment_number")?,
            experiment_name: row.get("experiment_name")?,
            name: row.get("name")?,
            status: row.get::<String>("status")?.parse().unwrap_or(RunStatus::Running),
            owner: row.get("owner")?,
            deleted: row.get("deleted")?,
            started_at: row.get("started_at")?,
            ended_at: row.get("ended_at")?,
            artifact_location: row.get("artifact_location")?,
            params: BTreeMap::new(),
            typed_params: BTreeMap::new(),
            tags: BTreeMap::new(),
            metrics: BTreeMap::new(),
            inputs: Vec::new(),
            models_in: Vec::new(),
            models_out: Vec::new(),
        },
    })
}

pub(crate) fn find(on: &mut impl Reads, uid: &Uid) -> Result<Option<Stored>> {
    let workspace = on.workspace();
    let sql = format!("SELECT {COLUMNS} FROM {FROM} WHERE r.workspace_id = $1 AND r.uid = $2");
    on.row(&sql, &params![workspace, uid])?.as_ref().map(stored).transpose()
}

/// The little of a run that logging points asks for.
#[derive(Clone, Copy)]
pub(crate) struct RunRow {
    pub id: i64,
    pub experiment_id: i64,
    pub deleted: bool,
}

/// Those of the runs that exist. `uids` are not empty.
pub(crate) fn find_rows(on: &mut impl Reads, uids: &[&Uid]) -> Result<HashMap<Uid, RunRow>> {
    let mut found = HashMap::with_capacity(uids.len());
    for piece in uids.chunks(PIECE) {
        // The last one repeated: few statements serve every number of runs.
        let size = piece.len().next_power_of_two();
        let sql = format!(
            "SELECT uid, id, experiment_id, deleted FROM run WHERE workspace_id = $1 AND uid IN ({})",
            placeholders(2, size)
        );
        let mut values = vec![Value::from(on.workspace())];
        values.extend((0..size).map(|i| Value::from(piece[i.min(piece.len() - 1)])));
        for row in on.rows(&sql, &values)? {
            let stored = RunRow { id: row.get(1)?, experiment_id: row.get(2)?, deleted: row.get(3)? };
            found.insert(row.get(0)?, stored);
        }
    }
    Ok(found)
}

pub(crate) struct NewRun<'a> {
    pub uid: Uid,
    pub experiment_id: i64,
    pub name: &'a str,
    pub status: RunStatus,
    pub owner: &'a str,
    pub started_at: Timestamp,
    pub artifact_location: Option<String>,
}

/// The new row's id; `None` if the uid is taken.
pub(crate) fn insert(tx: &mut Tx<'_>, run: &NewRun<'_>) -> Result<Option<i64>> {
    let workspace = tx.workspace();
    tx.query_opt(
        "INSERT INTO run (workspace_id, uid, experiment_id, name, status, owner, deleted, started_at, artifact_location) \
         VALUES ($1, $2, $3, $4, $5, $6, FALSE, $7, $8) ON CONFLICT (workspace_id, uid) DO NOTHING RETURNING id",
        &params![
            workspace,
            run.uid,
            run.experiment_id,
            run.name,
            run.status.name(),
            run.owner,
            run.started_at,
            run.artifact_location.clone()
        ],
    )?
    .map(|row| row.get("id"))
    .transpose()
}

pub(crate) fn update(
    tx: &mut Tx<'_>,
    id: i64,
    status: RunStatus,
    ended_at: Option<Timestamp>,
    name: &str,
) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE run SET status = $1, ended_at = $2, name = $3 WHERE workspace_id = $4 AND id = $5",
        &params![status.name(), ended_at, name, workspace, id],
    )
}

pub(crate) fn set_deleted(tx: &mut Tx<'_>, id: i64, deleted: bool) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE run SET deleted = $1 WHERE workspace_id = $2 AND id = $3",
        &params![deleted, workspace, id],
    )
}

/// A parameter as it is stored: its text, and the value itself as JSON unless that is the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Param {
    pub text: String,
    pub json: Option<String>,
}

impl Param {
    pub fn of(value: &serde_json::Value) -> Self {
        Self { text: param_text(value), json: (!value.is_string()).then(|| value.to_string()) }
    }
}

/// Parameters of one run, by key id.
pub(crate) fn param_values(on: &mut impl Reads, run: i64, keys: &[i64]) -> Result<BTreeMap<i64, Param>> {
    let mut found = BTreeMap::new();
    for piece in keys.chunks(PIECE) {
        let sql = format!(
            "SELECT key_id, value, json FROM run_param WHERE workspace_id = $1 AND run_id = $2 AND key_id IN ({})",
            placeholders(3, piece.len())
        );
        let mut values = vec![Value::from(on.workspace()), Value::from(run)];
        values.extend(piece.iter().map(|id| Value::from(*id)));
        for row in on.rows(&sql, &values)? {
            found.insert(row.get("key_id")?, Param { text: row.get("value")?, json: row.get("json")? });
        }
    }
    Ok(found)
}

pub(crate) fn set_params(
    tx: &mut Tx<'_>,
    run: i64,
    params: impl Iterator<Item = (i64, Param)>,
) -> Result<u64> {
    let workspace = tx.workspace();
    let rows = params.map(|(key, param)| params![workspace, run, key, param.text, param.json].to_vec());
    tx.execute_many(
        "INSERT INTO run_param (workspace_id, run_id, key_id, value, json) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (workspace_id, run_id, key_id) DO UPDATE SET value = excluded.value, json = excluded.json",
        rows.collect::<Vec<_>>(),
    )
}

pub(crate) fn set_tags(tx: &mut Tx<'_>, run: i64, tags: &[(i64, &str)]) -> Result<u64> {
    set_values(
        tx,
        run,
        tags,
        "INSERT INTO run_tag (workspace_id, run_id, key_id, value) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, run_id, key_id) DO UPDATE SET value = excluded.value",
    )
}

fn set_values(tx: &mut Tx<'_>, run: i64, values: &[(i64, &str)], sql: &str) -> Result<u64> {
    let workspace = tx.workspace();
    let rows: Vec<Vec<Value>> =
        values.iter().map(|(key, value)| params![workspace, run, *key, *value].to_vec()).collect();
    tx.execute_many(sql, rows)
}

pub(crate) fn delete_tag(tx: &mut Tx<'_>, run: i64, name: &str) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "DELETE FROM run_tag WHERE workspace_id = $1 AND run_id = $2 AND key_id = \
         (SELECT id FROM attribute_key WHERE workspace_id = $1 AND name = $3)",
        &params![workspace, run, name],
    )
}

/// Places of columns in the statements of [`load_piece`], which reads hundreds of rows: by name each would be looked for.
const RUN_ID: usize = 0;
const KEY_ID: usize = 1;
const VALUE: usize = 2;
const JSON: usize = 3;

/// Fills in what the runs logged.
pub(crate) fn load(on: &mut impl Reads, runs: &mut [Stored]) -> Result<()> {
    for piece in runs.chunks_mut(PIECE) {
        load_piece(on, piece)?;
    }
    Ok(())
}

fn load_piece(on: &mut impl Reads, runs: &mut [Stored]) -> Result<()> {
    if runs.is_empty() {
        return Ok(());
    }
    let places: BTreeMap<i64, usize> = runs.iter().enumerate().map(|(place, run)| (run.id, place)).collect();
    let mut values = vec![Value::from(on.workspace())];
    values.extend(runs.iter().map(|run| Value::from(run.id)));
    let ids = placeholders(2, runs.len());
    let place_of = |row: &Row| -> Result<usize> { Ok(places.get(&row.get(RUN_ID)?).copied().unwrap_or(0)) };

    let of_runs = |columns: &str, table: &str| {
        format!("SELECT run_id, key_id, {columns} FROM {table} WHERE workspace_id = $1 AND run_id IN ({ids})")
    };
    let params = on.rows(&of_runs("value, json", "run_param"), &values)?;
    let tags = on.rows(&of_runs("value", "run_tag"), &values)?;
    let columns = "last_value, is_nan, last_step, last_at, min_value, max_value, points";
    let metrics = on.rows(&of_runs(columns, "run_metric"), &values)?;
    // Runs share their keys: each name is read once, not with every value.
    let keys = params.iter().chain(&tags).chain(&metrics).map(|row| row.get(KEY_ID));
    let names = super::key_names(on, &keys.collect::<Result<BTreeSet<i64>>>()?)?;
    let name_of = |row: &Row| -> Result<String> {
        Ok(names.get(&row.get::<i64>(KEY_ID)?).cloned().unwrap_or_default())
    };
    for row in &params {
        let run = &mut runs[place_of(row)?].run;
        let name = name_of(row)?;
        if let Some(json) = row.get::<Option<String>>(JSON)?.and_then(|text| serde_json::from_str(&text).ok())
        {
            run.typed_params.insert(name.clone(), json);
        }
        run.params.insert(name, row.get(VALUE)?);
    }
    for row in &tags {
        runs[place_of(row)?].run.tags.insert(name_of(row)?, row.get(VALUE)?);
    }
    for row in &metrics {
        runs[place_of(row)?].run.metrics.insert(name_of(row)?, summary(row)?);
    }
    let sql = format!(
        "SELECT i.run_id, i.dataset_id, d.name, d.digest, d.source_type, d.source, d.schema_text, d.profile \
         FROM run_input i JOIN run_dataset d ON d.id = i.dataset_id \
         WHERE i.workspace_id = $1 AND i.run_id IN ({ids}) ORDER BY i.run_id, i.dataset_id"
    );
    let mut inputs: BTreeMap<(i64, i64), (usize, usize)> = BTreeMap::new();
    for row in on.rows(&sql, &values)? {
        let place = place_of(&row)?;
        let run = &mut runs[place].run;
        inputs.insert((row.get("run_id")?, row.get("dataset_id")?), (place, run.inputs.len()));
        run.inputs.push(super::inputs::dataset(&row)?);
    }
    if !inputs.is_empty() {
        let sql = format!(
            "SELECT run_id, dataset_id, name, value FROM run_input_tag WHERE workspace_id = $1 AND run_id IN ({ids})"
        );
        for row in on.rows(&sql, &values)? {
            if let Some((place, index)) = inputs.get(&(row.get("run_id")?, row.get("dataset_id")?)) {
                runs[*place].run.inputs[*index].tags.insert(row.get("name")?, row.get("value")?);
            }
        }
    }
    let sql = format!(
        "SELECT run_id, role, model, step FROM run_model WHERE workspace_id = $1 AND run_id IN ({ids}) \
         ORDER BY run_id, step, model"
    );
    for row in on.rows(&sql, &values)? {
        let run = &mut runs[place_of(&row)?].run;
        match row.get::<String>("role")?.as_str() {
            "input" => run.models_in.push(row.get("model")?),
            _ => run.models_out.push((row.get("model")?, row.get("step")?)),
        }
    }
    Ok(())
}

/// Of a row of run, key and `last_value, is_nan, last_step, last_at, min_value, max_value, points`.
pub(crate) fn summary(row: &Row) -> Result<MetricSummary> {
    let value = if row.get(3)? { f64::NAN } else { row.get(2)? };
    Ok(MetricSummary {
        value,
        step: row.get(4)?,
        at: row.get(5)?,
        min: row.get(6)?,
        max: row.get(7)?,
        points: row.get(8)?,
    })
}
