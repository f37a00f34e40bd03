//! A table as rules about values see it: every column of one of a few kinds, with the name of its type kept.

mod cell;
mod dtype;
mod json;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch,
    StringArray, TimestampNanosecondArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType as ArrowType, Field, Float64Type, Int64Type, SchemaRef, TimeUnit, UInt64Type,
};

pub(crate) use cell::{Cell, Key, compare, json_equal, number};
pub(crate) use dtype::{Dtype, names};
pub(crate) use json::{numpy_time, time_text};

use json::zoned_text;
use serde_json::Value;

use crate::Error;

/// How values are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// As pandas does: NaN is a missing value, and integers with missing values are floats.
    Pandas,
    /// NaN is a value, and integers keep all their digits.
    Exact,
}

/// Columns of equal length, read for validation.
#[derive(Clone, Debug)]
pub struct Frame {
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
    rows: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub name: String,
    pub dtype: Dtype,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    Null,
    Bool(BooleanArray),
    Int(Int64Array),
    Float(Float64Array),
    Text(StringArray),
    /// Nanoseconds since 1970.
    Time(TimestampNanosecondArray),
    Day(Date32Array),
    Bytes(BinaryArray),
}

impl Frame {
    /// All rows of `batches`. `schema` may carry pandas' own metadata, which says what nullable types were meant.
    /// Errors: `Columns` where a column cannot be read.
    pub fn new(schema: &SchemaRef, batches: &[RecordBatch], reading: Reading) -> Result<Self, Error> {
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let pandas = dtype::pandas_types(schema);
        let mut columns = Vec::with_capacity(schema.fields().len());
        let mut by_name = HashMap::new();
        for (i, field) in schema.fields().iter().enumerate() {
            let parts: Vec<&dyn Array> = batches.iter().map(|b| b.column(i).as_ref()).collect();
            let array = if parts.is_empty() {
                arrow::array::new_empty_array(field.data_type())
            } else {
                arrow::compute::concat(&parts).map_err(columns::Error::from)?
            };
            let column = Column::of(field, &array, reading, pandas.get(field.name().as_str()))?;
            // Pandas' own index is no column.
            if reading == Reading::Pandas && field.name().starts_with("__index_level_") {
                continue;
            }
            by_name.entry(column.name.clone()).or_insert(columns.len());
            columns.push(column);
        }
        Ok(Self { columns, by_name, rows })
    }

    pub fn of_table(table: &columns::Table, reading: Reading) -> Result<Self, Error> {
        let batch = table.batch();
        Self::new(&batch.schema(), std::slice::from_ref(batch), reading)
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|c| c.name.as_str())
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Column> {
        self.by_name.get(name).map(|&i| &self.columns[i])
    }

    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn at(&self, place: usize) -> &Column {
        &self.columns[place]
    }

    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }
}

impl Column {
    fn of(field: &Field, array: &ArrayRef, reading: Reading, pandas: Option<&String>) -> Result<Self, Error> {
        let dtype = Dtype::of(array, reading, pandas.map(String::as_str));
        let name = field.name().clone();
        let data = data(array, &dtype, reading)?;
        Ok(Self { name, dtype, data })
    }

    pub fn get(&self, row: usize) -> Cell<'_> {
        match &self.data {
            Data::Null => Cell::Null,
            Data::Bool(a) if a.is_valid(row) => Cell::Bool(a.value(row)),
            Data::Int(a) if a.is_valid(row) => Cell::Int(a.value(row)),
            Data::Float(a) if a.is_valid(row) => Cell::Float(a.value(row)),
            Data::Text(a) if a.is_valid(row) => Cell::Text(a.value(row)),
            Data::Time(a) if a.is_valid(row) => Cell::Time(a.value(row)),
            Data::Day(a) if a.is_valid(row) => Cell::Day(a.value(row)),
            Data::Bytes(a) if a.is_valid(row) => Cell::Bytes(a.value(row)),
            _ => Cell::Null,
        }
    }

    /// A value of the column as results show it: a missing time is pandas' NaT, and a time of a zone has its offset.
    pub fn shown(&self, cell: Cell<'_>) -> Value {
        match (cell, &self.dtype) {
            (Cell::Null, dtype) if dtype.is_time() => "NaT".into(),
            (Cell::Time(at), Dtype::Zoned(name)) => zoned_text(at, name).into(),
            _ => cell.json(),
        }
    }

    pub fn is_null(&self, row: usize) -> bool {
        match &self.data {
            Data::Null => true,
            Data::Bool(a) => a.is_null(row),
            Data::Int(a) => a.is_null(row),
            Data::Float(a) => a.is_null(row),
            Data::Text(a) => a.is_null(row),
            Data::Time(a) => a.is_null(row),
            Data::Day(a) => a.is_null(row),
            Data::Bytes(a) => a.is_null(row),
        }
    }
}

fn data(array: &ArrayRef, dtype: &Dtype, reading: Reading) -> Result<Data, Error> {
    let cast = |wanted: &ArrowType| {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        cast_with_options(array, wanted, &options).map_err(columns::Error::from)
    };
    Ok(match array.data_type() {
        ArrowType::Null => Data::Null,
        ArrowType::Boolean => Data::Bool(array.as_boolean().clone()),
        ArrowType::UInt64
            if array.as_primitive::<UInt64Type>().iter().flatten().any(|v| v > i64::MAX as u64) =>
        {
            Data::Float(cast(&ArrowType::Float64)?.as_primitive::<Float64Type>().clone())
        }
        t if t.is_integer() && dtype.is_float() => {
            Data::Float(cast(&ArrowType::Float64)?.as_primitive::<Float64Type>().clone())
        }
        t if t.is_integer() => Data::Int(cast(&ArrowType::Int64)?.as_primitive::<Int64Type>().clone()),
        t if t.is_floating() || is_decimal(t) => {
            let wide = cast(&ArrowType::Float64)?;
            let floats = wide.as_primitive::<Float64Type>();
            if reading == Reading::Pandas && floats.iter().any(|v| v.is_some_and(f64::is_nan)) {
                Data::Float(floats.iter().map(|v| v.filter(|v| !v.is_nan())).collect())
            } else {
                Data::Float(floats.clone())
            }
        }
        ArrowType::Timestamp(..) => {
            // The far past and future do not fit into nanoseconds: missing, as in pandas.
            let nanos = cast_with_options(
                array,
                &ArrowType::Timestamp(TimeUnit::Nanosecond, None),
                &CastOptions::default(),
            )
            .map_err(columns::Error::from)?;
            Data::Time(nanos.as_primitive::<arrow::datatypes::TimestampNanosecondType>().clone())
        }
        ArrowType::Date32 | ArrowType::Date64 => {
            Data::Day(cast(&ArrowType::Date32)?.as_primitive::<arrow::datatypes::Date32Type>().clone())
        }
        ArrowType::Binary
        | ArrowType::LargeBinary
        | ArrowType::BinaryView
        | ArrowType::FixedSizeBinary(_) => Data::Bytes(cast(&ArrowType::Binary)?.as_binary::<i32>().clone()),
        ArrowType::Utf8 => Data::Text(array.as_string::<i32>().clone()),
        ArrowType::LargeUtf8 | ArrowType::Utf8View => {
            Data::Text(cast(&ArrowType::Utf8)?.as_string::<i32>().clone())
        }
        ArrowType::Dictionary(_, value) => {
            let plain = cast(value)?;
            return data(&plain, dtype, reading);
        }
        _ => {
            let options = arrow::util::display::FormatOptions::default();
            let shown = arrow::util::display::ArrayFormatter::try_new(array.as_ref(), &options)
                .map_err(columns::Error::from)?;
            let text = |row: usize| array.is_valid(row).then(|| shown.value(row).to_string());
            Data::Text((0..array.len()).map(text).collect())
        }
    })
}

fn is_decimal(t: &ArrowType) -> bool {
    matches!(
        t,
        ArrowType::Decimal32(..)
            | ArrowType::Decimal64(..)
            | ArrowType::Decimal128(..)
            | ArrowType::Decimal256(..)
    )
}

/// Frames are shared between the rules and the report.
pub type Shared = Arc<Frame>;
