//! Work of a kind that an adapter knows: staged, started, and what it left taken in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use types::{Actor, Digest, io};

use crate::attempt::Attempt;
use crate::datum::{check_size, fit};
use crate::environment;
use crate::error::blocking;
use crate::executors::{ImageTask, Place, RemotePython};
use crate::finish::Uses;
use crate::prepare::{Prepared, Start, fresh, put_first, tracked};
use crate::{
    Adapter, Artifact, Call, Datum, Engine, Error, ExecutorKind, Launch, StepOutput, StepRun, snapshot,
    tracked,
};

/// Below a server's data directory.
const VOLUMES: &str = "volumes";

impl Engine {
    fn adapter(&self, kind: &str) -> Result<Arc<dyn Adapter>, Error> {
        let found = self.0.config.adapters.iter().find(|adapter| adapter.kind() == kind);
        found
            .cloned()
            .ok_or_else(|| Error::Refused(format!("this server does not know work of kind `{kind}`")))
    }

    pub(crate) async fn prepare_work(
        &self,
        actor: &Actor,
        attempt: &mut Attempt,
        place: &Place,
    ) -> Result<Prepared, Error> {
        let adapter = self.adapter(&attempt.work.kind)?;
        let mut call = call(attempt, &self.volumes(attempt));
        call.in_pod = place.cluster().is_some_and(|spec| spec.kind == ExecutorKind::Kubernetes);
        if attempt.task.cache && attempt.run.use_cache {
            let (known, asked) = (Arc::clone(&adapter), call.clone());
            let own = attempt.task.cache_key.clone();
            let key = blocking(move || Ok(cache_key(known.as_ref(), &asked, own.as_deref()))).await?;
            attempt.step.cache_key = Some(key);
            if !attempt.anew
                && let Some(cached) = self.cached(actor, &attempt.step, None, key).await?
            {
                return Ok(Prepared::Cached(Box::new(cached)));
            }
        }
        let uses_inputs = digests(&attempt.inputs);
        let dir = attempt.dir.clone();
        let parts = ["inputs", "outputs", "work"];
        let mut launch = if uses_inputs.is_empty() {
            relocate(&mut call, |_, _| {});
            let launch = move || {
                fresh(&dir, &parts)?;
                adapter.launch(&call).map_err(Error::Refused)
            };
            blocking(launch).await?
        } else {
            blocking(move || fresh(&dir, &parts)).await?;
            self.stage(&mut call).await?;
            blocking(move || adapter.launch(&call).map_err(Error::Refused)).await?
        };
        let mut travels = self.travels(attempt, place);
        let mut env = self.surroundings(place);
        let mut uses = Uses { cache_key: attempt.step.cache_key, inputs: uses_inputs, ..Uses::default() };
        let mut interpreter = None;
        if let Some(python) = launch.python.take() {
            let (uv, root) = (self.0.config.uv.clone(), self.0.config.environments());
            let key = environment::key_of(&python);
            let props = json!({ "python": python.version, "requirements": python.requirements });
            if let Some(travels) = &mut travels {
                travels.python = Some(RemotePython::of(key, &python));
            } else {
                let build = move || environment::build_python(uv.as_deref(), &root, key, &python);
                let home = blocking(build).await?;
                put_first(&mut env, &home);
                interpreter = Some(home.join("bin/python3"));
            }
            attempt.step.environment = Some(key);
            uses.environment = Some((key, props));
        }
        if let Some(experiment) = attempt.work.spec["experiment"].as_str().map(str::to_owned) {
            uses.noted = true;
            let params = tracked::params(attempt);
            let Attempt { run, step, .. } = attempt;
            let number = self.begin(actor, run, step, &experiment, &uses, params).await?;
            env.extend(tracked(step, number));
        }
        env.extend(self.own(&attempt.run, &attempt.step));
        if let Some(path) = env.get("PATH").cloned()
            && let Some(given) = launch.env.get("PATH")
        {
            env.insert("PATH".into(), format!("{given}:{path}"));
        }
        let path = launch.env.get("PATH").cloned();
        let own = launch.env.iter().filter(|(name, _)| *name != "PATH");
        env.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        if let Some(travels) = &mut travels {
            let volumes = self.volumes(attempt);
            refuse_shared(&[attempt.workspace.as_path(), volumes.as_path()], &launch, &attempt.dir)?;
            env.extend(path.map(|path| ("PATH".to_owned(), path)));
            env.extend(self.addresses(place, Some(travels)));
            (travels.folders, travels.paths_in) = (launch.reads, launch.paths_in);
            travels.resources = launch.resources.unwrap_or_default();
            travels.pod = launch.pod;
            travels.claim = launch.claim;
            travels.image = launch.image.map(|image| ImageTask::new(image, launch.env));
            let (wanted, notes) = (launch.wanted, launch.notes);
            let start = Start { argv: launch.argv, env, wanted, notes, ..Start::default() };
            return self.write_task(attempt, start, &uses, Some((place, travels.take()))).await;
        }
        if interpreter.is_none() && launch.is_plain {
            interpreter = on_path(&env, "python3");
        }
        let zygote = match interpreter.filter(|_| *place == Place::Here { warm: true }) {
            Some(python) => {
                let (engine, argv, env) = (self.clone(), launch.argv.clone(), env.clone());
                blocking(move || Ok(engine.0.zygotes.find(&python, &argv, &env))).await?
            }
            None => None,
        };
        let (wanted, notes) = (launch.wanted, launch.notes);
        let start = Start { argv: launch.argv, env, zygote, clear: launch.clear, wanted, notes };
        self.write_task(attempt, start, &uses, None).await
    }

    /// Folders of this server's disk that outlive runs, one set for each workspace.
    fn volumes(&self, attempt: &Attempt) -> PathBuf {
        self.0.config.data_dir.join(VOLUMES).join(attempt.run.workspace.0.to_string())
    }

    /// Puts artifacts that the house keeps where the process finds them, and makes their addresses paths.
    async fn stage(&self, call: &mut Call) -> Result<(), Error> {
        let mut wanted: Vec<(Digest, bool, PathBuf)> = Vec::new();
        relocate(call, |artifact, path| {
            if let Some(digest) = artifact.digest {
                wanted.push((digest, artifact.is_dir, path.to_owned()));
            }
        });
        for (digest, is_dir, path) in wanted {
            if let Some(parent) = path.parent() {
                io::create_dir_all(parent)?;
            }
            if is_dir {
                let bytes = self.0.blobs.get_bytes(&digest).await?;
                blocking(move || snapshot::unpack(digest, &bytes, &path)).await?;
            } else {
                self.0.blobs.materialize(&digest, &path).await?;
            }
        }
        Ok(())
    }

    /// What the attempt gave, stored. The inner error fails the attempt.
    pub(crate) async fn take_results(&self, attempt: &mut Attempt) -> Result<Result<(), String>, Error> {
        let adapter = self.adapter(&attempt.work.kind)?;
        let mut call = call(attempt, &self.volumes(attempt));
        relocate(&mut call, |_, _| {});
        let left = blocking(move || Ok(adapter.collect(&call))).await?;
        let left = match left {
            Ok(left) => left,
            Err(why) => return Ok(Err(why)),
        };
        let mut results = BTreeMap::new();
        for (name, datum) in left {
            let datum = match datum {
                Datum::Value(value) => {
                    let fitted = match attempt.work.outputs.get(&name) {
                        Some(port) => fit(port, Some(Datum::Value(value))),
                        None => check_size(&value).map(|()| Some(Datum::Value(value))),
                    };
                    match fitted {
                        Ok(Some(datum)) => datum,
                        Ok(None) => continue,
                        Err(what) => return Ok(Err(format!("its output `{name}`: {what}"))),
                    }
                }
                Datum::Artifact(artifact) => Datum::Artifact(self.keep(attempt, &name, artifact).await?),
                Datum::Artifacts(list) => {
                    let mut kept = Vec::with_capacity(list.len());
                    for (at, artifact) in list.into_iter().enumerate() {
                        kept.push(self.keep(attempt, &format!("{name}/{at}"), artifact).await?);
                    }
                    Datum::Artifacts(kept)
                }
            };
            results.insert(name, datum);
        }
        attempt.step.results = results;
        Ok(Ok(()))
    }

    /// Stores an artifact that lies below the attempt's directory; one elsewhere stays where it is.
    async fn keep(
        &self,
        attempt: &mut Attempt,
        name: &str,
        mut artifact: Artifact,
    ) -> Result<Artifact, Error> {
        let Some(path) = below(&attempt.dir, &artifact.uri) else { return Ok(artifact) };
        artifact.uri = address(&attempt.step, name);
        (artifact.digest, artifact.bytes, artifact.is_dir) = (None, 0, false);
        let Ok(meta) = std::fs::metadata(&path) else { return Ok(artifact) };
        let (digest, bytes) = if meta.is_dir() {
            let tar = blocking(move || snapshot::pack_tree(&path)).await?;
            let bytes = tar.len() as u64;
            (self.0.blobs.put_bytes(tar).await?, bytes)
        } else {
            self.0.blobs.put_file(&path).await?
        };
        (artifact.digest, artifact.bytes, artifact.is_dir) = (Some(digest), bytes, meta.is_dir());
        let output = StepOutput { name: name.to_owned(), digest, bytes: bytes as i64, is_dir: meta.is_dir() };
        attempt.step.outputs.push(output);
        Ok(artifact)
    }
}

/// Folders that tasks share lie on this machine. `dir` is the attempt's, which travels.
fn refuse_shared(folders: &[&Path], launch: &Launch, dir: &Path) -> Result<(), Error> {
    let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let names = |text: &str| folders.iter().any(|folder| text.contains(folder));
    let in_files = launch.paths_in.iter().any(|path| texts(&dir.join(path)).iter().any(|text| names(text)));
    let image = launch.image.iter().flat_map(|image| image.command.iter().chain(&image.args));
    if launch.argv.iter().chain(launch.env.values()).chain(image).any(|word| names(word)) || in_files {
        return Err(Error::Refused(
            "it uses a folder of the server that tasks share, and runs on a cluster · hint: pass artifacts, or run it with the \
             executor `process`"
                .into(),
        ));
    }
    Ok(())
}

/// Of a file, or of the files of a folder.
fn texts(path: &Path) -> Vec<String> {
    let files = match std::fs::read_dir(path) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
        Err(_) => vec![path.to_owned()],
    };
    files.iter().filter_map(|file| io::read_to_string(file).ok()).collect()
}

/// Where an artifact that a task made is known to be.
pub(crate) fn address(step: &StepRun, name: &str) -> String {
    format!("mlwright://pipelines/{}/{}/{name}", step.run, step.uid)
}

fn call(attempt: &Attempt, volumes: &Path) -> Call {
    let run = &attempt.run;
    Call {
        run: run.uid,
        run_name: run.name.clone(),
        resource_name: attempt.resource_name.clone(),
        run_created_at: run.created_at,
        scheduled_at: run.scheduled_at,
        pipeline_root: run.pipeline_root.clone(),
        task: attempt.step.uid,
        task_name: attempt.step.task.clone(),
        attempt: attempt.step.attempt,
        work: attempt.work.clone(),
        inputs: attempt.inputs.clone(),
        addresses: BTreeMap::new(),
        dir: attempt.dir.clone(),
        workspace: attempt.workspace.clone(),
        volumes: volumes.to_owned(),
        in_pod: false,
    }
}

/// Gives every artifact that the house keeps the path `inputs/<port>/<i>/<name>` as its address.
fn relocate(call: &mut Call, mut each: impl FnMut(&Artifact, &Path)) {
    let root = call.dir.join("inputs");
    for (port, datum) in &mut call.inputs {
        let artifacts = match datum {
            Datum::Artifact(artifact) => std::slice::from_mut(artifact),
            Datum::Artifacts(list) => list.as_mut_slice(),
            Datum::Value(_) => continue,
        };
        for (at, artifact) in artifacts.iter_mut().enumerate() {
            let ours = artifact.uri.starts_with("mlwright://");
            if artifact.digest.is_none() && !ours {
                continue;
            }
            let path = root.join(plain(port)).join(at.to_string()).join(plain(&artifact.name));
            each(artifact, &path);
            let local = path.display().to_string();
            call.addresses.insert(local.clone(), std::mem::replace(&mut artifact.uri, local));
        }
    }
}

/// A name as one part of a path.
fn plain(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c == '/' || c == '\\' || c.is_control() { '_' } else { c }).collect();
    if plain.is_empty() || plain.starts_with('.') { format!("_{plain}") } else { plain }
}

/// The path of an artifact that lies in the attempt's directory. Nothing outside of it is ever taken in.
fn below(dir: &Path, uri: &str) -> Option<PathBuf> {
    let path = uri.strip_prefix("file://").unwrap_or(uri);
    if path.contains("://") {
        return None;
    }
    let path = Path::new(path);
    let path = if path.is_absolute() { path.to_owned() } else { dir.join(path) };
    let inside = path.strip_prefix(dir).ok()?;
    if inside.components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
        return None;
    }
    // A link must not lead to what the server may read and the step may not.
    match (path.canonicalize(), dir.canonicalize()) {
        (Ok(real), Ok(root)) => real.starts_with(root).then_some(path),
        _ => Some(path),
    }
}

fn digests(inputs: &BTreeMap<String, Datum>) -> Vec<Digest> {
    let of = |datum: &Datum| match datum {
        Datum::Artifact(artifact) => artifact.digest.into_iter().collect::<Vec<_>>(),
        Datum::Artifacts(list) => list.iter().filter_map(|artifact| artifact.digest).collect(),
        Datum::Value(_) => Vec::new(),
    };
    inputs.values().flat_map(of).collect()
}

/// The digest of everything that what the work makes depends on: contents, not addresses.
fn cache_key(adapter: &dyn Adapter, call: &Call, own: Option<&str>) -> Digest {
    let identity = match own {
        Some(own) => json!({ "format": 2, "kind": call.work.kind, "own": own }),
        None => {
            let inputs: BTreeMap<&String, Value> =
                call.inputs.iter().map(|(name, datum)| (name, content(datum))).collect();
            json!({
                "format": 2, "kind": call.work.kind, "identity": adapter.identity(call), "inputs": inputs,
            })
        }
    };
    Digest::of(identity.to_string())
}

fn content(datum: &Datum) -> Value {
    let of = |artifact: &Artifact| {
        let what = match artifact.digest {
            Some(digest) => json!(digest),
            None => json!({ "uri": artifact.uri }),
        };
        json!([artifact.schema, what, artifact.metadata])
    };
    match datum {
        Datum::Value(value) => json!({ "value": value }),
        Datum::Artifact(artifact) => of(artifact),
        Datum::Artifacts(list) => list.iter().map(of).collect(),
    }
}

/// The program that a step finds under this name.
fn on_path(env: &BTreeMap<String, String>, name: &str) -> Option<PathBuf> {
    let folders = std::env::split_paths(env.get("PATH")?);
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}
