use std::collections::BTreeMap;

use columns::Table;
use serde_json::json;
use statistics::poison::{kmeans, silhouette, spectral_scores};
use statistics::representation::{holm, wilson};
use statistics::{Matrix, Random, eigen};

use super::above;
use super::labels::features;
use crate::Error;
use crate::verify::features::labels;
use crate::verify::{Evidence, Finding, Kind, Plan, Statistic, Verdict};

/// A class of fewer rows is left out.
const FEWEST: usize = 40;
/// Rows of a class that are looked at; more are sampled.
const MOST: usize = 1_500;
/// Principal components that are kept.
const DIMENSIONS: usize = 10;
/// Classes without poison that a class is held against.
const ROUNDS: usize = 120;
/// The highest of these, from whose excess the tail beyond all of them is drawn.
const HIGHEST: usize = 18;
/// The share of a class that is expected to be planted at most, times 1.5 (Tran, Li and Madry, 2018).
const SHARE: f64 = 0.15;
/// The smaller of two clusters holds less than this.
const SMALL: f64 = 0.35;

/// One class: how far its statistic is above that of normal data of the same covariance, and which rows do it.
struct Class {
    name: String,
    p: f64,
    suspects: Vec<(usize, f64)>,
    rows: usize,
}

/// Whether a class has a direction, or a heap, of its own that normal data of the same covariance has not. What is
/// usual is simulated; the false-positive rate holds as far as a clean class is near normal.
pub(in crate::verify) fn planted(kind: Kind, table: &Table, plan: &Plan) -> Result<Finding, Error> {
    let label =
        plan.label.as_deref().ok_or_else(|| Error::BadVerification("no label column is named".into()))?;
    let labels = labels(table, label)?;
    let matrix = features(table, plan, &plan.activations)?;
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    labels.of.iter().enumerate().for_each(|(row, class)| {
        if let Some(class) = class {
            members.entry(*class).or_default().push(row);
        }
    });
    let mut random = Random::new(plan.seed);
    let mut classes = Vec::new();
    for (class, mut rows) in members {
        if rows.len() < FEWEST {
            continue;
        }
        if rows.len() > MOST {
            let drawn = random.sample(rows.len(), MOST);
            rows = drawn.into_iter().map(|i| rows[i]).collect();
            rows.sort_unstable();
        }
        classes.push(judge(kind, &labels.classes[class], &matrix, rows, &mut random)?);
    }
    if classes.is_empty() {
        return Err(Error::BadVerification(format!("no class has {FEWEST} rows")));
    }
    let adjusted = holm(&classes.iter().map(|class| class.p).collect::<Vec<_>>());
    let least = adjusted.iter().copied().fold(1.0_f64, f64::min);
    let threshold = plan.threshold(kind);
    let value = -least.max(1e-300).log10();
    let verdict = above(value, threshold);
    let n: usize = classes.iter().map(|class| class.rows).sum();
    let mut evidence: Vec<(f64, Evidence)> = Vec::new();
    for (class, p) in classes.iter().zip(&adjusted).filter(|(_, p)| -p.max(1e-300).log10() >= threshold.warn)
    {
        for (row, score) in &class.suspects {
            let value = json!({"class": class.name, "score": score, "p": p});
            let why = match kind {
                Kind::SpectralSignatures => {
                    format!("among the furthest of class {} along its main direction", class.name)
                }
                _ => format!("in a small heap of class {} that lies apart", class.name),
            };
            evidence.push((*score, Evidence { row: Some(*row as u64 + 1), column: None, value, why }));
        }
    }
    evidence.sort_by(|a, b| b.0.total_cmp(&a.0));
    let found = evidence.len() as u64;
    let interval = wilson(found as f64, n as f64, 0.95).ok();
    let evidence = evidence.into_iter().take(plan.evidence).map(|(_, e)| e).collect();
    let test = match kind {
        Kind::SpectralSignatures => "spectral signatures",
        _ => "activation clustering",
    };
    let text = match verdict {
        Verdict::Pass => format!(
            "no evidence of planted rows at a false-positive rate of {} by {test}, in {} classes; planted rows that look \
             like their class are not found this way",
            plan.level,
            classes.len()
        ),
        _ => format!(
            "{test} finds rows that pull a class their own way ({found} suspects of {n} rows, p = {least:.2e})"
        ),
    };
    let statistic = Some(Statistic { name: "−log₁₀ p over classes (Holm)".into(), value });
    Ok(Finding {
        check: kind,
        verdict,
        statistic,
        interval,
        n: n as u64,
        threshold: Some(threshold),
        text,
        evidence,
        found,
    })
}

fn judge(
    kind: Kind,
    name: &str,
    matrix: &Matrix,
    rows: Vec<usize>,
    random: &mut Random,
) -> Result<Class, Error> {
    let own = components(&matrix.take(&rows));
    let spread: Vec<f64> = (0..own.columns()).map(|j| deviation(&own.column(j))).collect();
    let (value, suspects) = measure(kind, &own, &rows)?;
    let mut usual = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let drawn: Vec<Vec<f64>> =
            (0..rows.len()).map(|_| spread.iter().map(|s| s * random.normal()).collect()).collect();
        usual.push(measure(kind, &Matrix::of_rows(&drawn)?, &rows)?.0);
    }
    let p = tail(&mut usual, value);
    Ok(Class { name: name.to_owned(), p, suspects, rows: rows.len() })
}

/// How likely a value as high as `value` is among `usual`: its rank, and beyond the [`HIGHEST`] an exponential tail with their mean
/// excess (peaks over a threshold; Pickands, 1975). Such statistics are skewed: a normal tail would accuse the innocent.
fn tail(usual: &mut [f64], value: f64) -> f64 {
    usual.sort_by(f64::total_cmp);
    let n = usual.len() as f64;
    let (below, highest) = usual.split_at(usual.len().saturating_sub(HIGHEST));
    let from = below.last().copied().unwrap_or(f64::NEG_INFINITY);
    if value <= from {
        let higher = usual.iter().filter(|usual| **usual >= value).count() as f64;
        return (higher + 1.0) / (n + 1.0);
    }
    let share = highest.len() as f64 / n;
    let excess = highest.iter().map(|high| high - from).sum::<f64>() / highest.len().max(1) as f64;
    if excess > 0.0 { share * (-(value - from) / excess).exp() } else { 0.0 }
}

/// The statistic of a class, and the rows that make it what it is.
fn measure(kind: Kind, own: &Matrix, rows: &[usize]) -> Result<(f64, Vec<(usize, f64)>), Error> {
    if kind == Kind::SpectralSignatures {
        let scores = spectral_scores(&own.centred(&own.means()))?;
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let far = ((SHARE * scores.len() as f64).ceil() as usize).max(1);
        let mean =
            |places: &[usize]| places.iter().map(|i| scores[*i]).sum::<f64>() / places.len().max(1) as f64;
        let rest = mean(&order[far..]);
        let value = if rest > 0.0 { mean(&order[..far]) / rest } else { 1.0 };
        let suspects = order[..far].iter().map(|i| (rows[*i], scores[*i])).collect();
        return Ok((value, suspects));
    }
    let clusters = kmeans(own, 2, 3, 1);
    let second = clusters.iter().filter(|c| **c == 1).count();
    let smaller = usize::from(second * 2 < clusters.len());
    let share = second.min(clusters.len() - second) as f64 / clusters.len() as f64;
    let step = clusters.len().div_ceil(400);
    let some: Vec<usize> = (0..clusters.len()).step_by(step).collect();
    let apart = silhouette(&own.take(&some), &some.iter().map(|i| clusters[*i]).collect::<Vec<_>>());
    // Two halves are how a clean class is split; a small cluster counts the more the further it lies apart.
    let value = if share < SMALL { apart } else { apart.min(0.0) };
    let members = (0..clusters.len()).filter(|i| clusters[*i] == smaller && share < SMALL);
    Ok((value, members.map(|i| (rows[i], apart)).collect()))
}

fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt()
}

/// The rows in their first principal components.
fn components(rows: &Matrix) -> Matrix {
    let centred = rows.centred(&rows.means());
    let kept = DIMENSIONS.min(centred.columns());
    let vectors = eigen(&centred.gram()).vectors;
    let mut out = Matrix::zeros(centred.rows(), kept);
    for (i, row) in centred.iter().enumerate() {
        for (j, vector) in vectors.iter().take(kept).enumerate() {
            out.set(i, j, row.iter().zip(vector).map(|(a, b)| a * b).sum());
        }
    }
    out
}
