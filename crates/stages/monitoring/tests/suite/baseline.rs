//! A baseline that is a pipeline's output, made by real pipeline runs.

use std::collections::BTreeMap;
use std::time::Duration;

use mlwright_monitoring as monitoring;
use models::CreateVersion;
use monitoring::{BaselineRef, MonitorSpec};
use pipelines::{Config, Engine, RunState, Submit};
use serde_json::json;
use tasks::{OnError, OnStop, Supervisor, TaskKind};
use types::{Digest, Uid};

use crate::house::{House, rows, spec, table};

/// Runs the pipeline on training rows with this seed, and registers a version from its tracking run.
async fn train(house: &House, seed: u64, shifted: usize) -> (Uid, Digest) {
    let code = tempfile::tempdir().unwrap();
    let data = table(&rows(2_000, seed, shifted)).to_parquet().unwrap();
    types::io::write(code.path().join("data.parquet"), data).unwrap();
    let code = pipelines::snapshot_code(&house.blobs, code.path(), &[]).await.unwrap();
    let request = Submit {
        pipeline: "train".into(),
        params: BTreeMap::new(),
        dataset_version: None,
        code,
        trigger: json!({ "by": "test" }),
        use_cache: true,
        executor: None,
    };
    let run = pipelines::submit(&house.ledger, &house.blobs, &house.actor, request).await.unwrap().uid;
    for _ in 0..600 {
        let found = pipelines::get_run(&house.ledger, &house.actor, run).await.unwrap();
        if found.state.is_final() {
            assert_eq!(found.state, RunState::Succeeded, "{:?}", found.message);
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let steps = pipelines::steps(&house.ledger, &house.actor, run).await.unwrap();
    let step = |name: &str| steps.iter().find(|s| s.name == name).unwrap();
    let request = CreateVersion {
        model: "m".into(),
        run: Some(step("fit").tracking_run.unwrap().hex()),
        ..Default::default()
    };
    let version = models::create_version(&house.ledger, &house.actor, request).await.unwrap().uid;
    (version, step("split").outputs[0].digest)
}

ledger::db_test! {
    components: [datasets::COMPONENT, tracking::COMPONENT, models::COMPONENT, pipelines::COMPONENT, serving::COMPONENT,
        predictions::COMPONENT, monitoring::COMPONENT];

    async fn a_window_is_compared_with_what_the_serving_version_learned_from(ledger: ledger::Ledger) {
        let mut house = House::new(ledger).await;
        let program = std::env::current_exe().unwrap().into_os_string();
        let shim = vec![program, "--exact".into(), "shim_entry".into(), "--nocapture".into()];
        let config = Config::new(house.dir.path().join("data"), shim, "http://127.0.0.1:1".into());
        let engine = Engine::new(house.ledger.clone(), house.blobs.clone(), config).unwrap();
        let supervisor = Supervisor::new();
        let token = supervisor.token();
        let kind = TaskKind { name: "engine", on_error: OnError::Log, on_stop: OnStop::Abort };
        supervisor.spawn(kind, async move { engine.run(token).await });
        let steps = json!([
            { "name": "split", "run": "cp data.parquet $MLWRIGHT_OUTPUTS/train.parquet", "outputs": ["train.parquet"] },
            { "name": "fit", "needs": ["split"], "run": "true", "experiment": "e" },
        ]);
        let pipeline = serde_json::from_value(json!({ "name": "train", "steps": steps })).unwrap();
        pipelines::define(&house.ledger, &house.actor, pipeline).await.unwrap();
        models::create_model(&house.ledger, &house.actor, "m".into(), None, BTreeMap::new()).await.unwrap();

        let output = BaselineRef::Output {
            pipeline: "train".into(),
            step: "split".into(),
            output: "train.parquet".into(),
        };
        let wanted = MonitorSpec { baseline: output, ..spec(Digest::of("")) };
        monitoring::define(&house.ledger, &house.actor, wanted).await.unwrap();
        let (first, first_data) = train(&house, 1, 0).await;
        let (second, second_data) = train(&house, 2, 5).await;
        assert_ne!(first_data, second_data);

        // The newest run is the second, but the first version answers: shifted rows are drift.
        house.model_version = first;
        house.predict(rows(500, 3, 5)).await;
        assert_eq!(house.judge().await, 1);
        // After the swap to the version that learned from shifted rows they are none.
        (house.model_version, house.revision) = (second, types::new_id(house.ledger.clock().now()));
        house.predict(rows(500, 4, 5)).await;
        assert_eq!(house.judge().await, 1);
        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        let found: Vec<_> = monitor.windows.iter().map(|w| (w.baseline, w.model_version, w.drifted)).collect();
        assert_eq!(found, [(second_data, second, false), (first_data, first, true)]);
        supervisor.shutdown(Duration::from_secs(5)).await;
    }
}
