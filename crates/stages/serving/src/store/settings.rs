use ledger::{Error, Rx, Tx, params};
use types::WorkspaceId;

use crate::Settings;

pub fn save_settings(tx: &mut Tx<'_>, endpoint: &str, settings: &Settings) -> Result<(), Error> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let json = serde_json::to_value(settings)
        .map_err(|e| Error::Database { message: format!("settings cannot be written: {e}") })?;
    tx.execute(
        "INSERT INTO endpoint_settings (workspace_id, endpoint, settings, updated_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace_id, endpoint) DO UPDATE SET settings = excluded.settings, \
         updated_at = excluded.updated_at",
        &params![workspace, endpoint, json, now],
    )?;
    Ok(())
}

/// Of all endpoints of all workspaces.
pub fn all_settings(rx: &mut Rx<'_>) -> Result<Vec<(WorkspaceId, String, Settings)>, Error> {
    let rows = rx.query("SELECT workspace_id, endpoint, settings FROM endpoint_settings", &params![])?;
    rows.iter()
        .map(|row| {
            let json: serde_json::Value = row.get("settings")?;
            let settings = serde_json::from_value(json).map_err(|e| Error::Database {
                message: format!("endpoint_settings.settings cannot be read: {e}"),
            })?;
            Ok((row.get("workspace_id")?, row.get("endpoint")?, settings))
        })
        .collect()
}
