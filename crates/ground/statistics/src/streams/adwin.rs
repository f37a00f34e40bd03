use std::collections::VecDeque;

use super::{Detector, Signal};

/// Adaptive windowing (Bifet and Gavaldà, 2007): drops the old part of its window where the mean of the new part is
/// another one.
#[derive(Clone, Debug)]
pub struct Adwin {
    settings: Settings,
    window: Window,
    drifted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    /// How likely a cut in a steady stream is.
    delta: f64,
    /// Values between two looks.
    clock: u64,
    /// Buckets of one size before two of them are merged.
    buckets: usize,
    /// The fewest values on either side of a cut.
    shortest: f64,
    /// Values before the first look.
    grace: f64,
}

/// Row `i` holds buckets of 2ⁱ values each, oldest first.
#[derive(Clone, Debug, Default)]
struct Window {
    rows: Vec<VecDeque<Bucket>>,
    ticks: u64,
    width: f64,
    total: f64,
    /// The sum of squared distances from the mean.
    spread: f64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    total: f64,
    spread: f64,
}

impl Default for Adwin {
    fn default() -> Self {
        Self::new(0.002)
    }
}

impl Adwin {
    /// `delta` is how likely a false cut is; the rest as upstream has it: a look every 32 values, 5 buckets of a size,
    /// at least 5 values on either side, the first look after 10.
    pub fn new(delta: f64) -> Self {
        let settings = Settings { delta, clock: 32, buckets: 5, shortest: 5.0, grace: 10.0 };
        Self { settings, window: Window::default(), drifted: false }
    }

    /// Values in the window.
    pub fn width(&self) -> f64 {
        self.window.width
    }

    /// The mean of the window; 0 if it is empty.
    pub fn mean(&self) -> f64 {
        if self.window.width > 0.0 { self.window.total / self.window.width } else { 0.0 }
    }
}

impl Detector for Adwin {
    fn update(&mut self, value: f64) -> Signal {
        if self.drifted {
            self.window = Window::default();
        }
        self.window.insert(value, self.settings.buckets);
        self.drifted = self.window.cut(&self.settings);
        if self.drifted { Signal::Drift } else { Signal::Steady }
    }
}

fn size(row: usize) -> f64 {
    (row as f64).exp2()
}

impl Window {
    fn insert(&mut self, value: f64, most: usize) {
        if self.rows.is_empty() {
            self.rows.push(VecDeque::new());
        }
        self.rows[0].push_back(Bucket { total: value, spread: 0.0 });
        self.width += 1.0;
        if self.width > 1.0 {
            let apart = value - self.total / (self.width - 1.0);
            self.spread += (self.width - 1.0) * apart * apart / self.width;
        }
        self.total += value;
        for row in 0.. {
            if self.rows[row].len() != most + 1 {
                break;
            }
            let (Some(a), Some(b)) = (self.rows[row].pop_front(), self.rows[row].pop_front()) else { break };
            if row + 1 == self.rows.len() {
                self.rows.push(VecDeque::new());
            }
            let n = size(row);
            let apart = a.total / n - b.total / n;
            let spread = a.spread + b.spread + n * n * apart * apart / (n + n);
            self.rows[row + 1].push_back(Bucket { total: a.total + b.total, spread });
            if self.rows[row + 1].len() <= most {
                break;
            }
        }
    }

    /// Drops the oldest bucket.
    fn drop_oldest(&mut self) {
        let Some(row) = self.rows.len().checked_sub(1) else { return };
        let Some(bucket) = self.rows[row].pop_front() else { return };
        let n = size(row);
        self.width -= n;
        self.total -= bucket.total;
        let apart = bucket.total / n - self.total / self.width;
        self.spread -= bucket.spread + n * self.width * apart * apart / (n + self.width);
        if self.rows[row].is_empty() {
            self.rows.pop();
        }
    }

    /// Whether the window was cut.
    fn cut(&mut self, settings: &Settings) -> bool {
        self.ticks += 1;
        if !self.ticks.is_multiple_of(settings.clock) || self.width <= settings.grace {
            return false;
        }
        let mut changed = false;
        while self.differs(settings) {
            changed = true;
            self.drop_oldest();
        }
        changed
    }

    /// Whether the means on the two sides of some place differ by more than chance gives.
    fn differs(&self, settings: &Settings) -> bool {
        let (mut n0, mut n1, mut u0, mut u1) = (0.0, self.width, 0.0, self.total);
        for (row, buckets) in self.rows.iter().enumerate().rev() {
            for bucket in buckets {
                n0 += size(row);
                n1 -= size(row);
                u0 += bucket.total;
                u1 -= bucket.total;
                let long_enough = n0 >= settings.shortest && n1 >= settings.shortest;
                if long_enough && self.is_cut(n0, n1, u0 / n0 - u1 / n1, settings) {
                    return true;
                }
            }
        }
        false
    }

    fn is_cut(&self, n0: f64, n1: f64, apart: f64, settings: &Settings) -> bool {
        let delta = (2.0 * self.width.ln() / settings.delta).ln();
        let m = 1.0 / (n0 - settings.shortest + 1.0) + 1.0 / (n1 - settings.shortest + 1.0);
        let variance = self.spread / self.width;
        apart.abs() > (2.0 * m * variance * delta).sqrt() + 2.0 / 3.0 * delta * m
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_found_and_memory_stays_small() {
        let mut adwin = Adwin::default();
        let mut found = Vec::new();
        for i in 0..20_000_u32 {
            let noise = f64::from(i.wrapping_mul(2_654_435_761) >> 16) / 65_536.0;
            if adwin.update(noise + if i < 10_000 { 0.0 } else { 0.5 }) == Signal::Drift {
                found.push(i);
            }
        }
        assert!(found.len() == 1 && (10_000..10_200).contains(&found[0]), "{found:?}");
        assert!(adwin.window.rows.iter().map(VecDeque::len).sum::<usize>() < 90);
    }
}
