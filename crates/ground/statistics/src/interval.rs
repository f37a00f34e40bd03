use serde::{Deserialize, Serialize};

use crate::Random;

/// Where a value lies with the stated confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
    /// 0–1.
    pub confidence: f64,
}

/// A percentile bootstrap: `rounds` samples with replacement of 0..`n` go through `statistic`; those that it cannot
/// tell (`None`) are left out. `None` where fewer than half of the samples could be told, or there is no row.
pub fn bootstrap(
    n: usize,
    rounds: usize,
    confidence: f64,
    seed: u64,
    mut statistic: impl FnMut(&[usize]) -> Option<f64>,
) -> Option<Interval> {
    if n == 0 || rounds == 0 {
        return None;
    }
    let mut random = Random::new(seed);
    let mut rows = vec![0; n];
    let mut found: Vec<f64> = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        rows.iter_mut().for_each(|row| *row = random.below(n));
        found.extend(statistic(&rows).filter(|value| value.is_finite()));
    }
    if found.len() * 2 < rounds {
        return None;
    }
    found.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    Some(Interval { low: quantile(&found, tail), high: quantile(&found, 1.0 - tail), confidence })
}

/// The quantile of ascending, non-empty values, with linear interpolation (NumPy's default).
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let (a, b) = (sorted[below], sorted[(below + 1).min(last)]);
    let t = place - below as f64;
    // As NumPy's _lerp, which goes from the nearer end.
    if t >= 0.5 { b - (b - a) * (1.0 - t) } else { a + (b - a) * t }
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Divided by n.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_the_mean_it_was_drawn_around() {
        let values: Vec<f64> = (0..200).map(f64::from).collect();
        let found = bootstrap(200, 500, 0.95, 1, |rows| {
            Some(rows.iter().map(|r| values[*r]).sum::<f64>() / rows.len() as f64)
        });
        let found = found.unwrap();
        assert!(found.low > 85.0 && found.low < 99.5 && found.high > 99.5 && found.high < 115.0, "{found:?}");
    }

    #[test]
    fn what_cannot_be_told_has_no_interval() {
        assert_eq!(bootstrap(10, 100, 0.95, 1, |_| None), None);
        assert_eq!(bootstrap(0, 100, 0.95, 1, |_| Some(1.0)), None);
    }
}
