//! What native models give.

use super::matrix::Block;
use super::skops::{Array, Item, Object, npy};
use crate::{ElementType, Error, TensorData};

/// An output: `[n]`, or `[n, width]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    pub name: &'static str,
    pub element: ElementType,
    pub width: Option<usize>,
}

impl Output {
    pub(crate) fn column(name: &'static str, element: ElementType) -> Self {
        Self { name, element, width: None }
    }

    pub(crate) fn table(name: &'static str, element: ElementType, width: usize) -> Self {
        Self { name, element, width: Some(width) }
    }
}

/// A step that turns columns into columns.
pub(crate) trait Transform: Send + Sync {
    fn apply(&self, block: Block) -> Result<Block, Error>;

    /// Bytes of its large arrays in memory; of small ones nothing is said.
    fn held(&self) -> usize {
        0
    }
}

/// The last step. Outputs come in the order in which `outputs` names them; the first is what `predict` gives.
pub(crate) trait Predict: Send + Sync {
    fn outputs(&self) -> Vec<Output>;

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error>;

    /// Bytes of its large arrays in memory; of small ones nothing is said.
    fn held(&self) -> usize {
        0
    }
}

/// Bytes that the vector takes, without what its items point to.
pub(crate) fn bytes<T>(items: &Vec<T>) -> usize {
    items.capacity() * size_of::<T>()
}

/// The labels of a classifier, in the order of its scores.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Classes {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Booleans(Vec<bool>),
    Texts(Vec<String>),
}

impl Classes {
    pub(crate) fn read(object: &Object<'_>) -> Result<Self, Error> {
        let classes = match object.array()? {
            Array::Plain(array) => match array.data {
                npy::Data::I64(v) => Self::Integers(v),
                npy::Data::U64(v) => Self::Integers(v.into_iter().map(|x| x as i64).collect()),
                npy::Data::F64(v) => Self::Floats(v),
                npy::Data::F32(v) => Self::Floats(v.into_iter().map(f64::from).collect()),
                npy::Data::Boolean(v) => Self::Booleans(v),
                npy::Data::Text(v) => Self::Texts(v),
                npy::Data::Records(_) => return Err(object.broken("holds no labels")),
            },
            Array::Objects { items, .. } => Self::Texts(
                items
                    .into_iter()
                    .map(|i| match i {
                        Some(Item::Text(t)) => Ok(t),
                        _ => Err(object.unsupported("labels of mixed types")),
                    })
                    .collect::<Result<_, _>>()?,
            ),
        };
        if classes.len() == 0 {
            return Err(object.broken("is empty"));
        }
        Ok(classes)
    }

    pub(crate) fn range(count: usize) -> Self {
        Self::Integers((0..count as i64).collect())
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Integers(v) => v.len(),
            Self::Floats(v) => v.len(),
            Self::Booleans(v) => v.len(),
            Self::Texts(v) => v.len(),
        }
    }

    /// Whether the label at `index` is the label at `at` of `other`.
    pub(crate) fn same(&self, index: usize, other: &Self, at: usize) -> bool {
        match (self, other) {
            (Self::Integers(a), Self::Integers(b)) => a[index] == b[at],
            (Self::Floats(a), Self::Floats(b)) => a[index] == b[at],
            (Self::Booleans(a), Self::Booleans(b)) => a[index] == b[at],
            (Self::Texts(a), Self::Texts(b)) => a[index] == b[at],
            // An ensemble numbers its labels, and a member may hold the numbers as floats.
            (Self::Integers(a), Self::Floats(b)) => a[index] as f64 == b[at],
            _ => false,
        }
    }

    /// Predicted labels as indices; `None` if one is no label of these.
    pub(crate) fn indices(&self, labels: &TensorData) -> Option<Vec<usize>> {
        match (self, labels) {
            (Self::Integers(c), TensorData::I64(v)) => {
                v.iter().map(|x| c.iter().position(|y| y == x)).collect()
            }
            (Self::Integers(c), TensorData::F64(v)) => {
                v.iter().map(|x| c.iter().position(|y| *y as f64 == *x)).collect()
            }
            (Self::Floats(c), TensorData::F64(v)) => {
                v.iter().map(|x| c.iter().position(|y| y == x)).collect()
            }
            (Self::Booleans(c), TensorData::Bool(v)) => {
                v.iter().map(|x| c.iter().position(|y| y == x)).collect()
            }
            (Self::Texts(c), TensorData::Bytes(v)) => {
                v.iter().map(|x| c.iter().position(|y| y.as_bytes() == x.as_slice())).collect()
            }
            _ => None,
        }
    }

    pub(crate) fn element(&self) -> ElementType {
        match self {
            Self::Integers(_) => ElementType::I64,
            Self::Floats(_) => ElementType::F64,
            Self::Booleans(_) => ElementType::Bool,
            Self::Texts(_) => ElementType::Bytes,
        }
    }

    /// The labels at `indices`, which are below [`Classes::len`].
    pub(crate) fn take(&self, indices: impl Iterator<Item = usize>) -> TensorData {
        match self {
            Self::Integers(v) => TensorData::I64(indices.map(|i| v[i]).collect()),
            Self::Floats(v) => TensorData::F64(indices.map(|i| v[i]).collect()),
            Self::Booleans(v) => TensorData::Bool(indices.map(|i| v[i]).collect()),
            Self::Texts(v) => TensorData::Bytes(indices.map(|i| v[i].as_bytes().to_vec()).collect()),
        }
    }
}

/// numpy's `argmax`: the first of the largest; a NaN is larger than all.
pub(crate) fn argmax<T: PartialOrd + Copy>(row: &[T]) -> usize {
    let mut best = 0;
    for (i, x) in row.iter().enumerate() {
        if x.partial_cmp(x).is_none() {
            return i;
        }
        if *x > row[best] {
            best = i;
        }
    }
    best
}

/// `1 / (1 + e^-x)` as `scipy.special.expit` computes it, without overflow.
pub(crate) fn expit(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// scikit-learn's `softmax`: each row less its largest value, exponentiated, divided by the sum.
pub(crate) fn softmax(row: &mut [f64]) {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for x in row.iter_mut() {
        *x = (*x - largest).exp();
        sum += *x;
    }
    for x in row.iter_mut() {
        *x /= sum;
    }
}
