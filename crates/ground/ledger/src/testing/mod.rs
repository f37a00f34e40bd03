//! Ledgers for tests: one suite, two databases. Used through [`crate::db_test!`].

mod template;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use types::{Clock, SystemClock, WorkspaceId};

use crate::db::Connection;
use crate::{Component, Error, Event, Ledger, Options, Place};

/// A database that is removed when dropped.
pub struct Scratch {
    pub place: Place,
    directory: Option<PathBuf>,
    database: Option<(String, String)>,
}

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// An empty database; `None` where PostgreSQL is asked for but no server is named by `MLWRIGHT_TEST_POSTGRES`.
///
/// Errors: also when `CI` is set and no server is named: there, a skipped test is a failed one.
pub fn scratch(engine: Engine) -> Result<Option<Scratch>, Error> {
    made(engine, None)
}

/// [`scratch`] with the tables of these components.
fn migrated(engine: Engine, components: &[Component]) -> Result<Option<Scratch>, Error> {
    made(engine, Some(components))
}

fn made(engine: Engine, components: Option<&[Component]>) -> Result<Option<Scratch>, Error> {
    let name = format!("mlwright_test_{}", types::new_id(SystemClock.now()));
    match engine {
        Engine::Sqlite => {
            let directory = std::env::temp_dir().join(&name);
            types::io::create_dir_all(&directory)?;
            let file = directory.join("ledger.sqlite");
            if let Some(components) = components {
                template::sqlite(components, &file)?;
            }
            Ok(Some(Scratch { place: Place::Sqlite(file), directory: Some(directory), database: None }))
        }
        Engine::Postgres => {
            let Ok(admin) = std::env::var("MLWRIGHT_TEST_POSTGRES") else {
                if std::env::var_os("CI").is_some() {
                    return Err(Error::Open {
                        place: "MLWRIGHT_TEST_POSTGRES".into(),
                        message: "not set, and CI may not skip PostgreSQL tests".into(),
                    });
                }
                return Ok(None);
            };
            match components {
                Some(components) => template::postgres(components, &admin, &name)?,
                None => Connection::writer(&Place::Postgres(admin.clone()))?
                    .batch(&format!("CREATE DATABASE {name}"))?,
            }
            let place = Place::Postgres(database_at(&admin, &name));
            Ok(Some(Scratch { place, directory: None, database: Some((admin, name)) }))
        }
    }
}

/// The address of another database on the same server.
fn database_at(admin: &str, name: &str) -> String {
    admin.rsplit_once('/').map_or_else(|| admin.to_owned(), |(server, _)| format!("{server}/{name}"))
}

impl Scratch {
    pub fn open(&self, components: &[Component]) -> Result<Ledger, Error> {
        self.open_at(components, Arc::new(SystemClock))
    }

    pub fn open_at(&self, components: &[Component], clock: Arc<dyn Clock>) -> Result<Ledger, Error> {
        Ledger::open(Options { place: self.place.clone(), readers: 2 }, clock, components)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            // Left-overs in the temporary directory harm nobody.
            let _ = std::fs::remove_dir_all(directory);
        }
        if let Some((admin, name)) = &self.database {
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let _ = Connection::writer(&Place::Postgres(admin.clone())).and_then(|mut c| c.batch(&drop));
        }
    }
}

/// Runs a test on one database. Skips loudly, on standard error, where PostgreSQL is not at hand.
#[expect(clippy::print_stderr, clippy::panic, reason = "this is the test harness")]
pub fn run<F, R>(engine: Engine, components: &[Component], test: F)
where
    F: FnOnce(Ledger) -> R,
    R: Future<Output = ()>,
{
    let scratch = match migrated(engine, components) {
        Ok(Some(scratch)) => scratch,
        Ok(None) => {
            eprintln!("SKIPPED on PostgreSQL: set MLWRIGHT_TEST_POSTGRES, or use `cargo xtask test`");
            return;
        }
        Err(error) => panic!("no test database: {error}"),
    };
    let ledger = match scratch.open(components) {
        Ok(ledger) => ledger,
        Err(error) => panic!("cannot open the test database: {error}"),
    };
    match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime.block_on(test(ledger)),
        Err(error) => panic!("no runtime: {error}"),
    }
}

/// All events so far, oldest first, once every committed one is sealed: on PostgreSQL sealing follows the commit, so
/// that [`Ledger::events_after`] right after a write may not show its events yet.
#[expect(clippy::panic, reason = "this is the test harness")]
pub async fn events(ledger: &Ledger) -> Vec<Event> {
    let unsealed = |rx: &mut crate::Rx<'_>| Ok::<_, Error>(rx.query(UNSEALED, &[])?.is_empty());
    for _ in 0..1_000 {
        match ledger.read(WorkspaceId::DEFAULT, unsealed).await {
            Ok(true) => match ledger.events_after(0, 100_000).await {
                Ok(events) => return events,
                Err(error) => panic!("cannot read the events: {error}"),
            },
            Ok(false) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("cannot read the events: {error}"),
        }
    }
    panic!("events are not sealed after 20 s")
}

const UNSEALED: &str = "SELECT id FROM event WHERE position IS NULL LIMIT 1";

/// Expands each test for SQLite and for PostgreSQL:
/// `db_test! { components: [COMPONENT]; async fn name_is_a_sentence(ledger: ledger::Ledger) { … } }`
#[macro_export]
macro_rules! db_test {
    (components: $components:tt; $($(#[$meta:meta])* async fn $name:ident($ledger:ident: $type:ty) $body:block)*) => {
        $(
            mod $name {
                #[allow(unused_imports)]
                use super::*;

                $(#[$meta])*
                async fn body($ledger: $type) $body

                #[test]
                fn sqlite() {
                    $crate::testing::run($crate::testing::Engine::Sqlite, &$components, body);
                }

                #[test]
                fn postgres() {
                    $crate::testing::run($crate::testing::Engine::Postgres, &$components, body);
                }
            }
        )*
    };
}
