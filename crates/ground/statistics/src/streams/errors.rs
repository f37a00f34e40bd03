use super::{Detector, Mean, Signal};

/// The drift detection method (Gama and others, 2004): values are 1 for an error and 0 for none; the error rate rises
/// above its best.
#[derive(Clone, Debug, Default)]
pub struct Ddm {
    rate: Mean,
    /// Rate and deviation where their sum was least.
    best: Option<(f64, f64)>,
    drifted: bool,
}

impl Ddm {
    /// Values before the first alarm.
    const LEAST: f64 = 30.0;
    /// Deviations above the best.
    const WARNING: f64 = 2.0;
    const DRIFT: f64 = 3.0;
}

impl Detector for Ddm {
    fn update(&mut self, value: f64) -> Signal {
        if self.drifted {
            *self = Self::default();
        }
        self.rate.update(value);
        let p = self.rate.mean;
        let s = (p * (1.0 - p) / self.rate.n).max(0.0).sqrt();
        if self.rate.n <= Self::LEAST {
            return Signal::Steady;
        }
        let (rate, deviation) = match self.best {
            Some((rate, deviation)) if p + s > rate + deviation => (rate, deviation),
            _ => (p, s),
        };
        self.best = Some((rate, deviation));
        self.drifted = p + s > rate + Self::DRIFT * deviation;
        if self.drifted {
            Signal::Drift
        } else if p + s > rate + Self::WARNING * deviation {
            Signal::Warning
        } else {
            Signal::Steady
        }
    }
}

/// The early drift detection method (Baena-García and others, 2006): errors come closer together.
#[derive(Clone, Debug, Default)]
pub struct Eddm {
    n: f64,
    errors: f64,
    last: f64,
    distance: Mean,
    /// The sum of squared distances from the mean distance.
    spread: f64,
    most: Option<f64>,
    warned: bool,
    drifted: bool,
}

impl Eddm {
    /// Values, and errors, before the first alarm.
    const LEAST: f64 = 30.0;
    const WARNING: f64 = 0.95;
    const DRIFT: f64 = 0.9;
}

impl Detector for Eddm {
    fn update(&mut self, value: f64) -> Signal {
        if self.drifted {
            *self = Self::default();
        }
        self.n += 1.0;
        if value == 1.0 {
            self.errors += 1.0;
            let apart = self.n - self.last;
            let before = self.distance.mean;
            self.distance.update(apart);
            self.spread += (apart - before) * (apart - self.distance.mean);
            if self.n > Self::LEAST {
                self.judge();
            }
            self.last = self.n;
        }
        match (self.drifted, self.warned) {
            (true, _) => Signal::Drift,
            (false, true) => Signal::Warning,
            (false, false) => Signal::Steady,
        }
    }
}

impl Eddm {
    fn judge(&mut self) {
        // The variance is divided by n − 1, and 0 for one distance.
        let variance = if self.distance.n > 1.0 { self.spread / (self.distance.n - 1.0) } else { 0.0 };
        let reach = self.distance.mean + 2.0 * variance.max(0.0).sqrt();
        let most = match self.most {
            Some(most) if reach <= most => most,
            _ => {
                self.most = Some(reach);
                return;
            }
        };
        if self.errors > Self::LEAST {
            let level = reach / most;
            self.drifted = level < Self::DRIFT;
            self.warned = if self.drifted { self.warned } else { level < Self::WARNING };
        }
    }
}
