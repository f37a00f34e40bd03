use ledger::Direction;
use mlwright_monitoring as monitoring;
use monitoring::{BaselineRef, MonitorSpec};
use serde_json::json;

use crate::house::{COMPONENTS, House, rows, spec};

ledger::db_test! {
    components: COMPONENTS;

    async fn control_windows_are_quiet_and_drift_alarms_once_until_it_is_gone(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        monitoring::define(&house.ledger, &house.actor, spec(house.baseline().await)).await.unwrap();
        for seed in 2..6 {
            house.predict(rows(500, seed, 0)).await;
        }
        assert_eq!(house.judge().await, 4);
        assert!(house.events("drift.detected").await.is_empty());
        for seed in 6..9 {
            house.predict(rows(500, seed, 5)).await;
        }
        assert_eq!(house.judge().await, 3);
        let alarms = house.events("drift.detected").await;
        assert_eq!(alarms.len(), 1, "{alarms:?}");
        assert_eq!(alarms[0]["first_ordinal"], json!(2_000));
        assert_eq!(alarms[0]["features"], json!(["x0", "x1", "x2", "x3", "kind"]));
        house.predict(rows(500, 9, 0)).await;
        house.judge().await;
        assert_eq!(house.events("drift.cleared").await.len(), 1);
        assert_eq!(house.events("monitor.window").await.len(), 8);

        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 100).await.unwrap();
        assert_eq!(monitor.windows.iter().map(|w| w.drifted).collect::<Vec<_>>(),
            [false, true, true, true, false, false, false, false]);
        assert!(!monitor.drifted);
        let latest = monitor.latest.unwrap();
        let shown = latest.features[0].current.as_ref().unwrap();
        assert_eq!(shown.counts.iter().sum::<u64>(), 500);
        assert_eq!(shown.edges.as_ref().unwrap().len(), shown.counts.len() + 1);
        let list = monitoring::list(&house.ledger, &house.actor).await.unwrap();
        assert_eq!((list[0].windows, list[0].drifted), (8, false));

        let key = latest.uid.hex();
        let graph = house.ledger.lineage(house.actor.workspace, "monitor_window", &key, Direction::Causes, 1).await;
        let kinds: Vec<_> = graph.unwrap().nodes.into_iter().map(|n| n.kind).collect();
        assert!(kinds.contains(&"prediction_segment".to_owned()), "{kinds:?}");
        assert!(kinds.contains(&"artifact".to_owned()), "{kinds:?}");
    }

    async fn rolling_windows_overlap_and_signals_change_their_level_once(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let unseen = monitoring::Limits { warn: Some(0.1), critical: Some(0.5), clear: None };
        let slow = monitoring::Limits { warn: Some(0.001), ..Default::default() };
        let rules = monitoring::Rules {
            step: Some(100),
            unseen: Some(unseen),
            latency_p95_ms: Some(slow),
            min_rows: Some(10),
            ..Default::default()
        };
        let rolling = MonitorSpec { rules, ..spec(house.baseline().await) };
        monitoring::define(&house.ledger, &house.actor, rolling).await.unwrap();
        house.predict(rows(500, 2, 0)).await;
        house.predict(rows(500, 3, 5)).await;
        assert_eq!(house.judge().await, 6);
        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        let places: Vec<_> = monitor.windows.iter().rev().map(|w| (w.first_ordinal, w.next_ordinal)).collect();
        assert_eq!(places[..3], [(0, 500), (100, 600), (200, 700)]);
        assert_eq!(monitor.windows[0].level, monitoring::Level::Critical);
        let told = house.events("monitor.signal").await;
        let of = |name: &str| told.iter().filter(|e| e["signal"] == json!(name)).count();
        assert_eq!((of("unseen"), of("latency_p95_ms")), (2, 1), "{told:?}");
    }

    async fn windows_are_compared_with_those_before_where_it_is_said(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let rules = monitoring::Rules { against: monitoring::Against::Previous, ..Default::default() };
        let previous = MonitorSpec { rules, ..spec(house.baseline().await) };
        monitoring::define(&house.ledger, &house.actor, previous).await.unwrap();
        for (seed, shifted) in [(2, 5), (3, 5), (4, 0), (5, 0)] {
            house.predict(rows(500, seed, shifted)).await;
        }
        assert_eq!(house.judge().await, 3);
        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        let drifted: Vec<_> = monitor.windows.iter().rev().map(|w| w.drifted).collect();
        assert_eq!(drifted, [false, true, false]);
    }

    async fn a_restart_goes_on_where_it_was(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let two = MonitorSpec { consecutive: 2, ..spec(house.baseline().await) };
        monitoring::define(&house.ledger, &house.actor, two).await.unwrap();
        house.predict(rows(700, 2, 5)).await;
        assert_eq!(house.judge().await, 1);
        assert!(house.events("drift.detected").await.is_empty());
        let house = house.restart().await;
        assert_eq!(house.judge().await, 0);
        house.predict(rows(300, 3, 5)).await;
        assert_eq!(house.judge().await, 1);
        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        let places: Vec<_> = monitor.windows.iter().map(|w| (w.first_ordinal, w.next_ordinal)).collect();
        assert_eq!(places, [(500, 1_000), (0, 500)]);
        assert_eq!(house.events("drift.detected").await.len(), 1);
    }

    async fn too_few_drifted_features_are_no_drifted_window(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        monitoring::define(&house.ledger, &house.actor, spec(house.baseline().await)).await.unwrap();
        house.predict(rows(500, 2, 1)).await;
        house.judge().await;
        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        assert!((monitor.windows[0].share - 0.2).abs() < 1e-9);
        assert!(monitor.windows[0].features[0].drifted && !monitor.windows[0].drifted);
    }

    async fn a_new_deployment_ends_the_alarm_and_is_never_mixed_with_the_old_one(ledger: ledger::Ledger) {
        let mut house = House::new(ledger).await;
        monitoring::define(&house.ledger, &house.actor, spec(house.baseline().await)).await.unwrap();
        house.predict(rows(800, 2, 5)).await;
        house.judge().await;
        house.revision = types::new_id(house.ledger.clock().now());
        house.predict(rows(499, 3, 0)).await;
        assert_eq!(house.judge().await, 0);
        house.predict(rows(1, 4, 0)).await;
        assert_eq!(house.judge().await, 1);
        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        assert_eq!((monitor.windows[0].first_ordinal, monitor.windows[0].drifted), (800, false));
        let cleared = house.events("drift.cleared").await;
        assert_eq!(cleared.len(), 1);
        assert_eq!(cleared[0]["reason"], json!("deployed"));
    }

    async fn late_labels_give_the_performance_of_their_window(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        monitoring::define(&house.ledger, &house.actor, spec(house.baseline().await)).await.unwrap();
        let columns = rows(500, 2, 0);
        let runtimes::Values::Float(first) = columns[0].1.clone() else { unreachable!() };
        let ids = house.predict(columns).await;
        house.judge().await;
        let before = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        assert!(before.performance.is_empty());
        // What the model says is right, so far.
        house.label(&ids[..100], first.iter().map(|p| *p >= 0.5)).await;
        house.judge().await;
        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        assert_eq!(monitor.performance[0].rows, 100);
        assert!((monitor.performance[0].metrics["accuracy"] - 1.0).abs() < 1e-12);
        // The rest turns out the other way round.
        house.label(&ids[100..], first[100..].iter().map(|p| *p < 0.5)).await;
        house.judge().await;
        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        assert!((monitor.performance[0].metrics["accuracy"] - 0.2).abs() < 1e-12);
    }

    async fn a_monitor_without_baseline_says_so_and_takes_nothing_from_the_log(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let output = BaselineRef::Output { pipeline: "train".into(), step: "split".into(), output: "t".into() };
        let early = MonitorSpec { baseline: output, ..spec(types::Digest::of("")) };
        monitoring::define(&house.ledger, &house.actor, early.clone()).await.unwrap();
        house.predict(rows(500, 2, 0)).await;
        assert_eq!(house.judge().await, 0);
        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        let problem = "monitor `drift` has no baseline: pipeline `train` has no successful run";
        assert_eq!(monitor.problem.as_deref(), Some(problem));
        let mended = MonitorSpec { baseline: spec(house.baseline().await).baseline, ..early };
        monitoring::define(&house.ledger, &house.actor, mended).await.unwrap();
        assert_eq!(house.judge().await, 1);
        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        assert_eq!(monitor.problem, None);
    }

    async fn defining_the_same_again_changes_nothing(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let wanted = spec(types::Digest::of("x"));
        for _ in 0..2 {
            monitoring::define(&house.ledger, &house.actor, wanted.clone()).await.unwrap();
        }
        assert_eq!(house.events("monitor.defined").await.len(), 1);
        monitoring::remove(&house.ledger, &house.actor, "drift").await.unwrap();
        assert!(monitoring::get(&house.ledger, &house.actor, "drift", 1).await.is_err());
        assert!(monitoring::remove(&house.ledger, &house.actor, "drift").await.is_err());
        let bad = MonitorSpec { share: 0.0, ..wanted };
        let error = monitoring::define(&house.ledger, &house.actor, bad).await.unwrap_err();
        assert_eq!(error.to_string(), "monitor `drift`: the share 0 is not above 0 and at most 1");
    }
}
