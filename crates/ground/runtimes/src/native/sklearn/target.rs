//! `TargetEncoder`: each category as the mean of its target.

use super::encode::Categories;
use crate::Error;
use crate::native::matrix::{Block, Matrix};
use crate::native::outputs::Transform;
use crate::native::skops::Object;

pub(crate) struct Encoder {
    columns: Vec<Categories>,
    /// By column and class: a number a category.
    encodings: Vec<Vec<f64>>,
    /// By class, for what was never seen.
    means: Vec<f64>,
}

pub(super) fn build(object: &Object<'_>) -> Result<Encoder, Error> {
    let columns: Vec<Categories> =
        object.get("categories_")?.items()?.iter().map(Categories::read).collect::<Result<_, _>>()?;
    let target = object.get("target_mean_")?;
    let means = match target.array() {
        Ok(_) => target.floats()?,
        Err(_) => vec![target.number()?],
    };
    let encodings = object.get("encodings_")?.items()?;
    let encodings: Vec<Vec<f64>> = encodings.iter().map(Object::floats).collect::<Result<_, _>>()?;
    let classes = means.len();
    let fits = encodings.len() == columns.len() * classes
        && encodings.iter().enumerate().all(|(at, values)| values.len() == columns[at / classes].count());
    if classes == 0 || !fits {
        return Err(object.broken("has not one number a category"));
    }
    Ok(Encoder { columns, encodings, means })
}

impl Transform for Encoder {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.columns.len())?;
        let (rows, classes) = (block.rows(), self.means.len());
        let series: Vec<_> = (0..self.columns.len()).map(|column| block.series(column)).collect();
        let mut data = Vec::with_capacity(rows * self.encodings.len());
        for row in 0..rows {
            for (column, categories) in self.columns.iter().enumerate() {
                let found = categories.find(&series[column], row);
                for (class, mean) in self.means.iter().enumerate() {
                    let values = &self.encodings[column * classes + class];
                    data.push(found.map_or(*mean, |category| values[category]));
                }
            }
        }
        Ok(Block::Matrix(Matrix::double(rows, self.encodings.len(), data)))
    }
}
