//! Which of the tasks that may start is taken first, and when a run has begun.

use mlwright_pipelines::{self as pipelines, Approval, Component, RunState, StepState};

use crate::house::{COMPONENTS, House, wait_for};
use crate::plans::*;

async fn query_plan(house: &House, sql: &'static str) -> String {
    let is_postgres = matches!(house.ledger.place(), ledger::Place::Postgres(_));
    let asked = if is_postgres { format!("EXPLAIN {sql}") } else { format!("EXPLAIN QUERY PLAN {sql}") };
    let rows = house.ledger.read(house.actor.workspace, move |rx| rx.query(&asked, &[])).await.unwrap();
    let column = if is_postgres { "QUERY PLAN" } else { "detail" };
    rows.iter().map(|row| row.get::<String>(column).unwrap()).collect::<Vec<_>>().join("\n")
}

ledger::db_test! { components: COMPONENTS;

async fn tasks_of_an_older_run_come_before_the_roots_of_newer_ones(ledger: ledger::Ledger) {
    let house = House::with(ledger, |config| {
        config.adapters = vec![std::sync::Arc::new(Shell)];
        config.parallel = 1;
    }).await;
    let dir = house.dir.path().display().to_string();
    let chain = |run: &str| {
        let say = |task: &str| work(&format!("echo {run}{task} >> {dir}/order"), &[], &[]);
        let hold = work(&format!("echo {run}1 >> {dir}/order; while [ ! -e {dir}/go ]; do sleep 0.02; done"), &[], &[]);
        plan(graph(&[], vec![task("a", "hold"), needs(task("b", "b"), &["a"])], &[]), &[("hold", hold), ("b", say("2"))])
    };
    let first = house.submit_plan(request(chain("x"))).await;
    wait_for(&house.dir.path().join("order")).await;
    let second = house.submit_plan(request(chain("y"))).await;
    let mut urgent = chain("z");
    for task in &mut urgent.root.tasks {
        task.priority = 1;
    }
    let third = house.submit_plan(request(urgent)).await;
    types::io::write(house.dir.path().join("go"), "x").unwrap();
    for run in [first, second, third] {
        let (run, steps) = house.finished(run).await;
        succeeded(&run, &steps);
    }
    // Both roots were in line before the last task of the first run.
    assert_eq!(wait_for(&house.dir.path().join("order")).await, "x1\nz1\nz2\nx2\ny1\ny2\n");
}

async fn the_next_task_is_found_by_an_index_of_what_is_ready_alone(ledger: ledger::Ledger) {
    let mut house = House::with_shell(ledger).await;
    house.stop().await;
    let work = work("true", &[], &[]);
    let many: Vec<_> = (0..400).map(|at| task(&format!("t{at}"), "a")).collect();
    house.submit_plan(request(plan(graph(&[], many, &[]), &[("a", work)]))).await;
    let ready = query_plan(&house, "SELECT workspace_id, uid, pool FROM step_run WHERE state = 'ready' \
         AND (due_at IS NULL OR due_at <= 1) ORDER BY priority DESC, run_id, id LIMIT 8").await;
    assert!(ready.contains("step_run_in_line"), "{ready}");
    assert!(!ready.contains("Sort") && !ready.contains("TEMP B-TREE"), "{ready}");
    let running = query_plan(&house, "SELECT workspace_id, uid FROM step_run WHERE state = 'running' AND owner = 'x' ORDER BY id").await;
    assert!(running.contains("step_run_running"), "{running}");
}

async fn a_run_that_takes_longer_than_it_may_is_ended_and_has_failed(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let ask = Component::Approval(Approval { question: "go on?".into() });
    let tasks = || vec![task("a", "a"), task("ask", "ask"), needs(task("b", "a"), &["a"])];
    let mut plan = plan(graph(&[], tasks(), &[]), &[("a", work("sleep 300", &[], &[])), ("ask", ask)]);
    plan.deadline_ms = Some(1_500);
    let run = house.submit_plan(request(plan)).await;
    let (ended, steps) = house.finished(run).await;
    assert_eq!((ended.state, ended.message.as_deref()), (RunState::Failed, Some("it was ended at its deadline of 1s500ms")));
    assert!(steps.values().all(|step| step.state == StepState::Cancelled), "{:?}", states(&steps));
    // It may be given another try, and has as long again.
    pipelines::retry(&house.ledger, &house.actor, run).await.unwrap();
    let (ended, _) = house.finished(run).await;
    assert_eq!(ended.message.as_deref(), Some("it was ended at its deadline of 1s500ms"));
}

async fn a_run_that_waits_for_a_person_has_begun(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let ask = Component::Approval(Approval { question: "go on?".into() });
    let plan = plan(graph(&[], vec![task("ask", "ask"), needs(task("then", "ask"), &["ask"])], &[]), &[("ask", ask)]);
    let run = house.submit_plan(request(plan)).await;
    let found = pipelines::get_run(&house.ledger, &house.actor, run).await.unwrap();
    assert_eq!((found.state, found.started_at.is_some()), (RunState::Running, true));
    for name in ["ask", "then"] {
        let asked = house.steps(run).await[name].uid;
        let answered = pipelines::answer(&house.ledger, &house.actor, asked, true, None).await.unwrap();
        assert_eq!(answered.state, StepState::Succeeded);
    }
    let (ended, _) = house.finished(run).await;
    assert_eq!(ended.state, RunState::Succeeded);
    let events = ledger::testing::events(&house.ledger).await;
    assert_eq!(events.iter().filter(|event| event.kind == "pipeline.run_started").count(), 1);
}

}
