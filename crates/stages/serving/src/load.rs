use std::sync::{Arc, OnceLock};

use blobs::Blobs;
use ledger::Ledger;
use models::{ModelFile, ModelVersion};
use runtimes::{InputSchema, MlModel, Model, Runtime, Tabular};
use tokio::runtime::Handle;
use types::{Actor, Digest, Uid};

use crate::Error;
use crate::cost::Cost;
use crate::lane::Lane;
use crate::nap::Napping;
use crate::warm::{example as example_of, warm};

/// Files that MLflow writes beside a model and that are no part of it.
const ABOUT: [&str; 8] = [
    "MLmodel",
    "conda.yaml",
    "python_env.yaml",
    "requirements.txt",
    "input_example.json",
    "serving_input_example.json",
    "registered_model_meta",
    "python_model.pkl",
];

/// Bytes of an input example that are worth reading for a warm-up.
const MOST_EXAMPLE: i64 = 4 << 20;

/// A model in memory, warm. Freed with its last user.
pub struct Loaded {
    pub version: Uid,
    pub model_name: String,
    pub number: i64,
    pub digest: Option<Digest>,
    pub model: Arc<dyn Model>,
    /// `None` where the inputs are no columns (images, sequences).
    pub tabular: Option<Tabular>,
    pub schema: InputSchema,
    /// The output that MLflow's pyfunc returns as a bare array; `None` where it returns a frame of all outputs.
    pub pyfunc_output: Option<String>,
    /// What runs it: `onnx`, `native` or `python`.
    pub engine: &'static str,
    pub(crate) cost: Arc<Cost>,
    /// `model`, as what may be out of memory.
    pub(crate) nap: Arc<Napping>,
    /// Its own threads, from the first long call on.
    pub(crate) lane: OnceLock<Lane>,
}

impl Loaded {
    /// Errors: `Interrupted` if no thread can be started.
    pub(crate) fn lane(&self) -> Result<&Lane, Error> {
        if let Some(lane) = self.lane.get() {
            return Ok(lane);
        }
        let lane = Lane::start(&self.model, &self.cost, &self.model_name)?;
        // Two calls at once make two; the one that lost ends with its sender.
        Ok(self.lane.get_or_init(|| lane))
    }
}

pub(crate) async fn load(
    ledger: &Ledger,
    blobs: &Blobs,
    runtime: &Runtime,
    actor: &Actor,
    version: Uid,
) -> Result<Loaded, Error> {
    let about = models::get_version(ledger, actor, version).await?;
    let files = models::files(ledger, actor, version).await?;
    let source = Source::find(&about, &files)?;
    let about_model = match source.mlmodel {
        Some(digest) => {
            let bytes = blobs.get_bytes(&digest).await?;
            MlModel::parse(&String::from_utf8_lossy(&bytes))?
        }
        None => MlModel::default(),
    };
    let schema = about_model.inputs;
    let example = about_model.serving_example.and_then(|path| files.iter().find(|f| f.path == path));
    let example = match example {
        Some(file) if file.bytes <= MOST_EXAMPLE => example_of(&blobs.get_bytes(&file.digest).await?),
        _ => None,
    };
    let onnx = blobs.get_bytes(&source.onnx).await?;
    let mut external: Vec<(String, Arc<[u8]>)> = Vec::new();
    for (name, digest) in source.external {
        external.push((name, blobs.get_bytes(&digest).await?.as_ref().into()));
    }
    let runtime = runtime.clone();
    let bytes = files.iter().map(|f| u64::try_from(f.bytes).unwrap_or(0)).sum();
    tokio::task::spawn_blocking(move || {
        let model = runtime.load_onnx_with(&onnx, &external)?;
        // The bytes stay; what ONNX Runtime makes of them is the larger part.
        let nap =
            Arc::new(Napping::new(model, bytes, Box::new(move || runtime.load_onnx_with(&onnx, &external))));
        let model: Arc<dyn Model> = nap.clone();
        let failed = |source| Error::WarmUp { model: about.model.clone(), number: about.number, source };
        let tabular = match Tabular::new(Arc::clone(&model), &schema) {
            Ok(tabular) => Some(tabular),
            Err(runtimes::Error::NotTabular(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let cost = warm(model.as_ref(), tabular.as_ref(), example.as_ref()).map_err(failed)?;
        Ok(Loaded {
            version,
            model_name: about.model.clone(),
            number: about.number,
            digest: about.digest,
            model,
            tabular,
            schema,
            pyfunc_output: None,
            engine: "onnx",
            cost: Arc::new(cost),
            nap,
            lane: OnceLock::new(),
        })
    })
    .await
    .map_err(|_| Error::Interrupted)?
}

/// [`load`] by whichever runtime may serve the version.
pub(crate) async fn load_any(
    ledger: &Ledger,
    blobs: &Blobs,
    engines: &packages::Engines,
    actor: &Actor,
    version: Uid,
) -> Result<Loaded, Error> {
    let about = models::get_version(ledger, actor, version).await?;
    let opened = packages::open_version(ledger, blobs, engines, actor, version).await?;
    let files = models::files(ledger, actor, version).await?;
    let bytes = files.iter().map(|f| u64::try_from(f.bytes).unwrap_or(0)).sum();
    let again = {
        let (ledger, blobs, engines) = (ledger.clone(), blobs.clone(), engines.clone());
        let (actor, handle) = (actor.clone(), Handle::current());
        move || {
            let open = || {
                handle
                    .block_on(packages::open_version(&ledger, &blobs, &engines, &actor, version))
                    .map_err(Box::new)
            };
            // On a thread of its own: whoever asks may be one of the runtime's, which must not wait for it.
            let opened = std::thread::scope(|scope| scope.spawn(open).join());
            let failed = |why: String| runtimes::Error::Busy(format!("it cannot be loaded again: {why}"));
            match opened {
                Ok(Ok(opened)) => Ok(opened.model),
                Ok(Err(error)) => Err(failed(error.to_string())),
                Err(_) => Err(failed("its loader panicked".into())),
            }
        }
    };
    tokio::task::spawn_blocking(move || {
        let packages::Opened { model, engine, schema, pyfunc_output, example, .. } = opened;
        let nap = Arc::new(Napping::new(model, bytes, Box::new(again)));
        let model: Arc<dyn Model> = nap.clone();
        let failed = |source| Error::WarmUp { model: about.model.clone(), number: about.number, source };
        let tabular = match Tabular::new(Arc::clone(&model), &schema) {
            Ok(tabular) => Some(tabular),
            Err(runtimes::Error::NotTabular(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let cost = warm(model.as_ref(), tabular.as_ref(), example.as_ref()).map_err(failed)?;
        Ok(Loaded {
            version,
            model_name: about.model.clone(),
            number: about.number,
            digest: about.digest,
            model,
            tabular,
            schema,
            pyfunc_output,
            engine: engine.name(),
            cost: Arc::new(cost),
            nap,
            lane: OnceLock::new(),
        })
    })
    .await
    .map_err(|_| Error::Interrupted)?
}

struct Source {
    mlmodel: Option<Digest>,
    onnx: Digest,
    /// By the name that the model calls them.
    external: Vec<(String, Digest)>,
}

impl Source {
    /// The ONNX file that `MLmodel` names, or the only one there is.
    fn find(about: &ModelVersion, files: &[ModelFile]) -> Result<Self, Error> {
        let refuse = |reason| Error::NotServable { model: about.model.clone(), number: about.number, reason };
        if files.is_empty() {
            return Err(refuse("its files are not in this server's store"));
        }
        let mlmodel = files.iter().find(|f| f.path == "MLmodel").map(|f| f.digest);
        let mut graphs = files.iter().filter(|f| f.path.ends_with(".onnx"));
        let (graph, other) = (graphs.next(), graphs.next());
        let onnx = match (graph, other) {
            (None, _) => return Err(refuse("it has no ONNX file")),
            (Some(only), None) => only,
            (Some(_), Some(_)) => files
                .iter()
                .find(|f| f.path == "model.onnx")
                .ok_or_else(|| refuse("it has several ONNX files, none of them named model.onnx"))?,
        };
        let folder = onnx.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let external = files
            .iter()
            .filter(|f| f.path != onnx.path)
            .filter_map(|f| {
                let name = if folder.is_empty() {
                    &f.path
                } else {
                    f.path.strip_prefix(folder)?.strip_prefix('/')?
                };
                let known = ABOUT.iter().any(|a| name == *a || name.starts_with(&format!("{a}/")));
                if known { None } else { Some((name.to_owned(), f.digest)) }
            })
            .collect();
        Ok(Self { mlmodel, onnx: onnx.digest, external })
    }
}
