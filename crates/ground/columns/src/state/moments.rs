use serde::{Deserialize, Serialize};

use crate::lanes::{LANES, each};

/// Count, extremes and the first four moments of finite numbers. Merging any parts in any order gives those of the whole,
/// up to rounding (Pébay, 2008).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    pub count: u64,
    pub min: Option<f64>,
    pub max: Option<f64>,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    /// A batch at a time: two passes over values that are in cache anyway, and no division for each value.
    pub fn add(&mut self, values: &[f64]) {
        if values.is_empty() {
            return;
        }
        let count = values.len() as f64;
        let (mut total, mut min, mut max) =
            ([0.0; LANES], [f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        each(values, |lane, value| {
            total[lane] += value;
            min[lane] = if value < min[lane] { value } else { min[lane] };
            max[lane] = if value > max[lane] { value } else { max[lane] };
        });
        let min = min.into_iter().fold(f64::INFINITY, f64::min);
        let max = max.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let mean = total.into_iter().sum::<f64>() / count;
        let (mut m2, mut m3, mut m4) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        each(values, |lane, value| {
            let apart = value - mean;
            let square = apart * apart;
            m2[lane] += square;
            m3[lane] += square * apart;
            m4[lane] += square * square;
        });
        let [m2, m3, m4] = [m2, m3, m4].map(|lanes| lanes.into_iter().sum());
        let batch = Self { count: values.len() as u64, min: Some(min), max: Some(max), mean, m2, m3, m4 };
        *self = self.merge(&batch);
    }

    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        if self.count == 0 || other.count == 0 {
            return if self.count == 0 { other.clone() } else { self.clone() };
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let n = a + b;
        let d = other.mean - self.mean;
        let d_n = d / n;
        let m2 = self.m2 + other.m2 + d * d_n * a * b;
        let m3 =
            self.m3 + other.m3 + d * d_n * d_n * a * b * (a - b) + 3.0 * d_n * (a * other.m2 - b * self.m2);
        let m4 = self.m4
            + other.m4
            + d * d_n.powi(3) * a * b * (a * a - a * b + b * b)
            + 6.0 * d_n * d_n * (a * a * other.m2 + b * b * self.m2)
            + 4.0 * d_n * (a * other.m3 - b * self.m3);
        Self {
            count: self.count + other.count,
            min: [self.min, other.min].into_iter().flatten().reduce(f64::min),
            max: [self.max, other.max].into_iter().flatten().reduce(f64::max),
            mean: self.mean + d_n * b,
            m2,
            m3,
            m4,
        }
    }

    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Of the sample (n − 1).
    pub fn std(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.m2 / (self.count - 1) as f64).sqrt())
    }

    /// Of the population; `None` where nothing varies.
    pub fn skewness(&self) -> Option<f64> {
        (self.m2 > 0.0).then(|| (self.count as f64).sqrt() * self.m3 / self.m2.powf(1.5))
    }

    /// Excess over the normal distribution's.
    pub fn kurtosis(&self) -> Option<f64> {
        (self.m2 > 0.0).then(|| self.count as f64 * self.m4 / (self.m2 * self.m2) - 3.0)
    }
}
