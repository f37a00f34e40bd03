//! `SplineTransformer`: each column as the values of B-splines, by de Boor's recursion as scipy computes it
//! (`_deBoor_D`), in its order.

use crate::Error;
use crate::native::matrix::{Block, Matrix};
use crate::native::outputs::Transform;
use crate::native::skops::Object;

#[derive(Clone, Copy, PartialEq)]
enum Beyond {
    /// The values at the border.
    Constant,
    /// On with the slope at the border.
    Linear,
    /// The polynomials at the border go on.
    Continued,
    Periodic,
    Error,
}

pub(crate) struct Splines {
    /// By column.
    knots: Vec<Vec<f64>>,
    degree: usize,
    /// Splines a column, before one is left out.
    count: usize,
    beyond: Beyond,
    /// The last spline of each column stays.
    bias: bool,
    /// A missing value is no error, but zeros.
    zeros: bool,
}

/// Knots a column has, at most.
const MOST_KNOTS: usize = 1 << 16;

pub(super) fn build(object: &Object<'_>) -> Result<Splines, Error> {
    let degree = object.get("degree")?.count()?;
    let beyond = match object.get("extrapolation")?.word().as_deref() {
        Some("constant") => Beyond::Constant,
        Some("linear") => Beyond::Linear,
        Some("continue") => Beyond::Continued,
        Some("periodic") => Beyond::Periodic,
        Some("error") => Beyond::Error,
        _ => return Err(object.unsupported("its extrapolation is not known")),
    };
    // Of those of degree 0 scikit-learn has no values beyond the border; of degree 1 it takes other borders from the
    // second column on.
    if degree == 0 || degree == 1 && beyond == Beyond::Linear {
        return Err(object.unsupported("splines of a degree this low, extrapolated so"));
    }
    let zeros = match object.find("handle_missing")?.and_then(|how| how.word()).as_deref() {
        None | Some("error") => false,
        Some("zeros") => true,
        Some(_) => return Err(object.unsupported("how it takes missing values is not known")),
    };
    let mut knots = Vec::new();
    let mut count = None;
    for spline in object.get("bsplines_")?.items()? {
        if spline.class() != "BSpline" {
            return Err(spline.unsupported("it is no B-spline"));
        }
        // scipy before 1.16 had no underscore.
        let part = |new: &str, old: &str| match spline.find(new)? {
            Some(part) => Ok(part),
            None => spline.get(old),
        };
        let (places, weights) = (part("_t", "t")?, part("_c", "c")?);
        let (all, &[rows, splines]) = (places.floats()?, weights.array()?.shape()) else {
            return Err(weights.broken("is no matrix"));
        };
        let given = weights.floats()?;
        let one = |at: usize| at / splines.max(1) % splines.max(1) == at % splines.max(1);
        let repeated = if beyond == Beyond::Periodic { degree } else { 0 };
        let fits = spline.get("k")?.count()? == degree
            && degree <= 64
            && all.len() <= MOST_KNOTS
            && all.len() == rows + degree + 1
            && rows > degree
            && splines > 0
            && rows == splines + repeated
            && repeated <= splines
            && given.len() == rows * splines
            // Each spline alone: the coefficients of sums would have to be added.
            && given.iter().enumerate().all(|(at, weight)| *weight == f64::from(u8::from(one(at))))
            && all.windows(2).all(|pair| pair[0] <= pair[1])
            && count.is_none_or(|count| count == splines);
        if !fits {
            return Err(spline.broken("is no basis of B-splines as SplineTransformer makes them"));
        }
        count = Some(splines);
        knots.push(all);
    }
    let Some(count) = count else { return Err(object.broken("has no splines")) };
    if knots.len() != object.get("n_features_in_")?.count()? {
        return Err(object.broken("has not one basis a column"));
    }
    Ok(Splines { knots, degree, count, beyond, bias: object.get("include_bias")?.boolean()?, zeros })
}

/// Values at `x` of the splines that are not zero there, or their first derivatives.
fn de_boor(knots: &[f64], x: f64, degree: usize, interval: usize, derivative: bool) -> Vec<f64> {
    let mut h = vec![0.0; degree + 1];
    h[0] = 1.0;
    for j in 1..=degree {
        let before = h[..j].to_vec();
        let derived = derivative && j == degree;
        h[0] = 0.0;
        for (n, hh) in (1..=j).zip(before) {
            let (high, low) = (knots[interval + n], knots[interval + n - j]);
            if high == low {
                h[if derived { 1 } else { n }] = 0.0;
                continue;
            }
            if derived {
                let w = j as f64 * hh / (high - low);
                h[n - 1] -= w;
                h[n] = w;
            } else {
                let w = hh / (high - low);
                h[n - 1] += w * (high - x);
                h[n] = w * (x - low);
            }
        }
    }
    h
}

impl Splines {
    /// All splines of a column at `x`, beyond the border as the polynomials go on.
    fn values(&self, knots: &[f64], x: f64, derivative: bool, out: &mut [f64]) {
        let last = knots.len() - self.degree - 1;
        let place = knots[..last].partition_point(|knot| *knot <= x);
        let interval = place.saturating_sub(1).clamp(self.degree, last - 1);
        let values = de_boor(knots, x, self.degree, interval, derivative);
        for (at, value) in values.into_iter().enumerate() {
            // Of periodic splines the last ones are the first ones again.
            out[(interval + at - self.degree) % self.count] += value;
        }
    }

    fn column(&self, knots: &[f64], x: f64, out: &mut [f64]) -> Result<(), Error> {
        if x.is_nan() {
            return Ok(());
        }
        let (low, high) = (knots[self.degree], knots[knots.len() - self.degree - 1]);
        let inside = low <= x && x <= high;
        match self.beyond {
            Beyond::Error if !inside => {
                return Err(Error::Unfit(format!(
                    "{x} lies beyond the limits of the knots ({low} to {high}), which SplineTransformer does not take"
                )));
            }
            Beyond::Periodic => {
                let period = high - low;
                let x = if period > 0.0 { low + floor_mod(x - low, period) } else { 0.0 };
                self.values(knots, x, false, out);
            }
            Beyond::Continued | Beyond::Error => self.values(knots, x, false, out),
            Beyond::Constant | Beyond::Linear if inside => self.values(knots, x, false, out),
            Beyond::Constant => {
                let mut border = vec![0.0; self.count];
                self.values(knots, if x < low { low } else { high }, false, &mut border);
                let kept = self.degree.min(self.count);
                let kept = if x < low { 0..kept } else { self.count - kept..self.count };
                out[kept.clone()].copy_from_slice(&border[kept]);
            }
            Beyond::Linear => {
                let end = if x < low { low } else { high };
                let (mut border, mut slope) = (vec![0.0; self.count], vec![0.0; self.count]);
                self.values(knots, end, false, &mut border);
                self.values(knots, end, true, &mut slope);
                for at in 0..self.degree.min(self.count) {
                    let at = if x < low { at } else { self.count - 1 - at };
                    out[at] = border[at] + (x - end) * slope[at];
                }
            }
        }
        Ok(())
    }
}

/// Python's `%` of floats: the result has the sign of `period`, which is above zero.
fn floor_mod(x: f64, period: f64) -> f64 {
    let rest = x % period;
    if rest != 0.0 { if rest < 0.0 { rest + period } else { rest } } else { 0.0 }
}

impl Transform for Splines {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        super::check_width(&block, self.knots.len())?;
        let matrix = block.matrix()?;
        matrix.finite("SplineTransformer", self.zeros)?;
        let kept = if self.bias { self.count } else { self.count - 1 };
        let width = self.knots.len() * kept;
        let mut data = Vec::with_capacity(matrix.rows * width);
        let mut values = vec![0.0; self.count];
        for row in 0..matrix.rows {
            for (column, knots) in self.knots.iter().enumerate() {
                values.fill(0.0);
                self.column(knots, matrix.get(row, column), &mut values)?;
                data.extend_from_slice(&values[..kept]);
            }
        }
        let out = Matrix::double(matrix.rows, width, data);
        Ok(Block::Matrix(if matrix.is_single() { out.into_single() } else { out }))
    }
}
