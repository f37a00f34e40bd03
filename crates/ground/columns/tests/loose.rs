//! Files as they come: what the strict readers refuse, and a look at a file must bear.

use std::sync::Arc;

use arrow::array::{
    Array, Decimal128Array, DictionaryArray, DurationSecondArray, Int64Array, ListArray, RecordBatch,
    UInt64Array,
};
use arrow::datatypes::{Int8Type, Int64Type, Schema as ArrowSchema};
use columns::drift::{self, Frame, Options};
use columns::{Table, read_as_pandas, read_loosely};
use mlwright_columns as columns;
use parquet::arrow::ArrowWriter;
use types::DataType;

fn kinds(table: &Table) -> Vec<(&str, DataType)> {
    table.schema().fields.iter().map(|f| (f.name.as_str(), f.data_type)).collect()
}

/// Wanted are the types and values of `pandas.read_csv`, but for days, and digits with leading zeros.
#[test]
fn csv_is_parsed_as_pandas_parses_it() {
    let text = ",x,y,x,day,code,flag\n0,NA,1.5,a,2024-01-05,007,True\n\n1,3,nan,5'10\" tall,,012,\n2,\"4\",null,\"b\"c,2024-01-06\n";
    let table = read_loosely("a.csv", text.into()).unwrap();
    assert_eq!(
        kinds(&table),
        [
            ("Unnamed: 0", DataType::Integer),
            ("x", DataType::Integer),
            ("y", DataType::Float),
            ("x.1", DataType::String),
            ("day", DataType::Date),
            ("code", DataType::String),
            ("flag", DataType::Boolean),
        ]
    );
    assert_eq!(table.numbers("x").unwrap(), [None, Some(3.0), Some(4.0)]);
    assert_eq!(table.numbers("y").unwrap(), [Some(1.5), None, None]);
    let texts: Vec<_> = table.texts("x.1").unwrap().into_iter().flatten().collect();
    assert_eq!(texts, ["a", "5'10\" tall", "bc"]);
    assert_eq!(table.texts("flag").unwrap(), [Some("true".to_owned()), None, None]);
    let pandas = read_as_pandas("a.csv", text.into()).unwrap();
    assert_eq!(kinds(&pandas)[4..6], [("day", DataType::String), ("code", DataType::Integer)]);
    assert_eq!(pandas.numbers("code").unwrap(), [Some(7.0), Some(12.0), None]);
    let empty = read_as_pandas("a.csv", "a,b\n,x\n".into()).unwrap();
    assert_eq!(kinds(&empty), [("a", DataType::Float), ("b", DataType::String)]);
    let none = read_loosely("a.csv", "a,b\n".into()).unwrap();
    assert_eq!((none.rows(), kinds(&none).len()), (0, 2));
    assert!(read_loosely("a.csv", "a,b\n1,2,3\n".into()).is_err());
}

#[test]
fn json_lines_may_have_numbers_that_json_has_not() {
    let text = "{\"x\": NaN, \"t\": \"NaN\", \"w\": \"NaN\"}\n{\"x\": -Infinity, \"t\": \"a\", \"w\": 1}\n{\"x\": 2}\n";
    let table = read_loosely("a.jsonl", text.into()).unwrap();
    assert_eq!(kinds(&table), [("x", DataType::Float), ("t", DataType::String), ("w", DataType::Float)]);
    let x = table.numbers("x").unwrap();
    assert!(x[0].unwrap().is_nan() && x[1] == Some(f64::NEG_INFINITY) && x[2] == Some(2.0));
    assert_eq!(table.texts("t").unwrap(), [Some("NaN".to_owned()), Some("a".to_owned()), None]);
}

#[test]
fn parquet_of_any_types_is_read_without_the_index_of_pandas() {
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), None]);
    let decimal = Decimal128Array::from(vec![Some(150), None]).with_precision_and_scale(10, 2).unwrap();
    let words: DictionaryArray<Int8Type> = [Some("a"), Some("b")].into_iter().collect();
    let codes =
        DictionaryArray::<Int8Type>::new([0, 0].into_iter().collect(), Arc::new(Int64Array::from(vec![7])));
    let columns: Vec<(&str, Arc<dyn Array>)> = vec![
        ("lists", Arc::new(lists)),
        ("decimal", Arc::new(decimal)),
        ("words", Arc::new(words)),
        ("codes", Arc::new(codes)),
        ("large", Arc::new(UInt64Array::from(vec![u64::MAX, 1]))),
        ("took", Arc::new(DurationSecondArray::from(vec![1, 2]))),
        ("__index_level_0__", Arc::new(Int64Array::from(vec![4, 9]))),
    ];
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let written = |batch: Option<&RecordBatch>, schema: Arc<ArrowSchema>| {
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, None).unwrap();
        batch.iter().for_each(|batch| writer.write(batch).unwrap());
        bytes::Bytes::from(writer.into_inner().unwrap())
    };
    let table = read_loosely("a.parquet", written(Some(&batch), batch.schema())).unwrap();
    assert_eq!(
        kinds(&table),
        [
            ("lists", DataType::String),
            ("decimal", DataType::Float),
            ("words", DataType::String),
            ("codes", DataType::Integer),
            ("large", DataType::Float),
            ("took", DataType::String),
        ]
    );
    assert_eq!(table.numbers("decimal").unwrap(), [Some(1.5), None]);
    let none = read_loosely("a.parquet", written(None, batch.schema())).unwrap();
    assert_eq!((none.rows(), kinds(&none).len()), (0, 6));
}

#[test]
fn columns_without_rows_are_not_computable_and_the_report_comes() {
    let full = Frame::read("a.csv", "x,when\n1,2024-01-01\n2,2024-01-02\n".into()).unwrap();
    let none = Frame::read("b.csv", "x,when\n".into()).unwrap();
    for (reference, current) in [(&full, &none), (&none, &full), (&none, &none)] {
        let report = drift::compare(reference, current, &Options::default()).unwrap();
        assert!(report.columns.len() == 2 && report.columns.iter().all(|c| c.found.is_err()));
        assert!(!report.drifted);
    }
    let kinds = [("when".to_owned(), drift::Kind::Text)].into();
    // Evidently: NaN, since the half of the texts that is judged has reference texts only.
    let many: String = (0..108).map(|i| format!("word{} thing{}\n", i % 40, i % 7)).collect();
    let reference = Frame::read("a.csv", format!("t\n{many}").into()).unwrap();
    let current = Frame::read("b.csv", "t\nk61\n".into()).unwrap();
    let found = drift::compare(&reference, &current, &Options::default()).unwrap();
    let found = found.columns[0].found.as_ref().unwrap();
    assert!(found.score.is_nan() && !found.drifted, "{found:?}");
    let report = drift::compare(&full, &full, &Options { kinds, ..Options::default() }).unwrap();
    let when = report.columns.iter().find(|c| c.column == "when").unwrap();
    assert!(!format!("{:?}", when.found).contains("not texts"), "{:?}", when.found);
}

/// As `pandas.read_csv` has it, where days are texts; whole numbers past 2⁵³ are as different as they are.
#[test]
fn drift_sees_days_in_csv_as_texts_and_every_digit_of_integers() {
    let rows = |from: i64| -> String {
        (0..40)
            .map(|i| format!("2024-01-{:02},{}, a\n", i % 28 + 1, 9_007_199_254_740_992 + from + i % 4))
            .collect()
    };
    let read = |from| Frame::read("a.csv", format!("when,id,t\n{}", rows(from)).into()).unwrap();
    let report = drift::compare(&read(0), &read(0), &Options::default()).unwrap();
    let kinds: Vec<_> = report.columns.iter().map(|c| c.found.as_ref().unwrap().kind).collect();
    assert_eq!(kinds, [drift::Kind::Text, drift::Kind::Category, drift::Kind::Category]);
    let report = drift::compare(&read(0), &read(1), &Options::default()).unwrap();
    let id = report.columns[1].found.as_ref().unwrap();
    assert!(id.method == "chisquare" && id.score == 0.0, "{id:?}");
}

#[test]
fn the_index_of_pandas_is_no_column_of_drift() {
    let columns: [(&str, Arc<dyn Array>); 2] =
        [("x", Arc::new(Int64Array::from(vec![1, 2]))), ("key", Arc::new(Int64Array::from(vec![7, 8])))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let pandas = ("pandas".to_owned(), r#"{"index_columns": ["key"], "columns": []}"#.to_owned());
    let schema = Arc::new(batch.schema().as_ref().clone().with_metadata([pandas].into()));
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.clone(), None).unwrap();
    writer.write(&batch.with_schema(schema).unwrap()).unwrap();
    let frame = Frame::read("a.parquet", writer.into_inner().unwrap().into()).unwrap();
    assert_eq!(frame.columns(), ["x"]);
}
