//! What MLflow's database is asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::Error;
use crate::model::{
    Experiment, LeftOut, LoggedModel, Pairs, Point, RegisteredModel, Run, RunDataset, Version,
};
use crate::sql::{Row, Sql};

/// Points handed on at once.
const PIECE: usize = 5_000;

/// Columns by table; a table that is absent has none.
pub type Columns = BTreeMap<String, BTreeSet<String>>;

pub fn columns(sql: &mut Sql) -> Result<Columns, Error> {
    let text = if sql.is_sqlite() {
        "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
    } else {
        "SELECT table_name::text, column_name::text FROM information_schema.columns \
         WHERE table_schema = ANY (current_schemas(false))"
    };
    let mut columns = Columns::new();
    for row in sql.rows(text, &[])? {
        columns.entry(row.text_or_empty(0)).or_default().insert(row.text_or_empty(1));
    }
    Ok(columns)
}

/// The column, or what stands for it in a database that is too old to have it.
fn or(columns: &Columns, table: &str, column: &str, otherwise: &str) -> String {
    let there = columns.get(table).is_some_and(|names| names.contains(column));
    if there { column.to_owned() } else { format!("{otherwise} AS {column}") }
}

fn pairs(sql: &mut Sql, text: &str, id: impl Into<crate::sql::Bind>) -> Result<Pairs, Error> {
    let rows = sql.rows(text, &[id.into()])?;
    Ok(rows.iter().map(|row| (row.text_or_empty(0), row.text_or_empty(1))).collect())
}

fn deleted(row: &Row, place: usize) -> bool {
    row.text(place).is_some_and(|stage| stage == "deleted")
}

pub fn experiments(sql: &mut Sql, columns: &Columns) -> Result<Vec<Experiment>, Error> {
    let created = or(columns, "experiments", "creation_time", "NULL");
    let updated = or(columns, "experiments", "last_update_time", "NULL");
    let text = format!(
        "SELECT experiment_id, name, artifact_location, lifecycle_stage, {created}, {updated} FROM experiments \
         ORDER BY experiment_id"
    );
    let mut found = Vec::new();
    for row in sql.rows(&text, &[])? {
        let number = row.integer(0).unwrap_or_default();
        found.push(Experiment {
            number,
            name: row.text_or_empty(1),
            artifact_location: row.text_or_empty(2),
            deleted: deleted(&row, 3),
            created_at: row.integer(4),
            updated_at: row.integer(5),
            tags: Pairs::new(),
        });
    }
    if columns.contains_key("experiment_tags") {
        for experiment in &mut found {
            let text = "SELECT key, value FROM experiment_tags WHERE experiment_id = $1";
            experiment.tags = pairs(sql, text, experiment.number)?;
        }
    }
    Ok(found)
}

pub fn run_ids(sql: &mut Sql, experiment: i64) -> Result<Vec<String>, Error> {
    let text = "SELECT run_uuid FROM runs WHERE experiment_id = $1 ORDER BY start_time, run_uuid";
    Ok(sql.rows(text, &[experiment.into()])?.iter().map(|row| row.text_or_empty(0)).collect())
}

pub fn run(sql: &mut Sql, columns: &Columns, id: &str) -> Result<Option<Run>, Error> {
    let name = or(columns, "runs", "name", "''");
    let text = format!(
        "SELECT run_uuid, experiment_id, {name}, user_id, status, lifecycle_stage, start_time, end_time, artifact_uri \
         FROM runs WHERE run_uuid = $1"
    );
    let Some(row) = sql.rows(&text, &[id.into()])?.into_iter().next() else { return Ok(None) };
    let mut run = Run {
        id: row.text_or_empty(0),
        experiment: row.integer(1).unwrap_or_default(),
        name: row.text_or_empty(2),
        owner: row.text_or_empty(3),
        status: row.text_or_empty(4).to_ascii_lowercase(),
        deleted: deleted(&row, 5),
        started_at: row.integer(6).unwrap_or_default(),
        ended_at: row.integer(7),
        artifact_uri: row.text_or_empty(8),
        params: pairs(sql, "SELECT key, value FROM params WHERE run_uuid = $1", id)?,
        tags: pairs(sql, "SELECT key, value FROM tags WHERE run_uuid = $1", id)?,
        ..Run::default()
    };
    let count = "SELECT COUNT(*) FROM metrics WHERE run_uuid = $1";
    run.metrics = sql.rows(count, &[id.into()])?.first().map_or_else(String::new, |row| row.text_or_empty(0));
    if columns.contains_key("inputs") {
        run.datasets = datasets(sql, id)?;
        linked_models(sql, columns, &mut run)?;
    }
    Ok(Some(run))
}

fn datasets(sql: &mut Sql, run: &str) -> Result<Vec<RunDataset>, Error> {
    let text = "SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, d.dataset_schema, \
                d.dataset_profile FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id \
                WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = $1 \
                ORDER BY i.input_uuid";
    let mut found = Vec::new();
    for row in sql.rows(text, &[run.into()])? {
        let input = row.text_or_empty(0);
        found.push(RunDataset {
            name: row.text_or_empty(1),
            digest: row.text_or_empty(2),
            source_type: row.text_or_empty(3),
            source: row.text_or_empty(4),
            schema: row.text(5),
            profile: row.text(6),
            tags: pairs(sql, "SELECT name, value FROM input_tags WHERE input_uuid = $1", input.as_str())?,
        });
    }
    Ok(found)
}

fn linked_models(sql: &mut Sql, columns: &Columns, run: &mut Run) -> Result<(), Error> {
    let step = or(columns, "inputs", "step", "0");
    let text = format!(
        "SELECT source_type, destination_id, {step} FROM inputs WHERE source_id = $1 \
         AND source_type IN ('RUN_INPUT', 'RUN_OUTPUT') ORDER BY source_type, destination_id"
    );
    for row in sql.rows(&text, &[run.id.as_str().into()])? {
        match row.text_or_empty(0).as_str() {
            "RUN_INPUT" => run.models_in.push(row.text_or_empty(1)),
            _ => run.models_out.push((row.text_or_empty(1), row.integer(2).unwrap_or_default())),
        }
    }
    Ok(())
}

pub fn points(
    sql: &mut Sql,
    columns: &Columns,
    run: &str,
    each: &mut dyn FnMut(Vec<Point>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut piece = Vec::with_capacity(PIECE);
    let mut take = |point: Point| {
        piece.push(point);
        if piece.len() == PIECE { each(std::mem::take(&mut piece)) } else { Ok(()) }
    };
    let text = "SELECT key, value, step, timestamp, is_nan FROM metrics WHERE run_uuid = $1 \
                ORDER BY key, step, timestamp, value";
    sql.each(text, &[run.into()], &mut |row| {
        let is_nan = row.integer(4).unwrap_or_default() != 0;
        take(Point {
            key: row.text_or_empty(0),
            value: if is_nan { f64::NAN } else { row.number(1) },
            step: row.integer(2).unwrap_or_default(),
            at: row.integer(3).unwrap_or_default(),
            ..Point::default()
        })
    })?;
    if columns.contains_key("logged_model_metrics") {
        let text = "SELECT metric_name, metric_value, metric_step, metric_timestamp_ms, model_id, dataset_name, \
                    dataset_digest FROM logged_model_metrics WHERE run_id = $1";
        sql.each(text, &[run.into()], &mut |row| {
            take(Point {
                key: row.text_or_empty(0),
                value: row.number(1),
                step: row.integer(2).unwrap_or_default(),
                at: row.integer(3).unwrap_or_default(),
                model: row.text(4),
                dataset: row.text(5).map(|name| (name, row.text(6))),
            })
        })?;
    }
    if piece.is_empty() { Ok(()) } else { each(piece) }
}

pub fn logged_models(sql: &mut Sql, columns: &Columns, experiment: i64) -> Result<Vec<LoggedModel>, Error> {
    if !columns.contains_key("logged_models") {
        return Ok(Vec::new());
    }
    let text = "SELECT model_id, name, model_type, status, source_run_id, artifact_location, lifecycle_stage, \
                creation_timestamp_ms, last_updated_timestamp_ms FROM logged_models WHERE experiment_id = $1 \
                ORDER BY creation_timestamp_ms, model_id";
    let mut found = Vec::new();
    for row in sql.rows(text, &[experiment.into()])? {
        let id = row.text_or_empty(0);
        let params = "SELECT param_key, param_value FROM logged_model_params WHERE model_id = $1";
        let tags = "SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = $1";
        found.push(LoggedModel {
            experiment,
            name: row.text_or_empty(1),
            model_type: row.text_or_empty(2),
            // LoggedModelStatus of service.proto
            status: match row.integer(3) {
                Some(1) => "pending",
                Some(2) => "ready",
                Some(3) => "failed",
                _ => "unspecified",
            },
            source_run: row.text(4),
            artifact_uri: row.text_or_empty(5),
            deleted: deleted(&row, 6),
            created_at: row.integer(7).unwrap_or_default(),
            updated_at: row.integer(8).unwrap_or_default(),
            params: pairs(sql, params, id.as_str())?,
            tags: pairs(sql, tags, id.as_str())?,
            id,
        });
    }
    Ok(found)
}

pub fn models(sql: &mut Sql, columns: &Columns) -> Result<Vec<RegisteredModel>, Error> {
    if !columns.contains_key("registered_models") {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for row in sql.rows("SELECT name, description FROM registered_models ORDER BY name", &[])? {
        let name = row.text_or_empty(0);
        let mut model = RegisteredModel { description: row.text(1), ..RegisteredModel::default() };
        if columns.contains_key("registered_model_tags") {
            let text = "SELECT key, value FROM registered_model_tags WHERE name = $1";
            model.tags = pairs(sql, text, name.as_str())?;
        }
        if columns.contains_key("registered_model_aliases") {
            let text = "SELECT alias, version FROM registered_model_aliases WHERE name = $1";
            let rows = sql.rows(text, &[name.as_str().into()])?;
            let alias = |row: &Row| Some((row.text_or_empty(0), row.integer(1)?));
            model.aliases = rows.iter().filter_map(alias).collect();
        }
        model.versions = versions(sql, columns, &name)?;
        model.name = name;
        found.push(model);
    }
    Ok(found)
}

/// Versions that were not deleted.
fn versions(sql: &mut Sql, columns: &Columns, model: &str) -> Result<Vec<Version>, Error> {
    let location = or(columns, "model_versions", "storage_location", "NULL");
    let link = or(columns, "model_versions", "run_link", "NULL");
    let text = format!(
        "SELECT version, source, {location}, run_id, {link}, description, current_stage, user_id, creation_time, \
         last_updated_time FROM model_versions WHERE name = $1 AND current_stage <> 'Deleted_Internal' ORDER BY version"
    );
    let mut found = Vec::new();
    for row in sql.rows(&text, &[model.into()])? {
        let number = row.integer(0).unwrap_or_default();
        let created_at = row.integer(8).unwrap_or_default();
        let mut version = Version {
            number,
            source: row.text_or_empty(1),
            location: row.text(2),
            run: row.text(3).filter(|run| !run.is_empty()),
            run_link: row.text(4),
            logged_model: None,
            description: row.text(5),
            stage: row.text(6).unwrap_or_else(|| "None".to_owned()),
            created_by: row.text_or_empty(7),
            created_at,
            updated_at: row.integer(9).unwrap_or(created_at),
            tags: Pairs::new(),
        };
        if columns.contains_key("model_version_tags") {
            let text = "SELECT key, value FROM model_version_tags WHERE name = $1 AND version = $2";
            let rows = sql.rows(text, &[model.into(), number.into()])?;
            version.tags = rows.iter().map(|row| (row.text_or_empty(0), row.text_or_empty(1))).collect();
        }
        // `SqlModelVersion.to_mlflow_entity`: the id of the logged model is a tag of the version.
        version.logged_model = version.tags.get("mlflow.model_id").cloned();
        found.push(version);
    }
    Ok(found)
}

/// Tables whose rows are not read, with what a person calls them.
const NOT_READ: [(&str, &str); 9] = [
    ("trace_info", "traces"),
    ("evaluation_datasets", "evaluation datasets"),
    ("scorers", "scorers"),
    ("issues", "issues"),
    ("label_schemas", "label schemas"),
    ("review_queues", "review queues"),
    ("webhooks", "webhooks"),
    ("secrets", "gateway secrets"),
    ("endpoints", "gateway endpoints"),
];

pub fn left_out(sql: &mut Sql, columns: &Columns) -> Result<Vec<LeftOut>, Error> {
    let mut found = Vec::new();
    for (table, what) in NOT_READ {
        if !columns.contains_key(table) {
            continue;
        }
        let rows = sql.rows(&format!("SELECT COUNT(*) FROM {table}"), &[])?;
        let count = rows.first().and_then(|row| row.integer(0)).unwrap_or_default();
        if count > 0 {
            found.push(LeftOut { what: what.to_owned(), count, why: "not imported" });
        }
    }
    Ok(found)
}
