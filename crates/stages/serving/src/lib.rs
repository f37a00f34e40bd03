//! Endpoints: which model versions answer, with what share of the traffic.
//!
//! Two planes. Deploying writes an immutable revision to the ledger, loads and warms the models, and publishes a new
//! table; answering reads that table through an atomic pointer and never touches the database. A request keeps the
//! endpoint that it started with, so that a swap loses none; the old models are freed after their last request.

mod asleep;
mod batch;
mod checks;
mod cost;
mod deploy;
mod endpoint;
mod error;
mod features;
mod figures;
mod gates;
mod graph;
mod guard;
mod infer;
mod lane;
mod load;
mod merge;
mod meter;
mod model;
mod nap;
mod query;
mod record;
mod rollout;
mod serving;
mod settings;
mod shadow;
mod stats;
mod store;
mod stream;
mod sync;
mod traced;
mod warm;

pub use checks::{Action, Baselines, Check, CheckedVariant, Checker, Checks, LearnedFrom, Noticed};
pub use endpoint::Target;
pub use error::Error;
pub use features::{FeatureLookup, FeatureSettings, Found, KeyedTable, MissingKey};
pub use figures::ShadowFigures;
pub use gates::Gates;
pub use graph::{Combine, Graph, Member, Step};
pub use infer::{Answer, Input, Request};
pub use load::Loaded;
pub use model::{
    Deploy, EndpointState, EndpointView, NewVariant, Revision, Select, VariantRuntime, VariantTraffic,
    VariantView,
};
pub use record::RecordSettings;
pub use rollout::{Guards, Moment, NewRollout, Rollout, RolloutState, StableVariant, WithoutTraffic};
pub use serving::{Serving, ServingConfig};
pub use settings::{Batching, CacheSettings, Rate, Settings};
pub use shadow::{shadows_by_revision, shadows_of};
pub use stats::{Point, Traffic};
pub use stream::Streaming;

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "serving",
    migrations: &[
        ledger::Migration { version: 1, sql: include_str!("../migrations/0001_serving.sql") },
        ledger::Migration { version: 2, sql: include_str!("../migrations/0002_rollouts.sql") },
        ledger::Migration { version: 3, sql: include_str!("../migrations/0003_shadows.sql") },
    ],
    // Counts, as every server has them.
    facts: &["endpoint_shadow"],
};
