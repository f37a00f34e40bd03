//! A model directory, opened by one of the runtimes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use runtimes::{Frame, InputSchema, MlModel, Model, Runtime, Tabular, native};
use serde::{Deserialize, Serialize};
use types::io;
use workers::environment::{self, Requirements};
use workers::{PythonModel, Settings};

use crate::{Error, example_of};

/// What runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    Native,
    Onnx,
    Python,
}

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Onnx => "onnx",
            Self::Python => "python",
        }
    }
}

/// The runtimes of this server.
#[derive(Clone, Debug)]
pub struct Engines {
    pub runtime: Runtime,
    /// How executable models run.
    pub workers: Settings,
    /// Where their environments are built.
    pub environments: PathBuf,
    /// Where the files of models lie, one folder each.
    pub folder: PathBuf,
    /// `uv` of the search path if `None`.
    pub uv: Option<PathBuf>,
    /// One Python for all of them, instead of one environment for each set of requirements.
    pub interpreter: Option<PathBuf>,
}

/// A model in memory.
pub struct Opened {
    pub model: Arc<dyn Model>,
    pub engine: Engine,
    pub about: MlModel,
    /// With names in the order in which the model wants them.
    pub schema: InputSchema,
    /// The output that MLflow's pyfunc returns as a bare array; `None` where it returns a frame of all outputs.
    pub pyfunc_output: Option<String>,
    pub example: Option<Frame>,
    /// The same model, where it is Python.
    pub python: Option<Arc<PythonModel>>,
    /// What its environment was resolved to, where it has one.
    pub lock: Option<String>,
}

/// The runtimes that could open the model in `directory`, best first. Errors: the `MLmodel` file cannot be read.
pub fn engines_of(directory: &Path) -> Result<(MlModel, Vec<Engine>), Error> {
    let about = about(directory)?;
    let mut engines = Vec::new();
    if native_source(directory, &about).is_some() {
        engines.push(Engine::Native);
    }
    if onnx_file(directory, &about).is_some() {
        engines.push(Engine::Onnx);
    }
    let pure_onnx = about.flavors.is_empty() && !engines.is_empty();
    if !pure_onnx {
        engines.push(Engine::Python);
    }
    Ok((about, engines))
}

/// Opens the model in `directory` with `engine`. Blocks, for minutes if an environment must be built.
pub fn open(engines: &Engines, directory: &Path, engine: Engine) -> Result<Opened, Error> {
    let about = about(directory)?;
    let example = about
        .serving_example
        .as_ref()
        .and_then(|path| io::read(directory.join(path)).ok())
        .and_then(|bytes| example_of(&bytes, &about));
    match engine {
        Engine::Native => open_native(directory, about, example),
        Engine::Onnx => open_onnx(&engines.runtime, directory, about, example),
        Engine::Python => open_python(engines, directory, about, example),
    }
}

fn about(directory: &Path) -> Result<MlModel, Error> {
    let path = directory.join("MLmodel");
    if !path.exists() {
        return Ok(MlModel::default());
    }
    Ok(MlModel::parse(&io::read_to_string(&path)?)?)
}

/// Names of the files directly in `directory`, in order.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn native_source(directory: &Path, about: &MlModel) -> Option<native::Source> {
    if let Some(source) = native::Source::of(about) {
        return directory.join(&source.path).is_file().then_some(source);
    }
    if !about.flavors.is_empty() {
        return None;
    }
    let mut found = names(directory)
        .into_iter()
        .filter(|n| n.starts_with("model."))
        .filter_map(|n| native::Source::of_file(&n));
    let only = found.next()?;
    found.next().is_none().then_some(only)
}

fn onnx_file(directory: &Path, about: &MlModel) -> Option<PathBuf> {
    if let Some(path) = &about.onnx {
        return Some(directory.join(path)).filter(|path| path.is_file());
    }
    let graphs: Vec<String> = names(directory).into_iter().filter(|n| n.ends_with(".onnx")).collect();
    match graphs.as_slice() {
        [only] => Some(directory.join(only)),
        several => several.iter().find(|n| *n == "model.onnx").map(|n| directory.join(n)),
    }
}

fn open_native(directory: &Path, about: MlModel, example: Option<Frame>) -> Result<Opened, Error> {
    let source = native_source(directory, &about)
        .ok_or_else(|| Error::NoRuntime("it holds no file that is read natively".into()))?;
    let bytes = io::read(directory.join(&source.path))?;
    let (model, schema) = native::load(&source, &bytes, &about.inputs)?;
    let pyfunc_output = Some(source.method.clone());
    Ok(Opened {
        model,
        engine: Engine::Native,
        about,
        schema,
        pyfunc_output,
        example,
        python: None,
        lock: None,
    })
}

fn open_onnx(
    runtime: &Runtime,
    directory: &Path,
    about: MlModel,
    example: Option<Frame>,
) -> Result<Opened, Error> {
    let path = onnx_file(directory, &about).ok_or_else(|| Error::NoRuntime("it has no ONNX file".into()))?;
    let bytes = io::read(&path)?;
    let folder = path.parent().unwrap_or(directory);
    let mut external = Vec::new();
    for name in names(folder) {
        // Weights that lie beside the graph; everything else in the folder is small text.
        if !name.ends_with(".onnx")
            && !name.ends_with(".json")
            && !name.ends_with(".yaml")
            && !name.ends_with(".txt")
            && name != "MLmodel"
        {
            external.push((name.clone(), io::read(folder.join(&name))?.into()));
        }
    }
    let model = runtime.load_onnx_with(&bytes, &external)?;
    let schema = about.inputs.clone();
    Ok(Opened {
        model,
        engine: Engine::Onnx,
        about,
        schema,
        pyfunc_output: None,
        example,
        python: None,
        lock: None,
    })
}

fn open_python(
    engines: &Engines,
    directory: &Path,
    about: MlModel,
    example: Option<Frame>,
) -> Result<Opened, Error> {
    engines.workers.check()?;
    let (python, lock) = match &engines.interpreter {
        Some(python) => (python.clone(), None),
        None => {
            let text = |name: &str| io::read_to_string(directory.join(name)).ok();
            let requirements = text("requirements.txt").ok_or_else(|| {
                Error::NoRuntime(
                    "it needs Python, and has no requirements.txt that says with which packages".into(),
                )
            })?;
            let requirements = Requirements::parse(&requirements, text("python_env.yaml").as_deref());
            let built = environment::build(engines.uv.as_deref(), &engines.environments, &requirements)?;
            (built.python, Some(built.lock))
        }
    };
    let inputs = match &example {
        Some(frame) => tensors_of(frame, &about.inputs),
        None => None,
    };
    let model = PythonModel::open(&engines.workers, &python, directory, &about, inputs.as_deref())?;
    let model = Arc::new(model);
    // One output is what pyfunc returned, bare; several are its columns or keys.
    let outputs = model.outputs();
    let pyfunc_output =
        (outputs.len() == 1 && model.form() != workers::Form::Frame).then(|| outputs[0].name.clone());
    let schema = about.inputs.clone();
    Ok(Opened {
        model: Arc::clone(&model) as Arc<dyn Model>,
        engine: Engine::Python,
        about,
        schema,
        pyfunc_output,
        example,
        python: Some(model),
        lock,
    })
}

/// The example as the inputs of a Python model; `None` where the schema has no such form.
fn tensors_of(frame: &Frame, schema: &InputSchema) -> Option<Vec<runtimes::Tensor>> {
    let shape = Arc::new(Shape(workers::inputs_of(schema, frame)?));
    Tabular::new(shape, schema).ok()?.inputs(frame).ok()
}

/// Inputs alone, to be filled from columns.
struct Shape(Vec<runtimes::TensorSpec>);

impl Model for Shape {
    fn inputs(&self) -> &[runtimes::TensorSpec] {
        &self.0
    }

    fn outputs(&self) -> &[runtimes::TensorSpec] {
        &[]
    }

    fn run(&self, _: &[runtimes::Tensor], _: &[&str]) -> Result<Vec<runtimes::Tensor>, runtimes::Error> {
        Ok(Vec::new())
    }
}
