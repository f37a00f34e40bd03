//! How values, bounds and conditions are read: wanted is what Great Expectations 1.24.1 says of the same table.

use std::sync::Arc;

use columns::{ByColumn, Table, column};
use mlwright_curation::{Frame, Level, Reading, ResultFormat, read_suite, validate};
use serde_json::{Value, json};

const CSV: &str = "day,at,x\n2024-01-02,2024-01-02 08:00:00,1\n2024-01-09,2024-01-09 09:30:00,-4\n,,9\n";

fn frame(csv: &str) -> Arc<Frame> {
    let table = columns::read_as_pandas("t.csv", csv.to_owned().into()).unwrap();
    Arc::new(Frame::of_table(&table, Reading::Pandas).unwrap())
}

/// `success`, unexpected values (or the observed one) and whether it raised, of each expectation.
fn results(frame: Arc<Frame>, suite: &Value) -> Vec<(bool, Value, bool)> {
    let suite = read_suite(&suite.to_string(), None, None).unwrap();
    let format = ResultFormat { level: Level::Complete, ..ResultFormat::default() };
    let found = validate(frame, suite).unwrap().gx(&format).unwrap();
    let one = |r: &Value| {
        let result = &r["result"];
        let shown = result.get("unexpected_list").or_else(|| result.get("observed_value"));
        let raised = r["exception_info"]["raised_exception"].as_bool().unwrap();
        (r["success"].as_bool().unwrap(), shown.cloned().unwrap_or_default(), raised)
    };
    found["results"].as_array().unwrap().iter().map(one).collect()
}

fn between(column: &str, min: &Value) -> (&'static str, Value) {
    ("expect_column_values_to_be_between", json!({"column": column, "min_value": min}))
}

fn version_1(expectations: Vec<(&str, Value)>) -> Value {
    let listed: Vec<Value> =
        expectations.into_iter().map(|(kind, kwargs)| json!({"type": kind, "kwargs": kwargs})).collect();
    json!({"name": "s", "expectations": listed})
}

fn version_018(expectations: Vec<(&str, Value)>) -> Value {
    let one = |(kind, kwargs): (&str, Value)| json!({"expectation_type": kind, "kwargs": kwargs});
    let listed: Vec<Value> = expectations.into_iter().map(one).collect();
    json!({"expectation_suite_name": "s", "expectations": listed})
}

#[test]
fn version_1_takes_bounds_for_what_they_look_like_and_018_for_texts() {
    let asked = || {
        vec![
            between("day", &json!("2024-01-05")),
            between("at", &json!("2024-01-05T00:00:00")),
            between("x", &json!("0")),
        ]
    };
    let raised: Vec<bool> = results(frame(CSV), &version_1(asked())).into_iter().map(|r| r.2).collect();
    assert_eq!(raised, [true, true, false]);
    let found = results(frame(CSV), &version_018(asked()[..2].to_vec()));
    assert_eq!(found[0], (false, json!(["2024-01-02"]), false));
    assert_eq!(found[1], (false, json!(["2024-01-02 08:00:00"]), false));
}

#[test]
fn version_1_compares_days_with_days_and_times_with_times() {
    let days = ["2024-01-02", "2024-01-09"].map(|day| format!("{day}\n")).concat();
    let table = columns::read_csv(
        "t.csv",
        format!("day,at\n{}", days.replace('\n', ",2024-01-02T08:00:00\n")).as_bytes(),
        None,
    )
    .unwrap();
    let frame = Arc::new(Frame::of_table(&table, Reading::Pandas).unwrap());
    let asked = vec![
        between("day", &json!("2024-01-05")),
        between("day", &json!("2024-01-05T00:00:00")),
        between("at", &json!("2024-01-02")),
        between("at", &json!("2024-01-02T00:00:00+00:00")),
    ];
    let found = results(frame, &version_1(asked));
    assert_eq!(found[0], (false, json!(["2024-01-02"]), false));
    assert_eq!(found.iter().map(|r| r.2).collect::<Vec<_>>(), [false, true, true, false]);
}

#[test]
fn texts_are_times_where_a_suite_of_018_says_so() {
    let asked = |column: &str| {
        vec![
            (
                "expect_column_values_to_be_between",
                json!({"column": column, "min_value": "Jan 5 2024", "parse_strings_as_datetimes": true}),
            ),
            (
                "expect_column_max_to_be_between",
                json!({"column": column, "max_value": "2024-01-10", "parse_strings_as_datetimes": true}),
            ),
        ]
    };
    let found = results(frame(CSV), &version_018(asked("at")));
    assert_eq!(found[0], (false, json!(["2024-01-02 08:00:00"]), false));
    assert_eq!(found[1], (true, json!("2024-01-09T09:30:00"), false));
    let found = results(frame("at\nsoon\n"), &version_018(asked("at")));
    assert!(found.iter().all(|r| r.2));
}

#[test]
fn conditions_call_functions_and_look_at_parts_of_times() {
    let times = [1_704_153_600_000_000, 1_704_758_400_000_000].map(|at| Some(types::Timestamp(at)));
    let columns =
        vec![("at".into(), column::timestamps(times)), ("x".into(), column::floats([Some(1.0), Some(-4.0)]))];
    let frame = Arc::new(Frame::of_table(&Table::new(columns).unwrap(), Reading::Pandas).unwrap());
    let conditions = [
        "abs(x) > 2",
        "sqrt(x) == 1",
        "x < inf",
        "at.dt.day == 9",
        "at.dt.dayofweek == 1",
        "index > 0",
        "at.dt.era > 1",
    ];
    let one = |condition: &str| {
        let kwargs = json!({"row_condition": condition, "condition_parser": "pandas", "value": 9});
        ("expect_table_row_count_to_equal", kwargs)
    };
    let found = results(frame, &version_1(conditions.map(one).to_vec()));
    let rows: Vec<&Value> = found.iter().map(|r| &r.1).collect();
    assert_eq!(rows, [&json!(1), &json!(1), &json!(2), &json!(1), &json!(2), &json!(1), &Value::Null]);
}

#[test]
fn rows_have_the_names_that_pandas_gave_them() {
    let named = |index: Value| {
        let table = Table::new(vec![
            ("x".into(), column::integers([Some(1), Some(7)])),
            ("key".into(), column::strings([Some("a"), Some("b")])),
        ]);
        let batch = table.unwrap().batch().clone();
        let pandas = json!({"index_columns": index, "columns": []}).to_string();
        let schema = batch.schema().as_ref().clone().with_metadata([("pandas".to_owned(), pandas)].into());
        ByColumn::of_batches("t", Arc::new(schema), vec![batch])
    };
    let asked = || {
        version_1(vec![
            ("expect_column_values_to_be_between", json!({"column": "x", "max_value": 5})),
            ("expect_table_column_count_to_equal", json!({"value": 1})),
        ])
    };
    let format = ResultFormat { level: Level::Complete, ..ResultFormat::default() };
    for (index, label, width) in [
        (json!(["key"]), json!([{"x": 7, "key": "b"}]), 1),
        (json!([{"kind": "range", "start": 10, "stop": 14, "step": 2}]), json!([12]), 2),
    ] {
        let frame = Arc::new(Frame::open(named(index), Reading::Pandas).unwrap());
        let suite = read_suite(&asked().to_string(), None, None).unwrap();
        let found = validate(frame, suite).unwrap().gx(&format).unwrap();
        assert_eq!(found["results"][0]["result"]["unexpected_index_list"], label);
        assert_eq!(found["results"][1]["result"]["observed_value"], width);
    }
}
