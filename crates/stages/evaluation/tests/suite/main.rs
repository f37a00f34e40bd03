//! Judging real models on real rows; expected numbers are scikit-learn's.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test may fail by panicking")]

mod assess;
mod domain;

use std::collections::BTreeMap;
use std::path::PathBuf;

use blobs::{BlobConfig, Blobs};
use evaluation::{Bound, Champion, Error, Evaluation, Outcome, Request, Verdict, evaluate};
use ledger::{Direction, Ledger};
use mlwright_evaluation as evaluation;
use models::CreateVersion;
use runtimes::{Runtime, RuntimeConfig};
use tracking::artifacts::{self, ArtifactPath};
use types::{Actor, Digest, Fault, Uid};

struct Bench {
    ledger: Ledger,
    blobs: Blobs,
    runtime: Runtime,
    actor: Actor,
    data: Digest,
    _dir: tempfile::TempDir,
}

fn shared(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../conformance").join(path)
}

fn expected() -> serde_json::Value {
    serde_json::from_slice(&types::io::read(shared("vectors/evaluation/cancer.json")).unwrap()).unwrap()
}

impl Bench {
    /// `None`, loudly, where there is no ONNX Runtime; a failure in CI.
    async fn new(ledger: Ledger) -> Option<Self> {
        if std::env::var_os("MLWRIGHT_ONNXRUNTIME").is_none() {
            assert!(std::env::var_os("CI").is_none(), "MLWRIGHT_ONNXRUNTIME is not set, and CI may not skip");
            eprintln!("SKIPPED: set MLWRIGHT_ONNXRUNTIME to a libonnxruntime");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().into())).await.unwrap();
        let table = columns::read_file(shared("vectors/evaluation/cancer.csv"), None).unwrap();
        let data = blobs.put_bytes(table.to_parquet().unwrap()).await.unwrap();
        let actor = Actor::local();
        models::create_model(&ledger, &actor, "cancer".into(), None, BTreeMap::new()).await.unwrap();
        let runtime = Runtime::new(RuntimeConfig { sessions: 1, ..Default::default() });
        Some(Self { ledger, blobs, runtime, actor, data, _dir: dir })
    }

    /// A version as `mlflow.onnx.log_model` leaves it.
    async fn version(&self, file: &str) -> Uid {
        let columns = expected_columns();
        let inputs: Vec<serde_json::Value> = columns
            .iter()
            .map(|c| serde_json::json!({ "type": "float", "name": c, "required": true }))
            .collect();
        let mlmodel = format!(
            "flavors:\n  onnx:\n    data: model.onnx\nsignature:\n  inputs: '{}'\n  outputs: '[]'\n",
            serde_json::to_string(&inputs).unwrap()
        );
        let onnx = types::io::read(shared("models").join(file)).unwrap();
        for (name, bytes) in [("MLmodel", mlmodel.into_bytes()), ("model.onnx", onnx)] {
            let size = bytes.len() as i64;
            let digest = self.blobs.put_bytes(bytes).await.unwrap();
            let path = ArtifactPath::parse(&format!("{file}/{name}")).unwrap();
            artifacts::put(&self.ledger, &self.actor, path, digest, size).await.unwrap();
        }
        let request = CreateVersion {
            model: "cancer".into(),
            folder: Some(ArtifactPath::parse(file).unwrap()),
            ..Default::default()
        };
        models::create_version(&self.ledger, &self.actor, request).await.unwrap().uid
    }

    fn request(&self, version: Uid) -> Request {
        Request { output: Some("probabilities".into()), ..Request::new(version, self.data, "benign") }
    }

    async fn evaluate(&self, request: Request) -> Result<Evaluation, Error> {
        evaluate(&self.ledger, &self.blobs, &self.runtime, &self.actor, request).await
    }
}

fn expected_columns() -> Vec<String> {
    let file = types::io::read(shared("models/cancer_logreg.expected.json")).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&file).unwrap();
    serde_json::from_value(value["columns"].clone()).unwrap()
}

fn agrees(found: &BTreeMap<String, f64>, expected: &serde_json::Value) {
    for (name, value) in expected.as_object().unwrap() {
        let difference = (found[name] - value.as_f64().unwrap()).abs();
        assert!(difference < 1e-6, "{name}: {} is not {value}", found[name]);
    }
}

fn at_least(min: f64) -> Bound {
    Bound { min: Some(min), max: None }
}

ledger::db_test! {
    components: [tracking::COMPONENT, models::COMPONENT, evaluation::COMPONENT];

    async fn metrics_and_slices_are_those_of_scikit_learn_and_the_answer_is_kept(ledger: ledger::Ledger) {
        let Some(bench) = Bench::new(ledger).await else { return };
        let version = bench.version("cancer_logreg.onnx").await;
        let mut request = bench.request(version);
        request.slices = vec!["large".into()];
        request.metrics.insert("roc_auc".into(), at_least(0.9));
        request.slice_metrics.insert("accuracy".into(), at_least(0.5));
        let found = bench.evaluate(request).await.unwrap();

        let expected = &expected()["cancer_logreg"];
        assert_eq!(found.n, expected["n"].as_u64().unwrap());
        agrees(&found.metrics, &expected["metrics"]);
        for slice in &found.slices {
            let expected = &expected[format!("large = {}", slice.value)];
            assert_eq!(slice.n, expected["n"].as_u64().unwrap());
            agrees(&slice.metrics, &expected["metrics"]);
        }
        assert_eq!(found.verdict, Verdict::Blessed);
        assert!(found.failures().is_empty());
        let again = evaluation::get(&bench.ledger, &bench.actor, found.uid).await.unwrap();
        assert_eq!(again, found);
        let listed = evaluation::evaluations_of(&bench.ledger, &bench.actor, version).await.unwrap();
        assert_eq!(listed, std::slice::from_ref(&found));
        let page = evaluation::report(&bench.blobs, &found).await.unwrap();
        assert!(page.starts_with("# cancer version 1: blessed"), "{page}");
        assert!(page.contains("| large = 1 | "), "{page}");

        let key = found.uid.hex();
        let graph = bench.ledger.lineage(bench.actor.workspace, "evaluation", &key, Direction::Causes, 1).await;
        let kinds: Vec<_> = graph.unwrap().nodes.into_iter().map(|n| n.kind).collect();
        assert!(kinds.contains(&"model_version".to_owned()) && kinds.contains(&"artifact".to_owned()), "{kinds:?}");
    }

    async fn a_missed_threshold_refuses_and_says_what_was_observed(ledger: ledger::Ledger) {
        let Some(bench) = Bench::new(ledger).await else { return };
        let version = bench.version("cancer_logreg.onnx").await;
        let mut request = bench.request(version);
        request.metrics.insert("log_loss".into(), Bound { min: None, max: Some(0.01) });
        let found = bench.evaluate(request).await.unwrap();
        assert_eq!(found.verdict, Verdict::Refused);
        let [failure] = found.failures()[..] else { unreachable!("{:?}", found.checks) };
        assert!(failure.starts_with("log_loss = 0."), "{failure}");
        assert!(failure.ends_with("(n = 569) should be at most 0.01"), "{failure}");
    }

    async fn the_champion_is_measured_on_the_same_rows(ledger: ledger::Ledger) {
        let Some(bench) = Bench::new(ledger).await else { return };
        let champion = bench.version("cancer_logreg.onnx").await;
        let version = bench.version("cancer_logreg_2.onnx").await;
        let wish = |max_drop| Champion { model_version: champion, metric: "roc_auc".into(), max_drop };
        let expected = expected();
        let auc = |name: &str| expected[name]["metrics"]["roc_auc"].as_f64().unwrap();
        let drop = auc("cancer_logreg") - auc("cancer_logreg_2");

        let generous = Request { champion: Some(wish(drop + 0.001)), ..bench.request(version) };
        let found = bench.evaluate(generous).await.unwrap();
        agrees(&found.champion.as_ref().unwrap().metrics, &expected["cancer_logreg"]["metrics"]);
        assert_eq!(found.verdict, Verdict::Blessed);
        let strict = Request { champion: Some(wish(drop - 0.0001)), ..bench.request(version) };
        let found = bench.evaluate(strict).await.unwrap();
        assert_eq!(found.verdict, Verdict::Refused, "{:?}", found.checks);
        // The champion has nobody to fall behind.
        let itself = Request { champion: Some(wish(0.0)), ..bench.request(champion) };
        assert!(bench.evaluate(itself).await.unwrap().champion.is_none());
    }

    async fn a_slice_that_is_too_small_is_shown_and_not_judged(ledger: ledger::Ledger) {
        let Some(bench) = Bench::new(ledger).await else { return };
        let version = bench.version("cancer_logreg.onnx").await;
        let mut request = bench.request(version);
        request.slices = vec!["large".into()];
        request.slice_metrics.insert("roc_auc".into(), at_least(1.0));
        request.min_slice_rows = 10_000;
        let found = bench.evaluate(request).await.unwrap();
        assert!(found.checks.iter().all(|c| c.outcome == Outcome::NotComputable));
        assert_eq!(found.checks.len(), 2);
        assert_eq!(found.verdict, Verdict::Blessed);
        assert!(found.slices.iter().all(|s| !s.judged && s.metrics.contains_key("roc_auc")));
    }

    async fn questions_that_cannot_be_answered_are_errors_with_a_hint(ledger: ledger::Ledger) {
        let Some(bench) = Bench::new(ledger).await else { return };
        let version = bench.version("cancer_logreg.onnx").await;
        let mut request = bench.request(version);
        request.metrics.insert("rmse".into(), at_least(0.0));
        let error = bench.evaluate(request).await.unwrap_err();
        assert_eq!(error.to_string(), "metric `rmse` is not known for a binary model");
        assert!(error.hint().unwrap().contains("roc_auc"));

        let no_label = Request { label: "benig".into(), ..bench.request(version) };
        let error = bench.evaluate(no_label).await.unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean `benign`?");
        let nobody = bench.request(Uid::from_u128(1));
        assert!(bench.evaluate(nobody).await.is_err());
    }
}
