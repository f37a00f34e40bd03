//! Everything that automation drives, in a temporary directory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use automation::{
    Automation, Budget, ChampionRule, Gate, Labels, OutputRef, Policy, Recipe, Retraining, RolloutRule,
    State, Triggers,
};
use blobs::{BlobConfig, Blobs};
use columns::Table;
use datasets::{Import, Source, SourceFile, Version};
use evaluation::Bound;
use futures::StreamExt as _;
use ledger::{Component, Ledger};
use mlwright_automation as automation;
use models::CreateVersion;
use pipelines::{CodeSnapshot, Config, Engine};
use predictions::{Batch, Log, LogConfig, NewLabel};
use repositories::{NewCommit, NewRepository, Object, Repositories};
use runtimes::{Column, Frame, Runtime, RuntimeConfig, Tensor, TensorData, Values};
use serde_json::json;
use serving::{Serving, ServingConfig};
use tasks::{OnError, OnStop, Supervisor, TaskKind};
use tracking::artifacts::{self, ArtifactPath};
use types::{Actor, Timestamp, Uid, WorkspaceId};

pub const COMPONENTS: [Component; 11] = [
    repositories::COMPONENT,
    datasets::COMPONENT,
    curation::COMPONENT,
    tracking::COMPONENT,
    models::COMPONENT,
    pipelines::COMPONENT,
    predictions::COMPONENT,
    evaluation::COMPONENT,
    serving::COMPONENT,
    monitoring::COMPONENT,
    automation::COMPONENT,
];

pub struct House {
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub log: Log,
    pub serving: Serving,
    pub repositories: Repositories,
    pub runtime: Runtime,
    pub actor: Actor,
    pub dir: tempfile::TempDir,
    pub code: CodeSnapshot,
    pub base: Version,
    _engine: Supervisor,
}

fn shared(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../conformance").join(path)
}

/// The rows of the data set: eight features, `large`, and the label `benign`.
pub fn cancer() -> Table {
    columns::read_file(shared("vectors/evaluation/cancer.csv"), None).unwrap()
}

/// False, loudly, where there is no ONNX Runtime; a failure in CI.
pub fn has_onnxruntime() -> bool {
    if std::env::var_os("MLWRIGHT_ONNXRUNTIME").is_some() {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "MLWRIGHT_ONNXRUNTIME is not set, and CI may not skip");
    eprintln!("SKIPPED: set MLWRIGHT_ONNXRUNTIME to a libonnxruntime");
    false
}

const WAITS: &str = "while [ ! -e \"$MLWRIGHT_PARAM_GO\" ]; do sleep 0.05; done";

pub fn pipeline(train: &str, go: &std::path::Path) -> serde_json::Value {
    json!({
        "name": "train", "dataset": "cancer", "params": { "go": go },
        "steps": [
            { "name": "split", "run": "cp holdout.parquet \"$MLWRIGHT_OUTPUTS/\"", "outputs": ["holdout.parquet"] },
            { "name": "fit", "needs": ["split"], "run": train, "experiment": "cancer", "registers": "cancer" },
        ],
    })
}

impl House {
    /// With a pipeline whose training waits until [`House::register`] was called, or fails if `fails`.
    pub async fn new(ledger: Ledger, fails: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().join("blobs"))).await.unwrap();
        let actor = Actor::local();
        let log_config = LogConfig { dir: dir.path().join("log"), ..Default::default() };
        let log = Log::open(log_config, &ledger, &blobs).await.unwrap();
        let runtime = Runtime::new(RuntimeConfig { sessions: 1, ..Default::default() });
        let serving = Serving::start(ServingConfig::default(), &ledger, &blobs, runtime.clone(), log.clone())
            .await
            .unwrap();

        let data = Blobs::open(&BlobConfig::Local(dir.path().join("repositories"))).await.unwrap();
        let repositories = Repositories::open(ledger.clone(), data, repositories::Options::default());
        let csv = types::io::read(shared("vectors/evaluation/cancer.csv")).unwrap();
        let file = SourceFile::new("cancer.csv", Source::Bytes(csv.into()));
        let base =
            datasets::import(&ledger, &blobs, &actor, Import::new("cancer", vec![file])).await.unwrap();

        let files = tempfile::tempdir().unwrap();
        types::io::write(files.path().join("holdout.parquet"), cancer().to_parquet().unwrap()).unwrap();
        let code = pipelines::snapshot_code(&blobs, files.path(), &[]).await.unwrap();
        let train = if fails { "exit 3" } else { WAITS };
        let spec = pipeline(train, &dir.path().join("go"));
        pipelines::define(&ledger, &actor, serde_json::from_value(spec).unwrap()).await.unwrap();
        models::create_model(&ledger, &actor, "cancer".into(), None, BTreeMap::new()).await.unwrap();

        let program = std::env::current_exe().unwrap().into_os_string();
        let shim = vec![program, "--exact".into(), "shim_entry".into(), "--nocapture".into()];
        let config = Config::new(dir.path().join("data"), shim, "http://127.0.0.1:1".into());
        let engine = Engine::new(ledger.clone(), blobs.clone(), config).unwrap();
        let supervisor = Supervisor::new();
        let token = supervisor.token();
        let kind = TaskKind { name: "engine", on_error: OnError::Log, on_stop: OnStop::Abort };
        supervisor.spawn(kind, async move { engine.run(token).await });
        let (served, token) = (serving.clone(), supervisor.token());
        let kind = TaskKind { name: "serving", on_error: OnError::Log, on_stop: OnStop::Abort };
        supervisor.spawn(kind, async move { served.run(token).await });
        Self {
            ledger,
            blobs,
            log,
            serving,
            repositories,
            runtime,
            actor,
            dir,
            code,
            base,
            _engine: supervisor,
        }
    }

    /// As a server has it that has just started: nothing is remembered.
    pub fn automation(&self) -> Automation {
        let Self { ledger, blobs, runtime, log, serving, repositories, .. } = self;
        Automation::new(ledger, blobs, runtime, log, serving, repositories)
    }

    pub fn recipe(&self, least_auc: f64) -> Recipe {
        Recipe {
            pipeline: "train".into(),
            code: self.code.clone(),
            model: "cancer".into(),
            dataset: Some("cancer".into()),
            expectations: None,
            label: Some("benign".into()),
            gate: Some(Gate {
                name: "gate".into(),
                data: OutputRef {
                    pipeline: "train".into(),
                    step: "split".into(),
                    output: "holdout.parquet".into(),
                },
                label: "benign".into(),
                output: Some("probabilities".into()),
                positive: None,
                threshold: None,
                metrics: BTreeMap::from([("roc_auc".into(), Bound { min: Some(least_auc), max: None })]),
                slices: Vec::new(),
                slice_metrics: BTreeMap::new(),
                champion: Some(ChampionRule { metric: "roc_auc".into(), max_drop: 0.5 }),
            }),
            alias: "champion".into(),
            endpoint: "cancer".into(),
            rollout: None,
        }
    }

    /// A policy that retrains without a gate, by hand.
    pub async fn rolling_out(&self, rollout: RolloutRule) {
        let recipe = Recipe { gate: None, label: None, rollout: Some(rollout), ..self.recipe(0.5) };
        let policy = Policy {
            name: "again".into(),
            on: "drift".into(),
            triggers: Triggers::default(),
            labels: None,
            cooldown: None,
            budget: None,
            recipe,
        };
        automation::define(&self.ledger, &self.actor, policy).await.unwrap();
    }

    /// A retraining of that policy, up to the station after its training: it makes a version of this file.
    pub async fn trained(&self, file: &str) -> Uid {
        // Another parameter, so that nothing is taken from the cache.
        let go = self.dir.path().join(format!("go-{}", self.retrainings().await.len()));
        let spec = serde_json::from_value(pipeline(WAITS, &go)).unwrap();
        pipelines::define(&self.ledger, &self.actor, spec).await.unwrap();
        let uid = automation::trigger_manual(&self.ledger, &self.actor, "again", None).await.unwrap().uid;
        self.until(uid, State::Training).await;
        self.automation().step(&self.actor, uid).await.unwrap();
        self.register(self.get(uid).await.pipeline_run.unwrap(), file).await;
        types::io::write(go, "").unwrap();
        let gating = self.until(uid, State::Gating).await;
        assert_eq!(gating.state, State::Gating, "{:?}", gating.reason);
        uid
    }

    /// A request of a caller, each feature of this value; the answering variant.
    pub async fn ask(&self, value: f32) -> String {
        self.asked(value).await.variant
    }

    pub async fn asked(&self, value: f32) -> serving::Answer {
        let input = Tensor::new("X", [1, 8], TensorData::F32(vec![value; 8]));
        let request = serving::Request {
            endpoint: "cancer",
            select: serving::Select::Any,
            routing_key: None,
            input: serving::Input::Tensors(vec![input]),
            params: None,
            outputs: &[],
            deadline: None,
        };
        self.serving.infer(&self.actor, request).await.unwrap()
    }

    /// Turns, as [`House::until`], with requests of this value coming in.
    pub async fn under_load(&self, uid: Uid, value: f32, state: State) -> Retraining {
        for _ in 0..600 {
            for _ in 0..20 {
                self.ask(value).await;
            }
            self.automation().step(&self.actor, uid).await.unwrap();
            let found = self.get(uid).await;
            if found.state == state || found.state.is_final() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        unreachable!("it stands still: {:?}", self.get(uid).await);
    }

    /// The names of what the endpoint serves, with their weights.
    pub fn serves(&self) -> Vec<(String, f64)> {
        let view = self.serving.get(&self.actor, "cancer").unwrap();
        view.revision.variants.into_iter().map(|v| (v.name, v.weight)).collect()
    }

    /// The number of the version that the alias points to.
    pub async fn champion(&self) -> Option<i64> {
        let found = models::version_by_alias(&self.ledger, &self.actor, "cancer".into(), "champion".into());
        found.await.unwrap().map(|v| v.number)
    }

    pub async fn policy(&self, labels: Option<Labels>, cooldown: Option<i64>, budget: Option<Budget>) {
        let recipe = self.recipe(0.5);
        let triggers = Triggers::default();
        let policy =
            Policy { name: "again".into(), on: "drift".into(), triggers, labels, cooldown, budget, recipe };
        automation::define(&self.ledger, &self.actor, policy).await.unwrap();
    }

    pub async fn first(&self, least_auc: f64) -> Uid {
        let recipe = self.recipe(least_auc);
        automation::trigger_first(&self.ledger, &self.actor, None, recipe, "p").await.unwrap().uid
    }

    pub async fn create_repository(&self, name: &str) {
        let new = NewRepository {
            name: name.to_owned(),
            storage_namespace: format!("local://{name}"),
            default_branch: "main".to_owned(),
            read_only: false,
            metadata: BTreeMap::new(),
        };
        self.repositories.create_repository(&self.actor, new).await.unwrap();
    }

    /// A commit with one file; its id.
    pub async fn commit(&self, repository: &str, branch: &str, path: &str, content: Vec<u8>) -> String {
        let body = futures::stream::iter([Ok(bytes::Bytes::from(content))]).boxed();
        let received = self.repositories.receive(body, &[]).await.unwrap();
        let object = Object {
            etag: received.etag(),
            physical: received.physical,
            size: received.size,
            modified_at: self.ledger.clock().now(),
            content_type: None,
            metadata: BTreeMap::new(),
            checksums: BTreeMap::new(),
            headers: BTreeMap::new(),
        };
        let stage = &self.repositories;
        stage.stage(&self.actor, repository, branch, path, object, Default::default()).await.unwrap();
        let new = NewCommit { message: path.to_owned(), ..NewCommit::default() };
        let made = stage.commit(&self.actor, repository, branch, new).await.unwrap();
        ledger::testing::events(&self.ledger).await;
        made.id.hex()
    }

    /// What monitoring tells; `from` is when the first drifted window began.
    pub async fn tell(&self, kind: &'static str, from: Timestamp) {
        self.tell_of(kind, from, None).await;
    }

    /// The same, about the predictions of one revision.
    pub async fn tell_of(&self, kind: &'static str, from: Timestamp, revision: Option<Uid>) {
        let window = types::new_id(self.ledger.clock().now());
        self.ledger
            .write(&Actor::system("monitoring"), move |tx: &mut ledger::Tx<'_>| {
                tx.node("monitor_window", &window.hex(), json!({}))?;
                let payload = json!({
                    "monitor": "drift", "window": window, "from": from, "drifted": true, "revision": revision,
                });
                tx.event(kind, "monitor:drift", payload)?;
                Ok::<_, ledger::Error>(())
            })
            .await
            .unwrap();
        // Until it is sealed, which is when cursors see it.
        ledger::testing::events(&self.ledger).await;
    }

    pub async fn retrainings(&self) -> Vec<Retraining> {
        automation::list(&self.ledger, &self.actor, 100).await.unwrap()
    }

    pub async fn get(&self, uid: Uid) -> Retraining {
        automation::get(&self.ledger, &self.actor, uid).await.unwrap()
    }

    /// Turns until the retraining is in this state, or in a final one.
    pub async fn until(&self, uid: Uid, state: State) -> Retraining {
        for _ in 0..600 {
            self.automation().step(&self.actor, uid).await.unwrap();
            let found = self.get(uid).await;
            if found.state == state || found.state.is_final() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        unreachable!("it stands still: {:?}", self.get(uid).await);
    }

    /// What the training's client does: registers a version of the model from the step's tracking run.
    pub async fn register(&self, run: Uid, file: &str) {
        let tracking_run = loop {
            let steps = pipelines::steps(&self.ledger, &self.actor, run).await.unwrap();
            match steps.iter().find(|s| s.name == "fit").and_then(|s| s.tracking_run) {
                Some(found) => break found,
                None => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let expected = types::io::read(shared("models/cancer_logreg.expected.json")).unwrap();
        let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
        let inputs: Vec<serde_json::Value> = expected["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| json!({ "type": "float", "name": c, "required": true }))
            .collect();
        let mlmodel = format!(
            "flavors:\n  onnx:\n    data: model.onnx\nsignature:\n  inputs: '{}'\n  outputs: '[]'\n",
            serde_json::to_string(&inputs).unwrap()
        );
        let onnx = types::io::read(shared("models").join(file)).unwrap();
        let folder = format!("models/{tracking_run}");
        for (name, bytes) in [("MLmodel", mlmodel.into_bytes()), ("model.onnx", onnx)] {
            let size = bytes.len() as i64;
            let digest = self.blobs.put_bytes(bytes).await.unwrap();
            let path = ArtifactPath::parse(&format!("{folder}/{name}")).unwrap();
            artifacts::put(&self.ledger, &self.actor, path, digest, size).await.unwrap();
        }
        let request = CreateVersion {
            model: "cancer".into(),
            folder: Some(ArtifactPath::parse(&folder).unwrap()),
            run: Some(tracking_run.hex()),
            ..Default::default()
        };
        models::create_version(&self.ledger, &self.actor, request).await.unwrap();
        types::io::write(self.dir.path().join("go"), "").unwrap();
    }

    /// Predictions of a revision that has a shadow: those that answered, and the shadow's about the same rows.
    pub async fn predict_with_shadow(&self, rows: usize) -> (Vec<Uid>, Vec<Uid>) {
        let revision = types::new_id(self.ledger.clock().now());
        let variant = |name: &str, shadow: bool| {
            json!({
                "name": name, "model": "cancer", "version": 1, "model_version": revision, "digest": null,
                "weight": if shadow { 0.0 } else { 1.0 }, "shadow": shadow,
            })
        };
        let variants = json!([variant("cancer-1", false), variant("cancer-2", true)]);
        let write = move |tx: &mut ledger::Tx<'_>| {
            let now = tx.now();
            tx.execute(
                "INSERT INTO endpoint_revision (workspace_id, uid, endpoint, number, variants, created_at, created_by) \
                 VALUES ($1, $2, $3, 1, $4, $5, $6)",
                &ledger::params![tx.workspace(), revision, "cancer", variants.clone(), now, "user:ann"],
            )?;
            tx.event("test.deployed", "endpoint:cancer", serde_json::Value::Null)
        };
        self.ledger.write(&self.actor, write).await.unwrap();
        (self.predict_as(rows, revision, "cancer-1").await, self.predict_as(rows, revision, "cancer-2").await)
    }

    /// Predictions about the first `rows` rows, in one request.
    pub async fn predict(&self, rows: usize) -> Vec<Uid> {
        self.predict_as(rows, types::new_id(self.ledger.clock().now()), "cancer-1").await
    }

    async fn predict_as(&self, rows: usize, revision: Uid, variant: &str) -> Vec<Uid> {
        let table = cancer().slice(0, rows);
        let features = table.without(&["large", "benign"]).unwrap();
        let inputs = features
            .schema()
            .names()
            .map(|name| Column {
                name: name.into(),
                values: Values::Float(features.complete_numbers(name).unwrap()),
            })
            .collect();
        let now = self.ledger.clock().now();
        let ids: Vec<Uid> = (0..rows).map(|_| types::new_id(now)).collect();
        let scores = vec![0.5; rows];
        let batch = Batch {
            workspace: WorkspaceId::DEFAULT,
            endpoint: "cancer".into(),
            revision,
            variant: variant.into(),
            model: "cancer".into(),
            version: 1,
            model_version: types::new_id(now),
            model_digest: None,
            at: now,
            latency_us: 10,
            ids: ids.clone(),
            principal: "user:ann".into(),
            flags: Vec::new(),
            params: runtimes::Params::default(),
            inputs: Frame::new(inputs).unwrap(),
            outputs: Frame::new(vec![Column { name: "probability".into(), values: Values::Float(scores) }])
                .unwrap(),
        };
        self.log.record_durable(batch).await.unwrap();
        ids
    }

    pub async fn label(&self, ids: &[Uid]) {
        let labels =
            ids.iter().map(|id| NewLabel { prediction_id: *id, label: json!(1), at: None }).collect();
        self.log.label(&self.actor, labels).await.unwrap();
    }
}
