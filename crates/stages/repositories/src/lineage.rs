//! Which data something used: a commit, a prefix in it, and the identity of what is below.

use serde_json::json;
use types::{Actor, Digest};

use crate::{Error, Repositories};

/// Objects below a prefix of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    pub commit: Digest,
    pub prefix: String,
    /// The same of two commits says that the same objects are below the prefix.
    pub digest: Digest,
    pub objects: u64,
    /// Of all objects together.
    pub bytes: u64,
}

impl Repositories {
    /// What a ref shows below a prefix; what is staged does not count.
    pub async fn data(
        &self,
        actor: &Actor,
        repository: &str,
        reference: &str,
        prefix: &str,
    ) -> Result<Data, Error> {
        let view = self.view(actor, repository, reference).await?;
        view.need_commit(reference)?;
        let prefix = prefix.to_owned();
        self.blocking(move |stage, _| {
            let digest = tree::digest(stage.nodes(), &view.root, prefix.as_bytes())?;
            let totals = tree::totals(stage.nodes(), &view.root, prefix.as_bytes())?;
            Ok(Data { commit: view.commit.id, prefix, digest, objects: totals.count, bytes: totals.weight })
        })
        .await
    }

    /// Says in the graph that a node (`run` or `step_run` and its key) used data: an edge to the commit, and one to
    /// the data itself.
    pub async fn used(
        &self,
        actor: &Actor,
        kind: &str,
        key: &str,
        repository: &str,
        reference: &str,
        prefix: &str,
    ) -> Result<Data, Error> {
        let data = self.data(actor, repository, reference, prefix).await?;
        let (kind, key, used) = (kind.to_owned(), key.to_owned(), data.clone());
        self.ledger()
            .write(actor, move |tx| {
                let by = tx.node(&kind, &key, json!({}))?;
                let commit = tx.node("commit", &used.commit.hex(), json!({}))?;
                let props = json!({ "objects": used.objects, "bytes": used.bytes });
                let node = tx.node("data", &used.digest.to_string(), props)?;
                tx.edge(by, "used", commit)?;
                tx.edge(by, "used", node)?;
                // The digest of the whole tree is its root, which the commit holds already.
                tx.edge(commit, "holds", node)?;
                let payload = json!({ "commit": used.commit.hex(), "data": used.digest, "by": { "kind": kind, "key": key } });
                Ok::<_, Error>(tx.event("data.used", &format!("{kind}:{key}"), payload)?)
            })
            .await?;
        Ok(data)
    }
}
