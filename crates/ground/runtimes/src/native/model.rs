//! A native model as a [`Model`]: tensors in, tensors out.

use std::sync::Arc;

use super::matrix::{Block, Data, Kind, Matrix, Series, Values};
use super::outputs::Predict;
use super::skops::Skops;
use super::source::{Format, Source};
use super::{catboost, lightgbm, sklearn, xgboost};
use crate::mlmodel::{ColumnSpec, ColumnType, InputSchema};
use crate::model::{check_inputs, check_outputs, names};
use crate::tensor::MISSING_TEXT;
use crate::{ElementType, Error, Model, Tensor, TensorData, TensorSpec};

/// The input of a model whose columns are all numbers.
const MATRIX: &str = "X";

pub(crate) struct NativeModel {
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    /// By output here: its place among those of `predict`.
    order: Vec<usize>,
    /// By column.
    kinds: Vec<Kind>,
    /// One matrix in place of one input a column.
    matrix: bool,
    predict: Box<dyn Predict>,
    /// Bytes of its file.
    file: usize,
}

/// A model from the bytes of its file, and the columns that it takes.
///
/// `schema` is the signature's; with names it is put into the order in which the model was fitted.
/// Errors: `Broken` (the file is damaged or hostile), `Unsupported` (it would not be served exactly).
pub fn load(
    source: &Source,
    bytes: &[u8],
    schema: &InputSchema,
) -> Result<(Arc<dyn Model>, InputSchema), Error> {
    let (predict, known, count) = read(source, bytes, schema)?;
    let columns = columns(schema, known, count)?;
    let kinds: Vec<Kind> = columns.specs.iter().map(kind).collect::<Result<_, _>>()?;
    let matrix = !kinds.contains(&Kind::Text);
    let inputs = if matrix {
        let element = if kinds.iter().all(|k| *k == Kind::Single) && !kinds.is_empty() {
            ElementType::F32
        } else {
            ElementType::F64
        };
        let name = columns.matrix.clone().unwrap_or_else(|| MATRIX.to_owned());
        vec![TensorSpec { name, element, shape: vec![-1, kinds.len() as i64] }]
    } else {
        columns.specs.iter().zip(&kinds).map(|(spec, kind)| column_input(spec, *kind)).collect()
    };
    let given = predict.outputs();
    let mut order: Vec<usize> = (0..given.len()).collect();
    let Some(main) = given.iter().position(|o| o.name == source.method) else {
        return Err(Error::Unsupported(format!(
            "the method `{}` of this model; it has {}",
            source.method,
            names(given.iter().map(|o| o.name))
        )));
    };
    order.remove(main);
    order.insert(0, main);
    let outputs = order
        .iter()
        .map(|i| {
            let output = &given[*i];
            let mut shape = vec![-1];
            shape.extend(output.width.map(|w| w as i64));
            TensorSpec { name: output.name.to_owned(), element: output.element, shape }
        })
        .collect();
    let effective = columns.schema();
    Ok((
        Arc::new(NativeModel { inputs, outputs, order, kinds, matrix, predict, file: bytes.len() }),
        effective,
    ))
}

type Read = (Box<dyn Predict>, Option<Vec<String>>, Option<usize>);

/// The estimator, the names of its columns and their number, as far as the file tells.
fn read(source: &Source, bytes: &[u8], schema: &InputSchema) -> Result<Read, Error> {
    Ok(match source.format {
        Format::Skops => {
            let skops = Skops::open(bytes)?;
            let index = skops.index();
            let root = index.root()?;
            match root.library() {
                "lightgbm" => {
                    let kinds = kinds_of(schema);
                    let booster = lightgbm::from_skops_with(&root, kinds.as_deref())?;
                    let (names, count) = (booster.names.clone(), booster.columns());
                    (Box::new(booster), names, Some(count))
                }
                "xgboost" => (xgboost::from_skops(&root)?, None, None),
                _ => {
                    let (count, names) = sklearn::features(&root)?;
                    (sklearn::predictor(&root)?, names, count)
                }
            }
        }
        Format::XgBoost => {
            let wrapper = source.class.as_deref().map_or(xgboost::Wrapper::Booster, xgboost::Wrapper::of);
            let booster = xgboost::load(bytes, wrapper)?;
            let (names, count) = (booster.names.clone(), booster.columns());
            (Box::new(booster), names, Some(count))
        }
        Format::LightGbm => {
            let text = std::str::from_utf8(bytes)
                .map_err(|_| Error::Broken("the LightGBM model is not UTF-8".into()))?;
            let kinds = kinds_of(schema);
            let booster = lightgbm::load(text, kinds.as_deref())?;
            let (names, count) = (booster.names.clone(), booster.columns());
            (Box::new(booster), names, Some(count))
        }
        Format::CatBoost => {
            let kind = source.class.as_deref().and_then(|c| c.rsplit('.').next());
            let booster = catboost::load(bytes, kind)?;
            let (names, count) = (booster.names.clone(), booster.columns());
            (Box::new(booster), names, Some(count))
        }
    })
}

/// Columns as the signature and the model name them together.
struct Columns {
    specs: Vec<ColumnSpec>,
    named: bool,
    /// The name of the signature's only tensor.
    matrix: Option<String>,
}

impl Columns {
    fn schema(&self) -> InputSchema {
        if self.named {
            InputSchema::Columns(self.specs.clone())
        } else {
            InputSchema::Unnamed(self.specs.iter().map(|s| s.column_type).collect())
        }
    }
}

fn columns(schema: &InputSchema, known: Option<Vec<String>>, count: Option<usize>) -> Result<Columns, Error> {
    let expect = |actual: usize| match count.or(known.as_ref().map(Vec::len)) {
        Some(expected) if expected != actual => Err(Error::Unsupported(format!(
            "the signature has {actual} columns, the model {expected}, and their names do not say which"
        ))),
        _ => Ok(()),
    };
    match schema {
        InputSchema::Columns(specs) => {
            let find = |name: &String| specs.iter().find(|s| s.name == *name).cloned();
            // In the order in which the model was fitted; it may use fewer than the signature names.
            if let Some(ordered) = known.as_ref().and_then(|k| k.iter().map(find).collect::<Option<Vec<_>>>())
            {
                return Ok(Columns { specs: ordered, named: true, matrix: None });
            }
            expect(specs.len())?;
            Ok(Columns { specs: specs.clone(), named: true, matrix: None })
        }
        InputSchema::Unnamed(types) => {
            expect(types.len())?;
            let specs = types.iter().enumerate().map(|(i, t)| column(format!("x{i}"), *t)).collect();
            Ok(Columns { specs, named: false, matrix: None })
        }
        InputSchema::Tensors(tensors) => {
            let [(name, dtype, shape)] = tensors.as_slice() else {
                return Err(Error::Unsupported("a signature of several tensors".into()));
            };
            let width = shape.last().and_then(|w| usize::try_from(*w).ok()).or(count);
            let (Some(width), 2) = (width, shape.len()) else {
                return Err(Error::Unsupported(format!("a signature whose tensor has the shape {shape:?}")));
            };
            expect(width)?;
            let column_type = if dtype == "float32" { ColumnType::Float } else { ColumnType::Double };
            let specs = (0..width).map(|i| column(format!("x{i}"), column_type)).collect();
            let matrix = (!name.is_empty()).then(|| name.clone());
            Ok(Columns { specs, named: false, matrix })
        }
        InputSchema::Unknown => {
            if let Some(known) = known {
                let specs = known.into_iter().map(|n| column(n, ColumnType::Double)).collect();
                return Ok(Columns { specs, named: true, matrix: None });
            }
            let Some(count) = count else {
                return Err(Error::Unsupported("a model that does not say how many columns it takes".into()));
            };
            let specs = (0..count).map(|i| column(format!("x{i}"), ColumnType::Double)).collect();
            Ok(Columns { specs, named: false, matrix: None })
        }
    }
}

fn column(name: String, column_type: ColumnType) -> ColumnSpec {
    ColumnSpec { name, column_type, required: true }
}

fn kind(spec: &ColumnSpec) -> Result<Kind, Error> {
    Ok(match spec.column_type {
        ColumnType::Boolean => Kind::Boolean,
        ColumnType::Integer => Kind::Integer,
        ColumnType::Long => Kind::Long,
        ColumnType::Float => Kind::Single,
        ColumnType::Double => Kind::Double,
        ColumnType::String => Kind::Text,
        ColumnType::Binary | ColumnType::Datetime => {
            return Err(Error::Unsupported(format!(
                "the column `{}` of type {}",
                spec.name,
                spec.column_type.name()
            )));
        }
    })
}

fn kinds_of(schema: &InputSchema) -> Option<Vec<Kind>> {
    match schema {
        InputSchema::Columns(specs) => specs.iter().map(|s| kind(s).ok()).collect(),
        _ => None,
    }
}

fn column_input(spec: &ColumnSpec, kind: Kind) -> TensorSpec {
    let element = match kind {
        Kind::Boolean => ElementType::Bool,
        Kind::Integer => ElementType::I32,
        Kind::Long => ElementType::I64,
        Kind::Single => ElementType::F32,
        Kind::Double => ElementType::F64,
        Kind::Text => ElementType::Bytes,
    };
    TensorSpec { name: spec.name.clone(), element, shape: vec![-1] }
}

impl NativeModel {
    fn block(&self, ordered: &[&Tensor]) -> Result<Block, Error> {
        let rows = ordered.first().map_or(0, |t| t.rows());
        if !self.matrix {
            let mut columns = Vec::with_capacity(ordered.len());
            for (tensor, kind) in ordered.iter().zip(&self.kinds) {
                if tensor.rows() != rows {
                    return Err(Error::RaggedColumns {
                        column: tensor.name.clone(),
                        expected: rows,
                        actual: tensor.rows(),
                    });
                }
                columns.push(Series { kind: *kind, values: values(tensor)? });
            }
            return Ok(Block::Columns { rows, columns });
        }
        let width = self.kinds.len();
        let data = match ordered.first().map(|t| &t.data) {
            Some(TensorData::F32(v)) => Data::Single(v.clone()),
            Some(TensorData::F64(v)) => Data::Double(v.clone()),
            _ => return Err(Error::Run("the input is no matrix of floats".into())),
        };
        let matrix = Matrix { rows, width, data };
        // Where some columns are single and others are not, each keeps its own precision.
        let mixed = !matrix.is_single() && self.kinds.contains(&Kind::Single);
        if !mixed {
            return Ok(Block::Matrix(matrix));
        }
        let columns = self.kinds.iter().enumerate().map(|(at, kind)| {
            let column = (0..rows).map(|row| matrix.get(row, at));
            let column = match kind {
                Kind::Single => column.map(|x| f64::from(x as f32)).collect(),
                _ => column.collect(),
            };
            Series { kind: *kind, values: Values::Numbers(column) }
        });
        Ok(Block::Columns { rows, columns: columns.collect() })
    }
}

fn values(tensor: &Tensor) -> Result<Values, Error> {
    let TensorData::Bytes(texts) = &tensor.data else {
        let numbers = tensor.data.to_f64().unwrap_or_default();
        return Ok(Values::Numbers(numbers));
    };
    let mut out = Vec::with_capacity(texts.len());
    for (index, bytes) in texts.iter().enumerate() {
        if bytes == MISSING_TEXT {
            out.push(None);
            continue;
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Error::BadText {
            name: tensor.name.clone(),
            index,
            message: "the text is not UTF-8",
        })?;
        out.push(Some(text.to_owned()));
    }
    Ok(Values::Texts(out))
}

impl Model for NativeModel {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    fn run(&self, inputs: &[Tensor], wanted: &[&str]) -> Result<Vec<Tensor>, Error> {
        let ordered = check_inputs(&self.inputs, inputs)?;
        let wanted = check_outputs(&self.outputs, wanted)?;
        let block = self.block(&ordered)?;
        let rows = block.rows() as i64;
        let mut data: Vec<Option<TensorData>> = self.predict.predict(block)?.into_iter().map(Some).collect();
        let mut out = Vec::with_capacity(wanted.len());
        for index in wanted {
            let spec = &self.outputs[index];
            let Some(data) = data.get_mut(self.order[index]).and_then(Option::take) else {
                return Err(Error::Run(format!("the output `{}` was asked for twice", spec.name)));
            };
            let mut shape = vec![rows];
            shape.extend(&spec.shape[1..]);
            out.push(Tensor { name: spec.name.clone(), shape, data });
        }
        Ok(out)
    }

    fn prediction(&self) -> Option<&str> {
        self.outputs.first().map(|o| o.name.as_str())
    }

    fn takes_missing_text(&self) -> bool {
        true
    }

    /// Its arrays; a model that has no large ones is taken for as large as its file.
    fn memory(&self) -> Option<u64> {
        let held = self.predict.held();
        u64::try_from(if held == 0 { self.file } else { held }).ok()
    }
}
