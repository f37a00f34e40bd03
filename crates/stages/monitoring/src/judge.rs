//! One window against the baseline.

use columns::{Table, drift};

use crate::baseline::{Column, Sample};
use crate::model::{FeatureScore, Judgement, Method, MonitorSpec};
use crate::{Baseline, Error};

/// Chance that calibration leaves to a feature that did not drift.
const ALPHA: f64 = 0.01;
/// Pairs of values up to which the exact Kolmogorov–Smirnov test is quick enough for every feature of every window.
const MOST_EXACT: usize = 10_000_000;

/// Scores every column of `window` that the baseline knows too. Columns that only one of them has say nothing: the
/// baseline also holds labels and keys.
pub fn judge(spec: &MonitorSpec, baseline: &Baseline, window: &Table) -> Result<Judgement, Error> {
    let mut features = Vec::new();
    for name in window.schema().names() {
        let rule = spec.features.get(name).copied().unwrap_or_default();
        let Some(column) = baseline.columns.get(name).filter(|_| !rule.ignore) else { continue };
        let mut method = rule.method.unwrap_or(spec.method);
        let mut threshold = rule.threshold.unwrap_or(spec.threshold);
        if method.needs_numbers() && !column.is_numeric {
            // Texts have no order. The nearest test over categories stands in, with its own kind of threshold.
            (method, threshold) = match method {
                Method::Ks => (Method::ChiSquare, threshold),
                _ => (Method::Jensenshannon, rule.threshold.unwrap_or(0.1)),
            };
        }
        features.push(feature(name, method, threshold, spec, column, &Sample::of(window, name)?));
    }
    let judged = features.iter().filter(|f| f.score.is_some() || f.drifted).count();
    let drifted = features.iter().filter(|f| f.drifted).count();
    let share = if judged == 0 { 0.0 } else { drifted as f64 / judged as f64 };
    Ok(Judgement { drifted: drifted > 0 && share >= spec.share - 1e-9, features, share })
}

fn feature(
    name: &str,
    method: Method,
    threshold: f64,
    spec: &MonitorSpec,
    column: &Column,
    sample: &Sample,
) -> FeatureScore {
    let (present, missing) = match sample {
        Sample::Numbers(values, missing) => (values.len() as u64, *missing),
        Sample::Texts(values, missing) => (values.len() as u64, *missing),
    };
    let rules = &spec.rules;
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let in_baseline: u64 = column.counts.iter().sum();
    let mut score = FeatureScore {
        name: name.to_owned(),
        method,
        score: None,
        threshold,
        drifted: false,
        reason: None,
        baseline_missing: share(column.missing, column.missing + in_baseline),
        current_missing: share(missing, missing + present),
        out_of_range: outside(column, sample),
        unseen: 0.0,
        baseline: Some(column.shown_counts.clone()),
        current: None,
    };
    let (mut counts, shown) = match sample {
        Sample::Numbers(values, _) => (column.bins.count_numbers(values), column.shown.count_numbers(values)),
        Sample::Texts(values, _) => {
            let texts = || values.iter().map(String::as_str);
            (column.bins.count_texts(texts()), column.shown.count_texts(texts()))
        }
    };
    if !column.is_numeric {
        score.unseen = share(counts.last().copied().unwrap_or(0), present);
    }
    score.current = Some(column.shown.with_counts(shown));
    if in_baseline == 0 {
        score.reason = Some("the baseline has no value".into());
        return score;
    }
    if present == 0 {
        // Values that stopped coming are drift, whatever the method.
        score.reason = Some("every value of the window is missing".into());
        score.drifted = missing > 0;
        return score;
    }
    if rules.min_rows.is_some_and(|least| present < least) {
        score.reason = Some(format!("{present} values are too few to be judged"));
        return score;
    }
    if column.is_numeric != matches!(sample, Sample::Numbers(..)) {
        score.reason = Some("the baseline and the window have different types".into());
        score.drifted = true;
        return score;
    }
    let mut expected = column.counts.clone();
    if column.missing > 0 || missing > 0 {
        expected.push(column.missing);
        counts.push(missing);
    }
    let numbers = match sample {
        Sample::Numbers(values, _) => values.as_slice(),
        Sample::Texts(..) => &[],
    };
    let found = match method {
        Method::Psi => drift::psi(&expected, &counts),
        Method::Jensenshannon => drift::jensen_shannon(&expected, &counts),
        Method::ChiSquare => drift::chi_square(&expected, &counts),
        Method::Ks if column.numbers.len().saturating_mul(numbers.len()) <= MOST_EXACT => {
            drift::kolmogorov_smirnov(&column.numbers, numbers).map(|(_, p)| p)
        }
        Method::Ks => drift::kolmogorov_smirnov_asymptotic(&column.numbers, numbers).map(|(_, p)| p),
        Method::Wasserstein => drift::wasserstein(&column.numbers, numbers),
    };
    match found {
        Ok(value) if value.is_finite() => {
            if spec.calibrate
                && let Some(quantile) = chance(method, &expected, &counts, column, numbers.len())
            {
                score.threshold = threshold.max(quantile);
            }
            score.drifted = match method.is_p_value() {
                true => value <= score.threshold,
                false => value >= score.threshold,
            };
            score.score = Some(value);
        }
        Ok(_) => score.reason = Some("the score is not finite".into()),
        Err(reason) => score.reason = Some(reason.to_string()),
    }
    score
}

/// The share of numbers outside of the baseline's range.
fn outside(column: &Column, sample: &Sample) -> f64 {
    let (Sample::Numbers(values, _), Some(low), Some(high)) =
        (sample, column.numbers.first(), column.numbers.last())
    else {
        return 0.0;
    };
    let count = values.iter().filter(|v| !(low..=high).contains(v)).count();
    if values.is_empty() { 0.0 } else { count as f64 / values.len() as f64 }
}

/// The score that two samples of one distribution exceed with probability 1 %; `None` for p-values, which have
/// chance in them already.
fn chance(method: Method, expected: &[u64], counts: &[u64], column: &Column, rows: usize) -> Option<f64> {
    match method {
        Method::Psi => drift::psi_by_chance(expected, counts, ALPHA),
        Method::Jensenshannon => drift::jensen_shannon_by_chance(expected, counts, ALPHA),
        Method::Wasserstein => drift::wasserstein_by_chance(&column.numbers, rows),
        Method::Ks | Method::ChiSquare => None,
    }
}
