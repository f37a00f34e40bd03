//! The metadata database: transactions that always say who did what, an event log with a chained hash, and the
//! graph of how everything came to be. SQLite by default, PostgreSQL when several servers share it.

mod access;
mod chain;
mod change;
mod component;
mod cursor;
mod db;
mod error;
mod events;
mod graph;
mod lease;
mod memo;
mod migrate;
mod read;
pub mod testing;
mod together;
mod tx;
mod value;
mod write;

use std::sync::Arc;

pub use access::{
    AccessKey, Account, Group, GroupGrant, Member, NewToken, SealedKey, Token, Verified, Workspace,
};
pub use chain::{ChainReport, Event};
pub use component::{Component, Migration};
pub use cursor::Cursor;
pub use db::{Insert, Place, Update};
pub use error::Error;
pub use graph::{Direction, Edge, Graph, Node};
pub use lease::Lease;
pub use memo::Memo;
pub use read::Rx;
pub use together::{Answers, Together};
pub use tx::{FactTx, Tx};
pub use value::{ColumnIndex, FromValue, Row, Value};

use types::Clock;

/// How to open a ledger.
#[derive(Clone, Debug)]
pub struct Options {
    pub place: Place,
    /// Reader connections; each is a thread.
    pub readers: usize,
}

/// The metadata database. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

struct Inner {
    place: Place,
    clock: Arc<dyn Clock>,
    writer: write::Writer,
    readers: read::Readers,
    access: Arc<access::State>,
    /// Held for the life of the ledger: a second server on the same SQLite file is refused.
    _lock: Option<std::fs::File>,
}

impl Ledger {
    /// Opens the database, creates or migrates its tables, and starts the writer and the readers. Blocks.
    ///
    /// Errors: `InUse` if another server has the SQLite file, `NewerDatabase` if a newer mlwright wrote it.
    pub fn open(options: Options, clock: Arc<dyn Clock>, components: &[Component]) -> Result<Self, Error> {
        let lock = match &options.place {
            Place::Sqlite(path) => Some(lock_file(path)?),
            Place::Postgres(_) => None,
        };
        let mut connection = db::Connection::writer(&options.place)?;
        migrate::migrate(&mut connection, components, clock.now())?;
        let facts: Arc<[&'static str]> =
            components.iter().chain([&component::GROUND]).flat_map(|c| c.facts.iter().copied()).collect();
        let access = Arc::new(access::State::default());
        let writer = write::Writer::start(
            connection,
            options.place.clone(),
            Arc::clone(&clock),
            facts,
            Arc::clone(&access),
        )?;
        let readers = read::Readers::start(&options.place, options.readers.max(1))?;
        Ok(Self(Arc::new(Inner { place: options.place, clock, writer, readers, access, _lock: lock })))
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// Folds SQLite's log into the database file, so that a stopped server leaves one file of its real size. Nothing
    /// depends on it: what was acknowledged is durable before. Blocks.
    pub fn checkpoint(&self) -> Result<(), Error> {
        match &self.0.place {
            Place::Sqlite(_) => {
                db::Connection::writer(&self.0.place)?.batch("PRAGMA wal_checkpoint(TRUNCATE)")
            }
            Place::Postgres(_) => Ok(()),
        }
    }

    /// The position of the last sealed event; changes wake whoever waits.
    pub fn watch(&self) -> tokio::sync::watch::Receiver<i64> {
        self.0.writer.watch()
    }
}

fn lock_file(database: &std::path::Path) -> Result<std::fs::File, Error> {
    if let Some(parent) = database.parent() {
        types::io::create_dir_all(parent)?;
    }
    let path = database.with_extension("lock");
    let file = types::io::create(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::InUse { path: database.to_owned() }),
        Err(std::fs::TryLockError::Error(e)) => Err(types::io::Error::new("lock", path, e).into()),
    }
}
