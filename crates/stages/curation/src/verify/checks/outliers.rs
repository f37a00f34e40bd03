use columns::Table;
use serde_json::json;
use statistics::outliers::{Covariance, Forest, LocalOutlierFactor};
use statistics::{Matrix, Random};

use super::{percent, share_finding};
use crate::Error;
use crate::verify::features::{encoded, feature_columns};
use crate::verify::{Evidence, Finding, Kind, Plan, Verdict};

const FEWEST: usize = 30;
const TREES: usize = 100;
const SAMPLES: usize = 256;
const NEIGHBOURS: usize = 20;
/// The usual cut of the local outlier factor.
const FACTOR: f64 = 1.5;
/// Neighbourhoods are looked at among so many rows at most.
const MOST_NEIGHBOURS: usize = 20_000;

/// Rows that at least two of three ways find far away.
pub(in crate::verify) fn outliers(table: &Table, plan: &Plan) -> Result<Finding, Error> {
    let names = feature_columns(table, plan)?;
    let matrix =
        encoded(table, &names)?.ok_or_else(|| Error::BadVerification("no column is a feature".into()))?;
    let n = matrix.rows();
    if n < FEWEST {
        return Err(Error::BadVerification(format!("{n} rows are too few (at least {FEWEST})")));
    }
    let spread = Covariance::ledoit_wolf(&matrix)?.covariance;
    let cut = spread.cut(plan.level);
    let forest = Forest::grow(&matrix, TREES, SAMPLES, plan.seed)?;
    let low = -0.5 - 0.1;
    let factors = factors(&matrix, plan.seed)?;
    let mut found: Vec<(f64, Evidence)> = Vec::new();
    for (row, values) in matrix.iter().enumerate() {
        let distance = spread.squared_distance(values);
        let score = forest.score(values);
        let far = [distance > cut, score < low, factors[row] > FACTOR];
        if far.iter().filter(|far| **far).count() < 2 {
            continue;
        }
        let names = ["its Mahalanobis distance", "an isolation forest", "its neighbours"];
        let by: Vec<&str> =
            names.into_iter().zip(far).filter(|(_, far)| *far).map(|(name, _)| name).collect();
        let value =
            json!({"mahalanobis": distance.sqrt(), "isolation": score, "local_outlier_factor": factors[row]});
        let why = format!("set apart by {}", by.join(" and "));
        found.push((distance / cut, Evidence { row: Some(row as u64 + 1), column: None, value, why }));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let evidence = found.into_iter().map(|(_, e)| e).collect();
    Ok(share_finding(Kind::Outliers, plan, n, evidence, |verdict, share| match verdict {
        Verdict::Pass => format!(
            "no evidence of more outliers than usual: {} of {n} rows, by two of three ways",
            percent(share)
        ),
        _ => format!("{} of {n} rows are unlike the others, by two of three ways", percent(share)),
    }))
}

/// Each row against others, or against a sample where there are very many.
fn factors(matrix: &Matrix, seed: u64) -> Result<Vec<f64>, Error> {
    let n = matrix.rows();
    let k = NEIGHBOURS.min(n - 1);
    if n <= MOST_NEIGHBOURS {
        return Ok(LocalOutlierFactor::new(matrix, k)?.factors().to_vec());
    }
    let sample = matrix.take(&Random::new(seed).sample(n, MOST_NEIGHBOURS));
    let of = LocalOutlierFactor::new(&sample, k)?;
    matrix.iter().map(|row| Ok(of.of(row)?)).collect()
}
