use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ort::environment::Environment;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{OutputSelector, RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, Outlet, Tensor as OrtTensor, TensorElementType, TensorRef, ValueType};
use parking_lot::Mutex;

use crate::model::{check_inputs, check_outputs};
use crate::resident::Growth;
use crate::{ElementType, Error, Model, Tensor, TensorData, TensorSpec, library};

/// Models up to this many bytes get one session per core, so that requests do not wait for each other
/// (a session runs one request at a time); larger ones get a single session, for the memory's sake.
const REPLICATED_BYTES: usize = 32 << 20;
const MOST_SESSIONS: usize = 8;

/// ONNX Runtime allows one environment per process; the first library that loads is the one that stays.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

#[derive(Clone, Debug, Default)]
pub struct RuntimeConfig {
    /// The library, or a directory that holds it. `None`: found as [`library::find`] says.
    pub onnxruntime: Option<PathBuf>,
    /// Directories whose Python environments are searched for the library.
    pub environments: Vec<PathBuf>,
    /// Threads inside one call; 0 means 1, which is best for tabular models.
    pub intra_threads: usize,
    /// Sessions for a small model; 0 means one per core, at most 8.
    pub sessions: usize,
}

/// Loads models. Cheap to make: the library is opened when the first model is loaded.
#[derive(Clone, Debug, Default)]
pub struct Runtime {
    config: RuntimeConfig,
}

impl Runtime {
    pub fn new(config: RuntimeConfig) -> Self {
        Self { config }
    }

    /// Opens the library now; errs when it is absent or too old.
    pub fn check(&self) -> Result<(), Error> {
        self.environment().map(|_| ())
    }

    /// Loads a model that is complete in itself; takes as long as ONNX Runtime needs to optimise it.
    pub fn load_onnx(&self, bytes: &[u8]) -> Result<Arc<dyn Model>, Error> {
        self.load_onnx_with(bytes, &[])
    }

    /// Loads a model whose larger weights are in files of their own (as `mlflow.onnx` writes them by default):
    /// `external` holds them by the name that the model calls them.
    pub fn load_onnx_with(
        &self,
        bytes: &[u8],
        external: &[(String, Arc<[u8]>)],
    ) -> Result<Arc<dyn Model>, Error> {
        let environment = self.environment()?;
        let measured = Growth::begin();
        let first = self.session(&environment, bytes, external)?;
        let inputs = specs("input", first.inputs())?;
        let outputs = specs("output", first.outputs())?;
        let mut sessions = vec![Mutex::new(first)];
        let size = bytes.len() + external.iter().map(|(_, b)| b.len()).sum::<usize>();
        if size <= REPLICATED_BYTES {
            for _ in 1..self.session_count() {
                sessions.push(Mutex::new(self.session(&environment, bytes, external)?));
            }
        }
        // At least the weights of each session, where the process grew by less: it had room left.
        let least = (size * sessions.len()) as u64;
        let memory = measured.end().max(least);
        Ok(Arc::new(OnnxModel { sessions, next: AtomicUsize::new(0), inputs, outputs, memory }))
    }

    fn session_count(&self) -> usize {
        if self.config.sessions > 0 {
            return self.config.sessions;
        }
        std::thread::available_parallelism().map_or(1, |n| n.get()).min(MOST_SESSIONS)
    }

    fn environment(&self) -> Result<Environment, Error> {
        let mut slot = ENVIRONMENT.lock();
        if let Some(environment) = slot.as_ref() {
            return Ok(environment.clone());
        }
        let path = library::find(self.config.onnxruntime.as_deref(), &self.config.environments)?;
        let broken = |message: String| Error::LibraryBroken { path: path.display().to_string(), message };
        let environment = ort::init_from(&path)
            .map_err(|e| broken(e.to_string()))?
            .with_name("mlwright")
            .with_telemetry(false)
            .with_logger(Arc::new(log))
            .build()
            .map_err(|e| broken(e.to_string()))?;
        tracing::info!(path = %path.display(), "ONNX Runtime loaded");
        *slot = Some(environment.clone());
        Ok(environment)
    }

    fn session(
        &self,
        environment: &Environment,
        bytes: &[u8],
        external: &[(String, Arc<[u8]>)],
    ) -> Result<Session, Error> {
        let failed = |e: ort::Error| Error::Load(e.to_string().trim().to_owned());
        let refused = |e: ort::Error<SessionBuilder>| Error::Load(e.to_string().trim().to_owned());
        let mut builder = Session::builder(environment)
            .map_err(failed)?
            .with_optimization_level(GraphOptimizationLevel::Level3)
            .map_err(refused)?
            .with_intra_threads(self.config.intra_threads.max(1))
            .map_err(refused)?
            .with_inter_threads(1)
            .map_err(refused)?
            .with_intra_op_spinning(false)
            .map_err(refused)?;
        for (name, bytes) in external {
            builder =
                builder.with_external_initializer_file_in_memory(name, Arc::clone(bytes)).map_err(refused)?;
        }
        builder.commit_from_memory(bytes).map_err(failed)
    }
}

fn log(level: ort::logging::LogLevel, _category: &str, _id: &str, _at: &str, message: &str) {
    use ort::logging::LogLevel;
    match level {
        LogLevel::Fatal | LogLevel::Error => tracing::debug!(target: "onnxruntime", "{message}"),
        LogLevel::Warning => tracing::debug!(target: "onnxruntime", "{message}"),
        _ => tracing::trace!(target: "onnxruntime", "{message}"),
    }
}

struct OnnxModel {
    sessions: Vec<Mutex<Session>>,
    /// Where the search for a free session starts.
    next: AtomicUsize,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    /// Bytes, as they were measured when it was loaded.
    memory: u64,
}

impl Model for OnnxModel {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    fn run(&self, inputs: &[Tensor], wanted: &[&str]) -> Result<Vec<Tensor>, Error> {
        let ordered = check_inputs(&self.inputs, inputs)?;
        let wanted = check_outputs(&self.outputs, wanted)?;
        let values: Vec<SessionInputValue<'_>> =
            ordered.into_iter().map(to_ort).collect::<Result<_, Error>>()?;
        let failed = |e: ort::Error| Error::Run(e.to_string().trim().to_owned());

        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.sessions.len();
        let free = (0..count).find_map(|i| self.sessions[(start + i) % count].try_lock());
        let mut session = free.unwrap_or_else(|| self.sessions[start % count].lock());

        let all = wanted.len() == self.outputs.len();
        let mut options = None;
        if !all {
            let mut selector = OutputSelector::no_default();
            for index in &wanted {
                selector = selector.with(self.outputs[*index].name.as_str());
            }
            options = Some(RunOptions::new().map_err(failed)?.with_outputs(selector));
        }
        let results = match &options {
            Some(options) => session.run_with_options(values.as_slice(), options),
            None => session.run(values.as_slice()),
        }
        .map_err(failed)?;
        wanted
            .iter()
            .map(|index| {
                let name = &self.outputs[*index].name;
                let value = results
                    .get(name)
                    .ok_or_else(|| Error::Run(format!("the model gave no output `{name}`")))?;
                from_ort(name, value)
            })
            .collect()
    }

    fn memory(&self) -> Option<u64> {
        Some(self.memory)
    }
}

fn specs(place: &'static str, outlets: &[Outlet]) -> Result<Vec<TensorSpec>, Error> {
    outlets.iter().map(|outlet| spec(place, outlet)).collect()
}

fn spec(place: &'static str, outlet: &Outlet) -> Result<TensorSpec, Error> {
    let refuse = |what: String| Error::NotTensor { place, name: outlet.name().to_owned(), what };
    match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => Ok(TensorSpec {
            name: outlet.name().to_owned(),
            element: element(*ty).ok_or_else(|| refuse(format!("tensor of {ty}")))?,
            shape: shape.iter().map(|n| if *n < 0 { -1 } else { *n }).collect(),
        }),
        ValueType::Sequence(_) => Err(refuse("sequence (of maps, as ZipMap makes them)".to_owned())),
        ValueType::Map { .. } => Err(refuse("map".to_owned())),
        ValueType::Optional(_) => Err(refuse("optional value".to_owned())),
    }
}

fn element(ty: TensorElementType) -> Option<ElementType> {
    Some(match ty {
        TensorElementType::Bool => ElementType::Bool,
        TensorElementType::Uint8 => ElementType::U8,
        TensorElementType::Uint16 => ElementType::U16,
        TensorElementType::Uint32 => ElementType::U32,
        TensorElementType::Uint64 => ElementType::U64,
        TensorElementType::Int8 => ElementType::I8,
        TensorElementType::Int16 => ElementType::I16,
        TensorElementType::Int32 => ElementType::I32,
        TensorElementType::Int64 => ElementType::I64,
        TensorElementType::Float16 => ElementType::F16,
        TensorElementType::Bfloat16 => ElementType::Bf16,
        TensorElementType::Float32 => ElementType::F32,
        TensorElementType::Float64 => ElementType::F64,
        TensorElementType::String => ElementType::Bytes,
        _ => return None,
    })
}

fn to_ort(tensor: &Tensor) -> Result<SessionInputValue<'_>, Error> {
    let shape = tensor.shape.as_slice();
    let failed = |e: ort::Error| Error::Run(e.to_string());
    macro_rules! view {
        ($v:expr) => {
            TensorRef::from_array_view((shape, $v.as_slice())).map_err(failed)?.into()
        };
    }
    Ok(match &tensor.data {
        TensorData::Bool(v) => view!(v),
        TensorData::U8(v) => view!(v),
        TensorData::U16(v) => view!(v),
        TensorData::U32(v) => view!(v),
        TensorData::U64(v) => view!(v),
        TensorData::I8(v) => view!(v),
        TensorData::I16(v) => view!(v),
        TensorData::I32(v) => view!(v),
        TensorData::I64(v) => view!(v),
        TensorData::F16(v) => view!(v),
        TensorData::Bf16(v) => view!(v),
        TensorData::F32(v) => view!(v),
        TensorData::F64(v) => view!(v),
        TensorData::Bytes(v) => {
            let texts = texts(&tensor.name, v)?;
            OrtTensor::from_string_array((shape, texts.as_slice())).map_err(failed)?.into()
        }
    })
}

/// ONNX Runtime takes UTF-8 without NUL.
fn texts(name: &str, values: &[Vec<u8>]) -> Result<Vec<String>, Error> {
    values
        .iter()
        .enumerate()
        .map(|(index, bytes)| {
            let bad = |message| Error::BadText { name: name.to_owned(), index, message };
            let text = std::str::from_utf8(bytes).map_err(|_| bad("the text is not UTF-8"))?;
            if text.contains('\0') { Err(bad("the text contains a NUL byte")) } else { Ok(text.to_owned()) }
        })
        .collect()
}

fn from_ort(name: &str, value: &DynValue) -> Result<Tensor, Error> {
    let failed = |e: ort::Error| Error::Run(format!("output `{name}`: {e}"));
    let ty =
        value.dtype().tensor_type().ok_or_else(|| Error::Run(format!("output `{name}` is not a tensor")))?;
    macro_rules! copy {
        ($variant:ident, $t:ty) => {{
            let (shape, data) = value.try_extract_tensor::<$t>().map_err(failed)?;
            (shape.to_vec(), TensorData::$variant(data.to_vec()))
        }};
    }
    let (shape, data) = match element(ty) {
        Some(ElementType::Bool) => copy!(Bool, bool),
        Some(ElementType::U8) => copy!(U8, u8),
        Some(ElementType::U16) => copy!(U16, u16),
        Some(ElementType::U32) => copy!(U32, u32),
        Some(ElementType::U64) => copy!(U64, u64),
        Some(ElementType::I8) => copy!(I8, i8),
        Some(ElementType::I16) => copy!(I16, i16),
        Some(ElementType::I32) => copy!(I32, i32),
        Some(ElementType::I64) => copy!(I64, i64),
        Some(ElementType::F16) => copy!(F16, half::f16),
        Some(ElementType::Bf16) => copy!(Bf16, half::bf16),
        Some(ElementType::F32) => copy!(F32, f32),
        Some(ElementType::F64) => copy!(F64, f64),
        Some(ElementType::Bytes) => {
            let (shape, data) = value.try_extract_strings().map_err(failed)?;
            (shape.to_vec(), TensorData::Bytes(data.into_iter().map(String::into_bytes).collect()))
        }
        None => return Err(Error::Run(format!("output `{name}` has type {ty}"))),
    };
    Ok(Tensor { name: name.to_owned(), shape, data })
}
