use serde::{Deserialize, Serialize};

const BINS: usize = 10;

/// Whether predicted probabilities come true as often as they say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The mean gap between a bin's probability and its share, bins weighed by their rows (ten bins of equal width).
    pub expected_error: f64,
    pub largest_gap: f64,
    pub bins: Vec<ReliabilityBin>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// The bin is [low, high); the last one is closed.
    pub low: f64,
    pub high: f64,
    pub n: u64,
    pub mean_score: f64,
    /// How often the positive class was true.
    pub share: f64,
}

/// Bins without rows are left out. `score` is within 0–1.
pub(super) fn calibration(truth: &[bool], score: &[f64]) -> Calibration {
    let mut sums = [(0.0, 0.0, 0.0); BINS];
    for (t, s) in truth.iter().zip(score) {
        let bin = ((s * BINS as f64) as usize).min(BINS - 1);
        sums[bin].0 += 1.0;
        sums[bin].1 += s;
        sums[bin].2 += f64::from(u8::from(*t));
    }
    let filled = sums.iter().enumerate().filter(|(_, sum)| sum.0 > 0.0);
    let bins: Vec<ReliabilityBin> = filled
        .map(|(bin, (n, score, true_ones))| ReliabilityBin {
            low: bin as f64 / BINS as f64,
            high: (bin + 1) as f64 / BINS as f64,
            n: *n as u64,
            mean_score: score / n,
            share: true_ones / n,
        })
        .collect();
    let gap = |bin: &ReliabilityBin| (bin.mean_score - bin.share).abs();
    let rows = truth.len().max(1) as f64;
    Calibration {
        expected_error: bins.iter().map(|bin| gap(bin) * bin.n as f64 / rows).sum(),
        largest_gap: bins.iter().map(gap).fold(0.0, f64::max),
        bins,
    }
}

pub(super) fn calibration_error(truth: &[bool], score: &[f64]) -> Option<f64> {
    (!truth.is_empty()).then(|| calibration(truth, score).expected_error)
}
