use mlwright_pipelines::{self as pipelines, Error, RunState, StepState};
use serde_json::json;

use crate::house::{COMPONENTS, House, is_running, wait_for, wait_gone};
use crate::plans::*;

ledger::db_test! { components: COMPONENTS;

async fn a_step_that_hangs_is_ended_at_its_timeout_with_all_that_it_started(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let dir = house.dir.path().display().to_string();
    // The grandchild has a session of its own, and nobody in the tree listens to SIGTERM.
    let run = house.start_steps(json!([{ "name": "a", "timeout": "1s", "run": format!(
        "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > {dir}/grandchild; while :; do sleep 0.1; done' & \
         echo $$ > {dir}/child; while :; do sleep 0.1; done") }])).await;
    let grandchild = wait_for(&house.dir.path().join("grandchild")).await;
    assert!(is_running(&grandchild));
    let (run, steps) = house.finished(run).await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(steps["a"].message.as_deref(), Some("it was ended at its timeout of 1s"));
    wait_gone(&grandchild).await;
    wait_gone(&wait_for(&house.dir.path().join("child")).await).await;
}

async fn a_step_that_dies_by_a_signal_says_which(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let run = house.start_steps(json!([{ "name": "a", "run": "kill -SEGV $$" }])).await;
    let (_, steps) = house.finished(run).await;
    assert_eq!(steps["a"].message.as_deref(), Some("it was ended by signal 11 (SIGSEGV)"));
    assert_eq!((steps["a"].exit_code, steps["a"].signal), (None, Some(11)));
}

async fn cancelling_a_run_ends_the_whole_tree(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let dir = house.dir.path().display().to_string();
    let run = house.start_steps(json!([
        { "name": "a", "experiment": "e",
          "run": format!("sh -c 'sh -c \"echo \\$\\$ > {dir}/grandchild; sleep 300\" & sleep 300' & sleep 300") },
        { "name": "b", "run": "true", "needs": ["a"] },
    ])).await;
    let grandchild = wait_for(&house.dir.path().join("grandchild")).await;
    pipelines::cancel(&house.ledger, &house.actor, run).await.unwrap();
    pipelines::cancel(&house.ledger, &house.actor, run).await.unwrap();
    let (ended, steps) = house.finished(run).await;
    assert_eq!(ended.state, RunState::Cancelled);
    assert_eq!((steps["a"].state, steps["b"].state), (StepState::Cancelled, StepState::Cancelled));
    wait_gone(&grandchild).await;
    let tracked = tracking::run(&house.ledger, &house.actor, steps["a"].tracking_run.unwrap()).await.unwrap();
    assert_eq!(tracked.status, tracking::RunStatus::Killed);
    let again = pipelines::cancel(&house.ledger, &house.actor, run).await.unwrap_err();
    assert!(matches!(again, Error::RunState { .. }));
}

async fn a_step_that_prints_without_end_keeps_head_and_tail_and_fills_no_disk(ledger: ledger::Ledger) {
    let house = House::with(ledger, |config| config.log_limit = 1 << 20).await;
    let run = house.start_steps(json!([{ "name": "a", "run": "echo begin; yes 0123456789abcdef | head -c 100000000; echo end" }])).await;
    let (run, steps) = house.finished(run).await;
    assert_eq!(run.state, RunState::Succeeded);
    let log = house.log(run.uid, "a").await;
    assert!(log.starts_with("begin\n") && log.ends_with("end\n"));
    assert!(log.len() > 700_000 && log.len() < (1 << 20) + 200, "{}", log.len());
    let cut = 100_000_010 - (log.len() - log.lines().find(|l| l.starts_with("[mlwright: ")).unwrap().len() - 2);
    assert!(log.contains(&format!("[mlwright: {cut} bytes of output were cut here")), "{cut}");
    assert!(steps["a"].message.as_ref().unwrap().starts_with("it printed 100000010 bytes"));
}

async fn a_step_that_prints_what_is_no_text_keeps_what_can_be_read(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let run = house.start_steps(json!([{ "name": "a", "run":
        "printf 'a\\377\\376b\\000c\\n'; head -c 300000 /dev/urandom; printf '\\342\\202\\254 end\\n'" }])).await;
    let (run, _) = house.finished(run).await;
    assert_eq!(run.state, RunState::Succeeded);
    let log = house.log(run.uid, "a").await;
    assert!(log.starts_with("a\u{fffd}\u{fffd}b\0c\n") && log.ends_with("\u{20ac} end\n"), "{:?}", &log[..20]);
}

async fn a_step_that_exhausts_its_memory_fails_alone(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let run = house.start_steps(json!([
        { "name": "a", "run": "ulimit -v 200000; exec python3 -c 'b = []\nwhile True: b.append(bytearray(1 << 24))'" },
        { "name": "b", "run": "true" },
    ])).await;
    let (ended, steps) = house.finished(run).await;
    assert_eq!((ended.state, steps["b"].state), (RunState::Failed, StepState::Succeeded));
    assert!(steps["a"].message.as_ref().unwrap().contains("MemoryError"), "{:?}", steps["a"].message);
    let run = house.start_steps(json!([{ "name": "a", "run": "kill -KILL $$" }])).await;
    let (_, steps) = house.finished(run).await;
    assert!(steps["a"].message.as_ref().unwrap().contains("out of memory?"), "{:?}", steps["a"].message);
}

async fn a_step_that_leaves_a_process_behind_ends_all_the_same(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let dir = house.dir.path().display().to_string();
    let run = house.start_steps(json!([{ "name": "a",
        "run": format!("setsid sh -c 'echo $$ > {dir}/left; sleep 300' & while [ ! -s {dir}/left ]; do sleep 0.02; done; echo done") }])).await;
    let (run, _) = house.finished(run).await;
    assert_eq!(run.state, RunState::Succeeded);
    assert_eq!(house.log(run.uid, "a").await, "done\n");
    wait_gone(&wait_for(&house.dir.path().join("left")).await).await;
}

async fn an_output_that_was_not_written_is_named(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let run = house.start_steps(json!([{ "name": "a", "run": "true", "outputs": ["model.onnx"], "retries": 1 }])).await;
    let (_, steps) = house.finished(run).await;
    assert!(steps["a"].message.as_ref().unwrap().contains("did not write its output `model.onnx`"));
    assert_eq!(steps["a"].attempt, 2);
}

async fn a_step_that_fails_once_is_tried_again_in_a_fresh_directory(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let mark = house.dir.path().join("tried");
    let run = house.start_steps(json!([{ "name": "a", "retries": 2, "outputs": ["x"], "run": format!(
        "[ ! -e litter ] || exit 9; touch litter; [ -e {0} ] || {{ touch {0}; exit 1; }}; echo $MLWRIGHT_ATTEMPT > $MLWRIGHT_OUTPUTS/x",
        mark.display()) }])).await;
    let (run, steps) = house.finished(run).await;
    assert_eq!(run.state, RunState::Succeeded, "{steps:#?}");
    assert_eq!(house.text(&steps["a"], "x").await, "2\n");
}

async fn a_directory_that_cannot_be_entered_or_a_missing_program_fails_the_step_only(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let run = house.start_steps(json!([{ "name": "a", "run": "no-such-program --now" }])).await;
    let (run, steps) = house.finished(run).await;
    assert_eq!(steps["a"].exit_code, Some(127));
    assert!(house.log(run.uid, "a").await.contains("no-such-program"));
}

}

/// The machine's clock, as far as nobody sets it.
struct SetBack(std::sync::atomic::AtomicI64);

impl types::Clock for SetBack {
    fn now(&self) -> types::Timestamp {
        types::Timestamp(types::SystemClock.now().0 - self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_moment_does_not_wait_longer_because_the_clock_was_set_back() {
    use types::Clock as _;
    let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let clock = std::sync::Arc::new(SetBack(0.into()));
    let options =
        ledger::Options { place: ledger::Place::Sqlite(dir.path().join("ledger.sqlite")), readers: 2 };
    let opened = clock.clone();
    let ledger = tokio::task::spawn_blocking(move || ledger::Ledger::open(options, opened, &COMPONENTS));
    let mut config = crate::house::config(dir.path());
    config.adapters = vec![std::sync::Arc::new(Shell)];
    let house = House::at(ledger.await.unwrap().unwrap(), dir, config).await;
    let mut task = task("a", "a");
    task.retry = serde_json::from_value(json!({ "max": 1, "backoff_ms": 3_000, "factor": 0.0 })).unwrap();
    let work = work("[ $MLWRIGHT_ATTEMPT = 2 ]", &[], &[]);
    let run = house.submit_plan(request(plan(graph(&[], vec![task], &[]), &[("a", work)]))).await;
    for _ in 0..400 {
        if house.steps(run).await["a"].due_at.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let due = house.steps(run).await["a"].due_at.unwrap();
    assert!(due > clock.now());
    clock.0.store(3_600_000_000, std::sync::atomic::Ordering::SeqCst);
    let (ended, steps) = house.finished(run).await;
    assert_eq!((ended.state, steps["a"].attempt), (RunState::Succeeded, 2), "{:?}", ended.message);
    let step = &steps["a"];
    assert!(step.ended_at >= step.started_at);
}
