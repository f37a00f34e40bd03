use mlwright_pipelines::RunState;
use serde_json::json;

use crate::house::{COMPONENTS, House};

const LOCK: &str = "# nothing beyond the standard library\n";

async fn run(
    house: &House,
    lock: &str,
    path: &str,
    command: &str,
) -> (mlwright_pipelines::PipelineRun, mlwright_pipelines::StepRun) {
    house.define(json!({ "name": "p", "environments": { "e": { "requirements": "requirements.lock", "python": "3" } },
        "steps": [{ "name": "a", "run": command, "environment": "e" }] })).await;
    let code = house.code(&[(path, lock)]).await;
    let run = house.submit(house.request(code)).await.uid;
    let (run, mut steps) = house.finished(run).await;
    (run, steps.remove("a").unwrap())
}

ledger::db_test! { components: COMPONENTS;

async fn a_locked_environment_is_built_once_and_comes_first_on_the_path(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let (first, step) = run(&house, LOCK, "requirements.lock", "python -c 'import sys; print(sys.prefix)'").await;
    if step.message.as_ref().is_some_and(|m| m.contains("needs `uv`")) {
        eprintln!("SKIPPED: install uv (pip install uv)");
        return;
    }
    assert_eq!(first.state, RunState::Succeeded, "{step:#?}");
    let key = step.environment.unwrap();
    let home = house.dir.path().join("data/environments").join(key.hex());
    assert_eq!(house.log(first.uid, "a").await.trim(), home.display().to_string());
    let made = home.join(".mlwright-complete").metadata().unwrap().modified().unwrap();
    let (second, step) = run(&house, LOCK, "requirements.lock", "python -c 'print(1)'").await;
    assert_eq!((second.state, step.environment), (RunState::Succeeded, Some(key)));
    assert_eq!(home.join(".mlwright-complete").metadata().unwrap().modified().unwrap(), made);
    let node = house.ledger.find_node(house.actor.workspace, "environment", &key.to_string()).await.unwrap().unwrap();
    assert_eq!(node.props["lock"], json!(types::Digest::of(LOCK)));
    assert!(node.props["python"].as_str().unwrap().starts_with("Python 3"));
}

async fn a_lock_without_hashes_is_refused_and_the_requirement_named(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let (run, step) = run(&house, "numpy==2.0.0\n", "requirements.lock", "true").await;
    assert_eq!(run.state, RunState::Failed);
    let message = step.message.unwrap();
    assert!(message.contains("`numpy==2.0.0` has no hash") && message.contains("--generate-hashes"), "{message}");
    assert_eq!(step.attempt, 1);
}

async fn a_lock_that_is_not_in_the_code_is_named(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let (_, step) = run(&house, LOCK, "other.lock", "true").await;
    assert!(step.message.unwrap().contains("has no file `requirements.lock`"));
}

async fn without_uv_the_step_says_how_to_get_it(ledger: ledger::Ledger) {
    let house = House::with(ledger, |config| config.uv = Some("/nowhere/uv".into())).await;
    let (_, step) = run(&house, LOCK, "requirements.lock", "true").await;
    assert_eq!(step.message.unwrap(), "environment `e` needs `uv`, which was not found · hint: install it: pip install uv");
}

}
