use std::sync::{Arc, OnceLock};

use blobs::Blobs;
use ledger::Ledger;
use models::{ModelFile, ModelVersion};
use packages::Engine;
use runtimes::{Frame, InputSchema, MlModel, Model, ParamSchema, Runtime, Tabular};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use types::{Actor, Digest, Permission, Uid};

use crate::asleep::Known;
use crate::cost::Cost;
use crate::features::Fed;
use crate::graph::GraphModel;
use crate::lane::Lane;
use crate::nap::{Again, Napping, Shape};
use crate::warm::{example as example_of, warm};
use crate::{Error, Graph, Serving, VariantRuntime};

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
    /// What it can be told beside its inputs.
    pub params: ParamSchema,
    /// The output that MLflow's pyfunc returns as a bare array; `None` where it returns a frame of all outputs.
    pub pyfunc_output: Option<String>,
    /// What runs it: `onnx`, `native`, `python` or `graph`.
    pub engine: &'static str,
    /// What a graph is made of, and its models.
    pub(crate) graph: Option<(Graph, Vec<Arc<Loaded>>)>,
    /// What it is fed with, where that is looked up; then the rest is as callers see it.
    pub(crate) fed: Option<Arc<Fed>>,
    /// The input that it was warmed up with.
    pub(crate) example: Option<Frame>,
    pub(crate) cost: Arc<Cost>,
    /// `model`, as what may be out of memory.
    pub(crate) nap: Arc<Napping>,
    /// Its own threads, from the first long call on.
    pub(crate) lane: OnceLock<Lane>,
}

/// Why a graph cannot be served.
pub(crate) enum GraphError {
    Form(String),
    Run(runtimes::Error),
}

impl Loaded {
    /// Warmed up with `example`, or with made-up input if there is none; cold if the model sleeps (`example` is `None`).
    fn new(
        about: ModelVersion,
        nap: Arc<Napping>,
        engine: Engine,
        (schema, params): (InputSchema, ParamSchema),
        pyfunc_output: Option<String>,
        example: Option<Option<&Frame>>,
    ) -> Result<Self, Error> {
        let model: Arc<dyn Model> = nap.clone();
        let failed = |source| Error::WarmUp { model: about.model.clone(), number: about.number, source };
        let tabular = match Tabular::new(Arc::clone(&model), &schema) {
            Ok(tabular) => Some(tabular),
            Err(runtimes::Error::NotTabular(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let cost = match example {
            Some(example) => warm(model.as_ref(), tabular.as_ref(), example).map_err(failed)?,
            None => Cost::unknown(),
        };
        Ok(Self {
            version: about.uid,
            model_name: about.model,
            number: about.number,
            digest: about.digest,
            model,
            tabular,
            schema,
            params,
            pyfunc_output,
            engine: engine.name(),
            graph: None,
            fed: None,
            example: example.flatten().cloned(),
            cost: Arc::new(cost),
            nap,
            lane: OnceLock::new(),
        })
    }

    /// The models of a graph, linked and warmed up together; blocks.
    /// Errors: what does not fit, with the step.
    pub(crate) fn of_graph(graph: Graph, parts: Vec<Arc<Loaded>>) -> Result<Self, GraphError> {
        let linked = GraphModel::new(&graph, &parts).map_err(GraphError::Form)?;
        let (Some(first), Some(main)) = (parts.first(), graph.main()) else {
            return Err(GraphError::Form("a graph without models".into()));
        };
        let last = graph.0.last().map_or(0, |step| step.members.len());
        let answering = parts.get(parts.len().saturating_sub(last));
        let pyfunc_output = match linked.outputs() {
            [only] => Some(only.name.clone()),
            _ if last == 1 => answering.and_then(|model| model.pyfunc_output.clone()),
            _ => None,
        };
        let (schema, example) = (first.schema.clone(), first.example.clone());
        let params = ParamSchema::union(parts.iter().map(|part| &part.params));
        // Its parts sleep; what links them does not.
        let shape = Shape::of(&linked, 0);
        let again: Again = Box::new(|| Err(runtimes::Error::Busy("a graph does not sleep".into())));
        let nap = Arc::new(Napping::new(shape, Some(Arc::new(linked)), again, Arc::default()));
        let model: Arc<dyn Model> = nap.clone();
        let tabular = Tabular::new(Arc::clone(&model), &schema).ok();
        let asleep = parts.iter().any(|part| !part.nap.is_awake());
        let cost = match &example {
            _ if asleep => Cost::unknown(),
            example => warm(model.as_ref(), tabular.as_ref(), example.as_ref()).map_err(GraphError::Run)?,
        };
        Ok(Self {
            version: main.model_version,
            model_name: main.model.clone(),
            number: main.version,
            digest: Some(graph.digest()),
            model,
            tabular,
            schema,
            params,
            pyfunc_output,
            engine: "graph",
            graph: Some((graph, parts)),
            fed: None,
            example,
            cost: Arc::new(cost),
            nap,
            lane: OnceLock::new(),
        })
    }

    /// A model that takes a key instead of what is looked up by it.
    pub(crate) fn fed(fed: Fed) -> Result<Self, runtimes::Error> {
        let schema = fed.schema();
        let fed = Arc::new(fed);
        let inner = Arc::clone(&fed.inner);
        let shape = Shape::of(fed.as_ref(), 0);
        let again: Again =
            Box::new(|| Err(runtimes::Error::Busy("a table of features does not sleep".into())));
        let model: Arc<dyn Model> = fed.clone();
        let nap = Arc::new(Napping::new(shape, None, again, Arc::default()));
        Ok(Self {
            version: inner.version,
            model_name: inner.model_name.clone(),
            number: inner.number,
            digest: inner.digest,
            tabular: Some(Tabular::new(Arc::clone(&model), &schema)?),
            model,
            schema,
            params: inner.params.clone(),
            pyfunc_output: inner.pyfunc_output.clone(),
            engine: inner.engine,
            graph: None,
            fed: Some(fed),
            example: None,
            cost: Arc::clone(&inner.cost),
            nap,
            lane: OnceLock::new(),
        })
    }

    /// What runs: not this one, where it is fed.
    pub(crate) fn running(&self) -> &Loaded {
        self.fed.as_ref().map_or(self, |fed| &fed.inner)
    }

    /// [`Loaded::running`], shared.
    pub(crate) fn inner(self: Arc<Self>) -> Arc<Self> {
        self.fed.as_ref().map_or_else(|| Arc::clone(&self), |fed| Arc::clone(&fed.inner))
    }

    /// What callers send instead of the columns that are looked up by it, and those.
    pub fn looked_up(&self) -> Option<(&str, &[String])> {
        self.fed.as_ref().map(|fed| (fed.key(), fed.looked_up()))
    }

    /// The models that it is made of; itself if it is no graph.
    pub(crate) fn parts(&self) -> Vec<&Loaded> {
        if let Some(fed) = &self.fed {
            return fed.inner.parts();
        }
        match &self.graph {
            Some((_, parts)) => parts.iter().map(Arc::as_ref).collect(),
            None => vec![self],
        }
    }

    /// The version whose training rows are like those that callers send: of a graph the first one that takes them.
    pub(crate) fn checked_version(&self) -> Uid {
        match &self.running().graph {
            Some((graph, _)) => graph.members().next().map_or(self.version, |member| member.model_version),
            None => self.version,
        }
    }

    /// Whether all of it is in memory; that counts as a use.
    pub(crate) fn is_awake(&self) -> bool {
        self.nap.awake().is_some()
            && self.graph.iter().flat_map(|(_, parts)| parts).all(|part| part.is_awake())
    }

    /// What answers to the same input are the same for.
    pub(crate) fn identity(&self) -> String {
        match &self.graph {
            Some((graph, _)) => graph.digest().hex(),
            None => self.version.hex(),
        }
    }

    pub(crate) fn view(&self) -> VariantRuntime {
        let parts = self.parts();
        VariantRuntime {
            engine: self.engine,
            awake: parts.iter().all(|part| part.nap.is_awake()),
            bytes: parts.iter().map(|part| part.nap.bytes()).sum(),
        }
    }

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
    woken: Arc<Notify>,
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
    let schema = (about_model.inputs, about_model.params);
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
        let shape = Shape::of(model.as_ref(), model.memory().unwrap_or(bytes));
        let again = Box::new(move || runtime.load_onnx_with(&onnx, &external));
        let nap = Arc::new(Napping::new(shape, Some(model), again, woken));
        Loaded::new(about, nap, Engine::Onnx, schema, None, Some(example.as_ref()))
    })
    .await
    .map_err(|_| Error::Interrupted)?
}

/// [`load`] by whichever runtime may serve the version. With `lazy` it stays out of memory until the first request, if it was
/// loaded here before.
pub(crate) async fn load_any(
    serving: &Serving,
    engines: &packages::Engines,
    actor: &Actor,
    version: Uid,
    lazy: bool,
) -> Result<Loaded, Error> {
    let (ledger, blobs) = (&serving.0.ledger, &serving.0.blobs);
    let about = models::get_version(ledger, actor, version).await?;
    let files = models::files(ledger, actor, version).await?;
    let bytes = files.iter().map(|f| u64::try_from(f.bytes).unwrap_or(0)).sum();
    let again = again(serving, engines, actor, version);
    let woken = Arc::clone(&serving.0.woken);
    let known = about.digest.filter(|_| lazy).and_then(|digest| Known::read(&engines.folder, digest));
    if let Some(known) = known
        && may_serve(ledger, actor, version, &known.engine).await?
        && let Some(engine) = [Engine::Native, Engine::Onnx, Engine::Python]
            .into_iter()
            .find(|engine| engine.name() == known.engine)
    {
        let nap = Arc::new(Napping::new(known.shape, None, again, woken));
        let schema = (known.schema, known.params);
        return Loaded::new(about, nap, engine, schema, known.pyfunc_output, None);
    }
    let opened = packages::open_version(ledger, blobs, engines, actor, version).await?;
    let folder = engines.folder.clone();
    tokio::task::spawn_blocking(move || {
        let packages::Opened { model, engine, about: said, schema, pyfunc_output, example, .. } = opened;
        let schema = (schema, said.params);
        // What processes hold changes; what is in this one stays what it is.
        let told = model.memory().filter(|_| engine != Engine::Python);
        let shape = Shape::of(model.as_ref(), told.unwrap_or(bytes));
        if let Some(digest) = about.digest {
            Known::new(engine.name(), shape.clone(), schema.clone(), pyfunc_output.clone())
                .keep(&folder, digest);
        }
        let nap = Arc::new(Napping::new(shape, Some(model), again, woken));
        Loaded::new(about, nap, engine, schema, pyfunc_output, Some(example.as_ref()))
    })
    .await
    .map_err(|_| Error::Interrupted)?
}

/// Whether no verdict and no missing permission stands against it.
async fn may_serve(ledger: &Ledger, actor: &Actor, version: Uid, engine: &str) -> Result<bool, Error> {
    if engine == Engine::Python.name() {
        return Ok(actor.may(Permission::RunCode));
    }
    let verdict = packages::latest(ledger, actor, version, packages::Kind::Parity, engine).await?;
    Ok(verdict.is_none_or(|verdict| verdict.passed))
}

/// Opens the version once more; blocks.
fn again(serving: &Serving, engines: &packages::Engines, actor: &Actor, version: Uid) -> Again {
    let (ledger, blobs) = (serving.0.ledger.clone(), serving.0.blobs.clone());
    let (engines, actor, handle) = (engines.clone(), actor.clone(), Handle::current());
    Box::new(move || {
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
    })
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
