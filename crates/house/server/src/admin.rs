//! What an administrator does at the machine itself, beside a running server or without one.

use std::path::Path;
use std::sync::Arc;

use kit::AccessKeys;
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

/// The names of the variables that give the first access key.
const KEY_ID: &str = "MLWRIGHT_ROOT_ACCESS_KEY_ID";
const KEY_SECRET: &str = "MLWRIGHT_ROOT_SECRET_ACCESS_KEY";

/// Keeps the root access key that the environment gives. Without one, and if there is no key at all, makes one and tells
/// `say` what to show: it is never shown again.
pub(crate) async fn first_access_key(keys: &AccessKeys, say: impl FnOnce(String)) -> Result<(), Error> {
    let given = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let actor = Actor::system("first-access-key");
    match (given(KEY_ID), given(KEY_SECRET)) {
        (Some(id), Some(secret)) => keys.add(&actor, None, &id, &secret).await?,
        (None, None) => {
            if let Some(key) = keys.first(&actor).await? {
                say(format!(
                    "made an access key for S3 and lakeFS clients; it is shown this once:\n  access key id:     {}\n  \
                     secret access key: {}",
                    key.id, key.secret
                ));
            }
        }
        (Some(_), None) => return Err(Error::HalfAKey { given: KEY_ID, missing: KEY_SECRET }),
        (None, Some(_)) => return Err(Error::HalfAKey { given: KEY_SECRET, missing: KEY_ID }),
    }
    Ok(())
}
