//! How good predictions are, given what turned out to be true.

use std::collections::BTreeMap;

/// Metrics by name. A metric that the sample does not allow (one class only, no rows) is absent.
pub type Metrics = BTreeMap<&'static str, f64>;

/// Metrics of a binary classifier: `truth` is whether the positive class was true, `score` its predicted
/// probability; both have one item a row. Labels are predicted positive from `threshold` on.
/// `roc_auc` counts ties half (Mann–Whitney); `log_loss` clips probabilities to [ε, 1 − ε] with the ε of
/// 64-bit floats, as scikit-learn does.
pub fn binary(truth: &[bool], score: &[f64], threshold: f64) -> Metrics {
    let mut metrics = Metrics::new();
    let n = truth.len().min(score.len());
    if n == 0 {
        return metrics;
    }
    let (mut tp, mut fp, mut tn, mut fneg) = (0.0, 0.0, 0.0, 0.0);
    let (mut log_loss, mut brier) = (0.0, 0.0);
    for (&t, &s) in truth.iter().zip(score) {
        match (t, s >= threshold) {
            (true, true) => tp += 1.0,
            (false, true) => fp += 1.0,
            (false, false) => tn += 1.0,
            (true, false) => fneg += 1.0,
        }
        let p = s.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        log_loss -= if t { p.ln() } else { (1.0 - p).ln() };
        brier += (s - f64::from(u8::from(t))).powi(2);
    }
    let rows = n as f64;
    metrics.insert("accuracy", (tp + tn) / rows);
    metrics.insert("log_loss", log_loss / rows);
    metrics.insert("brier", brier / rows);
    metrics.insert("positive_rate", (tp + fneg) / rows);
    metrics.insert("predicted_positive_rate", (tp + fp) / rows);
    if tp + fp > 0.0 {
        metrics.insert("precision", tp / (tp + fp));
    }
    if tp + fneg > 0.0 {
        metrics.insert("recall", tp / (tp + fneg));
        metrics.insert("f1", 2.0 * tp / (2.0 * tp + fp + fneg));
    }
    if let Some(auc) = roc_auc(truth, score) {
        metrics.insert("roc_auc", auc);
    }
    metrics
}

/// Area under the ROC curve; `None` unless both classes are there.
fn roc_auc(truth: &[bool], score: &[f64]) -> Option<f64> {
    let mut pairs: Vec<(f64, bool)> = score.iter().copied().zip(truth.iter().copied()).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = truth.iter().filter(|t| **t).count() as f64;
    let negatives = truth.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let (mut below, mut wins) = (0.0, 0.0);
    for tied in pairs.chunk_by(|a, b| a.0 == b.0) {
        let positive = tied.iter().filter(|(_, t)| *t).count() as f64;
        let negative = tied.len() as f64 - positive;
        wins += positive * (below + negative / 2.0);
        below += negative;
    }
    Some(wins / (positives * negatives))
}

/// Metrics of a classifier of any number of classes, from the class that each row was given. `macro_*` are plain
/// means over the classes that occur in either, `weighted_f1` weighs them by how often they were true; a class that
/// was never predicted, or never true, counts 0 (as scikit-learn with `zero_division=0`).
pub fn multiclass(truth: &[String], predicted: &[String]) -> Metrics {
    let mut metrics = Metrics::new();
    let n = truth.len().min(predicted.len());
    if n == 0 {
        return metrics;
    }
    // By class: right, predicted, true.
    let mut classes: BTreeMap<&str, (f64, f64, f64)> = BTreeMap::new();
    for (t, p) in truth.iter().zip(predicted) {
        classes.entry(t).or_default().2 += 1.0;
        let given = classes.entry(p).or_default();
        given.1 += 1.0;
        given.0 += f64::from(u8::from(t == p));
    }
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let (count, rows) = (classes.len() as f64, n as f64);
    let f1 = |c: &(f64, f64, f64)| share(2.0 * c.0, c.1 + c.2);
    metrics.insert("accuracy", classes.values().map(|c| c.0).sum::<f64>() / rows);
    metrics.insert("macro_precision", classes.values().map(|c| share(c.0, c.1)).sum::<f64>() / count);
    metrics.insert("macro_recall", classes.values().map(|c| share(c.0, c.2)).sum::<f64>() / count);
    metrics.insert("macro_f1", classes.values().map(f1).sum::<f64>() / count);
    metrics.insert("weighted_f1", classes.values().map(|c| f1(c) * c.2).sum::<f64>() / rows);
    metrics
}

/// Metrics of a regression: root mean squared and mean absolute error in the label's unit, and R².
pub fn regression(truth: &[f64], predicted: &[f64]) -> Metrics {
    let mut metrics = Metrics::new();
    let n = truth.len().min(predicted.len());
    if n == 0 {
        return metrics;
    }
    let rows = n as f64;
    let errors = || truth.iter().zip(predicted).map(|(t, p)| t - p);
    let squared: f64 = errors().map(|e| e * e).sum();
    metrics.insert("rmse", (squared / rows).sqrt());
    metrics.insert("mae", errors().map(f64::abs).sum::<f64>() / rows);
    let mean = truth.iter().sum::<f64>() / rows;
    let spread: f64 = truth.iter().map(|t| (t - mean).powi(2)).sum();
    if spread > 0.0 {
        metrics.insert("r2", 1.0 - squared / spread);
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auc_counts_ties_half_and_needs_both_classes() {
        let metrics = binary(&[false, false, true, true], &[0.1, 0.4, 0.35, 0.8], 0.5);
        assert!((metrics["roc_auc"] - 0.75).abs() < 1e-12);
        assert!((binary(&[true, false], &[0.5, 0.5], 0.5)["roc_auc"] - 0.5).abs() < 1e-12);
        assert!(!binary(&[true, true], &[0.5, 0.6], 0.5).contains_key("roc_auc"));
    }

    #[test]
    fn log_loss_and_brier_are_means() {
        let metrics = binary(&[true, false], &[0.8, 0.4], 0.5);
        assert!((metrics["log_loss"] - (-(0.8_f64.ln()) - 0.6_f64.ln()) / 2.0).abs() < 1e-12);
        assert!((metrics["brier"] - (0.04 + 0.16) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn regression_metrics_agree_with_a_hand_computation() {
        let metrics = regression(&[1.0, 2.0, 3.0], &[1.0, 2.0, 5.0]);
        assert!((metrics["mae"] - 2.0 / 3.0).abs() < 1e-12);
        assert!((metrics["r2"] + 1.0).abs() < 1e-12);
    }
}
