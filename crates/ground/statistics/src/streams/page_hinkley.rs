use super::{Detector, Mean, Signal};

/// The Page–Hinkley test (Page, 1954), for rises and falls of the mean.
#[derive(Clone, Debug)]
pub struct PageHinkley {
    /// Values before the first alarm.
    pub least: f64,
    /// What a change must exceed to count.
    pub delta: f64,
    /// The sum of changes that is an alarm.
    pub threshold: f64,
    /// How much of the sum stays with each value, 0–1.
    pub memory: f64,
    state: State,
}

#[derive(Clone, Copy, Debug)]
struct State {
    mean: Mean,
    rise: f64,
    fall: f64,
    lowest: f64,
    highest: f64,
    drifted: bool,
}

impl State {
    fn new() -> Self {
        let (mean, rise, fall) = (Mean::default(), 0.0, 0.0);
        Self { mean, rise, fall, lowest: f64::INFINITY, highest: -1.0, drifted: false }
    }
}

impl Default for PageHinkley {
    fn default() -> Self {
        Self::new(50.0)
    }
}

impl PageHinkley {
    /// The rest as upstream has it: 30 values, 0.005, 0.9999.
    pub fn new(threshold: f64) -> Self {
        Self { least: 30.0, delta: 0.005, threshold, memory: 1.0 - 0.0001, state: State::new() }
    }
}

impl Detector for PageHinkley {
    fn update(&mut self, value: f64) -> Signal {
        if self.state.drifted {
            self.state = State::new();
        }
        let s = &mut self.state;
        s.mean.update(value);
        let apart = value - s.mean.mean;
        s.rise = self.memory * s.rise + apart - self.delta;
        s.fall = self.memory * s.fall + apart + self.delta;
        s.lowest = s.lowest.min(s.rise);
        s.highest = s.highest.max(s.fall);
        let far = s.rise - s.lowest > self.threshold || s.highest - s.fall > self.threshold;
        s.drifted = s.mean.n >= self.least && far;
        if s.drifted { Signal::Drift } else { Signal::Steady }
    }
}
