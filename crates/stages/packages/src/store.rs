use ledger::{Error, Row, Rx, Tx, params};
use types::{Actor, Digest, Uid, WorkspaceId};

use crate::verdict::{Kind, Refused, Verdict};

const COLUMNS: &str = "uid, version, digest, kind, engine, passed, detail, created_at, created_by";

fn verdict(row: &Row) -> Result<Verdict, Error> {
    let kind: String = row.get("kind")?;
    Ok(Verdict {
        uid: row.get("uid")?,
        version: row.get("version")?,
        digest: row.get("digest")?,
        kind: if kind == Kind::Parity.name() { Kind::Parity } else { Kind::Infrastructure },
        engine: row.get("engine")?,
        passed: row.get("passed")?,
        detail: row.get("detail")?,
        created_at: row.get("created_at")?,
        created_by: row.get("created_by")?,
    })
}

/// Newest first.
pub fn verdicts(rx: &mut Rx<'_>, version: Uid, digest: Option<Digest>) -> Result<Vec<Verdict>, Error> {
    let workspace = rx.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM model_verdict WHERE workspace_id = $1 AND (version = $2 OR digest = $3) \
         ORDER BY created_at DESC, uid DESC"
    );
    rx.query(&sql, &params![workspace, version, digest])?.iter().map(verdict).collect()
}

/// Failed parity verdicts that no newer one overrules.
pub fn refused(rx: &mut Rx<'_>) -> Result<Vec<(WorkspaceId, Refused)>, Error> {
    let sql = "SELECT v.workspace_id, v.version, v.digest, v.engine FROM model_verdict v \
               WHERE v.kind = $1 AND v.passed = $2 AND NOT EXISTS (SELECT 1 FROM model_verdict n \
               WHERE n.workspace_id = v.workspace_id AND (n.version = v.version OR n.digest = v.digest) \
               AND n.kind = v.kind AND n.engine = v.engine \
               AND (n.created_at > v.created_at OR n.created_at = v.created_at AND n.uid > v.uid))";
    let rows = rx.query(sql, &params![Kind::Parity.name(), false])?;
    let one = |row: &Row| {
        let refused =
            Refused { version: row.get("version")?, digest: row.get("digest")?, engine: row.get("engine")? };
        Ok((row.get("workspace_id")?, refused))
    };
    rows.iter().map(one).collect()
}

/// What was found out about some files, by one runtime.
#[derive(Clone)]
pub struct NewVerdict {
    pub version: Uid,
    pub digest: Option<Digest>,
    pub kind: Kind,
    pub engine: String,
    pub passed: bool,
    pub detail: serde_json::Value,
}

pub fn insert_verdict(tx: &mut Tx<'_>, new: NewVerdict) -> Result<Verdict, Error> {
    let (workspace, now, actor, uid) = (tx.workspace(), tx.now(), tx.actor().to_string(), tx.new_id());
    let NewVerdict { version, digest, kind, engine, passed, detail } = new;
    tx.execute(
        "INSERT INTO model_verdict (workspace_id, uid, version, digest, kind, engine, passed, detail, created_at, \
         created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &params![workspace, uid, version, digest, kind.name(), &engine, passed, detail.clone(), now, &actor],
    )?;
    Ok(Verdict { uid, version, digest, kind, engine, passed, detail, created_at: now, created_by: actor })
}

/// The newest key: public and sealed halves.
pub fn signing_key(rx: &mut Rx<'_>) -> Result<Option<(String, Vec<u8>)>, Error> {
    let workspace = rx.workspace();
    let sql = "SELECT public_key, sealed FROM package_key WHERE workspace_id = $1 \
               ORDER BY created_at DESC, public_key LIMIT 1";
    rx.query_opt(sql, &params![workspace])?
        .map(|row| Ok((row.get("public_key")?, row.get("sealed")?)))
        .transpose()
}

pub fn insert_key(tx: &mut Tx<'_>, public: &str, sealed: &[u8]) -> Result<(), Error> {
    let (workspace, now) = (tx.workspace(), tx.now());
    tx.execute(
        "INSERT INTO package_key (workspace_id, public_key, sealed, created_at) VALUES ($1, $2, $3, $4)",
        &params![workspace, public, sealed.to_vec(), now],
    )?;
    Ok(())
}

/// The event and the node of a verdict, with its edge to the version.
pub fn remember(tx: &mut Tx<'_>, verdict: &Verdict, subject: &str, _actor: &Actor) -> Result<(), Error> {
    let props = serde_json::json!({
        "kind": verdict.kind.name(), "engine": verdict.engine, "passed": verdict.passed,
    });
    let node = tx.node("model_verdict", &verdict.uid.hex(), props.clone())?;
    let version = verdict.version.hex();
    let model = match tx.find_node("model_version", &version)? {
        Some(model) => model,
        None => tx.node("model_version", &version, serde_json::json!({}))?,
    };
    tx.edge(node, "judged", model)?;
    let mut payload = props;
    payload["version"] = serde_json::json!(verdict.version);
    payload["verdict"] = serde_json::json!(verdict.uid);
    tx.event("model.judged", subject, payload)?;
    Ok(())
}
