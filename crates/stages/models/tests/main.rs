//! What the stage promises, on both databases.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

// Under the name that the rest of the house knows it by.
extern crate mlwright_models as models;

use std::collections::BTreeMap;

use blobs::{BlobConfig, Blobs};
use ledger::{Direction, Ledger};
use models::{CreateVersion, Error, ModelQuery};
use serde_json::json;
use tracking::artifacts::{self, ArtifactPath};
use tracking::{CreateRun, ExperimentRef};
use types::{Actor, DataType, Uid};

fn me() -> Actor {
    Actor::local()
}

async fn with_model(ledger: &Ledger, name: &str) {
    models::create_model(ledger, &me(), name.into(), None, BTreeMap::new()).await.unwrap();
}

async fn add(ledger: &Ledger, model: &str, folder: Option<&str>, run: Option<Uid>) -> models::ModelVersion {
    let request = CreateVersion {
        model: model.into(),
        source: "somewhere".into(),
        location: "somewhere".into(),
        folder: folder.map(|f| ArtifactPath::parse(f).unwrap()),
        run: run.map(|r| r.hex()),
        ..Default::default()
    };
    models::create_version(ledger, &me(), request).await.unwrap()
}

async fn alias_events(ledger: &Ledger) -> Vec<serde_json::Value> {
    let events = ledger::testing::events(ledger).await;
    let moves = events.into_iter().filter(|e| e.kind == "model.alias_moved");
    moves.map(|e| json!([e.payload["from"], e.payload["to"]])).collect()
}

ledger::db_test! {
    components: [tracking::COMPONENT, models::COMPONENT];

    async fn version_numbers_are_never_given_again(ledger: ledger::Ledger) {
        with_model(&ledger, "m").await;
        assert_eq!(add(&ledger, "m", None, None).await.number, 1);
        assert_eq!(add(&ledger, "m", None, None).await.number, 2);
        models::delete_version(&ledger, &me(), "m".into(), 2).await.unwrap();
        assert_eq!(add(&ledger, "m", None, None).await.number, 3);
        let gone = models::version(&ledger, &me(), "m".into(), 2).await;
        assert!(matches!(gone, Err(Error::VersionNotFound { .. })));
    }

    async fn concurrent_versions_get_distinct_numbers(ledger: ledger::Ledger) {
        with_model(&ledger, "m").await;
        let all = futures::future::join_all((0..12).map(|_| add(&ledger, "m", None, None))).await;
        let mut numbers: Vec<_> = all.iter().map(|v| v.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    }

    async fn alias_move_is_atomic_under_concurrent_promotion(ledger: ledger::Ledger) {
        with_model(&ledger, "m").await;
        for _ in 0..8 {
            add(&ledger, "m", None, None).await;
        }
        let me = me();
        let moves = (1..=8).map(|n| models::set_alias(&ledger, &me, "m".into(), "champion".into(), n));
        for moved in futures::future::join_all(moves).await {
            moved.unwrap();
        }
        let events = alias_events(&ledger).await;
        assert_eq!(events.len(), 8);
        // Each move starts where the one before ended: nobody moved it from under somebody else.
        assert_eq!(events[0][0], json!(null));
        for pair in events.windows(2) {
            assert_eq!(pair[0][1], pair[1][0], "{events:?}");
        }
        let now = models::version_by_alias(&ledger, &me, "m".into(), "champion".into()).await.unwrap().unwrap();
        assert_eq!(json!(now.number), events[7][1]);
        assert_eq!(now.aliases, ["champion"]);
    }

    async fn an_alias_that_stays_leaves_no_event_and_goes_with_its_version(ledger: ledger::Ledger) {
        with_model(&ledger, "m").await;
        add(&ledger, "m", None, None).await;
        for _ in 0..2 {
            models::set_alias(&ledger, &me(), "m".into(), "a".into(), 1).await.unwrap();
        }
        models::delete_version(&ledger, &me(), "m".into(), 1).await.unwrap();
        assert_eq!(alias_events(&ledger).await, [json!([null, 1]), json!([1, null])]);
        assert!(models::version_by_alias(&ledger, &me(), "m".into(), "a".into()).await.unwrap().is_none());
    }

    async fn a_version_pins_its_files_and_leads_to_its_run(ledger: ledger::Ledger) {
        let home = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(home.path().into())).await.unwrap();
        let run = CreateRun::in_experiment(ExperimentRef::Number(0));
        let run = tracking::create_run(&ledger, &me(), run).await.unwrap();
        let folder = format!("{}/model", run.folder());
        let mlmodel = "flavors:\n  onnx:\n    data: model.onnx\n  python_function: {}\nsignature:\n  inputs: '[{\"type\": \"double\", \"name\": \"age\", \"required\": true}]'\n";
        for (name, bytes) in [("MLmodel", mlmodel), ("model.onnx", "graph")] {
            let digest = blobs.put_bytes(bytes.as_bytes().to_vec()).await.unwrap();
            let path = ArtifactPath::parse(&format!("{folder}/{name}")).unwrap();
            artifacts::put(&ledger, &me(), path, digest, bytes.len() as i64).await.unwrap();
        }
        with_model(&ledger, "m").await;
        let version = add(&ledger, "m", Some(&folder), Some(run.uid)).await;
        let later = blobs.put_bytes(b"other".to_vec()).await.unwrap();
        let path = ArtifactPath::parse(&format!("{folder}/model.onnx")).unwrap();
        artifacts::put(&ledger, &me(), path, later, 5).await.unwrap();

        let spec = models::load_spec(&ledger, &blobs, &me(), version.uid).await.unwrap();
        assert_eq!(spec.flavors, ["onnx", "python_function"]);
        assert_eq!(blobs.get_bytes(&spec.onnx.unwrap().digest).await.unwrap(), "graph".as_bytes());
        assert_eq!(spec.signature.unwrap().inputs.fields[0].data_type, DataType::Float);
        let files = models::files(&ledger, &me(), version.uid).await.unwrap();
        assert_eq!(version.digest, Some(models::manifest_digest(&files)));
        assert_eq!(models::versions_of_run(&ledger, &me(), run.uid).await.unwrap().len(), 1);
        let why = ledger
            .lineage(me().workspace, "model_version", &version.uid.hex(), Direction::Causes, 3)
            .await
            .unwrap();
        assert!(why.nodes.iter().any(|n| n.kind == "run" && n.key == run.uid.hex()), "{why:?}");
    }

    async fn a_deleted_name_is_free_and_its_versions_can_be_explained(ledger: ledger::Ledger) {
        with_model(&ledger, "m").await;
        let version = add(&ledger, "m", None, None).await;
        assert!(matches!(
            models::create_model(&ledger, &me(), "m".into(), None, BTreeMap::new()).await,
            Err(Error::ModelExists { .. })
        ));
        models::delete_model(&ledger, &me(), "m".into()).await.unwrap();
        with_model(&ledger, "m").await;
        assert_eq!(add(&ledger, "m", None, None).await.number, 1);
        assert!(models::get_version(&ledger, &me(), version.uid).await.unwrap().deleted);
    }

    async fn stages_move_and_archive_the_others(ledger: ledger::Ledger) {
        with_model(&ledger, "m").await;
        for _ in 0..2 {
            add(&ledger, "m", None, None).await;
        }
        models::set_stage(&ledger, &me(), "m".into(), 1, "Production", None).await.unwrap();
        models::set_stage(&ledger, &me(), "m".into(), 2, "Production", Some("Archived")).await.unwrap();
        let latest = models::model(&ledger, &me(), "m".into()).await.unwrap().latest;
        let stages: Vec<_> = latest.iter().map(|v| (v.number, v.stage.as_str())).collect();
        assert_eq!(stages, [(1, "Archived"), (2, "Production")]);
    }

    async fn models_with_a_tag_can_be_left_out(ledger: ledger::Ledger) {
        with_model(&ledger, "plain").await;
        let tags = [("kind".to_owned(), "prompt".to_owned())].into();
        models::create_model(&ledger, &me(), "tagged".into(), None, tags).await.unwrap();
        let query = ModelQuery {
            without_tag: Some(("kind".into(), "prompt".into())),
            limit: 10,
            ..Default::default()
        };
        let found = models::search_models(&ledger, &me(), query).await.unwrap().items;
        assert_eq!(found.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["plain"]);
    }
}
