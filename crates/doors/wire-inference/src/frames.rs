//! Data frames out of JSON, CSV and Parquet, with the rules by which MLflow's scoring server reads them
//! (mlflow/utils/proto_json_utils.py of 3.17). Where pandas would change a value silently (1.5 to the whole
//! number 1, the text "false" to true), the request is refused instead.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use columns::Table;
use runtimes::{Column, ColumnSpec, ColumnType, Frame, Values};
use types::DataType;

use crate::ScoringError;
use crate::json::Json;

type Result<T> = std::result::Result<T, ScoringError>;

/// `dataframe_split`.
pub fn split(value: &Json, schema: &[ColumnSpec]) -> Result<Frame> {
    let Json::Object(fields) = value else {
        let found = if matches!(value, Json::List(_)) { "list".to_owned() } else { kind(value) };
        return Err(ScoringError::invalid(format!(
            "Dataframe split format must be a dictionary. Got {found}."
        )));
    };
    let known = fields.iter().all(|(k, _)| matches!(k.as_str(), "columns" | "data" | "index"));
    let (Some(data), true) = (value.get("data"), known) else {
        let keys: Vec<String> = fields.iter().map(|(k, _)| format!("'{k}'")).collect();
        return Err(ScoringError::invalid(format!(
            "Dataframe split format must have 'data' field and optionally 'columns' and 'index' fields. Got {{{}}}.'",
            keys.join(", ")
        )));
    };
    let bad = |why: String| {
        ScoringError::invalid(format!(
            "Provided dataframe_split field is not a valid dataframe representation in 'split' format. Error: '{why}'"
        ))
    };
    let rows = data.list().ok_or_else(|| bad("'data' is not a list".into()))?;
    let mut cells: Vec<&[Json]> = Vec::with_capacity(rows.len());
    for row in rows {
        cells.push(row.list().unwrap_or(std::slice::from_ref(row)));
    }
    let width = cells.iter().map(|r| r.len()).max().unwrap_or(0);
    let names: Vec<String> = match value.get("columns") {
        None | Some(Json::Null) => (0..width).map(|i| i.to_string()).collect(),
        Some(Json::List(names)) => names.iter().map(name).collect(),
        Some(_) => return Err(bad("'columns' is not a list".into())),
    };
    // A row that is shorter than others has missing values; all of them together may not be.
    if width != names.len() && !cells.is_empty() {
        return Err(bad(format!("{} columns passed, passed data had {width} columns", names.len())));
    }
    if width.saturating_mul(cells.len()) > MOST_CELLS {
        return Err(bad(format!(
            "{} rows of {width} columns are more than {MOST_CELLS} values",
            cells.len()
        )));
    }
    let mut known = HashSet::with_capacity(names.len());
    if let Some(twice) = names.iter().find(|name| !known.insert(name.as_str())) {
        return Err(bad(format!("column '{twice}' is given twice")));
    }
    let columns = names.into_iter().enumerate().map(|(i, name)| {
        let values = cells.iter().map(|row| row.get(i).unwrap_or(&Json::Null)).collect::<Vec<_>>();
        column(name, &values, schema)
    });
    frame(columns.collect::<Result<_>>()?)
}

/// `dataframe_records`; an absent key is a missing value.
pub fn records(value: &Json, schema: &[ColumnSpec]) -> Result<Frame> {
    let Json::List(rows) = value else {
        let found = if matches!(value, Json::Object(_)) { "dictionary".to_owned() } else { kind(value) };
        return Err(ScoringError::invalid(format!(
            "Dataframe records format must be a list of records. Got {found}."
        )));
    };
    let mut names: Vec<&str> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    // By column, as far as the rows that have it go.
    let mut cells: Vec<Vec<&Json>> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let Json::Object(fields) = row else {
            return Err(ScoringError::invalid(format!(
                "Provided dataframe_records field is not a valid dataframe representation in 'records' format. \
                 Error: 'a record is a {}, not an object'",
                row.python_type()
            )));
        };
        for (index, (key, value)) in fields.iter().enumerate() {
            // Records mostly have the same keys in the same order.
            let place = match names.get(index) {
                Some(name) if *name == key => index,
                _ => *places.entry(key).or_insert_with(|| {
                    names.push(key);
                    cells.push(Vec::new());
                    names.len() - 1
                }),
            };
            // Of repeated keys the last one counts.
            cells[place].truncate(at);
            cells[place].resize(at, &Json::Null);
            cells[place].push(value);
        }
        if names.len().saturating_mul(rows.len()) > MOST_CELLS {
            return Err(ScoringError::invalid(format!(
                "Provided dataframe_records field is not a valid dataframe representation in 'records' format. \
                 Error: '{} rows of {} columns are more than {MOST_CELLS} values'",
                rows.len(),
                names.len()
            )));
        }
    }
    let columns = names.iter().zip(cells).map(|(name, mut values)| {
        values.resize(rows.len(), &Json::Null);
        column((*name).to_owned(), &values, schema)
    });
    frame(columns.collect::<Result<_>>()?)
}

/// Records that share no keys make a table far larger than themselves; values of one, at most.
const MOST_CELLS: usize = 32 << 20;

/// `inputs` as an object of columns; a scalar is one row.
pub fn by_column(value: &[(String, Json)], schema: &[ColumnSpec]) -> Result<Frame> {
    let columns = value.iter().map(|(name, values)| {
        let items = values.list().unwrap_or(std::slice::from_ref(values));
        column(name.clone(), &items.iter().collect::<Vec<_>>(), schema)
    });
    frame(columns.collect::<Result<_>>()?)
}

/// A list of rows, each a list of values or one value; columns are numbered.
pub fn by_position(rows: &[Json], schema: &[ColumnSpec]) -> Result<Frame> {
    let cells: Vec<&[Json]> = rows.iter().map(|r| r.list().unwrap_or(std::slice::from_ref(r))).collect();
    let width = cells.first().map_or(0, |r| r.len());
    if let Some((at, row)) = cells.iter().enumerate().find(|(_, r)| r.len() != width) {
        return Err(ScoringError::invalid(format!(
            "row {at} has {} values, the first one {width}",
            row.len()
        )));
    }
    let columns = (0..width).map(|i| {
        let values = cells.iter().map(|row| &row[i]).collect::<Vec<_>>();
        // Only an unnamed schema has types by position; a single named column takes the list.
        let name = match schema {
            [only] if width == 1 => only.name.clone(),
            _ => i.to_string(),
        };
        column(name, &values, schema)
    });
    frame(columns.collect::<Result<_>>()?)
}

fn frame(columns: Vec<Column>) -> Result<Frame> {
    Frame::new(columns).map_err(|_| {
        ScoringError::invalid("The length of values for each input/column name are not the same")
    })
}

fn name(value: &Json) -> String {
    match value {
        Json::Text(text) => text.clone(),
        Json::Int(n) => n.to_string(),
        other => format!("{other:?}"),
    }
}

fn kind(value: &Json) -> String {
    format!("type <class '{}'>", value.python_type())
}

/// With a type of the schema the values are cast to it; else the narrowest type that holds them is taken.
fn column(name: String, values: &[&Json], schema: &[ColumnSpec]) -> Result<Column> {
    let declared = schema.iter().find(|s| s.name == name).map(|s| s.column_type);
    let values = match declared {
        Some(kind) => cast(&name, values, kind)?,
        None => infer(&name, values)?,
    };
    Ok(Column { name: name.into(), values })
}

fn cast(name: &str, values: &[&Json], kind: ColumnType) -> Result<Values> {
    fn each<T>(
        name: &str,
        values: &[&Json],
        kind: ColumnType,
        f: impl Fn(&Json) -> Option<T>,
    ) -> Result<Vec<T>> {
        values
            .iter()
            .enumerate()
            .map(|(row, value)| f(value).ok_or_else(|| refused(name, kind, row, value)))
            .collect()
    }
    Ok(match kind {
        ColumnType::Float | ColumnType::Double => Values::Float(each(name, values, kind, |v| match v {
            Json::Null => Some(f64::NAN),
            Json::Bool(b) => Some(f64::from(u8::from(*b))),
            Json::Text(t) => t.trim().parse().ok(),
            other => other.number(),
        })?),
        ColumnType::Integer | ColumnType::Long => Values::Integer(each(name, values, kind, |v| match v {
            Json::Null => Some(None),
            Json::Bool(b) => Some(Some(i64::from(*b))),
            Json::Int(n) => Some(Some(*n)),
            Json::Float(x) if x.is_nan() => Some(None),
            Json::Float(x) if x.fract() == 0.0 && x.abs() < 9e15 => Some(Some(*x as i64)),
            Json::Text(t) => t.trim().parse().ok().map(Some),
            _ => None,
        })?),
        ColumnType::Boolean => Values::Boolean(each(name, values, kind, |v| match v {
            Json::Null => Some(None),
            Json::Bool(b) => Some(Some(*b)),
            Json::Int(0) => Some(Some(false)),
            Json::Int(1) => Some(Some(true)),
            _ => None,
        })?),
        ColumnType::String | ColumnType::Datetime | ColumnType::Binary => {
            Values::Text(each(name, values, kind, |v| match v {
                Json::Null => Some(None),
                Json::Text(t) => Some(Some(t.clone())),
                Json::Int(n) => Some(Some(n.to_string())),
                Json::Bool(b) => Some(Some(if *b { "True" } else { "False" }.to_owned())),
                Json::Float(x) => Some(Some(format!("{x:?}"))),
                _ => None,
            })?)
        }
    })
}

fn refused(name: &str, kind: ColumnType, row: usize, value: &Json) -> ScoringError {
    let shown: String = match value {
        Json::Text(t) => format!("'{}'", t.chars().take(40).collect::<String>()),
        Json::Float(x) => format!("{x:?}"),
        other => format!("a {}", other.python_type()),
    };
    ScoringError::bad(format!(
        "Data is not compatible with model signature. Failed to convert column {name} to type '{}'. \
         Error: 'row {row} is {shown}'",
        kind.name()
    ))
}

fn infer(name: &str, values: &[&Json]) -> Result<Values> {
    let present = || values.iter().filter(|v| !matches!(v, Json::Null));
    if present().all(|v| matches!(v, Json::Bool(_))) && present().next().is_some() {
        let get = |v: &&Json| if let Json::Bool(b) = v { Some(*b) } else { None };
        return Ok(Values::Boolean(values.iter().map(get).collect()));
    }
    if present().all(|v| matches!(v, Json::Int(_))) && present().next().is_some() {
        return Ok(Values::Integer(values.iter().map(|v| v.integer()).collect()));
    }
    if present().all(|v| v.number().is_some()) {
        return Ok(Values::Float(values.iter().map(|v| v.number().unwrap_or(f64::NAN)).collect()));
    }
    if present().all(|v| matches!(v, Json::Text(_))) {
        return Ok(Values::Text(values.iter().map(|v| v.text().map(str::to_owned)).collect()));
    }
    let kinds: Vec<&str> = present().map(|v| v.python_type()).collect();
    let first = kinds.first().copied().unwrap_or("NoneType");
    let other = kinds.iter().find(|k| **k != first).copied().unwrap_or(first);
    Err(ScoringError::bad(format!("Column {name} holds values of different types: {first} and {other}")))
}

/// What pandas reads as missing.
const MISSING: [&str; 17] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
    "NA", "NULL", "NaN", "None", "nan",
];

/// CSV as pandas reads it: columns of one name are told apart by a number, a line that ends early has missing values.
pub fn csv(text: &str, schema: &[ColumnSpec]) -> Result<Frame> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|e| bad_csv(e.to_string()))?.clone();
    if headers.is_empty() {
        return Err(bad_csv("No columns to parse from file".into()));
    }
    csv_lines(distinct(&headers), reader, schema)
}

/// CSV without a line of names.
pub fn csv_rows(text: &str, names: Vec<String>, schema: &[ColumnSpec]) -> Result<Frame> {
    let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    csv_lines(names, reader, schema)
}

/// The cells of the first line of a CSV.
pub fn csv_first(text: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let first = reader.records().next().and_then(std::result::Result::ok);
    first.map(|cells| cells.iter().map(str::to_owned).collect()).unwrap_or_default()
}

fn bad_csv(why: String) -> ScoringError {
    ScoringError::bad(format!(
        "Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid CSV-formatted Pandas \
         DataFrame produced using the `pandas.DataFrame.to_csv()` method. Error: '{why}'"
    ))
}

/// `a`, `a.1`, `a.2` for a name that is there three times; `Unnamed: 3` for none.
fn distinct(headers: &csv::StringRecord) -> Vec<String> {
    let given: HashSet<&str> = headers.iter().collect();
    let mut times: HashMap<&str, usize> = HashMap::new();
    let mut names = Vec::with_capacity(headers.len());
    for (at, header) in headers.iter().enumerate() {
        if header.is_empty() {
            names.push(format!("Unnamed: {at}"));
            continue;
        }
        let before = times.entry(header).or_insert(0);
        if *before == 0 {
            names.push(header.to_owned());
        } else {
            while given.contains(format!("{header}.{before}").as_str()) {
                *before += 1;
            }
            names.push(format!("{header}.{before}"));
        }
        *before += 1;
    }
    names
}

fn csv_lines(names: Vec<String>, mut reader: csv::Reader<&[u8]>, schema: &[ColumnSpec]) -> Result<Frame> {
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| bad_csv(e.to_string()))?;
        if record.len() > names.len() {
            return Err(bad_csv(format!(
                "Error tokenizing data. C error: Expected {} fields in line {}, saw {}",
                names.len(),
                record.position().map_or(0, csv::Position::line),
                record.len()
            )));
        }
        records.push(record);
    }
    if names.len().saturating_mul(records.len()) > MOST_CELLS {
        return Err(bad_csv(format!("{} lines of {} columns are too many", records.len(), names.len())));
    }
    let columns = names.into_iter().enumerate().map(|(at, name)| {
        let cells: Vec<Json> = records.iter().map(|r| r.get(at).map_or(Json::Null, csv_cell)).collect();
        let refs: Vec<&Json> = cells.iter().collect();
        let declared = schema.iter().any(|s| s.name == name && s.column_type == ColumnType::String);
        if declared || refs.iter().any(|v| matches!(v, Json::Text(_))) {
            // One text makes the column text, numbers included, as they were written.
            let text = |r: &csv::StringRecord| {
                r.get(at).filter(|text| !MISSING.contains(&text.trim())).map(str::to_owned)
            };
            return csv_texts(&name, &refs, records.iter().map(text).collect(), schema);
        }
        column(name, &refs, schema)
    });
    frame(columns.collect::<Result<_>>()?)
}

fn csv_cell(text: &str) -> Json {
    let plain = text.trim();
    if MISSING.contains(&plain) {
        return Json::Null;
    }
    match plain {
        "True" | "TRUE" | "true" => return Json::Bool(true),
        "False" | "FALSE" | "false" => return Json::Bool(false),
        "inf" | "Infinity" | "+inf" => return Json::Float(f64::INFINITY),
        "-inf" | "-Infinity" => return Json::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let numeric = plain.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    match (plain.parse::<i64>(), plain.parse::<f64>()) {
        (Ok(n), _) => Json::Int(n),
        (_, Ok(x)) if numeric => Json::Float(x),
        _ => Json::Text(text.to_owned()),
    }
}

fn csv_texts(
    name: &str,
    values: &[&Json],
    texts: Vec<Option<String>>,
    schema: &[ColumnSpec],
) -> Result<Column> {
    let declared = schema.iter().find(|s| s.name == name).map(|s| s.column_type);
    match declared {
        None | Some(ColumnType::String | ColumnType::Datetime | ColumnType::Binary) => {
            Ok(Column { name: name.into(), values: Values::Text(texts) })
        }
        Some(kind) => Ok(Column { name: name.into(), values: cast(name, values, kind)? }),
    }
}

pub fn parquet(body: Bytes) -> Result<Frame> {
    let table = columns::read_parquet("the request", body, None).map_err(|e| {
        ScoringError::bad(format!(
            "Failed to parse input as a Pandas DataFrame. Ensure that the input is a valid Parquet Pandas DataFrame \
             produced using the `pandas.DataFrame.to_parquet()` method. Error: '{e}'"
        ))
    })?;
    let fields = table.schema().fields.clone();
    let columns = fields.iter().map(|field| {
        let values = table_values(&table, &field.name, field.data_type)
            .map_err(|e| ScoringError::bad(format!("column {}: {e}", field.name)))?;
        Ok(Column { name: field.name.as_str().into(), values })
    });
    frame(columns.collect::<Result<_>>()?)
}

fn table_values(table: &Table, name: &str, kind: DataType) -> std::result::Result<Values, columns::Error> {
    Ok(match kind {
        DataType::Float => {
            Values::Float(table.numbers(name)?.into_iter().map(|x| x.unwrap_or(f64::NAN)).collect())
        }
        DataType::Integer => {
            let value = |row| table.json(name, row).map(|v| v.as_i64());
            Values::Integer((0..table.rows()).map(value).collect::<std::result::Result<_, _>>()?)
        }
        DataType::Boolean => {
            Values::Boolean(table.numbers(name)?.into_iter().map(|x| x.map(|x| x != 0.0)).collect())
        }
        _ => Values::Text(table.texts(name)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    fn texts(frame: &Frame) -> Vec<String> {
        frame.columns.iter().map(|c| format!("{}={:?}", c.name, c.values)).collect()
    }

    #[test]
    fn records_may_lack_keys_and_repeat_them() {
        let read = |text: &str| records(&parse(text.as_bytes()).unwrap(), &[]);
        let frame = read(r#"[{"a": 1, "b": 2}, {"b": 3}, {"c": 4, "a": 5, "a": 6}]"#).unwrap();
        assert_eq!(
            texts(&frame),
            [
                "a=Integer([Some(1), None, Some(6)])",
                "b=Integer([Some(2), Some(3), None])",
                "c=Integer([None, None, Some(4)])"
            ]
        );
        assert_eq!(read("[]").unwrap().rows, 0);
    }

    #[test]
    fn rows_of_a_split_may_end_early_and_not_late() {
        let read = |text: &str| split(&parse(text.as_bytes()).unwrap(), &[]);
        let frame = read(r#"{"columns": ["a", "b"], "data": [[1, 2], [3]]}"#).unwrap();
        assert_eq!(texts(&frame), ["a=Integer([Some(1), Some(3)])", "b=Integer([Some(2), None])"]);
        assert_eq!(read(r#"{"columns": ["a", "b"], "data": []}"#).unwrap().rows, 0);
        for wrong in [
            r#"{"columns": ["a", "b"], "data": [[1, 2], [3, 4, 5]]}"#,
            r#"{"columns": ["a", "b"], "data": [[1], [2]]}"#,
            r#"{"columns": ["a", "a"], "data": [[1, 2]]}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn records_that_share_no_keys_are_not_made_into_a_table_without_end() {
        let rows: Vec<String> = (0..6000).map(|n| format!(r#"{{"k{n}":1}}"#)).collect();
        let rows = parse(format!("[{}]", rows.join(",")).as_bytes()).unwrap();
        assert!(records(&rows, &[]).is_err());
    }

    #[test]
    fn csv_is_read_as_pandas_reads_it() {
        let frame = csv("\u{feff}a,b,a,,\n1,\"x, y\",3\n\n2,z\n", &[]).unwrap();
        assert_eq!(
            texts(&frame),
            [
                "a=Integer([Some(1), Some(2)])",
                "b=Text([Some(\"x, y\"), Some(\"z\")])",
                "a.1=Integer([Some(3), None])",
                "Unnamed: 3=Float([NaN, NaN])",
                "Unnamed: 4=Float([NaN, NaN])"
            ]
        );
        let longer = format!("{:?}", csv("a,b\n1,2\n1,2,3\n", &[]).unwrap_err());
        assert!(longer.contains("Expected 2 fields in line 3, saw 3"), "{longer}");
        assert_eq!(csv_first("1,\"a,b\"\n2"), ["1", "a,b"]);
    }
}
