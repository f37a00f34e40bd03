//! The events of a run tell all that its rows say: random plans, run, cancelled and retried.

use std::collections::BTreeMap;

use mlwright_pipelines::{self as pipelines, Component, From, Kind, Plan, Rule, Task};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use types::Uid;

use crate::house::{COMPONENTS, House};
use crate::plans::*;

/// What is known of a row.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    name: String,
    parent: Option<String>,
    state: String,
    attempt: i64,
}

/// The rows that the events of a run lead to, by uid.
fn fold(events: &[ledger::Event], run: Uid) -> (BTreeMap<String, Row>, String) {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut state = "unknown".to_owned();
    let id = run.to_string();
    for event in events {
        let payload: Value = serde_json::from_str(&event.payload.to_string()).unwrap();
        if payload["run"].as_str() != Some(&id) {
            continue;
        }
        let text = |key: &str| payload[key].as_str().unwrap_or_default().to_owned();
        let list = |key: &str| -> Vec<String> {
            payload[key].as_array().into_iter().flatten().map(|v| v.as_str().unwrap().to_owned()).collect()
        };
        let step = text("step_run");
        match event.kind.as_str() {
            "pipeline.run_submitted" => state = "queued".into(),
            "pipeline.run_started" => state = "running".into(),
            "pipeline.run_finished" => state = text("state"),
            "pipeline.run_retried" => {
                state = "running".into();
                for step in list("steps") {
                    match payload["state"].as_str().unwrap() {
                        "removed" => drop(rows.remove(&step)),
                        // The root is the run.
                        other => {
                            if let Some(row) = rows.get_mut(&step) {
                                row.state = other.to_owned()
                            }
                        }
                    }
                }
            }
            "step.expanded" => {
                let above = rows.get(&step).map(|row| row.name.clone());
                if let Some(row) = rows.get_mut(&step) {
                    row.state = "running".into();
                }
                let first = payload["first"].as_i64().unwrap();
                let tasks = list("tasks");
                for (i, child) in list("children").into_iter().enumerate() {
                    let own = tasks.get(i).cloned().unwrap_or_else(|| (first + i as i64).to_string());
                    let name = above.as_ref().map_or(own.clone(), |above| format!("{above}/{own}"));
                    let parent = above.is_some().then(|| step.clone());
                    rows.insert(child, Row { name, parent, state: "waiting".into(), attempt: 0 });
                }
            }
            "step.started" => {
                let row = rows.get_mut(&step).unwrap();
                (row.state, row.attempt) = ("running".into(), payload["attempt"].as_i64().unwrap());
            }
            "step.asked" => rows.get_mut(&step).unwrap().state = "running".into(),
            "step.retried" => rows.get_mut(&step).unwrap().state = "waiting".into(),
            "step.finished" | "step.skipped" => rows.get_mut(&step).unwrap().state = text("state"),
            "step.cancelled" => {
                for step in list("steps") {
                    rows.get_mut(&step).unwrap().state = "cancelled".into();
                }
            }
            _ => {}
        }
    }
    (rows, state)
}

async fn assert_told(house: &House, run: Uid, seed: u64) {
    let found = pipelines::get_run(&house.ledger, &house.actor, run).await.unwrap();
    let steps = pipelines::tasks(&house.ledger, &house.actor, run).await.unwrap();
    let events = ledger::testing::events(&house.ledger).await;
    let (told, state) = fold(&events, run);
    assert_eq!(state, found.state.name(), "seed {seed}");
    let rows: BTreeMap<String, Row> = steps
        .iter()
        .map(|step| {
            let state = if step.state.name() == "ready" { "waiting" } else { step.state.name() };
            let row = Row {
                name: step.name.clone(),
                parent: step.parent.map(|parent| parent.to_string()),
                state: state.to_owned(),
                attempt: step.attempt,
            };
            (step.uid.to_string(), row)
        })
        .collect();
    assert_eq!(told, rows, "seed {seed}");
}

/// A plan of works, graphs and loops; some works fail always, some only once.
fn random_plan(rng: &mut StdRng, dir: &str) -> Plan {
    let mut components = BTreeMap::new();
    let fail = |text: &str| work(text, &[("n", Kind::Text)], &[("y", Kind::Text)]);
    let write = "echo '\"y\"' > $OUT/y";
    let once = format!(
        "f={dir}/$MLWRIGHT_STEP; f=$(echo $f | tr '/' '_'); f={dir}/once$f; [ -e $f ] || {{ touch $f; exit 1; }}; {write}"
    );
    components.insert("good".to_owned(), fail(write));
    components.insert("bad".to_owned(), fail("exit 3"));
    components.insert("once".to_owned(), fail(&once));
    let root = random_graph(rng, &mut components, 0);
    Plan { name: "random".into(), root, components, deadline_ms: None }
}

fn random_graph(
    rng: &mut StdRng,
    components: &mut BTreeMap<String, Component>,
    depth: usize,
) -> pipelines::Graph {
    let mut tasks: Vec<Task> = Vec::new();
    for n in 0..rng.random_range(1..5) {
        let component = match rng.random_range(0..10) {
            0 | 1 if depth < 2 => {
                let name = format!("graph-{depth}-{n}-{}", rng.random_range(0..1_000_000));
                let graph = random_graph(rng, components, depth + 1);
                components.insert(name.clone(), Component::Graph(graph));
                name
            }
            2 => "bad".into(),
            3 => "once".into(),
            _ => "good".into(),
        };
        let mut new = given(task(&format!("t{n}"), &component), &[("n", constant(json!("x")))]);
        for before in &tasks {
            if rng.random_bool(0.4) {
                new.needs.push(before.name.clone());
            }
        }
        if rng.random_bool(0.2) {
            new.rule = Rule::AllDone;
        }
        if rng.random_bool(0.15) {
            new.when = Some(format!(
                "inputs.parameter_values['n'] == '{}'",
                if rng.random_bool(0.5) { "x" } else { "z" }
            ));
        }
        if rng.random_bool(0.25) {
            let items: Vec<String> = (0..rng.random_range(0..4)).map(|i| i.to_string()).collect();
            let limit = rng.random_bool(0.5).then(|| rng.random_range(1..3));
            new.inputs.clear();
            new.when = None;
            new = each(new, "n", From::Constant(json!(items)), limit);
        }
        new.retry.max = u32::from(rng.random_bool(0.3));
        tasks.push(new);
    }
    graph(&[("n", Kind::Text)], tasks, &[])
}

ledger::db_test! { components: COMPONENTS;

async fn the_events_of_random_plans_fold_to_their_rows(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let dir = house.dir.path().display().to_string();
    let mut runs = Vec::new();
    for seed in 0..24 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut asked = request(random_plan(&mut rng, &dir));
        asked.plan.root.inputs.clear();
        asked.name = format!("seed {seed}");
        let run = house.submit_plan(asked).await;
        if seed % 6 == 5 {
            tokio::time::sleep(std::time::Duration::from_millis(rng.random_range(0..60))).await;
            // It may have ended by now.
            let _ = pipelines::cancel(&house.ledger, &house.actor, run).await;
        }
        runs.push((seed, run));
    }
    for (seed, run) in &runs {
        house.finished(*run).await;
        assert_told(&house, *run, *seed).await;
    }
    for (seed, run) in runs {
        if pipelines::retry(&house.ledger, &house.actor, run).await.is_ok() {
            house.finished(run).await;
            assert_told(&house, run, seed).await;
        }
    }
    house.ledger.verify_chain().await.unwrap();
}

}
