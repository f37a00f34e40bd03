//! Two servers on one PostgreSQL database.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mlwright_pipelines::{
    self as pipelines, Config, Error, NewSchedule, RunFilter, RunState, StepState, Trigger,
};
use serde_json::{Value, json};

use crate::house::{COMPONENTS, House, wait_for, wait_gone};
use crate::plans::*;

fn short(config: &mut Config) {
    config.lease = Duration::from_millis(1500);
    config.adapters = vec![Arc::new(Shell)];
}

async fn took(house: &House) -> usize {
    let events = ledger::testing::events(&house.ledger).await;
    events.iter().filter(|event| event.kind == "step.taken_over").count()
}

ledger::db_test! { components: COMPONENTS;

async fn an_attempt_of_a_silent_server_goes_on_under_another_one(ledger: ledger::Ledger) {
    let mut first = House::with(ledger, short).await;
    let Some(mut second) = first.beside(short).await else { return };
    second.stop().await;
    let dir = first.dir.path().display().to_string();
    let run = first.start_steps(json!([
        { "name": "a", "outputs": ["x"], "run": format!(
            "echo ran >> {dir}/count; while [ ! -e {dir}/go ]; do sleep 0.02; done; echo x > $MLWRIGHT_OUTPUTS/x; echo said") },
        { "name": "b", "needs": ["a"], "run": "true" },
    ])).await;
    wait_for(&first.dir.path().join("count")).await;
    let before = first.steps(run).await["a"].clone();
    second.start();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(took(&first).await, 0, "a server that lives keeps what it does");
    let silent = std::time::Instant::now();
    first.stop().await;
    let after = loop {
        let step = second.steps(run).await["a"].clone();
        if step.server != before.server {
            break step;
        }
        assert!(silent.elapsed() < Duration::from_secs(6), "nobody took over");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(silent.elapsed() > Duration::from_secs(1), "taken over before its lease was over");
    assert_eq!((after.state, after.attempt), (StepState::Running, 1));
    assert!(!pipelines::holds(&second.ledger, &second.actor, before.fence()).await.unwrap());
    assert!(pipelines::holds(&second.ledger, &second.actor, after.fence()).await.unwrap());
    types::io::write(first.dir.path().join("go"), "x").unwrap();
    let (ended, steps) = second.finished(run).await;
    assert_eq!(ended.state, RunState::Succeeded, "{:?}", ended.message);
    assert_eq!((steps["a"].attempt, second.text(&steps["a"], "x").await.as_str()), (1, "x\n"));
    assert_eq!(wait_for(&first.dir.path().join("count")).await, "ran\n");
    assert!(second.log(run, "a").await.contains("said"));
    assert_eq!(took(&second).await, 1);
    second.ledger.verify_chain().await.unwrap();
}

async fn an_attempt_that_nobody_reaches_is_lost_and_its_late_end_is_refused(ledger: ledger::Ledger) {
    let mut first = House::with(ledger, short).await;
    let Some(mut second) = first.beside(short).await else { return };
    second.stop().await;
    let dir = first.dir.path().display().to_string();
    // The first attempt writes when it is too late.
    let run = first.start_steps(json!([{ "name": "a", "outputs": ["x"], "run": format!(
        "echo $$ >> {dir}/count; if [ $MLWRIGHT_ATTEMPT = 1 ]; then while :; do sleep 0.02; done; fi; \
         echo $MLWRIGHT_ATTEMPT > $MLWRIGHT_OUTPUTS/x") }])).await;
    let pid = wait_for(&first.dir.path().join("count")).await;
    let lost = first.steps(run).await["a"].fence();
    second.start();
    first.stop().await;
    let (owner, away) = (first.dir.path().join("data/pipelines/owner"), first.dir.path().join("away"));
    std::fs::rename(&owner, &away).unwrap();
    let (ended, steps) = second.finished(run).await;
    assert_eq!(ended.state, RunState::Succeeded, "{:?}", ended.message);
    assert_eq!((steps["a"].attempt, second.text(&steps["a"], "x").await.as_str()), (2, "2\n"));
    assert!(!pipelines::holds(&second.ledger, &second.actor, lost).await.unwrap());
    assert!(crate::house::is_running(&pid), "nothing reaches it");
    // The server is back, and ends what is not its own any more.
    std::fs::rename(&away, &owner).unwrap();
    first.start();
    wait_gone(&pid).await;
    assert_eq!(second.steps(run).await["a"].attempt, 2);
}

async fn a_silent_server_loses_what_it_had_not_begun(ledger: ledger::Ledger) {
    let mut first = House::with(ledger, |config| {
        short(config);
        // Nothing is ever started here.
        config.shim = vec!["sh".into(), "-c".into(), "exec sleep 10".into()];
    }).await;
    let Some(mut second) = first.beside(short).await else { return };
    second.stop().await;
    let dir = first.dir.path().display().to_string();
    let run = first.start_steps(json!([{ "name": "a", "run": format!("echo ran >> {dir}/count") }])).await;
    while first.steps(run).await["a"].state != StepState::Running {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    second.start();
    first.stop().await;
    let (ended, steps) = second.finished(run).await;
    assert_eq!((ended.state, steps["a"].attempt), (RunState::Succeeded, 1), "{:?}", ended.message);
    assert_eq!(wait_for(&first.dir.path().join("count")).await, "ran\n");
}

async fn two_servers_share_the_work_and_run_each_task_once(ledger: ledger::Ledger) {
    let first = House::with(ledger, short).await;
    let Some(second) = first.beside(short).await else { return };
    let dir = first.dir.path().display().to_string();
    let mut runs = Vec::new();
    for _ in 0..6 {
        let one = work(&format!("echo $MLWRIGHT_PIPELINE_RUN/$MLWRIGHT_STEP >> {dir}/count; sleep 0.05"), &[("i", pipelines::Kind::Integer)], &[]);
        let items: Vec<i64> = (0..8).collect();
        let all = each(task("each", "one"), "i", constant(json!(items)), None);
        let plan = plan(graph(&[], vec![all, needs(task("last", "one-more"), &["each"])], &[]),
            &[("one", one), ("one-more", work("true", &[], &[]))]);
        runs.push(first.submit_plan(request(plan)).await);
    }
    let mut owners = BTreeSet::new();
    for run in runs {
        let (ended, steps) = second.finished(run).await;
        succeeded(&ended, &steps);
        owners.extend(steps.values().filter_map(|step| step.server.clone()));
    }
    let text = types::io::read_to_string(first.dir.path().join("count")).unwrap();
    let lines: BTreeSet<&str> = text.lines().collect();
    assert_eq!((lines.len(), text.lines().count()), (48, 48));
    assert_eq!(owners.len(), 2, "one of them did everything");
    assert_eq!(took(&first).await, 0);
    first.ledger.verify_chain().await.unwrap();
}

async fn a_schedule_fires_once_for_each_moment_whoever_looks(ledger: ledger::Ledger) {
    let first = House::with(ledger, short).await;
    let Some(_second) = first.beside(short).await else { return };
    let Some(_third) = first.beside(short).await else { return };
    let plan = plan(graph(&[], vec![task("a", "a")], &[]), &[("a", work("true", &[], &[]))]);
    let made = pipelines::create_schedule(&first.ledger, &first.actor, NewSchedule {
        name: "often".into(),
        description: String::new(),
        trigger: Trigger::Interval { seconds: 1, from: None, until: None },
        submit: request(plan),
        max_concurrency: 8,
        catch_up: true,
        enabled: true,
        labels: Value::Null,
    }).await.unwrap();
    tokio::time::sleep(Duration::from_millis(4500)).await;
    pipelines::delete_schedule(&first.ledger, &first.actor, made.uid).await.unwrap();
    let filter = RunFilter { schedule: Some(made.uid), ..RunFilter::default() };
    let runs = pipelines::find_runs(&first.ledger, &first.actor, filter).await.unwrap();
    let moments: BTreeSet<_> = runs.iter().map(|run| run.scheduled_at).collect();
    assert_eq!(moments.len(), runs.len(), "a moment had two runs");
    assert!((3..=5).contains(&runs.len()), "{} runs", runs.len());
}

async fn a_data_directory_has_one_server(ledger: ledger::Ledger) {
    let first = House::with(ledger, short).await;
    if first.beside(short).await.is_none() {
        return;
    }
    let again = pipelines::Engine::new(first.ledger.clone(), first.blobs.clone(), first.engine.config().clone());
    assert!(matches!(again.err().unwrap(), Error::DataDirInUse(_)));
}

}
