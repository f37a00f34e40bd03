//! Which stages and doors there are, and what each is given.

use std::sync::Arc;

use blobs::{BlobConfig, Blobs};
use kit::Door;
use ledger::{Component, Ledger, Options, Place};
use types::SystemClock;

use crate::Error;
use crate::config::Config;

/// The tables of every stage, in lifecycle order.
pub const COMPONENTS: &[Component] = &[tracking::COMPONENT, models::COMPONENT];

/// The names of the doors, as `--listen` takes them.
pub const DOORS: &[&str] = &["mlflow"];

/// The ground that everything stands on.
#[derive(Clone)]
pub struct Ground {
    pub ledger: Ledger,
    pub blobs: Blobs,
}

impl Ground {
    pub async fn open(config: &Config) -> Result<Self, Error> {
        let data_dir = &config.server.data_dir;
        types::io::create_dir_all(data_dir)?;
        let place = match config.database.url.as_str() {
            "" => Place::Sqlite(data_dir.join("ledger.sqlite")),
            url => Place::Postgres(url.to_owned()),
        };
        let options = Options { place, readers: config.database.readers };
        let opened =
            tokio::task::spawn_blocking(move || Ledger::open(options, Arc::new(SystemClock), COMPONENTS));
        let blobs = match config.blobs.url.as_str() {
            "" => BlobConfig::Local(data_dir.join("blobs")),
            url => BlobConfig::Url(url.to_owned()),
        };
        let ledger = opened.await.map_err(|e| Error::Task(e.to_string()))??;
        Ok(Self { ledger, blobs: Blobs::open(&blobs).await? })
    }
}

/// Every door, in the order of [`DOORS`].
pub fn doors(ground: &Ground) -> Vec<Door> {
    let mlflow = door_mlflow::routes(door_mlflow::State {
        ledger: ground.ledger.clone(),
        blobs: ground.blobs.clone(),
    });
    vec![mlflow]
}
