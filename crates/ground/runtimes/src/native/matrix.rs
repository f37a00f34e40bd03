//! Values on their way through a model, with the type that numpy would give them: single and double precision round
//! differently, and a library's numbers are only met by rounding where it rounds.

use std::borrow::Cow;

use crate::Error;

/// A column's type, as far as it decides the type of what is computed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    /// Up to 32 bits.
    Integer,
    Long,
    Single,
    Double,
    Text,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    /// Missing ones are NaN.
    Numbers(Vec<f64>),
    Texts(Vec<Option<String>>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub kind: Kind,
    pub values: Values,
}

impl Series {
    pub(crate) fn numbers(&self) -> Option<&[f64]> {
        match &self.values {
            Values::Numbers(v) => Some(v),
            Values::Texts(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

/// Row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matrix {
    pub rows: usize,
    pub width: usize,
    pub data: Data,
}

/// What a step of a pipeline takes and gives.
#[derive(Clone, Debug)]
pub(crate) enum Block {
    Matrix(Matrix),
    Columns { rows: usize, columns: Vec<Series> },
}

impl Matrix {
    pub(crate) fn double(rows: usize, width: usize, data: Vec<f64>) -> Self {
        Self { rows, width, data: Data::Double(data) }
    }

    pub(crate) fn is_single(&self) -> bool {
        matches!(self.data, Data::Single(_))
    }

    pub(crate) fn get(&self, row: usize, column: usize) -> f64 {
        let at = row * self.width + column;
        match &self.data {
            Data::Single(v) => f64::from(v[at]),
            Data::Double(v) => v[at],
        }
    }

    /// As numpy's `astype(float32)`.
    pub(crate) fn singles(&self) -> Cow<'_, [f32]> {
        match &self.data {
            Data::Single(v) => Cow::Borrowed(v),
            Data::Double(v) => Cow::Owned(v.iter().map(|x| *x as f32).collect()),
        }
    }

    /// The matrix as numpy's `astype(float32)` makes it.
    pub(crate) fn into_single(self) -> Self {
        let data = match self.data {
            Data::Single(v) => v,
            Data::Double(v) => v.into_iter().map(|x| x as f32).collect(),
        };
        Self { data: Data::Single(data), ..self }
    }

    pub(crate) fn into_double(self) -> Self {
        let data = match self.data {
            Data::Double(v) => v,
            Data::Single(v) => v.into_iter().map(f64::from).collect(),
        };
        Self { data: Data::Double(data), ..self }
    }

    pub(crate) fn doubles(&self) -> Cow<'_, [f64]> {
        match &self.data {
            Data::Single(v) => Cow::Owned(v.iter().map(|x| f64::from(*x)).collect()),
            Data::Double(v) => Cow::Borrowed(v),
        }
    }

    /// Every value through `f(column, value)`, rounded to the matrix' type afterwards. One operation of IEEE
    /// arithmetic a call: computed in double and rounded to single it is what single would give.
    pub(crate) fn map(&mut self, f: impl Fn(usize, f64) -> f64) {
        let width = self.width.max(1);
        match &mut self.data {
            Data::Single(v) => {
                for row in v.chunks_exact_mut(width) {
                    for (column, x) in row.iter_mut().enumerate() {
                        *x = f(column, f64::from(*x)) as f32;
                    }
                }
            }
            Data::Double(v) => {
                for row in v.chunks_exact_mut(width) {
                    for (column, x) in row.iter_mut().enumerate() {
                        *x = f(column, *x);
                    }
                }
            }
        }
    }

    /// Columns side by side, in the given order.
    pub(crate) fn select(&self, columns: &[usize]) -> Self {
        fn pick<T: Copy>(v: &[T], rows: usize, width: usize, columns: &[usize]) -> Vec<T> {
            let mut out = Vec::with_capacity(rows * columns.len());
            for row in v.chunks_exact(width.max(1)).take(rows) {
                out.extend(columns.iter().map(|c| row[*c]));
            }
            out
        }
        let data = match &self.data {
            Data::Single(v) => Data::Single(pick(v, self.rows, self.width, columns)),
            Data::Double(v) => Data::Double(pick(v, self.rows, self.width, columns)),
        };
        Self { rows: self.rows, width: columns.len(), data }
    }

    /// numpy's `hstack`: double if one part is.
    pub(crate) fn beside(rows: usize, parts: &[Matrix]) -> Self {
        let width = parts.iter().map(|p| p.width).sum();
        let single = !parts.is_empty() && parts.iter().all(Matrix::is_single);
        let data = if single {
            let views: Vec<(usize, Cow<'_, [f32]>)> = parts.iter().map(|p| (p.width, p.singles())).collect();
            Data::Single(rows_of(rows, width, &views))
        } else {
            let views: Vec<(usize, Cow<'_, [f64]>)> = parts.iter().map(|p| (p.width, p.doubles())).collect();
            Data::Double(rows_of(rows, width, &views))
        };
        Self { rows, width, data }
    }

    /// Errs as scikit-learn does on values that `taker` cannot use: NaN (unless allowed) and infinity.
    pub(crate) fn finite(&self, taker: &str, nan_allowed: bool) -> Result<(), Error> {
        let bad = match &self.data {
            Data::Single(v) => v.iter().position(|x| !(x.is_finite() || nan_allowed && x.is_nan())),
            Data::Double(v) => v.iter().position(|x| !(x.is_finite() || nan_allowed && x.is_nan())),
        };
        let Some(at) = bad else { return Ok(()) };
        let (row, column) = (at / self.width.max(1), at % self.width.max(1));
        let what = if self.get(row, column).is_nan() {
            format!("a missing value (NaN), which {taker} does not take")
        } else {
            "infinity or a value too large".to_owned()
        };
        Err(Error::Unfit(format!("row {row}, column {column}: the input contains {what}")))
    }
}

fn rows_of<T: Copy>(rows: usize, width: usize, views: &[(usize, Cow<'_, [T]>)]) -> Vec<T> {
    let mut out = Vec::with_capacity(rows * width);
    for row in 0..rows {
        for (w, view) in views {
            out.extend_from_slice(&view[row * w..(row + 1) * w]);
        }
    }
    out
}

impl Block {
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Matrix(m) => m.rows,
            Self::Columns { rows, .. } => *rows,
        }
    }

    pub(crate) fn width(&self) -> usize {
        match self {
            Self::Matrix(m) => m.width,
            Self::Columns { columns, .. } => columns.len(),
        }
    }

    /// numpy's common type of the columns; text is no number.
    pub(crate) fn matrix(self) -> Result<Matrix, Error> {
        let (rows, columns) = match self {
            Self::Matrix(matrix) => return Ok(matrix),
            Self::Columns { rows, columns } => (rows, columns),
        };
        let single = !columns.is_empty() && columns.iter().all(|c| c.kind == Kind::Single);
        let mut views = Vec::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            let Some(numbers) = column.numbers() else {
                return Err(Error::Unfit(format!("column {index} is text; the model takes a number")));
            };
            views.push(numbers);
        }
        let width = columns.len();
        let each = (0..rows).flat_map(|row| views.iter().map(move |v| v[row]));
        let data = if single {
            Data::Single(each.map(|x| x as f32).collect())
        } else {
            Data::Double(each.collect())
        };
        Ok(Matrix { rows, width, data })
    }

    pub(crate) fn select(&self, wanted: &[usize]) -> Self {
        match self {
            Self::Matrix(m) => Self::Matrix(m.select(wanted)),
            Self::Columns { rows, columns } => {
                Self::Columns { rows: *rows, columns: wanted.iter().map(|i| columns[*i].clone()).collect() }
            }
        }
    }

    /// One column, as a series.
    pub(crate) fn series(&self, column: usize) -> Cow<'_, Series> {
        match self {
            Self::Columns { columns, .. } => Cow::Borrowed(&columns[column]),
            Self::Matrix(m) => Cow::Owned(Series {
                kind: if m.is_single() { Kind::Single } else { Kind::Double },
                values: Values::Numbers((0..m.rows).map(|row| m.get(row, column)).collect()),
            }),
        }
    }
}
