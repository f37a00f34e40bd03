use types::DataType;

use crate::node::{Node, Value};
use crate::reader::Reader;
use crate::{ColumnExpectation, Dataset, Expectations, RowBound, Span, UnknownColumns};

pub(super) fn dataset(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Dataset {
    let fields = reader.fields(path, at, node, &["files", "key", "expectations"]);
    let files = reader.required(&fields, "files", "[data/train.csv]", |r, p, n| r.list(p, n, Reader::file));
    if files.as_ref().is_some_and(Vec::is_empty) {
        reader.error_at(&format!("{path}.files"), "a dataset needs at least one file", None);
    }
    let expectations_at = reader.key_at(&fields, "expectations");
    Dataset {
        files: files.unwrap_or_default(),
        key: reader.optional(&fields, "key", Reader::text),
        expectations: reader
            .optional(&fields, "expectations", |r, p, n| Some(expectations(r, p, expectations_at, n))),
    }
}

pub(super) fn expectations(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Expectations {
    let fields = reader.fields(path, at, node, &["rows", "columns", "unknown_columns", "verification"]);
    let rows_at = reader.key_at(&fields, "rows");
    let words = [("reject", UnknownColumns::Reject), ("allow", UnknownColumns::Allow)];
    Expectations {
        rows: reader.optional(&fields, "rows", |r, p, n| rows(r, p, rows_at, n)),
        columns: reader
            .optional(&fields, "columns", |r, p, n| Some(r.keyed(p, n, column)))
            .unwrap_or_default(),
        unknown_columns: reader
            .optional(&fields, "unknown_columns", |r, _, n| r.word(n, &words))
            .unwrap_or_default(),
        verification: reader.optional(&fields, "verification", verification),
    }
}

/// Its keys and values are those of curation's plan, which says what is wrong with them.
fn verification(reader: &mut Reader, _path: &str, node: &Node) -> Option<serde_json::Value> {
    let value = node.value.to_json();
    if let Err(error) = curation::verify::Plan::parse(&value) {
        let hint = "write {label: target, checks: [label_errors, duplicates, poisoning]}";
        reader.error(node.at, error.to_string(), Some(hint.into()));
        return None;
    }
    Some(value)
}

fn rows(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Option<RowBound> {
    let fields = reader.fields(path, at, node, &["min", "max"]);
    let count = |r: &mut Reader, _: &str, n: &Node| r.integer(n, 0, i64::MAX).map(|v| v as u64);
    let bound =
        RowBound { min: reader.optional(&fields, "min", count), max: reader.optional(&fields, "max", count) };
    if let (Some(min), Some(max)) = (bound.min, bound.max)
        && min > max
    {
        reader.error_at(path, format!("no number of rows is at least {min} and at most {max}"), None);
    }
    Some(bound)
}

const TYPES: [(&str, DataType); 7] = [
    ("boolean", DataType::Boolean),
    ("integer", DataType::Integer),
    ("float", DataType::Float),
    ("string", DataType::String),
    ("timestamp", DataType::Timestamp),
    ("date", DataType::Date),
    ("binary", DataType::Binary),
];

fn column(reader: &mut Reader, path: &str, at: Span, node: &Node) -> ColumnExpectation {
    let fields = reader.fields(path, at, node, &["type", "not_null", "unique", "between", "in_set"]);
    let column = ColumnExpectation {
        data_type: reader.optional(&fields, "type", |r, _, n| r.word(n, &TYPES)),
        not_null: reader.optional(&fields, "not_null", Reader::boolean).unwrap_or_default(),
        unique: reader.optional(&fields, "unique", Reader::boolean).unwrap_or_default(),
        between: reader.optional(&fields, "between", between),
        in_set: reader.optional(&fields, "in_set", |r, p, n| r.list(p, n, scalar)),
    };
    if column.in_set.as_ref().is_some_and(Vec::is_empty) {
        reader.error_at(&format!("{path}.in_set"), "an empty set allows no value", None);
    }
    if column.between.is_some() && column.data_type.is_some_and(|t| !t.is_numeric()) {
        let hint = "remove `between`, or make the type integer or float";
        reader.error_at(&format!("{path}.between"), "`between` needs a numeric column", Some(hint.into()));
    }
    column
}

fn between(reader: &mut Reader, path: &str, node: &Node) -> Option<[f64; 2]> {
    let ends = reader.list(path, node, Reader::number)?;
    let [low, high] = ends[..] else {
        reader.error(
            node.at,
            "`between` takes two numbers",
            Some("write [low, high]; both ends are allowed".into()),
        );
        return None;
    };
    if low > high {
        let hint = Some(format!("write [{high}, {low}]"));
        reader.error(node.at, format!("nothing lies between {low} and {high}"), hint);
        return None;
    }
    Some([low, high])
}

fn scalar(reader: &mut Reader, _path: &str, node: &Node) -> Option<serde_json::Value> {
    if matches!(node.value, Value::List(_) | Value::Map(_) | Value::Null) {
        reader.error(node.at, format!("expected a text or a number, found {}", node.value.describe()), None);
        return None;
    }
    Some(node.value.to_json())
}
