//! Performance before labels come, and drift chunk by chunk, with NannyML 0.13's definitions.

mod calibration;
mod cbpe;
mod chunks;
mod domain;
mod isotonic;
mod loss;
mod realized;
mod reconstruction;
mod univariate;

pub use calibration::needs_calibration;
pub use cbpe::{Cbpe, Estimate, Metric};
pub use chunks::{Chunk, Limits, alert, by_count, by_size, limits};
pub use domain::{DOMAIN_LIMITS, by_chance, domain_classifier, domain_classifier_within};
pub use isotonic::Isotonic;
pub use loss::{DirectLoss, LossMetric};
pub use realized::{average_precision, realized, roc_auc, sampling_error};
pub use reconstruction::{Feature, Reconstruction};
pub use univariate::{Categorical, CategoricalMethod, Continuous, ContinuousMethod};
