//! The mathematics of verification: label noise, agreement of annotators, fairness, outliers, representation,
//! poisoning, performance without labels, change in streams, and attribution. Numbers in, numbers out: no I/O, no
//! Arrow, no clock, and every random choice comes from a seed.
//!
//! Each definition names the source that it agrees with; `docs/conformance/statistics.md` lists how closely.

pub mod agreement;
pub mod attribution;
pub mod boosting;
mod error;
pub mod estimated;
pub mod fairness;
mod interval;
pub mod labels;
mod linear;
mod mersenne;
pub mod outliers;
pub mod poison;
mod random;
pub mod representation;
pub mod streams;
mod sums;

pub use error::Error;
pub use interval::{Interval, bootstrap};
pub use linear::{Eigen, Matrix, eigen};
pub use mersenne::MersenneTwister;
pub use random::Random;
pub use sums::{pairwise_sum, pairwise_sum_of};
