use ledger::Ledger;
use tracking::search::{Clause, Cursor, Found, Order};
use types::{Actor, Visible};

use crate::error::Error;
use crate::model::{ModelVersion, RegisteredModel};
use crate::store::search as store;

#[derive(Clone, Debug, PartialEq)]
pub enum ModelField {
    Name,
    CreatedAt,
    UpdatedAt,
    Tag(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelQuery {
    pub filter: Vec<Clause<ModelField>>,
    /// Leaves out models that have this tag with this value.
    pub without_tag: Option<(String, String)>,
    /// After these, by name.
    pub order: Vec<Order<ModelField>>,
    pub limit: i64,
    /// Only what comes after the end of a page of the same query.
    pub after: Option<Cursor>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum VersionField {
    Model,
    Number,
    Run,
    Source,
    CreatedAt,
    UpdatedAt,
    Tag(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct VersionQuery {
    pub filter: Vec<Clause<VersionField>>,
    /// Leaves out versions of models some version of which has this tag with this value.
    pub without_tag: Option<(String, String)>,
    /// After these, by model and newest version first.
    pub order: Vec<Order<VersionField>>,
    pub limit: i64,
    /// Only what comes after the end of a page of the same query.
    pub after: Option<Cursor>,
}

pub async fn search_models(
    ledger: &Ledger,
    actor: &Actor,
    query: ModelQuery,
) -> Result<Found<RegisteredModel>, Error> {
    let visible = visible(actor);
    ledger.read(actor.workspace, move |rx| Ok(store::models(rx, &query, &visible)?)).await
}

pub async fn search_versions(
    ledger: &Ledger,
    actor: &Actor,
    query: VersionQuery,
) -> Result<Found<ModelVersion>, Error> {
    let visible = visible(actor);
    ledger.read(actor.workspace, move |rx| Ok(store::versions(rx, &query, &visible)?)).await
}

/// Names that the actor may read, whatever they stand for.
fn visible(actor: &Actor) -> Visible {
    let [model, prompt] = crate::registry::KINDS;
    actor.visible(model).or(actor.visible(prompt))
}
