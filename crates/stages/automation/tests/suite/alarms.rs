//! From alarms to retrainings, or to the reason why there is none.

use std::time::Duration;

use automation::{Budget, Labels, State, Trigger};
use mlwright_automation as automation;
use types::Timestamp;

use crate::house::{COMPONENTS, House};

ledger::db_test! {
    components: COMPONENTS;

    async fn an_alarm_starts_one_retraining_however_often_it_is_read(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        house.policy(Some(Labels { min: 5, wait: 3600 }), None, None).await;
        house.tell("drift.detected", Timestamp(0)).await;
        house.automation().turn().await.unwrap();
        // A server that died before its cursor was kept reads the event again.
        house.automation().turn().await.unwrap();
        let found = house.retrainings().await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].state, State::WaitingLabels);
        assert!(matches!(&found[0].trigger, Trigger::Drift { monitor, .. } if monitor == "drift"));
        assert_eq!(found[0].reason.as_deref(), Some("waiting for 5 labels"));
    }

    async fn what_stands_against_a_retraining_is_recorded(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let budget = Budget { runs: 1, per: 3600 };
        house.policy(Some(Labels { min: 5, wait: 3600 }), Some(0), Some(budget)).await;
        let automation = house.automation();
        house.tell("drift.detected", Timestamp(0)).await;
        automation.turn().await.unwrap();
        house.tell("drift.detected", Timestamp(0)).await;
        automation.turn().await.unwrap();
        let found = house.retrainings().await;
        assert_eq!(found[0].state, State::Skipped);
        assert!(found[0].reason.as_deref().unwrap().ends_with("has not ended yet"), "{:?}", found[0].reason);

        // The policy waits no longer: the data is there, the training fails.
        house.policy(None, Some(0), Some(budget)).await;
        let ended = house.until(found[1].uid, State::Failed).await;
        assert!(ended.reason.as_deref().unwrap().starts_with("the pipeline run failed: "), "{:?}", ended.reason);
        house.tell("drift.detected", Timestamp(0)).await;
        automation.turn().await.unwrap();
        let newest = house.retrainings().await.remove(0);
        assert_eq!(newest.reason.as_deref(), Some("the budget is spent: 1 of 1 retrainings in 3600 s"));

        house.policy(None, Some(600), None).await;
        house.tell("drift.detected", Timestamp(0)).await;
        automation.turn().await.unwrap();
        let newest = house.retrainings().await.remove(0);
        assert!(newest.reason.as_deref().unwrap().starts_with("the cool-down lasts until "));
        assert_eq!(newest.state, State::Skipped);
        assert_eq!((newest.times, house.retrainings().await.len()), (3, 2), "one row, however often");
        let told = ledger::testing::events(&house.ledger).await;
        let times: Vec<_> =
            told.iter().filter(|e| e.kind == "retraining.skipped").map(|e| e.payload["times"].clone()).collect();
        assert_eq!(times, [1, 2, 3], "and an event each time");
        // Another one that ran lies between: it is a new row.
        automation::trigger_manual(&house.ledger, &house.actor, "again", None).await.unwrap();
        house.tell("drift.detected", Timestamp(0)).await;
        automation.turn().await.unwrap();
        let found = house.retrainings().await;
        assert_eq!((found.len(), found[0].state, found[0].times), (4, State::Skipped, 1));
        house.until(found[1].uid, State::Failed).await;
        let view = automation::policies(&house.ledger, &house.actor).await.unwrap().remove(0);
        assert!(view.cooldown_until.is_some() && view.active.is_none());
    }

    async fn an_alarm_that_stands_after_the_cool_down_is_heard_again(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        house.policy(None, Some(1), None).await;
        let automation = house.automation();
        house.tell("drift.detected", Timestamp(0)).await;
        automation.turn().await.unwrap();
        let first = house.retrainings().await.remove(0);
        house.until(first.uid, State::Failed).await;
        house.tell("monitor.window", Timestamp(0)).await;
        automation.turn().await.unwrap();
        assert_eq!(house.retrainings().await.len(), 1, "it still cools down, which is no news");
        tokio::time::sleep(Duration::from_millis(1100)).await;
        house.tell("monitor.window", Timestamp(0)).await;
        automation.turn().await.unwrap();
        let found = house.retrainings().await;
        assert_eq!(found.len(), 2);
        house.until(found[0].uid, State::Failed).await;
        house.tell("drift.cleared", Timestamp(0)).await;
        tokio::time::sleep(Duration::from_millis(1100)).await;
        house.tell("monitor.window", Timestamp(0)).await;
        automation.turn().await.unwrap();
        assert_eq!(house.retrainings().await.len(), 2);
    }

    async fn labels_that_do_not_come_refuse_it(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        house.policy(Some(Labels { min: 5, wait: 1 }), None, None).await;
        let ids = house.predict(10).await;
        house.label(&ids[..3]).await;
        house.tell("drift.detected", Timestamp(0)).await;
        let automation = house.automation();
        automation.turn().await.unwrap();
        let uid = house.retrainings().await.remove(0).uid;
        let ended = house.until(uid, State::Refused).await;
        assert_eq!(ended.reason.as_deref(), Some("only 3 of 5 labels arrived in 1 s"));
        let states: Vec<_> = ended.history.iter().map(|s| s.state.name()).collect();
        assert_eq!(states, ["triggered", "waiting_labels", "refused"]);
    }

    async fn labelled_predictions_join_the_data_and_lead_back_to_their_segment(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        house.policy(Some(Labels { min: 8, wait: 3600 }), None, None).await;
        let ids = house.predict(20).await;
        house.tell("drift.detected", Timestamp(0)).await;
        house.automation().turn().await.unwrap();
        let uid = house.retrainings().await.remove(0).uid;
        assert_eq!(house.get(uid).await.state, State::WaitingLabels);
        house.label(&ids[..12]).await;
        let found = house.until(uid, State::Training).await;
        let version = datasets::get(&house.ledger, &house.actor, found.dataset_version.unwrap()).await.unwrap();
        assert_eq!((version.number, version.rows), (2, house.base.rows + 12));
        assert_eq!(version.parts[1].name, "predictions-cancer.parquet");
        assert_eq!(version.schema, datasets::get(&house.ledger, &house.actor, version.uid).await.unwrap().schema);
        let graph = house
            .ledger
            .lineage(house.actor.workspace, "retraining", &uid.hex(), ledger::Direction::Causes, 4)
            .await
            .unwrap();
        let kinds: std::collections::BTreeSet<_> = graph.nodes.iter().map(|n| n.kind.as_str()).collect();
        for kind in ["monitor_window", "dataset_version", "prediction_segment"] {
            assert!(kinds.contains(kind), "{kinds:?}");
        }
        let ended = house.until(uid, State::Failed).await;
        assert!(ended.reason.as_deref().unwrap().starts_with("the pipeline run failed: "), "{:?}", ended.reason);
    }
}
