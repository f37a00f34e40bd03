use serde::{Deserialize, Serialize};

/// Values that the top level keeps; ranks are off by about 1.7/K of all values (99 % of the time).
const K: usize = 800;
const LEAST: usize = 8;
/// Values that are gathered before they are sorted, so that sorting is cheap for each.
const GATHERED: usize = 512;

/// A quantile sketch (KLL; Karnin, Lang and Liberty, 2016): at each level half of the values of the level below, each
/// standing for twice as many. Merging sketches of parts is as good as a sketch of the whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    count: u64,
    levels: Vec<Vec<f64>>,
    coin: u64,
}

impl Default for Quantiles {
    fn default() -> Self {
        Self { count: 0, levels: vec![Vec::new()], coin: 0x9e37_79b9_7f4a_7c15 }
    }
}

impl Quantiles {
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Finite values.
    pub fn add(&mut self, values: &[f64]) {
        for part in values.chunks(GATHERED) {
            self.count += part.len() as u64;
            self.levels[0].extend_from_slice(part);
            self.shrink();
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        for (height, values) in other.levels.iter().enumerate() {
            if self.levels.len() <= height {
                self.levels.push(Vec::new());
            }
            self.levels[height].extend_from_slice(values);
        }
        self.shrink();
    }

    fn capacity(&self, height: usize) -> usize {
        let depth = (self.levels.len() - 1 - height) as i32;
        let kept = ((K as f64) * (2.0_f64 / 3.0).powi(depth)).ceil() as usize;
        kept.max(if height == 0 { GATHERED } else { LEAST })
    }

    fn shrink(&mut self) {
        let mut height = 0;
        while height < self.levels.len() {
            if self.levels[height].len() > self.capacity(height) {
                self.compact(height);
            }
            height += 1;
        }
    }

    /// Half of a level, every other value in order, goes up.
    fn compact(&mut self, height: usize) {
        if self.levels.len() == height + 1 {
            self.levels.push(Vec::new());
        }
        let mut values = std::mem::take(&mut self.levels[height]);
        match height {
            0 => crate::sort::sort(&mut values),
            // Runs in order, which the level below sent: this sort merges them.
            _ => values.sort_by(f64::total_cmp),
        }
        // An odd one stays, so that weights add up.
        if values.len() % 2 == 1 {
            self.levels[height].extend(values.pop());
        }
        self.coin ^= self.coin << 13;
        self.coin ^= self.coin >> 7;
        self.coin ^= self.coin << 17;
        let first = (self.coin >> 40 & 1) as usize;
        self.levels[height + 1].extend(values.into_iter().skip(first).step_by(2));
    }

    /// Values with what each stands for, ascending.
    fn weighted(&self) -> Vec<(f64, u64)> {
        let mut all: Vec<(f64, u64)> = Vec::new();
        for (height, values) in self.levels.iter().enumerate() {
            all.extend(values.iter().map(|v| (*v, 1_u64 << height)));
        }
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        all
    }

    /// The value below which the share `q` of the values lies, for each of `shares`; `None` without values.
    pub fn at(&self, shares: &[f64]) -> Option<Vec<f64>> {
        let all = self.weighted();
        let total: u64 = all.iter().map(|(_, w)| w).sum();
        let last = all.last()?.0;
        let find = |q: f64| {
            let wanted = q.clamp(0.0, 1.0) * total as f64;
            let mut seen = 0;
            all.iter()
                .find(|(_, weight)| {
                    seen += weight;
                    seen as f64 >= wanted
                })
                .map_or(last, |(value, _)| *value)
        };
        Some(shares.iter().map(|q| find(*q)).collect())
    }

    /// The share of the values that are at most `value`; NaN without values.
    pub fn rank(&self, value: f64) -> f64 {
        let all = self.weighted();
        let total: u64 = all.iter().map(|(_, w)| w).sum();
        all.iter().take_while(|(v, _)| *v <= value).map(|(_, w)| w).sum::<u64>() as f64 / total as f64
    }
}
