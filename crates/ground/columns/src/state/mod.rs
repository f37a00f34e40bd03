//! What is known of one column after some of its rows: states that are updated batch by batch, merged, stored and read back.
//!
//! In the exact tier every number and every different text is kept, so that any statistic can be had. In the streaming tier
//! the state has a bounded size: counts, moments and counts in fixed bins are exact there too, quantiles (KLL), distinct
//! counts (HyperLogLog) and the most frequent texts are estimates with known errors.

mod column;
mod distinct;
mod frequent;
mod moments;
mod quantiles;
mod summary;

pub use column::{ColumnState, Values};
pub use distinct::Distinct;
pub use frequent::Frequent;
pub use moments::Moments;
pub use quantiles::Quantiles;
pub use summary::Summary;
