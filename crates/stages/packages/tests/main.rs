//! Packages of models in a registry, on both databases.
#![allow(clippy::unwrap_used, reason = "helpers of tests are test code")]

// Under the name that the rest of the house knows it by.
extern crate mlwright_packages as packages;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use blobs::{BlobConfig, Blobs};
use ledger::{Component, Ledger};
use packages::{Engine, Engines, Error, Extras};
use runtimes::{Runtime, RuntimeConfig};
use tracking::artifacts::{self, ArtifactPath};
use types::{Actor, Role, Uid};
use vault::Vault;

const COMPONENTS: [Component; 3] = [tracking::COMPONENT, models::COMPONENT, packages::COMPONENT];

struct House {
    ledger: Ledger,
    blobs: Blobs,
    vault: Vault,
    engines: Engines,
    actor: Actor,
    dir: tempfile::TempDir,
}

impl House {
    async fn new(ledger: Ledger) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().join("blobs"))).await.unwrap();
        let vault = Vault::open(dir.path(), None).unwrap();
        let engines = Engines {
            runtime: Runtime::new(RuntimeConfig::default()),
            // No program: a sandbox that is not there.
            workers: workers::Settings::new(Vec::new(), dir.path().join("workers")),
            environments: dir.path().join("environments"),
            folder: dir.path().join("models"),
            uv: None,
            interpreter: None,
        };
        Self { ledger, blobs, vault, engines, actor: Actor::system("test"), dir }
    }

    async fn version(&self, model: &str, files: &[(&str, &[u8])]) -> Uid {
        let (ledger, actor) = (&self.ledger, &self.actor);
        models::create_model(ledger, actor, model.into(), None, BTreeMap::new()).await.unwrap();
        let folder = format!("models/{}", types::new_id(ledger.clock().now()));
        for (path, bytes) in files {
            let digest = self.blobs.put_bytes(bytes.to_vec()).await.unwrap();
            let path = ArtifactPath::parse(&format!("{folder}/{path}")).unwrap();
            artifacts::put(ledger, actor, path, digest, bytes.len() as i64).await.unwrap();
        }
        let folder = Some(ArtifactPath::parse(&folder).unwrap());
        let request = models::CreateVersion { model: model.into(), folder, ..Default::default() };
        models::create_version(ledger, actor, request).await.unwrap().uid
    }

    async fn write(&self, version: Uid, name: &str) -> Result<PathBuf, Error> {
        let to = self.dir.path().join(name);
        let (ledger, blobs, vault) = (&self.ledger, &self.blobs, &self.vault);
        packages::write(ledger, blobs, vault, &self.engines, &self.actor, version, Extras::default(), &to)
            .await?;
        Ok(to)
    }
}

const MLMODEL: &str = "flavors:\n  onnx:\n    data: model.onnx\n  python_function:\n    loader_module: mlflow.onnx\n\
saved_input_example_info:\n  serving_input_path: serving_input_example.json\n\
signature:\n  inputs: '[{\"type\": \"double\", \"name\": \"a\", \"required\": true}]'\n";
const PICKLE: &str = "flavors:\n  sklearn:\n    pickled_model: model.pkl\n    serialization_format: cloudpickle\n  python_function:\n    loader_module: mlflow.sklearn\n";

fn files() -> [(&'static str, &'static [u8]); 4] {
    [
        ("MLmodel", MLMODEL.as_bytes()),
        ("model.onnx", b"not looked into here"),
        ("serving_input_example.json", br#"{"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}"#),
        ("deep/down/weights.bin", &[7; 100_000]),
    ]
}

ledger::db_test! {
    components: COMPONENTS;

    async fn a_package_is_deterministic_signed_and_unpacks_to_what_was_put_in(ledger: Ledger) {
        let house = House::new(ledger).await;
        let version = house.version("churn", &files()).await;
        let (one, two) = (house.write(version, "one").await.unwrap(), house.write(version, "two").await.unwrap());
        let bytes = types::io::read(&one).unwrap();
        assert_eq!(bytes, types::io::read(&two).unwrap());
        let key = packages::public_key(&house.ledger, &house.vault, &house.actor).await.unwrap();
        let to = house.dir.path().join("unpacked");
        let verified = packages::unpack(&one, Some(&key), &to).unwrap();
        assert_eq!((verified.manifest.engine.as_str(), verified.manifest.model.as_str()), ("onnx", "churn"));
        assert_eq!(verified.manifest.example.as_deref(), Some("model/serving_input_example.json"));
        for (path, content) in files() {
            assert_eq!(types::io::read(to.join("model").join(path)).unwrap(), content, "{path}");
        }
        let other = packages::verify(&one, Some("somebody else")).unwrap_err();
        assert!(matches!(other, Error::OtherSigner { .. }), "{other}");
        altered(house.dir.path(), &bytes);
    }

    async fn executable_models_need_the_permission_to_run_code_and_a_sandbox(ledger: Ledger) {
        let house = House::new(ledger).await;
        let version = house.version("pickled", &[("MLmodel", PICKLE.as_bytes()), ("model.pkl", b"\x80\x05.")]).await;
        let open = |actor: Actor| {
            let (ledger, blobs, engines) = (house.ledger.clone(), house.blobs.clone(), house.engines.clone());
            async move { packages::open_version(&ledger, &blobs, &engines, &actor, version).await.err().unwrap() }
        };
        let editor = Actor { role: Role::Editor, ..house.actor.clone() };
        assert!(matches!(open(editor.clone()).await, Error::Forbidden));
        let judged = packages::judge_parity(&house.ledger, &house.blobs, &house.engines, &editor, version).await;
        assert!(matches!(judged, Err(Error::Forbidden)));
        let none = open(house.actor.clone()).await;
        assert!(none.to_string().contains("no sandbox for executable models"), "{none}");
        assert!(types::Fault::hint(&none).unwrap().contains("allow_unsandboxed"));
    }

    async fn a_runtime_that_failed_its_parity_gate_is_not_used(ledger: Ledger) {
        let house = House::new(ledger).await;
        let version = house.version("churn", &files()).await;
        let folder =
            packages::directory(&house.ledger, &house.blobs, &house.engines, &house.actor, version).await.unwrap();
        let (_, engines) = packages::engines_of(&folder).unwrap();
        assert_eq!(engines, [Engine::Onnx, Engine::Python]);
        let manifest = packages::verify(&house.write(version, "one").await.unwrap(), None).unwrap().manifest;
        let python = packages::Manifest { engine: "python".into(), ..manifest };
        packages::adopt(&house.ledger, &house.actor, version, &python).await.unwrap();
        let again = packages::verify(&house.write(version, "two").await.unwrap(), None).unwrap().manifest;
        assert_eq!(again.engine, "python");
        let verdicts = packages::verdicts(&house.ledger, &house.actor, version).await.unwrap();
        assert!(verdicts.iter().all(|v| !v.passed) && verdicts.len() == 2, "{verdicts:?}");
        let graph = house
            .ledger
            .lineage(house.actor.workspace, "model_version", &version.hex(), ledger::Direction::Effects, 1)
            .await
            .unwrap();
        assert_eq!(graph.nodes.iter().filter(|n| n.kind == "model_verdict").count(), 2);
    }

    async fn a_verdict_is_about_the_files_and_holds_for_whoever_registers_them_again(ledger: Ledger) {
        let house = House::new(ledger).await;
        let first = house.version("churn", &files()).await;
        let manifest = packages::verify(&house.write(first, "one").await.unwrap(), None).unwrap().manifest;
        let python = packages::Manifest { engine: "python".into(), ..manifest };
        packages::adopt(&house.ledger, &house.actor, first, &python).await.unwrap();
        let again = house.version("churn again", &files()).await;
        let other = house.version("other", &[("MLmodel", MLMODEL.as_bytes()), ("model.onnx", b"other")]).await;
        let standing = |version| packages::standing(&house.ledger, &house.blobs, &house.engines, &house.actor, version);
        let (same, another) = (standing(again).await.unwrap(), standing(other).await.unwrap());
        assert_eq!((same.allowed.as_slice(), same.unjudged.as_slice()), (&[Engine::Python][..], &[][..]));
        assert_eq!(another.unjudged, [Engine::Onnx]);
        assert_eq!(another.tried, None);
        let refused = packages::refused(&house.ledger).await.unwrap();
        let digest = models::get_version(&house.ledger, &house.actor, again).await.unwrap().digest;
        let of_other = models::get_version(&house.ledger, &house.actor, other).await.unwrap().digest;
        assert_eq!(refused.len(), 2, "native and onnx");
        assert!(refused.iter().all(|(_, r)| r.is_of(again, digest) && !r.is_of(other, of_other)));
    }

    async fn what_is_required_and_cannot_be_judged_is_refused_with_the_way_out(ledger: Ledger) {
        let house = House::new(ledger).await;
        let version = house.version("churn", &files()).await;
        let (ledger, blobs, engines) = (&house.ledger, &house.blobs, &house.engines);
        let error = packages::require_parity(ledger, blobs, engines, &house.actor, version).await.unwrap_err();
        assert!(error.to_string().starts_with("model version \"churn/1\" may not be deployed: its onnx runtime"), "{error}");
        assert!(types::Fault::hint(&error).unwrap().contains("serving.parity = \"recorded\""));
        let alone = house.version("alone", &[("model.onnx", b"no Python")]).await;
        packages::require_parity(ledger, blobs, engines, &house.actor, alone).await.unwrap();
        let trials = packages::Trials {
            vault: house.vault.clone(),
            program: "/bin/false".into(),
            config: None,
            patience: std::time::Duration::from_secs(10),
        };
        let failed =
            packages::require_trial(ledger, blobs, engines, &trials, &house.actor, alone).await.unwrap_err();
        assert!(failed.to_string().contains("failed its trial"), "{failed}");
        let kept = packages::latest(ledger, &house.actor, alone, packages::Kind::Infrastructure, "onnx").await.unwrap();
        assert!(!kept.unwrap().passed);
        assert_eq!(std::fs::read_dir(engines.folder.join("packages")).unwrap().count(), 0, "no package is left behind");
    }
}

/// No altered package passes.
fn altered(dir: &Path, bytes: &[u8]) {
    let path = dir.join("altered");
    let mut places: Vec<usize> = (0..bytes.len()).step_by(bytes.len() / 97 + 1).collect();
    // The paddings of a tar file say nothing.
    places.retain(|at| bytes[*at] != 0);
    for at in places {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1;
        types::io::write(&path, &changed).unwrap();
        assert!(packages::verify(&path, None).is_err(), "byte {at} was changed");
    }
    for length in [0, 1, 511, 512, 2000, bytes.len() / 2] {
        types::io::write(&path, &bytes[..length]).unwrap();
        assert!(packages::verify(&path, None).is_err(), "cut to {length}");
    }
}
