//! A Python model as any other model.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use runtimes::{
    ColumnType, ElementType, Error as RuntimeError, Frame, InputSchema, MlModel, Model, Params, Tensor,
    TensorData, TensorSpec, Values,
};
use serde_json::{Value, json};

use crate::frame::{Call, element};
use crate::sandbox::{self, Policy, Protection};
use crate::{About, Answer, Error, Form, Limits, Pool, PoolConfig, State};

const SCRIPT: &str = include_str!("worker.py");
const PARAMS_REFUSED: &str = "MlflowException: Invalid parameters found";

/// How executable models run on this machine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program and its hidden command: see [`sandbox::Entry`].
    pub entry: Vec<OsString>,
    /// Where scripts and work folders lie.
    pub folder: PathBuf,
    pub limits: Limits,
    /// Processes for each model.
    pub processes: usize,
    /// Device files that they may use, such as [`crate::devices::find`] gives.
    pub devices: Vec<PathBuf>,
    /// Run them also where there is no sandbox.
    pub allow_unsandboxed: bool,
    pub protection: Protection,
}

impl Settings {
    /// Tries out what the machine offers. Blocks for a moment.
    pub fn new(entry: Vec<OsString>, folder: PathBuf) -> Self {
        let protection = sandbox::probe(&entry);
        let (limits, devices) = (Limits::default(), Vec::new());
        Self { entry, folder, limits, processes: 1, devices, allow_unsandboxed: false, protection }
    }

    /// Errors: `NoSandbox` unless there is one or the configuration does without.
    pub fn check(&self) -> Result<(), Error> {
        if self.protection.suffices() || self.allow_unsandboxed {
            return Ok(());
        }
        Err(Error::NoSandbox(self.protection.reason.clone()))
    }
}

/// A model behind a pool of processes.
pub struct PythonModel {
    pool: Pool,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    /// What the model returned when it was tried.
    form: Form,
    /// The one output goes by this name, whatever the model calls it.
    single: bool,
}

impl PythonModel {
    /// Opens the model in `directory` with the interpreter `python`. `about` says what its inputs are called. `example` are
    /// inputs to try it with, which tells the outputs. Blocks.
    ///
    /// Errors: `NoSandbox`, `NoSignature`, `Load`, and `Run` if it refuses its own example.
    pub fn open(
        settings: &Settings,
        python: &Path,
        directory: &Path,
        about: &MlModel,
        example: Option<&[Tensor]>,
    ) -> Result<Self, Error> {
        settings.check()?;
        let inputs = specs_of(&about.inputs, example)?;
        let script = write_script(&settings.folder)?;
        let told = json!({ "columns": columns(&about.inputs), "form": form_of(&about.inputs, example), "flavors": about.raw_flavors });
        let args = vec![text_of(&script), text_of(directory), told.to_string()];
        let mut read = vec![settings.folder.join("scripts"), directory.to_owned()];
        read.extend(places_of(python)?);
        let policy = Policy {
            program: python.to_owned(),
            args,
            env: environment(&settings.devices),
            read,
            devices: settings.devices.clone(),
            work: settings.folder.join("work"),
            memory: settings.limits.memory,
            processes: settings.limits.processes,
            scratch: settings.limits.scratch,
            unsandboxed: !settings.protection.suffices(),
        };
        let pool = Pool::start(PoolConfig {
            entry: settings.entry.clone(),
            policy,
            limits: settings.limits.clone(),
            processes: settings.processes.max(1),
        })?;
        let mut model = Self { pool, inputs, outputs: Vec::new(), form: Form::Array, single: true };
        let tried = match example {
            Some(example) => Some(model.pool.first_call(&Call::new("predict", example))?),
            None => {
                // A model may refuse what was made up; then its output is taken to be one, of numbers.
                let zeros: Vec<Tensor> = model.inputs.iter().map(zeros).collect();
                model.pool.first_call(&Call::new("predict", &zeros)).ok()
            }
        };
        match tried {
            Some(answer) => {
                let given = example.map_or(1, |inputs| inputs.first().map_or(1, Tensor::rows));
                model.outputs = answer.outputs.iter().map(|output| spec_of(output, given)).collect();
                model.form = answer.form;
                model.single = answer.outputs.len() == 1;
            }
            None => {
                let name = "predictions".to_owned();
                model.outputs = vec![TensorSpec { name, element: ElementType::F64, shape: vec![-1] }];
            }
        }
        Ok(model)
    }

    /// What opened it, and what it can do beside `predict`.
    pub fn about(&self) -> &About {
        &self.pool.about
    }

    pub fn state(&self) -> State {
        self.pool.state()
    }

    /// What kind of object it returns.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Calls a method of the model, such as `predict_proba`. Blocks. Errors: as the model and its process say.
    pub fn call(&self, method: &str, inputs: &[Tensor]) -> Result<Answer, Error> {
        self.pool.call(&Call { method: Some(method), ..Call::new("predict", inputs) })
    }

    /// A scikit-learn model as the bytes of a `.skops` file, which holds data and no code. Errors: `Run` for others.
    pub fn export_skops(&self) -> Result<Vec<u8>, Error> {
        let answer = self.pool.call(&Call::new("export", &[]))?;
        match answer.outputs.into_iter().next().map(|tensor| tensor.data) {
            Some(runtimes::TensorData::Bytes(mut values)) if values.len() == 1 => Ok(values.remove(0)),
            _ => Err(Error::Protocol("it exported nothing".into())),
        }
    }
}

impl Model for PythonModel {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    fn takes_missing_text(&self) -> bool {
        true
    }

    fn streams(&self) -> bool {
        self.about().methods.iter().any(|method| method == "predict_stream")
    }

    fn stream(
        &self,
        inputs: &[Tensor],
        params: &Params,
        part: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), RuntimeError> {
        let ordered: Vec<Tensor> =
            runtimes::check_inputs(&self.inputs, inputs)?.into_iter().cloned().collect();
        let mut texts = |answer: Answer| match answer.outputs.into_iter().next().map(|output| output.data) {
            Some(TensorData::Bytes(values)) => {
                values.into_iter().all(|text| part(String::from_utf8_lossy(&text).into_owned()))
            }
            _ => true,
        };
        let call = Call { params: Some(params), ..Call::new("stream", &ordered) };
        self.pool.stream(&call, &mut texts).map_err(runtime_error)
    }

    fn memory(&self) -> Option<u64> {
        self.pool.resident()
    }

    /// With the defaults of its signature, which MLflow fills in.
    fn run(&self, inputs: &[Tensor], wanted: &[&str]) -> Result<Vec<Tensor>, RuntimeError> {
        self.run_with(inputs, &Params::default(), wanted)
    }

    fn run_with(
        &self,
        inputs: &[Tensor],
        params: &Params,
        wanted: &[&str],
    ) -> Result<Vec<Tensor>, RuntimeError> {
        let ordered: Vec<Tensor> =
            runtimes::check_inputs(&self.inputs, inputs)?.into_iter().cloned().collect();
        let answer = self
            .pool
            .call(&Call { params: Some(params), ..Call::new("predict", &ordered) })
            .map_err(runtime_error)?;
        let mut outputs = answer.outputs;
        if self.single && outputs.len() == 1 {
            outputs[0].name.clone_from(&self.outputs[0].name);
        }
        if wanted.is_empty() {
            return Ok(outputs);
        }
        wanted
            .iter()
            .map(|name| {
                outputs.iter().find(|output| output.name == *name).cloned().ok_or_else(|| {
                    let known: Vec<String> = outputs.iter().map(|o| format!("`{}`", o.name)).collect();
                    RuntimeError::UnknownOutput { name: (*name).to_owned(), known: known.join(", ") }
                })
            })
            .collect()
    }
}

fn runtime_error(error: Error) -> RuntimeError {
    match error {
        // The environment's own MLflow, which may be of another version, looks at them once more.
        Error::Run { message, .. } if message.starts_with(PARAMS_REFUSED) => {
            RuntimeError::Params(message.trim_start_matches("MlflowException: ").to_owned())
        }
        // What a model says against its input is the caller's to know.
        Error::Run { message, .. } => RuntimeError::Run(message),
        Error::Timeout { .. } | Error::Restarting(_) => RuntimeError::Busy(error.to_string()),
        other => RuntimeError::Run(other.to_string()),
    }
}

fn spec_of(output: &Tensor, rows: usize) -> TensorSpec {
    let mut shape = output.shape.clone();
    if let Some(first) = shape.first_mut()
        && usize::try_from(*first) == Ok(rows)
    {
        *first = -1;
    }
    TensorSpec { name: output.name.clone(), element: output.element(), shape }
}

fn zeros(spec: &TensorSpec) -> Tensor {
    let shape: Vec<i64> = spec.shape.iter().map(|n| if *n < 0 { 1 } else { *n }).collect();
    let count = shape.iter().map(|n| usize::try_from(*n).unwrap_or(0)).product();
    Tensor { name: spec.name.clone(), shape, data: runtimes::TensorData::zeros(spec.element, count) }
}

/// One input a column, or the tensors of the signature; without one, as the example is.
fn specs_of(schema: &InputSchema, example: Option<&[Tensor]>) -> Result<Vec<TensorSpec>, Error> {
    let tensor = |name: &str, dtype: &str, shape: &[i64]| {
        let element =
            element(dtype).ok_or(Error::NoSignature("a tensor of its signature has an unknown type"))?;
        let name = if name.is_empty() { "inputs" } else { name };
        Ok(TensorSpec { name: name.to_owned(), element, shape: shape.to_vec() })
    };
    match (schema, example) {
        (InputSchema::Columns(columns), _) => Ok(columns
            .iter()
            .map(|column| TensorSpec {
                name: column.name.clone(),
                element: element_of(column.column_type),
                shape: vec![-1],
            })
            .collect()),
        (InputSchema::Tensors(tensors), _) => {
            tensors.iter().map(|(name, dtype, shape)| tensor(name, dtype, shape)).collect()
        }
        (InputSchema::Unnamed(types), _) => {
            let first = types.first().map_or(ElementType::F64, |t| element_of(*t));
            let element =
                if types.iter().all(|t| element_of(*t) == first) { first } else { ElementType::F64 };
            Ok(vec![TensorSpec { name: "inputs".into(), element, shape: vec![-1, types.len() as i64] }])
        }
        (InputSchema::Unknown, Some(example)) if !example.is_empty() => {
            Ok(example.iter().map(|input| spec_of(input, input.rows())).collect())
        }
        (InputSchema::Unknown, _) => {
            Err(Error::NoSignature("it has neither a signature nor an input example"))
        }
    }
}

/// What a Python model with this signature takes; without one, one input a column of its example.
pub fn inputs_of(schema: &InputSchema, example: &Frame) -> Option<Vec<TensorSpec>> {
    if *schema != InputSchema::Unknown {
        return specs_of(schema, None).ok();
    }
    let columns = example.columns.iter().map(|column| {
        let element = match &column.values {
            Values::Float(_) => ElementType::F64,
            Values::Integer(_) => ElementType::I64,
            Values::Boolean(_) => ElementType::Bool,
            Values::Text(_) => ElementType::Bytes,
        };
        TensorSpec { name: column.name.to_string(), element, shape: vec![-1] }
    });
    Some(columns.collect())
}

/// How a column of the signature travels. Times and bytes travel as text.
pub fn element_of(column: ColumnType) -> ElementType {
    match column {
        ColumnType::Boolean => ElementType::Bool,
        ColumnType::Integer => ElementType::I32,
        ColumnType::Long => ElementType::I64,
        ColumnType::Float => ElementType::F32,
        ColumnType::Double => ElementType::F64,
        ColumnType::String | ColumnType::Binary | ColumnType::Datetime => ElementType::Bytes,
    }
}

fn columns(schema: &InputSchema) -> Value {
    match schema {
        InputSchema::Columns(columns) => {
            columns.iter().map(|c| json!({ "name": c.name, "type": c.column_type.name() })).collect()
        }
        _ => Value::Null,
    }
}

fn form_of(schema: &InputSchema, example: Option<&[Tensor]>) -> Option<&'static str> {
    match schema {
        InputSchema::Columns(_) => Some("frame"),
        InputSchema::Tensors(tensors) if tensors.len() > 1 => Some("dict"),
        InputSchema::Tensors(tensors) => {
            Some(if tensors.iter().any(|t| !t.0.is_empty()) { "dict" } else { "array" })
        }
        InputSchema::Unnamed(_) => Some("array"),
        // Named columns of an example are a table.
        InputSchema::Unknown => example.filter(|e| e.iter().all(|t| t.shape.len() == 1)).map(|_| "frame"),
    }
}

fn text_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn write_script(folder: &Path) -> Result<PathBuf, Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let scripts = folder.join("scripts");
    types::io::create_dir_all(&scripts)?;
    types::io::create_dir_all(folder.join("work"))?;
    let script = scripts.join(format!("worker-{}.py", &types::Digest::of(SCRIPT).hex()[..16]));
    if types::io::read_to_string(&script).ok().as_deref() != Some(SCRIPT) {
        types::io::write_atomic(&script, SCRIPT)?;
    }
    // Inside, somebody else reads it.
    for (path, mode) in [(&scripts, 0o755), (&script, 0o644)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .map_err(|e| types::io::Error::new("open up", path, e))?;
    }
    Ok(script)
}

/// The environment of an interpreter, and the installation that it was made from: what it must be able to read.
fn places_of(python: &Path) -> Result<Vec<PathBuf>, Error> {
    let at = |e| types::io::Error::new("find", python, e);
    let real = std::fs::canonicalize(python).map_err(at)?;
    let mut places = Vec::new();
    // `<prefix>/bin/python`, for the environment and for the installation.
    for file in [python, &real] {
        let absolute = std::path::absolute(file).map_err(at)?;
        if let Some(prefix) = absolute.parent().and_then(Path::parent) {
            places.push(prefix.to_owned());
        }
        // Links on the way (an environment of an environment, a version that is an alias).
        let mut link = absolute;
        while let Ok(target) = std::fs::read_link(&link) {
            link = link.parent().map_or(target.clone(), |folder| folder.join(&target));
            if let Some(prefix) = link.parent().and_then(Path::parent) {
                places.push(prefix.to_owned());
            }
        }
    }
    places.retain(|place| place.parent().is_some());
    places.sort();
    places.dedup();
    Ok(places)
}

/// Of the server's own variables only those that choose among devices and find their drivers, where there are devices.
fn environment(devices: &[PathBuf]) -> BTreeMap<String, String> {
    let set = [
        ("PATH", "/usr/bin:/bin"),
        ("LANG", "C.UTF-8"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONNOUSERSITE", "1"),
        ("PYTHONHASHSEED", "0"),
        ("PYTHONUNBUFFERED", "1"),
        // One request at a time: the processes are what runs beside each other.
        ("OMP_NUM_THREADS", "1"),
        ("OPENBLAS_NUM_THREADS", "1"),
        ("MKL_NUM_THREADS", "1"),
        ("MLFLOW_DISABLE_TELEMETRY", "true"),
        ("GIT_PYTHON_REFRESH", "quiet"),
        ("HF_HUB_OFFLINE", "1"),
        ("TRANSFORMERS_OFFLINE", "1"),
    ];
    let kept = devices.first().into_iter().flat_map(|_| crate::devices::VARIABLES);
    let kept = kept.filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
    set.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).chain(kept).collect()
}
