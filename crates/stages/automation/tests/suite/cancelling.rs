//! A person ends a retraining, whatever it does.

use automation::{CanaryRule, Labels, RolloutRule, ShadowRule, State};
use mlwright_automation as automation;
use pipelines::RunState;
use serving::RolloutState;
use types::{Class, Fault as _, Timestamp};

use crate::house::{COMPONENTS, House, has_onnxruntime};

fn rollout() -> RolloutRule {
    let (latency_factor, latency_slack_ms) = (100.0, 1000.0);
    let shadow = ShadowRule {
        requests: 20,
        within: 3600,
        errors: 0.0,
        disagreement: None,
        latency_factor,
        latency_slack_ms,
    };
    let mut guards = serving::Guards::default();
    (guards.latency_factor, guards.latency_slack_ms) = (100.0, 1000.0);
    let canary = CanaryRule { steps: vec![0.2], bake: 3600, guards };
    RolloutRule { shadow: Some(shadow), canary: Some(canary), ..Default::default() }
}

ledger::db_test! {
    components: COMPONENTS;

    async fn one_that_waits_ends_with_who_and_why(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let automation = house.automation();
        house.policy(Some(Labels { min: 5, wait: 3600 }), None, None).await;
        house.tell("drift.detected", Timestamp(0)).await;
        assert!(automation.turn().await.unwrap());
        let uid = house.retrainings().await.remove(0).uid;
        let cancel = async |reason: Option<&str>| {
            mlwright_automation::cancel(&house.ledger, &house.actor, uid, reason.map(str::to_owned)).await
        };
        let asked = cancel(Some(" wrong data ")).await.unwrap();
        assert_eq!((asked.state, asked.cancel.unwrap().reason.as_deref()), (State::WaitingLabels, Some("wrong data")));
        let again = cancel(Some("really")).await.unwrap();
        assert_eq!(again.cancel.unwrap().reason.as_deref(), Some("wrong data"), "the first word counts");
        assert!(automation.turn().await.unwrap());
        let ended = house.get(uid).await;
        assert_eq!(ended.state, State::Cancelled);
        let said = format!("cancelled by {}: wrong data", house.actor);
        assert_eq!(ended.reason.as_deref(), Some(said.as_str()));
        assert!(ended.ended_at.is_some());
        let late = cancel(None).await.unwrap_err();
        assert_eq!((late.class(), late.to_string().ends_with("it has ended: cancelled")), (Class::Conflict, true));
        let events = ledger::testing::events(&house.ledger).await;
        let asked = events.iter().find(|e| e.kind == "retraining.cancel_requested").unwrap();
        assert_eq!(asked.actor, house.actor.to_string());
        assert!(events.iter().any(|e| e.kind == "retraining.cancelled"));

        // The next alarm is answered as if nothing had been.
        house.tell("drift.detected", Timestamp(0)).await;
        assert!(automation.turn().await.unwrap());
        assert_eq!(house.retrainings().await.len(), 2);
    }

    async fn what_computes_is_broken_off_when_somebody_asks(ledger: ledger::Ledger) {
        let house = House::new(ledger, false).await;
        let automation = house.automation();
        let uid = house.first(0.5).await;
        let done = automation.unless_cancelled(&house.actor, uid, async { 7 }).await.unwrap();
        assert_eq!(done, Some(7));
        let for_ever = automation.unless_cancelled(&house.actor, uid, std::future::pending::<()>());
        let asked = mlwright_automation::cancel(&house.ledger, &house.actor, uid, None);
        let (broken_off, asked) = tokio::join!(for_ever, asked);
        assert!(asked.unwrap().cancel.is_some());
        assert_eq!(broken_off.unwrap(), None);
        assert_eq!(house.until(uid, State::Cancelled).await.state, State::Cancelled);
    }

    async fn a_training_is_stopped(ledger: ledger::Ledger) {
        let house = House::new(ledger, false).await;
        let uid = house.first(0.5).await;
        house.until(uid, State::Training).await;
        house.automation().step(&house.actor, uid).await.unwrap();
        let run = house.get(uid).await.pipeline_run.unwrap();
        automation::cancel(&house.ledger, &house.actor, uid, None).await.unwrap();
        let ended = house.until(uid, State::Cancelled).await;
        assert_eq!(ended.state, State::Cancelled, "{:?}", ended.reason);
        assert_eq!(ended.reason, Some(format!("cancelled by {}", house.actor)));
        let run = pipelines::get_run(&house.ledger, &house.actor, run).await.unwrap();
        assert_eq!(run.state, RunState::Cancelled);
        assert!(house.serving.get(&house.actor, "cancer").is_err());
    }

    async fn a_shadow_is_taken_back(ledger: ledger::Ledger) {
        if !has_onnxruntime() {
            return;
        }
        let house = House::new(ledger, false).await;
        house.rolling_out(rollout()).await;
        let first = house.trained("cancer_logreg.onnx").await;
        house.until(first, State::Done).await;
        let uid = house.trained("cancer_logreg_2.onnx").await;
        house.until(uid, State::Shadow).await;
        house.automation().step(&house.actor, uid).await.unwrap();
        let variants = house.serving.get(&house.actor, "cancer").unwrap().revision.variants;
        assert!(variants.iter().any(|v| v.shadow));
        automation::cancel(&house.ledger, &house.actor, uid, None).await.unwrap();
        let ended = house.until(uid, State::Cancelled).await;
        assert_eq!(ended.state, State::Cancelled, "{:?}", ended.reason);
        assert_eq!((house.champion().await, house.serves()), (Some(1), vec![("cancer-1".to_owned(), 1.0)]));
    }

    async fn a_canary_goes_back_though_it_has_just_got_all_requests(ledger: ledger::Ledger) {
        if !has_onnxruntime() {
            return;
        }
        let house = House::new(ledger, false).await;
        house.rolling_out(RolloutRule { shadow: None, ..rollout() }).await;
        let first = house.trained("cancer_logreg.onnx").await;
        house.until(first, State::Done).await;
        let before = vec![("cancer-1".to_owned(), 1.0)];
        for promoted in [false, true] {
            let uid = house.trained("cancer_logreg_2.onnx").await;
            house.until(uid, State::Canary).await;
            house.automation().step(&house.actor, uid).await.unwrap();
            assert!(house.get(uid).await.rollout.is_some() && house.serves().len() == 2);
            if promoted {
                house.serving.promote_rollout(&house.actor, "cancer").await.unwrap();
                assert_eq!(house.serves().len(), 1);
                // The loop has seen it, and is about to move the alias.
                house.until(uid, State::Promoting).await;
            }
            automation::cancel(&house.ledger, &house.actor, uid, Some("too slow".into())).await.unwrap();
            let ended = house.until(uid, State::Cancelled).await;
            assert_eq!(ended.state, State::Cancelled, "{:?}", ended.reason);
            assert_eq!((house.champion().await, house.serves()), (Some(1), before.clone()));
            let newest = house.serving.rollout(&house.actor, "cancer").await.unwrap().unwrap();
            let state = if promoted { RolloutState::Promoted } else { RolloutState::Aborted };
            assert_eq!(newest.state, state);
        }
    }

    async fn a_swap_that_is_done_stays(ledger: ledger::Ledger) {
        if !has_onnxruntime() {
            return;
        }
        let house = House::new(ledger, false).await;
        house.rolling_out(RolloutRule::default()).await;
        let uid = house.trained("cancer_logreg.onnx").await;
        house.until(uid, State::Promoting).await;
        let version = house.get(uid).await.model_version.unwrap();
        // The server died after it had moved the alias and swapped the endpoint.
        models::set_alias(&house.ledger, &house.actor, "cancer".into(), "champion".into(), 1).await.unwrap();
        let variants = vec![serving::NewVariant::new(version, 1.0)];
        let deploy = serving::Deploy { endpoint: "cancer".into(), variants, causes: Vec::new() };
        house.serving.deploy(&house.actor, deploy).await.unwrap();
        automation::cancel(&house.ledger, &house.actor, uid, None).await.unwrap();
        let ended = house.until(uid, State::Done).await;
        assert_eq!((ended.state, house.champion().await), (State::Done, Some(1)));
    }
}
