//! Verification of data: whether labels are right, people agree, the sample stands for its population, nothing stands
//! in for a protected attribute, nothing is counted twice or leaks, and whether rows look planted. Every answer has a
//! statistic, an interval, the number of rows, a threshold, a verdict and the rows that speak for it; none claims more
//! than "no evidence at this false-positive rate".

mod checks;
mod features;
mod markdown;
mod model;
mod plan;
mod run;

pub use model::{Evidence, Finding, Kind, Statistic, Verdict, Verification};
pub use plan::{Plan, Threshold};
pub use run::{findings_as_checks, verify};
