use ledger::{Error, Row, Rx, Tx, params};
use types::{Actor, Uid};

use crate::verdict::{Kind, Verdict};

const COLUMNS: &str = "uid, version, kind, engine, passed, detail, created_at, created_by";

fn verdict(row: &Row) -> Result<Verdict, Error> {
    let kind: String = row.get("kind")?;
    Ok(Verdict {
        uid: row.get("uid")?,
        version: row.get("version")?,
        kind: if kind == Kind::Parity.name() { Kind::Parity } else { Kind::Infrastructure },
        engine: row.get("engine")?,
        passed: row.get("passed")?,
        detail: row.get("detail")?,
        created_at: row.get("created_at")?,
        created_by: row.get("created_by")?,
    })
}

/// Newest first.
pub fn verdicts(rx: &mut Rx<'_>, version: Uid) -> Result<Vec<Verdict>, Error> {
    let workspace = rx.workspace();
    let sql = format!(
        "SELECT {COLUMNS} FROM model_verdict WHERE workspace_id = $1 AND version = $2 ORDER BY created_at DESC, uid DESC"
    );
    rx.query(&sql, &params![workspace, version])?.iter().map(verdict).collect()
}

pub fn insert_verdict(
    tx: &mut Tx<'_>,
    version: Uid,
    kind: Kind,
    engine: &str,
    passed: bool,
    detail: &serde_json::Value,
) -> Result<Verdict, Error> {
    let (workspace, now, actor, uid) = (tx.workspace(), tx.now(), tx.actor().to_string(), tx.new_id());
    tx.execute(
        "INSERT INTO model_verdict (workspace_id, uid, version, kind, engine, passed, detail, created_at, created_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &params![workspace, uid, version, kind.name(), engine, passed, detail.clone(), now, &actor],
    )?;
    Ok(Verdict {
        uid,
        version,
        kind,
        engine: engine.to_owned(),
        passed,
        detail: detail.clone(),
        created_at: now,
        created_by: actor,
    })
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
