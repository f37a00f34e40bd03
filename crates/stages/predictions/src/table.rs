//! Chunks as one table, and tables of different columns one below the other.
//! Columns that the log adds start with `_`; a model's are `input.<name>` and `output.<name>`.

use std::sync::Arc;

use columns::{Table, column};
use runtimes::{Frame, Values};
use types::DataType;

use crate::Error;
use crate::chunk::{Chunk, Origin};

pub const ORDINAL: &str = "_ordinal";
pub const ID: &str = "_id";
pub const AT: &str = "_at";
pub const REVISION: &str = "_revision";
pub const VARIANT: &str = "_variant";
pub const MODEL: &str = "_model";
pub const VERSION: &str = "_version";
pub const MODEL_VERSION: &str = "_model_version";
pub const MODEL_DIGEST: &str = "_model_digest";
pub const LATENCY: &str = "_latency_us";
pub const PRINCIPAL: &str = "_principal";
/// A JSON list of texts; null where nothing was noticed.
pub const FLAGS: &str = "_flags";
/// A JSON object; null where the model's signature declares no params.
pub const PARAMS: &str = "_params";
pub const INPUT: &str = "input.";
pub const OUTPUT: &str = "output.";

/// A segment is written once and read seldom, while predictions are made: numbers and ids are not looked through for
/// repeated values, which they have not.
pub const STYLE: columns::ParquetStyle =
    columns::ParquetStyle { zstd: 1, dictionary_of_numbers: false, plain: &[ID] };

/// The chunks in order, the first row with ordinal `first`.
pub fn build(chunks: &[Arc<Chunk>], first: i64) -> Result<Table, Error> {
    let rows: usize = chunks.iter().map(|c| c.ids.len()).sum();
    /// One entry a row, the same for all rows of a chunk.
    fn spread<T: Clone>(chunks: &[Arc<Chunk>], of: impl Fn(&Origin) -> T) -> impl Iterator<Item = Option<T>> {
        chunks.iter().flat_map(move |c| std::iter::repeat_n(Some(of(&c.origin)), c.ids.len()))
    }
    /// The same of texts, which are made once a chunk.
    fn texts(chunks: &[Arc<Chunk>], of: impl Fn(&Origin) -> Option<String>) -> columns::ArrayRef {
        let texts: Vec<(Option<String>, usize)> =
            chunks.iter().map(|c| (of(&c.origin), c.ids.len())).collect();
        column::strings(texts.iter().flat_map(|(text, rows)| std::iter::repeat_n(text.as_deref(), *rows)))
    }
    let ids = chunks.iter().flat_map(|c| &c.ids);
    let mut columns = vec![
        (ORDINAL.to_owned(), column::integers((0..rows as i64).map(|i| Some(first + i)))),
        (ID.to_owned(), column::strings(ids.map(|id| Some(id.hex())))),
        (AT.to_owned(), column::timestamps(chunks.iter().flat_map(|c| c.times()).map(Some))),
        (REVISION.to_owned(), texts(chunks, |o| Some(o.revision.hex()))),
        (VARIANT.to_owned(), texts(chunks, |o| Some(o.variant.clone()))),
        (MODEL.to_owned(), texts(chunks, |o| Some(o.model.clone()))),
        (VERSION.to_owned(), column::integers(spread(chunks, |o| o.version))),
        (MODEL_VERSION.to_owned(), texts(chunks, |o| Some(o.model_version.hex()))),
        (MODEL_DIGEST.to_owned(), texts(chunks, |o| o.model_digest.map(|d| d.to_string()))),
        (LATENCY.to_owned(), column::integers(chunks.iter().flat_map(|c| c.latencies()).map(Some))),
        (PRINCIPAL.to_owned(), column::strings(chunks.iter().flat_map(|c| c.principals()).map(Some))),
        (FLAGS.to_owned(), column::strings(chunks.iter().flat_map(|c| flags(c)))),
    ];
    // Few models can be told anything: others' segments have no such column.
    if chunks.iter().any(|c| c.params().any(|params| params.is_some())) {
        columns.push((PARAMS.to_owned(), column::strings(chunks.iter().flat_map(|c| c.params()))));
    }
    frames(&mut columns, INPUT, chunks, |c| &c.inputs);
    frames(&mut columns, OUTPUT, chunks, |c| &c.outputs);
    Ok(Table::new(columns)?)
}

fn flags(chunk: &Chunk) -> Vec<Option<String>> {
    let mut cells = vec![None; chunk.ids.len()];
    for (row, flags) in &chunk.flags {
        if let Some(cell) = cells.get_mut(*row) {
            *cell = Some(serde_json::json!(flags).to_string());
        }
    }
    cells
}

/// A column that records older than it lack; nothing is there then.
pub fn added_later(table: &Table, name: &str) -> Result<Vec<Option<String>>, Error> {
    match table.field(name) {
        Ok(_) => Ok(table.texts(name)?),
        Err(_) => Ok(vec![None; table.rows()]),
    }
}

/// What [`FLAGS`] says of a row.
pub fn read_flags(cell: Option<&str>) -> Vec<String> {
    cell.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn frames(
    columns: &mut Vec<(String, columns::ArrayRef)>,
    prefix: &str,
    chunks: &[Arc<Chunk>],
    frame: impl Fn(&Chunk) -> &Frame,
) {
    let mut names: Vec<&str> = Vec::new();
    for chunk in chunks {
        for (at, name) in frame(chunk).names().enumerate() {
            // Nearly always the columns of one model, in one order.
            if names.get(at) != Some(&name) && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    for (at, name) in names.into_iter().enumerate() {
        let parts: Vec<(usize, Option<&Values>)> =
            chunks.iter().map(|c| (c.ids.len(), frame(c).column_near(at, name).map(|c| &c.values))).collect();
        columns.push((format!("{prefix}{name}"), values(&parts)));
    }
}

/// The type that holds all parts: their own if they agree, float for mixed numbers, text otherwise.
fn common(parts: &[(usize, Option<&Values>)]) -> DataType {
    let mut found: Option<DataType> = None;
    for values in parts.iter().filter_map(|(_, v)| *v) {
        let this = match values {
            Values::Float(_) => DataType::Float,
            Values::Integer(_) => DataType::Integer,
            Values::Boolean(_) => DataType::Boolean,
            Values::Text(_) => DataType::String,
        };
        found = Some(match found {
            None => this,
            Some(other) if other == this => this,
            Some(other) if other.is_numeric() && this.is_numeric() => DataType::Float,
            Some(_) => DataType::String,
        });
    }
    found.unwrap_or(DataType::Float)
}

fn values(parts: &[(usize, Option<&Values>)]) -> columns::ArrayRef {
    macro_rules! collect {
        ($of:expr) => {
            parts.iter().flat_map(|(rows, values)| {
                (0..*rows).map(move |row| values.and_then(|v| $of(v, row))).collect::<Vec<_>>()
            })
        };
    }
    match common(parts) {
        // A missing number is null in the log, as it was in the request.
        DataType::Float => column::floats(numbers(parts)),
        DataType::Integer => column::integers(collect!(|v: &Values, row: usize| match v {
            Values::Integer(v) => v[row],
            _ => None,
        })),
        DataType::Boolean => column::booleans(collect!(|v: &Values, row: usize| match v {
            Values::Boolean(v) => v[row],
            _ => None,
        })),
        _ => column::strings(collect!(text)),
    }
}

fn numbers(parts: &[(usize, Option<&Values>)]) -> Vec<Option<f64>> {
    let mut out = Vec::with_capacity(parts.iter().map(|(rows, _)| rows).sum());
    for (rows, values) in parts {
        match values {
            Some(Values::Float(v)) if v.len() == *rows => {
                out.extend(v.iter().map(|x| (!x.is_nan()).then_some(*x)));
            }
            values => {
                out.extend((0..*rows).map(|row| values.and_then(|v| v.number(row)).filter(|x| !x.is_nan())))
            }
        }
    }
    out
}

fn text(values: &Values, row: usize) -> Option<String> {
    match values {
        Values::Float(v) => Some(v[row]).filter(|x| !x.is_nan()).map(|x| x.to_string()),
        Values::Integer(v) => v[row].map(|x| x.to_string()),
        Values::Boolean(v) => v[row].map(|x| x.to_string()),
        Values::Text(v) => v[row].clone(),
    }
}

/// The tables one below the other; columns that one lacks are null there, and columns whose types do not go
/// together become text.
pub fn stack(tables: &[Table]) -> Result<Table, Error> {
    let mut names: Vec<(String, DataType)> = Vec::new();
    for table in tables {
        for field in &table.schema().fields {
            match names.iter_mut().find(|(name, _)| *name == field.name) {
                None => names.push((field.name.clone(), field.data_type)),
                Some((_, kind)) if *kind == field.data_type => {}
                Some((_, kind)) if kind.is_numeric() && field.data_type.is_numeric() => {
                    *kind = DataType::Float
                }
                Some((_, kind)) => *kind = DataType::String,
            }
        }
    }
    let mut aligned = Vec::with_capacity(tables.len());
    for table in tables {
        let rows = table.rows();
        let mut columns = Vec::with_capacity(names.len());
        for (name, kind) in &names {
            let array = match table.schema().field(name) {
                Some(field) if field.data_type == *kind => table.column(name)?.clone(),
                Some(_) if *kind == DataType::Float => column::floats(table.numbers(name)?),
                Some(_) => column::strings(table.texts(name)?),
                None => nulls(*kind, rows),
            };
            columns.push((name.clone(), array));
        }
        aligned.push(Table::new(columns)?);
    }
    Ok(Table::concat(&aligned)?)
}

fn nulls(kind: DataType, rows: usize) -> columns::ArrayRef {
    match kind {
        DataType::Boolean => column::booleans((0..rows).map(|_| None)),
        DataType::Integer => column::integers((0..rows).map(|_| None)),
        DataType::Float => column::floats((0..rows).map(|_| None)),
        DataType::Timestamp => column::timestamps((0..rows).map(|_| None)),
        DataType::Date => column::dates((0..rows).map(|_| None)),
        DataType::Binary => column::binary((0..rows).map(|_| None::<&[u8]>)),
        DataType::String => column::strings((0..rows).map(|_| None::<&str>)),
    }
}

/// The columns with this prefix, without it.
pub fn part(table: &Table, prefix: &str) -> Result<Table, Error> {
    let mut columns = Vec::new();
    for name in table.schema().names() {
        if let Some(short) = name.strip_prefix(prefix) {
            columns.push((short.to_owned(), table.column(name)?.clone()));
        }
    }
    Ok(Table::new(columns)?)
}

/// A column of timestamps; a null is the epoch.
pub fn times(table: &Table, name: &str) -> Result<Vec<types::Timestamp>, Error> {
    Ok(table.timestamps(name)?.into_iter().map(Option::unwrap_or_default).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_without_the_columns_that_were_added_later_are_read() {
        let older = Table::new(vec![(ID.to_owned(), column::strings([Some("a"), Some("b")]))]).unwrap();
        assert_eq!(added_later(&older, FLAGS).unwrap(), [None, None]);
        assert_eq!(added_later(&older, PARAMS).unwrap(), [None, None]);
        assert_eq!(read_flags(None), Vec::<String>::new());
        assert_eq!(read_flags(Some(r#"["novelty"]"#)), ["novelty"]);
    }
}
