//! MLflow's REST API, as `mlflow` 3.17 speaks it.
//!
//! Upstream: `mlflow/server/handlers.py`, `mlflow/protos/{service,model_registry,mlflow_artifacts}.proto` at 3.17.2.
//! JSON follows `mlflow/utils/proto_json_utils.py`: snake_case, 64-bit integers as numbers, enumerations by name,
//! unset fields left out, unknown request fields ignored, NaN as the text `"NaN"`.

mod artifacts;
mod auth;
mod call;
mod convert;
mod dataset_sources;
mod errors;
mod experiments;
mod filters;
mod gateway;
mod genai;
mod graphql;
mod guard;
mod limits;
mod locations;
mod log_batch;
mod logged_models;
mod metrics;
mod model_versions;
mod page;
mod paging;
mod registered_models;
mod request;
mod routes;
mod runs;
mod server_info;
mod sources;
mod sqlparse;
mod traces;
mod webhooks;
mod wire;
mod workspaces;

use blobs::Blobs;
use ledger::Ledger;
use vault::Vault;

pub use errors::{Code, Failure};
pub use page::{NotThePage, with_page};
pub use routes::routes;

pub use crate::webhooks::{Composer, STYLE};

/// The version of MLflow that this door speaks as; clients read it at `/version`.
pub const EMULATED: &str = "3.17.2";

/// What a filter and an ordering of `runs/search` mean, for other views of the same runs.
/// Errors: `InvalidParameterValue` in upstream's words.
pub fn run_query(filter: &str, order_by: &[String]) -> Result<tracking::RunQuery, Failure> {
    let (filter, order) = filters::run_query(filter, order_by)?;
    Ok(tracking::RunQuery { filter, order, ..tracking::RunQuery::default() })
}

/// What the door needs of the house.
#[derive(Clone)]
pub struct State {
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub vault: Vault,
    /// Where the files of new experiments go that name no place; the server's own store if absent.
    pub artifact_root: Option<String>,
    /// Whether clients may choose and make workspaces.
    pub workspaces: bool,
    pub webhooks: ::webhooks::Webhooks,
    /// Where logged datasets may lie.
    pub repositories: repositories::Repositories,
    /// Whether webhooks may be called over plain HTTP.
    pub plain_webhooks: bool,
}
