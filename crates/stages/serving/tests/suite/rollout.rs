use std::time::Duration;

use mlwright_serving::{Guards, NewRollout, RolloutState, Select, WithoutTraffic};
use runtimes::{Tensor, TensorData};
use tasks::CancellationToken;

use crate::house::{COMPONENTS, House};

/// `lookup.onnx` takes these as indices into a table of four: 9 fails, 1 does not.
fn row(value: f32) -> Tensor {
    Tensor::new("X", [1, 8], TensorData::F32(vec![value; 8]))
}

fn wish(model_version: types::Uid, steps: &[f64], bake_seconds: i64) -> NewRollout {
    NewRollout {
        endpoint: "e".into(),
        model_version,
        graph: None,
        name: None,
        steps: steps.to_vec(),
        bake_seconds,
        guards: Guards::default(),
        causes: Vec::new(),
    }
}

ledger::db_test! {
    components: COMPONENTS;

    async fn a_failing_canary_goes_back_by_itself_and_no_caller_notices(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let good = house.version("cancer", "cancer_logreg.onnx").await;
        let bad = house.version("lookup", "lookup.onnx").await;
        house.deploy("e", &[(good, 1.0)]).await.unwrap();
        let token = CancellationToken::new();
        let watch = watching(house.serving.clone(), token.clone());
        let started = house.serving.start_rollout(&house.actor, wish(bad, &[0.5], 3600)).await.unwrap();
        assert_eq!((started.share(), started.candidate.as_str()), (0.5, "lookup-1"));
        let mut state = RolloutState::Running;
        for _ in 0..400 {
            for _ in 0..20 {
                house.ask_with("e", None, None, row(9.0)).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            state = house.serving.rollout(&house.actor, "e").await.unwrap().unwrap().state;
            if state != RolloutState::Running {
                break;
            }
        }
        let over = house.serving.rollout(&house.actor, "e").await.unwrap().unwrap();
        assert_eq!(state, RolloutState::RolledBack, "{over:?}");
        assert!(over.reason.as_deref().is_some_and(|r| r.contains("`lookup-1` failed")), "{over:?}");
        // The ledger has the end before the table is published.
        let published = async {
            while house.serving.get(&house.actor, "e").unwrap().revision.variants.len() > 1 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), published).await.unwrap();
        let now = house.serving.get(&house.actor, "e").unwrap().revision;
        let served: Vec<(&str, f64)> = now.variants.iter().map(|v| (v.name.as_str(), v.weight)).collect();
        assert_eq!(served, [("cancer-1", 1.0)]);
        assert_eq!(house.serving.traffic(&house.actor, "e").errors, 0);
        token.cancel();
        watch.await;
    }

    async fn a_good_candidate_climbs_step_by_step_to_everything(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let two = house.version("cancer", "cancer_logreg_2.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let token = CancellationToken::new();
        let watch = watching(house.serving.clone(), token.clone());
        house.serving.start_rollout(&house.actor, wish(two, &[0.2, 0.6], 0)).await.unwrap();
        for _ in 0..600 {
            for _ in 0..50 {
                house.ask("e").await.unwrap();
            }
            let rollout = house.serving.rollout(&house.actor, "e").await.unwrap().unwrap();
            if !rollout.state.is_active() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let over = house.serving.rollout(&house.actor, "e").await.unwrap().unwrap();
        let line: Vec<(&str, f64)> = over.timeline.iter().map(|m| (m.what.as_str(), m.share)).collect();
        assert_eq!(line, [("started", 0.2), ("advanced", 0.6), ("promoted", 1.0)]);
        let now = house.serving.get(&house.actor, "e").unwrap().revision;
        assert_eq!((now.variants.len(), now.variants[0].version), (1, 2));
        token.cancel();
        watch.await;
    }

    async fn a_person_holds_promotes_and_aborts(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let two = house.version("cancer", "cancer_logreg_2.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let (serving, actor) = (&house.serving, &house.actor);
        assert!(serving.pause_rollout(actor, "e").await.is_err(), "there is none");
        assert!(serving.start_rollout(actor, wish(two, &[0.5, 0.5], 0)).await.is_err(), "steps must grow");
        serving.start_rollout(actor, wish(two, &[0.25], 3600)).await.unwrap();
        assert!(serving.start_rollout(actor, wish(two, &[0.25], 3600)).await.is_err(), "one at a time");
        assert_eq!(serving.pause_rollout(actor, "e").await.unwrap().state, RolloutState::Paused);
        assert_eq!(serving.resume_rollout(actor, "e").await.unwrap().state, RolloutState::Running);
        let ended = serving.abort_rollout(actor, "e", "second thoughts").await.unwrap();
        assert_eq!((ended.state, ended.reason.as_deref()), (RolloutState::Aborted, Some("second thoughts")));
        assert_eq!(serving.get(actor, "e").unwrap().revision.variants.len(), 1);
        serving.start_rollout(actor, wish(two, &[0.25], 3600)).await.unwrap();
        assert_eq!(serving.promote_rollout(actor, "e").await.unwrap().state, RolloutState::Promoted);
        let now = serving.get(actor, "e").unwrap().revision;
        assert_eq!((now.variants.len(), now.variants[0].version, now.variants[0].weight), (1, 2, 1.0));
        // A deployment ends what is under way.
        serving.start_rollout(actor, wish(one, &[0.25], 3600)).await.unwrap();
        house.deploy("e", &[(two, 1.0)]).await.unwrap();
        assert_eq!(serving.rollout(actor, "e").await.unwrap().unwrap().state, RolloutState::Aborted);
    }

    async fn a_canary_that_nobody_asks_is_paused_with_the_reason_or_goes_back(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let two = house.version("cancer", "cancer_logreg_2.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let token = CancellationToken::new();
        let watch = watching(house.serving.clone(), token.clone());
        let (serving, actor) = (&house.serving, &house.actor);
        let impatient = |without_traffic| {
            let guards = Guards { patience_seconds: 1, without_traffic, ..Guards::default() };
            NewRollout { guards, ..wish(two, &[0.5], 0) }
        };
        serving.start_rollout(actor, impatient(WithoutTraffic::Pause)).await.unwrap();
        let paused = until(serving, actor, RolloutState::Paused).await;
        let reason = paused.reason.as_deref().unwrap();
        assert!(reason.contains("`cancer-2` answered 0 requests in"), "{reason}");
        assert_eq!((paused.share(), paused.timeline.last().unwrap().what.as_str()), (0.5, "paused"));
        let resumed = serving.resume_rollout(actor, "e").await.unwrap();
        assert_eq!((resumed.state, resumed.reason), (RolloutState::Running, None));
        serving.abort_rollout(actor, "e", "").await.unwrap();
        serving.start_rollout(actor, impatient(WithoutTraffic::RollBack)).await.unwrap();
        let over = until(serving, actor, RolloutState::RolledBack).await;
        assert!(over.reason.unwrap().contains("it is judged from 20 on"));
        token.cancel();
        watch.await;
    }

    async fn a_graph_takes_over_and_gives_back_like_a_version(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let two = house.version("cancer", "cancer_logreg_2.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let (serving, actor) = (&house.serving, &house.actor);
        let member = |version, model_version| {
            mlwright_serving::Member { model: "cancer".into(), version, model_version, weight: 1.0 }
        };
        let combine = Some(mlwright_serving::Combine::Mean);
        let members = vec![member(1, one), member(2, two)];
        let graph = mlwright_serving::Graph(vec![mlwright_serving::Step { combine, members }]);
        let new = || NewRollout { graph: Some(graph.clone()), ..wish(one, &[0.25], 3600) };
        let started = serving.start_rollout(actor, new()).await.unwrap();
        assert_eq!(started.candidate, "graph");
        let variants = serving.get(actor, "e").unwrap().revision.variants;
        assert_eq!(variants[0].graph.as_ref(), Some(&graph));
        assert_eq!((variants[0].weight, variants[1].weight, variants[1].version), (0.25, 0.75, 1));
        let graph_answers = house.ask_with("e", None, None, row(0.5)).await.unwrap();
        assert!(["graph", "cancer-1"].contains(&graph_answers.variant.as_str()));
        serving.abort_rollout(actor, "e", "").await.unwrap();
        assert_eq!(serving.get(actor, "e").unwrap().revision.variants.len(), 1);
        serving.start_rollout(actor, new()).await.unwrap();
        serving.promote_rollout(actor, "e").await.unwrap();
        let variants = serving.get(actor, "e").unwrap().revision.variants;
        assert_eq!((variants.len(), variants[0].graph.as_ref()), (1, Some(&graph)));
        assert!(serving.start_rollout(actor, new()).await.is_err(), "it serves already");
        // A version takes over from the graph, and gives back to it.
        serving.start_rollout(actor, wish(two, &[0.25], 3600)).await.unwrap();
        serving.abort_rollout(actor, "e", "").await.unwrap();
        assert_eq!(serving.get(actor, "e").unwrap().revision.variants[0].graph.as_ref(), Some(&graph));
    }

    async fn while_a_share_grows_a_routing_key_changes_sides_once(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let two = house.version("cancer", "cancer_logreg_2.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let mut before = vec![1; 200];
        for (share, restart) in [(0.1, true), (0.3, true), (0.7, true)] {
            if restart && share > 0.1 {
                house.serving.abort_rollout(&house.actor, "e", "").await.unwrap();
            }
            house.serving.start_rollout(&house.actor, wish(two, &[share], 3600)).await.unwrap();
            for (key, was) in before.iter_mut().enumerate() {
                let key = format!("user-{key}");
                let tensor = crate::house::rows(1);
                let now = house.ask_with("e", None, Some(&key), tensor).await.unwrap().version;
                assert!(now >= *was, "{key} went back to version {now}");
                *was = now;
            }
            let moved = before.iter().filter(|v| **v == 2).count() as f64 / 200.0;
            assert!((moved - share).abs() < 0.12, "{moved} of the keys at a share of {share}");
        }
    }

    async fn a_shadow_sees_everything_and_answers_nobody(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let two = house.version("cancer", "cancer_logreg_2.onnx").await;
        let mut shadow = serving_variant(two);
        shadow.shadow = true;
        let variants = vec![serving_variant(one), shadow];
        let deploy = mlwright_serving::Deploy { endpoint: "e".into(), variants, causes: Vec::new() };
        house.serving.deploy(&house.actor, deploy).await.unwrap();
        for _ in 0..50 {
            assert_eq!(house.ask("e").await.unwrap().version, 1);
        }
        let mut seen = 0;
        for _ in 0..200 {
            seen = house.serving.variant_traffic(&house.actor, "e").unwrap()[1].traffic.requests;
            if seen == 50 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(seen, 50);
        assert_eq!(house.serving.target(&house.actor, "e", Select::Label("cancer-2")).unwrap().model.number, 2);
    }

    async fn what_a_shadow_did_is_known_to_every_server_and_after_a_restart(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let two = house.version("cancer", "cancer_logreg_2.onnx").await;
        let bad = house.version("lookup", "lookup.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let token = CancellationToken::new();
        let watch = watching(house.serving.clone(), token.clone());
        let since = house.ledger.clock().now();
        for version in [two, bad] {
            let begun = house.serving.start_shadow(&house.actor, "e", version, Vec::new()).await.unwrap();
            let again = house.serving.start_shadow(&house.actor, "e", version, Vec::new()).await.unwrap();
            assert_eq!(begun.uid, again.uid, "it has its copies already");
        }
        for _ in 0..30 {
            let answer = house.ask_with("e", None, None, row(9.0)).await.unwrap();
            assert_eq!(answer.variant, "cancer-1");
        }
        let elsewhere = crate::house::start(&house.ledger, &house.blobs, &house.log).await;
        let mut figures = mlwright_serving::ShadowFigures::default();
        for _ in 0..400 {
            figures = elsewhere.shadow_figures(&house.actor, "e", bad, since).await.unwrap();
            if figures.requests == 30 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!((figures.requests, figures.errors, figures.disagreement()), (30, 30, None));
        let good = elsewhere.shadow_figures(&house.actor, "e", two, since).await.unwrap();
        assert_eq!((good.requests, good.errors, good.rows), (30, 0, 30));
        assert!(good.disagreement().is_some() && good.p95_ms() > 0.0, "{good:?}");
        let later = elsewhere.shadow_figures(&house.actor, "e", two, house.ledger.clock().now()).await.unwrap();
        assert_eq!(later.requests, 0, "only of shadows since then");
        for version in [two, bad, bad] {
            house.serving.end_shadow(&house.actor, "e", version).await.unwrap();
        }
        let now = house.serving.get(&house.actor, "e").unwrap().revision;
        assert_eq!(now.variants.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), ["cancer-1"]);
        token.cancel();
        watch.await;
    }
}

async fn until(
    serving: &mlwright_serving::Serving,
    actor: &types::Actor,
    state: RolloutState,
) -> mlwright_serving::Rollout {
    let mut left = 800;
    loop {
        let rollout = serving.rollout(actor, "e").await.unwrap().unwrap();
        if rollout.state == state {
            return rollout;
        }
        left -= 1;
        assert!(left > 0, "it does not become {}", state.name());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The watch, on a task of its own.
async fn watching_ends(mut set: tokio::task::JoinSet<()>) {
    while set.join_next().await.is_some() {}
}

fn watching(
    serving: mlwright_serving::Serving,
    token: CancellationToken,
) -> impl std::future::Future<Output = ()> {
    let mut set = tokio::task::JoinSet::new();
    set.spawn(async move { serving.run(token).await.unwrap() });
    watching_ends(set)
}

fn serving_variant(version: types::Uid) -> mlwright_serving::NewVariant {
    mlwright_serving::NewVariant::new(version, 1.0)
}
