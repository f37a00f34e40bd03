use tracking::search::{Clause, Comparison, RunField, Test};
use tracking::{LogBatch, MetricPoint, Millis, RunQuery};

use crate::{me, new_run};

/// The tables as the first version made them.
const FIRST: ledger::Component =
    ledger::Component { migrations: tracking::COMPONENT.migrations.split_at(1).0, ..tracking::COMPONENT };

/// Parameters and tags of a database of the first version are there in the newest, and found by their values.
fn params_and_tags_outlive_the_move(engine: ledger::testing::Engine) {
    let Some(scratch) = ledger::testing::scratch(engine).unwrap() else { return };
    // A ledger is opened outside of any runtime: PostgreSQL's client has one of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let before = scratch.open(&[FIRST]).unwrap();
    let made = runtime.block_on(fill(&before));
    drop(before);
    let after = loop {
        // The threads of the first one let go of the file when they have noticed.
        match scratch.open(&[tracking::COMPONENT]) {
            Err(ledger::Error::InUse { .. }) => std::thread::sleep(std::time::Duration::from_millis(20)),
            opened => break opened.unwrap(),
        }
    };
    runtime.block_on(look(&after, &made));
}

async fn fill(before: &ledger::Ledger) -> Vec<tracking::Run> {
    let mut made = Vec::new();
    for i in 0..40_i64 {
        let run = new_run(before, i).await;
        let batch = LogBatch {
            params: vec![("seed".into(), i.to_string()), ("text".into(), "ü".repeat(200))],
            typed_params: vec![("depth".into(), serde_json::json!(i))],
            tags: vec![("team".into(), format!("team {}", i % 3))],
            metrics: vec![MetricPoint::new("acc", i as f64, 0, Millis(0))],
            ..LogBatch::default()
        };
        tracking::log_batch(before, &me(), run.uid, batch).await.unwrap();
        made.push(tracking::run(before, &me(), run.uid).await.unwrap());
    }
    made
}

async fn look(after: &ledger::Ledger, made: &[tracking::Run]) {
    for run in made {
        assert_eq!(&tracking::run(after, &me(), run.uid).await.unwrap(), run);
    }
    let seven = RunQuery {
        experiments: Some(vec![0]),
        filter: vec![Clause {
            field: RunField::Param("seed".into()),
            test: Test::Text(Comparison::Equal, "7".into()),
        }],
        limit: 10,
        ..RunQuery::default()
    };
    let found = tracking::search_runs(after, &me(), seven).await.unwrap().items;
    assert_eq!(found.iter().map(|run| run.uid).collect::<Vec<_>>(), [made[7].uid]);
}

#[test]
fn params_and_tags_outlive_the_move_on_sqlite() {
    params_and_tags_outlive_the_move(ledger::testing::Engine::Sqlite);
}

#[test]
fn params_and_tags_outlive_the_move_on_postgres() {
    params_and_tags_outlive_the_move(ledger::testing::Engine::Postgres);
}
