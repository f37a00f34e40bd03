use std::collections::BTreeMap;
use std::path::PathBuf;

use blobs::{BlobConfig, Blobs};
use ledger::{Component, Ledger};
use mlwright_serving as serving;
use predictions::{Log, LogConfig};
use runtimes::{Runtime, RuntimeConfig, Tensor, TensorData};
use serving::{Answer, Deploy, Error, Input, NewVariant, Request, Select, Serving, ServingConfig};
use tracking::artifacts::{self, ArtifactPath};
use types::{Actor, Uid};

pub const COMPONENTS: [Component; 4] =
    [tracking::COMPONENT, models::COMPONENT, predictions::COMPONENT, serving::COMPONENT];

pub struct House {
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub log: Log,
    pub serving: Serving,
    pub actor: Actor,
    _dir: tempfile::TempDir,
}

impl House {
    /// `None`, loudly, where there is no ONNX Runtime; a failure in CI.
    #[expect(clippy::print_stderr, reason = "this is the test harness")]
    pub async fn new(ledger: Ledger) -> Option<Self> {
        if std::env::var_os("MLWRIGHT_ONNXRUNTIME").is_none() {
            assert!(std::env::var_os("CI").is_none(), "MLWRIGHT_ONNXRUNTIME is not set, and CI may not skip");
            eprintln!("SKIPPED: set MLWRIGHT_ONNXRUNTIME to a libonnxruntime");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().join("blobs"))).await.unwrap();
        let config = LogConfig { dir: dir.path().join("predictions"), ..LogConfig::default() };
        let log = Log::open(config, &ledger, &blobs).await.unwrap();
        let serving = start(&ledger, &blobs, &log).await;
        Some(Self { ledger, blobs, log, serving, actor: Actor::system("test"), _dir: dir })
    }

    /// A model version whose only file is this ONNX model.
    pub async fn version(&self, model: &str, onnx: &str) -> Uid {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../conformance/models").join(onnx);
        self.version_of(model, types::io::read(file).unwrap()).await
    }

    /// With an `MLmodel` file that declares these params beside the ONNX model.
    pub async fn version_with_params(&self, model: &str, onnx: &str, params: &str) -> Uid {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../conformance/models").join(onnx);
        let about = format!("flavors:\n  onnx:\n    data: model.onnx\nsignature:\n  params: '{params}'\n");
        let files = vec![("model.onnx", types::io::read(file).unwrap()), ("MLmodel", about.into_bytes())];
        self.version_of_files(model, files).await
    }

    pub async fn version_of(&self, model: &str, bytes: Vec<u8>) -> Uid {
        self.version_of_files(model, vec![("model.onnx", bytes)]).await
    }

    async fn version_of_files(&self, model: &str, files: Vec<(&str, Vec<u8>)>) -> Uid {
        let (ledger, actor) = (&self.ledger, &self.actor);
        if models::list(ledger, actor).await.unwrap().iter().all(|m| m.name != model) {
            models::create_model(ledger, actor, model.into(), None, BTreeMap::new()).await.unwrap();
        }
        let folder = ArtifactPath::parse(&format!("models/{}", types::new_id(ledger.clock().now()))).unwrap();
        for (name, bytes) in files {
            let file = ArtifactPath::parse(&format!("{}/{name}", folder.as_str())).unwrap();
            let size = bytes.len() as i64;
            let digest = self.blobs.put_bytes(bytes).await.unwrap();
            artifacts::put(ledger, actor, file, digest, size).await.unwrap();
        }
        let request =
            models::CreateVersion { model: model.into(), folder: Some(folder), ..Default::default() };
        models::create_version(ledger, actor, request).await.unwrap().uid
    }

    pub async fn deploy(&self, endpoint: &str, variants: &[(Uid, f64)]) -> Result<serving::Revision, Error> {
        let variants =
            variants.iter().map(|(model_version, weight)| NewVariant::new(*model_version, *weight)).collect();
        let deploy = Deploy { endpoint: endpoint.into(), variants, causes: Vec::new() };
        self.serving.deploy(&self.actor, deploy).await
    }

    pub async fn ask(&self, endpoint: &str) -> Result<Answer, Error> {
        self.ask_with(endpoint, None, None, rows(1)).await
    }

    pub async fn ask_with(
        &self,
        endpoint: &str,
        version: Option<&str>,
        routing_key: Option<&str>,
        tensor: Tensor,
    ) -> Result<Answer, Error> {
        let input = Input::Tensors(vec![tensor]);
        let select = Select::version(version);
        let request =
            Request { endpoint, select, routing_key, input, params: None, outputs: &[], deadline: None };
        self.serving.infer(&self.actor, request).await
    }
}

pub async fn start(ledger: &Ledger, blobs: &Blobs, log: &Log) -> Serving {
    let runtime = Runtime::new(RuntimeConfig { sessions: 2, ..RuntimeConfig::default() });
    Serving::start(ServingConfig::default(), ledger, blobs, runtime, log.clone()).await.unwrap()
}

pub fn rows(n: usize) -> Tensor {
    Tensor::new("X", [n as i64, 8], TensorData::F32(vec![0.5; n * 8]))
}
