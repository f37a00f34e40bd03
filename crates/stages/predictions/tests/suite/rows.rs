use std::time::Duration;

use mlwright_predictions as predictions;
use predictions::{Rows, Window};
use runtimes::Values;
use serde_json::json;
use types::Uid;

use crate::house::{House, batch, frame, now};

fn xs(rows: &Rows) -> Vec<f64> {
    rows.inputs.numbers("x").unwrap().into_iter().map(Option::unwrap).collect()
}

ledger::db_test! {
    components: [predictions::COMPONENT];

    async fn rows_read_the_same_before_and_after_sealing(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let (one, two) = (batch("e", &[1.0, 2.0]), batch("e", &[3.0]));
        let ids: Vec<Uid> = one.ids.iter().chain(&two.ids).copied().collect();
        assert!(house.log.record(one));
        assert!(house.log.record(two));
        assert!(house.log.record(batch("other", &[9.0])));

        let before = house.log.window(&house.actor, "e", Window::Last(10)).await.unwrap();
        let found = house.log.find(&house.actor, ids[2]).await.unwrap().unwrap();
        assert_eq!(found.segment, None);
        assert_eq!((found.ordinal, found.latency_us, found.version), (2, 42, 3));
        assert_eq!(found.inputs, json!({"kind": "k3", "x": 3.0}));
        assert_eq!(found.outputs, json!({"score": 1.5}));

        let segment = house.log.seal(&house.actor, "e").await.unwrap().unwrap();
        let after = house.log.window(&house.actor, "e", Window::Last(10)).await.unwrap();
        assert_eq!(before.segments, []);
        assert_eq!(after.segments, [segment]);
        for rows in [&before, &after] {
            assert_eq!(xs(rows), [1.0, 2.0, 3.0]);
            assert_eq!((&rows.ordinals, &rows.ids), (&vec![0, 1, 2], &ids));
            assert_eq!(rows.outputs.numbers("score").unwrap(), [Some(0.5), Some(1.0), Some(1.5)]);
        }
        let found = house.log.find(&house.actor, ids[2]).await.unwrap().unwrap();
        assert_eq!(found.segment, Some(segment));
        assert_eq!(found.inputs, json!({"kind": "k3", "x": 3.0}));
        assert_eq!(house.log.find(&house.actor, Uid::from_u128(1)).await.unwrap().map(|f| f.id), None);

        let events = ledger::testing::events(&house.ledger).await;
        let sealed: Vec<_> = events.iter().filter(|e| e.kind == "predictions.sealed").collect();
        assert_eq!(sealed.len(), 1);
        assert_eq!((&sealed[0].payload["rows"], &sealed[0].payload["endpoint"]), (&json!(3), &json!("e")));
        assert_eq!(house.spools(), 1, "the spool of the other endpoint stays");
    }

    async fn ordinals_are_dense_over_segments_and_windows_cross_them(ledger: ledger::Ledger) {
        let house = House::with(ledger, |c| c.segment_rows = 10).await;
        let token = tasks::CancellationToken::new();
        let (log, stop) = (house.log.clone(), token.clone());
        let running = tasks::Supervisor::new();
        let kind = tasks::TaskKind {
            name: "predictions",
            on_error: tasks::OnError::Log,
            on_stop: tasks::OnStop::Wait,
        };
        running.spawn(kind, async move { log.run(stop).await });
        for i in 0..35 {
            house.log.record(batch("e", &[f64::from(i)]));
        }
        for _ in 0..100 {
            if house.log.window(&house.actor, "e", Window::Last(35)).await.unwrap().segments.len() == 3 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let all = house.log.window(&house.actor, "e", Window::Last(100)).await.unwrap();
        assert_eq!(all.segments.len(), 3, "sealed by count, the rest still in the spool");
        assert_eq!(all.ordinals, (0..35).collect::<Vec<i64>>());
        let part = house.log.window(&house.actor, "e", Window::From { ordinal: 8, limit: 15 }).await.unwrap();
        assert_eq!(xs(&part), (8..23).map(f64::from).collect::<Vec<_>>());
        let last = house.log.window(&house.actor, "e", Window::Last(7)).await.unwrap();
        assert_eq!(last.ordinals, (28..35).collect::<Vec<i64>>());
        let beyond = house.log.window(&house.actor, "e", Window::From { ordinal: 35, limit: 5 }).await.unwrap();
        assert!(beyond.is_empty());
        assert_eq!(house.log.total(&house.actor, "e").await.unwrap(), 35);
        assert!(house.log.window(&house.actor, "nobody", Window::Last(5)).await.unwrap().is_empty());
        token.cancel();
    }

    async fn windows_of_time_hold_what_was_predicted_in_them(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let start = now();
        for (second, x) in [(0, 1.0), (10, 2.0), (20, 3.0)] {
            let mut b = batch("e", &[x]);
            b.at = start.plus_seconds(second);
            house.log.record(b);
            if second == 10 {
                house.log.seal(&house.actor, "e").await.unwrap();
            }
        }
        let window = Window::Between { from: start.plus_seconds(10), to: start.plus_seconds(20) };
        assert_eq!(xs(&house.log.window(&house.actor, "e", window).await.unwrap()), [2.0]);
        let window = Window::Between { from: start, to: start.plus_seconds(60) };
        assert_eq!(xs(&house.log.window(&house.actor, "e", window).await.unwrap()), [1.0, 2.0, 3.0]);
    }

    async fn columns_that_come_and_go_are_null_where_they_are_absent(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        house.log.record(batch("e", &[1.0]));
        house.log.seal(&house.actor, "e").await.unwrap();
        let mut newer = batch("e", &[2.0]);
        newer.inputs = frame(vec![
            ("x", Values::Integer(vec![Some(2)])),
            ("y", Values::Boolean(vec![Some(true)])),
            ("kind", Values::Integer(vec![Some(5)])),
        ]);
        house.log.record(newer);
        let rows = house.log.window(&house.actor, "e", Window::Last(5)).await.unwrap();
        assert_eq!(xs(&rows), [1.0, 2.0]);
        assert_eq!(rows.inputs.numbers("y").unwrap(), [None, Some(1.0)]);
        assert_eq!(rows.inputs.texts("kind").unwrap(), [Some("k1".into()), Some("5".into())]);
    }

    async fn missing_and_infinite_numbers_survive_the_spool(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        house.log.record(batch("e", &[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.1]));
        house.log.flush().await.unwrap();
        let again = house.again().await;
        let rows = again.window(&house.actor, "e", Window::Last(5)).await.unwrap();
        let numbers = rows.inputs.numbers("x").unwrap();
        assert_eq!(numbers, [None, Some(f64::INFINITY), Some(f64::NEG_INFINITY), Some(0.1)]);
    }

    async fn what_does_not_fit_is_dropped_and_counted_and_nobody_waits(ledger: ledger::Ledger) {
        let house = House::with(ledger, |c| c.most_unsealed = 10).await;
        for _ in 0..15 {
            house.log.record(batch("e", &[1.0]));
        }
        house.log.flush().await.unwrap();
        let stats = house.log.stats();
        assert_eq!((stats.dropped, stats.unsealed), (5, 10));
        assert!(house.log.record_durable(batch("e", &[1.0])).await.is_err(), "durable says so");
        house.log.seal(&house.actor, "e").await.unwrap();
        house.log.record_durable(batch("e", &[2.0])).await.unwrap();
        assert_eq!(house.log.total(&house.actor, "e").await.unwrap(), 11);
    }

    async fn who_asked_and_what_was_noticed_stay_with_the_row(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let mut noticed = batch("e", &[1.0, 2.0]);
        noticed.flags = vec![Vec::new(), vec!["range:x".into(), "novelty".into()]];
        let id = noticed.ids[1];
        house.log.record(noticed);
        house.log.record(batch("e", &[3.0]));
        for sealed in [false, true] {
            if sealed {
                house.log.seal(&house.actor, "e").await.unwrap();
            }
            let rows = house.log.window(&house.actor, "e", Window::Last(5)).await.unwrap();
            assert_eq!(rows.principals, ["user:ann"; 3]);
            assert_eq!(rows.flags, [vec![], vec!["range:x".to_owned(), "novelty".to_owned()], vec![]]);
            let found = house.log.find(&house.actor, id).await.unwrap().unwrap();
            assert_eq!((found.principal.as_str(), found.flags.len()), ("user:ann", 2));
        }
    }

    async fn who_asked_and_what_was_noticed_survive_the_spool(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let mut noticed = batch("e", &[1.0, 2.0]);
        noticed.flags = vec![Vec::new(), vec!["range:größe".into(), "novelty".into()]];
        for batch in [batch("e", &[0.0]), noticed] {
            house.log.record(batch);
        }
        house.log.flush().await.unwrap();
        let rows = house.again().await.window(&house.actor, "e", Window::Last(5)).await.unwrap();
        assert_eq!(rows.principals, ["user:ann"; 3]);
        assert_eq!(rows.flags, [vec![], vec![], vec!["range:größe".to_owned(), "novelty".to_owned()]]);
    }
}
