//! A run that has ended goes on.

use mlwright_pipelines::{self as pipelines, Component, Error, From, Kind, RunState, StepState};
use serde_json::json;

use crate::house::{COMPONENTS, House, wait_for};
use crate::plans::*;

ledger::db_test! { components: COMPONENTS;

async fn a_failed_run_goes_on_and_what_succeeded_stays(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let dir = house.dir.path().display().to_string();
    let once = work(&format!("echo $IN_n >> {dir}/count; [ $IN_n != 2 ] || [ -e {dir}/go ]; echo $IN_n > $OUT/n"), &[("n", Kind::Integer)], &[("n", Kind::Integer)]);
    let body = graph(&[("n", Kind::Integer)], vec![
        given(task("once", "once"), &[("n", From::Input("n".into()))]),
        given(needs(task("after", "once"), &["once"]), &[("n", constant(json!(9)))]),
    ], &[("n", source("once", "n"))]);
    let root = graph(&[], vec![
        each(task("many", "body"), "n", constant(json!([0, 1, 2, 3])), Some(2)),
        given(task("sum", "sum"), &[("all", output("many", "n"))]),
    ], &[("all", source("sum", "all"))]);
    let sum = work("echo $IN_all > $OUT/all", &[("all", Kind::List)], &[("all", Kind::List)]);
    let mut once = once;
    if let Component::Work(work) = &mut once {
        work.spec = json!({ "run": format!("echo $IN_n >> {dir}/count; if [ $IN_n = 2 ] && [ ! -e {dir}/go ]; then exit 1; fi; echo $IN_n > $OUT/n") });
    }
    let run = house.submit_plan(request(plan(root, &[("once", once), ("body", Component::Graph(body)), ("sum", sum)]))).await;
    let (ended, steps) = house.finished(run).await;
    assert_eq!(ended.state, RunState::Failed);
    assert_eq!((steps["many/2/after"].state, steps["sum"].state), (StepState::Skipped, StepState::Skipped));
    assert_eq!(steps["many/3"].state, StepState::Succeeded);
    let before = wait_for(&house.dir.path().join("count")).await.lines().count();
    assert_eq!(before, 7);

    types::io::write(house.dir.path().join("go"), "x").unwrap();
    let again = pipelines::retry(&house.ledger, &house.actor, run).await.unwrap();
    assert_eq!(again.state, RunState::Running);
    let (ended, steps) = house.finished(run).await;
    succeeded(&ended, &steps);
    assert_eq!(house.outputs(run).await, json!({ "all": [0, 1, 2, 3] }));
    assert_eq!(wait_for(&house.dir.path().join("count")).await.lines().count(), before + 2);
    assert_eq!((steps["many/2/once"].attempt, steps["many/1/once"].attempt), (2, 1));
    let error = pipelines::retry(&house.ledger, &house.actor, run).await.unwrap_err();
    assert!(matches!(error, Error::RunState { state: "succeeded", .. }));
}

async fn a_cancelled_run_goes_on(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let dir = house.dir.path().display().to_string();
    let hang = work(&format!("echo x > {dir}/here; while [ ! -e {dir}/go ]; do sleep 0.02; done"), &[], &[]);
    let run = house.submit_plan(request(plan(graph(&[], vec![task("hang", "hang"), needs(task("then", "hang"), &["hang"])], &[]), &[("hang", hang)]))).await;
    wait_for(&house.dir.path().join("here")).await;
    pipelines::cancel(&house.ledger, &house.actor, run).await.unwrap();
    assert_eq!(house.finished(run).await.0.state, RunState::Cancelled);
    types::io::write(house.dir.path().join("go"), "x").unwrap();
    pipelines::retry(&house.ledger, &house.actor, run).await.unwrap();
    let (ended, steps) = house.finished(run).await;
    succeeded(&ended, &steps);
}

async fn a_run_goes_on_from_a_task_in_a_graph_and_everything_that_needs_it(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let dir = house.dir.path().display().to_string();
    let note = |name: &str| work(&format!("echo {name} >> {dir}/order"), &[], &[]);
    let inner = graph(&[], vec![task("a", "a"), needs(task("b", "b"), &["a"])], &[]);
    let root = graph(&[], vec![task("first", "first"), needs(task("inner", "inner"), &["first"]), needs(task("last", "last"), &["inner"]),
        task("beside", "beside")], &[]);
    let mut components: Vec<(&str, Component)> = ["a", "b", "first", "last", "beside"].map(|name| (name, note(name))).to_vec();
    components.push(("inner", Component::Graph(inner)));
    let run = house.submit_plan(request(plan(root, &components))).await;
    house.finished(run).await;
    types::io::write(house.dir.path().join("order"), "").unwrap();
    let from = async |name: &str| pipelines::retry_from(&house.ledger, &house.actor, run, vec![name.to_owned()]).await;
    assert!(matches!(from("inner/z").await.unwrap_err(), Error::StepNotFound { .. }));
    from("inner/b").await.unwrap();
    let (ended, steps) = house.finished(run).await;
    succeeded(&ended, &steps);
    assert_eq!(wait_for(&house.dir.path().join("order")).await, "b\nlast\n");
    types::io::write(house.dir.path().join("order"), "").unwrap();
    from("inner").await.unwrap();
    let (ended, steps) = house.finished(run).await;
    succeeded(&ended, &steps);
    assert_eq!(wait_for(&house.dir.path().join("order")).await, "a\nb\nlast\n");
}

async fn a_run_from_before_there_were_plans_goes_on(ledger: ledger::Ledger) {
    let mut house = House::with_shell(ledger).await;
    house.stop().await;
    let run = house.start_steps(json!([{ "name": "a", "run": "true" }, { "name": "b", "run": "true", "needs": ["a"] },
        { "name": "c", "run": "exit 1", "needs": ["b"] }])).await;
    house.ledger.write(&house.actor, move |tx: &mut ledger::Tx<'_>| {
        let id = ledger::params![run];
        tx.execute("UPDATE pipeline_run SET plan_digest = NULL, name = NULL WHERE uid = $1", &id)?;
        tx.execute("DELETE FROM step_run WHERE uid = $1", &id)?;
        tx.execute("UPDATE step_run SET parent = NULL, task = NULL, component = NULL WHERE run_uid = $1", &id)?;
        tx.event("test.aged", "test:1", json!({}))
    }).await.unwrap();
    house.start();
    let (ended, steps) = house.finished(run).await;
    assert_eq!(ended.message.as_deref(), Some("step `c` failed: it ended with exit code 1"));
    assert_eq!(states(&steps), [("a", "succeeded"), ("b", "succeeded"), ("c", "failed")]);
}

async fn a_run_can_be_put_away_and_deleted(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let one = plan(graph(&[], vec![task("a", "a")], &[]), &[("a", work("true", &[], &[]))]);
    let mut asked = request(one.clone());
    asked.labels = json!({ "experiment": "e1" });
    let run = house.submit_plan(asked).await;
    house.run_plan(one).await;
    let filter = |archived, label: &str| pipelines::RunFilter {
        archived, labels: [("experiment".to_owned(), json!(label))].into(), ..pipelines::RunFilter::default()
    };
    let find = async |filter| pipelines::find_runs(&house.ledger, &house.actor, filter).await.unwrap();
    assert_eq!(find(filter(Some(false), "e1")).await.len(), 1);
    assert_eq!(find(pipelines::RunFilter::default()).await.len(), 2);
    pipelines::archive_run(&house.ledger, &house.actor, run, true).await.unwrap();
    assert_eq!(find(filter(Some(false), "e1")).await.len(), 0);
    house.finished(run).await;
    pipelines::delete_run(&house.ledger, &house.actor, run).await.unwrap();
    assert_eq!(find(pipelines::RunFilter::default()).await.len(), 1);
    assert!(matches!(pipelines::get_run(&house.ledger, &house.actor, run).await.unwrap_err(), Error::RunNotFound(_)));
}

}
