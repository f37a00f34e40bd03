use half::{bf16, f16};
use serde::{Deserialize, Serialize};

/// Stands for a missing value in a tensor of texts, for models that take it: no UTF-8 text is this byte.
pub const MISSING_TEXT: &[u8] = b"\xff";

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ElementType {
    Bool,
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    F16,
    Bf16,
    F32,
    F64,
    /// Text or raw bytes of any length.
    Bytes,
}

impl ElementType {
    /// numpy's word for it (`bytes` for [`ElementType::Bytes`]).
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::Bytes => "bytes",
        }
    }

    /// Bytes of one element; `None` for [`ElementType::Bytes`].
    pub fn width(self) -> Option<usize> {
        Some(match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
            Self::Bytes => return None,
        })
    }
}

/// Row-major values.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorData {
    Bool(Vec<bool>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bytes(Vec<Vec<u8>>),
}

/// Runs `$body` with `$v` bound to the vector, whatever its element type.
#[macro_export]
macro_rules! each_data {
    ($data:expr, $v:ident => $body:expr) => {
        match $data {
            $crate::TensorData::Bool($v) => $body,
            $crate::TensorData::U8($v) => $body,
            $crate::TensorData::U16($v) => $body,
            $crate::TensorData::U32($v) => $body,
            $crate::TensorData::U64($v) => $body,
            $crate::TensorData::I8($v) => $body,
            $crate::TensorData::I16($v) => $body,
            $crate::TensorData::I32($v) => $body,
            $crate::TensorData::I64($v) => $body,
            $crate::TensorData::F16($v) => $body,
            $crate::TensorData::Bf16($v) => $body,
            $crate::TensorData::F32($v) => $body,
            $crate::TensorData::F64($v) => $body,
            $crate::TensorData::Bytes($v) => $body,
        }
    };
}

impl TensorData {
    pub fn len(&self) -> usize {
        each_data!(self, v => v.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn element(&self) -> ElementType {
        match self {
            Self::Bool(_) => ElementType::Bool,
            Self::U8(_) => ElementType::U8,
            Self::U16(_) => ElementType::U16,
            Self::U32(_) => ElementType::U32,
            Self::U64(_) => ElementType::U64,
            Self::I8(_) => ElementType::I8,
            Self::I16(_) => ElementType::I16,
            Self::I32(_) => ElementType::I32,
            Self::I64(_) => ElementType::I64,
            Self::F16(_) => ElementType::F16,
            Self::Bf16(_) => ElementType::Bf16,
            Self::F32(_) => ElementType::F32,
            Self::F64(_) => ElementType::F64,
            Self::Bytes(_) => ElementType::Bytes,
        }
    }

    /// `count` zeros (empty texts) of type `element`.
    pub fn zeros(element: ElementType, count: usize) -> Self {
        match element {
            ElementType::Bool => Self::Bool(vec![false; count]),
            ElementType::U8 => Self::U8(vec![0; count]),
            ElementType::U16 => Self::U16(vec![0; count]),
            ElementType::U32 => Self::U32(vec![0; count]),
            ElementType::U64 => Self::U64(vec![0; count]),
            ElementType::I8 => Self::I8(vec![0; count]),
            ElementType::I16 => Self::I16(vec![0; count]),
            ElementType::I32 => Self::I32(vec![0; count]),
            ElementType::I64 => Self::I64(vec![0; count]),
            ElementType::F16 => Self::F16(vec![f16::ZERO; count]),
            ElementType::Bf16 => Self::Bf16(vec![bf16::ZERO; count]),
            ElementType::F32 => Self::F32(vec![0.0; count]),
            ElementType::F64 => Self::F64(vec![0.0; count]),
            ElementType::Bytes => Self::Bytes(vec![Vec::new(); count]),
        }
    }

    /// Every value as `f64`; `None` for bytes. 64-bit integers lose precision above 2^53.
    pub fn to_f64(&self) -> Option<Vec<f64>> {
        Some(match self {
            Self::Bool(v) => v.iter().map(|b| f64::from(u8::from(*b))).collect(),
            Self::U8(v) => v.iter().map(|x| f64::from(*x)).collect(),
            Self::U16(v) => v.iter().map(|x| f64::from(*x)).collect(),
            Self::U32(v) => v.iter().map(|x| f64::from(*x)).collect(),
            Self::U64(v) => v.iter().map(|x| *x as f64).collect(),
            Self::I8(v) => v.iter().map(|x| f64::from(*x)).collect(),
            Self::I16(v) => v.iter().map(|x| f64::from(*x)).collect(),
            Self::I32(v) => v.iter().map(|x| f64::from(*x)).collect(),
            Self::I64(v) => v.iter().map(|x| *x as f64).collect(),
            Self::F16(v) => v.iter().map(|x| x.to_f64()).collect(),
            Self::Bf16(v) => v.iter().map(|x| x.to_f64()).collect(),
            Self::F32(v) => v.iter().map(|x| f64::from(*x)).collect(),
            Self::F64(v) => v.clone(),
            Self::Bytes(_) => return None,
        })
    }
}

/// A named array. `shape` multiplies up to the number of values in `data`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub name: String,
    pub shape: Vec<i64>,
    pub data: TensorData,
}

impl Tensor {
    pub fn new(name: impl Into<String>, shape: impl Into<Vec<i64>>, data: TensorData) -> Self {
        Self { name: name.into(), shape: shape.into(), data }
    }

    pub fn element(&self) -> ElementType {
        self.data.element()
    }

    /// The first dimension; 1 for a scalar.
    pub fn rows(&self) -> usize {
        self.shape.first().map_or(1, |n| usize::try_from(*n).unwrap_or(0))
    }

    /// Values in one row: the product of the other dimensions.
    pub fn width(&self) -> usize {
        self.shape.iter().skip(1).map(|n| usize::try_from(*n).unwrap_or(0)).product()
    }
}
