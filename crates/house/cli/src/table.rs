//! Tables of text, and values as people read them.

use serde_json::Value;

/// Columns are as wide as their widest cell; the last one is not padded.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(headings.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

/// The value at a dotted path as one short text; a dash if there is none.
pub fn cell(value: &Value, path: &str) -> String {
    let found = path.split('.').try_fold(value, |value, key| match value {
        Value::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get(index)),
        _ => value.get(key),
    });
    found.map_or_else(|| "-".to_owned(), short)
}

pub fn short(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => format!("{float:.4}"),
            _ => number.to_string(),
        },
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) => items.iter().map(short).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            map.iter().map(|(key, value)| format!("{key}={}", short(value))).collect::<Vec<_>>().join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let rows = vec![vec!["a".into(), "long name".into()], vec!["longer".into(), "b".into()]];
        assert_eq!(table(&["id", "name"], &rows), "id      name\na       long name\nlonger  b");
    }

    #[test]
    fn a_cell_is_found_by_its_path_or_is_a_dash() {
        let value = json!({"a": {"b": [1, 0.12345]}, "c": null});
        assert_eq!(cell(&value, "a.b.1"), "0.1235");
        assert_eq!(cell(&value, "c"), "-");
        assert_eq!(cell(&value, "x.y"), "-");
        assert_eq!(cell(&value, "a.b"), "1, 0.1235");
    }
}
