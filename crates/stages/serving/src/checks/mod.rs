//! Every row is looked at before its prediction is made: against the rows that the model learned from, and by what the endpoint's
//! settings say shall follow. Nothing here waits for anything: what is needed was learned when the endpoint was published.

mod checker;
mod learn;
mod policy;
mod sample;

pub(crate) use checker::REVIEW;
pub use checker::{Checker, Noticed};
pub(crate) use learn::Learned;
pub use learn::{Baselines, CheckedVariant, LearnedFrom};
pub use policy::{Action, Check, Checks};
