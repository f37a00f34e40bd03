//! Rollouts: a candidate takes over the traffic of an endpoint step by step, and gives it back by itself when it does
//! worse than the variant that served before. One that nobody asks comes to an end, too.

mod change;
mod decide;
mod model;
mod watch;

pub(crate) use change::told;
pub use decide::{Verdict, Window, decide};
pub use model::{Guards, Moment, NewRollout, Rollout, RolloutState, StableVariant, WithoutTraffic};
