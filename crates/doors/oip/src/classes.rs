//! Triton's classification extension: instead of scores, the largest of them as texts.
//! <https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md>

use runtimes::{Tensor, TensorData};

/// `score:index` of the `count` largest values of each row, largest first; of equal ones the first. A single dimension is
/// one row. Texts stay as they are.
pub fn classes(output: &Tensor, count: usize) -> Tensor {
    let Some(values) = output.data.to_f64() else { return output.clone() };
    let (rows, width) =
        if output.shape.len() > 1 { (output.rows(), output.width()) } else { (1, values.len()) };
    let most = count.min(width);
    let mut texts = Vec::with_capacity(rows * most);
    for row in values.chunks(width.max(1)) {
        let mut order: Vec<usize> = (0..row.len()).collect();
        order.sort_by(|a, b| row[*b].total_cmp(&row[*a]).then(a.cmp(b)));
        texts.extend(
            order.into_iter().take(most).map(|index| format!("{:.6}:{index}", row[index]).into_bytes()),
        );
    }
    let most = most as i64;
    let shape = if output.shape.len() > 1 { vec![rows as i64, most] } else { vec![most] };
    Tensor { name: output.name.clone(), shape, data: TensorData::Bytes(texts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_first_with_their_indices() {
        let scores = Tensor::new("p", [2, 3], TensorData::F32(vec![0.1, 0.7, 0.2, 0.5, 0.0, 0.5]));
        let found = classes(&scores, 2);
        assert_eq!(found.shape, [2, 2]);
        let texts: Vec<&[u8]> = vec![b"0.700000:1", b"0.200000:2", b"0.500000:0", b"0.500000:2"];
        assert_eq!(found.data, TensorData::Bytes(texts.into_iter().map(<[u8]>::to_vec).collect()));
    }
}
