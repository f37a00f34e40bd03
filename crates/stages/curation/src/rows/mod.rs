//! Single rows, such as the inputs of one prediction, against what a table of rows looked like.

mod novelty;
mod profile;

pub use novelty::{Novel, Novelty};
pub use profile::{ProfiledColumn, RowProfile, Seen};
