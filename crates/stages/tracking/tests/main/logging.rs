use serde_json::json;
use tracking::{Error, LogBatch, MetricPoint, Millis, ParamConflict, Point, RunStatus};

use crate::{kinds, me, new_run};

fn point(key: &str, value: f64, step: i64, at: i64) -> MetricPoint {
    MetricPoint::new(key, value, step, Millis(at))
}

fn metrics(points: Vec<MetricPoint>) -> LogBatch {
    LogBatch { metrics: points, ..Default::default() }
}

ledger::db_test! {
    components: [tracking::COMPONENT];

    async fn a_batch_is_stored_whole_or_not_at_all(ledger: ledger::Ledger) {
        let run = new_run(&ledger, 1).await;
        let batch = LogBatch {
            params: vec![("depth".into(), "3".into())],
            metrics: vec![point("loss", 1.0, 0, 1)],
            tags: vec![("team".into(), "blue".into())],
            on_param_conflict: ParamConflict::Refuse,
            ..Default::default()
        };
        tracking::log_batch(&ledger, &me(), run.uid, batch.clone()).await.unwrap();
        let clash = LogBatch {
            params: vec![("new".into(), "1".into()), ("depth".into(), "4".into())],
            metrics: vec![point("loss", 9.0, 9, 9)],
            tags: vec![("team".into(), "red".into())],
            ..batch
        };
        let refused = tracking::log_batch(&ledger, &me(), run.uid, clash.clone()).await;
        assert!(matches!(refused, Err(Error::ParamChanged { changes, .. }) if changes[0].old == "3"));
        let now = tracking::run(&ledger, &me(), run.uid).await.unwrap();
        assert_eq!((now.params.len(), now.metrics["loss"].value, now.tags["team"].as_str()), (1, 1.0, "blue"));
        let replace = LogBatch { on_param_conflict: ParamConflict::Replace, ..clash };
        tracking::log_batch(&ledger, &me(), run.uid, replace).await.unwrap();
        assert_eq!(tracking::run(&ledger, &me(), run.uid).await.unwrap().params["depth"], "4");
        assert_eq!(kinds(&ledger).await, ["run.created", "run.logged", "run.logged"]);
    }

    async fn params_keep_their_types_and_show_as_text(ledger: ledger::Ledger) {
        let run = new_run(&ledger, 1).await;
        let typed = |value: serde_json::Value| LogBatch {
            typed_params: vec![("p".into(), value)],
            on_param_conflict: ParamConflict::Refuse,
            ..Default::default()
        };
        let config = json!({ "lr": 0.1, "layers": [64, 32], "on": true, "name": "adam", "none": null });
        let values = config.as_object().unwrap().clone().into_iter().collect();
        let batch = LogBatch { typed_params: values, params: vec![("text".into(), "7".into())], ..Default::default() };
        tracking::log_batch(&ledger, &me(), run.uid, batch).await.unwrap();
        let now = tracking::run(&ledger, &me(), run.uid).await.unwrap();
        for (key, value) in config.as_object().unwrap() {
            assert_eq!(now.param(key).as_ref(), Some(value));
            assert_eq!(now.params[key], tracking::param_text(value));
        }
        assert_eq!((now.params["layers"].as_str(), now.params["name"].as_str()), ("[64,32]", "adam"));
        assert_eq!(now.param("text"), Some("7".into()));
        // The same value again is fine, and so is its text; another type is another value.
        tracking::log_batch(&ledger, &me(), run.uid, typed(json!(7))).await.unwrap();
        tracking::log_batch(&ledger, &me(), run.uid, typed(json!(7))).await.unwrap();
        let text = LogBatch { params: vec![("p".into(), "7".into())], ..typed(json!(7)) };
        tracking::log_batch(&ledger, &me(), run.uid, text).await.unwrap();
        assert_eq!(tracking::run(&ledger, &me(), run.uid).await.unwrap().param("p"), Some(json!(7)));
        let refused = tracking::log_batch(&ledger, &me(), run.uid, typed(json!(8))).await;
        assert!(matches!(refused, Err(Error::ParamChanged { changes, .. }) if changes[0].new == "8"));
    }

    async fn the_same_point_twice_is_stored_once_and_leaves_no_event(ledger: ledger::Ledger) {
        let run = new_run(&ledger, 1).await;
        let batch = metrics(vec![point("m", 1.0, 1, 5), point("m", 1.0, 1, 5), point("m", f64::NAN, 2, 5)]);
        let first = tracking::log_batch(&ledger, &me(), run.uid, batch.clone()).await.unwrap();
        let again = tracking::log_batch(&ledger, &me(), run.uid, batch).await.unwrap();
        assert_eq!((first.points, again.points), (2, 0));
        assert_eq!(tracking::run(&ledger, &me(), run.uid).await.unwrap().metrics["m"].points, 2);
        assert_eq!(kinds(&ledger).await, ["run.created"]);
    }

    async fn the_latest_point_is_the_greatest_by_step_time_and_value(ledger: ledger::Ledger) {
        let run = new_run(&ledger, 1).await;
        let mut latest = Vec::new();
        for (value, step, at) in [(1.0, 5, 50), (2.0, 1, 90), (3.0, 5, 40), (0.5, 5, 50), (4.0, 5, 50)] {
            tracking::log_batch(&ledger, &me(), run.uid, metrics(vec![point("m", value, step, at)])).await.unwrap();
            latest.push(tracking::run(&ledger, &me(), run.uid).await.unwrap().metrics["m"].value);
        }
        assert_eq!(latest, [1.0, 1.0, 1.0, 1.0, 4.0]);
        let summary = tracking::run(&ledger, &me(), run.uid).await.unwrap().metrics["m"];
        assert_eq!((summary.min, summary.max, summary.points), (Some(0.5), Some(4.0), 5));
    }

    async fn nan_is_kept_and_infinities_are_clamped(ledger: ledger::Ledger) {
        let run = new_run(&ledger, 1).await;
        let points = vec![
            point("nan", f64::NAN, 0, 1),
            point("up", f64::INFINITY, 0, 1),
            point("down", f64::NEG_INFINITY, i64::MIN, 1),
        ];
        tracking::log_batch(&ledger, &me(), run.uid, metrics(points)).await.unwrap();
        let found = tracking::run(&ledger, &me(), run.uid).await.unwrap().metrics;
        assert!(found["nan"].value.is_nan() && found["nan"].min.is_none());
        assert_eq!((found["up"].value, found["down"].value), (f64::MAX, f64::MIN));
    }

    async fn a_long_series_is_drawn_by_its_extremes_with_both_ends(ledger: ledger::Ledger) {
        let run = new_run(&ledger, 1).await;
        let points: Vec<_> = (0..1000_i64)
            .map(|i| point("m", if i == 613 { 99.0 } else { f64::from((i % 7) as i32) }, i, i))
            .collect();
        tracking::log_batch(&ledger, &me(), run.uid, metrics(points)).await.unwrap();
        let series = tracking::series(&ledger, &me(), run.uid, vec![], 50).await.unwrap().remove("m").unwrap();
        assert!(series.len() <= 50, "{}", series.len());
        assert_eq!((series[0].step, series[series.len() - 1].step), (0, 999));
        assert!(series.iter().any(|p| p.value == 99.0));
        let whole = tracking::series(&ledger, &me(), run.uid, vec!["m".into()], 1000).await.unwrap();
        assert_eq!(whole["m"].len(), 1000);
        let sample = tracking::sample(&ledger, &me(), vec![run.uid], "m".into(), Some((100, 199)), 10).await.unwrap();
        let steps: Vec<_> = sample[0].1.iter().map(|p: &Point| p.step).collect();
        assert_eq!((steps.len(), steps[0], steps[9]), (10, 100, 199));
        let one = tracking::sample(&ledger, &me(), vec![run.uid], "m".into(), None, 1).await.unwrap();
        assert_eq!(one[0].1.iter().map(|p| p.step).collect::<Vec<_>>(), [999]);
    }

    async fn a_deleted_run_takes_nothing_and_a_finished_one_says_so(ledger: ledger::Ledger) {
        let run = new_run(&ledger, 1).await;
        tracking::finish_run(&ledger, &me(), run.uid, RunStatus::Finished).await.unwrap();
        tracking::delete_run(&ledger, &me(), run.uid).await.unwrap();
        let refused = tracking::log_batch(&ledger, &me(), run.uid, metrics(vec![point("m", 1.0, 0, 0)])).await;
        assert!(matches!(refused, Err(Error::RunDeleted { .. })));
        assert_eq!(kinds(&ledger).await, ["run.created", "run.finished", "run.deleted"]);
    }

    async fn concurrent_writers_of_new_keys_all_succeed(ledger: ledger::Ledger) {
        let run = new_run(&ledger, 1).await;
        let writes = (0..16_i64).map(|i| {
            let (ledger, uid) = (ledger.clone(), run.uid);
            async move {
                let points = (0..8).map(|k| point(&format!("k{k}"), 1.0, i, i)).collect();
                tracking::log_batch(&ledger, &me(), uid, metrics(points)).await.unwrap();
            }
        });
        futures::future::join_all(writes).await;
        let found = tracking::run(&ledger, &me(), run.uid).await.unwrap().metrics;
        assert_eq!(found.values().map(|m| m.points).collect::<Vec<_>>(), [16; 8]);
    }

    async fn more_points_than_are_worked_on_at_once_are_counted_for_those_who_brought_them(ledger: ledger::Ledger) {
        let runs = [new_run(&ledger, 1).await, new_run(&ledger, 2).await, new_run(&ledger, 3).await];
        // Nine clients with a thousand metrics each, three to a run; of each run the third one brings what the first brought.
        let writes = (0..9_usize).map(|client| {
            let (ledger, uid) = (ledger.clone(), runs[client % 3].uid);
            async move {
                let step = i64::try_from(client / 3 % 2).unwrap();
                let points = (0..1_000).map(|k| point(&format!("k{k:04}"), 0.5, step, step)).collect();
                tracking::log_batch(&ledger, &me(), uid, metrics(points)).await.unwrap().points
            }
        });
        let new = futures::future::join_all(writes).await;
        for run in 0..3 {
            // Which of the two was first is chance.
            assert_eq!((new[run] + new[run + 6], new[run + 3]), (1_000, 1_000), "{new:?}");
        }
        for run in &runs {
            let found = tracking::run(&ledger, &me(), run.uid).await.unwrap().metrics;
            assert_eq!(found.len(), 1_000);
            assert!(found.values().all(|m| (m.points, m.step, m.value) == (2, 1, 0.5)));
        }
        let gone = tracking::log_batch(&ledger, &me(), types::new_id(types::Timestamp(0)), metrics(vec![point("m", 1.0, 0, 0)])).await;
        assert!(matches!(gone, Err(Error::RunNotFound(_))));
    }
}
