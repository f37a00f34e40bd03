//! Tables over files that are read piece by piece.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mlwright_columns as columns;

use async_trait::async_trait;
use bytes::Bytes;
use columns::{
    Change, ChangeKind, Chunks, Error, File, InMemory, Known, RowDiff, Scan, Source, Table, cells, column,
    plain, rows_at,
};
use futures::{StreamExt as _, TryStreamExt as _};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A file that comes in chunks, and counts what was read of it.
#[derive(Debug)]
struct Counted {
    inner: InMemory,
    chunk: usize,
    read: AtomicU64,
    digest: Option<String>,
}

impl Counted {
    fn new(name: &str, bytes: impl Into<Bytes>, chunk: usize) -> Arc<Self> {
        let (inner, read) = (InMemory::new(name, bytes), AtomicU64::new(0));
        Arc::new(Self { inner, chunk, read, digest: None })
    }

    fn taken(&self) -> u64 {
        self.read.swap(0, Ordering::Relaxed)
    }
}

#[async_trait]
impl File for Counted {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn digest(&self) -> Option<String> {
        self.digest.clone()
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        self.read.fetch_add(range.end - range.start, Ordering::Relaxed);
        self.inner.read(range).await
    }

    async fn stream(&self) -> Result<Chunks, Error> {
        self.read.fetch_add(self.size(), Ordering::Relaxed);
        let bytes = self.inner.read(0..self.size()).await?;
        let chunks: Vec<_> = bytes.chunks(self.chunk).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        Ok(futures::stream::iter(chunks).boxed())
    }
}

async fn rows(source: &Source, scan: Scan) -> Result<Vec<Vec<Value>>, Error> {
    let batches: Vec<_> = source.batches(&scan).try_collect().await?;
    Ok(batches.iter().flat_map(|batch| cells(batch).unwrap()).collect())
}

async fn open(file: Arc<Counted>) -> Result<Source, Error> {
    Source::open(file).await
}

fn text(rows: usize, row: impl Fn(usize) -> String) -> String {
    (0..rows).map(row).collect()
}

#[tokio::test]
async fn a_streamed_csv_has_the_rows_that_the_whole_file_has() {
    let csv =
        format!("id,name,score\n{}", text(30_000, |i| format!("{i},\"a \"\"b\"\",\n{i}\",{}.5\r\n", i % 7)));
    let whole = columns::read_csv("t.csv", csv.as_bytes(), None).unwrap();
    for chunk in [1_000, 1 << 20] {
        let source = open(Counted::new("t.csv", csv.clone(), chunk)).await.unwrap();
        assert_eq!(source.rows(), 30_000);
        let batches: Vec<_> = source.batches(&Scan::default()).try_collect().await.unwrap();
        assert!(batches.len() > 1 || chunk > 500_000, "it comes in blocks");
        assert_eq!(plain("t.csv", &batches).unwrap(), whole);
        let scan = Scan { columns: Some(vec![2, 0]), skip: 29_990, limit: Some(2) };
        assert_eq!(
            rows(&source, scan).await.unwrap(),
            [[json!(2.5), json!(29_990)], [json!(3.5), json!(29_991)]]
        );
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_csv_is_told_with_its_line_far_into_the_file() {
    let good = text(40_000, |i| format!("{i},some text that takes some room {i}\n"));
    let broken = [
        (format!("a,b\n{good}1,2,3\n"), "`t.csv`, line 40002: 3 fields where the header has 2"),
        (format!("a,b\n{good}x\"y,2\n"), "`t.csv`, line 40002: a quote inside the unquoted value `x\"`"),
        (
            format!("a,b\n{good}1"),
            "`t.csv` is truncated: its last line 40002 has 1 of 2 fields and no line end",
        ),
        (
            format!("a,b\n{good}\"x,2\n"),
            "`t.csv` is truncated: the quote opened in line 40002 is never closed",
        ),
        (String::new(), "`t.csv` is empty"),
        ("a,a\n1,2\n".into(), "`t.csv`: column `a` stands in the header twice, as number 1 and 2"),
    ];
    for (csv, message) in broken {
        let error = open(Counted::new("t.csv", csv, 10_000)).await.unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let mut bytes = format!("a,b\n{good}").into_bytes();
    bytes.extend_from_slice(b"\xff,1\n");
    let error = open(Counted::new("t.csv", bytes, 10_000)).await.unwrap_err();
    assert!(error.to_string().starts_with("`t.csv`, line 40002: not valid UTF-8"), "{error}");
}

#[tokio::test]
async fn a_column_of_mixed_values_is_text_and_an_empty_table_has_columns() {
    let source = open(Counted::new("t.csv", "a,b\n1,x\n2,\nmany,y\n", 5)).await.unwrap();
    assert_eq!(
        rows(&source, Scan::default()).await.unwrap(),
        [[json!("1"), json!("x")], [json!("2"), Value::Null], [json!("many"), json!("y")]]
    );
    let source = open(Counted::new("t.csv", "a,b\n", 5)).await.unwrap();
    assert_eq!((source.rows(), source.schema.fields().len()), (0, 2));
    assert!(rows(&source, Scan::default()).await.unwrap().is_empty());
}

#[tokio::test]
async fn json_lines_keep_lists_as_text_and_say_which_line_is_broken() {
    let jsonl = "{\"a\": 1, \"m\": [{\"role\": \"user\"}]}\n\n{\"a\": 2.5, \"b\": true}\n{\"b\": \"no\", \"a\": null}\n";
    let source = open(Counted::new("t.jsonl", jsonl, 7)).await.unwrap();
    assert_eq!(
        rows(&source, Scan::default()).await.unwrap(),
        [
            [json!(1.0), json!("[{\"role\":\"user\"}]"), Value::Null],
            [json!(2.5), Value::Null, json!("true")],
            [Value::Null, Value::Null, json!("no")],
        ]
    );
    let broken = format!("{}{{\"a\": oops}}\n", "{\"a\": 1}\n".repeat(100_000));
    let error = open(Counted::new("t.jsonl", broken, 9_000)).await.unwrap_err();
    assert!(error.to_string().starts_with("`t.jsonl`, line 100001: "), "{error}");
}

fn numbers(rows: i64) -> Table {
    let n = |k: i64| column::integers((0..rows).map(|i| Some(i.wrapping_mul(k) % 1_000_003)));
    let columns = [("id", 1), ("a", 48_271), ("b", 69_621), ("c", 16_807)];
    Table::new(columns.map(|(name, k)| (name.to_owned(), n(k))).to_vec()).unwrap()
}

#[tokio::test]
async fn of_a_parquet_file_only_the_footer_and_the_wanted_columns_and_row_groups_are_read() {
    let bytes = numbers(400_000).to_parquet().unwrap();
    let size = bytes.len() as u64;
    let file = Counted::new("t.parquet", bytes, 1 << 20);
    let source = Source::open(file.clone()).await.unwrap();
    assert_eq!(source.rows(), 400_000);
    assert!(file.taken() < 70_000, "the footer");
    // The last row group has 6,784 of the rows.
    let scan = Scan { columns: Some(vec![0]), skip: 399_999, limit: None };
    assert_eq!(rows(&source, scan).await.unwrap(), [[json!(399_999)]]);
    assert!(file.taken() < size / 20, "one column of the last row group");
    let scan = Scan { columns: Some(vec![1]), skip: 131_070, limit: Some(4) };
    let got = rows(&source, scan).await.unwrap();
    let expected: Vec<_> = (131_070_i64..131_074).map(|i| vec![json!(i * 48_271 % 1_000_003)]).collect();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_broken_parquet_file_says_what_and_which_row_group() {
    let bytes = numbers(300_000).to_parquet().unwrap();
    let size = bytes.len();
    let known = Known::of(&InMemory::new("t.parquet", bytes.clone())).await.unwrap();
    let group = known.footer.as_ref().unwrap().metadata().row_group(1).column(2).byte_range();
    let mut broken = bytes.clone();
    broken[group.0 as usize..(group.0 + 200) as usize].fill(0xff);
    let source = Source::open(Arc::new(InMemory::new("t.parquet", broken))).await.unwrap();
    let error = rows(&source, Scan::default()).await.unwrap_err();
    assert!(
        error.to_string().starts_with("`t.parquet` is not a readable Parquet file: row group 1: "),
        "{error}"
    );
    let cases: [(Vec<u8>, &str); 4] = [
        (Vec::new(), "`t.parquet` is empty"),
        (b"a,b\n1,2\n".to_vec(), "`t.parquet` is not a readable Parquet file: it does not start with PAR1"),
        (bytes[..size - 9].to_vec(), "`t.parquet` is truncated"),
        (
            [&bytes[..size - 8], b"\xff\xff\xff\x7fPAR1"].concat(),
            "`t.parquet` is not a readable Parquet file: its footer",
        ),
    ];
    for (bytes, message) in cases {
        let error = Source::open(Arc::new(InMemory::new("t.parquet", bytes))).await.unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

async fn many(files: &[(&str, &str)]) -> Result<Source, Error> {
    let mut parts = Vec::new();
    for (name, content) in files {
        let file = Counted::new(name, (*content).to_owned(), 100);
        let known = Known::of(file.as_ref()).await?;
        parts.push((file as Arc<dyn File>, Arc::new(known)));
    }
    Source::new(parts)
}

#[tokio::test]
async fn files_of_one_format_are_one_table() {
    let source = many(&[("a.csv", "x,y\n1,2\n"), ("b.csv", "y,z\n0.5,q\n3,\n")]).await.unwrap();
    assert_eq!(
        rows(&source, Scan::default()).await.unwrap(),
        [
            [json!(1), json!(2.0), Value::Null],
            [Value::Null, json!(0.5), json!("q")],
            [Value::Null, json!(3.0), Value::Null],
        ]
    );
    let scan = Scan { columns: Some(vec![2, 1]), skip: 1, limit: Some(1) };
    assert_eq!(rows(&source, scan).await.unwrap(), [[json!("q"), json!(0.5)]]);
    let error = many(&[("a.csv", "x\n1\n"), ("b.jsonl", "{\"x\": 1}\n")]).await.unwrap_err();
    assert_eq!(error.to_string(), "files of one table have different formats: `a.csv` and `b.jsonl`");
    assert!(matches!(Source::new(Vec::new()), Err(Error::NoFiles)));
}

#[tokio::test]
async fn a_profile_of_files_is_that_of_their_rows() {
    let source = many(&[("a.csv", "x,y\n1,a\n2,b\n"), ("b.csv", "x,y\n3,a\n,c\n")]).await.unwrap();
    let profile = source.profile().await.unwrap();
    assert_eq!(profile.rows, 4);
    let x = profile.column("x").unwrap();
    assert_eq!((x.count, x.null_count, x.min, x.max, x.mean), (3, 1, Some(1.0), Some(3.0), Some(2.0)));
    assert_eq!(profile.column("y").unwrap().distinct, 3);
}

async fn diff(left: &Source, right: &Source, key: &[&str]) -> Result<RowDiff, Error> {
    let key: Vec<String> = key.iter().map(|k| (*k).to_owned()).collect();
    RowDiff::of(left, right, &key).await
}

#[tokio::test]
async fn a_row_diff_tells_added_removed_and_changed_rows_by_key() {
    let left = many(&[("l.csv", "id,v,gone\n1,a,0\n2,b,0\n3,c,0\n")]).await.unwrap();
    let right = many(&[("r.csv", "v,id,new\nB,2,0\na,1,0\nd,4,0\n")]).await.unwrap();
    let found = diff(&left, &right, &["id"]).await.unwrap();
    assert_eq!((found.added, found.removed, found.changed, found.unchanged), (1, 1, 1, 1));
    assert_eq!(
        (found.columns_added.as_slice(), found.columns_removed.as_slice()),
        (["new".to_owned()].as_slice(), ["gone".to_owned()].as_slice())
    );
    assert_eq!(
        found.changes,
        [
            Change { kind: ChangeKind::Changed, left: Some(1), right: Some(0) },
            Change { kind: ChangeKind::Added, left: None, right: Some(2) },
            Change { kind: ChangeKind::Removed, left: Some(2), right: None },
        ]
    );
    assert_eq!(
        rows_at(&right, &[2, 0]).await.unwrap(),
        [[json!("d"), json!(4), json!(0)], [json!("B"), json!(2), json!(0)]]
    );
    // An integer column that became one of floats, or of texts, has the same values.
    let wider = many(&[("w.csv", "id,v\n1.0,a\n2.0,b\n3.5,c\n")]).await.unwrap();
    let found = diff(&left, &wider, &["id"]).await.unwrap();
    assert_eq!((found.added, found.removed, found.unchanged), (1, 1, 2));
    assert_eq!(found.columns_retyped, [("id".to_owned(), "Int64".to_owned(), "Float64".to_owned())]);
}

#[tokio::test]
async fn a_key_that_is_missing_null_or_not_unique_is_an_error_that_says_where() {
    let left = many(&[
        ("a.csv", "id,day,v\n1,2026-01-01,a\n"),
        ("b.csv", "id,day,v\n2,2026-01-01,a\n1,2026-01-01,b\n"),
    ])
    .await
    .unwrap();
    let error = diff(&left, &left, &["id", "day"]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key `id=1`, `day=2026-01-01` stands in two rows of one table: `a.csv`, row 1, and `b.csv`, row 2"
    );
    let holes = many(&[("h.csv", "id,day,v\n1,,a\n")]).await.unwrap();
    let error = diff(&left, &holes, &["id", "v", "day"]).await.unwrap_err();
    assert_eq!(error.to_string(), "`h.csv`, row 1: key column `day` has no value");
    assert!(matches!(diff(&left, &left, &[]).await, Err(Error::NoKey)));
    let error = diff(&left, &left, &["uid"]).await.unwrap_err();
    assert_eq!(error.to_string(), "key column `uid` is missing in `a.csv`");
}

#[tokio::test]
async fn files_that_both_versions_have_are_not_read() {
    let file = |name: &str, content: &str, digest: &str| {
        let inner = InMemory::new(name, content.to_owned());
        Arc::new(Counted { inner, chunk: 100, read: AtomicU64::new(0), digest: Some(digest.to_owned()) })
    };
    let same = file("same.csv", "id,v\n1,a\n2,b\n", "one");
    let (old, new) = (file("x.csv", "id,v\n3,c\n", "two"), file("x.csv", "id,v\n3,C\n4,d\n", "three"));
    let table = async |files: [&Arc<Counted>; 2]| {
        let mut parts = Vec::new();
        for file in files {
            let known = Known::of(file.as_ref()).await.unwrap();
            parts.push((file.clone() as Arc<dyn File>, Arc::new(known)));
        }
        Source::new(parts).unwrap()
    };
    let (left, right) = (table([&same, &old]).await, table([&same, &new]).await);
    same.taken();
    let found = diff(&left, &right, &["id"]).await.unwrap();
    assert_eq!((found.added, found.removed, found.changed, found.unchanged), (1, 0, 1, 2));
    assert_eq!(same.taken(), 0);
    assert_eq!(found.changes[0], Change { kind: ChangeKind::Changed, left: Some(2), right: Some(2) });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_row_diff_agrees_with_a_map(
        left in proptest::collection::btree_map(0_u8..40, 0_u8..3, 0..30),
        right in proptest::collection::btree_map(0_u8..40, 0_u8..3, 0..30),
    ) {
        let csv = |rows: &std::collections::BTreeMap<u8, u8>| {
            let rows: String = rows.iter().map(|(k, v)| format!("{k},{v}\n")).collect();
            format!("id,v\n{rows}")
        };
        let (l, r) = (csv(&left), csv(&right));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(async {
            let (l, r) = (many(&[("l.csv", &l)]).await.unwrap(), many(&[("r.csv", &r)]).await.unwrap());
            diff(&l, &r, &["id"]).await.unwrap()
        });
        let added = right.keys().filter(|k| !left.contains_key(k)).count() as u64;
        let removed = left.keys().filter(|k| !right.contains_key(k)).count() as u64;
        let changed = left.iter().filter(|(k, v)| right.get(k).is_some_and(|w| w != *v)).count() as u64;
        prop_assert_eq!((found.added, found.removed, found.changed), (added, removed, changed));
        prop_assert_eq!(found.unchanged, left.len() as u64 - removed - changed);
        prop_assert_eq!(found.changes.len() as u64, added + removed + changed);
    }
}
