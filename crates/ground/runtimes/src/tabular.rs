//! Models over named columns. One 2-D numeric input takes the columns side by side in the signature's order;
//! several inputs take one column each, by name. Outputs come back as columns: `[n]` and `[n, 1]` under the
//! output's name, `[n, k]` as `<name>_0` … `<name>_<k-1>`.

use std::sync::Arc;

use crate::cell::{Cell, boolean, cell, float, integer, narrow, text, text_or_missing};
use crate::mlmodel::{ColumnSpec, ColumnType, InputSchema};
use crate::model::names;
use crate::outputs::strided;
pub use crate::outputs::{score, scores_by_class, to_frame};
use crate::{ElementType, Error, Model, Tensor, TensorData, TensorSpec};

/// A column's values. A missing float is NaN.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    Float(Vec<f64>),
    Integer(Vec<Option<i64>>),
    Boolean(Vec<Option<bool>>),
    Text(Vec<Option<String>>),
}

impl Values {
    pub fn len(&self) -> usize {
        match self {
            Self::Float(v) => v.len(),
            Self::Integer(v) => v.len(),
            Self::Boolean(v) => v.len(),
            Self::Text(v) => v.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value as a number; missing values are NaN, text has none.
    pub fn number(&self, row: usize) -> Option<f64> {
        Some(match self {
            Self::Float(v) => *v.get(row)?,
            Self::Integer(v) => v.get(row)?.map_or(f64::NAN, |x| x as f64),
            Self::Boolean(v) => v.get(row)?.map_or(f64::NAN, |x| f64::from(u8::from(x))),
            Self::Text(v) => return if v.get(row)?.is_none() { Some(f64::NAN) } else { None },
        })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Shared: a request's columns are those of its model.
    pub name: Arc<str>,
    pub values: Values,
}

/// Columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    pub columns: Vec<Column>,
    pub rows: usize,
}

impl Frame {
    /// Errs when the columns differ in length.
    pub fn new(columns: Vec<Column>) -> Result<Self, Error> {
        let rows = columns.first().map_or(0, |c| c.values.len());
        for column in &columns {
            if column.values.len() != rows {
                return Err(Error::RaggedColumns {
                    column: column.name.to_string(),
                    expected: rows,
                    actual: column.values.len(),
                });
            }
        }
        Ok(Self { columns, rows })
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| *c.name == *name)
    }

    /// [`Frame::column`], looked for at its expected place first.
    pub fn column_near(&self, place: usize, name: &str) -> Option<&Column> {
        self.columns.get(place).filter(|c| *c.name == *name).or_else(|| self.column(name))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|c| &*c.name)
    }
}

enum Layout {
    /// All columns in one input `[n, width]`.
    Matrix { input: TensorSpec },
    /// One input per column, `[n]` or `[n, 1]`, in the order of `columns`.
    PerColumn { inputs: Vec<TensorSpec> },
}

/// A model with the names of its columns.
pub struct Tabular {
    model: Arc<dyn Model>,
    layout: Layout,
    columns: Vec<ColumnSpec>,
    /// Of `columns`.
    names: Vec<Arc<str>>,
    /// Whether the names come from a signature; otherwise columns are taken by position.
    named: bool,
}

impl Tabular {
    /// Errs when the model's inputs have no tabular form, or differ in number from the signature's columns.
    pub fn new(model: Arc<dyn Model>, schema: &InputSchema) -> Result<Self, Error> {
        let inputs = model.inputs().to_vec();
        let single = match inputs.as_slice() {
            [only] if only.shape.len() == 2 && only.shape[1] != 1 => Some(only.clone()),
            [only] if only.shape.len() == 2 && columns_of(schema).is_none_or(|c| c.len() > 1) => {
                Some(only.clone())
            }
            _ => None,
        };
        if let Some(input) = single {
            if input.element == ElementType::Bytes && matches!(schema, InputSchema::Unknown) {
                return Err(Error::NotTabular(
                    "its text input needs a signature that names the columns".into(),
                ));
            }
            return Self::matrix(model, input, schema);
        }
        let named = columns_of(schema);
        let mut ordered = Vec::new();
        let mut columns = Vec::new();
        for input in &inputs {
            let column_like = matches!(input.shape.as_slice(), [_] | [_, 1] | [_, -1]);
            if !column_like {
                return Err(Error::NotTabular(format!(
                    "input `{}` has shape {}",
                    input.name,
                    crate::model::shape_text(&input.shape)
                )));
            }
            if named.is_none() {
                columns.push(implied(&input.name, input.element));
                ordered.push(input.clone());
            }
        }
        if let Some(specs) = named {
            for spec in &specs {
                let input = inputs
                    .iter()
                    .find(|i| i.name == spec.name || same_word(&i.name, &spec.name))
                    .or_else(|| if inputs.len() == 1 && specs.len() == 1 { inputs.first() } else { None });
                // A signature may list columns that the model does not use.
                if let Some(input) = input {
                    columns.push(spec.clone());
                    ordered.push(input.clone());
                }
            }
            if let Some(unfed) = inputs.iter().find(|i| !ordered.iter().any(|o| o.name == i.name)) {
                return Err(Error::NotTabular(format!(
                    "input `{}` is no column of the signature ({})",
                    unfed.name,
                    names(specs.iter().map(|s| s.name.as_str()))
                )));
            }
        }
        Ok(Self::of(model, Layout::PerColumn { inputs: ordered }, columns, true))
    }

    fn matrix(model: Arc<dyn Model>, input: TensorSpec, schema: &InputSchema) -> Result<Self, Error> {
        let width = usize::try_from(input.shape[1]).ok();
        let named = columns_of(schema);
        let is_named = named.is_some();
        let columns = match (named, width) {
            (Some(columns), Some(width)) if columns.len() != width => {
                return Err(Error::NotTabular(format!(
                    "its signature has {} columns, its input `{}` takes {width}",
                    columns.len(),
                    input.name
                )));
            }
            (Some(columns), _) => columns,
            (None, Some(width)) => (0..width).map(|i| implied(&format!("x{i}"), input.element)).collect(),
            (None, None) => match schema {
                InputSchema::Unnamed(types) => (0..types.len())
                    .map(|i| ColumnSpec { column_type: types[i], ..implied(&format!("x{i}"), input.element) })
                    .collect(),
                _ => {
                    return Err(Error::NotTabular(format!(
                        "input `{}` takes any number of columns, and there is no signature",
                        input.name
                    )));
                }
            },
        };
        Ok(Self::of(model, Layout::Matrix { input }, columns, is_named))
    }

    fn of(model: Arc<dyn Model>, layout: Layout, columns: Vec<ColumnSpec>, named: bool) -> Self {
        let names = columns.iter().map(|column| column.name.as_str().into()).collect();
        Self { model, layout, columns, names, named }
    }

    pub fn model(&self) -> &Arc<dyn Model> {
        &self.model
    }

    /// The columns that the model takes, in order; `x0`, `x1` … when nothing names them.
    pub fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    /// What the model takes a column's values as.
    pub fn element(&self, column: usize) -> Option<ElementType> {
        match &self.layout {
            Layout::Matrix { input } => Some(input.element),
            Layout::PerColumn { inputs } => inputs.get(column).map(|i| i.element),
        }
    }

    /// Whether columns are found by name (else by position).
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// Runs the model on rows that a warm-up needs: one row of zeros. The result is thrown away.
    pub fn warm_up(&self) -> Result<(), Error> {
        warm_up(self.model.as_ref())
    }

    /// Predicts; extra columns are ignored. Errs on missing columns, missing values where the model's type has
    /// none, values that the type cannot hold, and when there is no row.
    pub fn predict(&self, frame: &Frame) -> Result<Frame, Error> {
        let inputs = self.inputs(frame)?;
        let outputs = self.model.run(&inputs, &[])?;
        to_frame(&outputs, frame.rows)
    }

    /// The model's inputs made from columns.
    pub fn inputs(&self, frame: &Frame) -> Result<Vec<Tensor>, Error> {
        if frame.rows == 0 {
            return Err(Error::NoRows);
        }
        let found = self.resolve(frame)?;
        let rows = frame.rows as i64;
        let missing_text = self.model.takes_missing_text();
        match &self.layout {
            Layout::Matrix { input } => {
                let shape = vec![rows, self.columns.len() as i64];
                let data = interleave(input.element, &self.columns, &found, frame.rows, missing_text)?;
                Ok(vec![Tensor { name: input.name.clone(), shape, data }])
            }
            Layout::PerColumn { inputs } => inputs
                .iter()
                .zip(self.columns.iter().zip(&found))
                .map(|(input, (spec, values))| {
                    let shape = if input.shape.len() == 2 { vec![rows, 1] } else { vec![rows] };
                    let data = interleave(
                        input.element,
                        std::slice::from_ref(spec),
                        std::slice::from_ref(values),
                        frame.rows,
                        missing_text,
                    )?;
                    Ok(Tensor { name: input.name.clone(), shape, data })
                })
                .collect(),
        }
    }

    /// The columns that inputs which arrive as tensors stand for; `None` where they have no such form.
    pub fn columns_of(&self, tensors: &[Tensor]) -> Option<Frame> {
        match &self.layout {
            Layout::Matrix { input } => {
                let tensor = tensors.iter().find(|t| t.name == input.name)?;
                let width = tensor.width();
                if tensor.shape.len() != 2 || width != self.columns.len() {
                    return None;
                }
                let columns = (0..width).map(|i| Column {
                    name: Arc::clone(&self.names[i]),
                    values: strided(&tensor.data, i, width),
                });
                Frame::new(columns.collect()).ok()
            }
            Layout::PerColumn { inputs } => {
                let mut columns = Vec::with_capacity(inputs.len());
                for (input, name) in inputs.iter().zip(&self.names) {
                    let tensor = tensors.iter().find(|t| t.name == input.name)?;
                    columns.push(Column { name: Arc::clone(name), values: strided(&tensor.data, 0, 1) });
                }
                Frame::new(columns).ok()
            }
        }
    }

    fn resolve<'f>(&self, frame: &'f Frame) -> Result<Vec<Option<&'f Values>>, Error> {
        if !self.named {
            // Numbered columns may still be given by name.
            let by_name: Vec<_> =
                self.columns.iter().enumerate().map(|(at, c)| frame.column_near(at, &c.name)).collect();
            if by_name.iter().all(Option::is_some) {
                return Ok(by_name.into_iter().map(|c| c.map(|c| &c.values)).collect());
            }
            if frame.columns.len() != self.columns.len() {
                return Err(Error::ColumnCount { expected: self.columns.len(), actual: frame.columns.len() });
            }
            return Ok(frame.columns.iter().map(|c| Some(&c.values)).collect());
        }
        let mut found = Vec::with_capacity(self.columns.len());
        let mut missing = Vec::new();
        for (at, spec) in self.columns.iter().enumerate() {
            match frame.column_near(at, &spec.name) {
                Some(column) => found.push(Some(&column.values)),
                None if !spec.required => found.push(None),
                None => missing.push(spec.name.as_str()),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let unused: Vec<&str> =
            frame.names().filter(|n| !self.columns.iter().any(|c| c.name == *n)).collect();
        Err(Error::MissingColumns {
            missing: names(missing.into_iter()),
            extra: if unused.is_empty() { String::new() } else { names(unused.into_iter()) },
        })
    }
}

/// One run on zeros (one row), so that the first request does not pay for lazy initialisation.
pub fn warm_up(model: &dyn Model) -> Result<(), Error> {
    let inputs: Vec<Tensor> = model
        .inputs()
        .iter()
        .map(|spec| {
            let shape: Vec<i64> = spec.shape.iter().map(|n| if *n < 0 { 1 } else { *n }).collect();
            let count = shape.iter().map(|n| usize::try_from(*n).unwrap_or(0)).product();
            Tensor { name: spec.name.clone(), shape, data: TensorData::zeros(spec.element, count) }
        })
        .collect();
    model.run(&inputs, &[]).map(|_| ())
}

fn columns_of(schema: &InputSchema) -> Option<Vec<ColumnSpec>> {
    match schema {
        InputSchema::Columns(columns) => Some(columns.clone()),
        InputSchema::Tensors(tensors) if tensors.len() > 1 => Some(
            tensors
                .iter()
                .map(|(name, dtype, _)| ColumnSpec {
                    name: name.clone(),
                    column_type: numpy_type(dtype),
                    required: true,
                })
                .collect(),
        ),
        _ => None,
    }
}

fn numpy_type(dtype: &str) -> ColumnType {
    match dtype {
        "bool" => ColumnType::Boolean,
        "int8" | "int16" | "int32" | "uint8" | "uint16" => ColumnType::Integer,
        "int64" | "uint32" | "uint64" => ColumnType::Long,
        "float16" | "float32" => ColumnType::Float,
        "float64" => ColumnType::Double,
        _ => ColumnType::String,
    }
}

fn implied(name: &str, element: ElementType) -> ColumnSpec {
    let column_type = match element {
        ElementType::Bool => ColumnType::Boolean,
        ElementType::Bytes => ColumnType::String,
        ElementType::F64 => ColumnType::Double,
        ElementType::F16 | ElementType::Bf16 | ElementType::F32 => ColumnType::Float,
        ElementType::I64 | ElementType::U32 | ElementType::U64 => ColumnType::Long,
        _ => ColumnType::Integer,
    };
    ColumnSpec { name: name.to_owned(), column_type, required: true }
}

/// Converters replace characters that are not letters or digits by `_`.
fn same_word(input: &str, column: &str) -> bool {
    let plain = |c: char| if c.is_alphanumeric() { c } else { '_' };
    input.chars().map(plain).eq(column.chars().map(plain))
}

/// Columns side by side, row by row, as `element`.
fn interleave(
    element: ElementType,
    specs: &[ColumnSpec],
    columns: &[Option<&Values>],
    rows: usize,
    missing_text: bool,
) -> Result<TensorData, Error> {
    let count = rows * specs.len();
    macro_rules! numbers {
        ($variant:ident, $convert:expr) => {{
            let mut out = Vec::with_capacity(count);
            for row in 0..rows {
                for (spec, values) in specs.iter().zip(columns) {
                    let convert = $convert;
                    let value = cell(*values, row);
                    out.push(convert(&value).map_err(|message| Error::Cell {
                        column: spec.name.clone(),
                        row,
                        message,
                    })?);
                }
            }
            TensorData::$variant(out)
        }};
    }
    Ok(match element {
        ElementType::F32 => numbers!(F32, |c: &Cell<'_>| float(c).map(|x| x as f32)),
        ElementType::F64 => numbers!(F64, float),
        ElementType::F16 => numbers!(F16, |c: &Cell<'_>| float(c).map(half::f16::from_f64)),
        ElementType::Bf16 => numbers!(Bf16, |c: &Cell<'_>| float(c).map(half::bf16::from_f64)),
        ElementType::I64 => numbers!(I64, integer),
        ElementType::I32 => numbers!(I32, narrow::<i32>),
        ElementType::I16 => numbers!(I16, narrow::<i16>),
        ElementType::I8 => numbers!(I8, narrow::<i8>),
        ElementType::U64 => numbers!(U64, narrow::<u64>),
        ElementType::U32 => numbers!(U32, narrow::<u32>),
        ElementType::U16 => numbers!(U16, narrow::<u16>),
        ElementType::U8 => numbers!(U8, narrow::<u8>),
        ElementType::Bool => numbers!(Bool, boolean),
        ElementType::Bytes if missing_text => numbers!(Bytes, text_or_missing),
        ElementType::Bytes => numbers!(Bytes, text),
    })
}
