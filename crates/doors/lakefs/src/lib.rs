//! lakeFS's REST API (`api/swagger.yml` at 1.84) over repositories: below `/lakefs/api/v1`, and at `/api/v1`, where
//! lakeFS's clients look if they are given nothing but a host.
//!
//! Names and fields are upstream's; semantics follow `pkg/api/controller.go`. `README.md` lists every operation.

mod address;
mod call;
mod config;
mod convert;
mod download;
mod errors;
mod events;
mod history;
mod imports;
mod nodes;
mod objects;
mod pulls;
mod range;
mod refs;
mod repos;
mod routes;
mod rules;
mod sample;
mod session;
mod signed;
mod staging;
mod upload;
mod users;
mod wire;

use kit::AccessKeys;
use ledger::Ledger;
use repositories::Repositories;
use vault::Vault;

pub use routes::routes;

/// What the door needs of the house.
#[derive(Clone)]
pub struct State {
    pub repositories: Repositories,
    pub ledger: Ledger,
    pub vault: Vault,
    pub keys: AccessKeys,
    /// Whether clients are told that they may read and write by signed addresses. Those work in any case.
    pub presign: bool,
}
