//! The gateway to language models: credentials of providers (sealed by the vault), models that use them, endpoints
//! that send requests to models, and what is bound to an endpoint.

mod bindings;
mod endpoints;
mod error;
mod model;
mod models;
mod secrets;
mod store;

pub use bindings::{NewBinding, bind, bindings, rebind, unbind, unbind_resource};
pub use endpoints::{
    EndpointChange, attach, create_endpoint, delete_endpoint, delete_tag, detach, endpoint, endpoints,
    set_tag, update_endpoint,
};
pub use error::Error;
pub use model::{
    Binding, Endpoint, Fallback, Link, Model, NewEndpoint, NewLink, NewModel, NewSecret, Secret,
};
pub use models::{ModelChange, create_model, delete_model, model, models, update_model};
pub use secrets::{
    SecretChange, create_secret, delete_secret, reseal, secret, secret_value, secrets, update_secret,
};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "gateway",
    migrations: &[ledger::Migration { version: 1, sql: include_str!("../migrations/0001_gateway.sql") }],
    facts: &[],
};
