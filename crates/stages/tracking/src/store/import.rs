use ledger::{Tx, params};

use super::Result;
use crate::import::ImportExperiment;

/// The new experiment's row id and number; the next free number if none is given. Numbers given later count on from
/// the highest one.
pub(crate) fn insert_experiment(
    tx: &mut Tx<'_>,
    number: Option<i64>,
    experiment: &ImportExperiment,
) -> Result<(i64, i64)> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let number: i64 = match number {
        Some(number) => {
            tx.execute(
                "INSERT INTO experiment_counter (workspace_id, last_number) VALUES ($1, $2) \
                 ON CONFLICT (workspace_id) DO UPDATE SET last_number = CASE \
                 WHEN excluded.last_number > experiment_counter.last_number THEN excluded.last_number \
                 ELSE experiment_counter.last_number END",
                &params![workspace, number],
            )?;
            number
        }
        None => tx
            .query_one(
                "INSERT INTO experiment_counter (workspace_id, last_number) VALUES ($1, 1) \
                 ON CONFLICT (workspace_id) DO UPDATE SET last_number = experiment_counter.last_number + 1 \
                 RETURNING last_number",
                &params![workspace],
            )?
            .get("last_number")?,
    };
    let id = tx
        .query_one(
            "INSERT INTO experiment (workspace_id, number, name, artifact_location, deleted, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, FALSE, $5, $6) RETURNING id",
            &params![
                workspace,
                number,
                &experiment.name,
                experiment.artifact_location.clone(),
                experiment.created_at.unwrap_or(now),
                experiment.updated_at.unwrap_or(now)
            ],
        )?
        .get("id")?;
    Ok((id, number))
}

pub(crate) fn delete_experiment(tx: &mut Tx<'_>, id: i64) -> Result<u64> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE experiment SET deleted = TRUE WHERE workspace_id = $1 AND id = $2",
        &params![workspace, id],
    )
}
