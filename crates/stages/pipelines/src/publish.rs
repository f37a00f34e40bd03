//! Pipelines that a client publishes, each with versions; what a version was written in is a blob.

use ledger::{Ledger, Tx};
use serde::Serialize;
use serde_json::{Value, json};
use types::{Actor, Digest, Timestamp, Uid};

use crate::{Error, store};

/// A pipeline that was published.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Published {
    #[serde(rename = "id")]
    pub uid: Uid,
    /// Unique in the workspace.
    pub name: String,
    pub description: String,
    /// The publisher's own.
    pub labels: Value,
    pub created_at: Timestamp,
    pub created_by: String,
}

/// One version of a published pipeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PipelineVersion {
    #[serde(rename = "id")]
    pub uid: Uid,
    pub pipeline: Uid,
    /// Unique in the pipeline.
    pub name: String,
    pub description: String,
    /// What the plan was written in.
    pub source: Digest,
    pub labels: Value,
    pub created_at: Timestamp,
    pub created_by: String,
}

/// Errors: `Exists` if the name is taken.
pub async fn publish(
    ledger: &Ledger,
    actor: &Actor,
    name: String,
    description: String,
    labels: Value,
) -> Result<Published, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if store::published::find_name(tx, &name)?.is_some() {
                return Err(Error::Exists { what: "a published pipeline", name: name.clone() });
            }
            let made = Published {
                uid: tx.new_id(),
                name: name.clone(),
                description: description.clone(),
                labels: labels.clone(),
                created_at: tx.now(),
                created_by: tx.actor().to_string(),
            };
            store::published::insert(tx, &made)?;
            let payload = json!({ "published": made.uid });
            tx.event("pipeline.published", &format!("published_pipeline:{}", made.uid), payload)?;
            Ok(made)
        })
        .await
}

/// Newest first.
pub async fn published(ledger: &Ledger, actor: &Actor) -> Result<Vec<Published>, Error> {
    ledger.read(actor.workspace, |rx| Ok(store::published::all(rx)?)).await
}

/// Errors: `NotFound`.
pub async fn get_published(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<Published, Error> {
    ledger
        .read(actor.workspace, move |rx| store::published::find(rx, uid)?.ok_or_else(|| no_pipeline(&uid)))
        .await
}

/// Errors: `NotFound`.
pub async fn find_published(ledger: &Ledger, actor: &Actor, name: &str) -> Result<Published, Error> {
    let name = name.to_owned();
    ledger
        .read(actor.workspace, move |rx| {
            store::published::find_name(rx, &name)?.ok_or_else(|| no_pipeline(&name))
        })
        .await
}

/// Errors: `NotFound`.
pub async fn update_published(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    description: String,
    labels: Value,
) -> Result<Published, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            store::published::find(tx, uid)?.ok_or_else(|| no_pipeline(&uid))?;
            store::published::update(tx, uid, &description, &labels)?;
            let payload = json!({ "published": uid });
            tx.event("pipeline.published_changed", &format!("published_pipeline:{uid}"), payload)?;
            store::published::find(tx, uid)?.ok_or_else(|| no_pipeline(&uid))
        })
        .await
}

/// With its versions; runs stay. Errors: `NotFound`.
pub async fn unpublish(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            store::published::find(tx, uid)?.ok_or_else(|| no_pipeline(&uid))?;
            store::published::delete(tx, uid)?;
            let payload = json!({ "published": uid });
            Ok(tx.event("pipeline.unpublished", &format!("published_pipeline:{uid}"), payload)?)
        })
        .await
}

/// Errors: `NotFound`, `Exists` if the pipeline has a version of that name.
pub async fn add_version(
    ledger: &Ledger,
    actor: &Actor,
    pipeline: Uid,
    name: String,
    description: String,
    source: Digest,
    labels: Value,
) -> Result<PipelineVersion, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            store::published::find(tx, pipeline)?.ok_or_else(|| no_pipeline(&pipeline))?;
            let there = store::published::versions(tx, pipeline)?;
            if there.iter().any(|version| version.name == name) {
                return Err(Error::Exists { what: "a version", name: name.clone() });
            }
            let made = PipelineVersion {
                uid: tx.new_id(),
                pipeline,
                name: name.clone(),
                description: description.clone(),
                source,
                labels: labels.clone(),
                created_at: tx.now(),
                created_by: tx.actor().to_string(),
            };
            store::published::insert_version(tx, &made)?;
            let payload = json!({ "version": made.uid, "published": pipeline, "source": source });
            tx.event("pipeline.version_added", &format!("published_pipeline:{pipeline}"), payload)?;
            Ok(made)
        })
        .await
}

/// Newest first. Errors: `NotFound`.
pub async fn versions(ledger: &Ledger, actor: &Actor, pipeline: Uid) -> Result<Vec<PipelineVersion>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::published::find(rx, pipeline)?.ok_or_else(|| no_pipeline(&pipeline))?;
            Ok(store::published::versions(rx, pipeline)?)
        })
        .await
}

/// Errors: `NotFound`.
pub async fn get_version(ledger: &Ledger, actor: &Actor, version: Uid) -> Result<PipelineVersion, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::published::find_version(rx, version)?.ok_or_else(|| no_version(version))
        })
        .await
}

/// Errors: `NotFound`.
pub async fn update_version(
    ledger: &Ledger,
    actor: &Actor,
    version: Uid,
    description: String,
    labels: Value,
) -> Result<PipelineVersion, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = store::published::find_version(tx, version)?.ok_or_else(|| no_version(version))?;
            store::published::update_version(tx, version, &description, &labels)?;
            let payload = json!({ "version": version, "published": found.pipeline });
            tx.event("pipeline.version_changed", &format!("published_pipeline:{}", found.pipeline), payload)?;
            store::published::find_version(tx, version)?.ok_or_else(|| no_version(version))
        })
        .await
}

/// Errors: `NotFound`.
pub async fn delete_version(ledger: &Ledger, actor: &Actor, version: Uid) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let found = store::published::find_version(tx, version)?.ok_or_else(|| no_version(version))?;
            store::published::delete_version(tx, version)?;
            let payload = json!({ "version": version, "published": found.pipeline });
            let subject = format!("published_pipeline:{}", found.pipeline);
            Ok(tx.event("pipeline.version_removed", &subject, payload)?)
        })
        .await
}

fn no_pipeline(name: &impl ToString) -> Error {
    Error::NotFound { what: "published pipeline", name: name.to_string() }
}

fn no_version(uid: Uid) -> Error {
    Error::NotFound { what: "pipeline version", name: uid.to_string() }
}
