use ledger::params;
use types::Uid;

use crate::model::MetricPoint;
use crate::points::{in_row, storable};
use crate::store::{Result, Writes, logged_models};

/// Stores values that are about logged models. Unknown models are left out.
pub(crate) fn insert_for_models(on: &mut impl Writes, run: &Uid, points: &[MetricPoint]) -> Result<u64> {
    let workspace = on.workspace();
    let mut total = 0;
    for point in points {
        let Some(model) = &point.model else { continue };
        let Some(model_id) = logged_models::find_id(on, model)? else { continue };
        let (value, is_nan) = in_row(storable(point.value));
        let (name, digest) = point.dataset.clone().unwrap_or_default();
        total += on.run(
            "INSERT INTO logged_model_metric (workspace_id, model_id, name, run, step, at, value, is_nan, dataset_name, \
             dataset_digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (workspace_id, model_id, name, run, step, at, value, is_nan, dataset_name, dataset_digest) \
             DO NOTHING",
            &params![
                workspace,
                model_id,
                point.key.as_str(),
                run,
                point.step,
                point.at,
                value,
                is_nan,
                name,
                digest.unwrap_or_default()
            ],
        )?;
    }
    Ok(total)
}
