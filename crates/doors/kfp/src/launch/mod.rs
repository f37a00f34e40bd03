//! Components as processes of this machine.
//!
//! A lightweight component (a Python function whose source the document holds) runs in an environment with the packages
//! that it asks for; its image is not run, only the Python of it is taken. An image with a command of its own runs where
//! podman or docker is on the machine, or in a pod.

mod affinity;
mod bootstrap;
mod claims;
mod container;
mod input;
mod output;
mod placeholders;
mod platform;
mod pod;
mod resources;
mod status;
mod task_config;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pipelines::{Adapter, Artifact, Call, Datum, Image, Launch, PythonEnv};
use serde_json::{Value, json};

use crate::ir::{Container, Executor, Importer, Uri};
use bootstrap::{EXECUTOR_MODULE, Start};
use container::{Around, ContainerEngine};
use placeholders::Context;
use platform::{Mount, Platform};

/// Where kfp's SDK has the shared workspace of a run inside of a container.
const WORKSPACE_MOUNT: &str = "/kfp-workspace";
/// Linux takes no longer argument (`MAX_ARG_STRLEN`, with the zero at its end).
const LONGEST_ARGUMENT: usize = 128 << 10;
/// An argument that is too long stands in a file; how its name is marked.
const FROM_FILE: char = '\u{1}';
/// Starts the executor with such arguments.
const WITH_FILES: &str = "import runpy, sys\n\
    sys.argv = [open(a[1:]).read() if a[:1] == '\\x01' else a for a in sys.argv]\n\
    runpy.run_module('kfp.dsl.executor_main', run_name='__main__', alter_sys=True)\n";

/// The adapter for components of Kubeflow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kubeflow;

impl Adapter for Kubeflow {
    fn kind(&self) -> &'static str {
        crate::KIND
    }

    fn launch(&self, call: &Call) -> Result<Launch, String> {
        make(&call.dir.join("outputs"))?;
        match executor(call)? {
            // Nothing runs: `collect` says what was imported.
            Executor::Importer(_) => {
                Context::new(call, call.workspace.display().to_string())?;
                Ok(Launch { argv: vec!["true".into()], ..Launch::default() })
            }
            Executor::Container(container) if claims::is_stub(&container.image) => {
                claims::launch(call, &container.image)
            }
            Executor::Container(container) => start(call, &container),
        }
    }

    fn collect(&self, call: &Call) -> Result<BTreeMap<String, Datum>, String> {
        match executor(call)? {
            Executor::Importer(importer) => {
                let context = Context::new(call, call.workspace.display().to_string())?;
                let artifact = imported(&importer, &context)?;
                Ok(BTreeMap::from([(importer.output, Datum::Artifact(artifact))]))
            }
            Executor::Container(container) if claims::is_stub(&container.image) => {
                claims::collect(call, &container.image)
            }
            Executor::Container(_) => output::collect(call),
        }
    }

    /// Requests of CPU, memory and accelerators, and where Kubernetes shall put it, do not change what comes out.
    fn identity(&self, call: &Call) -> Value {
        let mut spec = call.work.spec.clone();
        if let Some(container) = spec.get_mut("container").and_then(Value::as_object_mut) {
            container.remove("resources");
            container.remove("kubernetes");
        }
        let mut identity = json!({ "spec": spec, "outputs": call.work.outputs });
        if call.work.spec["container"]["image"].as_str().is_some_and(claims::is_stub) {
            identity["once"] = json!(call.task);
        }
        identity
    }
}

fn executor(call: &Call) -> Result<Executor, String> {
    Executor::of(&call.work.spec)
}

fn make(dir: &Path) -> Result<(), String> {
    types::io::create_dir_all(dir).map_err(|e| e.to_string())
}

fn start(call: &Call, container: &Container) -> Result<Launch, String> {
    let mut platform = platform::read(call, &container.kubernetes)?;
    let keeps_env = task_config::keeps(container, "ENV");
    if !keeps_env {
        platform.env.clear();
        platform.wanted.variables.clear();
    }
    task_config::leave_out(container, &mut platform.pod);
    let lightweight = bootstrap::lightweight(&container.image, &container.command);
    // A container has its volumes where it looks for them; a process looks where they are.
    let mounts = if lightweight.is_some() { platform.mounts.as_slice() } else { &[] };
    let moved_call = (!mounts.is_empty()).then(|| with_moved_inputs(call, mounts));
    let call = moved_call.as_ref().unwrap_or(call);
    let configured = task_config::given(call, container)?;
    let call = configured.as_ref().unwrap_or(call);
    let worded = status::worded(call, container);
    let call = worded.as_ref().unwrap_or(call);
    let context = &Context::new(call, call.workspace.display().to_string())?;
    let workspace = call.workspace.as_path();
    let uses_workspace = mentions_workspace(container, context);
    if uses_workspace {
        make(workspace)?;
    }
    let resolve = |words: &[String]| -> Result<Vec<String>, String> {
        let place = workspace.display().to_string();
        let words: Vec<String> = words.iter().map(|word| platform::moved(word, mounts)).collect();
        Ok(context.words(&words)?.into_iter().map(|word| word.replace(WORKSPACE_MOUNT, &place)).collect())
    };
    let args = resolve(&container.args)?;
    let mut env: BTreeMap<String, String> = platform.env.iter().cloned().collect();
    for (name, value) in container.env.iter().filter(|_| keeps_env) {
        env.insert(name.clone(), context.text(&platform::moved(value, mounts))?);
    }
    let Platform { wanted, pod, notes, .. } = &platform;
    let (wanted, pod, notes) = (wanted.clone(), pod.clone(), notes.clone());
    let more = Launch { wanted, pod, notes, ..Launch::default() };
    if let Some(found) = lightweight {
        let argv = match found.start {
            Start::Module(source) => {
                env.insert("_KFP_RUNTIME".into(), "true".into());
                module(call, &platform::moved(&source, mounts), args)?
            }
            Start::Command(command) => [resolve(&command)?, args].concat(),
        };
        check_length(&argv)?;
        let paths_in = vec!["work/.kfp".into(), said_in(call)];
        let (python, resources) = (Some(found.python), resources::wanted(&container.resources));
        return Ok(Launch { argv, env, python, paths_in, resources, ..more });
    }
    if call.in_pod {
        let (name, command) = (container.image.clone(), resolve(&container.command)?);
        check_length(&[command.as_slice(), &args].concat())?;
        let (image, paths_in) = (Image { name, command, args }, vec![said_in(call)]);
        let resources = resources::wanted(&container.resources);
        return Ok(Launch { image: Some(image), env, paths_in, resources, ..more });
    }
    let engine = ContainerEngine::find().ok_or_else(|| {
        format!(
            "it runs the image `{}`, and no container engine is on this machine · hint: install podman or docker, or \
             write it as a lightweight Python component",
            container.image
        )
    })?;
    let folders: Vec<&Path> = if uses_workspace { vec![&call.dir, workspace] } else { vec![&call.dir] };
    let name = format!("mlwright-{}-{}", call.task, call.attempt);
    let around = Around { env, platform: &platform, folders: &folders };
    let launch = engine.launch(&name, container, &resolve(&container.command)?, &args, around);
    check_length(&launch.argv)?;
    Ok(Launch { argv: launch.argv, env: launch.env, clear: launch.clear, ..more })
}

/// The file with what a component says of its outputs, below the attempt's directory.
fn said_in(call: &Call) -> PathBuf {
    let said = input::executor_output(call);
    said.strip_prefix(&call.dir).map_or_else(|_| said.clone(), Path::to_owned)
}

/// Values that name a path of a volume name the folder instead.
fn with_moved_inputs(call: &Call, mounts: &[Mount]) -> Call {
    let mut call = call.clone();
    for datum in call.inputs.values_mut() {
        if let Datum::Value(value) = datum {
            *value = platform::moved_value(value, mounts);
        }
    }
    call
}

/// The source becomes a file of the attempt, and the executor of kfp runs it.
fn module(call: &Call, source: &str, args: Vec<String>) -> Result<Vec<String>, String> {
    // Removed with the attempt.
    let dir = call.dir.join("work/.kfp");
    make(&dir)?;
    let keep = |name: &str, text: &str| {
        let path = dir.join(name);
        types::io::write(&path, text).map_err(|e| e.to_string())?;
        Ok::<_, String>(path.display().to_string())
    };
    let path = keep("ephemeral_component.py", source)?;
    let mut words = vec!["--component_module_path".to_owned(), path];
    let long = args.iter().any(|word| word.len() >= LONGEST_ARGUMENT);
    for (place, word) in args.into_iter().enumerate() {
        if word.len() >= LONGEST_ARGUMENT {
            words.push(format!("{FROM_FILE}{}", keep(&format!("argument-{place}"), &word)?));
        } else {
            words.push(word);
        }
    }
    let start = if long { ["-c", WITH_FILES] } else { ["-m", EXECUTOR_MODULE] };
    Ok(["python3"].into_iter().chain(start).map(str::to_owned).chain(words).collect())
}

fn check_length(argv: &[String]) -> Result<(), String> {
    match argv.iter().map(String::len).max() {
        Some(longest) if longest >= LONGEST_ARGUMENT => Err(format!(
            "an argument of its command has {longest} bytes, and a process takes {LONGEST_ARGUMENT} at most · hint: pass \
             large values as artifacts, not as parameters"
        )),
        _ => Ok(()),
    }
}

fn mentions_workspace(container: &Container, context: &Context<'_>) -> bool {
    let mentions = |text: &str| text.contains("{{$.workspace_path}}") || text.contains(WORKSPACE_MOUNT);
    let words = container.command.iter().chain(&container.args).chain(container.env.values());
    words.into_iter().any(|word| mentions(word)) || context.names_workspace()
}

/// What an importer gives. `download_to_workspace` changes nothing: artifacts that the house keeps lie beside the task that
/// reads them anyway, and paths of this machine are read where they are.
fn imported(importer: &Importer, context: &Context<'_>) -> Result<Artifact, String> {
    let uri = match &importer.uri {
        Uri::Constant(text) => context.text(text)?,
        Uri::Input(name) => {
            let value = context.parameters.get(name);
            let missing = || format!("its input `{name}`, the address to import, is missing");
            input::as_text(value.ok_or_else(missing)?)
        }
    };
    let metadata = context.value(&importer.metadata)?;
    Ok(Artifact {
        name: importer.output.clone(),
        schema: importer.schema.clone(),
        uri,
        metadata: metadata.as_object().cloned().unwrap_or_default().into_iter().collect(),
        digest: None,
        bytes: 0,
        is_dir: false,
    })
}

/// The environment in which the lightweight components of a document run, for who wants to build it ahead.
pub fn environment_of(container: &Container) -> Option<PythonEnv> {
    bootstrap::lightweight(&container.image, &container.command).map(|found| found.python)
}
