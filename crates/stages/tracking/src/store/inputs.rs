use std::collections::BTreeMap;

use ledger::{Row, Tx, Value, params};

use super::{Reads, Result, placeholders};
use crate::inputs::DatasetSummary;
use crate::model::DatasetInput;

pub(crate) fn dataset(row: &Row) -> Result<DatasetInput> {
    Ok(DatasetInput {
        name: row.get("name")?,
        digest: row.get("digest")?,
        source_type: row.get("source_type")?,
        source: row.get("source")?,
        schema: row.get("schema_text")?,
        profile: row.get("profile")?,
        tags: BTreeMap::new(),
    })
}

/// Says that a run read a dataset. `false` if that was known.
pub(crate) fn add(tx: &mut Tx<'_>, run: i64, experiment: i64, input: &DatasetInput) -> Result<bool> {
    let workspace = tx.workspace();
    let found = tx.query_opt(
        "SELECT id FROM run_dataset WHERE workspace_id = $1 AND experiment_id = $2 AND name = $3 AND digest = $4",
        &params![workspace, experiment, &input.name, &input.digest],
    )?;
    let dataset: i64 = match found {
        Some(row) => row.get("id")?,
        None => tx
            .query_one(
                "INSERT INTO run_dataset (workspace_id, experiment_id, name, digest, source_type, source, schema_text, \
                 profile) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (workspace_id, experiment_id, name, digest) \
                 DO UPDATE SET name = excluded.name RETURNING id",
                &params![
                    workspace,
                    experiment,
                    &input.name,
                    &input.digest,
                    &input.source_type,
                    &input.source,
                    input.schema.clone(),
                    input.profile.clone()
                ],
            )?
            .get("id")?,
    };
    let added = tx.execute(
        "INSERT INTO run_input (workspace_id, run_id, dataset_id) VALUES ($1, $2, $3) \
         ON CONFLICT (workspace_id, run_id, dataset_id) DO NOTHING",
        &params![workspace, run, dataset],
    )?;
    if added == 0 {
        return Ok(false);
    }
    let rows: Vec<Vec<Value>> = input
        .tags
        .iter()
        .map(|(name, value)| params![workspace, run, dataset, name, value].to_vec())
        .collect();
    tx.execute_many(
        "INSERT INTO run_input_tag (workspace_id, run_id, dataset_id, name, value) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (workspace_id, run_id, dataset_id, name) DO UPDATE SET value = excluded.value",
        rows,
    )?;
    Ok(true)
}

/// Says that a run read (`input`) or made (`output`) a logged model.
pub(crate) fn add_model(tx: &mut Tx<'_>, run: i64, role: &str, model: &str, step: i64) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "INSERT INTO run_model (workspace_id, run_id, role, model, step) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (workspace_id, run_id, role, model, step) DO NOTHING",
        &params![workspace, run, role, model, step],
    )
}

/// Datasets that runs of these experiments read, with the value of the tag `context` of the relation; each
/// combination once.
pub(crate) fn summaries(
    on: &mut impl Reads,
    experiments: &[i64],
    context: &str,
    limit: i64,
) -> Result<Vec<DatasetSummary>> {
    let sql = format!(
        "SELECT DISTINCT e.number, d.name, d.digest, t.value AS context FROM run_input i \
         JOIN run_dataset d ON d.id = i.dataset_id JOIN experiment e ON e.id = d.experiment_id \
         LEFT JOIN run_input_tag t ON t.workspace_id = i.workspace_id AND t.run_id = i.run_id \
           AND t.dataset_id = i.dataset_id AND t.name = $1 \
         WHERE i.workspace_id = $2 AND e.number IN ({}) ORDER BY e.number, d.name, d.digest LIMIT ${}",
        placeholders(3, experiments.len()),
        experiments.len() + 3
    );
    let mut values = vec![Value::from(context), Value::from(on.workspace())];
    values.extend(experiments.iter().map(|number| Value::from(*number)));
    values.push(limit.into());
    let summary = |row: &Row| {
        Ok(DatasetSummary {
            experiment: row.get("number")?,
            name: row.get("name")?,
            digest: row.get("digest")?,
            context: row.get("context")?,
        })
    };
    on.rows(&sql, &values)?.iter().map(summary).collect()
}
