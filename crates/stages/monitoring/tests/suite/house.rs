//! A log with endpoints that are told what they predicted.

use std::collections::BTreeMap;

use blobs::{BlobConfig, Blobs};
use columns::{Table, column};
use ledger::{Component, Ledger};
use mlwright_monitoring as monitoring;
use monitoring::{BaselineRef, Method, MonitorSpec, Monitoring, WindowRows};
use predictions::{Batch, Log, LogConfig, NewLabel};
use runtimes::{Column, Frame, Values};
use types::{Actor, Digest, Uid, WorkspaceId};

pub const COMPONENTS: [Component; 4] =
    [predictions::COMPONENT, pipelines::COMPONENT, serving::COMPONENT, monitoring::COMPONENT];

pub struct House {
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub log: Log,
    pub actor: Actor,
    pub revision: Uid,
    pub model_version: Uid,
    pub dir: tempfile::TempDir,
}

/// Uniform values from 0 to 1, the same ones for the same seed.
pub fn uniform(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..count).map(|_| next()).collect()
}

/// Five features, of which `shifted` are moved by half of their range; the last is a text.
pub fn rows(count: usize, seed: u64, shifted: usize) -> Vec<(String, Values)> {
    let mut columns: Vec<(String, Values)> = (0..4_u64)
        .map(|i| {
            let shift = if (i as usize) < shifted { 0.5 } else { 0.0 };
            let values = uniform(count, seed * 10 + i).into_iter().map(|v| v + shift).collect();
            (format!("x{i}"), Values::Float(values))
        })
        .collect();
    let texts = uniform(count, seed * 10 + 5).into_iter().map(|v| {
        let moved = shifted > 4 && v > 0.2;
        Some(
            if moved {
                "new"
            } else if v > 0.5 {
                "b"
            } else {
                "a"
            }
            .to_owned(),
        )
    });
    columns.push(("kind".into(), Values::Text(texts.collect())));
    columns
}

pub fn table(columns: &[(String, Values)]) -> Table {
    let array = |values: &Values| match values {
        Values::Float(v) => column::floats(v.iter().copied().map(Some)),
        Values::Text(v) => column::strings(v.iter().cloned()),
        Values::Integer(v) => column::integers(v.iter().copied()),
        Values::Boolean(v) => column::booleans(v.iter().copied()),
    };
    Table::new(columns.iter().map(|(name, values)| (name.clone(), array(values))).collect()).unwrap()
}

pub fn spec(baseline: Digest) -> MonitorSpec {
    MonitorSpec {
        name: "drift".into(),
        endpoint: "e".into(),
        baseline: BaselineRef::Blob { digest: baseline },
        window: WindowRows { rows: 500 },
        method: Method::Psi,
        threshold: 0.2,
        share: 0.4,
        consecutive: 1,
        features: BTreeMap::new(),
        bins: 10,
        calibrate: true,
        output: None,
        rules: monitoring::Rules::default(),
    }
}

impl House {
    pub async fn new(ledger: Ledger) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().join("blobs"))).await.unwrap();
        let config = LogConfig { dir: dir.path().join("log"), ..Default::default() };
        let log = Log::open(config, &ledger, &blobs).await.unwrap();
        let actor = Actor::system("test");
        let revision = types::new_id(ledger.clock().now());
        Self { ledger, blobs, log, actor, revision, model_version: revision, dir }
    }

    /// The same directory and database with a new process's memory.
    pub async fn restart(self) -> Self {
        let Self { ledger, blobs, log, actor, revision, model_version, dir } = self;
        log.flush().await.unwrap();
        drop(log);
        let config = LogConfig { dir: dir.path().join("log"), ..Default::default() };
        let log = Log::open(config, &ledger, &blobs).await.unwrap();
        Self { ledger, blobs, log, actor, revision, model_version, dir }
    }

    /// Training rows that are not shifted, as a blob.
    pub async fn baseline(&self) -> Digest {
        let table = table(&rows(5_000, 1, 0));
        self.blobs.put_bytes(table.to_parquet().unwrap()).await.unwrap()
    }

    /// The revision, with `v`, which answers, and `s`, which gets copies.
    pub async fn deploy_with_shadow(&self) {
        let variant = |name: &str, shadow: bool| {
            serde_json::json!({
                "name": name, "model": "m", "version": 1, "model_version": self.model_version, "digest": null,
                "weight": if shadow { 0.0 } else { 1.0 }, "shadow": shadow,
            })
        };
        let variants = serde_json::json!([variant("v", false), variant("s", true)]);
        let revision = self.revision;
        self.ledger
            .write(&self.actor, move |tx: &mut ledger::Tx<'_>| {
                let now = tx.now();
                tx.execute(
                    "INSERT INTO endpoint_revision (workspace_id, uid, endpoint, number, variants, created_at, created_by) \
                     VALUES ($1, $2, $3, 1, $4, $5, $6)",
                    &ledger::params![tx.workspace(), revision, "e", variants.clone(), now, "user:ann"],
                )?;
                tx.event("test.deployed", "endpoint:e", serde_json::Value::Null)
            })
            .await
            .unwrap();
    }

    /// Predictions whose probability is their first feature, cut to 0…1.
    pub async fn predict(&self, columns: Vec<(String, Values)>) -> Vec<Uid> {
        self.predict_as("v", columns).await
    }

    pub async fn predict_as(&self, variant: &str, columns: Vec<(String, Values)>) -> Vec<Uid> {
        let Values::Float(first) = &columns[0].1 else { unreachable!("the first feature is a float") };
        let probability = first.iter().map(|v| v.clamp(0.0, 1.0)).collect();
        let now = self.ledger.clock().now();
        let ids: Vec<Uid> = first.iter().map(|_| types::new_id(now)).collect();
        let columns =
            columns.into_iter().map(|(name, values)| Column { name: name.into(), values }).collect();
        let outputs = vec![Column { name: "probability".into(), values: Values::Float(probability) }];
        let batch = Batch {
            workspace: WorkspaceId::DEFAULT,
            endpoint: "e".into(),
            revision: self.revision,
            variant: variant.to_owned(),
            model: "m".into(),
            version: 1,
            model_version: self.model_version,
            model_digest: None,
            at: now,
            latency_us: 5,
            ids: ids.clone(),
            principal: "user:ann".into(),
            flags: Vec::new(),
            params: runtimes::Params::default(),
            inputs: Frame::new(columns).unwrap(),
            outputs: Frame::new(outputs).unwrap(),
        };
        self.log.record_durable(batch).await.unwrap();
        ids
    }

    pub async fn label(&self, ids: &[Uid], labels: impl Iterator<Item = bool>) {
        let labels = ids
            .iter()
            .zip(labels)
            .map(|(id, label)| NewLabel { prediction_id: *id, label: u8::from(label).into(), at: None })
            .collect();
        self.log.label(&self.actor, labels).await.unwrap();
    }

    /// A watcher without memory, as after a restart, judges what is there.
    pub async fn judge(&self) -> usize {
        Monitoring::new(&self.ledger, &self.blobs, &self.log).judge_pending().await.unwrap()
    }

    /// Events of this kind, oldest first.
    pub async fn events(&self, kind: &str) -> Vec<serde_json::Value> {
        let events = ledger::testing::events(&self.ledger).await;
        events.into_iter().filter(|e| e.kind == kind).map(|e| e.payload).collect()
    }
}
