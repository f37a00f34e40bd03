//! Change in a stream, value by value, in bounded memory: river 0.26's detectors.

mod adwin;
mod errors;
mod hoeffding;
mod page_hinkley;

pub use adwin::Adwin;
pub use errors::{Ddm, Eddm};
pub use hoeffding::{HddmA, HddmW};
pub use page_hinkley::PageHinkley;

/// What a detector says after a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signal {
    #[default]
    Steady,
    Warning,
    Drift,
}

/// Sees one value after another. After a drift it starts anew with the next value.
pub trait Detector {
    fn update(&mut self, value: f64) -> Signal;
}

/// A running mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Mean {
    pub n: f64,
    pub mean: f64,
}

impl Mean {
    pub fn update(&mut self, value: f64) {
        self.n += 1.0;
        self.mean += (value - self.mean) / self.n;
    }
}
