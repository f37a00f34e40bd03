//! The whole way, with a server that dies at every step.

use automation::State;
use mlwright_automation as automation;
use types::Timestamp;

use crate::house::{COMPONENTS, House, has_onnxruntime};

ledger::db_test! {
    components: COMPONENTS;

    async fn every_state_survives_a_server_that_dies_before_and_after_its_work(ledger: ledger::Ledger) {
        if !has_onnxruntime() {
            return;
        }
        let house = House::new(ledger, false).await;
        let uid = house.first(0.5).await;
        // Every step is taken by a process of its own, which remembers nothing.
        let training = house.until(uid, State::Training).await;
        assert!(training.pipeline_run.is_none());
        house.automation().step(&house.actor, uid).await.unwrap();
        let run = house.get(uid).await.pipeline_run.unwrap();
        house.automation().step(&house.actor, uid).await.unwrap();
        let runs = pipelines::list_runs(&house.ledger, &house.actor, None, 10).await.unwrap();
        assert_eq!(runs.len(), 1, "the run was submitted once");
        house.register(run, "cancer_logreg.onnx").await;
        let ended = house.until(uid, State::Done).await;
        assert_eq!(ended.state, State::Done, "{:?}", ended.reason);
        let states: Vec<_> = ended.history.iter().map(|s| s.state.name()).collect();
        assert_eq!(states, ["triggered", "training", "training", "gating", "promoting", "done"]);
        let view = house.serving.get(&house.actor, "cancer").unwrap();
        assert_eq!(Some(view.revision.uid), ended.endpoint_revision);
        assert_eq!(Some(view.revision.variants[0].model_version), ended.model_version);
        let champion = models::version_by_alias(&house.ledger, &house.actor, "cancer".into(), "champion".into());
        assert_eq!(champion.await.unwrap().map(|v| v.uid), ended.model_version);
        let report = house.ledger.verify_chain().await;
        assert!(report.is_ok(), "{report:?}");
        let graph = house
            .ledger
            .lineage(
                house.actor.workspace,
                "endpoint_revision",
                &view.revision.uid.hex(),
                ledger::Direction::Causes,
                6,
            )
            .await
            .unwrap();
        let kinds: std::collections::BTreeSet<_> = graph.nodes.iter().map(|n| n.kind.as_str()).collect();
        for kind in ["model_version", "retraining", "dataset_version", "code", "pipeline_run"] {
            assert!(kinds.contains(kind), "{kinds:?}");
        }
    }

    async fn an_alarm_about_a_revision_that_is_gone_is_not_heard(ledger: ledger::Ledger) {
        if !has_onnxruntime() {
            return;
        }
        let house = House::new(ledger, false).await;
        house.policy(None, None, None).await;
        let uid = house.first(0.5).await;
        house.until(uid, State::Training).await;
        house.automation().step(&house.actor, uid).await.unwrap();
        let run = house.get(uid).await.pipeline_run.unwrap();
        house.register(run, "cancer_logreg.onnx").await;
        let live = house.until(uid, State::Done).await.endpoint_revision.unwrap();
        let automation = house.automation();
        let gone = types::new_id(house.ledger.clock().now());
        house.tell_of("drift.detected", Timestamp(0), Some(gone)).await;
        assert!(automation.turn().await.unwrap());
        assert_eq!(house.retrainings().await.len(), 1, "neither a retraining nor a skipped one");
        house.tell_of("drift.detected", Timestamp(0), Some(live)).await;
        assert!(automation.turn().await.unwrap());
        assert_eq!(house.retrainings().await.len(), 2);
    }

    async fn a_closed_gate_leaves_the_endpoint_as_it_was(ledger: ledger::Ledger) {
        if !has_onnxruntime() {
            return;
        }
        let house = House::new(ledger, false).await;
        let uid = house.first(0.99999).await;
        house.until(uid, State::Training).await;
        house.automation().step(&house.actor, uid).await.unwrap();
        let run = house.get(uid).await.pipeline_run.unwrap();
        house.register(run, "cancer_logreg_2.onnx").await;
        let ended = house.until(uid, State::Refused).await;
        assert_eq!(ended.state, State::Refused);
        assert!(ended.evaluation.is_some());
        let reason = ended.reason.unwrap();
        assert!(reason.starts_with("the gate `gate` stays closed: roc_auc = "), "{reason}");
        assert!(house.serving.get(&house.actor, "cancer").is_err());
        let champion = models::version_by_alias(&house.ledger, &house.actor, "cancer".into(), "champion".into());
        assert!(champion.await.unwrap().is_none());
    }

    async fn a_first_training_that_runs_is_not_started_twice(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let first = house.first(0.5).await;
        assert_eq!(house.first(0.5).await, first);
        let ended = house.until(first, State::Failed).await;
        assert_eq!(ended.state, State::Failed);
        assert_ne!(house.first(0.5).await, first);
        assert!(matches!(
            automation::trigger_manual(&house.ledger, &house.actor, "nobody", None).await,
            Err(automation::Error::NoPolicy(_))
        ));
    }
}
