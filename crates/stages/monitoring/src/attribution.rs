//! Whether the features still matter in the order in which they mattered for the training data: the normalised discounted cumulative
//! gain of SageMaker's feature attribution drift.

use std::sync::Arc;

use blobs::Blobs;
use columns::Table;
use ledger::Ledger;
use runtimes::explain::Explainer;
use runtimes::native::Source;
use runtimes::{InputSchema, MlModel};
use serde_json::json;
use types::{Actor, DataType, Uid};

use crate::Error;
use crate::rules::{Bound, Limits};
use crate::signals::Measured;
use crate::watch::blocking;

/// Rows that are explained, of the window and of the baseline.
pub(crate) const ROWS: usize = 500;
/// Features that are told of.
const SHOWN: usize = 20;

/// A model whose predictions can be taken apart, with the names of its columns.
pub(crate) struct Explaining {
    explainer: Explainer,
    columns: Vec<String>,
}

/// `None` for models that are no trees in a form that is read here, and for those that do not name their columns.
pub(crate) async fn explaining(
    ledger: &Ledger,
    blobs: &Blobs,
    actor: &Actor,
    version: Uid,
) -> Result<Option<Arc<Explaining>>, Error> {
    let Ok(files) = models::files(ledger, actor, version).await else { return Ok(None) };
    let find = |path: &str| files.iter().find(|f| f.path == path).map(|f| f.digest);
    let Some(about) = find("MLmodel") else { return Ok(None) };
    let about = blobs.get_bytes(&about).await?;
    let Ok(about) = MlModel::parse(&String::from_utf8_lossy(&about)) else { return Ok(None) };
    let InputSchema::Columns(columns) = &about.inputs else { return Ok(None) };
    let columns: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
    let Some(source) = Source::of(&about) else { return Ok(None) };
    let Some(file) = find(&source.path) else { return Ok(None) };
    let bytes = blobs.get_bytes(&file).await?;
    blocking(move || {
        // Not every model is made of trees.
        let Ok(explainer) = Explainer::load(&source, &bytes) else { return Ok(None) };
        let fits = explainer.columns() == columns.len();
        Ok(fits.then(|| Arc::new(Explaining { explainer, columns })))
    })
    .await
}

/// The window's order of features against the baseline's. `None` where one of them lacks a column, or none matters.
pub(crate) fn measure(
    limits: Limits,
    model: &Explaining,
    baseline: &Table,
    window: &Table,
) -> Result<Option<Measured>, Error> {
    let (Some(before), Some(now)) = (importance(model, baseline)?, importance(model, window)?) else {
        return Ok(None);
    };
    let Some(value) = ndcg(&before, &now) else { return Ok(None) };
    let order = ranked(&before);
    let features: Vec<_> = order
        .iter()
        .take(SHOWN)
        .map(|&i| json!({ "feature": model.columns[i], "baseline": before[i], "window": now[i] }))
        .collect();
    // The feature whose part of the whole has moved most.
    let (all_before, all_now): (f64, f64) = (before.iter().sum(), now.iter().sum());
    let part = |value: f64, all: f64| if all > 0.0 { value / all } else { 0.0 };
    let moved = |i: &usize| (part(now[*i], all_now) - part(before[*i], all_before)).abs();
    let feature = (0..before.len()).max_by(|a, b| moved(a).total_cmp(&moved(b)));
    Ok(Some(Measured {
        name: "attribution_ndcg".into(),
        feature: feature.map(|i| model.columns[i].clone()),
        value,
        bound: Bound::below(Some(limits)),
        detail: Some(json!(features)),
    }))
}

/// Mean absolute Shapley values by column.
fn importance(model: &Explaining, table: &Table) -> Result<Option<Vec<f64>>, Error> {
    let table = spread(table, ROWS)?;
    let width = model.columns.len();
    let mut rows = vec![f64::NAN; table.rows() * width];
    for (at, name) in model.columns.iter().enumerate() {
        let Ok(field) = table.field(name) else { return Ok(None) };
        if !(field.data_type.is_numeric() || field.data_type == DataType::Boolean) {
            return Ok(None);
        }
        for (row, value) in table.numbers(name)?.into_iter().enumerate() {
            rows[row * width + at] = value.unwrap_or(f64::NAN);
        }
    }
    let Ok(explained) = model.explainer.path_dependent(&rows) else { return Ok(None) };
    let mut sums = vec![0.0; width];
    for row in 0..explained.rows {
        for output in 0..explained.outputs {
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum += explained.value(row, output, column).abs();
            }
        }
    }
    let all = (explained.rows * explained.outputs).max(1) as f64;
    Ok(Some(sums.into_iter().map(|sum| sum / all).collect()))
}

/// At most `most` rows, evenly taken.
pub(crate) fn spread(table: &Table, most: usize) -> Result<Table, Error> {
    let step = table.rows().div_ceil(most.max(1)).max(1);
    let rows: Vec<usize> = (0..table.rows()).step_by(step).collect();
    Ok(table.take(&rows)?)
}

/// Places by descending value.
fn ranked(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    order
}

/// Σ a(f′ᵢ) / log₂(i + 1) over Σ a(fᵢ) / log₂(i + 1), where a is the baseline's attribution, f its order of features and f′ the
/// window's: 1 if the order is the same, and the less the more of what mattered has gone down. `None` where nothing mattered.
fn ndcg(baseline: &[f64], window: &[f64]) -> Option<f64> {
    let gain = |order: &[usize]| -> f64 {
        order.iter().enumerate().map(|(i, f)| baseline[*f] / ((i + 2) as f64).log2()).sum()
    };
    let best = gain(&ranked(baseline));
    (best > 0.0).then(|| gain(&ranked(window)) / best)
}

#[cfg(test)]
mod tests {
    use columns::column;

    use super::*;

    #[test]
    fn the_same_order_is_one_and_what_mattered_most_counts_most() {
        let before = [0.5, 0.3, 0.1, 0.0];
        assert_eq!(ndcg(&before, &[5.0, 3.0, 1.0, 0.0]), Some(1.0), "scale is nothing");
        let last_two = ndcg(&before, &[0.5, 0.3, 0.0, 0.1]).unwrap();
        let first_two = ndcg(&before, &[0.3, 0.5, 0.1, 0.0]).unwrap();
        let first_last = ndcg(&before, &[0.0, 0.3, 0.1, 0.5]).unwrap();
        assert!(first_last < first_two && first_two < last_two && last_two < 1.0);
        // By hand: (0.3 + 0.5/log2(3) + 0.1/2) / (0.5 + 0.3/log2(3) + 0.1/2).
        let third = 3.0_f64.log2();
        let expected = (0.3 + 0.5 / third + 0.05) / (0.5 + 0.3 / third + 0.05);
        assert!((first_two - expected).abs() < 1e-12);
        assert_eq!(ndcg(&[0.0; 3], &[1.0; 3]), None);
    }

    #[test]
    fn rows_are_taken_evenly() {
        let empty = Table::new(vec![("x".into(), column::integers(Vec::<Option<i64>>::new()))]).unwrap();
        assert_eq!(spread(&empty, 10).unwrap().rows(), 0);
        let table = Table::new(vec![("x".into(), column::integers((0..1_001).map(Some)))]).unwrap();
        let taken = spread(&table, 500).unwrap();
        assert_eq!(taken.numbers("x").unwrap()[..3], [Some(0.0), Some(3.0), Some(6.0)]);
    }
}
