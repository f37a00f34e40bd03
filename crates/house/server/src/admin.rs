//! What an administrator does at the machine itself, beside a running server or without one.

use std::path::Path;
use std::sync::Arc;

use ledger::{Ledger, Options, Place};
use types::{Actor, Role, SystemClock};

use crate::Error;
use crate::compose::COMPONENTS;

/// Opens the metadata alone, with all its tables.
///
/// Errors: `InUse` while a server runs on the same SQLite file.
pub fn open_ledger(data_dir: &Path, database_url: Option<&str>) -> Result<Ledger, Error> {
    let place = match database_url.filter(|url| !url.is_empty()) {
        Some(url) => Place::Postgres(url.to_owned()),
        None => Place::Sqlite(data_dir.join("ledger.sqlite")),
    };
    Ok(Ledger::open(Options { place, readers: 1 }, Arc::new(SystemClock), COMPONENTS)?)
}

/// The names of the variables that name the first administrator, for containers and tests.
const NAME: &str = "MLWRIGHT_ADMIN_USERNAME";
const PASSWORD: &str = "MLWRIGHT_ADMIN_PASSWORD";
const PASSWORD_FILE: &str = "MLWRIGHT_ADMIN_PASSWORD_FILE";

/// Makes the administrator that the environment names, if there is none of that name; one that is there keeps its
/// password. There is no administrator by default, and no default password.
pub(crate) async fn first_admin(ledger: &Ledger) -> Result<(), Error> {
    let Ok(name) = std::env::var(NAME) else { return Ok(()) };
    let password = match std::env::var(PASSWORD_FILE) {
        Ok(path) => types::io::read_to_string(Path::new(&path))?.trim_end_matches(['\r', '\n']).to_owned(),
        Err(_) => std::env::var(PASSWORD).unwrap_or_default(),
    };
    if ledger.account(&name).await?.is_some() {
        return Ok(());
    }
    let actor = Actor::system("first-admin");
    match ledger.create_account(&actor, &name, Role::Admin, &password).await {
        // Another server on the same database was faster.
        Err(ledger::Error::Exists(_)) => Ok(()),
        Err(error) => Err(Error::FirstAdmin { name, reason: error.to_string() }),
        Ok(_) => {
            tracing::info!(%name, "made the administrator that the environment names");
            Ok(())
        }
    }
}
