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

/// The starts of all runs in order, read page by page.
async fn paged(ledger: &ledger::Ledger, query: RunQuery) -> Vec<i64> {
    let mut found = Vec::new();
    let mut query = RunQuery { limit: 2, ..query };
    loop {
        let page = tracking::search_runs(ledger, &me(), query.clone()).await.unwrap();
        found.extend(page.items.iter().map(|r| r.started_at.0));
        query.after = page.next;
        if query.after.is_none() {
            return found;
        }
    }
}

async fn log(ledger: &ledger::Ledger, run: types::Uid, values: &[(&str, f64)], params: &[(&str, &str)]) {
    let batch = LogBatch {
        metrics: values.iter().map(|(k, v)| MetricPoint::new(*k, *v, 0, tracking::Millis(0))).collect(),
        params: params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..Default::default()
    };
    tracking::log_batch(ledger, &me(), run, batch).await.unwrap();
}

ledger::db_test! {
    components: [tracking::COMPONENT];

    async fn pages_hold_every_run_once_in_every_order(ledger: ledger::Ledger) {
        let values = [Some(0.5), Some(f64::NAN), None, Some(2.0), Some(0.5), None, Some(f64::NAN), Some(-0.0)];
        let texts = ["b", "B", "é", "a", "", "b", "_", "b "];
        for (place, (value, text)) in values.iter().zip(texts).enumerate() {
            let run = new_run(&ledger, place as i64 + 1).await;
            let metrics: Vec<_> = value.iter().map(|v| ("m", *v)).collect();
            let params = if place % 3 == 0 { vec![] } else { vec![("p", text)] };
            log(&ledger, run.uid, &metrics, &params).await;
        }
        for number in [None, Some(vec![0])] {
            for field in [metric("m"), metric("never"), RunField::Param("p".into()), RunField::StartedAt, RunField::EndedAt, RunField::Name] {
                for descending in [false, true] {
                    for second in [None, Some(RunField::Param("p".into())), Some(metric("m"))] {
                        let mut order = vec![Order { field: field.clone(), descending }];
                        order.extend(second.filter(|s| *s != field).map(|field| Order { field, descending: true }));
                        let query = RunQuery { experiments: number.clone(), order, limit: 100, ..Default::default() };
                        let whole = tracking::search_runs(&ledger, &me(), query.clone()).await.unwrap();
                        let whole: Vec<_> = whole.items.iter().map(|r| r.started_at.0).collect();
                        assert_eq!(whole.len(), 8);
                        assert_eq!(paged(&ledger, query.clone()).await, whole, "{:?}", query.order);
                        let listed = tracking::list_runs(&ledger, &me(), query.clone(), None).await.unwrap();
                        let mut starts = Vec::new();
                        for run in &listed.items {
                            starts.push(tracking::run(&ledger, &me(), run.uid).await.unwrap().started_at.0);
                        }
                        assert_eq!(starts, whole, "{:?}", query.order);
                    }
                }
            }
        }
        let by = |field: RunField, descending| RunQuery { order: vec![Order { field, descending }], ..Default::default() };
        // Text by its bytes; those without one last, newest first.
        assert_eq!(paged(&ledger, by(RunField::Param("p".into()), false)).await, [5, 2, 6, 8, 3, 7, 4, 1]);
        assert_eq!(paged(&ledger, by(metric("m"), true)).await, [4, 5, 1, 8, 7, 2, 6, 3]);
    }

    async fn pages_survive_runs_that_come_and_go(ledger: ledger::Ledger) {
        let mut runs = Vec::new();
        for start in 1..=6 {
            let run = new_run(&ledger, start).await;
            log(&ledger, run.uid, &[("m", start as f64)], &[]).await;
            runs.push(run);
        }
        let order = vec![Order { field: metric("m"), descending: true }];
        let query = RunQuery { order, limit: 2, ..Default::default() };
        let first = tracking::search_runs(&ledger, &me(), query.clone()).await.unwrap();
        let better = new_run(&ledger, 7).await;
        log(&ledger, better.uid, &[("m", 100.0)], &[]).await;
        tracking::delete_run(&ledger, &me(), runs[4].uid).await.unwrap();
        tracking::delete_run(&ledger, &me(), runs[2].uid).await.unwrap();
        let rest = paged(&ledger, RunQuery { after: first.next, ..query }).await;
        assert_eq!(rest, [4, 2, 1]);
    }

    async fn several_experiments_are_merged_in_order(ledger: ledger::Ledger) {
        let mut numbers = vec![0];
        for name in ["a", "b"] {
            numbers.push(tracking::create_experiment(&ledger, &me(), name.into(), tracking::Location::Own, vec![]).await.unwrap());
        }
        for start in 1..=9_i64 {
            let number = numbers[start as usize % 3];
            let request = tracking::CreateRun {
                started_at: Some(Timestamp(start)),
                ..tracking::CreateRun::in_experiment(tracking::ExperimentRef::Number(number))
            };
            let run = tracking::create_run(&ledger, &me(), request).await.unwrap();
            log(&ledger, run.uid, &[("m", (start % 4) as f64)], &[]).await;
            if start % 4 == 0 {
                tracking::delete_run(&ledger, &me(), run.uid).await.unwrap();
            }
        }
        let query = RunQuery { experiments: Some(numbers), ..Default::default() };
        assert_eq!(paged(&ledger, query.clone()).await, [9, 7, 6, 5, 3, 2, 1]);
        let all = RunQuery { lifecycle: tracking::search::Lifecycle::All, ..query.clone() };
        assert_eq!(paged(&ledger, all).await, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
        let order = vec![Order { field: metric("m"), descending: true }];
        assert_eq!(paged(&ledger, RunQuery { order, ..query }).await, [7, 3, 6, 2, 9, 5, 1]);
    }

    async fn a_rare_value_is_found_whatever_the_order(ledger: ledger::Ledger) {
        for start in 1..=30_i64 {
            let run = new_run(&ledger, start).await;
            let rare = if start % 10 == 0 { "x" } else { "y" };
            log(&ledger, run.uid, &[("m", start as f64), ("n", 1.0)], &[("rare", rare)]).await;
        }
        let filter = vec![
            Clause { field: RunField::Param("rare".into()), test: Test::Text(Comparison::Equal, "x".into()) },
            Clause { field: metric("n"), test: Test::Number(Comparison::GreaterOrEqual, 1.0) },
        ];
        for (descending, expected) in [(true, [30, 20, 10]), (false, [10, 20, 30])] {
            for field in [metric("m"), RunField::StartedAt] {
                let order = vec![Order { field, descending }];
                let query = RunQuery { filter: filter.clone(), order, ..Default::default() };
                assert_eq!(paged(&ledger, query).await, expected);
            }
        }
    }

    async fn metrics_filter_and_order_with_nan_before_missing(ledger: ledger::Ledger) {
        for (started, value) in [(1, Some(0.5)), (2, Some(f64::NAN)), (3, None), (4, Some(2.0))] {
            let run = new_run(&ledger, started).await;
            let Some(value) = value else { continue };
            let batch = LogBatch {
                metrics: vec![MetricPoint::new("m", value, 0, tracking::Millis(0))],
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
