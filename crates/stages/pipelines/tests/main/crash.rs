use std::sync::Arc;

use mlwright_pipelines::{RunState, StepState};
use rustix::process::{Pid, Signal};
use serde_json::json;

use crate::house::{COMPONENTS, House, config, is_running, open, server, wait_for, wait_gone};

fn kill_group(leader: u32) {
    rustix::process::kill_process_group(Pid::from_raw(leader as i32).unwrap(), Signal::KILL).unwrap();
}

ledger::db_test! { components: COMPONENTS;

async fn a_step_goes_on_without_its_engine_and_is_taken_up_again(ledger: ledger::Ledger) {
    let mut house = House::new(ledger).await;
    let dir = house.dir.path().display().to_string();
    let run = house.start_steps(json!([
        { "name": "a", "outputs": ["x"], "run": format!(
            "echo ran >> {dir}/a.count; while [ ! -e {dir}/go ]; do sleep 0.02; done; echo x > $MLWRIGHT_OUTPUTS/x") },
        { "name": "b", "needs": ["a"], "run": format!("echo ran >> {dir}/b.count") },
    ])).await;
    wait_for(&house.dir.path().join("a.count")).await;
    house.stop().await;
    types::io::write(house.dir.path().join("go"), "x").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(house.steps(run).await["a"].state, StepState::Running);
    house.start();
    let (run, steps) = house.finished(run).await;
    assert_eq!(run.state, RunState::Succeeded);
    assert_eq!(steps["a"].attempt, 1);
    for count in ["a.count", "b.count"] {
        assert_eq!(wait_for(&house.dir.path().join(count)).await, "ran\n");
    }
}

async fn a_step_that_still_runs_is_adopted_and_not_started_twice(ledger: ledger::Ledger) {
    let mut house = House::new(ledger).await;
    let dir = house.dir.path().display().to_string();
    let run = house.start_steps(json!([{ "name": "a", "run": format!(
        "echo ran >> {dir}/count; while [ ! -e {dir}/go ]; do sleep 0.02; done") }])).await;
    wait_for(&house.dir.path().join("count")).await;
    for _ in 0..3 {
        house.stop().await;
        house.start();
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(house.steps(run).await["a"].state, StepState::Running);
    types::io::write(house.dir.path().join("go"), "x").unwrap();
    assert_eq!(house.finished(run).await.0.state, RunState::Succeeded);
    assert_eq!(wait_for(&house.dir.path().join("count")).await, "ran\n");
}

async fn a_step_whose_shim_was_killed_is_lost_and_what_it_started_is_ended(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let dir = house.dir.path().display().to_string();
    let run = house.start_steps(json!([
        { "name": "a", "run": format!("echo $$ > {dir}/child; setsid sh -c 'echo $$ > {dir}/far; sleep 300' & sleep 300") },
    ])).await;
    let (child, far) = (wait_for(&house.dir.path().join("child")).await, wait_for(&house.dir.path().join("far")).await);
    kill_shim(&house, run).await;
    let (ended, steps) = house.finished(run).await;
    assert_eq!(ended.state, RunState::Failed);
    assert!(steps["a"].message.as_ref().unwrap().starts_with("lost: "), "{:?}", steps["a"].message);
    wait_gone(&child).await;
    wait_gone(&far).await;
}

async fn a_lost_step_with_retries_runs_once_more(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let dir = house.dir.path().display().to_string();
    let run = house.start_steps(json!([{ "name": "a", "retries": 1, "run": format!(
        "echo ran >> {dir}/count; [ $MLWRIGHT_ATTEMPT = 2 ] || sleep 300") }])).await;
    wait_for(&house.dir.path().join("count")).await;
    kill_shim(&house, run).await;
    let (ended, steps) = house.finished(run).await;
    assert_eq!(ended.state, RunState::Succeeded);
    assert_eq!(steps["a"].attempt, 2);
    assert_eq!(wait_for(&house.dir.path().join("count")).await, "ran\nran\n");
}

}

async fn kill_shim(house: &House, run: types::Uid) {
    let step = house.steps(run).await["a"].uid;
    let attempt = house.dir.path().join("data/pipelines").join(run.hex()).join(step.hex()).join("1");
    let started = attempt.join("started.json");
    let started: serde_json::Value = serde_json::from_str(&wait_for(&started).await).unwrap();
    let pid = Pid::from_raw(started["pid"].as_i64().unwrap() as i32).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
}

/// `kill -9` of the server's whole process group, several times, in the middle of steps: every step runs once.
#[test]
fn the_server_is_killed_with_its_process_group_and_every_step_runs_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let path = dir.path().display().to_string();
    let names: Vec<String> = (0..6).map(|i| format!("s{i}")).collect();
    let run = runtime.block_on(async {
        let ledger = open(dir.path());
        let mut house = House::at(ledger, dir.clone(), config(dir.path())).await;
        house.stop().await;
        let steps: Vec<_> = names.iter().enumerate().map(|(i, name)| {
            let needs: Vec<_> = names[..i].last().into_iter().collect();
            json!({ "name": name, "needs": needs, "outputs": ["x"],
                "run": format!("echo $$ >> {path}/{name}.count; sleep 0.4; echo {name} > $MLWRIGHT_OUTPUTS/x") })
        }).collect();
        house.start_steps(json!(steps)).await
    });
    // The ledger's lock is given back when its last handle is gone.
    drop(runtime);
    for pause in [500, 700, 350, 900] {
        let mut engine = server(dir.path());
        std::thread::sleep(std::time::Duration::from_millis(pause));
        kill_group(engine.id());
        engine.wait().unwrap();
    }
    let mut engine = server(dir.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for name in &names {
        runtime.block_on(wait_for(&dir.path().join(format!("{name}.count"))));
    }
    std::thread::sleep(std::time::Duration::from_secs(1));
    kill_group(engine.id());
    engine.wait().unwrap();
    runtime.block_on(async {
        let house = House::at(open(dir.path()), dir.clone(), config(dir.path())).await;
        let (run, steps) = house.finished(run).await;
        assert_eq!(run.state, RunState::Succeeded, "{:?} {steps:#?}", run.message);
        for name in &names {
            let pids = wait_for(&dir.path().join(format!("{name}.count"))).await;
            assert_eq!(pids.lines().count(), 1, "{name} ran more than once");
            assert!(!is_running(&pids));
            assert_eq!(house.text(&steps[name], "x").await.trim(), name);
        }
        house.ledger.verify_chain().await.unwrap();
    });
}
