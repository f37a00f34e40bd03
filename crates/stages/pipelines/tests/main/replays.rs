use mlwright_pipelines::{self as pipelines, Error, Replay, ReplayState, Verdict};
use serde_json::json;
use tracking::{LogBatch, MetricPoint};
use types::Timestamp;

use crate::house::{COMPONENTS, House};

async fn judged(house: &House, run: types::Uid) -> Replay {
    let replay = pipelines::replay(&house.ledger, &house.actor, run).await.unwrap();
    for _ in 0..600 {
        let found = pipelines::get_replay(&house.ledger, &house.actor, replay.uid).await.unwrap();
        if found.state != ReplayState::Running {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the replay was not judged");
}

ledger::db_test! { components: COMPONENTS;

async fn a_run_that_depends_on_nothing_else_replays_bit_for_bit(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let count = house.dir.path().join("count");
    let run = house.start_steps(json!([
        { "name": "a", "outputs": ["x", "d"], "run": format!("echo ran >> {}; echo 1 > $MLWRIGHT_OUTPUTS/x; mkdir $MLWRIGHT_OUTPUTS/d; echo $MLWRIGHT_REPLAY; echo 2 > $MLWRIGHT_OUTPUTS/d/y", count.display()) },
        { "name": "b", "needs": ["a"], "outputs": ["z"], "run": "cat $MLWRIGHT_INPUTS/a/x $MLWRIGHT_INPUTS/a/d/y > $MLWRIGHT_OUTPUTS/z" },
    ])).await;
    house.finished(run).await;
    let replay = judged(&house, run).await;
    assert_eq!((replay.verdict, &replay.first), (Some(Verdict::BitIdentical), &None), "{replay:?}");
    assert_eq!(types::io::read_to_string(&count).unwrap(), "ran\nran\n");
    assert_eq!(house.log(replay.replay_run, "a").await, "1\n");
    let again = pipelines::get_run(&house.ledger, &house.actor, replay.replay_run).await.unwrap();
    assert_eq!(again.replay_of, Some(run));
}

async fn a_run_that_depends_on_chance_diverges_and_the_first_output_is_named(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let run = house.start_steps(json!([
        { "name": "same", "outputs": ["x"], "run": "echo 1 > $MLWRIGHT_OUTPUTS/x" },
        { "name": "chance", "needs": ["same"], "outputs": ["fixed", "y"],
          "run": "echo 1 > $MLWRIGHT_OUTPUTS/fixed; head -c 16 /dev/urandom > $MLWRIGHT_OUTPUTS/y" },
    ])).await;
    let (_, steps) = house.finished(run).await;
    let replay = judged(&house, run).await;
    assert_eq!(replay.verdict, Some(Verdict::Diverged));
    let first = replay.first.unwrap();
    assert_eq!((first.step.as_str(), first.output.as_str()), ("chance", "y"));
    assert_eq!(first.expected, steps["chance"].outputs[1].digest.to_string());
    assert_ne!(first.actual, first.expected);
}

async fn equal_metrics_are_told_apart_from_equal_bytes(ledger: ledger::Ledger) {
    let mut house = House::new(ledger).await;
    let dir = house.dir.path().display().to_string();
    let wait = |n: &str| format!("head -c 16 /dev/urandom > $MLWRIGHT_OUTPUTS/y; echo x > {dir}/here{n}$MLWRIGHT_REPLAY; \
        while [ ! -e {dir}/go{n}$MLWRIGHT_REPLAY ]; do sleep 0.02; done");
    for (n, value, verdict) in [("1", 0.5 + 1e-12, Verdict::MetricEqual), ("2", 0.6, Verdict::Diverged)] {
        let run = house.start_steps(json!([{ "name": "a", "outputs": ["y"], "experiment": "e", "run": wait(n) }])).await;
        log_when_there(&house, run, n, "", 0.5).await;
        house.finished(run).await;
        let replay = pipelines::replay(&house.ledger, &house.actor, run).await.unwrap();
        // An engine that starts anew judges as well.
        house.stop().await;
        house.start();
        log_when_there(&house, replay.replay_run, n, "1", value).await;
        house.finished(replay.replay_run).await;
        let mut found = pipelines::get_replay(&house.ledger, &house.actor, replay.uid).await.unwrap();
        while found.state == ReplayState::Running {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            found = pipelines::get_replay(&house.ledger, &house.actor, replay.uid).await.unwrap();
        }
        assert_eq!(found.verdict, Some(verdict), "{found:?}");
        assert_eq!(found.first.unwrap().output, "y");
    }
}

async fn a_run_that_failed_cannot_be_replayed(ledger: ledger::Ledger) {
    let house = House::new(ledger).await;
    let run = house.start_steps(json!([{ "name": "a", "run": "exit 1" }])).await;
    house.finished(run).await;
    let error = pipelines::replay(&house.ledger, &house.actor, run).await.unwrap_err();
    assert!(matches!(error, Error::RunState { state: "failed", .. }));
}

}

/// Logs a metric to the tracking run of step `a`, as its program would, and lets it end.
async fn log_when_there(house: &House, run: types::Uid, n: &str, replay: &str, value: f64) {
    crate::house::wait_for(&house.dir.path().join(format!("here{n}{replay}"))).await;
    let tracked = house.steps(run).await["a"].tracking_run.unwrap();
    let metrics = vec![MetricPoint::new("auc", value, 0, Timestamp(1))];
    tracking::log_batch(&house.ledger, &house.actor, tracked, LogBatch { metrics, ..LogBatch::default() })
        .await
        .unwrap();
    types::io::write(house.dir.path().join(format!("go{n}{replay}")), "x").unwrap();
}
