use mlwright_monitoring as monitoring;
use monitoring::{Bias, Clients, Level, Limits, MonitorSpec, Rules};
use runtimes::Values;
use serde_json::json;

use crate::house::{COMPONENTS, House, rows, spec};

/// The rows of a window in which `kind` decides: those of kind `b` get scores above one half `often` of a hundred times.
fn unequal(seed: u64, often: usize) -> Vec<(String, Values)> {
    let mut columns = rows(500, seed, 0);
    let kinds: Vec<Option<String>> =
        (0..500).map(|i| Some(if i % 2 == 0 { "a" } else { "b" }.to_owned())).collect();
    let score = |i: usize| {
        let positive = i / 2 % 100 < if i.is_multiple_of(2) { 50 } else { often };
        if positive { 0.9 } else { 0.1 }
    };
    columns[0].1 = Values::Float((0..500).map(score).collect());
    columns[4].1 = Values::Text(kinds);
    columns
}

fn warn(at: f64) -> Option<Limits> {
    Some(Limits { warn: Some(at), ..Limits::default() })
}

ledger::db_test! {
    components: COMPONENTS;

    async fn groups_that_are_treated_unequally_are_told_until_it_is_clearly_over(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let limits = Limits { warn: Some(0.2), critical: Some(0.3), clear: Some(0.05) };
        let bias = Bias { by: vec!["kind".into()], demographic_parity_difference: Some(limits), ..Bias::default() };
        let rules = Rules { bias: Some(bias), ..Rules::default() };
        let watched = MonitorSpec { rules, ..spec(house.baseline().await) };
        monitoring::define(&house.ledger, &house.actor, watched).await.unwrap();
        // Differences of 0.4, 0.1 (below the limit, above what clears it) and 0.
        for (seed, often) in [(2, 10), (3, 40), (4, 50)] {
            house.predict(unequal(seed, often)).await;
        }
        assert_eq!(house.judge().await, 3);
        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        let levels: Vec<Level> = monitor
            .windows
            .iter()
            .rev()
            .map(|w| w.signals.iter().find(|s| s.name == "demographic_parity_difference").unwrap().level)
            .collect();
        assert_eq!(levels, [Level::Critical, Level::Critical, Level::Ok]);
        let told = house.events("monitor.signal").await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((&told[0]["signal"], &told[0]["feature"]), (&json!("demographic_parity_difference"), &json!("kind")));
        assert_eq!(house.events("monitor.signal_cleared").await.len(), 1);
        let first = monitor.windows.last().unwrap();
        let signal = first.signals.iter().find(|s| s.name == "demographic_parity_difference").unwrap();
        assert_eq!(signal.detail.as_ref().unwrap()["kind"]["b"], json!({ "rows": 250, "selection_rate": 0.12 }));
    }

    async fn labels_that_come_late_raise_what_they_show(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let bias = Bias { by: vec!["kind".into()], equalized_odds_difference: warn(0.2), ..Bias::default() };
        let floor = Limits { warn: Some(0.9), critical: Some(0.3), ..Limits::default() };
        let rules = Rules {
            bias: Some(bias),
            performance: [("accuracy".to_owned(), floor)].into(),
            min_labels: Some(200),
            ..Rules::default()
        };
        let watched = MonitorSpec { rules, ..spec(house.baseline().await) };
        monitoring::define(&house.ledger, &house.actor, watched).await.unwrap();
        let ids = house.predict(unequal(2, 10)).await;
        house.judge().await;
        // Everybody was truly positive: of `a` half were found, of `b` a tenth.
        house.label(&ids[..150], std::iter::repeat(true)).await;
        house.judge().await;
        assert!(house.events("monitor.signal").await.is_empty(), "too few labels");
        house.label(&ids, std::iter::repeat(true)).await;
        house.judge().await;
        let told = house.events("monitor.signal").await;
        let mut names: Vec<&str> = told.iter().filter_map(|e| e["signal"].as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["equalized_odds_difference", "performance_accuracy"], "{told:?}");
        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        assert_eq!(monitor.levels.len(), 2);
        assert!((monitor.performance[0].metrics["equal_opportunity_difference:kind"] - 0.48).abs() < 1e-9);
        // As the model said.
        house.label(&ids, (0..500).map(|i| i / 2 % 100 < if i % 2 == 0 { 50 } else { 10 })).await;
        house.judge().await;
        assert_eq!(house.events("monitor.signal_cleared").await.len(), 2);
        assert!(monitoring::get(&house.ledger, &house.actor, "drift", 1).await.unwrap().levels.is_empty());
    }

    async fn a_client_of_a_window_is_named_where_it_probes(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let clients = Clients { near_share: warn(0.5), boundary_share: warn(0.5), ..Clients::default() };
        let rules = Rules { clients: Some(clients), ..Rules::default() };
        let watched = MonitorSpec { rules, ..spec(house.baseline().await) };
        monitoring::define(&house.ledger, &house.actor, watched).await.unwrap();
        house.predict(rows(500, 2, 0)).await;
        let mut steps = rows(500, 3, 0);
        for (at, column) in steps.iter_mut().enumerate().take(4) {
            column.1 = Values::Float((0..500).map(|i| 0.5 + (i * (at + 1)) as f64 * 1e-6).collect());
        }
        steps[4].1 = Values::Text(vec![Some("a".into()); 500]);
        house.predict(steps).await;
        assert_eq!(house.judge().await, 2);
        let monitor = monitoring::get(&house.ledger, &house.actor, "drift", 10).await.unwrap();
        let of = |window: usize, name: &str| {
            monitor.windows[window].signals.iter().find(|s| s.name == name).unwrap().clone()
        };
        for name in ["client_near_share", "client_boundary_share"] {
            assert_eq!((of(1, name).level, of(0, name).level), (Level::Ok, Level::Warn), "{name}");
            assert_eq!(of(0, name).feature.as_deref(), Some("user:ann"));
        }
    }

    async fn rules_that_say_nothing_or_contradict_themselves_are_refused(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        let wrong = |rules: Rules| MonitorSpec { rules, ..spec(types::Digest::of("x")) };
        let nobody = Rules { bias: Some(Bias::default()), ..Rules::default() };
        let turned = Limits { warn: Some(0.8), critical: Some(0.9), clear: None };
        let turned = Rules { attribution: Some(turned), ..Rules::default() };
        let empty = Clients { rate: Some(Limits::default()), ..Clients::default() };
        let empty = Rules { clients: Some(empty), ..Rules::default() };
        for (rules, because) in [
            (nobody, "bias compares no column"),
            (turned, "attribution warns below 0.8"),
            (empty, "clients.rate has no limit"),
        ] {
            let error = monitoring::define(&house.ledger, &house.actor, wrong(rules)).await.unwrap_err();
            assert!(error.to_string().contains(because), "{error}");
        }
    }
}
