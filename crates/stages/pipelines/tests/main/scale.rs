//! Wide loops cost what their items cost, and the end of a task starts the next at once.

use std::sync::Arc;
use std::time::Instant;

use mlwright_pipelines::{self as pipelines, Component, From, Kind, RunState, Shape, StepState};
use serde_json::json;

use crate::house::{COMPONENTS, House};
use crate::plans::*;

/// A loop whose iterations end without a process: what it takes is the engine's.
fn wide(count: usize) -> pipelines::Plan {
    let import = pipelines::Import {
        output: "data".into(),
        artifact_type: "system.Dataset".into(),
        uri: pipelines::Binding { from: From::Input("uri".into()), select: None },
        metadata: json!({}),
        reimport: false,
        inputs: ports(&[("uri", Kind::Text)]),
    };
    let body = graph(
        &[("uri", Kind::Text)],
        vec![
            given(task("import", "import"), &[("uri", From::Input("uri".into()))]),
            when(
                given(needs(task("no", "say"), &["import"]), &[("x", constant(json!(1)))]),
                "inputs.parameter_values['x'] == 2",
            ),
        ],
        &[("data", source("import", "data"))],
    );
    let items: Vec<String> = (0..count).map(|i| format!("s3://bucket/{i}")).collect();
    let root = graph(
        &[],
        vec![each(task("many", "body"), "uri", constant(json!(items)), None)],
        &[("data", source("many", "data"))],
    );
    let say = work("true", &[("x", Kind::Integer)], &[]);
    plan(root, &[("body", Component::Graph(body)), ("import", Component::Import(import)), ("say", say)])
}

ledger::db_test! { components: COMPONENTS;

async fn a_wide_loop_runs_and_collects_every_item(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    for count in [150, 1_500] {
        let run = house.submit_plan(request(wide(count))).await;
        let (run, steps) = house.finished(run).await;
        assert_eq!(run.state, RunState::Succeeded);
        assert_eq!(steps.len(), 1 + 3 * count);
        assert_eq!(steps[&format!("many/{}/no", count - 1)].state, StepState::Skipped);
        let outputs = house.outputs(run.uid).await;
        assert_eq!(outputs["data"]["artifacts"].as_array().unwrap().len(), count);
    }
}

async fn a_limited_loop_of_processes_runs_every_item_once(ledger: ledger::Ledger) {
    let house = House::with(ledger, |config| {
        config.adapters = vec![Arc::new(Shell)];
        config.parallel = 8;
    }).await;
    let count = 60;
    let items: Vec<i64> = (0..count).collect();
    let root = graph(&[], vec![each(task("many", "n"), "n", constant(json!(items)), Some(4))], &[("n", source("many", "n"))]);
    let run = house.submit_plan(request(plan(root, &[("n", work("echo $IN_n > $OUT/n", &[("n", Kind::Integer)], &[("n", Kind::Integer)]))]))).await;
    let (run, steps) = house.finished(run).await;
    succeeded(&run, &steps);
    assert_eq!(house.outputs(run.uid).await, json!({ "n": items }));
    assert!(steps.values().filter(|step| step.shape == Shape::Work).all(|step| step.attempt == 1));
}

}

/// Prints the time from the end of a task to the start of the next, for no-op shell steps. Not a test of a limit: run it with
/// a release build and `--ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn time_from_the_end_of_a_task_to_the_start_of_the_next() {
    let count = 60;
    ledger::testing::run(ledger::testing::Engine::Sqlite, &COMPONENTS, |ledger| async move {
        let house = House::with_shell(ledger).await;
        let mut tasks = vec![task("t0", "noop")];
        for n in 1..count {
            tasks.push(needs(task(&format!("t{n}"), "noop"), &[&format!("t{}", n - 1)]));
        }
        let began = Instant::now();
        let (run, steps) =
            house.run_plan(plan(graph(&[], tasks, &[]), &[("noop", work("date +%s%N", &[], &[]))])).await;
        let all = began.elapsed();
        succeeded(&run, &steps);
        let mut stamps = Vec::new();
        for n in 0..count {
            stamps.push(house.log(run.uid, &format!("t{n}")).await.trim().parse::<i64>().unwrap());
        }
        let mut parts: [Vec<f64>; 4] = Default::default();
        for n in 1..count {
            let (up, down) = (&steps[&format!("t{}", n - 1)], &steps[&format!("t{n}")]);
            let told = |step: &pipelines::StepRun, file: &str, key: &str| {
                let dir = house
                    .dir
                    .path()
                    .join("data/pipelines")
                    .join(run.uid.hex())
                    .join(step.uid.hex())
                    .join("1");
                let text = types::io::read_to_string(dir.join(file)).unwrap();
                serde_json::from_str::<serde_json::Value>(&text).unwrap()[key].as_i64().unwrap()
            };
            let ended = told(up, "exit.json", "ended_at");
            let (committed, shim) = (down.started_at.unwrap().0, told(down, "started.json", "at"));
            let started = stamps[n] / 1_000;
            for (part, (from, to)) in parts.iter_mut().zip([
                (ended, committed),
                (committed, shim),
                (shim, started),
                (ended, started),
            ]) {
                part.push((to - from) as f64 / 1e3);
            }
        }
        for (part, what) in parts.iter_mut().zip([
            "end of the process to the transaction",
            "transaction to the shim",
            "shim to the process",
            "end to start",
        ]) {
            part.sort_by(f64::total_cmp);
            eprintln!("{what}: p50 {:.1} ms, p90 {:.1} ms", part[part.len() / 2], part[part.len() * 9 / 10]);
        }
        let mut gaps: Vec<f64> = stamps.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
        gaps.sort_by(f64::total_cmp);
        eprintln!(
            "chain of {count}: {:.0} ms in all; from one start to the next: p50 {:.1} ms, p90 {:.1} ms, max {:.1} ms",
            all.as_secs_f64() * 1e3,
            gaps[gaps.len() / 2],
            gaps[gaps.len() * 9 / 10],
            gaps[gaps.len() - 1]
        );
    });
}
