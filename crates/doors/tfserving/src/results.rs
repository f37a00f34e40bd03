//! Classes and regressions out of a model's outputs.

use runtimes::{Tensor, TensorData};
use serving::Answer;

use crate::errors::Failure;

/// Label and score of each class, by row. Scores are the output with one number a class; labels are the output with the
/// classes' names if there is one, else the classes' indices.
pub fn classes(answer: &Answer) -> Result<Vec<Vec<(String, f32)>>, Failure> {
    let rows = answer.ids.len();
    let of_rows = || answer.outputs.iter().filter(|o| !o.shape.is_empty() && o.rows() == rows);
    let scores = of_rows().find(|o| is_float(&o.data) && o.width() > 1);
    if let Some(scores) = scores {
        let width = scores.width();
        let values = scores.data.to_f64().unwrap_or_default();
        let names = of_rows().find(|o| matches!(o.data, TensorData::Bytes(_)) && o.width() == width);
        let name = |row: usize, index: usize| match names.map(|n| &n.data) {
            Some(TensorData::Bytes(texts)) => {
                String::from_utf8_lossy(&texts[row * width + index]).into_owned()
            }
            _ => index.to_string(),
        };
        let row = |row: usize| {
            (0..width).map(|index| (name(row, index), values[row * width + index] as f32)).collect()
        };
        return Ok((0..rows).map(row).collect());
    }
    let labels = of_rows().find(|o| o.width() == 1 && !is_float(&o.data));
    let labels = labels.ok_or_else(|| {
        Failure::bad("the model has no output of classes: neither scores of several classes nor labels")
    })?;
    Ok(texts(labels).into_iter().map(|label| vec![(label, 1.0)]).collect())
}

/// One number a row.
pub fn regressions(answer: &Answer) -> Result<Vec<f32>, Failure> {
    let rows = answer.ids.len();
    let found = answer
        .outputs
        .iter()
        .find(|o| !o.shape.is_empty() && o.rows() == rows && o.width() == 1 && is_float(&o.data));
    let found = found.ok_or_else(|| Failure::bad("the model has no output with one number an example"))?;
    Ok(found.data.to_f64().unwrap_or_default().into_iter().map(|x| x as f32).collect())
}

fn is_float(data: &TensorData) -> bool {
    matches!(data, TensorData::F16(_) | TensorData::Bf16(_) | TensorData::F32(_) | TensorData::F64(_))
}

fn texts(tensor: &Tensor) -> Vec<String> {
    match &tensor.data {
        TensorData::Bytes(v) => v.iter().map(|b| String::from_utf8_lossy(b).into_owned()).collect(),
        TensorData::Bool(v) => v.iter().map(|b| u8::from(*b).to_string()).collect(),
        other => other.to_f64().unwrap_or_default().into_iter().map(|x| x.to_string()).collect(),
    }
}
