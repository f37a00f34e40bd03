//! What is kept of runs, and what is not: earlier attempts, folders, secrets, values that are too large.

use std::time::Duration;

use mlwright_pipelines::{self as pipelines, Error, Kind, RunState, SubmitPlan, Verdict};
use serde_json::json;

use crate::house::{COMPONENTS, House};
use crate::plans::*;

fn single(run: &str, outputs: &[(&str, Kind)]) -> pipelines::Plan {
    plan(graph(&[], vec![task("a", "a")], &[]), &[("a", work(run, &[], outputs))])
}

fn vault(dir: &std::path::Path) -> vault::Vault {
    vault::Vault::open(dir, None).unwrap()
}

ledger::db_test! { components: COMPONENTS;

async fn every_attempt_is_kept_with_its_log(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let mut plan = single("echo try $MLWRIGHT_ATTEMPT; [ $MLWRIGHT_ATTEMPT -ge 3 ] || exit $MLWRIGHT_ATTEMPT", &[]);
    plan.root.tasks[0].retry = serde_json::from_value(json!({ "max": 1, "backoff_ms": 0, "factor": 0.0 })).unwrap();
    let (run, steps) = house.run_plan(plan).await;
    assert_eq!((run.state, steps["a"].attempt), (RunState::Failed, 2));
    pipelines::retry(&house.ledger, &house.actor, run.uid).await.unwrap();
    let (run, steps) = house.finished(run.uid).await;
    assert_eq!((run.state, steps["a"].attempt), (RunState::Succeeded, 3));
    let step = steps["a"].uid;
    // Logs are put away in their own time.
    for attempt in 1..=3 {
        let mut text = String::new();
        for _ in 0..100 {
            let part = house.engine.read_attempt_log(&house.actor, run.uid, "a", Some(attempt), 0).await.unwrap();
            text = part.text;
            if !text.is_empty() { break }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(text, format!("try {attempt}\n"));
    }
    let earlier = pipelines::earlier_attempts(&house.ledger, &house.actor, run.uid).await.unwrap();
    let told: Vec<_> = earlier[&step].iter().map(|a| (a.attempt, a.state.name(), a.exit_code)).collect();
    assert_eq!(told, [(1, "failed", Some(1)), (2, "failed", Some(2))]);
    assert!(earlier[&step].iter().all(|a| a.started_at.is_some() && a.ended_at >= a.started_at && a.message.is_some()));
    let error = house.engine.read_attempt_log(&house.actor, run.uid, "a", Some(9), 0).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { what: "attempt", .. }));
}

async fn a_run_of_a_plan_is_replayed_and_compared_by_its_values(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let dir = house.dir.path().display().to_string();
    let same = single("echo '{\"b\": [1, 2]}' > $OUT/v; echo text > $OUT/f", &[("v", Kind::Map), ("f", file())]);
    // What it gives depends on what lies on the disk.
    let other = single(&format!("cat {dir}/value > $OUT/v"), &[("v", Kind::Number)]);
    types::io::write(house.dir.path().join("value"), "1.5").unwrap();
    let judged = |run: types::Uid| {
        let house = &house;
        async move {
            let replay = pipelines::replay(&house.ledger, &house.actor, run).await.unwrap();
            let (again, _) = house.finished(replay.replay_run).await;
            assert_eq!((again.state, again.replay_of), (RunState::Succeeded, Some(run)), "{:?}", again.message);
            for _ in 0..200 {
                let found = pipelines::get_replay(&house.ledger, &house.actor, replay.uid).await.unwrap();
                if found.ended_at.is_some() { return found }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            panic!("the replay was not judged");
        }
    };
    let (first, _) = house.run_plan(same).await;
    let found = judged(first.uid).await;
    assert_eq!(found.verdict, Some(Verdict::BitIdentical), "{found:?}");
    let (second, _) = house.run_plan(other).await;
    types::io::write(house.dir.path().join("value"), "1.5000000000001").unwrap();
    let found = judged(second.uid).await;
    assert_eq!(found.verdict, Some(Verdict::MetricEqual), "{found:?}");
    types::io::write(house.dir.path().join("value"), "2.5").unwrap();
    let found = judged(second.uid).await;
    let first = found.first.unwrap();
    assert_eq!(found.verdict, Some(Verdict::Diverged));
    assert_eq!((first.step.as_str(), first.output.as_str(), first.expected.as_str(), first.actual.as_str()), ("a", "v", "1.5", "2.5"));
}

async fn the_folder_of_a_run_goes_with_it_or_after_its_time(ledger: ledger::Ledger) {
    let house = House::with(ledger, |config| {
        config.adapters = vec![std::sync::Arc::new(Shell)];
        config.keep = Some(Duration::from_secs(1));
    }).await;
    let folder = |run: types::Uid| house.dir.path().join("data/pipelines").join(run.hex());
    let (first, _) = house.run_plan(single("echo first", &[])).await;
    let (second, _) = house.run_plan(single("echo second", &[])).await;
    let going = house.submit_plan(request(single("sleep 5", &[]))).await;
    assert!(folder(first.uid).exists() && folder(second.uid).exists());
    house.engine.delete_run(&house.actor, first.uid).await.unwrap();
    assert!(!folder(first.uid).exists());
    let code = house.dir.path().join("data/code/old");
    types::io::create_dir_all(&code).unwrap();
    tokio::time::sleep(Duration::from_millis(1300)).await;
    house.engine.prune().await.unwrap();
    assert!(!folder(second.uid).exists() && !code.exists());
    assert!(folder(going).exists(), "it goes on");
    assert_eq!(house.log(second.uid, "a").await, "second\n", "its log is in the blob store");
    pipelines::cancel(&house.ledger, &house.actor, going).await.unwrap();
    house.finished(going).await;
}

async fn a_step_gets_its_secrets_and_nobody_reads_them_in_its_log(ledger: ledger::Ledger) {
    let keys = tempfile::tempdir().unwrap();
    let opened = vault(keys.path());
    let house = House::with(ledger, |config| {
        config.adapters = vec![std::sync::Arc::new(Shell)];
        config.vault = Some(opened.clone());
    }).await;
    house.engine.set_secret(&house.actor, "vendor/key".into(), "wrong".into()).await.unwrap();
    house.engine.set_secret(&house.actor, "vendor/key".into(), "tr0ub4dor&3".into()).await.unwrap();
    let mut plan = single(
        "echo \"key is $API_KEY.\"; printf %s $API_KEY | wc -c; echo \"no: $API_KEY\" > ../message; exit 1", &[]);
    plan.root.tasks[0].secrets.insert("API_KEY".into(), "vendor/key".into());
    let (run, steps) = house.run_plan(plan.clone()).await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(house.log(run.uid, "a").await.replace(' ', ""), "keyis***.\n11\n");
    assert_eq!(steps["a"].message.as_deref(), Some("no: ***"));
    let events = ledger::testing::events(&house.ledger).await;
    assert!(events.iter().all(|event| !event.payload.to_string().contains("tr0ub4dor")));
    let listed = pipelines::list_secrets(&house.ledger, &house.actor).await.unwrap();
    assert_eq!(listed.iter().map(|secret| secret.name.as_str()).collect::<Vec<_>>(), ["vendor/key"]);
    pipelines::delete_secret(&house.ledger, &house.actor, "vendor/key".into()).await.unwrap();
    let (run, steps) = house.run_plan(plan).await;
    assert_eq!(run.state, RunState::Failed);
    assert!(steps["a"].message.as_ref().unwrap().contains("secret `vendor/key` does not exist"), "{:?}", steps["a"].message);
    for (name, value) in [("", "x"), ("a b", "x"), ("ok", "")] {
        let error = house.engine.set_secret(&house.actor, name.into(), value.into()).await.unwrap_err();
        assert!(matches!(error, Error::Secret { .. }), "{error}");
    }
}

async fn secrets_that_a_kind_of_work_wants_come_as_variables_and_as_files(ledger: ledger::Ledger) {
    let keys = tempfile::tempdir().unwrap();
    let opened = vault(keys.path());
    let house = House::with(ledger, |config| {
        config.adapters = vec![std::sync::Arc::new(Shell)];
        config.vault = Some(opened.clone());
    }).await;
    for (name, value) in [("db/user", "somebody"), ("db/pass", "tr0ub4dor&3"), ("db0/x", "not wanted"), ("set/level", "verbose")] {
        house.engine.set_secret(&house.actor, name.into(), value.into()).await.unwrap();
    }
    let mut plan = single(
        "echo $PASS $LEVEL_OPEN [$MAYBE]; cat $SECRETS/user; echo; ls $SECRETS; stat -c %a $SECRETS/pass $SECRETS/..", &[]);
    let Some(pipelines::Component::Work(work)) = plan.components.get_mut("a") else { panic!() };
    work.spec["secrets"] = json!({ "PASS": "db/pass", "MAYBE": "no/such", "LEVEL_OPEN": "set/level" });
    work.spec["folder"] = json!("db");
    let (run, steps) = house.run_plan(plan.clone()).await;
    succeeded(&run, &steps);
    let log = house.log(run.uid, "a").await;
    assert_eq!(log, "[mlwright] with secrets\n*** verbose []\n***\npass\nuser\n600\n700\n");
    let left = house.engine.config().data_dir.join("pipelines").join(run.uid.hex()).join(steps["a"].uid.hex()).join("1/secrets");
    for _ in 0..200 {
        if !left.exists() { break }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!left.exists(), "files with secrets stay after the attempt");
    for (field, value, words) in [("secrets", json!({ "A": "db/none" }), "`db/none` does not exist"), ("folder", json!("none"), "secrets set none/<key>")] {
        let mut plan = plan.clone();
        let Some(pipelines::Component::Work(work)) = plan.components.get_mut("a") else { panic!() };
        work.spec[field] = value;
        let (run, steps) = house.run_plan(plan).await;
        assert_eq!(run.state, RunState::Failed);
        assert!(steps["a"].message.as_ref().unwrap().contains(words), "{:?}", steps["a"].message);
    }
}

async fn a_server_tells_its_peers_what_its_tasks_print(ledger: ledger::Ledger) {
    let keys = tempfile::tempdir().unwrap();
    let opened = vault(keys.path());
    let house = House::with(ledger, |config| {
        config.adapters = vec![std::sync::Arc::new(Shell)];
        config.vault = Some(opened.clone());
    }).await;
    let dir = house.dir.path().display().to_string();
    let run = house.submit_plan(request(single(&format!("echo so far; while [ ! -e {dir}/go ]; do sleep 0.02; done; echo more"), &[]))).await;
    for _ in 0..200 {
        if house.steps(run).await["a"].attempt == 1 && house.log(run, "a").await == "so far\n" { break }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let step = house.steps(run).await["a"].uid;
    let now = house.ledger.clock().now();
    let token = |until: types::Timestamp, step: types::Uid, offset: u64| {
        let wanted = json!({ "workspace": 1, "run": run, "step": step, "attempt": 1, "offset": offset });
        opened.sign("pipeline-log", until, &wanted).unwrap()
    };
    let later = types::Timestamp(now.0 + 60_000_000);
    let part = house.engine.read_log_for_peer(&token(later, step, 3)).await.unwrap();
    assert_eq!((part.text.as_str(), part.next_offset, part.eof), ("far\n", 7, false));
    types::io::write(house.dir.path().join("go"), "x").unwrap();
    house.finished(run).await;
    let part = house.engine.read_log_for_peer(&token(later, step, 7)).await.unwrap();
    assert_eq!((part.text.as_str(), part.eof), ("more\n", true));
    let earlier = types::Timestamp(now.0 - 60_000_000);
    for token in [token(earlier, step, 0), "made.up".to_owned()] {
        assert!(matches!(house.engine.read_log_for_peer(&token).await, Err(Error::NoTask)));
    }
    let elsewhere = house.engine.read_log_for_peer(&token(later, run, 0)).await;
    assert!(matches!(elsewhere, Err(Error::NotFound { .. })), "{elsewhere:?}");
}

async fn a_value_that_is_too_large_is_refused_with_what_to_do(ledger: ledger::Ledger) {
    let house = House::with_shell(ledger).await;
    let large = "x".repeat(5 << 20);
    let (run, steps) = house.run_plan(single("(printf '\"'; head -c 5300000 /dev/zero | tr '\\0' x; printf '\"') > $OUT/v", &[("v", Kind::Text)])).await;
    assert_eq!(run.state, RunState::Failed);
    let said = steps["a"].message.clone().unwrap();
    assert!(said.contains("output `v`") && said.contains("5.1 MiB") && said.contains("artifact"), "{said}");
    let mut graph = graph(&[("v", Kind::Text)], vec![task("a", "a")], &[]);
    graph.outputs.clear();
    let mut wanted: SubmitPlan = request(plan(graph, &[("a", work("true", &[], &[]))]));
    wanted.inputs.insert("v".into(), pipelines::Datum::Value(large.into()));
    let error = pipelines::submit_plan(&house.ledger, &house.blobs, &house.actor, wanted).await.unwrap_err();
    assert!(matches!(error, Error::Input { .. }) && error.to_string().contains("at most 4 MiB"), "{error}");
}

}
