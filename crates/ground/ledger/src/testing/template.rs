//! Databases whose tables stand already: made once for a set of migrations, then copied for each test, as making
//! hundreds of tables takes longer than most tests.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use types::{Clock, SystemClock};

use crate::component::GROUND;
use crate::db::Connection;
use crate::{Component, Error, Place, migrate, params};

/// What the templates of these components are called, and which of them has these migrations.
struct Name {
    /// Begins the names of all templates of the same components.
    set: String,
    whole: String,
}

impl Name {
    fn of(components: &[Component]) -> Self {
        let (mut set, mut migrations) = (DefaultHasher::new(), DefaultHasher::new());
        for component in [&GROUND].into_iter().chain(components) {
            component.name.hash(&mut set);
            for migration in component.migrations {
                (migration.version, migration.sql).hash(&mut migrations);
            }
        }
        let set = format!("mlwright_template_{:016x}_", set.finish());
        let whole = format!("{set}{:016x}", migrations.finish());
        Self { set, whole }
    }

    /// Whether the tables of `other` are those of the same components at another time.
    fn outdates(&self, other: &str) -> bool {
        other.starts_with(&self.set) && !other.starts_with(&self.whole)
    }
}

/// A file with the tables of these components at `path`.
pub(super) fn sqlite(components: &[Component], path: &Path) -> Result<(), Error> {
    let name = Name::of(components);
    let folder = std::env::temp_dir().join("mlwright_templates");
    let template = folder.join(format!("{}.sqlite", name.whole));
    if !template.exists() {
        types::io::create_dir_all(&folder)?;
        // Whoever else makes it at this moment makes the same: the last to move it there wins.
        let own = folder.join(format!("new_{}.sqlite", types::new_id(SystemClock.now())));
        let mut made = Connection::writer(&Place::Sqlite(own.clone()))?;
        migrate::migrate(&mut made, components, SystemClock.now())?;
        made.batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        drop(made);
        std::fs::rename(&own, &template).map_err(|e| types::io::Error::new("rename", own, e))?;
        for outdated in others(&folder, &name) {
            let _ = std::fs::remove_file(outdated);
        }
    }
    std::fs::copy(&template, path).map_err(|e| types::io::Error::new("copy", template, e))?;
    Ok(())
}

fn others(folder: &Path, name: &Name) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|e| name.outdates(&e.file_name().to_string_lossy())).map(|e| e.path()).collect()
}

/// A database `to` with the tables of these components on the server of `admin`.
pub(super) fn postgres(components: &[Component], admin: &str, to: &str) -> Result<(), Error> {
    let name = Name::of(components);
    let mut server = Connection::writer(&Place::Postgres(admin.to_owned()))?;
    let copy = format!("CREATE DATABASE {to} TEMPLATE {}", name.whole);
    // Tests of another version may take a template for outdated and drop it at any moment.
    for _ in 0..3 {
        make(&mut server, &name, components, admin)?;
        if server.batch(&copy).is_ok() {
            return Ok(());
        }
    }
    server.batch(&copy)
}

fn make(server: &mut Connection, name: &Name, components: &[Component], admin: &str) -> Result<(), Error> {
    const EXISTS: &str = "SELECT datname FROM pg_database WHERE datname = $1";
    if !server.query(EXISTS, &params![name.whole.as_str()])?.is_empty() {
        return Ok(());
    }
    // One at a time, whatever they make; this is rare.
    server.query("SELECT CAST(pg_advisory_lock(7162) AS TEXT)", &[])?;
    if server.query(EXISTS, &params![name.whole.as_str()])?.is_empty() {
        let unfinished = format!("new_{}", name.whole);
        server.batch(&format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)"))?;
        server.batch(&format!("CREATE DATABASE {unfinished}"))?;
        let place = Place::Postgres(super::database_at(admin, &unfinished));
        migrate::migrate(&mut Connection::writer(&place)?, components, SystemClock.now())?;
        server.batch(&format!("ALTER DATABASE {unfinished} RENAME TO {}", name.whole))?;
        for row in server.query("SELECT datname FROM pg_database", &[])? {
            let other: String = row.get("datname")?;
            if name.outdates(&other) {
                server.batch(&format!("DROP DATABASE IF EXISTS {other}"))?;
            }
        }
    }
    server.query("SELECT CAST(pg_advisory_unlock(7162) AS TEXT)", &[])?;
    Ok(())
}
