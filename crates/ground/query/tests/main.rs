//! SQL over tables, and what it may not do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate mlwright_query as query;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use columns::{Answer, Chunks, Engine, Error, File, InMemory, Limits, Query, Source, Table, cells, column};
use query::DataFusion;
use serde_json::{Value, json};
use types::Fault as _;

const LIMITS: Limits = Limits { rows: 1_000, memory: 64 << 20, time: Duration::from_secs(30) };

async fn csv(text: &str) -> Source {
    Source::open(Arc::new(InMemory::new("t.csv", text.to_owned()))).await.unwrap()
}

async fn parquet(rows: i64) -> Source {
    let table = Table::new(vec![
        ("id".into(), column::integers((0..rows).map(Some))),
        ("name".into(), column::strings((0..rows).map(|i| Some(format!("n{}", i % 10))))),
    ]);
    let bytes = table.unwrap().to_parquet().unwrap();
    Source::open(Arc::new(InMemory::new("t.parquet", bytes))).await.unwrap()
}

async fn asked(sql: &str, tables: Vec<(&str, Source)>, limits: Limits) -> Result<Answer, Error> {
    let engine = DataFusion::new(2, 2).unwrap();
    let tables = tables.into_iter().map(|(name, source)| (name.to_owned(), source)).collect();
    engine.query(Query { sql: sql.into(), tables, limits }).await
}

async fn rows(sql: &str, tables: Vec<(&str, Source)>) -> Vec<Vec<Value>> {
    let answer = asked(sql, tables, LIMITS).await.unwrap();
    answer.batches.iter().flat_map(|batch| cells(batch).unwrap()).collect()
}

fn engine() -> DataFusion {
    DataFusion::new(1, 1).unwrap()
}

#[tokio::test]
async fn tables_of_all_formats_are_joined_grouped_and_sorted() {
    let jsonl = InMemory::new("t.jsonl", "{\"k\": \"n1\", \"w\": 2}\n{\"k\": \"n2\", \"w\": 5}\n");
    let weights = Source::open(Arc::new(jsonl)).await.unwrap();
    let sql = "select p.name, count(*) as n, sum(c.v * w.w) as total \
               from \"r@main:p.parquet\" p join \"r@main:c.csv\" c on c.id = p.id \
               join \"r@v1:w.jsonl\" w on w.k = p.name \
               where p.id < 100 group by p.name order by p.name";
    let tables = vec![
        ("r@main:p.parquet", parquet(1_000).await),
        ("r@main:c.csv", csv("id,v\n1,10\n2,20\n11,30\n999,5\n").await),
        ("r@v1:w.jsonl", weights),
    ];
    let found = engine().tables(sql).unwrap();
    assert_eq!(found, ["r@main:c.csv", "r@main:p.parquet", "r@v1:w.jsonl"]);
    assert_eq!(
        rows(sql, tables).await,
        [[json!("n1"), json!(2), json!(80)], [json!("n2"), json!(1), json!(100)]]
    );
}

#[tokio::test]
async fn common_functions_are_there() {
    let sql = "select upper(a) u, round(sqrt(v), 2) r, date_trunc('month', d) m, a like 'x%' l, \
               substr(a, 2) s, coalesce(n, 0) c, regexp_replace(a, 'y', 'z') g from t";
    let found = rows(sql, vec![("t", csv("a,v,d,n\nxyz,2,2026-03-05,\n").await)]).await;
    assert_eq!(found[0][0], json!("XYZ"));
    assert_eq!(found[0][1], json!(1.41));
    assert!(found[0][2].as_str().unwrap().starts_with("2026-03-01"), "{found:?}");
    assert_eq!((&found[0][3], &found[0][4], &found[0][6]), (&json!(true), &json!("yz"), &json!("xzz")));
    let window = "select v, sum(v) over (order by v) s, median(v) over () m from t order by v";
    let found = rows(window, vec![("t", csv("v\n1\n2\n3\n").await)]).await;
    assert_eq!(found[2][1], json!(6));
}

#[tokio::test]
async fn the_answer_is_cut_at_the_limit_and_says_so() {
    let limits = Limits { rows: 3, ..LIMITS };
    let answer =
        asked("select id from t order by id desc", vec![("t", parquet(50).await)], limits).await.unwrap();
    assert!(answer.more);
    let found: Vec<_> = answer.batches.iter().flat_map(|batch| cells(batch).unwrap()).collect();
    assert_eq!(found, [[json!(49)], [json!(48)], [json!(47)]]);
    let answer = asked("select id from t", vec![("t", parquet(3).await)], limits).await.unwrap();
    assert!(!answer.more);
    let answer = asked("select id from t where id < 0", vec![("t", parquet(3).await)], limits).await.unwrap();
    assert_eq!(
        (answer.batches.iter().map(|b| b.num_rows()).sum::<usize>(), answer.schema.fields().len()),
        (0, 1)
    );
}

#[tokio::test]
async fn what_changes_something_or_reads_anything_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret.csv");
    types::io::write(&file, "a\n1\n").unwrap();
    let path = file.display();
    let statements = [
        format!("copy (select 1) to '{path}'"),
        format!("create external table x stored as csv location '{path}'"),
        "create table x as select 1".into(),
        "create view x as select 1".into(),
        "insert into t values (1)".into(),
        "update t set v = 1".into(),
        "delete from t".into(),
        "drop table t".into(),
        "set datafusion.execution.batch_size = 1".into(),
        "select 1; select 2".into(),
        "select * into x from t".into(),
        "begin".into(),
        "explain insert into t values (1)".into(),
        "prepare x as select 1".into(),
        String::new(),
        format!("select * from '{path}'"),
        format!("select * from \"{path}\""),
        format!("select * from read_csv('{path}')"),
        "with x as (insert into t values (1) returning v) select * from x".into(),
    ];
    for sql in statements {
        let refused = asked(&sql, vec![("t", csv("v\n1\n").await)], LIMITS).await;
        let error = refused.err().unwrap_or_else(|| panic!("`{sql}` was answered"));
        assert!(matches!(error, Error::Sql { .. }), "{sql}: {error:?}");
        assert_eq!(error.class(), types::Class::Invalid, "{sql}");
    }
    assert_eq!(types::io::read(&file).unwrap(), b"a\n1\n");
}

#[tokio::test]
async fn a_table_can_be_described_and_a_plan_explained() {
    let found = rows("describe t", vec![("t", csv("v,w\n1,a\n").await)]).await;
    assert_eq!((&found[0][0], &found[0][1]), (&json!("v"), &json!("Int64")));
    let found = rows("show columns from t", vec![("t", csv("v,w\n1,a\n").await)]).await;
    assert_eq!(found.len(), 2);
    let found = rows("explain select v from t", vec![("t", csv("v,w\n1,a\n").await)]).await;
    assert!(!found.is_empty());
}

#[tokio::test]
async fn an_error_says_what_is_wrong_and_what_to_do() {
    let tables = vec![("t", csv("Age,v\n1,2\n").await)];
    let error = asked("select age from t", tables, LIMITS).await.unwrap_err();
    assert!(error.to_string().contains("age"), "{error}");
    assert!(error.hint().unwrap().contains("double quotes"), "{:?}", error.hint());
    let error = asked("selekt 1", Vec::new(), LIMITS).await.unwrap_err();
    assert!(error.to_string().contains("selekt"), "{error}");
    let broken = Source::open(Arc::new(InMemory::new("b.parquet", {
        let source = parquet(1_000).await;
        let (file, _) = &source.parts[0];
        let mut bytes = file.read(0..file.size()).await.unwrap().to_vec();
        bytes[4..200].fill(0xff);
        bytes
    })));
    let error =
        asked("select sum(id) from \"b\"", vec![("b", broken.await.unwrap())], LIMITS).await.unwrap_err();
    assert!(error.to_string().starts_with("`b` is not a readable Parquet file"), "{error}");
}

#[tokio::test]
async fn a_query_ends_with_its_time_and_its_memory() {
    let limits = Limits { time: Duration::from_millis(300), ..LIMITS };
    let started = Instant::now();
    let sql = "select count(*) from t a, t b, t c where a.id + b.id + c.id = 1";
    let error = asked(sql, vec![("t", parquet(20_000).await)], limits).await.unwrap_err();
    assert!(matches!(error, Error::QueryTime { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
    let limits = Limits { memory: 100_000, ..LIMITS };
    let sql = "select id, count(*) from t group by id order by id";
    let error = asked(sql, vec![("t", parquet(200_000).await)], limits).await.unwrap_err();
    assert!(matches!(error, Error::QueryMemory { bytes: 100_000 }), "{error:?}");
}

/// Counts what is read of it.
#[derive(Debug)]
struct Counted(InMemory, Arc<AtomicU64>);

#[async_trait]
impl File for Counted {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn size(&self) -> u64 {
        self.0.size()
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        self.1.fetch_add(range.end - range.start, Ordering::Relaxed);
        self.0.read(range).await
    }

    async fn stream(&self) -> Result<Chunks, Error> {
        self.0.stream().await
    }
}

#[tokio::test]
async fn row_groups_that_a_filter_rules_out_are_not_read() {
    let source = parquet(600_000).await;
    let (file, _) = &source.parts[0];
    let bytes = file.read(0..file.size()).await.unwrap();
    let read = Arc::new(AtomicU64::new(0));
    let counted = Counted(InMemory::new("t.parquet", bytes), read.clone());
    let source = Source::open(Arc::new(counted)).await.unwrap();
    let size = source.parts[0].0.size();
    read.store(0, Ordering::Relaxed);
    assert_eq!(rows("select count(*) from t", vec![("t", source.clone())]).await, [[json!(600_000)]]);
    assert_eq!(read.swap(0, Ordering::Relaxed), 0, "the count stands in the footer");
    let sql = "select name from t where id = 599999";
    assert_eq!(rows(sql, vec![("t", source)]).await, [[json!("n9")]]);
    assert!(read.load(Ordering::Relaxed) < size / 3, "{} of {size}", read.load(Ordering::Relaxed));
}
