//! Tensors of several requests as one, and back.

use runtimes::{Model, Tensor, TensorData, each_data};

/// Whether the first dimension of all that the model takes and gives is free: then rows of several requests may stand
/// below each other. That rows do not depend on each other is what the endpoint's settings say.
pub(crate) fn mergeable(model: &dyn Model) -> bool {
    let free = |shape: &[i64]| shape.first().is_some_and(|n| *n < 0);
    model.inputs().iter().all(|s| free(&s.shape)) && model.outputs().iter().all(|s| free(&s.shape))
}

/// Each request's tensors below those of the one before. They must be alike but for their number of rows.
pub(crate) fn joined(requests: &[&[Tensor]]) -> Vec<Tensor> {
    let Some((first, rest)) = requests.split_first() else { return Vec::new() };
    let mut all = first.to_vec();
    for request in rest {
        for (tensor, more) in all.iter_mut().zip(request.iter()) {
            if let (Some(rows), Some(added)) = (tensor.shape.first_mut(), more.shape.first()) {
                *rows += added;
            }
            extend(&mut tensor.data, &more.data);
        }
    }
    all
}

fn extend(data: &mut TensorData, more: &TensorData) {
    macro_rules! same {
        ($($kind:ident),*) => {
            match (data, more) {
                $((TensorData::$kind(v), TensorData::$kind(m)) => v.extend_from_slice(m),)*
                // Callers checked the types.
                _ => {}
            }
        };
    }
    same!(Bool, U8, U16, U32, U64, I8, I16, I32, I64, F16, Bf16, F32, F64, Bytes);
}

/// The outputs of each request. `None` if some output does not have one row a row of the input.
pub(crate) fn parted(outputs: Vec<Tensor>, rows: &[usize]) -> Option<Vec<Vec<Tensor>>> {
    let total: usize = rows.iter().sum();
    if outputs.iter().any(|o| o.shape.is_empty() || o.rows() != total) {
        return None;
    }
    let mut parts: Vec<Vec<Tensor>> = rows.iter().map(|_| Vec::with_capacity(outputs.len())).collect();
    for output in outputs {
        let width = output.width();
        let mut from = 0;
        for (part, count) in parts.iter_mut().zip(rows) {
            let mut shape = output.shape.clone();
            shape[0] = *count as i64;
            part.push(Tensor {
                name: output.name.clone(),
                shape,
                data: slice(&output.data, from, count * width),
            });
            from += count * width;
        }
    }
    Some(parts)
}

fn slice(data: &TensorData, from: usize, count: usize) -> TensorData {
    let mut part = TensorData::zeros(data.element(), 0);
    each_data!(&mut part, v => v.reserve(count));
    macro_rules! same {
        ($($kind:ident),*) => {
            match (&mut part, data) {
                $((TensorData::$kind(v), TensorData::$kind(d)) => v.extend_from_slice(d.get(from..from + count).unwrap_or_default()),)*
                _ => {}
            }
        };
    }
    same!(Bool, U8, U16, U32, U64, I8, I16, I32, I64, F16, Bf16, F32, F64, Bytes);
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_comes_apart_again() {
        let one = [Tensor::new("x", [2, 2], TensorData::F32(vec![1., 2., 3., 4.]))];
        let two = [Tensor::new("x", [1, 2], TensorData::F32(vec![5., 6.]))];
        let all = joined(&[&one, &two]);
        assert_eq!(all[0].shape, [3, 2]);
        assert_eq!(parted(all, &[2, 1]), Some(vec![one.to_vec(), two.to_vec()]));
        let texts = vec![Tensor::new("t", [2], TensorData::Bytes(vec![b"a".to_vec(), b"b".to_vec()]))];
        let parts = parted(texts.clone(), &[1, 1]).unwrap();
        assert_eq!(parts[1][0].data, TensorData::Bytes(vec![b"b".to_vec()]));
        assert_eq!(parted(texts, &[1, 2]), None, "three rows of two");
    }
}
