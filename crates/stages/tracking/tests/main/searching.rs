use tracking::search::{Clause, Comparison, Order, RunField, Test};
use tracking::{DatasetInput, LogBatch, MetricPoint, RunQuery};
use types::Timestamp;

use crate::{me, new_run};

async fn names(
    ledger: &ledger::Ledger,
    filter: Vec<Clause<RunField>>,
    order: Vec<Order<RunField>>,
) -> Vec<i64> {
    let query = RunQuery { filter, order, limit: 100, ..Default::default() };
    let page = tracking::search_runs(ledger, &me(), query).await.unwrap();
    page.items.iter().map(|r| r.started_at.0).collect()
}

fn clause(field: RunField, test: Test) -> Vec<Clause<RunField>> {
    vec![Clause { field, test }]
}

fn metric(name: &str) -> RunField {
    RunField::Metric(name.to_owned())
}

ledger::db_test! {
    components: [tracking::COMPONENT];

    async fn metrics_filter_and_order_with_nan_before_missing(ledger: ledger::Ledger) {
        for (started, value) in [(1, Some(0.5)), (2, Some(f64::NAN)), (3, None), (4, Some(2.0))] {
            let run = new_run(&ledger, started).await;
            let Some(value) = value else { continue };
            let batch = LogBatch {
                metrics: vec![MetricPoint::new("m", value, 0, Timestamp(0))],
                ..Default::default()
            };
            tracking::log_batch(&ledger, &me(), run.uid, batch).await.unwrap();
        }
        let over = |x| Test::Number(Comparison::Greater, x);
        assert_eq!(names(&ledger, clause(metric("m"), over(-1.0)), vec![]).await, [4, 1]);
        let unequal = Test::Number(Comparison::NotEqual, 0.5);
        assert_eq!(names(&ledger, clause(metric("m"), unequal), vec![]).await, [4, 2]);
        assert_eq!(names(&ledger, clause(metric("never"), over(0.0)), vec![]).await, [0; 0]);
        let by = |descending| vec![Order { field: metric("m"), descending }];
        assert_eq!(names(&ledger, vec![], by(false)).await, [1, 4, 2, 3]);
        assert_eq!(names(&ledger, vec![], by(true)).await, [4, 1, 2, 3]);
    }

    async fn texts_compare_exactly_and_by_pattern(ledger: ledger::Ledger) {
        let long = "x".repeat(5_000);
        for (started, value) in [(1, "Alpha"), (2, "alpha"), (3, "100%_\\"), (4, long.as_str())] {
            let run = new_run(&ledger, started).await;
            let batch = LogBatch { params: vec![("p".into(), value.to_owned())], ..Default::default() };
            tracking::log_batch(&ledger, &me(), run.uid, batch).await.unwrap();
        }
        let param = || RunField::Param("p".into());
        let like = |pattern: &str, ignore_case| Test::Like { pattern: pattern.into(), ignore_case };
        assert_eq!(names(&ledger, clause(param(), Test::Text(Comparison::Equal, long.clone())), vec![]).await, [4]);
        assert_eq!(names(&ledger, clause(param(), like("al%", false)), vec![]).await, [2]);
        assert_eq!(names(&ledger, clause(param(), like("AL%", true)), vec![]).await, [2, 1]);
        assert_eq!(names(&ledger, clause(param(), like("%\\", false)), vec![]).await, [3]);
        assert_eq!(names(&ledger, clause(RunField::Tag("t".into()), Test::Missing), vec![]).await, [4, 3, 2, 1]);
        assert_eq!(names(&ledger, clause(param(), Test::Missing), vec![]).await, [0; 0]);
    }

    async fn datasets_are_found_by_name_and_by_what_they_were_used_for(ledger: ledger::Ledger) {
        let (one, _two) = (new_run(&ledger, 1).await, new_run(&ledger, 2).await);
        let input = DatasetInput {
            name: "visits".into(),
            digest: "d1".into(),
            tags: [("context".to_owned(), "training".to_owned())].into(),
            ..Default::default()
        };
        let inputs = vec![input.clone(), input];
        tracking::log_inputs(&ledger, &me(), one.uid, inputs, vec!["m-1".into()]).await.unwrap();
        let named = Test::In(vec!["visits".into(), "other".into()]);
        assert_eq!(names(&ledger, clause(RunField::DatasetName, named), vec![]).await, [1]);
        let used = Test::Text(Comparison::Equal, "training".into());
        assert_eq!(names(&ledger, clause(RunField::DatasetTag("context".into()), used), vec![]).await, [1]);
        let run = tracking::run(&ledger, &me(), one.uid).await.unwrap();
        assert_eq!((run.inputs.len(), run.models_in), (1, vec!["m-1".to_owned()]));
        let found = tracking::dataset_summaries(&ledger, &me(), vec![0], "context").await.unwrap();
        assert_eq!(found[0].context.as_deref(), Some("training"));
    }
}
