use std::collections::BTreeMap;

use bytes::Bytes;
use types::DataType;

use crate::{Error, Format, Table, csv, jsonl, read_parquet};

/// Like [`crate::read`] without a schema, except that the columns named in `types` have those types instead of
/// inferred ones. A name that the file lacks is passed over: whether a column must be there is not asked here.
///
/// Errors: `WrongType` or `TypeMismatch` where a value is not of the declared type.
pub fn read_typed(file: &str, bytes: Bytes, types: &BTreeMap<String, DataType>) -> Result<Table, Error> {
    match Format::of(file)? {
        Format::Csv => csv::read_typed(file, &bytes, None, types),
        Format::JsonLines => jsonl::read_typed(file, &bytes, None, types),
        Format::Parquet => {
            let natural = read_parquet(file, bytes.clone(), None)?;
            let mut schema = natural.schema().clone();
            for field in &mut schema.fields {
                field.data_type = types.get(&field.name).copied().unwrap_or(field.data_type);
            }
            if schema == *natural.schema() { Ok(natural) } else { read_parquet(file, bytes, Some(&schema)) }
        }
    }
}
