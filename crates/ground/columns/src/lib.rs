//! Columns in memory: strict readers, a deterministic Parquet writer, profiles, and the statistical kernels for
//! drift and for model metrics. Arrow is known here; the floors above hold a [`Table`].

mod bins;
mod blocks;
mod by_column;
mod cells;
mod chance;
mod csv;
pub mod drift;
mod embedding;
mod engine;
mod error;
mod facts;
mod file;
mod footer;
mod head;
mod infer;
mod jsonl;
mod ks;
mod lanes;
mod loose;
pub mod metrics;
mod pairs;
mod parquet;
mod plain;
mod profile;
mod python_json;
mod quick_hash;
pub mod random;
mod row_diff;
mod sgd;
mod sort;
mod source;
pub mod state;
mod statistic;
mod table;
mod text;
mod typed;

use std::path::Path;

use ::bytes::Bytes;
use types::Schema;

/// One column's values; made by the functions of [`column`].
pub use ::arrow::array::ArrayRef;
pub use ::arrow::array::RecordBatch;
pub use ::arrow::datatypes::SchemaRef;
pub use bins::{Bins, Histogram};
pub use by_column::ByColumn;
pub use cells::{cells, column_types};
pub use csv::read_csv;
pub use embedding::VectorMethod;
pub use engine::{Answer, Engine, Limits, Query};
pub use error::{Error, Place};
pub use facts::Facts;
pub use file::{Chunks, File, InMemory};
pub use footer::RowNames;
pub use head::{Head, head_parquet};
pub use jsonl::read_jsonl;
pub use loose::{read_as_pandas, read_loosely};
pub use parquet::{ParquetStyle, ParquetWriter, from_batches, read_parquet};
pub use plain::plain;
pub use profile::{ColumnProfile, Profile};
pub use python_json::quoted as quoted_numbers;
pub use quick_hash::{QuickHash, QuickHasher};
pub use row_diff::{Change, Kind as ChangeKind, RowDiff, rows_at};
pub use sort::sorted as sorted_numbers;
pub use source::{Batches, Known, Scan, Source, parquet::Reader as ParquetReader};
pub use table::{Table, arrow_type, column};
pub use typed::read_typed;

/// File formats that can be read, told from the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Parquet,
    JsonLines,
}

impl Format {
    /// By extension, case-blind: csv; parquet, pq; jsonl, ndjson. Errors: `UnknownFormat`.
    pub fn of(file: &str) -> Result<Self, Error> {
        let extension = file.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
        match extension.as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("parquet" | "pq") => Ok(Self::Parquet),
            Some("jsonl" | "ndjson") => Ok(Self::JsonLines),
            _ => Err(Error::UnknownFormat { file: file.into() }),
        }
    }
}

/// Reads `bytes` in the format that the name `file` tells.
pub fn read(file: &str, bytes: Bytes, schema: Option<&Schema>) -> Result<Table, Error> {
    match Format::of(file)? {
        Format::Csv => read_csv(file, &bytes, schema),
        Format::Parquet => read_parquet(file, bytes, schema),
        Format::JsonLines => read_jsonl(file, &bytes, schema),
    }
}

/// [`read`] for a file on disk; errors show its path.
pub fn read_file(path: impl AsRef<Path>, schema: Option<&Schema>) -> Result<Table, Error> {
    let path = path.as_ref();
    read(&path.to_string_lossy(), types::io::read(path)?.into(), schema)
}
