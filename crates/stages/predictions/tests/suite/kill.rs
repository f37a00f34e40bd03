//! `kill -9` of a process that logs, and what the next one finds.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use blobs::{BlobConfig, Blobs};
use ledger::{Ledger, Options, Place};
use mlwright_predictions as predictions;
use predictions::{Log, Window};
use runtimes::{Column, Values};
use types::{Actor, SystemClock, Uid};

use crate::house::{House, batch, config};

const CHILD: &str = "MLWRIGHT_TEST_PREDICTIONS_DIR";

async fn open(dir: &std::path::Path) -> (Ledger, Log) {
    let options = Options { place: Place::Sqlite(dir.join("ledger.sqlite")), readers: 1 };
    let ledger = Ledger::open(options, Arc::new(SystemClock), &[predictions::COMPONENT]).unwrap();
    let blobs = Blobs::open(&BlobConfig::Local(dir.join("blobs"))).await.unwrap();
    let mut config = config(dir);
    // Seals while it runs, so that the kill may hit any step of it.
    config.segment_rows = 25;
    let log = Log::open(config, &ledger, &blobs).await.unwrap();
    (ledger, log)
}

/// The process that is killed: acknowledges each prediction on standard output, until it dies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_logs_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let (_ledger, log) = open(dir.as_ref()).await;
    let supervisor = tasks::Supervisor::new();
    let kind =
        tasks::TaskKind { name: "predictions", on_error: tasks::OnError::Log, on_stop: tasks::OnStop::Wait };
    let (sealer, token) = (log.clone(), supervisor.token());
    supervisor.spawn(kind, async move { sealer.run(token).await });
    for i in 0..1_000_000 {
        let batch = batch("e", &[f64::from(i), 0.5]);
        let ids = format!("acknowledged {} {}\n", batch.ids[0], batch.ids[1]);
        log.record_durable(batch).await.unwrap();
        let mut out = std::io::stdout().lock();
        out.write_all(ids.as_bytes()).unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<Uid> = Vec::new();
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child_that_logs_until_it_is_killed", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines {
            let line = line.unwrap_or_default();
            let mut words = line.split(' ');
            if words.next().is_some_and(|w| w.ends_with("acknowledged")) {
                acknowledged.extend(words.map(|id| id.parse::<Uid>().unwrap()));
                seen += 1;
            }
            if seen == 20 + round * 17 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen > 0, "the child died by itself");
    }
    let (ledger, log) = open(dir.path()).await;
    let actor = Actor::system("test");
    let rows = log.window(&actor, "e", Window::Last(1_000_000)).await.unwrap();
    let stored: std::collections::HashSet<Uid> = rows.ids.iter().copied().collect();
    let lost = acknowledged.iter().filter(|id| !stored.contains(id)).count();
    assert_eq!(lost, 0, "of {} acknowledged predictions", acknowledged.len());
    assert_eq!(stored.len(), rows.len(), "no row came twice");
    assert_eq!(rows.ordinals, (0..rows.len() as i64).collect::<Vec<_>>(), "ordinals are dense");
    log.seal(&actor, "e").await.unwrap();
    let sealed = log.window(&actor, "e", Window::Last(1_000_000)).await.unwrap();
    assert_eq!(sealed.ids, rows.ids);
    ledger.verify_chain().await.unwrap();
}

ledger::db_test! {
    components: [predictions::COMPONENT];

    async fn a_record_that_was_cut_short_is_left_out_and_the_rest_is_read(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        house.log.record(batch("e", &[1.0]));
        house.log.record(batch("e", &[2.0]));
        house.log.flush().await.unwrap();
        let spool = std::fs::read_dir(house.dir.path().join("predictions/spool")).unwrap().next().unwrap();
        let path = spool.unwrap().path();
        let bytes = types::io::read(&path).unwrap();
        types::io::write(&path, &bytes[..bytes.len() - 20]).unwrap();
        let again = house.again().await;
        let rows = again.window(&house.actor, "e", Window::Last(5)).await.unwrap();
        assert_eq!(rows.inputs.numbers("x").unwrap(), [Some(1.0)]);
        again.record(batch("e", &[3.0]));
        again.seal(&house.actor, "e").await.unwrap();
        let rows = again.window(&house.actor, "e", Window::Last(5)).await.unwrap();
        assert_eq!(rows.ordinals, [0, 1]);
        assert_eq!(house.spools(), 0);
    }

    async fn a_spool_that_was_sealed_before_the_crash_is_not_read_twice(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        house.log.record(batch("e", &[1.0]));
        house.log.flush().await.unwrap();
        let folder = house.dir.path().join("predictions/spool");
        let path = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
        let bytes = types::io::read(&path).unwrap();
        house.log.seal(&house.actor, "e").await.unwrap();
        // As if the process had died between the commit and the removal.
        types::io::write(&path, bytes).unwrap();
        let again = house.again().await;
        let rows = again.window(&house.actor, "e", Window::Last(5)).await.unwrap();
        assert_eq!((rows.len(), house.spools()), (1, 0));
    }

    async fn rubbish_in_the_spool_folder_does_not_stop_the_start(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let folder = house.dir.path().join("predictions/spool");
        for (name, bytes) in [
            ("a.jsonl", &b""[..]),
            ("b.jsonl", b"{\"format\":1"),
            ("c.jsonl", b"\xff\xfe\n"),
            ("d.spool", b""),
            ("e.spool", b"\xff\xfe\n\xff"),
        ] {
            types::io::write(folder.join(name), bytes).unwrap();
        }
        let again = house.again().await;
        assert_eq!(again.total(&house.actor, "e").await.unwrap(), 0);
    }

    async fn records_of_every_type_come_back_as_they_were(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let mut odd = batch("e", &[f64::NAN, f64::INFINITY, -0.0, 5e-324]);
        odd.inputs.columns.push(Column {
            name: "whole".into(),
            values: Values::Integer(vec![Some(i64::MIN), None, Some(0), Some(i64::MAX)]),
        });
        odd.inputs.columns.push(Column {
            name: "flag".into(),
            values: Values::Boolean(vec![Some(true), None, Some(false), None]),
        });
        odd.outputs.columns.push(Column {
            name: "text".into(),
            values: Values::Text(vec![Some(String::new()), None, Some("zwölf\n\0".into()), Some("x".repeat(70_000))]),
        });
        // Two shapes in turn, as a canary makes them.
        let mut canary = batch("e", &[8.0]);
        canary.variant = "canary".into();
        for batch in [batch("e", &[7.0]), odd.clone(), canary.clone(), odd, canary] {
            assert!(house.log.record(batch));
        }
        let before = house.log.window(&house.actor, "e", Window::Last(50)).await.unwrap();
        let again = house.again().await;
        let after = again.window(&house.actor, "e", Window::Last(50)).await.unwrap();
        assert_eq!((before.len(), &before.ids, &before.at), (11, &after.ids, &after.at));
        assert_eq!((&before.inputs, &before.outputs), (&after.inputs, &after.outputs));
        let variant = |log: predictions::Log, id: Uid| {
            let actor = house.actor.clone();
            async move { log.find(&actor, id).await.unwrap().unwrap().variant }
        };
        for (row, wanted) in [(0, "only"), (4, "only"), (5, "canary"), (6, "only"), (10, "canary")] {
            assert_eq!(variant(again.clone(), after.ids[row]).await, wanted, "row {row}");
        }
    }

    async fn damage_in_the_middle_costs_that_record_only(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        for x in [1.0, 2.0, 3.0] {
            house.log.record(batch("e", &[x]));
        }
        house.log.flush().await.unwrap();
        let folder = house.dir.path().join("predictions/spool");
        let path = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
        let mut bytes = types::io::read(&path).unwrap();
        let two = bytes.windows(8).position(|w| w == 2f64.to_le_bytes()).unwrap();
        bytes[two] ^= 1;
        types::io::write(&path, bytes).unwrap();
        let rows = house.again().await.window(&house.actor, "e", Window::Last(5)).await.unwrap();
        assert_eq!(rows.inputs.numbers("x").unwrap(), [Some(1.0), Some(3.0)]);
    }

    async fn a_spool_of_the_first_format_is_read(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let folder = house.dir.path().join("predictions/spool");
        types::io::write(folder.join("old.jsonl"), include_str!("spool_of_format_1.jsonl")).unwrap();
        let rows = house.again().await.window(&house.actor, "e", Window::Last(5)).await.unwrap();
        assert_eq!(rows.ordinals, [4, 5]);
        assert_eq!(rows.latency_us, [42, 42]);
        assert_eq!((&rows.principals, &rows.flags), (&vec![String::new(); 2], &vec![Vec::new(); 2]));
        assert_eq!(rows.inputs.numbers("x").unwrap(), [Some(1.5), None]);
        assert_eq!(rows.inputs.texts("kind").unwrap(), [Some("a".to_owned()), None]);
        assert_eq!(rows.outputs.numbers("score").unwrap(), [Some(f64::INFINITY), Some(0.25)]);
    }
}
