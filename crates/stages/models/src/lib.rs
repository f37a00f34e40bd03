//! Registered models: versions with a manifest of their files, aliases that move atomically, stages and tags.

mod aliases;
mod counts;
mod error;
mod files;
mod import;
mod model;
mod registry;
mod search;
mod spec;
mod store;
mod versions;

pub use aliases::{delete_alias, set_alias, version_by_alias};
pub use counts::{VersionCount, version_counts};
pub use error::Error;
pub use files::{ModelFile, files, manifest_digest};
pub use import::{ImportVersion, import_model, import_version};
pub use model::{ModelDetail, ModelVersion, RegisteredModel};
pub use registry::{
    create_kind, create_model, delete_model, delete_model_tag, get, list, model, rename_model, set_model_tag,
    update_model,
};
pub use search::{ModelField, ModelQuery, VersionField, VersionQuery, search_models, search_versions};
pub use spec::{ModelSpec, load_spec};
pub use versions::{
    CreateVersion, create_version, delete_version, delete_version_tag, get_version, set_stage,
    set_version_tag, update_version, version, versions_of_run,
};

pub const COMPONENT: ledger::Component = ledger::Component {
    name: "models",
    migrations: &[ledger::Migration { version: 1, sql: include_str!("../migrations/0001_models.sql") }],
    facts: &[],
};
