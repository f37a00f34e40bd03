use std::path::Path;

use blobs::{BlobConfig, Blobs};
use ledger::Ledger;
use mlwright_predictions::{Batch, Log, LogConfig};
use runtimes::{Column, Frame, Values};
use types::{Actor, Clock, Digest, SystemClock, Timestamp, Uid, WorkspaceId, new_id};

pub struct House {
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub log: Log,
    pub actor: Actor,
    pub dir: tempfile::TempDir,
}

pub fn config(dir: &Path) -> LogConfig {
    LogConfig { dir: dir.join("predictions"), ..LogConfig::default() }
}

impl House {
    pub async fn new(ledger: Ledger) -> Self {
        Self::with(ledger, |_| {}).await
    }

    pub async fn with(ledger: Ledger, change: impl FnOnce(&mut LogConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().join("blobs"))).await.unwrap();
        let mut config = config(dir.path());
        change(&mut config);
        let log = Log::open(config, &ledger, &blobs).await.unwrap();
        Self { ledger, blobs, log, actor: Actor::system("test"), dir }
    }

    /// A second log on the same files, as a process has it that starts after a crash of the first.
    pub async fn again(&self) -> Log {
        Log::open(config(self.dir.path()), &self.ledger, &self.blobs).await.unwrap()
    }

    pub fn spools(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("predictions/spool")).unwrap().count()
    }
}

pub fn now() -> Timestamp {
    SystemClock.now()
}

/// One row for each number: input `x` is the number, input `kind` a text, output `score` half of it.
pub fn batch(endpoint: &str, numbers: &[f64]) -> Batch {
    let at = now();
    let text = |x: &f64| Some(format!("k{x}"));
    Batch {
        workspace: WorkspaceId::DEFAULT,
        endpoint: endpoint.into(),
        revision: Uid::from_u128(7),
        variant: "only".into(),
        model: "m".into(),
        version: 3,
        model_version: Uid::from_u128(9),
        model_digest: Some(Digest::of("model")),
        at,
        latency_us: 42,
        ids: numbers.iter().map(|_| new_id(at)).collect(),
        principal: "user:ann".into(),
        flags: Vec::new(),
        params: runtimes::Params::default(),
        inputs: frame(vec![
            ("x", Values::Float(numbers.to_vec())),
            ("kind", Values::Text(numbers.iter().map(text).collect())),
        ]),
        outputs: frame(vec![("score", Values::Float(numbers.iter().map(|x| x / 2.0).collect()))]),
    }
}

pub fn frame(columns: Vec<(&str, Values)>) -> Frame {
    let column = |(name, values): (&str, Values)| Column { name: name.into(), values };
    Frame::new(columns.into_iter().map(column).collect()).unwrap()
}
