//! A model's outputs as named columns, and the scores among them.

use crate::model::names;
use crate::tabular::{Column, Frame, Values};
use crate::tensor::MISSING_TEXT;
use crate::{Error, Tensor, TensorData};

/// The numbers of one output: the column `name`; or, when `name` is an output `[n, k]`, its last column, which
/// is the positive class of a binary classifier. `probability` also finds the only `[n, k]` output there is.
pub fn score(outputs: &Frame, name: &str) -> Result<Vec<f64>, Error> {
    if let Some(column) = outputs.column(name) {
        return numbers(column);
    }
    let groups = groups(outputs);
    let group = groups.iter().find(|(stem, _)| *stem == name).or_else(|| {
        let asked = matches!(name, "probability" | "probabilities" | "output_probability");
        // scikit-learn has scores of several kinds; its probabilities have this name.
        let named = groups.iter().find(|(stem, _)| *stem == "predict_proba");
        named.or(if groups.len() == 1 { groups.first() } else { None }).filter(|_| asked)
    });
    match group {
        Some((_, columns)) => match columns.last() {
            Some(last) => numbers(last),
            None => Err(no_column(outputs, name)),
        },
        None => Err(no_column(outputs, name)),
    }
}

/// The columns of an output `[n, k]` by class index.
pub fn scores_by_class(outputs: &Frame, name: &str) -> Result<Vec<Vec<f64>>, Error> {
    let groups = groups(outputs);
    let found = groups
        .iter()
        .find(|(stem, _)| *stem == name)
        .or_else(|| groups.iter().find(|(stem, _)| *stem == "predict_proba"))
        .or_else(|| if groups.len() == 1 { groups.first() } else { None });
    match found {
        Some((_, columns)) => columns.iter().map(|c| numbers(c)).collect(),
        None => Err(no_column(outputs, name)),
    }
}

fn no_column(outputs: &Frame, name: &str) -> Error {
    Error::NoSuchColumn { name: name.to_owned(), known: names(outputs.names()) }
}

fn numbers(column: &Column) -> Result<Vec<f64>, Error> {
    (0..column.values.len())
        .map(|row| {
            column.values.number(row).ok_or_else(|| Error::Cell {
                column: column.name.to_string(),
                row,
                message: "the value is text, not a number".into(),
            })
        })
        .collect()
}

/// Runs of columns `<stem>_0`, `<stem>_1` … with at least two members.
fn groups(outputs: &Frame) -> Vec<(&str, Vec<&Column>)> {
    let mut groups: Vec<(&str, Vec<&Column>)> = Vec::new();
    for column in &outputs.columns {
        let Some((stem, index)) = column.name.rsplit_once('_') else { continue };
        let Ok(index) = index.parse::<usize>() else { continue };
        match groups.last_mut() {
            Some((last, columns)) if *last == stem && columns.len() == index => columns.push(column),
            _ if index == 0 => groups.push((stem, vec![column])),
            _ => {}
        }
    }
    groups.retain(|(_, columns)| columns.len() > 1);
    groups
}

/// Outputs as columns; outputs whose first dimension is not `rows` are left out.
pub fn to_frame(outputs: &[Tensor], rows: usize) -> Result<Frame, Error> {
    let mut columns = Vec::new();
    for output in outputs {
        if output.shape.is_empty() || output.rows() != rows {
            continue;
        }
        let width = output.width();
        if width == 1 {
            columns.push(Column { name: output.name.as_str().into(), values: strided(&output.data, 0, 1) });
        } else {
            columns.extend((0..width).map(|i| Column {
                name: format!("{}_{i}", output.name).into(),
                values: strided(&output.data, i, width),
            }));
        }
    }
    Frame::new(columns)
}

/// Every `step`-th value from `start`.
pub(crate) fn strided(data: &TensorData, start: usize, step: usize) -> Values {
    fn pick<T: Clone, U>(v: &[T], start: usize, step: usize, f: impl Fn(T) -> U) -> Vec<U> {
        v.iter().skip(start).step_by(step.max(1)).cloned().map(f).collect()
    }
    match data {
        TensorData::Bool(v) => Values::Boolean(pick(v, start, step, Some)),
        TensorData::U8(v) => Values::Integer(pick(v, start, step, |x| Some(i64::from(x)))),
        TensorData::U16(v) => Values::Integer(pick(v, start, step, |x| Some(i64::from(x)))),
        TensorData::U32(v) => Values::Integer(pick(v, start, step, |x| Some(i64::from(x)))),
        // Above 2^63 there is no i64; such values are shown as missing, never as other numbers.
        TensorData::U64(v) => Values::Integer(pick(v, start, step, |x| i64::try_from(x).ok())),
        TensorData::I8(v) => Values::Integer(pick(v, start, step, |x| Some(i64::from(x)))),
        TensorData::I16(v) => Values::Integer(pick(v, start, step, |x| Some(i64::from(x)))),
        TensorData::I32(v) => Values::Integer(pick(v, start, step, |x| Some(i64::from(x)))),
        TensorData::I64(v) => Values::Integer(pick(v, start, step, Some)),
        TensorData::F16(v) => Values::Float(pick(v, start, step, |x| x.to_f64())),
        TensorData::Bf16(v) => Values::Float(pick(v, start, step, |x| x.to_f64())),
        TensorData::F32(v) => Values::Float(pick(v, start, step, f64::from)),
        TensorData::F64(v) => Values::Float(pick(v, start, step, |x| x)),
        TensorData::Bytes(v) => {
            let text = |x: Vec<u8>| (x != MISSING_TEXT).then(|| String::from_utf8_lossy(&x).into_owned());
            Values::Text(pick(v, start, step, text))
        }
    }
}
