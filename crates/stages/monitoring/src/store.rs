//! All SQL of this stage.

pub(crate) mod mail;

use std::collections::BTreeMap;

use ledger::{Error, FactTx, Row, Rx, Tx, Value, params};
use serde::de::DeserializeOwned;
use types::{Timestamp, Uid, WorkspaceId};

use crate::alarm::History;
use crate::model::{MonitorSpec, Performance, WindowView};
use crate::rules::Level;

/// How far a monitor has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Position {
    pub next_ordinal: i64,
    /// The deployment that the last rows were made by.
    pub revision: Option<Uid>,
    /// Drifted windows in a row, and where the first of them began.
    pub streak: i64,
    pub streak_ordinal: Option<i64>,
    pub streak_at: Option<Timestamp>,
    pub alarm: bool,
    /// Windows judged so far.
    pub number: i64,
    pub problem: Option<String>,
    pub history: History,
}

const POSITION: &str =
    "next_ordinal, revision, streak, streak_ordinal, streak_at, alarm, number, problem, history";

fn position_of(row: &Row) -> Result<Position, Error> {
    Ok(Position {
        next_ordinal: row.get("next_ordinal")?,
        revision: row.get("revision")?,
        streak: row.get("streak")?,
        streak_ordinal: row.get("streak_ordinal")?,
        streak_at: row.get("streak_at")?,
        alarm: row.get("alarm")?,
        number: row.get("number")?,
        problem: row.get("problem")?,
        history: optional(row, "history")?,
    })
}

/// The default where the column is null: rows that an older program wrote.
fn optional<T: DeserializeOwned + Default>(row: &Row, column: &str) -> Result<T, Error> {
    let value: Option<serde_json::Value> = row.get(column)?;
    match value {
        None | Some(serde_json::Value::Null) => Ok(T::default()),
        Some(value) => serde_json::from_value(value)
            .map_err(|e| Error::Database { message: format!("column {column}: {e}") }),
    }
}

fn parsed<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T, Error> {
    let value: serde_json::Value = row.get(column)?;
    serde_json::from_value(value).map_err(|e| Error::Database { message: format!("column {column}: {e}") })
}

fn json<T: serde::Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

const SPEC: &str = "SELECT spec FROM monitor WHERE workspace_id = $1 AND name = $2";

pub(crate) fn spec(rx: &mut Rx<'_>, name: &str) -> Result<Option<MonitorSpec>, Error> {
    let workspace = rx.workspace();
    rx.query_opt(SPEC, &params![workspace, name])?.map(|row| parsed(&row, "spec")).transpose()
}

pub(crate) fn spec_in(tx: &mut Tx<'_>, name: &str) -> Result<Option<MonitorSpec>, Error> {
    let workspace = tx.workspace();
    tx.query_opt(SPEC, &params![workspace, name])?.map(|row| parsed(&row, "spec")).transpose()
}

pub(crate) fn put_spec(tx: &mut Tx<'_>, spec: &MonitorSpec) -> Result<(), Error> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "INSERT INTO monitor (workspace_id, name, endpoint, spec, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $5) \
         ON CONFLICT (workspace_id, name) DO UPDATE SET endpoint = excluded.endpoint, spec = excluded.spec, \
         updated_at = excluded.updated_at",
        &params![workspace, &spec.name, &spec.endpoint, json(spec), now],
    )?;
    Ok(())
}

pub(crate) fn delete_spec(tx: &mut Tx<'_>, name: &str) -> Result<bool, Error> {
    let workspace = tx.workspace();
    let sql = "DELETE FROM monitor WHERE workspace_id = $1 AND name = $2";
    Ok(tx.execute(sql, &params![workspace, name])? > 0)
}

/// Of the workspace, by name.
pub(crate) fn specs(rx: &mut Rx<'_>) -> Result<Vec<MonitorSpec>, Error> {
    let workspace = rx.workspace();
    let sql = "SELECT spec FROM monitor WHERE workspace_id = $1 ORDER BY name";
    rx.query(sql, &params![workspace])?.iter().map(|row| parsed(row, "spec")).collect()
}

/// Of all workspaces.
pub(crate) fn all(rx: &mut Rx<'_>) -> Result<Vec<(WorkspaceId, MonitorSpec, Position)>, Error> {
    let sql = format!(
        "SELECT m.workspace_id, m.spec, {POSITION} FROM monitor m LEFT JOIN monitor_position p \
         ON p.workspace_id = m.workspace_id AND p.monitor = m.name ORDER BY m.workspace_id, m.name"
    );
    let rows = rx.query(&sql, &params![])?;
    rows.iter()
        .map(|row| {
            let started = row.get::<Option<i64>>("next_ordinal")?.is_some();
            let position = if started { position_of(row)? } else { Position::default() };
            Ok((row.get("workspace_id")?, parsed(row, "spec")?, position))
        })
        .collect()
}

fn position_sql() -> String {
    format!("SELECT {POSITION} FROM monitor_position WHERE workspace_id = $1 AND monitor = $2")
}

pub(crate) fn position(rx: &mut Rx<'_>, name: &str) -> Result<Option<Position>, Error> {
    let workspace = rx.workspace();
    rx.query_opt(&position_sql(), &params![workspace, name])?.as_ref().map(position_of).transpose()
}

pub(crate) fn position_in(tx: &mut Tx<'_>, name: &str) -> Result<Option<Position>, Error> {
    let workspace = tx.workspace();
    tx.query_opt(&position_sql(), &params![workspace, name])?.as_ref().map(position_of).transpose()
}

const PUT_POSITION: &str = "INSERT INTO monitor_position (workspace_id, monitor, next_ordinal, revision, streak, \
    streak_ordinal, streak_at, alarm, number, problem, history) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
    ON CONFLICT (workspace_id, monitor) DO UPDATE SET next_ordinal = excluded.next_ordinal, \
    revision = excluded.revision, streak = excluded.streak, streak_ordinal = excluded.streak_ordinal, \
    streak_at = excluded.streak_at, alarm = excluded.alarm, number = excluded.number, problem = excluded.problem, \
    history = excluded.history";

fn position_values(workspace: WorkspaceId, name: &str, p: &Position) -> Vec<Value> {
    params![
        workspace,
        name,
        p.next_ordinal,
        p.revision,
        p.streak,
        p.streak_ordinal,
        p.streak_at,
        p.alarm,
        p.number,
        p.problem.clone(),
        json(&p.history)
    ]
    .to_vec()
}

pub(crate) fn put_position(tx: &mut Tx<'_>, name: &str, position: &Position) -> Result<(), Error> {
    let workspace = tx.workspace();
    tx.execute(PUT_POSITION, &position_values(workspace, name, position))?;
    Ok(())
}

pub(crate) fn put_position_fact(tx: &mut FactTx<'_>, name: &str, position: &Position) -> Result<(), Error> {
    let workspace = tx.workspace();
    tx.execute(PUT_POSITION, &position_values(workspace, name, position))?;
    Ok(())
}

/// Only the problem; the place in the log stays.
pub(crate) fn put_problem(tx: &mut FactTx<'_>, name: &str, problem: Option<&str>) -> Result<(), Error> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO monitor_position (workspace_id, monitor, next_ordinal, streak, alarm, number, problem) \
         VALUES ($1, $2, 0, 0, $3, 0, $4) \
         ON CONFLICT (workspace_id, monitor) DO UPDATE SET problem = excluded.problem",
        &params![workspace, name, false, problem.map(str::to_owned)],
    )?;
    Ok(())
}

pub(crate) fn insert_window(tx: &mut Tx<'_>, w: &WindowView) -> Result<(), Error> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "INSERT INTO monitor_window (workspace_id, uid, monitor, number, first_ordinal, next_ordinal, from_at, to_at, \
         revision, model_version, baseline, drifted, share, alarm, features, created_at, signals, level, watched) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        &params![
            workspace,
            w.uid,
            &w.monitor,
            w.number,
            w.first_ordinal,
            w.next_ordinal,
            w.from,
            w.to,
            w.revision,
            w.model_version,
            w.baseline,
            w.drifted,
            w.share,
            w.alarm,
            json(&w.features),
            now,
            json(&w.signals),
            w.level.name(),
            w.rows
        ],
    )?;
    Ok(())
}

const WINDOW: &str = "SELECT uid, monitor, number, first_ordinal, next_ordinal, from_at, to_at, revision, \
    model_version, baseline, drifted, share, alarm, features, signals, level, watched FROM monitor_window";

fn window_of(row: &Row) -> Result<WindowView, Error> {
    let (first_ordinal, next_ordinal): (i64, i64) = (row.get("first_ordinal")?, row.get("next_ordinal")?);
    Ok(WindowView {
        uid: row.get("uid")?,
        monitor: row.get("monitor")?,
        number: row.get("number")?,
        from: row.get("from_at")?,
        to: row.get("to_at")?,
        rows: row.get::<Option<i64>>("watched")?.unwrap_or(next_ordinal - first_ordinal),
        first_ordinal,
        next_ordinal,
        revision: row.get("revision")?,
        model_version: row.get("model_version")?,
        baseline: row.get("baseline")?,
        drifted: row.get("drifted")?,
        share: row.get("share")?,
        alarm: row.get("alarm")?,
        level: match row.get::<Option<String>>("level")?.as_deref() {
            Some("critical") => Level::Critical,
            Some("warn") => Level::Warn,
            _ => Level::Ok,
        },
        signals: optional(row, "signals")?,
        features: parsed(row, "features")?,
    })
}

/// Newest first.
pub(crate) fn windows(rx: &mut Rx<'_>, monitor: &str, limit: i64) -> Result<Vec<WindowView>, Error> {
    let workspace = rx.workspace();
    let sql =
        format!("{WINDOW} WHERE workspace_id = $1 AND monitor = $2 ORDER BY first_ordinal DESC LIMIT $3");
    rx.query(&sql, &params![workspace, monitor, limit])?.iter().map(window_of).collect()
}

pub(crate) fn window(rx: &mut Rx<'_>, uid: Uid) -> Result<Option<WindowView>, Error> {
    let workspace = rx.workspace();
    let sql = format!("{WINDOW} WHERE workspace_id = $1 AND uid = $2");
    rx.query_opt(&sql, &params![workspace, uid])?.as_ref().map(window_of).transpose()
}

pub(crate) fn put_performance(
    tx: &mut FactTx<'_>,
    monitor: &str,
    computed: &[(Uid, i64, BTreeMap<String, f64>)],
) -> Result<(), Error> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let rows = computed.iter().map(|(window, labelled, metrics)| {
        params![workspace, *window, monitor, *labelled, json(metrics), now].to_vec()
    });
    tx.execute_many(
        "INSERT INTO monitor_performance (workspace_id, window_uid, monitor, labelled, metrics, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, window_uid) DO UPDATE SET \
         labelled = excluded.labelled, metrics = excluded.metrics, updated_at = excluded.updated_at",
        rows,
    )?;
    Ok(())
}

/// Newest window first.
pub(crate) fn performance(rx: &mut Rx<'_>, monitor: &str, limit: i64) -> Result<Vec<Performance>, Error> {
    let workspace = rx.workspace();
    let rows = rx.query(
        "SELECT p.window_uid, w.to_at, p.labelled, p.metrics, p.updated_at FROM monitor_performance p \
         JOIN monitor_window w ON w.workspace_id = p.workspace_id AND w.uid = p.window_uid \
         WHERE p.workspace_id = $1 AND p.monitor = $2 ORDER BY w.first_ordinal DESC LIMIT $3",
        &params![workspace, monitor, limit],
    )?;
    rows.iter()
        .map(|row| {
            Ok(Performance {
                window: row.get("window_uid")?,
                at: row.get("to_at")?,
                rows: row.get("labelled")?,
                metrics: parsed(row, "metrics")?,
                updated_at: row.get("updated_at")?,
            })
        })
        .collect()
}
