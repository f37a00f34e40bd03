use ledger::Direction;
use mlwright_pipelines::{self as pipelines, Error, RunState, StepState};
use serde_json::{Value, json};
use types::Fault as _;

use crate::house::{COMPONENTS, House, wait_for};

ledger::db_test! { components: COMPONENTS;

async fn outputs_of_a_step_are_inputs_of_the_next_and_the_graph_says_so(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    house.define(json!({ "name": "p", "params": { "seed": 7, "who": "you" }, "steps": [
        { "name": "make", "run": "mkdir -p $MLWRIGHT_OUTPUTS/many && cp greeting $MLWRIGHT_OUTPUTS/a.txt \
            && echo $MLWRIGHT_PARAM_SEED $MLWRIGHT_PARAM_WHO > $MLWRIGHT_OUTPUTS/many/b.txt && echo made",
          "outputs": ["a.txt", "many"] },
        { "name": "use", "needs": ["make"], "outputs": ["c.txt"],
          "run": "python3 use.py" },
    ] })).await;
    let code = house.code(&[("greeting", "hello\n"), ("use.py", "
import json, os
i = os.environ['MLWRIGHT_INPUTS']; o = os.environ['MLWRIGHT_OUTPUTS']
params = json.load(open(os.environ['MLWRIGHT_PARAMS']))
text = open(f'{i}/make/a.txt').read() + open(f'{i}/make/many/b.txt').read() + str(params['seed'] + 1)
open(f'{o}/c.txt', 'w').write(text)
print('hash seed', os.environ['PYTHONHASHSEED'], sorted(k for k in os.environ if 'SECRET' in k))
")]).await;
    let run = house.submit(house.request(code.clone())).await;
    let (run, steps) = house.finished(run.uid).await;
    assert_eq!(run.state, RunState::Succeeded, "{:?} {steps:#?}", run.message);
    assert_eq!(house.text(&steps["use"], "c.txt").await, "hello\n7 you\n8");
    assert_eq!(house.log(run.uid, "make").await, "made\n");
    assert_eq!(house.log(run.uid, "use").await, "hash seed 0 []\n");
    assert!(steps["make"].outputs[1].is_dir);
    assert_eq!(steps["use"].attempt, 1);

    let artifact = steps["use"].outputs[0].digest.to_string();
    let graph = house.ledger.lineage(house.actor.workspace, "artifact", &artifact, Direction::Causes, 10).await.unwrap();
    let found: Vec<_> = graph.nodes.iter().map(|n| (n.kind.as_str(), n.key.clone())).collect();
    for wanted in [
        ("step_run", steps["use"].uid.hex()), ("step_run", steps["make"].uid.hex()),
        ("pipeline_run", run.uid.hex()), ("code", code.digest.to_string()),
        ("artifact", steps["make"].outputs[0].digest.to_string()),
    ] {
        assert!(found.contains(&wanted), "{wanted:?} is not among {found:?}");
    }
    let events = ledger::testing::events(&house.ledger).await;
    let kinds: Vec<_> = events.iter().map(|e| e.kind.as_str()).filter(|k| k.starts_with("pipeline.")).collect();
    assert_eq!(kinds, ["pipeline.defined", "pipeline.run_submitted", "pipeline.run_started", "pipeline.run_finished"]);
    house.ledger.verify_chain().await.unwrap();
}

async fn a_failed_step_stops_what_needs_it_and_nothing_else(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let run = house.start_steps(json!([
        { "name": "bad", "run": "echo oh no >&2; exit 3" },
        { "name": "after", "run": "true", "needs": ["bad"] },
        { "name": "later", "run": "true", "needs": ["after"] },
        { "name": "free", "run": "sleep 0.3" },
    ])).await;
    let (run, steps) = house.finished(run).await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(run.message.as_deref(), Some("step `bad` failed: it ended with exit code 3; the last line of its log: oh no"));
    assert_eq!(steps["bad"].exit_code, Some(3));
    assert_eq!(house.log(run.uid, "bad").await, "oh no\n");
    assert_eq!(steps["after"].state, StepState::Skipped);
    assert_eq!(steps["later"].state, StepState::Skipped);
    assert_eq!(steps["free"].state, StepState::Succeeded);
}

async fn a_log_can_be_read_while_its_step_runs(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let go = house.dir.path().join("go");
    let run = house.start_steps(json!([
        { "name": "a", "run": format!("echo first; while [ ! -e {} ]; do sleep 0.05; done; echo last", go.display()) },
    ])).await;
    let mut early = String::new();
    while early.is_empty() {
        let part = house.engine.read_log(&house.actor, run, "a", 0).await.unwrap();
        assert!(!part.eof);
        early = part.text;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(early, "first\n");
    types::io::write(&go, "x").unwrap();
    house.finished(run).await;
    let part = house.engine.read_log(&house.actor, run, "a", 6).await.unwrap();
    assert_eq!((part.text.as_str(), part.eof), ("last\n", true));
    let missing = house.engine.read_log(&house.actor, run, "b", 0).await.unwrap_err();
    assert!(matches!(missing, Error::StepNotFound { .. }));
}

async fn a_tracking_run_is_made_for_the_step_and_ends_as_it_ends(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let run = house.start_steps(json!([
        { "name": "good", "run": "echo $MLFLOW_RUN_ID > $MLWRIGHT_OUTPUTS/id", "outputs": ["id"], "experiment": "e" },
        { "name": "bad", "run": "exit 1", "experiment": "e", "retries": 1 },
        { "name": "liar", "run": "true", "experiment": "e", "registers": "m" },
    ])).await;
    let (_, steps) = house.finished(run).await;
    let good = steps["good"].tracking_run.unwrap();
    assert_eq!(house.text(&steps["good"], "id").await.trim(), good.to_string());
    let found = tracking::run(&house.ledger, &house.actor, good).await.unwrap();
    assert_eq!((found.status, found.experiment_name.as_str()), (tracking::RunStatus::Finished, "e"));
    let bad = tracking::run(&house.ledger, &house.actor, steps["bad"].tracking_run.unwrap()).await.unwrap();
    assert_eq!(bad.status, tracking::RunStatus::Failed);
    assert_eq!((steps["bad"].attempt, steps["bad"].state), (2, StepState::Failed));
    assert!(steps["liar"].message.as_ref().unwrap().contains("registered no version of model `m`"), "{:?}", steps["liar"]);
    let graph = house.ledger.lineage(house.actor.workspace, "run", &good.hex(), Direction::Causes, 5).await.unwrap();
    assert!(graph.nodes.iter().any(|n| n.kind == "pipeline_run" && n.key == run.hex()));
}

async fn a_dataset_version_lies_ready_for_the_step(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let version = import(&house).await;
    house.define(json!({ "name": "p", "dataset": "visits", "steps": [
        { "name": "a", "outputs": ["list", "manifest.json"],
          "run": "cd $MLWRIGHT_DATASET && ls > $MLWRIGHT_OUTPUTS/list && cp manifest.json $MLWRIGHT_OUTPUTS" } ] })).await;
    let code = house.code(&[("README", "x")]).await;
    let run = house.submit(house.request(code)).await;
    assert_eq!(run.dataset_version, Some(version.uid));
    let (run, steps) = house.finished(run.uid).await;
    assert_eq!(run.state, RunState::Succeeded, "{:?}", run.message);
    assert_eq!(house.text(&steps["a"], "list").await, "manifest.json\npart-00000.parquet\n");
    let manifest: Value = serde_json::from_str(&house.text(&steps["a"], "manifest.json").await).unwrap();
    assert_eq!(manifest["digest"], json!(version.digest));
    let key = version.uid.hex();
    let graph = house.ledger.lineage(house.actor.workspace, "dataset_version", &key, Direction::Effects, 5).await.unwrap();
    assert!(graph.nodes.iter().any(|n| n.kind == "step_run" && n.key == steps["a"].uid.hex()));
}

async fn what_cannot_be_submitted_is_refused(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let code = house.code(&[("README", "x")]).await;
    let submit = async |request| pipelines::submit(&house.ledger, &house.blobs, &house.actor, request).await.unwrap_err();
    let error = submit(house.request(code.clone())).await;
    assert_eq!(error.to_string(), "pipeline `p` does not exist");
    house.define(json!({ "name": "p", "dataset": "visits", "params": { "seed": 1 }, "steps": [{ "name": "a", "run": "true" }] })).await;
    let mut request = house.request(code.clone());
    request.params.insert("sead".into(), json!(2));
    assert_eq!(submit(request).await.to_string(), "pipeline `p` has no parameter `sead`");
    assert!(matches!(submit(house.request(code.clone())).await, Error::NoDataset { .. }));
    let mut request = house.request(code);
    request.code.digest = types::Digest::of("elsewhere");
    let error = submit(request).await;
    assert!(matches!(error, Error::NoCode(_)) && error.hint().is_some());
}

async fn steps_that_are_free_run_side_by_side(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let (a, b) = (house.dir.path().join("a"), house.dir.path().join("b"));
    let meet = |mine: &std::path::Path, other: &std::path::Path| {
        format!("touch {}; while [ ! -e {} ]; do sleep 0.02; done", mine.display(), other.display())
    };
    let run = house.start_steps(json!([
        { "name": "a", "run": meet(&a, &b), "timeout": "30s" }, { "name": "b", "run": meet(&b, &a), "timeout": "30s" },
    ])).await;
    assert_eq!(house.finished(run).await.0.state, RunState::Succeeded);
}

}

async fn import(house: &House) -> datasets::Version {
    let file = house.dir.path().join("train.csv");
    types::io::write(&file, "age,sex\n1,0\n2,1\n").unwrap();
    wait_for(&file).await;
    let import = datasets::Import::new(
        "visits",
        vec![datasets::SourceFile::new("train.csv", datasets::Source::Path(file))],
    );
    datasets::import(&house.ledger, &house.blobs, &house.actor, import).await.unwrap()
}
