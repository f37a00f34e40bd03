//! What a cell of text may be, and building typed columns from cells.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::compute::kernels::cast_utils::{Parser, string_to_timestamp_nanos};
use arrow::datatypes::Date32Type;
use types::DataType;

use crate::error::{Error, Place, quote};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Boolean,
    Integer,
    Float,
    /// Digits that a number would not give back, for their leading zeros.
    Zeros,
    /// Digits of more than 64 bits.
    Code,
    Date,
    Timestamp,
    Text,
}

fn kind(text: &str) -> Kind {
    let text = text.trim_ascii();
    let Some(&first) = text.as_bytes().first() else {
        return Kind::Text;
    };
    match first {
        b'0'..=b'9' | b'-' | b'+' | b'.' => {
            let digits = text.trim_start_matches(['-', '+']);
            let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            if whole && text.parse::<i64>().is_err() {
                Kind::Code
            } else if whole && digits.len() > 1 && digits.starts_with('0') {
                Kind::Zeros
            } else if whole {
                Kind::Integer
            } else if text.parse::<f64>().is_ok() {
                Kind::Float
            } else if date(text).is_some() {
                Kind::Date
            } else if timestamp(text).is_some() {
                Kind::Timestamp
            } else {
                Kind::Text
            }
        }
        b't' | b'T' | b'f' | b'F' if boolean(text).is_some() => Kind::Boolean,
        b'n' | b'N' | b'i' | b'I' if text.parse::<f64>().is_ok() => Kind::Float,
        _ => Kind::Text,
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

fn date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    Date32Type::parse(text)
}

fn timestamp(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 16 || bytes[4] != b'-' || bytes[7] != b'-' || bytes[13] != b':' {
        return None;
    }
    string_to_timestamp_nanos(text).ok().map(|nanos| nanos.div_euclid(1_000))
}

/// Gathers what the cells of one column are, to say its type at the end.
#[derive(Default)]
pub(crate) struct Inference {
    counts: [u64; 8],
    nulls: u64,
    /// The first cell that is no number, for the message about mixed types.
    odd: Option<(Place, String)>,
}

impl Inference {
    pub fn see(&mut self, cell: &str, place: Place) {
        let kind = kind(cell);
        self.counts[kind as usize] += 1;
        if self.odd.is_none() && !matches!(kind, Kind::Integer | Kind::Float) {
            self.odd = Some((place, quote(cell)));
        }
    }

    pub fn see_null(&mut self) {
        self.nulls += 1;
    }

    pub fn nullable(&self) -> bool {
        self.nulls > 0
    }

    /// Like [`Inference::data_type`], where a mixture is text.
    pub fn data_type_or_text(self) -> DataType {
        self.data_type("", "").unwrap_or(DataType::String)
    }

    /// The type that pandas would infer: of days and times none, and of digits a number whatever they start with.
    pub fn data_type_of_pandas(mut self) -> DataType {
        let values: u64 = self.counts.iter().sum();
        if values == 0 {
            return DataType::Float;
        }
        let [zeros, days, times] = [Kind::Zeros, Kind::Date, Kind::Timestamp].map(|kind| kind as usize);
        self.counts[Kind::Integer as usize] += std::mem::take(&mut self.counts[zeros]);
        let texts = std::mem::take(&mut self.counts[days]) + std::mem::take(&mut self.counts[times]);
        self.counts[Kind::Text as usize] += texts;
        self.data_type_or_text()
    }

    /// The type that every cell has. A column of nulls alone is a string column. Where most cells are numbers
    /// and some are not, nobody can say what was meant: `MixedTypes`.
    pub fn data_type(self, file: &str, column: &str) -> Result<DataType, Error> {
        let n = |kind: Kind| self.counts[kind as usize];
        let values: u64 = self.counts.iter().sum();
        let numbers = n(Kind::Integer) + n(Kind::Float);
        if values == 0 {
            return Ok(DataType::String);
        }
        if numbers == values {
            return Ok(if n(Kind::Float) > 0 { DataType::Float } else { DataType::Integer });
        }
        if n(Kind::Boolean) == values {
            return Ok(DataType::Boolean);
        }
        if n(Kind::Date) == values {
            return Ok(DataType::Date);
        }
        if n(Kind::Date) + n(Kind::Timestamp) == values {
            return Ok(DataType::Timestamp);
        }
        if n(Kind::Code) + n(Kind::Zeros) + n(Kind::Integer) == values {
            return Ok(DataType::String);
        }
        if numbers * 2 > values
            && let Some((place, value)) = self.odd
        {
            let (file, column) = (file.to_owned(), column.to_owned());
            return Err(Error::MixedTypes { file, place, column, value, numbers, values });
        }
        Ok(DataType::String)
    }
}

/// A growing column of one type.
pub(crate) enum Builder {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Float(Float64Builder),
    String(StringBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Date(Date32Builder),
    Binary(BinaryBuilder),
}

impl Builder {
    pub fn new(data_type: DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Integer => Self::Integer(Int64Builder::new()),
            DataType::Float => Self::Float(Float64Builder::new()),
            DataType::String => Self::String(StringBuilder::new()),
            DataType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            DataType::Date => Self::Date(Date32Builder::new()),
            DataType::Binary => Self::Binary(BinaryBuilder::new()),
        }
    }

    pub fn push_null(&mut self) {
        match self {
            Self::Boolean(b) => b.append_null(),
            Self::Integer(b) => b.append_null(),
            Self::Float(b) => b.append_null(),
            Self::String(b) => b.append_null(),
            Self::Timestamp(b) => b.append_null(),
            Self::Date(b) => b.append_null(),
            Self::Binary(b) => b.append_null(),
        }
    }

    /// Parses `cell` as this column's type and appends it; false, and nothing appended, if it is none.
    #[must_use]
    pub fn push_text(&mut self, cell: &str) -> bool {
        let text = cell.trim_ascii();
        match self {
            Self::Boolean(b) => boolean(text).map(|v| b.append_value(v)).is_some(),
            Self::Integer(b) => text.parse().map(|v| b.append_value(v)).is_ok(),
            Self::Float(b) => text.parse().map(|v| b.append_value(v)).is_ok(),
            Self::String(b) => {
                b.append_value(cell);
                true
            }
            Self::Timestamp(b) => {
                let value = timestamp(text).or_else(|| date(text).map(|d| i64::from(d) * 86_400_000_000));
                value.map(|v| b.append_value(v)).is_some()
            }
            Self::Date(b) => date(text).map(|v| b.append_value(v)).is_some(),
            Self::Binary(b) => {
                b.append_value(cell);
                true
            }
        }
    }

    /// Like [`Builder::push_text`] for a JSON value that is not null.
    #[must_use]
    pub fn push_json(&mut self, value: &serde_json::Value) -> bool {
        match (self, value) {
            (Self::Boolean(b), serde_json::Value::Bool(v)) => b.append_value(*v),
            (Self::Integer(b), serde_json::Value::Number(v)) => match v.as_i64() {
                Some(v) => b.append_value(v),
                None => return false,
            },
            (Self::Float(b), serde_json::Value::Number(v)) => match v.as_f64() {
                Some(v) => b.append_value(v),
                None => return false,
            },
            (
                this @ (Self::String(_) | Self::Timestamp(_) | Self::Date(_) | Self::Binary(_)),
                serde_json::Value::String(v),
            ) => return this.push_text(v),
            _ => return false,
        }
        true
    }

    pub fn finish(self) -> ArrayRef {
        match self {
            Self::Boolean(mut b) => Arc::new(b.finish()),
            Self::Integer(mut b) => Arc::new(b.finish()),
            Self::Float(mut b) => Arc::new(b.finish()),
            Self::String(mut b) => Arc::new(b.finish()),
            Self::Timestamp(mut b) => Arc::new(b.finish()),
            Self::Date(mut b) => Arc::new(b.finish()),
            Self::Binary(mut b) => Arc::new(b.finish()),
        }
    }
}
