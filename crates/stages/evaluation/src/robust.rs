//! How steady a model version is: its answers to rows with a little noise, and to rows whose features are squeezed to a
//! few levels (Xu, Evans and Qi, 2018), which undoes small changes that were made on purpose.

use std::collections::BTreeMap;

use blobs::Blobs;
use columns::{Table, column, read_parquet};
use ledger::Ledger;
use runtimes::Runtime;
use serde::{Deserialize, Serialize};
use statistics::Random;
use types::{Actor, DataType};

use crate::judge::{Predicted, Truth};
use crate::model::Request;
use crate::{Error, score};

/// What is done to the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disturbances {
    /// Deviations of the noise, in deviations of each numeric column.
    pub noise: Vec<f64>,
    /// Numeric columns are rounded to 2ᵇ levels between their least and largest value.
    pub bits: Vec<u32>,
    /// A row whose score moves by more than this when squeezed is suspect.
    pub gap: f64,
    pub seed: u64,
}

impl Default for Disturbances {
    fn default() -> Self {
        Self { noise: vec![0.01, 0.05, 0.1], bits: vec![4, 6], gap: 0.2, seed: 1 }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steadiness {
    /// `noise 0.05`, `squeezed to 4 bits`.
    pub disturbance: String,
    pub n: u64,
    pub metrics: BTreeMap<String, f64>,
    /// The share of rows whose class is another one (of a regression: none is told).
    pub changed: Option<f64>,
    /// The mean and the largest move of the score (or number).
    pub mean_move: Option<f64>,
    pub largest_move: Option<f64>,
    /// Rows (from 1) that move by more than the gap: for squeezing, suspects of an evasion.
    pub suspects: Vec<u64>,
}

/// The first item is the rows as they are. Errors: as [`crate::evaluate`].
pub async fn robustness(
    ledger: &Ledger,
    blobs: &Blobs,
    runtime: &Runtime,
    actor: &Actor,
    request: &Request,
    disturbances: &Disturbances,
) -> Result<Vec<Steadiness>, Error> {
    let model = score::load(ledger, blobs, runtime, actor, request.model_version).await?;
    let bytes = blobs.get_bytes(&request.data).await?;
    let table = read_parquet(&request.data.to_string(), bytes, None)?;
    let known: Vec<bool> = table.texts(&request.label)?.iter().map(Option::is_some).collect();
    let table = table.filter(&known)?;
    if table.rows() == 0 {
        return Err(Error::NoLabels { digest: request.data, label: request.label.clone() });
    }
    let truth = Truth::read(&table, request)?;
    let plain = truth.predicted(&model.predict(&table).await?, request)?;
    let mut found = vec![compare("none".into(), &truth, &plain, &plain, request, disturbances.gap)];
    let mut random = Random::new(disturbances.seed);
    let mut changed = Vec::new();
    for sigma in &disturbances.noise {
        changed.push((
            format!("noise {sigma}"),
            each(&table, request, |v, spread| v + sigma * spread.2 * random.normal())?,
        ));
    }
    for bits in &disturbances.bits {
        let levels = f64::from((1_u32 << (*bits).min(30)) - 1).max(1.0);
        let squeezed = each(&table, request, |v, (low, high, _)| {
            if high > low {
                low + ((v - low) / (high - low) * levels).round() / levels * (high - low)
            } else {
                v
            }
        })?;
        changed.push((format!("squeezed to {bits} bits"), squeezed));
    }
    for (name, table) in changed {
        let predicted = truth.predicted(&model.predict(&table).await?, request)?;
        found.push(compare(name, &truth, &plain, &predicted, request, disturbances.gap));
    }
    Ok(found)
}

/// Every float column but the label through `change`, which also gets the column's least, largest value and deviation.
fn each(
    table: &Table,
    request: &Request,
    mut change: impl FnMut(f64, (f64, f64, f64)) -> f64,
) -> Result<Table, Error> {
    let mut changed = table.clone();
    let names: Vec<String> =
        table.schema().names().filter(|n| *n != request.label).map(str::to_owned).collect();
    for name in names {
        if table.field(&name)?.data_type != DataType::Float {
            continue;
        }
        let values = table.numbers(&name)?;
        let known: Vec<f64> = values.iter().flatten().copied().filter(|v| v.is_finite()).collect();
        if known.is_empty() {
            continue;
        }
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let spread = (known.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / known.len() as f64).sqrt();
        let low = known.iter().copied().fold(f64::INFINITY, f64::min);
        let high = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let moved =
            values.iter().map(|v| v.map(|v| if v.is_finite() { change(v, (low, high, spread)) } else { v }));
        let moved: Vec<Option<f64>> = moved.collect();
        changed = changed.with_column(&name, column::floats(moved))?;
    }
    Ok(changed)
}

fn compare(
    disturbance: String,
    truth: &Truth,
    plain: &Predicted,
    moved: &Predicted,
    request: &Request,
    gap: f64,
) -> Steadiness {
    let rows = |p: &Predicted| match p {
        Predicted::Scores(v) | Predicted::Numbers(v) => v.len(),
        Predicted::Classes(v) => v.len(),
    };
    let n = rows(plain);
    let all: Vec<usize> = (0..n).collect();
    let share = |count: usize| count as f64 / n.max(1) as f64;
    let (mut changed, mut moves) = (None, None);
    match (plain, moved) {
        (Predicted::Scores(a), Predicted::Scores(b)) => {
            let side = |v: f64| v >= request.threshold;
            changed = Some(share(a.iter().zip(b).filter(|(a, b)| side(**a) != side(**b)).count()));
            moves = Some(a.iter().zip(b).map(|(a, b)| (a - b).abs()).collect::<Vec<f64>>());
        }
        (Predicted::Numbers(a), Predicted::Numbers(b)) => {
            moves = Some(a.iter().zip(b).map(|(a, b)| (a - b).abs()).collect());
        }
        (Predicted::Classes(a), Predicted::Classes(b)) => {
            changed = Some(share(a.iter().zip(b).filter(|(a, b)| a != b).count()));
        }
        _ => {}
    }
    let scores = matches!(plain, Predicted::Scores(_));
    let suspects = moves.iter().flatten().enumerate().filter(|(_, m)| scores && **m > gap);
    Steadiness {
        disturbance,
        n: n as u64,
        metrics: truth.metrics(moved, &all, request.threshold),
        changed,
        mean_move: moves.as_ref().map(|m| m.iter().sum::<f64>() / n.max(1) as f64),
        largest_move: moves.as_ref().map(|m| m.iter().copied().fold(0.0, f64::max)),
        suspects: suspects.map(|(row, _)| row as u64 + 1).collect(),
    }
}
