//! `KMeans` and `MiniBatchKMeans`.

use crate::native::matrix::Block;
use crate::native::outputs::{Output, Predict};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

pub(crate) struct Centers {
    centers: Vec<f64>,
    count: usize,
    width: usize,
}

pub(super) fn build(object: &Object<'_>) -> Result<Centers, Error> {
    let centers = object.get("cluster_centers_")?;
    let array = centers.array()?;
    let &[count, width] = array.shape() else { return Err(centers.broken("is no matrix")) };
    let values = centers.floats()?;
    if values.len() != count * width || count == 0 {
        return Err(centers.broken("has not as many values as its shape says"));
    }
    Ok(Centers { centers: values, count, width })
}

impl Predict for Centers {
    fn outputs(&self) -> Vec<Output> {
        vec![
            Output::column("predict", ElementType::I32),
            // The distance to each center.
            Output::table("transform", ElementType::F64, self.count),
        ]
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        super::check_width(&block, self.width)?;
        let matrix = block.matrix()?;
        matrix.finite("KMeans", false)?;
        let doubles = matrix.doubles();
        let mut labels = Vec::with_capacity(matrix.rows);
        let mut distances = Vec::with_capacity(matrix.rows * self.count);
        for row in doubles.chunks_exact(self.width.max(1)) {
            let mut nearest = (0, f64::INFINITY);
            for (index, center) in self.centers.chunks_exact(self.width.max(1)).enumerate() {
                let square: f64 = row.iter().zip(center).map(|(x, c)| (x - c) * (x - c)).sum();
                if square < nearest.1 {
                    nearest = (index as i32, square);
                }
                distances.push(square.sqrt());
            }
            labels.push(nearest.0);
        }
        Ok(vec![TensorData::I32(labels), TensorData::F64(distances)])
    }
}
