//! Footers of Parquet files, read as pandas takes them: only texts and bytes come as dictionaries.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::reader::ChunkReader;
use serde_json::Value;

pub(crate) fn load<R: ChunkReader>(file: &R) -> Result<ArrowReaderMetadata> {
    of(ArrowReaderMetadata::load(file, ArrowReaderOptions::new())?.metadata().clone())
}

pub(crate) fn reader(bytes: Bytes) -> Result<ParquetRecordBatchReaderBuilder<Bytes>> {
    let loaded = load(&bytes)?;
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, loaded))
}

/// Dictionaries of numbers and truth values, as a `Categorical` of them writes, are plain values: `parquet` panics at some.
pub(crate) fn of(metadata: Arc<ParquetMetaData>) -> Result<ArrowReaderMetadata> {
    let loaded = ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new())?;
    let written = loaded.schema();
    let fields: Vec<FieldRef> = written.fields().iter().map(plain).collect();
    if written.fields().iter().zip(&fields).all(|(old, new)| Arc::ptr_eq(old, new)) {
        return Ok(loaded);
    }
    let schema = Schema::new_with_metadata(fields, written.metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(loaded.metadata().clone(), options)
}

/// The same file with columns of texts as dictionaries where each of their pages holds places in one: only there is that
/// less work. Otherwise nothing.
pub(crate) fn with_dictionaries(loaded: &ArrowReaderMetadata) -> Option<ArrowReaderMetadata> {
    let parquet = loaded.parquet_schema();
    let mut leaves = vec![None; loaded.schema().fields().len()];
    for leaf in 0..parquet.num_columns() {
        if let Some(place) = leaves.get_mut(parquet.get_column_root_idx(leaf)) {
            *place = Some(leaf);
        }
    }
    let in_dictionaries = |leaf: usize| {
        let groups = loaded.metadata().row_groups();
        !groups.is_empty() && groups.iter().all(|group| only_places(group.column(leaf)))
    };
    let mut any = false;
    let fields: Vec<FieldRef> = loaded
        .schema()
        .fields()
        .iter()
        .zip(leaves)
        .map(|(field, leaf)| {
            let text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8);
            if !text || !leaf.is_some_and(in_dictionaries) {
                return field.clone();
            }
            any = true;
            let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(field.data_type().clone()));
            Arc::new(Field::clone(field).with_data_type(coded))
        })
        .collect();
    if !any {
        return None;
    }
    let schema = Schema::new_with_metadata(fields, loaded.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(loaded.metadata().clone(), options).ok()
}

fn only_places(chunk: &ColumnChunkMetaData) -> bool {
    chunk.dictionary_page_offset().is_some()
        && chunk.page_encoding_stats_mask().is_some_and(|mask| {
            mask.is_only(Encoding::PLAIN_DICTIONARY) || mask.is_only(Encoding::RLE_DICTIONARY)
        })
}

/// What names the rows of a file that pandas wrote: columns, or the start and step of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowNames {
    Columns(Vec<String>),
    Range { start: i64, step: i64 },
}

impl RowNames {
    /// From what pandas wrote into the schema; rows are counted from 0 where it did not.
    pub fn of(schema: &Schema) -> Self {
        let written = schema.metadata().get("pandas").and_then(|text| serde_json::from_str(text).ok());
        let index = written.map(|pandas: Value| pandas["index_columns"].clone()).unwrap_or_default();
        let listed = index.as_array().map(Vec::as_slice).unwrap_or_default();
        if let [range] = listed
            && let (Some(start), Some(step)) = (range["start"].as_i64(), range["step"].as_i64())
        {
            return Self::Range { start, step };
        }
        let columns: Vec<String> = listed.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        if columns.is_empty() { Self::Range { start: 0, step: 1 } } else { Self::Columns(columns) }
    }

    /// Whether the column is none of the table, but names its rows.
    pub fn has(&self, column: &str) -> bool {
        column.starts_with("__index_level_")
            || matches!(self, Self::Columns(columns) if columns.iter().any(|known| known == column))
    }
}

/// The same field if nothing in it is such a dictionary.
fn plain(field: &FieldRef) -> FieldRef {
    let inner = |of: &FieldRef| Some(plain(of)).filter(|new| !Arc::ptr_eq(of, new));
    let data_type = match field.data_type() {
        DataType::Dictionary(_, value) if !(value.is_string() || value.is_binary()) => {
            Some(value.as_ref().clone())
        }
        DataType::List(item) => inner(item).map(DataType::List),
        DataType::LargeList(item) => inner(item).map(DataType::LargeList),
        DataType::Struct(fields) => {
            let new: Vec<FieldRef> = fields.iter().map(plain).collect();
            let same = fields.iter().zip(&new).all(|(old, new)| Arc::ptr_eq(old, new));
            (!same).then(|| DataType::Struct(new.into()))
        }
        _ => None,
    };
    match data_type {
        None => field.clone(),
        Some(data_type) => Arc::new(Field::clone(field).with_data_type(data_type)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ByColumn, head_parquet, read_loosely, read_parquet};
    use arrow::array::{
        Array, ArrayRef, BooleanArray, DictionaryArray, Int64Array, RecordBatch, StringArray,
    };
    use arrow::datatypes::Int8Type;
    use parquet::arrow::ArrowWriter;

    #[test]
    fn categories_that_are_no_texts_are_read_as_what_they_are() {
        let keys = || [Some(1), None, Some(0)].into_iter().collect();
        let of = |values: ArrayRef| Arc::new(DictionaryArray::<Int8Type>::new(keys(), values)) as ArrayRef;
        let columns = [
            ("truth", of(Arc::new(BooleanArray::from(vec![true, false])))),
            ("number", of(Arc::new(Int64Array::from(vec![7, 9])))),
            ("text", of(Arc::new(StringArray::from(vec!["a", "b"])))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        let bytes = Bytes::from(writer.into_inner().unwrap());
        let kept = ByColumn::of_parquet("a.parquet", bytes.clone()).unwrap();
        let types: Vec<_> = (0..3).map(|i| kept.whole(i).unwrap().data_type().to_string()).collect();
        assert_eq!(types, ["Boolean", "Int64", "Dictionary(Int8, Utf8)"]);
        assert_eq!(kept.whole(0).unwrap().as_ref(), &BooleanArray::from(vec![Some(false), None, Some(true)]));
        for table in
            [read_loosely("a.parquet", bytes.clone()), read_parquet("a.parquet", bytes.clone(), None)]
        {
            assert_eq!(table.unwrap().numbers("number").unwrap(), [Some(9.0), None, Some(7.0)]);
        }
        assert_eq!(head_parquet("a.parquet", bytes, 1).unwrap().rows[0][0].as_deref(), Some("false"));
    }
}
