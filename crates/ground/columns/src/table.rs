use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType as ArrowType, Date32Type, Field as ArrowField, Float64Type, Int64Type, Schema as ArrowSchema,
    TimeUnit, TimestampMicrosecondType,
};
use serde_json::Value;
use types::{DataType, Field, Schema};

use crate::Error;

/// Columns of equal length in memory, each of one of the seven [`DataType`]s.
///
/// The Arrow types behind them are fixed (Int64, Float64, Utf8, Timestamp in UTC microseconds, …), so that code
/// never meets an Int32 or a dictionary: readers widen, and refuse what does not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    schema: Schema,
    batch: RecordBatch,
}

/// The Arrow type that stands for `data_type` in every [`Table`] and in the Parquet that it writes.
pub fn arrow_type(data_type: DataType) -> ArrowType {
    match data_type {
        DataType::Boolean => ArrowType::Boolean,
        DataType::Integer => ArrowType::Int64,
        DataType::Float => ArrowType::Float64,
        DataType::String => ArrowType::Utf8,
        DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Date => ArrowType::Date32,
        DataType::Binary => ArrowType::Binary,
    }
}

pub(crate) fn data_type(arrow: &ArrowType) -> Option<DataType> {
    Some(match arrow {
        ArrowType::Boolean => DataType::Boolean,
        ArrowType::Int64 => DataType::Integer,
        ArrowType::Float64 => DataType::Float,
        ArrowType::Utf8 => DataType::String,
        ArrowType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => DataType::Timestamp,
        ArrowType::Date32 => DataType::Date,
        ArrowType::Binary => DataType::Binary,
        _ => return None,
    })
}

impl Table {
    /// A table of named columns whose Arrow types are those of [`arrow_type`]; nullable is what holds nulls.
    /// Errors: `Length`, `DuplicateColumn`, `UnsupportedType`.
    pub fn new(columns: Vec<(String, ArrayRef)>) -> Result<Self, Error> {
        let mut fields = Vec::with_capacity(columns.len());
        for (name, array) in &columns {
            let Some(data_type) = data_type(array.data_type()) else {
                return Err(Error::UnsupportedType {
                    file: "table".into(),
                    column: name.clone(),
                    found: array.data_type().to_string(),
                });
            };
            fields.push(Field { name: name.clone(), data_type, nullable: array.null_count() > 0 });
        }
        Self::with_schema(Schema { fields }, columns.into_iter().map(|(_, array)| array).collect())
    }

    /// Like [`Table::new`], with declared nullability.
    pub fn with_schema(schema: Schema, columns: Vec<ArrayRef>) -> Result<Self, Error> {
        let rows = columns.first().map_or(0, |c| c.len());
        for (i, (field, array)) in schema.fields.iter().zip(&columns).enumerate() {
            if array.len() != rows {
                return Err(Error::Length { column: field.name.clone(), found: array.len(), expected: rows });
            }
            if let Some(first) = schema.fields[..i].iter().position(|f| f.name == field.name) {
                let (first, second) = (first + 1, i + 1);
                return Err(Error::DuplicateColumn {
                    file: "table".into(),
                    column: field.name.clone(),
                    first,
                    second,
                });
            }
        }
        let arrow = arrow_schema(&schema);
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::new(arrow), columns, &options)?;
        Ok(Self { schema, batch })
    }

    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    pub fn field(&self, column: &str) -> Result<&Field, Error> {
        self.schema.field(column).ok_or_else(|| Error::NoColumn {
            column: column.to_owned(),
            known: self.schema.names().map(str::to_owned).collect(),
        })
    }

    pub fn column(&self, column: &str) -> Result<&ArrayRef, Error> {
        self.field(column)?;
        // The field exists, so its array does too.
        self.batch
            .column_by_name(column)
            .ok_or_else(|| Error::NoColumn { column: column.to_owned(), known: Vec::new() })
    }

    /// The column as numbers: integers are widened, booleans become 0 and 1, nulls stay `None`, NaN stays NaN.
    /// Errors: `NoColumn`, `NotA` for other types.
    pub fn numbers(&self, column: &str) -> Result<Vec<Option<f64>>, Error> {
        let field = self.field(column)?;
        let array = self.column(column)?;
        Ok(match field.data_type {
            DataType::Float => array.as_primitive::<Float64Type>().iter().collect(),
            DataType::Integer => {
                array.as_primitive::<Int64Type>().iter().map(|v| v.map(|v| v as f64)).collect()
            }
            DataType::Boolean => {
                array.as_boolean().iter().map(|v| v.map(|v| f64::from(u8::from(v)))).collect()
            }
            found => return Err(Error::NotA { column: column.to_owned(), found, wanted: "numeric" }),
        })
    }

    /// The column as points in time. Errors: `NoColumn`, `NotA` for other types.
    pub fn timestamps(&self, column: &str) -> Result<Vec<Option<types::Timestamp>>, Error> {
        let field = self.field(column)?;
        if field.data_type != DataType::Timestamp {
            let found = field.data_type;
            return Err(Error::NotA { column: column.to_owned(), found, wanted: "timestamp" });
        }
        let array = self.column(column)?.as_primitive::<TimestampMicrosecondType>();
        Ok(array.iter().map(|v| v.map(types::Timestamp)).collect())
    }

    /// Like [`Table::numbers`], where every row must have a value.
    pub fn complete_numbers(&self, column: &str) -> Result<Vec<f64>, Error> {
        let numbers = self.numbers(column)?;
        numbers
            .into_iter()
            .enumerate()
            .map(|(i, v)| v.ok_or_else(|| Error::NullValue { column: column.to_owned(), row: i as u64 + 1 }))
            .collect()
    }

    /// The column as text, one entry a row; `None` where it is null. Numbers are written as Rust writes them
    /// (`1`, `0.5`, `NaN`), timestamps and dates as ISO 8601, binary as hexadecimal digits.
    pub fn texts(&self, column: &str) -> Result<Vec<Option<String>>, Error> {
        let array = self.column(column)?.clone();
        let data_type = self.field(column)?.data_type;
        Ok((0..array.len()).map(|row| text_at(&array, data_type, row)).collect())
    }

    /// One value as JSON. NaN and infinities become the strings `"NaN"`, `"Infinity"`, `"-Infinity"`.
    pub fn json(&self, column: &str, row: usize) -> Result<Value, Error> {
        let data_type = self.field(column)?.data_type;
        let array = self.column(column)?;
        if row >= array.len() || array.is_null(row) {
            return Ok(Value::Null);
        }
        Ok(match data_type {
            DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
            DataType::Integer => Value::from(array.as_primitive::<Int64Type>().value(row)),
            DataType::Float => {
                let value = array.as_primitive::<Float64Type>().value(row);
                serde_json::Number::from_f64(value)
                    .map_or_else(|| Value::from(float_text(value)), Value::Number)
            }
            _ => text_at(array, data_type, row).map_or(Value::Null, Value::String),
        })
    }

    /// [`Table::json`] of every row.
    pub fn json_column(&self, column: &str) -> Result<Vec<Value>, Error> {
        (0..self.rows()).map(|row| self.json(column, row)).collect()
    }

    /// One row as a JSON object, columns in order of their names.
    pub fn row_json(&self, row: usize) -> Result<Value, Error> {
        let mut object = serde_json::Map::new();
        for name in self.schema.names() {
            object.insert(name.to_owned(), self.json(name, row)?);
        }
        Ok(Value::Object(object))
    }

    /// These columns, in this order. Errors: `NoColumn`.
    pub fn select<S: AsRef<str>>(&self, columns: &[S]) -> Result<Self, Error> {
        let mut fields = Vec::with_capacity(columns.len());
        let mut arrays = Vec::with_capacity(columns.len());
        for name in columns {
            fields.push(self.field(name.as_ref())?.clone());
            arrays.push(self.column(name.as_ref())?.clone());
        }
        Self::with_schema(Schema { fields }, arrays)
    }

    /// All columns but these; names that do not exist are ignored.
    pub fn without<S: AsRef<str>>(&self, columns: &[S]) -> Result<Self, Error> {
        let keep: Vec<&str> =
            self.schema.names().filter(|n| !columns.iter().any(|c| c.as_ref() == *n)).collect();
        self.select(&keep)
    }

    /// The table with one more column at the end, or with that column replaced in its place.
    pub fn with_column(&self, name: &str, array: ArrayRef) -> Result<Self, Error> {
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        for existing in self.schema.names() {
            columns.push((existing.to_owned(), self.column(existing)?.clone()));
        }
        match columns.iter_mut().find(|(n, _)| n == name) {
            Some(slot) => slot.1 = array,
            None => columns.push((name.to_owned(), array)),
        }
        let mut table = Self::new(columns)?;
        for field in &mut table.schema.fields {
            if let Some(before) = self.schema.field(&field.name).filter(|f| f.name != name) {
                field.nullable = before.nullable;
            }
        }
        let arrays = table.batch.columns().to_vec();
        Self::with_schema(table.schema, arrays)
    }

    /// The rows where `keep` is true; `keep` has one entry a row.
    pub fn filter(&self, keep: &[bool]) -> Result<Self, Error> {
        let batch = arrow::compute::filter_record_batch(&self.batch, &BooleanArray::from(keep.to_vec()))?;
        Ok(Self { schema: self.schema.clone(), batch })
    }

    /// These rows (from 0), in this order; a row may come more than once.
    pub fn take(&self, rows: &[usize]) -> Result<Self, Error> {
        let indices = arrow::array::UInt64Array::from_iter_values(rows.iter().map(|&r| r as u64));
        let batch = arrow::compute::take_record_batch(&self.batch, &indices)?;
        Ok(Self { schema: self.schema.clone(), batch })
    }

    /// Up to `length` rows from `offset` on; both are cut to what there is.
    pub fn slice(&self, offset: usize, length: usize) -> Self {
        let offset = offset.min(self.rows());
        let batch = self.batch.slice(offset, length.min(self.rows() - offset));
        Self { schema: self.schema.clone(), batch }
    }

    /// The rows of `tables` one after the other. Columns must have the same names in the same order; an
    /// integer column beside a float one becomes float, and a column is nullable if it is in any of them.
    pub fn concat(tables: &[Table]) -> Result<Self, Error> {
        let Some(first) = tables.first() else {
            return Self::with_schema(Schema::default(), Vec::new());
        };
        let mut fields = first.schema.fields.clone();
        for table in &tables[1..] {
            let names: Vec<&str> = table.schema.names().collect();
            if let Some(extra) = names.iter().find(|n| first.schema.field(n).is_none()) {
                return Err(Error::UnknownColumn {
                    file: "table".into(),
                    column: (*extra).to_owned(),
                    expected: first.schema.names().map(str::to_owned).collect(),
                });
            }
            for field in &mut fields {
                let other = table.field(&field.name)?;
                field.nullable |= other.nullable;
                if field.data_type != other.data_type {
                    if !(field.data_type.is_numeric() && other.data_type.is_numeric()) {
                        return Err(Error::TypeMismatch {
                            file: "table".into(),
                            column: field.name.clone(),
                            found: other.data_type.name().into(),
                            expected: field.data_type,
                        });
                    }
                    field.data_type = DataType::Float;
                }
            }
        }
        let mut arrays = Vec::with_capacity(fields.len());
        for field in &fields {
            let wanted = arrow_type(field.data_type);
            let parts = tables
                .iter()
                .map(|t| Ok(arrow::compute::cast(t.column(&field.name)?, &wanted)?))
                .collect::<Result<Vec<_>, Error>>()?;
            let refs: Vec<&dyn Array> = parts.iter().map(|a| a.as_ref()).collect();
            arrays.push(arrow::compute::concat(&refs)?);
        }
        Self::with_schema(Schema { fields }, arrays)
    }
}

pub(crate) fn arrow_schema(schema: &Schema) -> ArrowSchema {
    ArrowSchema::new(
        schema
            .fields
            .iter()
            .map(|f| ArrowField::new(&f.name, arrow_type(f.data_type), f.nullable))
            .collect::<Vec<_>>(),
    )
}

/// An array of `data_type` that holds only nulls.
pub(crate) fn null_array(data_type: DataType, rows: usize) -> ArrayRef {
    arrow::array::new_null_array(&arrow_type(data_type), rows)
}

pub(crate) fn float_text(value: f64) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity".into() } else { "-Infinity".into() }
    } else {
        value.to_string()
    }
}

fn text_at(array: &ArrayRef, data_type: DataType, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    Some(match data_type {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Integer => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float => float_text(array.as_primitive::<Float64Type>().value(row)),
        DataType::String => array.as_string::<i32>().value(row).to_owned(),
        DataType::Timestamp => {
            types::Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row)).rfc3339()
        }
        DataType::Date => array
            .as_primitive::<Date32Type>()
            .value_as_date(row)
            .map_or_else(String::new, |date| date.to_string()),
        DataType::Binary => {
            array.as_binary::<i32>().value(row).iter().map(|byte| format!("{byte:02x}")).collect()
        }
    })
}

/// Builders of columns from plain vectors.
pub mod column {
    use super::*;

    pub fn floats(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
        Arc::new(values.into_iter().collect::<Float64Array>())
    }

    pub fn integers(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
        Arc::new(values.into_iter().collect::<Int64Array>())
    }

    pub fn booleans(values: impl IntoIterator<Item = Option<bool>>) -> ArrayRef {
        Arc::new(values.into_iter().collect::<BooleanArray>())
    }

    pub fn strings<S: AsRef<str>>(values: impl IntoIterator<Item = Option<S>>) -> ArrayRef {
        Arc::new(values.into_iter().collect::<StringArray>())
    }

    pub fn timestamps(values: impl IntoIterator<Item = Option<types::Timestamp>>) -> ArrayRef {
        let array: TimestampMicrosecondArray = values.into_iter().map(|v| v.map(|t| t.0)).collect();
        Arc::new(array.with_timezone("UTC"))
    }

    pub fn dates(days: impl IntoIterator<Item = Option<i32>>) -> ArrayRef {
        Arc::new(days.into_iter().collect::<Date32Array>())
    }

    pub fn binary<B: AsRef<[u8]>>(values: impl IntoIterator<Item = Option<B>>) -> ArrayRef {
        Arc::new(values.into_iter().collect::<BinaryArray>())
    }
}
