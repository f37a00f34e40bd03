//! `PCA` and `TruncatedSVD`: a product with the components.

use crate::Error;
use crate::native::matrix::{Block, Matrix};
use crate::native::outputs::Transform;
use crate::native::skops::Object;

pub(crate) struct Projection {
    /// `count` rows of `width` numbers.
    components: Vec<f64>,
    /// Subtracted from the product.
    offsets: Vec<f64>,
    /// The product is divided by these.
    scales: Vec<f64>,
    width: usize,
    name: String,
}

fn dot(x: &[f64], w: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (x, w) in x.iter().zip(w) {
        sum += x * w;
    }
    sum
}

pub(super) fn build(object: &Object<'_>) -> Result<Projection, Error> {
    let name = object.class().to_owned();
    let stored = object.get("components_")?;
    let array = stored.array()?;
    let &[count, width] = array.shape() else { return Err(stored.broken("is no matrix")) };
    if array.is_single() {
        return Err(object.unsupported("it was fitted in single precision, where sums depend on their order"));
    }
    let components = stored.floats()?;
    if components.len() != count * width || width == 0 {
        return Err(stored.broken("has not as many values as its shape says"));
    }
    let (mut offsets, mut scales) = (Vec::new(), Vec::new());
    if name == "PCA" {
        let mean = object.get("mean_")?.floats()?;
        if mean.len() != width {
            return Err(object.broken("has not one mean a column"));
        }
        offsets = components.chunks_exact(width).map(|component| dot(&mean, component)).collect();
        if object.get("whiten")?.boolean()? {
            let variances = object.get("explained_variance_")?.floats()?;
            if variances.len() != count {
                return Err(object.broken("has not one variance a component"));
            }
            scales = variances.iter().map(|v| v.sqrt().max(f64::EPSILON)).collect();
        }
    }
    Ok(Projection { components, offsets, scales, width, name })
}

impl Transform for Projection {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.width)?;
        let matrix = block.matrix()?;
        matrix.finite(&self.name, false)?;
        let doubles = matrix.doubles();
        let count = self.components.len() / self.width;
        let mut data = Vec::with_capacity(matrix.rows * count);
        for row in doubles.chunks_exact(self.width) {
            for (index, component) in self.components.chunks_exact(self.width).enumerate() {
                let mut value = dot(row, component);
                if let Some(offset) = self.offsets.get(index) {
                    value -= offset;
                }
                if let Some(scale) = self.scales.get(index) {
                    value /= scale;
                }
                data.push(value);
            }
        }
        Ok(Block::Matrix(Matrix::double(matrix.rows, count, data)))
    }
}
