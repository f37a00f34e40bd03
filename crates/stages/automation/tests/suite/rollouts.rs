//! From the gate to the swap by way of shadow and canary, with a server that dies at every step.

use automation::{CanaryRule, RolloutRule, ShadowRule, State};
use mlwright_automation as automation;

use crate::house::{COMPONENTS, House, has_onnxruntime};

fn shadow(requests: u64, within: i64) -> Option<ShadowRule> {
    let (latency_factor, latency_slack_ms) = (100.0, 1000.0);
    Some(ShadowRule { requests, within, errors: 0.0, disagreement: None, latency_factor, latency_slack_ms })
}

fn canary(bake: i64) -> Option<CanaryRule> {
    let mut guards = serving::Guards::default();
    (guards.latency_factor, guards.latency_slack_ms) = (100.0, 1000.0);
    Some(CanaryRule { steps: vec![0.2, 0.6], bake, guards })
}

/// Answers of this value: `lookup.onnx` takes it as an index into a table of four, and fails.
const BEYOND: f32 = 9.0;

ledger::db_test! {
    components: COMPONENTS;

    async fn a_candidate_passes_shadow_and_canary_though_the_server_dies_at_every_step(ledger: ledger::Ledger) {
        if !has_onnxruntime() {
            return;
        }
        let house = House::new(ledger, false).await;
        house.rolling_out(RolloutRule { shadow: shadow(60, 3600), canary: canary(0), ..Default::default() }).await;
        let first = house.trained("cancer_logreg.onnx").await;
        let first = house.until(first, State::Done).await;
        let states: Vec<_> = first.history.iter().map(|s| s.state.name()).collect();
        let alone = ["triggered", "dataset", "training", "training", "gating", "promoting", "done"];
        assert_eq!(states, alone, "there was nothing to compare the first version with");

        let uid = house.trained("cancer_logreg_2.onnx").await;
        assert_eq!(house.automation().step(&house.actor, uid).await.unwrap(), State::Shadow);
        let version = house.get(uid).await.model_version.unwrap();
        // The server dies after the shadow was deployed, before it was recorded.
        house.serving.start_shadow(&house.actor, "cancer", version, Vec::new()).await.unwrap();
        let revision = house.serving.get(&house.actor, "cancer").unwrap().revision.number;
        assert_eq!(house.automation().step(&house.actor, uid).await.unwrap(), State::Shadow);
        assert!(house.get(uid).await.shadow_since.is_some());
        assert_eq!(house.serving.get(&house.actor, "cancer").unwrap().revision.number, revision);
        for _ in 0..30 {
            assert_eq!(house.ask(0.5).await, "cancer-1");
        }
        let canary = house.under_load(uid, 0.5, State::Canary).await;
        assert_eq!(canary.state, State::Canary, "{:?}", canary.reason);
        let figures = canary.shadow.clone().unwrap();
        assert!(figures.requests >= 60 && figures.errors == 0, "{figures:?}");
        assert_eq!(house.serves(), [("cancer-1".to_owned(), 1.0)], "the shadow has ended");

        house.automation().step(&house.actor, uid).await.unwrap();
        let rollout = house.get(uid).await.rollout.unwrap();
        house.automation().step(&house.actor, uid).await.unwrap();
        let all = house.serving.rollouts(&house.actor, "cancer", 10).await.unwrap();
        assert_eq!(all.iter().map(|r| r.uid).collect::<Vec<_>>(), [rollout], "it was started once");
        assert_eq!(house.champion().await, Some(1), "the alias moves when everything has gone well");
        let ended = house.under_load(uid, 0.5, State::Done).await;
        assert_eq!(ended.state, State::Done, "{:?}", ended.reason);
        assert_eq!((house.champion().await, house.serves()), (Some(2), vec![("cancer-2".to_owned(), 1.0)]));
        assert_eq!(house.serving.traffic(&house.actor, "cancer").errors, 0);

        let graph = house
            .ledger
            .lineage(house.actor.workspace, "retraining", &uid.hex(), ledger::Direction::Effects, 1)
            .await
            .unwrap();
        let revisions = graph.nodes.iter().filter(|n| n.kind == "endpoint_revision").count();
        assert!(revisions >= 3, "both steps of the canary and its end: {graph:?}");
        let kinds: Vec<String> =
            ledger::testing::events(&house.ledger).await.into_iter().map(|e| e.kind).collect();
        for kind in ["retraining.shadow_started", "retraining.canary_started", "retraining.done"] {
            assert!(kinds.iter().any(|k| k == kind), "{kinds:?}");
        }
    }

    async fn a_shadow_that_fails_is_refused_and_leaves_the_endpoint_as_it_was(ledger: ledger::Ledger) {
        if !has_onnxruntime() {
            return;
        }
        let house = House::new(ledger, false).await;
        house.rolling_out(RolloutRule { shadow: shadow(1000, 3600), canary: canary(0), ..Default::default() }).await;
        let first = house.trained("cancer_logreg.onnx").await;
        house.until(first, State::Done).await;
        let uid = house.trained("lookup.onnx").await;
        let ended = house.under_load(uid, BEYOND, State::Refused).await;
        assert_eq!(ended.state, State::Refused);
        let reason = ended.reason.unwrap();
        assert!(reason.starts_with("as a shadow: ") && reason.ends_with("copies failed; at most 0.0 % may"), "{reason}");
        assert!(ended.shadow.unwrap().errors > 0);
        assert_eq!((house.champion().await, house.serves()), (Some(1), vec![("cancer-1".to_owned(), 1.0)]));
        assert_eq!(house.serving.traffic(&house.actor, "cancer").errors, 0);

        // Nobody asks: it is not kept for ever.
        house.rolling_out(RolloutRule { shadow: shadow(10, 1), ..Default::default() }).await;
        let uid = house.trained("cancer_logreg_2.onnx").await;
        let ended = house.until(uid, State::Refused).await;
        assert_eq!(ended.reason.as_deref(), Some("as a shadow: only 0 of 10 copies came in 1 s"));
        assert_eq!(house.serves(), [("cancer-1".to_owned(), 1.0)]);
    }

    async fn a_canary_that_errs_is_rolled_back_without_a_failed_request(ledger: ledger::Ledger) {
        if !has_onnxruntime() {
            return;
        }
        let house = House::new(ledger, false).await;
        house.rolling_out(RolloutRule { canary: canary(3600), ..Default::default() }).await;
        let first = house.trained("cancer_logreg.onnx").await;
        house.until(first, State::Done).await;
        let uid = house.trained("lookup.onnx").await;
        let ended = house.under_load(uid, BEYOND, State::RolledBack).await;
        assert_eq!(ended.state, State::RolledBack, "{:?}", ended.reason);
        let reason = ended.reason.unwrap();
        assert!(reason.starts_with("as a canary: ") && reason.contains("requests of `cancer-2` failed"), "{reason}");
        assert_eq!((house.champion().await, house.serves()), (Some(1), vec![("cancer-1".to_owned(), 1.0)]));
        assert_eq!(house.serving.traffic(&house.actor, "cancer").errors, 0, "the stable version answered instead");

        // Another deployment in the middle ends it too.
        let uid = house.trained("cancer_logreg_2.onnx").await;
        house.until(uid, State::Canary).await;
        house.automation().step(&house.actor, uid).await.unwrap();
        let variants = house.serving.get(&house.actor, "cancer").unwrap().revision.variants;
        let stable = variants.iter().find(|v| v.name == "cancer-1").unwrap();
        let variants = vec![serving::NewVariant::new(stable.model_version, 1.0)];
        let deploy = serving::Deploy { endpoint: "cancer".into(), variants, causes: Vec::new() };
        house.serving.deploy(&house.actor, deploy).await.unwrap();
        let ended = house.until(uid, State::RolledBack).await;
        assert_eq!(ended.reason.as_deref(), Some("as a canary: another deployment took its place"));
    }
}
