use super::Metric;
use crate::interval::{deviation, mean};

/// The area under the ROC curve, ties counted half; `None` unless both classes are there.
pub fn roc_auc(truth: &[bool], scores: &[f64]) -> Option<f64> {
    let positives = truth.iter().filter(|t| **t).count() as f64;
    let negatives = truth.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let mut order: Vec<usize> = (0..truth.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let (mut below, mut wins) = (0.0, 0.0);
    for tied in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let positive = tied.iter().filter(|row| truth[**row]).count() as f64;
        let negative = tied.len() as f64 - positive;
        wins += positive * (below + negative / 2.0);
        below += negative;
    }
    Some(wins / (positives * negatives))
}

/// Precision averaged over recall (scikit-learn's `average_precision_score`); `None` without positives.
pub fn average_precision(truth: &[bool], scores: &[f64]) -> Option<f64> {
    let positives = truth.iter().filter(|t| **t).count() as f64;
    if positives == 0.0 {
        return None;
    }
    let mut order: Vec<usize> = (0..truth.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let (mut hits, mut seen, mut sum) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let here = tied.iter().filter(|row| truth[**row]).count() as f64;
        hits += here;
        seen += tied.len() as f64;
        sum += here / positives * hits / seen;
    }
    Some(sum)
}

/// What a metric came to where labels are known; NaN where it cannot be told.
pub fn realized(metric: Metric, truth: &[bool], scores: &[f64], predicted: &[bool]) -> f64 {
    let count = |t: bool, p: bool| {
        truth.iter().zip(predicted).filter(|(truth, pred)| **truth == t && **pred == p).count() as f64
    };
    let (tp, fp) = (count(true, true), count(false, true));
    let (tn, fneg) = (count(false, false), count(true, false));
    let n = truth.len() as f64;
    if n == 0.0 {
        return f64::NAN;
    }
    let share = |part: f64, whole: f64| if whole == 0.0 { 0.0 } else { part / whole };
    // Upstream does not tell these where labels or predictions are all the same.
    let varied = tp + fneg > 0.0 && tn + fp > 0.0 && tp + fp > 0.0 && tn + fneg > 0.0;
    match metric {
        Metric::RocAuc => roc_auc(truth, scores).unwrap_or(f64::NAN),
        Metric::AveragePrecision => average_precision(truth, scores).unwrap_or(f64::NAN),
        Metric::Accuracy => (tp + tn) / n,
        Metric::TruePositive => tp,
        Metric::TrueNegative => tn,
        Metric::FalsePositive => fp,
        Metric::FalseNegative => fneg,
        _ if !varied => f64::NAN,
        Metric::F1 => share(2.0 * tp, 2.0 * tp + fp + fneg),
        Metric::Precision => share(tp, tp + fp),
        Metric::Recall => share(tp, tp + fneg),
        Metric::Specificity => share(tn, tn + fp),
    }
}

/// How much a metric over `rows` rows varies by chance, judged from a reference with labels (one standard error). For
/// the average precision, upstream resamples without a seed; here it is from 50 samples with a fixed one.
pub fn sampling_error(
    metric: Metric,
    truth: &[bool],
    scores: &[f64],
    predicted: &[bool],
    rows: usize,
) -> f64 {
    let n = truth.len() as f64;
    let pairs = || truth.iter().copied().zip(predicted.iter().copied());
    let wrong = |t: bool, p: bool| t != p;
    // 1 for what counts as right, 0 for what counts as wrong, the rest left out.
    let right_among = |right: (bool, bool), among: &dyn Fn(bool, bool) -> bool| -> Vec<f64> {
        pairs().filter(|(t, p)| among(*t, *p)).map(|pair| f64::from(u8::from(pair == right))).collect()
    };
    let over = |values: Vec<f64>, fraction: f64| deviation(&values) / (rows as f64 * fraction).sqrt();
    let counted = |cell: (bool, bool)| {
        let hits: Vec<f64> = pairs().map(|pair| f64::from(u8::from(pair == cell))).collect();
        deviation(&hits) * (rows as f64).sqrt()
    };
    match metric {
        Metric::RocAuc => {
            let (values, fraction) = ranks(truth, scores);
            over(values, fraction)
        }
        Metric::AveragePrecision => {
            let size = (truth.len() / 2).min(50_000);
            resampled(truth, scores, size) * (size as f64 / rows as f64).sqrt()
        }
        Metric::F1 => {
            let values = right_among((true, true), &|t, p| t || p);
            let misses = values.iter().filter(|v| **v == 0.0).count() as f64;
            let hits = values.len() as f64 - misses;
            let scale = values.len() as f64 / (misses * 0.5 + hits);
            let fraction = values.len() as f64 / n;
            over(values.iter().map(|v| v * scale).collect(), fraction)
        }
        Metric::Precision => {
            let values = right_among((true, true), &|_, p| p);
            let fraction = values.len() as f64 / n;
            over(values, fraction)
        }
        Metric::Recall => {
            let values = right_among((true, true), &|t, _| t);
            let fraction = values.len() as f64 / n;
            over(values, fraction)
        }
        Metric::Specificity => {
            let values = right_among((false, false), &|t, _| !t);
            let fraction = values.len() as f64 / n;
            over(values, fraction)
        }
        Metric::Accuracy => over(pairs().map(|(t, p)| f64::from(u8::from(!wrong(t, p)))).collect(), 1.0),
        Metric::TruePositive => counted((true, true)),
        Metric::TrueNegative => counted((false, false)),
        Metric::FalsePositive => counted((false, true)),
        Metric::FalseNegative => counted((true, false)),
    }
}

/// For each row of the rarer class, the share of the other class that it ranks above, and the share of the rarer class.
fn ranks(truth: &[bool], scores: &[f64]) -> (Vec<f64>, f64) {
    let ones: Vec<f64> = truth.iter().map(|t| f64::from(u8::from(*t))).collect();
    let turn = mean(&ones) > 0.5;
    let score = |row: usize| if turn { 1.0 - scores[row] } else { scores[row] };
    let mut order: Vec<usize> = (0..truth.len()).collect();
    order.sort_by(|a, b| score(*a).total_cmp(&score(*b)));
    let places: Vec<usize> =
        order.iter().enumerate().filter(|(_, row)| truth[**row] != turn).map(|(place, _)| place).collect();
    let positives = places.len() as f64;
    let negatives = truth.len() as f64 - positives;
    // Upstream drops the smallest rank: it marks rows that are not positive with rank 0, and leaves rank 0 out.
    let skipped = usize::from(places.first() == Some(&0));
    let values = places[skipped..]
        .iter()
        .enumerate()
        .map(|(i, place)| (*place as f64 - i as f64) / negatives)
        .collect();
    (values, positives / truth.len() as f64)
}

fn resampled(truth: &[bool], scores: &[f64], size: usize) -> f64 {
    const ROUNDS: usize = 50;
    let mut random = crate::Random::new(42);
    let mut found = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let rows: Vec<usize> = (0..size).map(|_| random.below(truth.len())).collect();
        let t: Vec<bool> = rows.iter().map(|row| truth[*row]).collect();
        let s: Vec<f64> = rows.iter().map(|row| scores[*row]).collect();
        found.extend(average_precision(&t, &s));
    }
    if found.is_empty() { f64::NAN } else { deviation(&found) }
}
