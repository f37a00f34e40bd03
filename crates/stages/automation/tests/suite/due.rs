//! Triggers that are no alarm.

use mlwright_automation::{
    Bound, Budget, PerformanceRule, Policy, Recipe, RolloutRule, ScheduleRule, State, Trigger, Triggers,
    define, policies, trigger_manual,
};

use crate::house::{COMPONENTS, House, cancer, has_onnxruntime};

async fn policy(house: &House, triggers: Triggers, cooldown: Option<i64>, budget: Option<Budget>) {
    let recipe = Recipe { label: None, ..house.recipe(0.5) };
    let policy =
        Policy { name: "again".into(), on: String::new(), triggers, labels: None, cooldown, budget, recipe };
    define(&house.ledger, &house.actor, policy).await.unwrap();
}

fn by_labels(count: i64) -> Triggers {
    Triggers { labels: Some(count), ..Default::default() }
}

ledger::db_test! {
    components: COMPONENTS;

    async fn new_labels_start_a_retraining_and_are_counted_once(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let automation = house.automation();
        let ids = house.predict(20).await;
        house.label(&ids[..6]).await;
        policy(&house, by_labels(5), None, None).await;
        assert!(automation.turn().await.unwrap());
        assert!(house.retrainings().await.is_empty(), "what was there before is not new");
        house.label(&ids[6..10]).await;
        assert!(automation.turn().await.unwrap());
        assert!(house.retrainings().await.is_empty(), "four are too few");
        house.label(&ids[10..12]).await;
        assert!(automation.turn().await.unwrap());
        let found = house.retrainings().await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].trigger, Trigger::Labels { count: 6 });
        house.until(found[0].uid, State::Failed).await;
        assert!(automation.turn().await.unwrap());
        assert_eq!(house.retrainings().await.len(), 1, "the same labels start nothing again");
    }

    async fn labels_of_what_shadows_predicted_are_none(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let automation = house.automation();
        policy(&house, by_labels(5), None, None).await;
        let (answers, shadows) = house.predict_with_shadow(10).await;
        assert!(automation.turn().await.unwrap());
        house.label(&shadows).await;
        assert!(automation.turn().await.unwrap());
        assert!(house.retrainings().await.is_empty(), "ten labels, and none of an answer");
        house.label(&answers).await;
        assert!(automation.turn().await.unwrap());
        assert_eq!(house.retrainings().await[0].trigger, Trigger::Labels { count: 10 });
    }

    async fn cool_down_and_budget_hold_for_everything_that_starts_by_itself(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let automation = house.automation();
        policy(&house, by_labels(2), None, Some(Budget { runs: 1, per: 3600 })).await;
        assert!(automation.turn().await.unwrap());
        let ids = house.predict(20).await;
        house.label(&ids[..3]).await;
        assert!(automation.turn().await.unwrap());
        let first = house.retrainings().await.remove(0);
        house.until(first.uid, State::Failed).await;
        // By hand it goes whatever they say.
        let by_hand = trigger_manual(&house.ledger, &house.actor, "again", Some(" late ".into()));
        let by_hand = by_hand.await.unwrap();
        let said = Trigger::Manual { by: house.actor.to_string(), reason: Some("late".into()) };
        assert_eq!(by_hand.trigger, said);
        house.until(by_hand.uid, State::Failed).await;
        assert!(automation.turn().await.unwrap());
        house.label(&ids[3..8]).await;
        assert!(automation.turn().await.unwrap());
        assert_eq!(house.retrainings().await.len(), 2, "the budget is spent");
        let view = policies(&house.ledger, &house.actor).await.unwrap().remove(0);
        assert_eq!(view.budget_used, 1);
    }

    async fn a_schedule_starts_at_its_moment_and_not_before(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let automation = house.automation();
        let every_second = ScheduleRule { cron: "* * * * * *".into(), zone: "Europe/Vienna".into() };
        let triggers = Triggers { schedule: Some(every_second), ..Default::default() };
        policy(&house, triggers, Some(3600), None).await;
        assert!(automation.turn().await.unwrap());
        assert!(house.retrainings().await.is_empty(), "its first moment has not come");
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        assert!(automation.turn().await.unwrap());
        let first = house.retrainings().await.remove(0);
        assert!(matches!(&first.trigger, Trigger::Schedule { zone, .. } if zone == "Europe/Vienna"));
        house.until(first.uid, State::Failed).await;
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        assert!(automation.turn().await.unwrap());
        let second = house.retrainings().await.remove(0);
        assert_eq!(second.state, State::Skipped, "what stands against it is recorded");
        assert!(second.reason.unwrap().starts_with("the cool-down lasts until "));
    }

    async fn a_window_whose_performance_breaks_its_bound_starts_one_retraining(ledger: ledger::Ledger) {
        if !has_onnxruntime() {
            return;
        }
        let house = House::new(ledger, false).await;
        house.rolling_out(RolloutRule::default()).await;
        let first = house.trained("cancer_logreg.onnx").await;
        house.until(first, State::Done).await;
        let digest = house.blobs.put_bytes(cancer().to_parquet().unwrap()).await.unwrap();
        let spec = serde_json::json!({
            "name": "drift", "endpoint": "cancer", "baseline": { "digest": digest }, "window": { "rows": 20 },
            "threshold": 1000.0,
        });
        monitoring::define(&house.ledger, &house.actor, serde_json::from_value(spec).unwrap()).await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..20 {
            ids.extend(house.asked(0.5).await.ids);
        }
        let watch = monitoring::Monitoring::new(&house.ledger, &house.blobs, &house.log);
        let mut judged = 0;
        for _ in 0..200 {
            judged += watch.judge_pending().await.unwrap();
            if judged > 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(judged, 1);
        let (metric, bound) = ("positive_rate".to_owned(), Bound { min: None, max: Some(0.5) });
        let rule = PerformanceRule { monitor: "drift".into(), metric, bound, windows: 1, rows: 20 };
        policy(&house, Triggers { performance: Some(rule), ..Default::default() }, None, None).await;
        let automation = house.automation();
        automation.turn().await.unwrap();
        assert_eq!(house.retrainings().await.len(), 1, "no label has come");
        house.label(&ids).await;
        watch.judge_pending().await.unwrap();
        automation.turn().await.unwrap();
        let found = house.retrainings().await.remove(0);
        assert!(matches!(&found.trigger, Trigger::Performance { value, .. } if *value == 1.0), "{found:?}");
        let training = house.until(found.uid, State::Training).await;
        house.automation().step(&house.actor, training.uid).await.unwrap();
        let run = house.get(found.uid).await.pipeline_run.unwrap();
        pipelines::cancel(&house.ledger, &house.actor, run).await.unwrap();
        house.until(found.uid, State::Failed).await;
        automation.turn().await.unwrap();
        assert_eq!(house.retrainings().await.len(), 2, "the same window starts nothing again");
    }

    async fn a_policy_that_cannot_be_meant_is_refused(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let rule = |cron: &str, zone: &str| ScheduleRule { cron: cron.into(), zone: zone.into() };
        for (rule, said) in [(rule("every day", "UTC"), "every day"), (rule("0 3 * * *", "Vienna"), "Vienna")] {
            let triggers = Triggers { schedule: Some(rule), ..Default::default() };
            let policy = Policy {
                name: "again".into(),
                on: String::new(),
                triggers,
                labels: None,
                cooldown: None,
                budget: None,
                recipe: house.recipe(0.5),
            };
            let error = define(&house.ledger, &house.actor, policy).await.unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
