//! SageMaker's runtime: <https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Operations_Amazon_SageMaker_Runtime.html>.
//! A request that is signed must be signed rightly, by an access key of this server; an unsigned one signs in as on every
//! other door.

mod asynchronous;
mod body;
mod errors;
mod invoke;
mod routes;
mod sign_in;
mod stream;

use std::sync::Arc;

use kit::AccessKeys;
use repositories::Repositories;
use serving::Serving;
use types::Clock;

pub use routes::routes;

/// What the door needs. Cheap to clone.
#[derive(Clone)]
pub struct State {
    pub serving: Serving,
    pub keys: AccessKeys,
    pub clock: Arc<dyn Clock>,
    /// Where inputs of asynchronous invocations are, and where their outputs go.
    pub repositories: Repositories,
}
