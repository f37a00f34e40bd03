//! One column, as rules about values see it.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray,
    TimestampNanosecondArray, UInt32Array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::{
    DataType as ArrowType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType, UInt64Type,
};
use serde_json::Value;

use super::json::zoned_text;
use super::{Cell, Dtype, Reading};
use crate::Error;
use crate::texts::dates;

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
    /// Values of types that rules know nothing of, as text.
    Other(StringArray),
}

impl Column {
    /// `pandas` is the type that pandas wrote into the file.
    pub fn of(
        name: &str,
        array: &ArrayRef,
        reading: Reading,
        pandas: Option<&String>,
    ) -> Result<Self, Error> {
        let dtype = Dtype::of(array, reading, pandas.map(String::as_str));
        let data = data(array, &dtype, reading)?;
        Ok(Self { name: name.to_owned(), dtype, data })
    }

    /// A column without any value, which stands for one that could not be read.
    pub fn nothing(name: &str) -> Self {
        Self { name: name.to_owned(), dtype: Dtype::Object, data: Data::Null }
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
            Data::Other(a) if a.is_valid(row) => Cell::Other(a.value(row)),
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
            _ => self.nulls().is_some_and(|nulls| nulls.is_null(row)),
        }
    }

    /// Values that are missing among `rows`, which are all rows of the column.
    pub fn missing(&self, rows: usize) -> usize {
        match &self.data {
            Data::Null => rows,
            _ => self.nulls().map_or(0, NullBuffer::null_count),
        }
    }

    /// The values of a column of floats; those under a null of the second mean nothing.
    pub fn floats(&self) -> Option<(&[f64], Option<&NullBuffer>)> {
        match &self.data {
            Data::Float(a) => Some((a.values(), a.nulls())),
            _ => None,
        }
    }

    pub fn is_text(&self) -> bool {
        matches!(self.data, Data::Text(_))
    }

    /// A column of texts, read as times. Errors: a text that is none.
    pub fn as_times(&self) -> Result<Self, String> {
        let Data::Text(texts) = &self.data else { return Ok(self.clone()) };
        let time = |text: Option<&str>| {
            text.map(|text| dates::nanos(text).ok_or_else(|| format!("`{text}` is no time"))).transpose()
        };
        let times: Vec<Option<i64>> = texts.iter().map(time).collect::<Result<_, _>>()?;
        let dtype = Dtype::Numpy("datetime64[ns]".into());
        Ok(Self { name: self.name.clone(), dtype, data: Data::Time(times.into()) })
    }

    /// Whether its values are whole numbers or truth values.
    pub fn is_whole(&self) -> bool {
        matches!(self.data, Data::Int(_) | Data::Bool(_))
    }

    /// The column with these rows only, in this order.
    pub fn take(&self, rows: &[u32]) -> Self {
        let places = UInt32Array::from(rows.to_vec());
        let of = |array: &dyn Array| take(array, &places, None).ok();
        let data = match &self.data {
            Data::Null => None,
            Data::Bool(a) => of(a).map(|a| Data::Bool(a.as_boolean().clone())),
            Data::Int(a) => of(a).map(|a| Data::Int(a.as_primitive::<Int64Type>().clone())),
            Data::Float(a) => of(a).map(|a| Data::Float(a.as_primitive::<Float64Type>().clone())),
            Data::Text(a) => of(a).map(|a| Data::Text(a.as_string::<i32>().clone())),
            Data::Other(a) => of(a).map(|a| Data::Other(a.as_string::<i32>().clone())),
            Data::Time(a) => of(a).map(|a| Data::Time(a.as_primitive::<TimestampNanosecondType>().clone())),
            Data::Day(a) => of(a).map(|a| Data::Day(a.as_primitive::<Date32Type>().clone())),
            Data::Bytes(a) => of(a).map(|a| Data::Bytes(a.as_binary::<i32>().clone())),
        };
        Self { name: self.name.clone(), dtype: self.dtype.clone(), data: data.unwrap_or(Data::Null) }
    }

    fn nulls(&self) -> Option<&NullBuffer> {
        match &self.data {
            Data::Null => None,
            Data::Bool(a) => a.nulls(),
            Data::Int(a) => a.nulls(),
            Data::Float(a) => a.nulls(),
            Data::Text(a) | Data::Other(a) => a.nulls(),
            Data::Time(a) => a.nulls(),
            Data::Day(a) => a.nulls(),
            Data::Bytes(a) => a.nulls(),
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
            let floats = wide.as_primitive::<Float64Type>().clone();
            Data::Float(if reading == Reading::Pandas { without_nan(floats) } else { floats })
        }
        ArrowType::Timestamp(..) => {
            // The far past and future do not fit into nanoseconds: missing, as in pandas.
            let nanos = cast_with_options(
                array,
                &ArrowType::Timestamp(TimeUnit::Nanosecond, None),
                &CastOptions::default(),
            )
            .map_err(columns::Error::from)?;
            Data::Time(nanos.as_primitive::<TimestampNanosecondType>().clone())
        }
        ArrowType::Date32 | ArrowType::Date64 => {
            Data::Day(cast(&ArrowType::Date32)?.as_primitive::<Date32Type>().clone())
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
            Data::Other((0..array.len()).map(text).collect())
        }
    })
}

/// NaN as a missing value.
fn without_nan(floats: Float64Array) -> Float64Array {
    let values = floats.values();
    if !values.iter().any(|v| v.is_nan()) {
        return floats;
    }
    let numbers = NullBuffer::new(BooleanBuffer::collect_bool(values.len(), |i| !values[i].is_nan()));
    let nulls = NullBuffer::union(Some(&numbers), floats.nulls()).filter(|n| n.null_count() > 0);
    Float64Array::new(values.clone(), nulls)
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
