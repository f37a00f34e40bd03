//! Files read for a look at them: what a strict reader refuses is taken for what it most likely is.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;

use crate::csv::Manner;
use crate::{Error, Format, Table, csv, footer, jsonl, plain};

/// Like [`crate::read`] without a schema, for files as they come: words such as `NA` are missing values, a column of several
/// types is text, columns of any type of Parquet are read, and pandas' index in one is no column. There may be no rows.
/// Errors: what cannot be read at all.
pub fn read_loosely(file: &str, bytes: Bytes) -> Result<Table, Error> {
    match Format::of(file)? {
        Format::Csv => csv::read_loosely(file, &bytes, Manner::Loose),
        Format::JsonLines => jsonl::read_loosely(file, &bytes),
        Format::Parquet => of_parquet(file, bytes),
    }
}

/// [`read_loosely`], where the types of CSV are those that pandas infers: days and times are text, `007` is 7, and a column
/// without values is of floats.
pub fn read_as_pandas(file: &str, bytes: Bytes) -> Result<Table, Error> {
    match Format::of(file)? {
        Format::Csv => csv::read_loosely(file, &bytes, Manner::Pandas),
        _ => read_loosely(file, bytes),
    }
}

fn of_parquet(file: &str, bytes: Bytes) -> Result<Table, Error> {
    let bad = |detail: String| Error::Malformed { file: file.to_owned(), format: "Parquet", detail };
    let builder = footer::reader(bytes).map_err(|e| bad(e.to_string()))?;
    let schema = Arc::clone(builder.schema());
    let reader = builder.build().map_err(|e| bad(e.to_string()))?;
    let mut batches = reader.collect::<Result<Vec<_>, _>>().map_err(|e| bad(e.to_string()))?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    let table = plain(file, &batches)?;
    let index: Vec<String> =
        table.schema().names().filter(|n| n.starts_with("__index_level_")).map(str::to_owned).collect();
    if index.is_empty() { Ok(table) } else { Ok(table.without(&index)?) }
}
