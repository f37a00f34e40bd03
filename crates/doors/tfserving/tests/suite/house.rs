use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::Router;
use axum::body::Body;
use blobs::{BlobConfig, Blobs};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use ledger::{Component, Ledger};
use mlwright_door_tfserving as door;
use predictions::{Log, LogConfig};
use runtimes::{Runtime, RuntimeConfig};
use serving::{Deploy, NewVariant, Serving, ServingConfig};
use tower::ServiceExt;
use tracking::artifacts::{self, ArtifactPath};
use types::{Actor, Role};

pub const COMPONENTS: [Component; 4] =
    [tracking::COMPONENT, models::COMPONENT, predictions::COMPONENT, serving::COMPONENT];

/// What `mlflow.onnx` writes for the breast cancer model.
const MLMODEL: &str = r#"flavors:
  onnx: {data: model.onnx}
signature:
  inputs: '[{"type": "double", "name": "mean radius", "required": true}, {"type": "double", "name": "mean texture", "required": true}, {"type": "double", "name": "mean perimeter", "required": true}, {"type": "double", "name": "mean area", "required": true}, {"type": "double", "name": "mean smoothness", "required": true}, {"type": "double", "name": "mean compactness", "required": true}, {"type": "double", "name": "mean concavity", "required": true}, {"type": "double", "name": "mean concave points", "required": true}]'
"#;

pub struct House {
    pub router: Router,
    pub actor: Actor,
    _dir: tempfile::TempDir,
}

pub struct Answered {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answered {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl House {
    /// With the endpoint `cancer`. `None`, loudly, where there is no ONNX Runtime; a failure in CI.
    #[expect(clippy::print_stderr, reason = "this is the test harness")]
    pub async fn new(ledger: Ledger) -> Option<Self> {
        if std::env::var_os("MLWRIGHT_ONNXRUNTIME").is_none() {
            assert!(std::env::var_os("CI").is_none(), "MLWRIGHT_ONNXRUNTIME is not set, and CI may not skip");
            eprintln!("SKIPPED: set MLWRIGHT_ONNXRUNTIME to a libonnxruntime");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let actor = Actor::system("test");
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().join("blobs"))).await.unwrap();
        let config = LogConfig { dir: dir.path().join("predictions"), ..LogConfig::default() };
        let log = Log::open(config, &ledger, &blobs).await.unwrap();
        let runtime = Runtime::new(RuntimeConfig { sessions: 1, ..RuntimeConfig::default() });
        let serving = Serving::start(ServingConfig::default(), &ledger, &blobs, runtime, log).await.unwrap();
        let onnx =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../conformance/models/cancer_logreg.onnx");
        let files =
            [("MLmodel", MLMODEL.as_bytes().to_vec()), ("model.onnx", types::io::read(onnx).unwrap())];
        for (name, bytes) in files {
            let size = bytes.len() as i64;
            let digest = blobs.put_bytes(bytes).await.unwrap();
            let path = ArtifactPath::parse(&format!("m/{name}")).unwrap();
            artifacts::put(&ledger, &actor, path, digest, size).await.unwrap();
        }
        models::create_model(&ledger, &actor, "cancer".into(), None, BTreeMap::new()).await.unwrap();
        let folder = Some(ArtifactPath::parse("m").unwrap());
        let version = models::CreateVersion { model: "cancer".into(), folder, ..Default::default() };
        let version = models::create_version(&ledger, &actor, version).await.unwrap();
        let variant = NewVariant::new(version.uid, 1.0);
        let deploy = Deploy { endpoint: "cancer".into(), variants: vec![variant], causes: Vec::new() };
        serving.deploy(&actor, deploy).await.unwrap();
        let router = door::routes(door::State { serving }).router;
        Some(Self { router, actor, _dir: dir })
    }

    pub fn as_viewer(&self) -> Self {
        let actor = Actor { role: Role::Viewer, ..self.actor.clone() };
        Self { router: self.router.clone(), actor, _dir: tempfile::tempdir().unwrap() }
    }

    pub async fn send(&self, mut request: Request<Body>) -> Answered {
        request.extensions_mut().insert(self.actor.clone());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answered { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answered {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answered {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }
}
