//! How far people who label the same things agree beyond chance, and what they say together.

mod alpha;
mod dawid_skene;
mod kappa;

pub use alpha::{Level, krippendorff_alpha};
pub use dawid_skene::{DawidSkene, Rating, dawid_skene, majority};
pub use kappa::{Weights, cohen_kappa, counts_by_item, fleiss_kappa, randolph_kappa};
