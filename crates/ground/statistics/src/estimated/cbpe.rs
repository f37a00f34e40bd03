use super::{Chunk, Isotonic, Limits, alert, limits, needs_calibration, realized, sampling_error};
use crate::Error;

/// What can be estimated of a binary classifier before its labels come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    RocAuc,
    AveragePrecision,
    F1,
    Precision,
    Recall,
    Specificity,
    Accuracy,
    TruePositive,
    TrueNegative,
    FalsePositive,
    FalseNegative,
}

impl Metric {
    pub const ALL: [Self; 11] = [
        Self::RocAuc,
        Self::AveragePrecision,
        Self::F1,
        Self::Precision,
        Self::Recall,
        Self::Specificity,
        Self::Accuracy,
        Self::TruePositive,
        Self::TrueNegative,
        Self::FalsePositive,
        Self::FalseNegative,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::RocAuc => "roc_auc",
            Self::AveragePrecision => "average_precision",
            Self::F1 => "f1",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::Specificity => "specificity",
            Self::Accuracy => "accuracy",
            Self::TruePositive => "true_positive",
            Self::TrueNegative => "true_negative",
            Self::FalsePositive => "false_positive",
            Self::FalseNegative => "false_negative",
        }
    }

    /// The most that it can be.
    fn most(self) -> Option<f64> {
        let counted = matches!(
            self,
            Self::TruePositive | Self::TrueNegative | Self::FalsePositive | Self::FalseNegative
        );
        (!counted).then_some(1.0)
    }
}

/// Confidence-based performance estimation: calibrated probabilities say how many predictions are expected to be right.
#[derive(Clone, Debug)]
pub struct Cbpe {
    truth: Vec<bool>,
    scores: Vec<f64>,
    predicted: Vec<bool>,
    chunks: Vec<Chunk>,
    calibration: Option<Isotonic>,
}

/// One metric of one chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub value: f64,
    /// One standard error by chance.
    pub sampling_error: f64,
    /// Three of them around the value, within what the metric can be.
    pub lower: f64,
    pub upper: f64,
    /// Where the value is expected, by the reference.
    pub limits: Limits,
    pub alert: bool,
}

impl Cbpe {
    /// `scores` are the probabilities of the positive class in a reference whose labels are known, `chunks` cut it to
    /// tell what is usual. Calibrates if that helps. Errors: `Length`, `Empty`, `OutOfRange`, `NotComputable`.
    pub fn fit(truth: &[bool], scores: &[f64], predicted: &[bool], chunks: &[Chunk]) -> Result<Self, Error> {
        Error::length("the scores", truth.len(), scores.len())?;
        Error::length("the predictions", truth.len(), predicted.len())?;
        if truth.is_empty() {
            return Err(Error::Empty("the reference"));
        }
        let y: Vec<f64> = truth.iter().map(|t| f64::from(u8::from(*t))).collect();
        let calibration =
            if needs_calibration(truth, scores)? { Some(Isotonic::fit(scores, &y)?) } else { None };
        Ok(Self {
            truth: truth.to_vec(),
            scores: scores.to_vec(),
            predicted: predicted.to_vec(),
            chunks: chunks.to_vec(),
            calibration,
        })
    }

    /// The calibration, if the scores needed one.
    pub fn calibration(&self) -> Option<&Isotonic> {
        self.calibration.as_ref()
    }

    /// What the chunks of the reference came to, three standard deviations around.
    pub fn limits(&self, metric: Metric) -> Limits {
        let of = |chunk: &Chunk| {
            let rows = chunk.clone();
            let (t, s) = (&self.truth[rows.clone()], &self.scores[rows.clone()]);
            realized(metric, t, s, &self.predicted[rows])
        };
        let values: Vec<f64> = self.chunks.iter().map(of).collect();
        limits(&values, 3.0, Some(0.0), metric.most(), false)
    }

    /// Of rows whose labels are not known. Errors: `Length`, `Empty`.
    pub fn estimate(&self, metric: Metric, scores: &[f64], predicted: &[bool]) -> Result<Estimate, Error> {
        self.estimate_within(metric, scores, predicted, self.limits(metric))
    }

    /// [`Cbpe::estimate`] with limits that are known already.
    pub fn estimate_within(
        &self,
        metric: Metric,
        scores: &[f64],
        predicted: &[bool],
        limits: Limits,
    ) -> Result<Estimate, Error> {
        Error::length("the predictions", scores.len(), predicted.len())?;
        if scores.is_empty() {
            return Err(Error::Empty("the chunk"));
        }
        let calibrated = |s: &f64| self.calibration.as_ref().map_or(*s, |curve| curve.at(*s));
        let p: Vec<f64> = scores.iter().map(calibrated).collect();
        let value = expected(metric, &p, scores, predicted);
        let error = sampling_error(metric, &self.truth, &self.scores, &self.predicted, scores.len());
        Ok(Estimate {
            value,
            sampling_error: error,
            lower: (value - 3.0 * error).max(0.0),
            upper: (value + 3.0 * error).min(metric.most().unwrap_or(f64::INFINITY)),
            limits,
            alert: alert(value, &limits),
        })
    }
}

/// `p` is how likely each row is positive, `scores` is what it was ranked by.
fn expected(metric: Metric, p: &[f64], scores: &[f64], predicted: &[bool]) -> f64 {
    let sum = |when: bool, of: &dyn Fn(f64) -> f64| -> f64 {
        p.iter().zip(predicted).filter(|(_, pred)| **pred == when).map(|(p, _)| of(*p)).sum()
    };
    let (tp, fp) = (sum(true, &|p| p), sum(true, &|p| 1.0 - p));
    let (fneg, tn) = (sum(false, &|p| p), sum(false, &|p| 1.0 - p));
    let share = |part: f64, whole: f64| if whole == 0.0 { 0.0 } else { part / whole };
    match metric {
        Metric::RocAuc => expected_auc(p, scores),
        Metric::AveragePrecision => expected_precision(p, scores),
        Metric::F1 => share(tp, tp + 0.5 * (fp + fneg)),
        Metric::Precision => share(tp, tp + fp),
        Metric::Recall => share(tp, tp + fneg),
        Metric::Specificity => share(tn, tn + fp),
        Metric::Accuracy => (tp + tn) / p.len() as f64,
        Metric::TruePositive => tp,
        Metric::TrueNegative => tn,
        Metric::FalsePositive => fp,
        Metric::FalseNegative => fneg,
    }
}

/// Expected hits and misses above each score, highest first, each to five digits.
fn curve(p: &[f64], scores: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    order.reverse();
    let digits = |v: f64| (v * 1e5).round_ties_even() / 1e5;
    let (mut hits, mut misses) = (Vec::with_capacity(p.len()), Vec::with_capacity(p.len()));
    let mut sum = 0.0;
    for (place, row) in order.iter().enumerate() {
        sum += p[*row];
        hits.push(digits(sum));
        misses.push(digits((place + 1) as f64 - sum));
    }
    (hits, misses)
}

fn expected_auc(p: &[f64], scores: &[f64]) -> f64 {
    let (hits, misses) = curve(p, scores);
    let (Some(all), Some(none)) = (hits.last(), misses.last()) else { return f64::NAN };
    let (mut area, mut before) = (0.0, (0.0, 0.0));
    for (hit, miss) in hits.iter().zip(&misses) {
        let now = (hit / all, miss / none);
        area += (now.1 - before.1) * (now.0 + before.0) / 2.0;
        before = now;
    }
    area
}

fn expected_precision(p: &[f64], scores: &[f64]) -> f64 {
    let (hits, _) = curve(p, scores);
    let Some(all) = hits.last() else { return f64::NAN };
    let (mut sum, mut before) = (0.0, 0.0);
    for (place, hit) in hits.iter().enumerate() {
        sum += (hit - before) / all * hit / (place + 1) as f64;
        before = *hit;
    }
    sum
}
