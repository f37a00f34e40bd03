//! What a candidate would have said: past predictions sent through it offline, and how its answers differ.

use std::collections::BTreeMap;

use blobs::Blobs;
use columns::Table;
use ledger::Ledger;
use predictions::Rows;
use runtimes::{Runtime, tabular};
use serde::{Deserialize, Serialize};
use types::{Actor, Uid};

use crate::{Error, judge, score};

/// How to compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplayPlan {
    /// The output that is compared; the only one, or `probability`, if absent.
    pub output: Option<String>,
    /// A prediction counts as changed in kind if it is on the other side of this.
    pub threshold: f64,
    /// Input columns whose values cut the rows into slices.
    pub slices: Vec<String>,
}

/// Differences over all rows, or over those of a slice: candidate less what was said then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    pub n: u64,
    pub mean_then: f64,
    pub mean_now: f64,
    pub mean_difference: f64,
    pub mean_absolute: f64,
    pub largest: f64,
    /// Rows that are on the other side of the threshold now.
    pub flipped: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    pub model_version: Uid,
    pub overall: Difference,
    /// `column = value`.
    pub slices: BTreeMap<String, Difference>,
    /// The predictions that differ most, by id: then, now.
    pub examples: Vec<(Uid, f64, f64)>,
}

const EXAMPLES: usize = 20;

/// Sends the inputs of past predictions through a model version. Nothing is recorded, and nothing is served. Errors:
/// `NoPrediction` if there is no past row, or the output is not among what was recorded; what the model says.
pub async fn replay(
    ledger: &Ledger,
    blobs: &Blobs,
    runtime: &Runtime,
    actor: &Actor,
    candidate: Uid,
    past: &Rows,
    plan: &ReplayPlan,
) -> Result<Replay, Error> {
    let nothing = || Error::NoPrediction { label: "replay".into(), what: "past predictions" };
    if past.is_empty() {
        return Err(nothing());
    }
    let output = name(&past.outputs, plan).ok_or_else(nothing)?;
    let then = past.outputs.complete_numbers(&output)?;
    let model = score::load(ledger, blobs, runtime, actor, candidate).await?;
    let now = tabular::score(&model.predict(&past.inputs).await?, &output)?;
    let all: Vec<usize> = (0..then.len()).collect();
    let mut slices = BTreeMap::new();
    for column in &plan.slices {
        for (value, rows) in judge::slices(&past.inputs, column)? {
            slices.insert(format!("{column} = {value}"), difference(&then, &now, &rows, plan.threshold));
        }
    }
    let mut order = all.clone();
    order.sort_by(|a, b| (now[*b] - then[*b]).abs().total_cmp(&(now[*a] - then[*a]).abs()));
    let examples = order.iter().take(EXAMPLES).map(|row| (past.ids[*row], then[*row], now[*row])).collect();
    let overall = difference(&then, &now, &all, plan.threshold);
    Ok(Replay { model_version: candidate, overall, slices, examples })
}

fn name(outputs: &Table, plan: &ReplayPlan) -> Option<String> {
    let names: Vec<&str> = outputs.schema().names().collect();
    match (&plan.output, names.as_slice()) {
        (Some(name), _) => Some(name.clone()),
        (None, [only]) => Some((*only).to_owned()),
        (None, names) => names.iter().find(|name| **name == "probability").map(|name| (*name).to_owned()),
    }
}

fn difference(then: &[f64], now: &[f64], rows: &[usize], threshold: f64) -> Difference {
    let n = rows.len().max(1) as f64;
    let sum = |of: &dyn Fn(usize) -> f64| rows.iter().map(|row| of(*row)).sum::<f64>() / n;
    let apart = |row: usize| now[row] - then[row];
    Difference {
        n: rows.len() as u64,
        mean_then: sum(&|row| then[row]),
        mean_now: sum(&|row| now[row]),
        mean_difference: sum(&apart),
        mean_absolute: sum(&|row| apart(row).abs()),
        largest: rows.iter().map(|row| apart(*row).abs()).fold(0.0, f64::max),
        flipped: rows.iter().filter(|row| (then[**row] >= threshold) != (now[**row] >= threshold)).count()
            as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_candidate_less_then() {
        let found = difference(&[0.2, 0.6], &[0.6, 0.5], &[0, 1], 0.5);
        assert!((found.mean_difference - 0.15).abs() < 1e-12 && (found.largest - 0.4).abs() < 1e-12);
        assert_eq!((found.flipped, found.n), (1, 2));
    }
}
