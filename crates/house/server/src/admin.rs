//! What an administrator does at the machine itself, beside a running server or without one.

use std::path::Path;
use std::sync::Arc;

use ledger::{Ledger, Options, Place};
use types::SystemClock;

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
