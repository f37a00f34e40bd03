use ledger::{Error, FactTx, Rx, params};
use types::{Timestamp, Uid};

use crate::{Revision, ShadowFigures, VariantView};

/// Replaces what the same server wrote before.
pub fn save_shadow(
    tx: &mut FactTx<'_>,
    revision: &Revision,
    variant: &VariantView,
    server: Uid,
    figures: &ShadowFigures,
) -> Result<(), Error> {
    let workspace = tx.workspace();
    let body = serde_json::to_value(figures)
        .map_err(|e| Error::Database { message: format!("a shadow's figures cannot be written: {e}") })?;
    tx.execute(
        "INSERT INTO endpoint_shadow (workspace_id, endpoint, revision, variant, server, model_version, body, since) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (workspace_id, endpoint, revision, variant, server) DO UPDATE SET body = excluded.body",
        &params![
            workspace,
            &revision.endpoint,
            revision.uid,
            &variant.name,
            server,
            variant.model_version,
            body,
            revision.created_at
        ],
    )?;
    Ok(())
}

/// One a server and revision.
pub fn shadows(
    rx: &mut Rx<'_>,
    endpoint: &str,
    model_version: Uid,
    since: Timestamp,
) -> Result<Vec<ShadowFigures>, Error> {
    let workspace = rx.workspace();
    let rows = rx.query(
        "SELECT body FROM endpoint_shadow WHERE workspace_id = $1 AND endpoint = $2 AND model_version = $3 \
         AND since >= $4",
        &params![workspace, endpoint, model_version, since],
    )?;
    rows.iter()
        .map(|row| {
            let json: serde_json::Value = row.get("body")?;
            serde_json::from_value(json)
                .map_err(|e| Error::Database { message: format!("endpoint_shadow.body cannot be read: {e}") })
        })
        .collect()
}
