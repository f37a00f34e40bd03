//! A ledger, a blob store and an engine in a temporary directory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use blobs::{BlobConfig, Blobs};
use ledger::{Component, Ledger, Options, Place};
use mlwright_pipelines as pipelines;
use pipelines::{CodeSnapshot, Config, Engine, PipelineRun, PipelineSpec, StepRun, Submit};
use serde_json::{Value, json};
use tasks::{OnError, OnStop, Supervisor, TaskKind};
use types::{Actor, SystemClock, Uid};

pub const COMPONENTS: [Component; 4] =
    [datasets::COMPONENT, tracking::COMPONENT, models::COMPONENT, pipelines::COMPONENT];

pub struct House {
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub actor: Actor,
    pub engine: Engine,
    pub dir: Arc<tempfile::TempDir>,
    running: Option<Supervisor>,
}

pub fn last_argument(holding: &str) -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::args_os().next_back()?);
    dir.join(holding).exists().then_some(dir)
}

fn this_program(test: &str) -> Vec<OsString> {
    let program = std::env::current_exe().unwrap().into_os_string();
    vec![program, "--exact".into(), test.into(), "--nocapture".into()]
}

pub fn config(dir: &Path) -> Config {
    let mut config = Config::new(dir.join("data"), this_program("shim_entry"), "http://127.0.0.1:1".into());
    config.grace = Duration::from_millis(300);
    config.parallel = 4;
    config.ready_shims = 1;
    config.log_limit = 1 << 20;
    config
}

impl House {
    pub async fn new(ledger: Ledger) -> Self {
        Self::with(ledger, |_| {}).await
    }

    pub async fn with(ledger: Ledger, change: impl FnOnce(&mut Config)) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let mut config = config(dir.path());
        change(&mut config);
        Self::at(ledger, dir, config).await
    }

    pub async fn at(ledger: Ledger, dir: Arc<tempfile::TempDir>, config: Config) -> Self {
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().join("blobs"))).await.unwrap();
        let engine = Engine::new(ledger.clone(), blobs.clone(), config).unwrap();
        let mut house = Self { ledger, blobs, actor: Actor::local(), engine, dir, running: None };
        house.start();
        house
    }

    /// Another server on the same database and blobs, with a data directory of its own; `None` where the database has room
    /// for one server only.
    pub async fn beside(&self, change: impl FnOnce(&mut Config)) -> Option<Self> {
        let Place::Postgres(_) = self.ledger.place() else { return None };
        let options = Options { place: self.ledger.place().clone(), readers: 2 };
        let open = move || Ledger::open(options, Arc::new(SystemClock), &COMPONENTS);
        let ledger = tokio::task::spawn_blocking(open).await.unwrap().unwrap();
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let mut config = config(dir.path());
        change(&mut config);
        let engine = Engine::new(ledger.clone(), self.blobs.clone(), config).unwrap();
        let (blobs, actor) = (self.blobs.clone(), self.actor.clone());
        let mut house = Self { ledger, blobs, actor, engine, dir, running: None };
        house.start();
        Some(house)
    }

    pub fn start(&mut self) {
        let supervisor = Supervisor::new();
        let (engine, token) = (self.engine.clone(), supervisor.token());
        let kind = TaskKind { name: "engine", on_error: OnError::Log, on_stop: OnStop::Abort };
        supervisor.spawn(kind, async move { engine.run(token).await });
        self.running = Some(supervisor);
    }

    /// Drops the engine's future where it stands: what a crash of the server does to it.
    pub async fn stop(&mut self) {
        if let Some(supervisor) = self.running.take() {
            supervisor.shutdown(Duration::from_secs(5)).await;
        }
    }

    pub async fn code(&self, files: &[(&str, &str)]) -> CodeSnapshot {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            types::io::create_dir_all(path.parent().unwrap()).unwrap();
            types::io::write(path, text).unwrap();
        }
        pipelines::snapshot_code(&self.blobs, dir.path(), &[]).await.unwrap()
    }

    pub async fn define(&self, spec: Value) -> PipelineSpec {
        pipelines::define(&self.ledger, &self.actor, self::spec(spec)).await.unwrap().spec
    }

    pub fn request(&self, code: CodeSnapshot) -> Submit {
        Submit {
            pipeline: "p".into(),
            params: BTreeMap::new(),
            dataset_version: None,
            code,
            trigger: json!({ "by": "test" }),
            use_cache: true,
            executor: None,
        }
    }

    pub async fn submit(&self, request: Submit) -> PipelineRun {
        pipelines::submit(&self.ledger, &self.blobs, &self.actor, request).await.unwrap()
    }

    /// Declares a pipeline with these steps and starts it on empty code.
    pub async fn start_steps(&self, steps: Value) -> Uid {
        self.define(json!({ "name": "p", "steps": steps })).await;
        let code = self.code(&[("README", "empty")]).await;
        self.submit(self.request(code)).await.uid
    }

    pub async fn finished(&self, run: Uid) -> (PipelineRun, BTreeMap<String, StepRun>) {
        for _ in 0..1200 {
            let found = pipelines::get_run(&self.ledger, &self.actor, run).await.unwrap();
            if found.state.is_final() {
                return (found, self.steps(run).await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the run did not end: {:#?}", self.steps(run).await);
    }

    pub async fn steps(&self, run: Uid) -> BTreeMap<String, StepRun> {
        let steps = pipelines::steps(&self.ledger, &self.actor, run).await.unwrap();
        steps.into_iter().map(|step| (step.name.clone(), step)).collect()
    }

    pub async fn log(&self, run: Uid, step: &str) -> String {
        let (mut text, mut offset) = (String::new(), 0);
        loop {
            let part = self.engine.read_log(&self.actor, run, step, offset).await.unwrap();
            text.push_str(&part.text);
            if part.eof || part.next_offset == offset {
                return text;
            }
            offset = part.next_offset;
        }
    }

    pub async fn text(&self, step: &StepRun, output: &str) -> String {
        let output = step.outputs.iter().find(|o| o.name == output).unwrap();
        String::from_utf8(self.blobs.get_bytes(&output.digest).await.unwrap().to_vec()).unwrap()
    }
}

pub fn spec(value: Value) -> PipelineSpec {
    serde_json::from_value(value).unwrap()
}

/// Waits until a file is there and not empty.
pub async fn wait_for(path: &Path) -> String {
    for _ in 0..600 {
        match types::io::read_to_string(path) {
            Ok(text) if !text.is_empty() => return text,
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("`{}` was not written", path.display());
}

/// Whether the process whose id stands in `pid` still runs.
pub fn is_running(pid: &str) -> bool {
    match types::io::read_to_string(format!("/proc/{}/stat", pid.trim())) {
        Ok(stat) => !stat.rsplit_once(')').unwrap().1.trim_start().starts_with('Z'),
        Err(_) => false,
    }
}

pub async fn wait_gone(pid: &str) {
    for _ in 0..200 {
        if !is_running(pid) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("process {pid} still runs");
}

pub fn open(dir: &Path) -> Ledger {
    let options = Options { place: Place::Sqlite(dir.join("ledger.sqlite")), readers: 2 };
    Ledger::open(options, Arc::new(SystemClock), &COMPONENTS).unwrap()
}

/// What the process behind [`crate::engine_entry`] does until it is killed.
pub fn serve(dir: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let ledger = open(dir);
        let blobs = Blobs::open(&BlobConfig::Local(dir.join("blobs"))).await.unwrap();
        let engine = Engine::new(ledger, blobs, config(dir)).unwrap();
        engine.run(tasks::CancellationToken::new()).await.unwrap();
    });
}

/// Starts [`serve`] as a process in a group of its own.
pub fn server(dir: &Path) -> std::process::Child {
    use std::os::unix::process::CommandExt as _;
    types::io::write(dir.join("run-an-engine"), "").unwrap();
    let command = this_program("engine_entry");
    std::process::Command::new(&command[0])
        .args(&command[1..])
        .arg(dir)
        .process_group(0)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}
