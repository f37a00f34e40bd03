use mlwright_curation::{Expectations, UnknownColumns};
use serde_json::json;
use types::{Class, DataType, Fault as _};

#[test]
fn expectations_are_read_as_project_files_write_them() {
    let read = Expectations::parse(&json!({
        "rows": {"min": 1000},
        "columns": {
            "age": {"type": "float", "not_null": true, "between": [0, 120]},
            "sex": {"type": "integer", "in_set": [0, 1]}
        },
        "unknown_columns": "reject"
    }))
    .unwrap();
    assert_eq!(read.rows.unwrap().min, Some(1000));
    assert_eq!(read.unknown_columns, UnknownColumns::Reject);
    let types: Vec<_> = read.types().into_iter().collect();
    assert_eq!(types, [("age".to_owned(), DataType::Float), ("sex".to_owned(), DataType::Integer)]);
    let again = Expectations::parse(&serde_json::to_value(&read).unwrap()).unwrap();
    assert_eq!(again, read);
    assert_eq!(Expectations::parse(&json!({})).unwrap(), Expectations::default());
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_column_and_rule() {
    for (column, error) in [
        (json!({"betwen": [0, 1]}), "unknown field `betwen`"),
        (json!({"between": [1, 0]}), "expectation `between` of column `x`: 1 to 0 is no range"),
        (json!({"between": [0]}), "invalid length 1"),
        (json!({"type": "string", "between": [0, 1]}), "the column is string, not numeric"),
        (json!({"type": "number"}), "unknown variant `number`"),
        (json!({"max_null_share": 2}), "2 is not between 0 and 1"),
        (json!({"max_null_share": 0.1, "not_null": true}), "not_null allows no missing value at all"),
        (json!({"in_set": []}), "no value is in an empty set"),
        (json!({"type": "integer", "in_set": [0, "one"]}), "\"one\" is not integer"),
        (json!({"in_set": [[1]]}), "[1] is no single value"),
        (json!({"regex": "("}), "unclosed group"),
        (
            json!({"type": "integer", "min_length": 1}),
            "rules about text need a string column, this is integer",
        ),
        (json!({"min_length": 3, "max_length": 2}), "3 is above max_length 2"),
    ] {
        let said = Expectations::parse(&json!({"columns": {"x": column}})).unwrap_err();
        assert!(said.to_string().contains(error), "{column}: {said}");
        assert_eq!(said.class(), Class::Invalid);
        assert!(said.hint().is_some());
    }
    let said = Expectations::parse(&json!({"rows": {"min": 2, "max": 1}})).unwrap_err();
    assert_eq!(said.to_string(), "expectation `rows`: min 2 is above max 1");
    let said = Expectations::parse(&json!({"unknown_columns": "drop"})).unwrap_err();
    assert!(said.to_string().contains("unknown variant `drop`"), "{said}");
}
