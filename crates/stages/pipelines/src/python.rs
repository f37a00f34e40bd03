//! Steps of the Python SDK: a function of the code that came with the run, called by the SDK's own worker.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use blobs::Blobs;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use types::{Clock as _, Digest, SystemClock, io};

use crate::retention::CODE;
use crate::{Adapter, Call, Datum, Launch, PythonEnv, snapshot};

/// The kind of work whose `spec` is a [`Spec`].
pub const PYTHON: &str = "python";

macro_rules! sdk {
    ($($name:literal),* $(,)?) => {
        /// The package that steps import, as it is in the wheel: what travels with a server fits that server.
        const SDK: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../../python/mlwright/", $name)))),*];
    };
}

sdk!(
    "__init__.py",
    "__main__.py",
    "_server.py",
    "_submit.py",
    "_worker.py",
    "artifacts.py",
    "blocks.py",
    "calls.py",
    "client.py",
    "code.py",
    "conditions.py",
    "errors.py",
    "graph.py",
    "kinds.py",
    "local.py",
    "options.py",
    "pipelines.py",
    "plan.py",
    "remote.py",
    "source.py",
    "steps.py",
    "values.py",
);

/// Where a step's function is. `python/mlwright/code.py` writes it.
#[derive(Debug, Deserialize)]
struct Spec {
    function: String,
    /// As Python imports it, from the code; or else `source` is a module's text.
    #[serde(default)]
    module: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    code: Option<Code>,
    /// As pip takes them.
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    python: Option<String>,
}

/// A folder, packed as [`crate::snapshot_tar`] does.
#[derive(Debug, Deserialize)]
struct Code {
    digest: Digest,
    /// Folders in it that belong on Python's search path.
    #[serde(default)]
    paths: Vec<String>,
}

/// The adapter of [`PYTHON`].
pub struct Python {
    blobs: Blobs,
    runtime: Handle,
    /// Code that was unpacked, by digest.
    code: PathBuf,
    /// The SDK's folder, for the search path.
    sdk: PathBuf,
}

/// Writes the SDK that this program carries below `folder`; what is returned belongs on Python's search path.
pub fn write_sdk(folder: &Path) -> Result<PathBuf, io::Error> {
    let identity: Vec<String> = SDK.iter().map(|(name, text)| format!("{name}\0{text}\0")).collect();
    let sdk = folder.join(Digest::of(identity.concat()).short());
    let package = sdk.join("mlwright");
    io::create_dir_all(&package)?;
    for (name, text) in SDK {
        let path = package.join(name);
        if io::read_to_string(&path).ok().as_deref() != Some(*text) {
            io::write_atomic(&path, text)?;
        }
    }
    Ok(sdk)
}

impl Python {
    /// Writes the SDK below `data_dir`. Call it in a runtime. Errors: `Io`.
    pub fn new(blobs: Blobs, data_dir: &Path) -> Result<Self, crate::Error> {
        let sdk = write_sdk(&data_dir.join("python"))?;
        Ok(Self { blobs, runtime: Handle::current(), code: data_dir.join(CODE), sdk })
    }

    /// The folder with the files of a snapshot, which nobody changes.
    fn unpacked(&self, digest: Digest, call: &Call) -> Result<PathBuf, crate::Error> {
        let folder = self.code.join(digest.hex());
        if folder.exists() {
            // What was used stays.
            if let Ok(open) = std::fs::File::open(&folder) {
                let now = u64::try_from(SystemClock.now().0).unwrap_or_default();
                let _ = open.set_modified(UNIX_EPOCH + Duration::from_micros(now));
            }
            return Ok(folder);
        }
        let bytes = self.runtime.block_on(self.blobs.get_bytes(&digest))?;
        let own = self.code.join(format!("{}.{}.{}", digest.hex(), call.task, call.attempt));
        snapshot::unpack(digest, &bytes, &own)?;
        protect(&own)?;
        // Another attempt may have been quicker.
        if std::fs::rename(&own, &folder).is_err() {
            let _ = std::fs::remove_dir_all(&own);
        }
        Ok(folder)
    }
}

/// Steps find the files in their own directory by links; writing to one must not change it for the others.
fn protect(folder: &Path) -> Result<(), io::Error> {
    let failed = |e| io::Error::new("protect", folder, e);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let meta = entry.metadata().map_err(failed)?;
        if meta.is_dir() {
            protect(&entry.path())?;
        } else if meta.is_file() {
            let mode = meta.permissions().mode() & 0o555;
            std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(mode)).map_err(failed)?;
        }
    }
    Ok(())
}

fn link_entries(from: &Path, to: &Path) -> Result<(), io::Error> {
    io::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).map_err(|e| io::Error::new("list", from, e))? {
        let entry = entry.map_err(|e| io::Error::new("list", from, e))?;
        let link = to.join(entry.file_name());
        if link.symlink_metadata().is_err() {
            std::os::unix::fs::symlink(entry.path(), &link).map_err(|e| io::Error::new("link", &link, e))?;
        }
    }
    Ok(())
}

fn result_of(call: &Call) -> PathBuf {
    call.dir.join("result.json")
}

impl Adapter for Python {
    fn kind(&self) -> &'static str {
        PYTHON
    }

    fn launch(&self, call: &Call) -> Result<Launch, String> {
        let spec = Spec::deserialize(&call.work.spec).map_err(|e| {
            format!("the step cannot be read: {e} · hint: submit it with the SDK that this server brings")
        })?;
        if spec.module.is_none() && spec.source.is_none() {
            return Err(format!(
                "where `{}` is defined is not known · hint: submit the pipeline with `.submit()`, which sends its code",
                spec.function
            ));
        }
        let mut paths = Vec::new();
        let mut reads = vec![self.sdk.clone()];
        if let Some(code) = &spec.code {
            let folder = self.unpacked(code.digest, call).map_err(|e| crate::error::told(&e))?;
            link_entries(&folder, &call.dir.join("work")).map_err(|e| crate::error::told(&e))?;
            reads.push(folder.clone());
            let inside = |path: &&String| !path.split('/').any(|part| part == "..") && !path.starts_with('/');
            paths.extend(code.paths.iter().filter(inside).map(|path| match path.as_str() {
                "" | "." => folder.clone(),
                path => folder.join(path),
            }));
        }
        let path = call.dir.join("call.json");
        let what = json!({
            "spec": call.work.spec,
            "inputs": call.inputs,
            "outputs": call.dir.join("outputs"),
            "result": result_of(call),
            "message": call.dir.join("message"),
            "paths": paths,
        });
        io::write(&path, what.to_string()).map_err(|e| crate::error::told(&e))?;
        let python = (!spec.packages.is_empty() || spec.python.is_some())
            .then_some(PythonEnv { version: spec.python, requirements: spec.packages });
        let argv = ["python3", "-m", "mlwright._worker"].map(str::to_owned);
        Ok(Launch {
            argv: argv.into_iter().chain([path.display().to_string()]).collect(),
            env: BTreeMap::from([("PYTHONPATH".to_owned(), self.sdk.display().to_string())]),
            python,
            is_plain: true,
            reads,
            ..Launch::default()
        })
    }

    fn collect(&self, call: &Call) -> Result<BTreeMap<String, Datum>, String> {
        let path = result_of(call);
        let bytes = io::read(&path).map_err(|_| {
            "it ended well but left no result · hint: let the function return, instead of ending the process".to_owned()
        })?;
        serde_json::from_slice(&bytes).map_err(|e| format!("its result cannot be read: {e}"))
    }

    /// What an experiment is called changes no result.
    fn identity(&self, call: &Call) -> Value {
        let spec = &call.work.spec;
        let same = ["function", "module", "source", "packages", "python"].map(|name| &spec[name]);
        json!({ "spec": same, "code": spec["code"]["digest"], "outputs": call.work.outputs })
    }
}

#[cfg(test)]
mod tests {
    use blobs::BlobConfig;
    use types::Timestamp;

    use super::*;
    use crate::{Artifact, Kind, Port, Work};

    const MODULE: &str = "\
from mlwright import Dataset, Input, Model, Output, step
import other

@step
def train(data: Input[Dataset], depth: int, model: Output[Model]) -> float:
    model.path.write_text(f'{other.WORD} {depth} {data.path.read_text()} {open(\"setting.txt\").read()}')
    return depth / 2
";

    fn tar(files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn call(dir: &Path, spec: Value, inputs: BTreeMap<String, Datum>) -> Call {
        for part in ["inputs", "outputs", "work"] {
            io::create_dir_all(dir.join(part)).unwrap();
        }
        let at = Timestamp::from_millis(0);
        let port = Port { of: Kind::Number, optional: false, default: None, allowed: Vec::new() };
        let outputs = BTreeMap::from([("output".to_owned(), port)]);
        Call {
            run: types::new_id(at),
            run_name: "run".into(),
            resource_name: "run-1".into(),
            run_created_at: at,
            scheduled_at: None,
            pipeline_root: None,
            task: types::new_id(at),
            task_name: "train".into(),
            attempt: 1,
            work: Work { kind: PYTHON.into(), spec, inputs: BTreeMap::new(), outputs },
            inputs,
            addresses: BTreeMap::new(),
            dir: dir.to_owned(),
            workspace: dir.join("workspace"),
            volumes: dir.join("volumes"),
            in_pod: false,
        }
    }

    fn run(call: &Call, launch: &Launch) -> std::process::Output {
        std::process::Command::new(&launch.argv[0])
            .args(&launch.argv[1..])
            .current_dir(call.dir.join("work"))
            .envs(&launch.env)
            .output()
            .unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_function_of_the_code_runs_among_its_files_and_gives_its_outputs() {
        let home = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(home.path().join("blobs"))).await.unwrap();
        let files =
            [("src/steps.py", MODULE), ("src/other.py", "WORD = 'depth'\n"), ("setting.txt", "as set")];
        let digest = blobs.put_bytes(tar(&files)).await.unwrap();
        let python = Python::new(blobs, home.path()).unwrap();
        let data = home.path().join("data");
        io::write(&data, "rows").unwrap();
        let artifact = Artifact {
            name: "data".into(),
            schema: "system.Dataset".into(),
            uri: data.display().to_string(),
            metadata: BTreeMap::new(),
            digest: None,
            bytes: 4,
            is_dir: false,
        };
        let inputs = BTreeMap::from([
            ("data".to_owned(), Datum::Artifact(artifact)),
            ("depth".to_owned(), Datum::Value(json!(3))),
        ]);
        let spec = json!({
            "module": "steps", "function": "train", "packages": [], "experiment": "a",
            "code": { "digest": digest, "paths": ["src", ""] },
        });
        let attempt = home.path().join("attempt");
        let done = tokio::task::spawn_blocking(move || {
            let call = call(&attempt, spec, inputs);
            let launch = python.launch(&call).unwrap();
            assert_eq!(launch.python, None);
            let output = run(&call, &launch);
            assert!(output.status.success(), "{output:?}");
            let mut other = call.clone();
            other.work.spec["experiment"] = json!("b");
            assert_eq!(python.identity(&call), python.identity(&other));
            other.work.spec["code"]["digest"] = json!("sha256:0");
            assert_ne!(python.identity(&call), python.identity(&other));
            python.collect(&call).unwrap()
        });
        let made = done.await.unwrap();
        assert_eq!(made["output"], Datum::Value(json!(1.5)));
        let Datum::Artifact(model) = &made["model"] else { panic!("{made:?}") };
        assert_eq!(model.schema, "system.Model");
        assert_eq!(io::read_to_string(&model.uri).unwrap(), "depth 3 rows as set");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn packages_make_an_environment_and_a_plan_without_code_says_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(home.path().join("blobs"))).await.unwrap();
        let python = Python::new(blobs, home.path()).unwrap();
        let spec =
            json!({ "source": "def f(): pass", "function": "f", "packages": ["numpy"], "python": "3.12" });
        let with_packages = call(&home.path().join("a"), spec, BTreeMap::new());
        let launch = python.launch(&with_packages).unwrap();
        let wanted = PythonEnv { version: Some("3.12".into()), requirements: vec!["numpy".into()] };
        assert_eq!(launch.python, Some(wanted));
        let without = call(&home.path().join("b"), json!({ "function": "f" }), BTreeMap::new());
        assert!(python.launch(&without).unwrap_err().contains(".submit()"));
        assert!(python.collect(&without).unwrap_err().contains("left no result"));
    }
}
