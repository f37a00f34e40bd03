use types::Timestamp;

use crate::component::GROUND;
use crate::db::Connection;
use crate::{Component, Error, params};

/// Brings the tables of every component to the newest version this program knows, in one transaction.
pub(crate) fn migrate(
    connection: &mut Connection,
    components: &[Component],
    now: Timestamp,
) -> Result<(), Error> {
    connection.begin_write()?;
    let result = apply(connection, components, now);
    match result {
        Ok(()) => connection.batch("COMMIT"),
        Err(error) => {
            // The first error is the one to report; the connection is dropped with it.
            let _ = connection.batch("ROLLBACK");
            Err(error)
        }
    }
}

fn apply(connection: &mut Connection, components: &[Component], now: Timestamp) -> Result<(), Error> {
    if connection.is_postgres() {
        // Several servers may start at once; the lock ends with the transaction.
        connection.query("SELECT CAST(pg_advisory_xact_lock(7161) AS TEXT)", &[])?;
    }
    connection.batch(
        "CREATE TABLE IF NOT EXISTS schema_version \
         (component TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, applied_at BIGINT NOT NULL)",
    )?;
    for component in [&GROUND].into_iter().chain(components) {
        let known = component.migrations.last().map_or(0, |m| m.version);
        let found = connection
            .query("SELECT version FROM schema_version WHERE component = $1", &params![component.name])?
            .first()
            .map_or(Ok(0), |row| row.get("version"))?;
        if found > known {
            return Err(Error::NewerDatabase { component: component.name.into(), found, known });
        }
        for migration in component.migrations.iter().filter(|m| m.version > found) {
            let sql = connection.dialect(migration.sql);
            connection.batch(&sql).map_err(|e| Error::Migration {
                component: component.name.into(),
                version: migration.version,
                message: e.to_string(),
            })?;
        }
        if known > found {
            connection.execute(
                "INSERT INTO schema_version (component, version, applied_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (component) DO UPDATE SET version = excluded.version, applied_at = excluded.applied_at",
                &params![component.name, known, now],
            )?;
        }
    }
    connection.execute(
        "INSERT INTO workspace (id, uid, name, created_at) VALUES (1, $1, 'default', $2) ON CONFLICT (id) DO NOTHING",
        &params![types::new_id(now), now],
    )?;
    Ok(())
}
