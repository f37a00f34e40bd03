use std::sync::Arc;

use arrow::array::{Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType as ArrowType, Field, Schema as ArrowSchema};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::{ArrayRef, Error, Table, from_batches};

/// Batches of one schema and of any column types as a table: decimals become floats, and what a [`Table`] has no type
/// for (lists, structs, intervals, …) becomes text. `file` is the name that errors show.
pub fn plain(file: &str, batches: &[RecordBatch]) -> Result<Table, Error> {
    let mut converted = Vec::with_capacity(batches.len());
    for batch in batches {
        let mut fields = Vec::with_capacity(batch.num_columns());
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            let array = simple(array)?;
            fields.push(Field::new(field.name(), array.data_type().clone(), true));
            columns.push(array);
        }
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        converted.push(RecordBatch::try_new_with_options(
            Arc::new(ArrowSchema::new(fields)),
            columns,
            &options,
        )?);
    }
    let schema = converted.first().map_or_else(|| Arc::new(ArrowSchema::empty()), RecordBatch::schema);
    from_batches(file, &schema, &converted, None)
}

fn simple(array: &ArrayRef) -> Result<ArrayRef, Error> {
    Ok(match array.data_type() {
        t if t.is_integer() && *t != ArrowType::UInt64 || t.is_floating() => array.clone(),
        ArrowType::Boolean
        | ArrowType::Utf8
        | ArrowType::LargeUtf8
        | ArrowType::Utf8View
        | ArrowType::Timestamp(..)
        | ArrowType::Date32
        | ArrowType::Date64
        | ArrowType::Binary
        | ArrowType::LargeBinary
        | ArrowType::BinaryView
        | ArrowType::Null => array.clone(),
        ArrowType::Dictionary(_, value) if value.is_string() => array.clone(),
        ArrowType::Dictionary(_, value) => simple(&arrow::compute::cast(array, value)?)?,
        ArrowType::UInt64
        | ArrowType::Decimal32(..)
        | ArrowType::Decimal64(..)
        | ArrowType::Decimal128(..)
        | ArrowType::Decimal256(..) => arrow::compute::cast(array, &ArrowType::Float64)?,
        _ => {
            let shown = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default())?;
            let text = |row: usize| array.is_valid(row).then(|| shown.value(row).to_string());
            Arc::new((0..array.len()).map(text).collect::<StringArray>())
        }
    })
}
