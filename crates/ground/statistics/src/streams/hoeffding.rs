use super::{Detector, Mean, Signal};

const DRIFT: f64 = 0.001;
const WARNING: f64 = 0.005;

/// Hoeffding's bound on means (Frías-Blanco and others, 2014): values are from 0 to 1, and their mean rises.
#[derive(Clone, Debug, Default)]
pub struct HddmA {
    all: Mean,
    /// The mean up to where it was surest to be lowest.
    lowest: Mean,
    drifted: bool,
}

impl Detector for HddmA {
    fn update(&mut self, value: f64) -> Signal {
        if self.drifted {
            *self = Self::default();
        }
        self.all.update(value);
        if self.lowest.n == 0.0 {
            self.lowest = self.all;
        }
        let bound = |n: f64| (1.0 / (2.0 * n) * (1.0 / DRIFT).ln()).sqrt();
        if self.lowest.mean + bound(self.lowest.n) >= self.all.mean + bound(self.all.n) {
            self.lowest = self.all;
        }
        self.drifted = self.rises(DRIFT);
        match (self.drifted, self.rises(WARNING)) {
            (true, _) => Signal::Drift,
            (false, true) => Signal::Warning,
            (false, false) => Signal::Steady,
        }
    }
}

impl HddmA {
    fn rises(&self, confidence: f64) -> bool {
        if self.lowest.n == self.all.n {
            return false;
        }
        let m = (self.all.n - self.lowest.n) / self.lowest.n * (1.0 / self.all.n);
        self.all.mean - self.lowest.mean >= (m / 2.0 * (2.0 / confidence).ln()).sqrt()
    }
}

/// McDiarmid's bound on exponentially weighted means (Frías-Blanco and others, 2014): recent values count more.
#[derive(Clone, Debug)]
pub struct HddmW {
    weight: f64,
    state: State,
}

#[derive(Clone, Copy, Debug)]
struct State {
    all: Weighted,
    before: Weighted,
    since: Weighted,
    cut: f64,
    drifted: bool,
}

/// An exponentially weighted mean, and the sum of squared weights.
#[derive(Clone, Copy, Debug)]
struct Weighted {
    mean: Option<f64>,
    bound: f64,
}

impl Weighted {
    const NEW: Self = Self { mean: None, bound: 1.0 };

    fn update(&mut self, value: f64, weight: f64) {
        self.mean = Some(self.mean.map_or(value, |mean| weight * value + (1.0 - weight) * mean));
        self.bound = weight * weight + (1.0 - weight) * (1.0 - weight) * self.bound;
    }
}

impl State {
    const NEW: Self = Self {
        all: Weighted::NEW,
        before: Weighted::NEW,
        since: Weighted::NEW,
        cut: f64::INFINITY,
        drifted: false,
    };
}

impl Default for HddmW {
    /// With upstream's weight of 0.05.
    fn default() -> Self {
        Self { weight: 0.05, state: State::NEW }
    }
}

impl Detector for HddmW {
    fn update(&mut self, value: f64) -> Signal {
        if self.state.drifted {
            self.state = State::NEW;
        }
        let s = &mut self.state;
        s.all.update(value, self.weight);
        let reach = s.all.mean.unwrap_or(0.0) + bound(s.all.bound, DRIFT);
        if reach < s.cut {
            s.cut = reach;
            s.before = s.all;
            s.since = Weighted::NEW;
        } else {
            s.since.update(value, self.weight);
        }
        s.drifted = s.rises(DRIFT);
        match (s.drifted, s.rises(WARNING)) {
            (true, _) => Signal::Drift,
            (false, true) => Signal::Warning,
            (false, false) => Signal::Steady,
        }
    }
}

impl State {
    fn rises(&self, confidence: f64) -> bool {
        let (Some(before), Some(since)) = (self.before.mean, self.since.mean) else { return false };
        since - before > bound(self.before.bound + self.since.bound, confidence)
    }
}

fn bound(sum: f64, confidence: f64) -> f64 {
    (sum * (1.0 / confidence).ln() / 2.0).sqrt()
}
