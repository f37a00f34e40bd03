//! Which records of an endpoint are rows of a monitor's windows.

use mlwright_monitoring as monitoring;
use monitoring::{Against, MonitorSpec, Records, Rules};
use runtimes::Values;
use types::Uid;

use crate::house::{COMPONENTS, House, rows, spec};

/// `windows` windows of answers that did not drift, and among them half as many records of a shadow that did.
async fn with_shadow(house: &House, windows: u64) {
    for seed in 0..windows * 5 {
        house.predict(rows(100, 10 + seed, 0)).await;
        house.predict_as("s", rows(50, 500 + seed, 5)).await;
    }
}

async fn monitor(house: &House, name: &str, rules: Rules) {
    let spec = MonitorSpec { name: name.into(), rules, ..spec(house.baseline().await) };
    monitoring::define(&house.ledger, &house.actor, spec).await.unwrap();
}

fn of_shadows() -> Rules {
    Rules { records: Records::Shadows, ..Rules::default() }
}

ledger::db_test! {
    components: COMPONENTS;

    async fn what_a_shadow_did_is_in_no_window_of_answers_and_is_watched_where_it_is_said(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        house.deploy_with_shadow().await;
        monitor(&house, "answers", Rules::default()).await;
        monitor(&house, "shadows", of_shadows()).await;
        with_shadow(&house, 3).await;
        assert_eq!(house.judge().await, 4, "three windows of answers, one of the shadow");
        let of = async |name: &str| monitoring::get(&house.ledger, &house.actor, name, 10).await.unwrap();
        let answers = of("answers").await;
        let places: Vec<_> =
            answers.windows.iter().rev().map(|w| (w.first_ordinal, w.next_ordinal, w.rows, w.drifted)).collect();
        assert_eq!(places, [(0, 700, 500, false), (750, 1450, 500, false), (1500, 2200, 500, false)]);
        let shadows = of("shadows").await;
        let places: Vec<_> =
            shadows.windows.iter().map(|w| (w.first_ordinal, w.next_ordinal, w.rows, w.drifted)).collect();
        assert_eq!(places, [(100, 1500, 500, true)]);
        assert!(shadows.windows[0].features.iter().all(|f| f.drifted));
    }

    async fn a_window_waits_for_answers_however_much_shadows_do(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        house.deploy_with_shadow().await;
        monitor(&house, "answers", Rules::default()).await;
        monitor(&house, "shadows", of_shadows()).await;
        house.predict_as("s", rows(120, 2, 5)).await;
        house.predict(rows(100, 3, 0)).await;
        for (name, wanted) in [("answers", 100), ("shadows", 120)] {
            let found = monitoring::get(&house.ledger, &house.actor, name, 10).await.unwrap();
            let pending = monitoring::pending_rows(&house.ledger, &house.log, &house.actor, &found).await.unwrap();
            assert_eq!(pending, wanted, "{name}");
        }
        monitoring::remove(&house.ledger, &house.actor, "shadows").await.unwrap();
        house.predict_as("s", rows(1080, 2, 5)).await;
        house.predict(rows(399, 7, 0)).await;
        assert_eq!(house.judge().await, 0);
        house.predict_as("s", rows(700, 4, 5)).await;
        assert_eq!(house.judge().await, 0);
        house.predict(rows(1, 5, 0)).await;
        assert_eq!(house.judge().await, 1);
        let found = monitoring::get(&house.ledger, &house.actor, "answers", 10).await.unwrap();
        assert_eq!((found.windows[0].first_ordinal, found.windows[0].rows), (120, 500));
        assert!(!found.windows[0].drifted);
    }

    async fn windows_that_overlap_and_those_before_are_made_of_answers_too(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        house.deploy_with_shadow().await;
        monitor(&house, "rolling", Rules { step: Some(250), ..Rules::default() }).await;
        monitor(&house, "previous", Rules { against: Against::Previous, ..Rules::default() }).await;
        with_shadow(&house, 3).await;
        house.judge().await;
        let of = async |name: &str| monitoring::get(&house.ledger, &house.actor, name, 10).await.unwrap();
        let rolling = of("rolling").await;
        let firsts: Vec<_> = rolling.windows.iter().rev().map(|w| (w.first_ordinal, w.rows)).collect();
        assert_eq!(firsts, [(0, 500), (350, 500), (750, 500), (1100, 500), (1500, 500)]);
        let previous = of("previous").await;
        let places: Vec<_> =
            previous.windows.iter().rev().map(|w| (w.first_ordinal, w.rows, w.drifted)).collect();
        assert_eq!(places, [(750, 500, false), (1500, 500, false)], "the first has none before it");
    }

    async fn late_labels_of_a_shadows_records_say_nothing_about_the_answers(ledger: ledger::Ledger) {
        let house = House::new(ledger).await;
        house.deploy_with_shadow().await;
        monitor(&house, "answers", Rules::default()).await;
        monitor(&house, "shadows", of_shadows()).await;
        let mut answered: Vec<(Uid, bool)> = Vec::new();
        let mut copied: Vec<(Uid, bool)> = Vec::new();
        for seed in 0..5 {
            let columns = rows(100, 20 + seed, 0);
            let Values::Float(first) = columns[0].1.clone() else { unreachable!() };
            let says = || first.iter().map(|p| *p >= 0.5);
            answered.extend(house.predict(columns.clone()).await.into_iter().zip(says()));
            copied.extend(house.predict_as("s", columns).await.into_iter().zip(says()));
        }
        assert_eq!(house.judge().await, 2);
        // The labels of the answers agree with them, those of the copies do not.
        let label = async |of: &[(Uid, bool)], right: bool| {
            let ids: Vec<Uid> = of.iter().map(|(id, _)| *id).collect();
            house.label(&ids, of.iter().map(|(_, says)| *says == right)).await;
        };
        label(&answered, true).await;
        label(&copied, false).await;
        house.judge().await;
        for (name, accuracy) in [("answers", 1.0), ("shadows", 0.0)] {
            let found = monitoring::get(&house.ledger, &house.actor, name, 10).await.unwrap();
            assert_eq!(found.performance[0].rows, 500, "{name}");
            assert!((found.performance[0].metrics["accuracy"] - accuracy).abs() < 1e-12, "{name}");
        }
    }
}
