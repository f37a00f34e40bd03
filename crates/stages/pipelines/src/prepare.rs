//! Everything that a step finds when it starts: code, data, inputs, environment, variables, its tracking run.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ledger::Tx;
use serde_json::{Value, json};
use types::{Actor, Digest, Reader, Uid, io};

use crate::attempt::Attempt;
use crate::declared::STEP;
use crate::engine::system;
use crate::environment::{self, Environment};
use crate::error::blocking;
use crate::executors::{self, Place, Travels};
use crate::finish::{Uses, note_uses};
use crate::shim::{self, Task};
use crate::{
    Engine, Error, PipelineRun, PipelineSpec, StepOutput, StepRun, StepSpec, Wanted, advance, snapshot, store,
};

/// What a step gets of the server's environment. Everything else, secrets above all, stays with the server.
const INHERITED: [&str; 24] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_HOME",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
];

/// What the shim starts.
#[derive(Default)]
pub(crate) struct Start {
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// The socket of a warm Python.
    pub zygote: Option<PathBuf>,
    /// See [`crate::Launch::clear`].
    pub clear: Vec<String>,
    /// See [`crate::Launch::wanted`].
    pub wanted: Wanted,
    /// See [`crate::Launch::notes`].
    pub notes: Vec<String>,
}

pub(crate) enum Prepared {
    /// `task.json` stands in the attempt's directory.
    Ready,
    /// An earlier step did the same; this is how the step ends.
    Cached(Box<StepRun>),
}

/// An output of a step that is needed.
struct Input {
    step: String,
    output: StepOutput,
}

impl Engine {
    /// Errors say what is wrong with the step; the caller ends it with that.
    pub(crate) async fn prepare(&self, actor: &Actor, attempt: &mut Attempt) -> Result<Prepared, Error> {
        let place = self.place_of(actor, attempt).await?;
        if attempt.work.kind == STEP {
            self.prepare_step(actor, attempt, &place).await
        } else {
            self.prepare_work(actor, attempt, &place).await
        }
    }

    async fn prepare_step(
        &self,
        actor: &Actor,
        attempt: &mut Attempt,
        place: &Place,
    ) -> Result<Prepared, Error> {
        let mut travels = self.travels(attempt, place);
        let Attempt { run, step, dir, anew, .. } = attempt;
        let (run, dir) = (&*run, dir.as_path());
        let missing = || Error::StepNotFound { run: run.uid, step: step.name.clone() };
        let spec = run.declared(&step.task).ok_or_else(missing)?;
        let snapshot = run.code.clone().ok_or_else(missing)?;
        let code = self.0.blobs.get_bytes(&snapshot.digest).await?;
        let environment = self.resolve(run, spec, code.clone()).await?;
        let inputs = self.inputs(actor, run, spec).await?;
        let dataset = match run.dataset_version {
            Some(uid) => Some(datasets::get(&self.0.ledger, actor, uid).await?),
            None => None,
        };
        let key = cache_key(run, spec, environment.as_ref(), dataset.as_ref(), &inputs);
        step.cache_key = Some(key);
        step.environment = environment.as_ref().map(|environment| environment.key);
        if run.use_cache
            && !*anew
            && let Some(cached) = self.cached(actor, step, spec.registers.as_deref(), key).await?
        {
            return Ok(Prepared::Cached(Box::new(cached)));
        }
        let environment_dir = match (&environment, &mut travels) {
            (Some(environment), Some(travels)) => {
                self.0.blobs.put_bytes(environment.lock.clone()).await?;
                travels.python = Some(environment.elsewhere());
                None
            }
            (Some(environment), None) => Some(self.build(environment).await?),
            (None, _) => None,
        };

        let (target, digest) = (dir.to_owned(), snapshot.digest);
        blocking(move || {
            fresh(&target, &["inputs", "outputs", "dataset"])?;
            snapshot::unpack(digest, &code, &target.join("work"))
        })
        .await?;
        if let Some(version) = &dataset {
            datasets::materialize(&self.0.blobs, version, &dir.join("dataset")).await?;
        }
        for input in &inputs {
            self.place(input, &dir.join("inputs").join(&input.step)).await?;
        }
        for output in &spec.outputs {
            if let Some(parent) = dir.join("outputs").join(output).parent() {
                io::create_dir_all(parent)?;
            }
        }
        let environment = environment.map(|environment| {
            let props = json!({
                "name": environment.name, "python": environment.python, "platform": environment.platform,
                "lock": environment.lock_digest,
            });
            (environment.key, props)
        });
        let mut uses = Uses {
            cache_key: Some(key),
            environment,
            code: Some(snapshot.digest),
            dataset: run.dataset_version,
            inputs: inputs.iter().map(|input| input.output.digest).collect(),
            noted: false,
        };
        let experiment = match &spec.experiment {
            Some(name) => {
                uses.noted = true;
                Some(self.begin(actor, run, step, name, &uses, Vec::new()).await?)
            }
            None => None,
        };
        let base = self.surroundings(place);
        let mut env = self.variables(run, step, experiment, dir, environment_dir.as_deref(), base)?;
        env.extend(self.addresses(place, travels.as_ref()));
        let argv = vec!["sh".to_owned(), "-c".to_owned(), spec.run.clone()];
        let start = Start { argv, env, ..Start::default() };
        self.write_task(attempt, start, &uses, travels.map(|travels| (place, travels))).await
    }

    /// Last of all: from here on the attempt is ready, and only the shim writes in its directory.
    pub(crate) async fn write_task(
        &self,
        attempt: &Attempt,
        start: Start,
        uses: &Uses,
        away: Option<(&Place, Travels)>,
    ) -> Result<Prepared, Error> {
        let mut wanted = start.wanted.with(&attempt.task.secrets);
        let mut away = away;
        if let Some((_, travels)) = &away {
            executors::pod::ease(&mut wanted, &travels.pod);
        }
        let mut opened = self.open_wanted(&system(attempt.run.workspace), &wanted).await?;
        if let Some((_, travels)) = &mut away {
            executors::pod::settle(&mut travels.pod, &opened.env);
            if let Some(image) = &mut travels.image {
                image.give(&opened.env, &opened.mask);
            }
        }
        let (mask, secrets) = (std::mem::take(&mut opened.mask), std::mem::take(&mut opened.env));
        let env = start.env.into_iter().chain(secrets).collect();
        let path = attempt.dir.join(shim::TASK);
        let failed = |e: serde_json::Error| io::Error::new("write", &path, e.into());
        let task = Task {
            argv: start.argv,
            zygote: start.zygote,
            directory: attempt.dir.join("work"),
            env,
            clear: start.clear,
            timeout_ms: attempt.task.timeout_ms,
            grace_ms: self.0.config.grace.as_millis() as u64,
            log_limit: self.0.config.log_limit,
            mark: mark(&attempt.step),
            mask,
            notes: start.notes,
            note: serde_json::to_value(uses).map_err(failed)?,
        };
        let text = serde_json::to_vec(&task).map_err(failed)?;
        let remote = away.and_then(|(place, travels)| Some(self.noted(attempt, place.cluster()?, travels)));
        let dir = attempt.dir.clone();
        blocking(move || {
            opened.write(&dir)?;
            if let Some(remote) = remote {
                executors::prepare_remote(&dir, &remote)?;
            }
            Ok(shim::write_whole(&path, &text)?)
        })
        .await?;
        Ok(Prepared::Ready)
    }

    async fn resolve(
        &self,
        run: &PipelineRun,
        spec: &StepSpec,
        code: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<Option<Environment>, Error> {
        let Some(name) = spec.environment.clone() else { return Ok(None) };
        let (Some(declaration), Some(snapshot)) = (&run.spec, &run.code) else { return Ok(None) };
        let Some(declared) = declaration.environments.get(&name).cloned() else { return Ok(None) };
        let (uv, digest) = (self.0.config.uv.clone(), snapshot.digest);
        blocking(move || {
            let path = declared.requirements.clone();
            let lock = snapshot::file_of(digest, code.as_ref(), &path)?;
            let lock = lock.ok_or_else(|| Error::NoLock { environment: name.clone(), path })?;
            environment::resolve(uv.as_deref(), &name, &declared, lock).map(Some)
        })
        .await
    }

    async fn build(&self, environment: &Environment) -> Result<std::path::PathBuf, Error> {
        let (uv, root) = (self.0.config.uv.clone(), self.0.config.environments());
        self.0.blobs.put_bytes(environment.lock.clone()).await?;
        let environment = environment.clone();
        blocking(move || environment::build(uv.as_deref(), &root, &environment)).await
    }

    async fn inputs(&self, actor: &Actor, run: &PipelineRun, spec: &StepSpec) -> Result<Vec<Input>, Error> {
        if spec.needs.is_empty() {
            return Ok(Vec::new());
        }
        // In the order of execution, so that the same needs have the same cache key.
        let order = run.spec.as_ref().map(PipelineSpec::order).transpose()?.unwrap_or_default();
        let names = order.iter().map(|step| step.name.clone()).filter(|name| spec.needs.contains(name));
        let (uid, needs) = (run.uid, names.collect::<Vec<_>>());
        let outputs =
            self.0.ledger.read(actor.workspace, move |rx| store::steps::outputs_of(rx, uid, &needs)).await?;
        Ok(outputs.into_iter().map(|(step, output)| Input { step, output }).collect())
    }

    async fn place(&self, input: &Input, folder: &Path) -> Result<(), Error> {
        let path = folder.join(&input.output.name);
        let digest = input.output.digest;
        if let Some(parent) = path.parent() {
            io::create_dir_all(parent)?;
        }
        if !input.output.is_dir {
            return Ok(self.0.blobs.materialize(&digest, &path).await?);
        }
        let bytes = self.0.blobs.get_bytes(&digest).await?;
        blocking(move || snapshot::unpack(digest, &bytes, &path)).await
    }

    /// Writes down what the attempt uses and makes its tracking run with these params, in one transaction. Returns the
    /// experiment's number.
    pub(crate) async fn begin(
        &self,
        actor: &Actor,
        run: &PipelineRun,
        step: &mut StepRun,
        experiment: &str,
        uses: &Uses,
        params: Vec<(String, String)>,
    ) -> Result<i64, Error> {
        let ledger = &self.0.ledger;
        let number = tracking::ensure_experiment(ledger, actor, experiment).await?.number;
        let tracking_run = step.tracking_run.unwrap_or_else(|| types::new_id(ledger.clock().now()));
        step.tracking_run = Some(tracking_run);
        let (of, uid, key, fence) = (run.uid, step.uid, step.cache_key, step.fence());
        let payload = json!({
            "step_run": uid, "run": run.uid, "step": step.name, "attempt": step.attempt, "cache_key": key,
            "environment": step.environment, "tracking_run": tracking_run, "inputs": uses.inputs,
        });
        let uses = uses.clone();
        let request = tracking_request(run, step, number, tracking_run);
        let batch = tracking::LogBatch { params, ..tracking::LogBatch::default() };
        ledger
            .write(actor, move |tx: &mut Tx<'_>| {
                advance::lock(tx, of)?;
                if !store::steps::holds(tx, fence)? {
                    return Err(Error::Fenced(fence));
                }
                if let Some(key) = key {
                    let environment = uses.environment.as_ref().map(|environment| environment.0);
                    store::steps::prepared(tx, uid, key, environment, Some(tracking_run))?;
                }
                let node = tx.node("step_run", &uid.hex(), json!({}))?;
                note_uses(tx, node, &uses)?;
                tx.event("step.prepared", &format!("step_run:{uid}"), payload.clone())?;
                match tracking::create_run_in(tx, &request) {
                    // An earlier attempt made it.
                    Ok(_) | Err(tracking::Error::RunExists { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
                tracking::link_in(tx, tracking_run, "part_of", "step_run", &uid.hex())?;
                match tracking::log_in(tx, &tracking_run, &batch) {
                    // Somebody logged another value to it: what is there stays.
                    Ok(_) | Err(tracking::Error::ParamChanged { .. }) => Ok(()),
                    Err(error) => Err(error.into()),
                }
            })
            .await?;
        Ok(number)
    }

    fn variables(
        &self,
        run: &PipelineRun,
        step: &StepRun,
        experiment: Option<i64>,
        dir: &Path,
        environment: Option<&Path>,
        mut env: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, Error> {
        if let Some(environment) = environment {
            put_first(&mut env, environment);
        }
        let params = dir.join("params.json");
        io::write(&params, store::text(&run.params)?)?;
        let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
        for (name, value) in &run.params {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            set(&format!("MLWRIGHT_PARAM_{}", name.to_uppercase()), text);
        }
        set("MLWRIGHT_PARAMS", params.display().to_string());
        set("MLWRIGHT_INPUTS", dir.join("inputs").display().to_string());
        set("MLWRIGHT_OUTPUTS", dir.join("outputs").display().to_string());
        set("MLWRIGHT_DATASET", dir.join("dataset").display().to_string());
        env.extend(self.own(run, step));
        let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
        if run.replay_of.is_some() {
            set("MLWRIGHT_REPLAY", "1".into());
        }
        if let Some(experiment) = experiment {
            env.extend(tracked(step, experiment));
        }
        Ok(env)
    }

    /// What every process gets of this one's.
    pub(crate) fn inherited(&self) -> BTreeMap<String, String> {
        let mut env: BTreeMap<String, String> = INHERITED
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
            .collect();
        env.extend(self.0.config.env.clone());
        env
    }

    /// What tells a process which attempt it is, and where this server is.
    pub(crate) fn own(&self, run: &PipelineRun, step: &StepRun) -> BTreeMap<String, String> {
        let config = &self.0.config;
        let mut env = BTreeMap::new();
        let mut set = |name: &str, value: String| env.insert(name.to_owned(), value);
        set("MLWRIGHT_PIPELINE_RUN", run.uid.to_string());
        set("MLWRIGHT_STEP", step.name.clone());
        if let Some(moment) = run.scheduled_at {
            set("MLWRIGHT_SCHEDULED_AT", moment.rfc3339());
        }
        if let Some(end) = run.interval_end {
            set("MLWRIGHT_INTERVAL_END", end.rfc3339());
        }
        set("MLWRIGHT_ATTEMPT", step.attempt.to_string());
        set("MLWRIGHT_URL", config.url.clone());
        set("MLFLOW_TRACKING_URI", config.url.clone());
        // AWS's clients name it in each request, so that what the step reads is known by the step.
        set("AWS_SDK_UA_APP_ID", Reader::Step(step.uid).to_string());
        set("MLWRIGHT_READER", Reader::Step(step.uid).to_string());
        set("PYTHONHASHSEED", "0".into());
        set("PYTHONUNBUFFERED", "1".into());
        if let Some(token) = &config.token {
            set("MLWRIGHT_TOKEN", token.clone());
            set("MLFLOW_TRACKING_TOKEN", token.clone());
        }
        env
    }
}

fn tracking_request(run: &PipelineRun, step: &StepRun, experiment: i64, uid: Uid) -> tracking::CreateRun {
    let mut tags = vec![
        ("mlwright.pipeline".to_owned(), run.pipeline.clone()),
        ("mlwright.pipeline_run".to_owned(), run.uid.to_string()),
        ("mlwright.step".to_owned(), step.name.clone()),
    ];
    if let Some(original) = run.replay_of {
        tags.push(("mlwright.replay_of".to_owned(), original.to_string()));
    }
    tracking::CreateRun {
        name: Some(format!("{}/{}", run.pipeline, step.name)),
        owner: run.created_by.clone(),
        tags,
        uid: Some(uid),
        ..tracking::CreateRun::in_experiment(tracking::ExperimentRef::Number(experiment))
    }
}

/// What tells MLflow's clients which run is the step's.
pub(crate) fn tracked(step: &StepRun, experiment: i64) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    if let Some(run) = step.tracking_run {
        env.insert("MLFLOW_RUN_ID".to_owned(), run.to_string());
        env.insert("MLFLOW_EXPERIMENT_ID".to_owned(), experiment.to_string());
    }
    env
}

/// Puts an environment first on the search path.
pub(crate) fn put_first(env: &mut BTreeMap<String, String>, environment: &Path) {
    let path = env.get("PATH").map_or("", String::as_str);
    let path = format!("{}:{path}", environment.join("bin").display());
    env.insert("PATH".into(), path);
    env.insert("VIRTUAL_ENV".into(), environment.display().to_string());
}

/// Makes the directory of an attempt, with these below it. A crash may have left half of it. Its task holds a token:
/// nobody else on this machine may read it. Blocks.
pub(crate) fn fresh(dir: &Path, parts: &[&str]) -> Result<(), Error> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).map_err(|e| io::Error::new("remove", dir, e))?;
    }
    io::create_dir_all(dir)?;
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(dir, private).map_err(|e| io::Error::new("protect", dir, e))?;
    for part in parts {
        io::create_dir_all(dir.join(part))?;
    }
    Ok(())
}

/// The value that marks every process of the attempt.
pub(crate) fn mark(step: &StepRun) -> String {
    format!("{}.{}", step.uid, step.attempt)
}

/// The digest of everything that what the step makes depends on. All parameters of the run count, and all of the
/// code: which of them a program reads cannot be known.
fn cache_key(
    run: &PipelineRun,
    spec: &StepSpec,
    environment: Option<&Environment>,
    dataset: Option<&datasets::Version>,
    inputs: &[Input],
) -> Digest {
    let inputs: Vec<Value> =
        inputs.iter().map(|i| json!([i.step, i.output.name, i.output.digest, i.output.is_dir])).collect();
    let identity = json!({
        "format": 1,
        "code": run.code.as_ref().map(|code| code.digest),
        "run": spec.run,
        "outputs": spec.outputs,
        "experiment": spec.experiment,
        "registers": spec.registers,
        "environment": environment.map(|environment| environment.key),
        "params": run.params,
        "dataset": dataset.map(|version| version.digest),
        "inputs": inputs,
    });
    Digest::of(identity.to_string())
}
