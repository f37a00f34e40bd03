use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Digest, Schema};

use crate::{Error, Version, store};

pub(crate) struct NewVersion {
    pub dataset: String,
    pub digest: Digest,
    pub schema: Schema,
    pub key: Option<String>,
    pub rows: usize,
    pub parts: Vec<NewPart>,
    pub profile_digest: Digest,
    pub report_digest: Option<Digest>,
    pub origin: serde_json::Value,
    pub derived_from: Vec<(String, String)>,
}

pub(crate) struct NewPart {
    pub name: String,
    pub source_digest: Digest,
    pub source_bytes: usize,
    pub parquet_digest: Digest,
    pub parquet_bytes: usize,
    pub rows: usize,
}

/// Data set (if new), version, graph and events in one transaction. Answers the version that has this content
/// already if another import was faster.
pub(crate) async fn commit(ledger: &Ledger, actor: &Actor, new: NewVersion) -> Result<Version, Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if let Some(version) = store::by_digest(tx, &new.dataset, &new.digest)? {
                return Ok(version);
            }
            let dataset_id = match store::dataset_id(tx, &new.dataset)? {
                Some(id) => id,
                None => {
                    let id = store::insert_dataset(tx, &new.dataset)?;
                    let subject = format!("dataset:{}", new.dataset);
                    tx.event("dataset.created", &subject, json!({ "dataset": new.dataset }))?;
                    id
                }
            };
            let uid = tx.new_id();
            let number = store::insert_version(tx, dataset_id, &uid, &new)?;
            let props = json!({
                "dataset": new.dataset, "number": number, "digest": new.digest, "rows": new.rows,
            });
            let node = tx.node("dataset_version", &uid.hex(), props)?;
            for part in &new.parts {
                let props = json!({ "name": part.name, "bytes": part.source_bytes });
                let file = tx.node("file", &part.source_digest.to_string(), props)?;
                tx.edge(node, "used", file)?;
            }
            for (kind, key) in &new.derived_from {
                if let Some(cause) = tx.find_node(kind, key)? {
                    tx.edge(node, "used", cause)?;
                }
            }
            // A verification that the gate kept is named by the digest of the gate's report.
            if let Some(report) = &new.report_digest
                && let Some(verification) = tx.find_node("verification", &report.to_string())?
            {
                tx.edge(node, "verified_by", verification)?;
            }
            let files: Vec<Digest> = new.parts.iter().map(|p| p.source_digest).collect();
            let payload = json!({
                "dataset": new.dataset, "number": number, "version": uid, "digest": new.digest,
                "rows": new.rows, "files": files, "report": new.report_digest,
            });
            tx.event("dataset.version_created", &format!("dataset_version:{uid}"), payload)?;
            store::by_uid(tx, &uid)?.ok_or(Error::NoSuchVersion(uid))
        })
        .await
}
