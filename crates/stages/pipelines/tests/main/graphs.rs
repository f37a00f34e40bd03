//! Conditions, loops, graphs in graphs, and what becomes of failures.

use mlwright_pipelines::{
    self as pipelines, Component, Datum, Error, From, Kind, Rule, RunState, Source, StepState,
};
use serde_json::{Value, json};

use crate::house::{COMPONENTS, House, wait_for};
use crate::plans::*;

fn say() -> Component {
    work("echo \"\\\"$IN_x\\\"\" > $OUT/y", &[("x", Kind::Text)], &[("y", Kind::Text)])
}

fn input(name: &str) -> From {
    From::Input(name.into())
}

ledger::db_test! { components: COMPONENTS;

async fn values_and_artifacts_flow_through_graphs_in_graphs(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let make = work("echo $((IN_n * 2)) > $OUT/twice; mkdir $OUT/folder; echo hi > $OUT/folder/a; echo one > $OUT/data",
        &[("n", Kind::Integer)], &[("twice", Kind::Integer), ("data", file()), ("folder", file())]);
    let read = work("cat $IN_data $IN_folder/a | wc -l > $OUT/lines; echo '\"'$(cat $IN_data)'\"' > $OUT/text",
        &[("data", file()), ("folder", file())], &[("lines", Kind::Integer), ("text", Kind::Text)]);
    let inner = graph(&[("k", Kind::Integer)], vec![
        given(task("make", "make"), &[("n", input("k"))]),
        given(task("read", "read"), &[("data", output("make", "data")), ("folder", output("make", "folder"))]),
    ], &[("twice", source("make", "twice")), ("lines", source("read", "lines")), ("data", source("make", "data"))]);
    let mut root = graph(&[("n", Kind::Integer)], vec![
        given(task("first", "inner"), &[("k", input("n"))]),
        given(task("second", "inner"), &[("k", output("first", "twice"))]),
        given(task("again", "read"), &[("data", output("second", "data")), ("folder", output("second", "data"))]),
    ], &[("result", source("second", "twice")), ("data", source("first", "data"))]);
    root.tasks.pop();
    let mut asked = request(plan(root, &[("make", make), ("read", read), ("inner", Component::Graph(inner))]));
    asked.inputs.insert("n".into(), Datum::Value(json!(5.0)));
    let run = house.submit_plan(asked).await;
    let (run, steps) = house.finished(run).await;
    succeeded(&run, &steps);
    let outputs = house.outputs(run.uid).await;
    assert_eq!(outputs["result"], json!(20));
    let data: Datum = serde_json::from_value(outputs["data"].clone()).unwrap();
    let Datum::Artifact(data) = data else { panic!("{data:?}") };
    assert_eq!(data.uri, format!("mlwright://pipelines/{}/{}/data", run.uid, steps["first/make"].uid));
    assert_eq!(data.metadata["made_by"], json!("make"));
    assert_eq!(house.blobs.get_bytes(&data.digest.unwrap()).await.unwrap().as_ref(), b"one\n");
    assert_eq!(steps["second/read"].results["lines"], Datum::Value(json!(2)));
    assert_eq!(steps["first/make"].parent, Some(steps["first"].uid));
    assert_eq!((steps["first"].parent, steps["first"].shape), (None, pipelines::Shape::Graph));
    assert_eq!(run.params["n"], json!(5));
    house.ledger.verify_chain().await.unwrap();
}

async fn of_several_branches_the_one_whose_condition_holds_gives_the_output(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let flip = work("echo '\"tails\"' > $OUT/side", &[], &[("side", Kind::Text)]);
    let branch = |name: &str, condition: &str, text: &str| (
        when(given(task(name, &format!("graph-{name}")), &[("side", input("side"))]), condition),
        (format!("graph-{name}"), Component::Graph(graph(&[("side", Kind::Text)], vec![
            given(task("say", "say"), &[("x", constant(json!(text)))])], &[("said", source("say", "y"))]))),
    );
    let heads = "inputs.parameter_values['side'] == 'heads'";
    let (a, a_graph) = branch("a", heads, "h");
    let (b, b_graph) = branch("b", &format!("!({heads}) && inputs.parameter_values['side'] == 'tails'"), "t");
    let (c, c_graph) = branch("c", &format!("!({heads}) && !(inputs.parameter_values['side'] == 'tails')"), "e");
    let first = Source::FirstOf(["a", "b", "c"].map(|name| (name.to_owned(), "said".to_owned())).to_vec());
    let branches = graph(&[("side", Kind::Text)], vec![a, b, c], &[("said", first)]);
    let root = graph(&[], vec![
        task("flip", "flip"),
        given(task("branches", "branches"), &[("side", output("flip", "side"))]),
        given(task("after", "say"), &[("x", output("branches", "said"))]),
        needs(task("never", "never"), &["branches"]),
    ], &[("said", source("after", "y"))]);
    let mut root = root;
    root.tasks.pop();
    let components = [("flip".to_owned(), flip), ("say".to_owned(), say()),
        ("branches".to_owned(), Component::Graph(branches)), a_graph, b_graph, c_graph];
    let components: Vec<(&str, Component)> = components.iter().map(|(n, c)| (n.as_str(), c.clone())).collect();
    let (run, steps) = house.run_plan(plan(root, &components)).await;
    succeeded(&run, &steps);
    assert_eq!(house.outputs(run.uid).await, json!({ "said": "t" }));
    assert_eq!(steps["branches/a"].state, StepState::Skipped);
    assert!(steps["branches/a"].message.as_ref().unwrap().contains("its condition does not hold"));
    assert!(!steps.contains_key("branches/a/say") && steps.contains_key("branches/b/say"));
}

async fn a_skipped_task_skips_what_needs_it_and_a_wrong_condition_fails(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let root = graph(&[], vec![
        when(given(task("no", "say"), &[("x", constant(json!("1")))]), "inputs.parameter_values['x'] == '2'"),
        given(needs(task("below", "say"), &["no"]), &[("x", constant(json!("1")))]),
        when(given(task("odd", "say"), &[("x", constant(json!("1")))]), "inputs.parameter_values['z'] == '2'"),
    ], &[]);
    let (run, steps) = house.run_plan(plan(root, &[("say", say())])).await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(steps["below"].message.as_deref(), Some("step `no` was skipped"));
    let message = steps["odd"].message.as_ref().unwrap();
    assert!(message.contains("inputs.parameter_values['z'] == '2'"), "{message}");
}

async fn a_loop_gives_lists_in_the_order_of_its_items(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let slow = work("sleep 0.$((5 - IN_n)); echo $((IN_n * IN_by)) > $OUT/square",
        &[("n", Kind::Integer), ("by", Kind::Integer)], &[("square", Kind::Integer)]);
    let body = graph(&[("n", Kind::Integer), ("by", Kind::Integer)], vec![
        given(task("square", "slow"), &[("n", input("n")), ("by", input("by"))])], &[("square", source("square", "square"))]);
    let sum = work("echo $(( $(echo $IN_all | tr -d '[]' | tr , +) )) > $OUT/sum",
        &[("all", Kind::List)], &[("sum", Kind::Integer)]);
    let looped = |name: &str, component: &str, items: Value, limit| {
        each(given(task(name, component), &[("by", constant(json!(10)))]), "n", constant(items), limit)
    };
    let root = graph(&[], vec![
        looped("graphs", "body", json!([4, 2, 3]), None),
        looped("works", "slow", json!("[1, 2.0]"), Some(1)),
        looped("none", "body", json!([]), None),
        looped("one", "body", json!([3]), None),
        given(task("sum", "sum"), &[("all", output("graphs", "square"))]),
    ], &[("graphs", source("graphs", "square")), ("works", source("works", "square")), ("none", source("none", "square")),
         ("one", source("one", "square")), ("sum", source("sum", "sum"))]);
    let (run, steps) = house.run_plan(plan(root, &[("slow", slow), ("body", Component::Graph(body)), ("sum", sum)])).await;
    succeeded(&run, &steps);
    assert_eq!(house.outputs(run.uid).await,
        json!({ "graphs": [40, 20, 30], "works": [10, 20], "none": [], "one": [30], "sum": 90 }));
    assert_eq!(steps["graphs/1/square"].iteration, None);
    assert_eq!(steps["graphs/1"].iteration, Some(1));
    assert_eq!(steps["works/1"].inputs["n"], Datum::Value(json!(2)));
    // One at a time.
    assert!(steps["works/1"].started_at >= steps["works/0"].ended_at);
}

async fn loops_in_loops_collect_and_a_loop_over_artifacts_gives_each(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let make = work("echo $IN_x-$IN_y > $OUT/data", &[("x", Kind::Text), ("y", Kind::Text)], &[("data", file())]);
    let show = work("echo '\"'$(cat $IN_data)'\"' > $OUT/text", &[("data", file())], &[("text", Kind::Text)]);
    let inner = graph(&[("x", Kind::Text)], vec![
        each(given(task("make", "make"), &[("x", input("x"))]), "y", constant(json!(["a", "b"])), None)],
        &[("data", source("make", "data"))]);
    let root = graph(&[], vec![
        each(task("outer", "inner"), "x", constant(json!(["1", "2"])), None),
        each(task("show", "show"), "data", output("outer", "data"), None),
    ], &[("texts", source("show", "text"))]);
    let (run, steps) = house.run_plan(plan(root, &[("make", make), ("show", show), ("inner", Component::Graph(inner))])).await;
    succeeded(&run, &steps);
    assert_eq!(house.outputs(run.uid).await, json!({ "texts": ["1-a", "1-b", "2-a", "2-b"] }));
}

async fn an_exit_handler_runs_after_a_failure_and_knows_of_it(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let guarded = graph(&[], vec![task("bad", "bad"), needs(task("next", "fine"), &["bad"])], &[]);
    let notify = work("echo \"$IN_status\" > $OUT/seen", &[("status", Kind::Status)], &[("seen", Kind::Map)]);
    let mut handler = given(needs(task("notify", "notify"), &["guarded"]), &[("status", From::Status { task: "guarded".into() })]);
    handler.rule = Rule::AllDone;
    let mut ignoring = needs(task("ignoring", "fine"), &["guarded"]);
    ignoring.rule = Rule::AllDone;
    let root = graph(&[], vec![task("guarded", "guarded"), handler, ignoring, needs(task("other", "fine"), &["guarded"])], &[]);
    let (run, steps) = house.run_plan(plan(root, &[("guarded", Component::Graph(guarded)),
        ("bad", work("exit 4", &[], &[])), ("fine", work("true", &[], &[])), ("notify", notify)])).await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(run.message.as_deref(), Some("step `guarded/bad` failed: it ended with exit code 4"));
    assert_eq!(states(&steps), [("guarded", "failed"), ("guarded/bad", "failed"), ("guarded/next", "skipped"),
        ("ignoring", "succeeded"), ("notify", "succeeded"), ("other", "skipped")]);
    let Datum::Value(seen) = &steps["notify"].results["seen"] else { panic!() };
    assert_eq!(seen["state"], json!("FAILED"));
    assert_eq!(seen["pipelineTaskName"], json!("guarded"));
    assert!(seen["error"]["message"].as_str().unwrap().contains("exit code 4"));
}

async fn retries_wait_longer_each_time_and_give_up(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let dir = house.dir.path().display().to_string();
    let mut flaky = task("flaky", "flaky");
    flaky.retry = pipelines::Retry { max: 2, backoff_ms: 150, factor: 2.0, max_backoff_ms: None };
    let mut lost = task("lost", "lost");
    lost.retry.max = 1;
    let root = graph(&[], vec![flaky, lost], &[]);
    let run = format!("date +%s%N >> {dir}/tries; [ $(wc -l < {dir}/tries) = 3 ]");
    let (run, steps) = house.run_plan(plan(root, &[("flaky", work(&run, &[], &[])), ("lost", work("echo no > ../message; exit 1", &[], &[]))])).await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!((steps["flaky"].state, steps["flaky"].attempt), (StepState::Succeeded, 3));
    assert_eq!((steps["lost"].state, steps["lost"].attempt), (StepState::Failed, 2));
    assert_eq!(steps["lost"].message.as_deref(), Some("no"));
    let tries = wait_for(&house.dir.path().join("tries")).await;
    let tries: Vec<i64> = tries.lines().map(|line| line.parse().unwrap()).collect();
    assert!(tries[1] - tries[0] >= 150_000_000 && tries[2] - tries[1] >= 300_000_000, "{tries:?}");
}

async fn cancelling_ends_a_loop_with_all_that_waits_in_it(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let dir = house.dir.path().display().to_string();
    let hang = work(&format!("echo x >> {dir}/here; sleep 300"), &[("n", Kind::Integer)], &[]);
    let body = graph(&[("n", Kind::Integer)], vec![given(task("hang", "hang"), &[("n", input("n"))]), needs(task("then", "fine"), &["hang"])], &[]);
    let root = graph(&[], vec![
        each(task("many", "body"), "n", constant(json!((0..600).collect::<Vec<_>>())), None),
        needs(task("after", "fine"), &["many"]),
    ], &[]);
    let run = house.submit_plan(request(plan(root, &[("hang", hang), ("body", Component::Graph(body)), ("fine", work("true", &[], &[]))]))).await;
    wait_for(&house.dir.path().join("here")).await;
    pipelines::cancel(&house.ledger, &house.actor, run).await.unwrap();
    let (run, steps) = house.finished(run).await;
    assert_eq!(run.state, RunState::Cancelled);
    assert!(steps.values().all(|step| step.state == StepState::Cancelled), "{:?}", states(&steps));
    assert_eq!(wait_for(&house.dir.path().join("here")).await.lines().count(), 4);
}

async fn an_approval_waits_for_an_answer(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let root = graph(&[], vec![task("ask", "ask"), needs(task("deploy", "fine"), &["ask"])], &[]);
    let plan = plan(root, &[("ask", Component::Approval(pipelines::Approval { question: "Deploy?".into() })), ("fine", work("true", &[], &[]))]);
    let answer = async |approved: bool| {
        let run = house.submit_plan(request(plan.clone())).await;
        let asking = house.steps(run).await["ask"].clone();
        assert_eq!((asking.state, asking.shape), (StepState::Running, pipelines::Shape::Approval));
        let step = pipelines::answer(&house.ledger, &house.actor, asking.uid, approved, Some("seen".into())).await.unwrap();
        assert!(step.message.as_ref().unwrap().ends_with(": seen"), "{:?}", step.message);
        let again = pipelines::answer(&house.ledger, &house.actor, asking.uid, true, None).await.unwrap_err();
        assert!(matches!(again, Error::NotAsking { .. }));
        house.finished(run).await.0.state
    };
    assert_eq!(answer(true).await, RunState::Succeeded);
    assert_eq!(answer(false).await, RunState::Failed);
}

async fn an_equal_task_takes_the_outputs_of_an_earlier_run(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let dir = house.dir.path().display().to_string();
    let make = work(&format!("echo x >> {dir}/ran; echo $IN_n > $OUT/data; echo $IN_n > $OUT/v"), &[("n", Kind::Integer)],
        &[("data", file()), ("v", Kind::Integer)]);
    let copy = work(&format!("echo x >> {dir}/ran; cp $IN_data $OUT/data"), &[("data", file())], &[("data", file())]);
    let of = |n: i64, key: Option<&str>| {
        let mut first = given(task("make", "make"), &[("n", constant(json!(n)))]);
        let mut second = given(task("copy", "copy"), &[("data", output("make", "data"))]);
        (first.cache, second.cache) = (true, true);
        first.cache_key = key.map(str::to_owned);
        plan(graph(&[], vec![first, second], &[("v", source("make", "v"))]), &[("make", make.clone()), ("copy", copy.clone())])
    };
    let ran = || types::io::read_to_string(house.dir.path().join("ran")).unwrap().lines().count();
    let (first, _) = house.run_plan(of(1, None)).await;
    assert_eq!(ran(), 2);
    let (second, steps) = house.run_plan(of(1, None)).await;
    assert_eq!((ran(), steps["make"].cached, steps["copy"].cached), (2, true, true));
    assert_eq!(house.outputs(second.uid).await, house.outputs(first.uid).await);
    assert_eq!(steps["copy"].outputs.len(), 1);
    house.run_plan(of(2, Some("k"))).await;
    assert_eq!(ran(), 4);
    // The content of the inputs counts, and here it comes from the cache by the author's key: 2 stays.
    let (third, _) = house.run_plan(of(3, Some("k"))).await;
    assert_eq!((ran(), house.outputs(third.uid).await), (4, json!({ "v": 2 })));
    let mut fresh = request(of(1, None));
    fresh.use_cache = false;
    let fresh = house.submit_plan(fresh).await;
    house.finished(fresh).await;
    assert_eq!(ran(), 6);
}

async fn plans_that_can_never_run_are_refused_and_the_place_named(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let refused = async |plan| {
        pipelines::submit_plan(&house.ledger, &house.blobs, &house.actor, request(plan)).await.unwrap_err().to_string()
    };
    let fine = ("fine", work("true", &[], &[]));
    let inner = |tasks| ("inner", Component::Graph(graph(&[], tasks, &[])));
    for (tasks, components, told) in [
        (vec![], vec![], "it has no tasks"),
        (vec![task("a", "gone")], vec![], "task `a`: component `gone` does not exist"),
        (vec![needs(task("a", "fine"), &["b"]), needs(task("b", "fine"), &["a"]), task("c", "fine")], vec![fine.clone()],
         "tasks wait for each other: a, b"),
        (vec![needs(task("a", "fine"), &["z"])], vec![fine.clone()], "task `a`: it needs `z`, which is no task of this graph"),
        (vec![task("a", "fine"), task("a", "fine")], vec![fine.clone()], "two tasks are called `a`"),
        (vec![task("../a", "fine")], vec![fine.clone()], "`../a` is not a usable name for a task"),
        (vec![task("a", "say")], vec![("say", say())], "task `a`: input `x` of `say` is not given"),
        (vec![task("a", "inner")], vec![inner(vec![task("b", "inner")])], "component `inner` contains itself"),
        (vec![task("a", "inner")], vec![inner(vec![needs(task("b", "fine"), &["b"])]), fine.clone()],
         "graph `inner`: tasks wait for each other: b"),
        (vec![each(task("a", "fine"), "n", constant(json!([])), None)], vec![fine.clone()],
         "task `a`: component `fine` has no input `n` for the item of the loop"),
    ] {
        assert_eq!(refused(plan(graph(&[], tasks, &[]), &components)).await, format!("plan `p` cannot run: {told}"));
    }
    let wrong = refused(plan(graph(&[], vec![when(task("a", "fine"), "1 +")], &[]), std::slice::from_ref(&fine))).await;
    assert!(wrong.contains("`1 +` is no expression"), "{wrong}");
    let with = |of: Kind| plan(graph(&[("n", of)], vec![task("a", "fine")], &[]), std::slice::from_ref(&fine));
    assert_eq!(refused(with(Kind::Integer)).await, "input `n` of `p`: it has no value");
    for (name, value, told) in [
        ("n", json!("x"), "input `n` of `p`: \"x\" is no whole number"),
        ("m", json!(1), "input `m` of `p`: the plan has no such input"),
    ] {
        let mut asked = request(with(Kind::Integer));
        asked.inputs.insert(name.into(), Datum::Value(value));
        let error = pipelines::submit_plan(&house.ledger, &house.blobs, &house.actor, asked).await.unwrap_err();
        assert_eq!(error.to_string(), told);
    }
}

async fn work_of_an_unknown_kind_or_with_a_missing_input_fails_the_task_only(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let mut strange = work("true", &[], &[]);
    if let Component::Work(work) = &mut strange {
        work.kind = "quantum".into();
    }
    let quiet = work("true", &[], &[("y", Kind::Text)]);
    let root = graph(&[], vec![task("strange", "strange"), task("quiet", "quiet"),
        given(task("reader", "say"), &[("x", output("quiet", "y"))]), task("fine", "fine")], &[]);
    let (run, steps) = house.run_plan(plan(root, &[("strange", strange), ("quiet", quiet), ("say", say()), ("fine", work("true", &[], &[]))])).await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(steps["strange"].message.as_deref(), Some("this server does not know work of kind `quantum`"));
    assert_eq!(steps["reader"].message.as_deref(), Some("input `x` has no value"));
    assert_eq!(steps["fine"].state, StepState::Succeeded);
}

async fn no_more_tasks_of_a_pool_run_than_it_may_and_higher_priorities_come_first(ledger: ledger::Ledger) {
    let house = House::with(ledger, |config| {
        config.adapters = vec![std::sync::Arc::new(Shell)];
        config.pools.insert("gpu".into(), 1);
    }).await;
    let dir = house.dir.path().display().to_string();
    let only = work(&format!("mkdir {dir}/lock || exit 1; sleep 0.05; rmdir {dir}/lock; echo $IN_n >> {dir}/order"), &[("n", Kind::Integer)], &[]);
    let tasks = (0..5).map(|n| {
        let mut task = given(task(&format!("t{n}"), "only"), &[("n", constant(json!(n)))]);
        (task.pool, task.priority) = (Some("gpu".into()), i64::from(n == 4));
        task
    }).collect();
    let (run, steps) = house.run_plan(plan(graph(&[], tasks, &[]), &[("only", only)])).await;
    succeeded(&run, &steps);
    assert_eq!(wait_for(&house.dir.path().join("order")).await.lines().next(), Some("4"));
}

}
