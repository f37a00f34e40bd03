//! Names of types, as pandas has them: rules about types are written with these.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType as ArrowType, SchemaRef, TimeUnit};

use super::{Cell, Reading};

/// The type of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dtype {
    /// A NumPy type: `int64`, `float32`, `bool`, `datetime64[ns]`, …
    Numpy(String),
    /// Values are objects of any kind (texts, days, truth values with missing ones).
    Object,
    /// `datetime64[ns, UTC]`.
    Zoned(String),
    /// A nullable type: `Int64`, `boolean`, `string`.
    Extension(String),
    Category,
}

impl Dtype {
    pub fn of(array: &ArrayRef, reading: Reading, pandas: Option<&str>) -> Self {
        let missing = array.null_count() > 0;
        let extension = pandas.filter(|p| {
            p.starts_with(|c: char| c.is_ascii_uppercase()) || matches!(*p, "boolean" | "string")
        });
        match array.data_type() {
            ArrowType::Dictionary(..) => return Self::Category,
            t if extension.is_some() && (t.is_numeric() || *t == ArrowType::Boolean || is_text(t)) => {
                return Self::Extension(extension.unwrap_or_default().to_owned());
            }
            _ => {}
        }
        match array.data_type() {
            ArrowType::Boolean if !missing => Self::Numpy("bool".into()),
            t if t.is_integer() => {
                let wide = missing && reading == Reading::Pandas;
                Self::Numpy(if wide { "float64".into() } else { t.to_string().to_lowercase() })
            }
            ArrowType::Float16 => Self::Numpy("float16".into()),
            ArrowType::Float32 => Self::Numpy("float32".into()),
            ArrowType::Float64 => Self::Numpy("float64".into()),
            ArrowType::Timestamp(unit, None) => Self::Numpy(format!("datetime64[{}]", unit_name(unit))),
            ArrowType::Timestamp(unit, Some(zone)) => {
                Self::Zoned(format!("datetime64[{}, {zone}]", unit_name(unit)))
            }
            ArrowType::Duration(unit) => Self::Numpy(format!("timedelta64[{}]", unit_name(unit))),
            _ => Self::Object,
        }
    }

    pub fn is_object(&self) -> bool {
        *self == Self::Object
    }

    pub fn is_bool(&self) -> bool {
        matches!(self, Self::Numpy(n) if n == "bool") || matches!(self, Self::Extension(n) if n == "boolean")
    }

    pub fn is_float(&self) -> bool {
        matches!(self, Self::Numpy(n) if n.starts_with("float"))
    }

    pub fn is_time(&self) -> bool {
        matches!(self, Self::Zoned(_)) || matches!(self, Self::Numpy(n) if n.starts_with("datetime"))
    }

    /// Integers of 64 bits and floats of 64 bits compare as whole columns, others value by value.
    pub fn is_wide(&self) -> bool {
        matches!(self, Self::Numpy(n) if n == "int64" || n == "float64")
    }

    pub fn is_single(&self) -> bool {
        matches!(self, Self::Numpy(n) if n == "float32")
    }

    /// `str(dtype)`.
    pub fn name(&self) -> &str {
        match self {
            Self::Numpy(n) | Self::Zoned(n) | Self::Extension(n) => n,
            Self::Object => "object",
            Self::Category => "category",
        }
    }

    /// `dtype.type.__name__`: the type of one value.
    pub fn scalar(&self) -> String {
        match self {
            Self::Numpy(n) => n.split('[').next().unwrap_or(n).to_owned(),
            Self::Object => "object_".into(),
            Self::Zoned(_) => "Timestamp".into(),
            Self::Category => "CategoricalDtypeType".into(),
            Self::Extension(n) if n == "string" => "str".into(),
            Self::Extension(n) if n == "boolean" => "bool".into(),
            Self::Extension(n) => n.to_lowercase(),
        }
    }
}

fn is_text(t: &ArrowType) -> bool {
    matches!(t, ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View)
}

fn unit_name(unit: &TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

/// What pandas wrote about the types of columns into the metadata of a file.
pub(crate) fn pandas_types(schema: &SchemaRef) -> HashMap<String, String> {
    let parsed = schema.metadata().get("pandas").and_then(|text| serde_json::from_str(text).ok());
    let meta: serde_json::Value = parsed.unwrap_or_default();
    let columns = meta["columns"].as_array().cloned().unwrap_or_default();
    let pair =
        |c: serde_json::Value| Some((c["name"].as_str()?.to_owned(), c["numpy_type"].as_str()?.to_owned()));
    columns.into_iter().filter_map(pair).collect()
}

/// The names under which types are asked for.
pub(crate) mod names {
    use super::{Cell, Dtype};

    /// The NumPy scalar type that `numpy.dtype(name).type` is; `None` where NumPy knows no such type.
    pub fn numpy(name: &str) -> Option<&'static str> {
        let bare = name.trim_start_matches(['<', '=', '|', '>']);
        Some(match bare {
            "bool" | "bool_" | "?" | "b1" => "bool",
            "int8" | "i1" | "byte" | "b" => "int8",
            "int16" | "i2" | "short" | "h" => "int16",
            "int32" | "i4" | "intc" | "i" => "int32",
            "int64" | "i8" | "int" | "int_" | "long" | "longlong" | "intp" | "l" | "q" | "p" => "int64",
            "uint8" | "u1" | "ubyte" | "B" => "uint8",
            "uint16" | "u2" | "ushort" | "H" => "uint16",
            "uint32" | "u4" | "uintc" | "I" => "uint32",
            "uint64" | "u8" | "uint" | "ulong" | "ulonglong" | "uintp" | "L" | "Q" | "P" => "uint64",
            "float16" | "f2" | "half" | "e" => "float16",
            "float32" | "f4" | "single" | "f" => "float32",
            "float64" | "f8" | "float" | "double" | "d" => "float64",
            "longdouble" | "g" | "float128" | "f16" => "longdouble",
            "complex64" | "c8" | "csingle" | "F" => "complex64",
            "complex128" | "c16" | "complex" | "cdouble" | "D" => "complex128",
            "str" | "str_" | "U" => "str_",
            "bytes" | "bytes_" | "S" | "a" => "bytes_",
            "object" | "object_" | "O" => "object_",
            "void" | "V" => "void",
            _ if matches!(bare, "datetime64" | "M" | "M8") || in_unit(bare, &["datetime64", "M8"]) => {
                "datetime64"
            }
            _ if matches!(bare, "timedelta64" | "m" | "m8") || in_unit(bare, &["timedelta64", "m8"]) => {
                "timedelta64"
            }
            _ if bare.strip_prefix('U').is_some_and(|n| n.parse::<u32>().is_ok()) => "str_",
            _ if bare.strip_prefix('S').is_some_and(|n| n.parse::<u32>().is_ok()) => "bytes_",
            _ => return None,
        })
    }

    fn in_unit(name: &str, heads: &[&str]) -> bool {
        let unit = |rest: &str| rest.strip_prefix('[').and_then(|r| r.strip_suffix(']')).map(str::to_owned);
        heads.iter().filter_map(|h| name.strip_prefix(h)).filter_map(unit).any(|u| {
            matches!(
                u.trim_start_matches(|c: char| c.is_ascii_digit()),
                "Y" | "M" | "W" | "D" | "h" | "m" | "s" | "ms" | "us" | "ns" | "ps" | "fs" | "as"
            )
        })
    }

    /// Whether pandas has a class of that name.
    pub fn pandas(name: &str) -> bool {
        const CLASSES: &[&str] = &[
            "ArrowDtype",
            "BooleanDtype",
            "Categorical",
            "CategoricalDtype",
            "CategoricalIndex",
            "DataFrame",
            "DateOffset",
            "DatetimeIndex",
            "DatetimeTZDtype",
            "ExcelFile",
            "ExcelWriter",
            "Flags",
            "Float32Dtype",
            "Float64Dtype",
            "Grouper",
            "HDFStore",
            "Index",
            "Int16Dtype",
            "Int32Dtype",
            "Int64Dtype",
            "Int8Dtype",
            "Interval",
            "IntervalDtype",
            "IntervalIndex",
            "MultiIndex",
            "NamedAgg",
            "Period",
            "PeriodDtype",
            "PeriodIndex",
            "RangeIndex",
            "Series",
            "SparseDtype",
            "StringDtype",
            "Timedelta",
            "TimedeltaIndex",
            "Timestamp",
            "UInt16Dtype",
            "UInt32Dtype",
            "UInt64Dtype",
            "UInt8Dtype",
            "ExtensionDtype",
            "PandasExtensionDtype",
            "NumpyEADtype",
            "BaseMaskedDtype",
            "CategoricalDtypeType",
            "StorageExtensionDtype",
        ];
        CLASSES.contains(&name)
    }

    /// Python's own class of that name.
    pub fn native(name: &str) -> Option<&'static str> {
        Some(match name.to_lowercase().as_str() {
            "none" => "NoneType",
            "bool" => "bool",
            "int" | "long" => "int",
            "float" => "float",
            "bytes" => "bytes",
            "complex" => "complex",
            "str" | "string_types" => "str",
            "list" => "list",
            "dict" => "dict",
            _ => return None,
        })
    }

    /// Whether any type of that name is known at all.
    pub fn known(name: &str) -> bool {
        numpy(name).is_some() || pandas(name) || native(name).is_some()
    }

    /// Whether a value of an object column is an instance of the type of that name.
    pub fn is_instance(cell: Cell<'_>, name: &str) -> bool {
        match (cell, native(name)) {
            (Cell::Text(_), Some(n)) => n == "str",
            (Cell::Bool(_), Some(n)) => n == "bool" || n == "int",
            (Cell::Int(_), Some(n)) => n == "int",
            (Cell::Float(_), Some(n)) => n == "float",
            (Cell::Bytes(_), Some(n)) => n == "bytes",
            _ => false,
        }
    }

    /// Whether the type of a column is the one of that name, for columns that are no objects.
    pub fn is_column_type(dtype: &Dtype, name: &str) -> bool {
        let scalar = dtype.scalar();
        if numpy(name).is_some_and(|n| n == scalar) {
            return true;
        }
        match dtype {
            Dtype::Zoned(_) => name == "Timestamp",
            Dtype::Category => name == "CategoricalDtypeType",
            Dtype::Extension(n) if n == "string" => native(name) == Some("str"),
            _ => false,
        }
    }
}
