//! A linear classifier by stochastic gradient descent, step by step as scikit-learn's `SGDClassifier` goes, so that domain
//! classifiers reach the same scores.

use crate::random::MersenneTwister;

const ALPHA: f64 = 1e-4;
const TOLERANCE: f64 = 1e-3;
const PATIENCE: usize = 5;
const LARGEST: f64 = 1e12;

/// A row as places and values; dense rows name every place.
pub(crate) type Row = Vec<(u32, f64)>;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Loss {
    ModifiedHuber,
    Logistic,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Penalty {
    L1,
    L2,
}

pub(crate) struct Settings {
    pub loss: Loss,
    pub penalty: Penalty,
    pub epochs: usize,
    /// 0.01 for sparse rows, 1 for dense ones.
    pub intercept_decay: f64,
    pub seed: u32,
}

pub(crate) struct Classifier {
    weights: Vec<f64>,
    intercept: f64,
}

impl Loss {
    /// `y` is −1 or 1.
    fn value(self, y: f64, p: f64) -> f64 {
        match self {
            Self::ModifiedHuber => match p * y {
                z if z >= 1.0 => 0.0,
                z if z >= -1.0 => (1.0 - z) * (1.0 - z),
                z => -4.0 * z,
            },
            Self::Logistic => {
                let log1pexp = if p <= 33.0 { p.exp().ln_1p() } else { p };
                log1pexp - f64::from(u8::from(y > 0.0)) * p
            }
        }
    }

    fn gradient(self, y: f64, p: f64) -> f64 {
        match self {
            Self::ModifiedHuber => match p * y {
                z if z >= 1.0 => 0.0,
                z if z >= -1.0 => 2.0 * (1.0 - z) * -y,
                _ => -4.0 * y,
            },
            Self::Logistic => {
                let (truth, e) = (f64::from(u8::from(y > 0.0)), (-p).exp());
                if p > -37.0 { ((1.0 - truth) - truth * e) / (1.0 + e) } else { p.exp() - truth }
            }
        }
    }
}

impl Classifier {
    /// `positive` has one entry a row.
    pub fn fit(rows: &[Row], positive: &[bool], features: usize, settings: &Settings) -> Self {
        let mut random = MersenneTwister::new(settings.seed);
        // The first draw seeds the data set's own shuffling, which is not used.
        random.up_to(2_147_483_645);
        let seed = random.up_to(2_147_483_646) as u32;
        let loss = settings.loss;
        let typical = (1.0 / ALPHA.sqrt()).sqrt();
        let first_eta = typical / loss.gradient(1.0, -typical).max(1.0);
        let start = 1.0 / (first_eta * ALPHA);
        let ratio = if settings.penalty == Penalty::L1 { 1.0 } else { 0.0 };
        let (mut weights, mut scale, mut intercept) = (vec![0.0; features], 1.0_f64, 0.0);
        let (mut squared, mut absolute) = (0.0, 0.0);
        let (mut applied, mut due) = (vec![0.0; features], 0.0);
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        let (mut best, mut stalled, mut t) = (f64::INFINITY, 0, 1.0);
        for _ in 0..settings.epochs {
            shuffle(&mut order, seed);
            let mut objective = 0.0;
            for at in &order {
                let (row, y) = (&rows[*at as usize], if positive[*at as usize] { 1.0 } else { -1.0 });
                let dot: f64 = row.iter().map(|(i, x)| weights[*i as usize] * x).sum::<f64>() * scale;
                let p = dot + intercept;
                let eta = 1.0 / (ALPHA * (start + t - 1.0));
                objective += loss.value(y, p)
                    + ALPHA * ((1.0 - ratio) * 0.5 * f64::powi(f64::sqrt(squared), 2) + ratio * absolute);
                let update = -eta * loss.gradient(y, p).clamp(-LARGEST, LARGEST);
                if settings.penalty == Penalty::L2 {
                    let shrink = (1.0 - eta * ALPHA).max(0.0);
                    scale *= shrink;
                    squared *= shrink * shrink;
                    absolute *= shrink;
                    if scale < 1e-9 {
                        weights.iter_mut().for_each(|w| *w *= scale);
                        scale = 1.0;
                    }
                }
                if update != 0.0 {
                    let (mut sum_squared, mut sum_absolute) = (0.0, 0.0);
                    for (i, x) in row {
                        let weight = &mut weights[*i as usize];
                        *weight += x * (update / scale);
                        sum_squared += *weight * *weight;
                        sum_absolute += weight.abs();
                    }
                    squared = sum_squared * (scale * scale);
                    absolute = sum_absolute * scale;
                    intercept += update * settings.intercept_decay;
                }
                if settings.penalty == Penalty::L1 {
                    due += ratio * eta * ALPHA;
                    for (i, _) in row {
                        let (weight, q) = (&mut weights[*i as usize], &mut applied[*i as usize]);
                        let before = *weight;
                        if scale * before > 0.0 {
                            *weight = (before - (due + *q) / scale).max(0.0);
                        } else if scale * before < 0.0 {
                            *weight = (before + (due - *q) / scale).min(0.0);
                        }
                        *q += scale * (*weight - before);
                    }
                }
                t += 1.0;
            }
            let objective = objective / rows.len() as f64;
            stalled = if objective > best - TOLERANCE { stalled + 1 } else { 0 };
            best = best.min(objective);
            if stalled >= PATIENCE || !intercept.is_finite() {
                break;
            }
        }
        weights.iter_mut().for_each(|w| *w *= scale);
        Self { weights, intercept }
    }

    /// Signed distance from the plane, up to a factor.
    pub fn decide(&self, row: &Row) -> f64 {
        row.iter().map(|(i, x)| self.weights[*i as usize] * x).sum::<f64>() + self.intercept
    }
}

/// Fisher–Yates with scikit-learn's own 32-bit generator.
fn shuffle(order: &mut [u32], seed: u32) {
    let mut state = seed;
    let n = order.len();
    for i in 0..n.saturating_sub(1) {
        if state == 0 {
            state = 1;
        }
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let drawn = state % 0x8000_0000;
        order.swap(i, i + (drawn % (n - i) as u32) as usize);
    }
}

/// Area under the ROC curve, ties half; NaN where one class is missing.
pub(crate) fn roc_auc(positive: &[bool], scores: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let (mut below, mut area) = (0.0, 0.0);
    for group in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let hits = group.iter().filter(|i| positive[**i]).count() as f64;
        let misses = group.len() as f64 - hits;
        area += hits * (below + misses / 2.0);
        below += misses;
    }
    let hits = positive.iter().filter(|p| **p).count() as f64;
    area / (hits * below)
}

/// Rows of a training and of a test half, as `train_test_split(test_size=0.5, random_state=42)` takes them.
pub(crate) fn halves(rows: usize) -> (Vec<usize>, Vec<usize>) {
    let order = MersenneTwister::new(42).permutation(rows);
    let test = rows.div_ceil(2);
    (order[test..].to_vec(), order[..test].to_vec())
}
