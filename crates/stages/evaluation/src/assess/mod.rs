//! Judging predictions that are there already, in a table: metrics with intervals, by slice and crossed slices,
//! calibration, fairness between groups, limits absolute and against a champion's predictions on the same rows, and
//! what is to be expected where labels have not come yet.

mod calibration;
mod estimate;
mod fairness;
mod markdown;
mod measure;
mod plan;
mod run;

pub use calibration::{Calibration, ReliabilityBin};
pub(crate) use estimate::Columns;
pub use estimate::{EstimatedChunk, EstimatedMetric};
pub use fairness::{GroupRates, Grouped};
pub use measure::higher_is_better;
pub use plan::{AgainstChampion, Plan};
pub use run::{Assessment, Measured, SliceMeasured, assess};
