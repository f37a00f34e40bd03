//! `IsotonicRegression`: a line through points, over one column.

use crate::native::matrix::Block;
use crate::native::outputs::{Output, Predict};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

/// numpy's `interp`: `points` go up; outside of them the first and the last value count. Between repeated points the last
/// one counts.
pub(super) fn interpolated(points: &[f64], values: &[f64], x: f64) -> f64 {
    let last = points.len() - 1;
    if x < points[0] {
        return values[0];
    }
    let at = points.partition_point(|point| *point <= x).saturating_sub(1);
    if at >= last || points[at] == x {
        return values[at.min(last)];
    }
    (values[at + 1] - values[at]) / (points[at + 1] - points[at]) * (x - points[at]) + values[at]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outside {
    Missing,
    Clip,
    Refuse,
}

pub(crate) struct Isotonic {
    points: Vec<f64>,
    values: Vec<f64>,
    outside: Outside,
}

pub(super) fn build(object: &Object<'_>) -> Result<Isotonic, Error> {
    let stored = object.get("X_thresholds_")?;
    if stored.array()?.is_single() {
        return Err(object.unsupported("it was fitted in single precision"));
    }
    let (points, values) = (stored.floats()?, object.get("y_thresholds_")?.floats()?);
    if points.is_empty() || points.len() != values.len() || !points.is_sorted() {
        return Err(stored.broken("has not one value a threshold, going up"));
    }
    let outside = match object.get("out_of_bounds")?.word().as_deref() {
        // A single point is predicted everywhere.
        _ if points.len() == 1 => Outside::Clip,
        Some("nan") => Outside::Missing,
        Some("clip") => Outside::Clip,
        Some("raise") => Outside::Refuse,
        _ => return Err(object.unsupported("its `out_of_bounds` is not known")),
    };
    Ok(Isotonic { points, values, outside })
}

impl Predict for Isotonic {
    fn outputs(&self) -> Vec<Output> {
        vec![Output::column("predict", ElementType::F64)]
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        super::check_width(&block, 1)?;
        let matrix = block.matrix()?;
        matrix.finite("IsotonicRegression", false)?;
        let (first, last) = (self.points[0], self.points[self.points.len() - 1]);
        let mut out = Vec::with_capacity(matrix.rows);
        for (row, x) in matrix.doubles().iter().enumerate() {
            let inside = (first..=last).contains(x);
            out.push(match self.outside {
                Outside::Missing if !inside => f64::NAN,
                Outside::Refuse if !inside => {
                    return Err(Error::Unfit(format!("row {row}: {x} is outside of {first} to {last}")));
                }
                _ => interpolated(&self.points, &self.values, *x),
            });
        }
        Ok(vec![TensorData::F64(out)])
    }
}
