use crate::Error;

/// An increasing step function, interpolated between the points where it changes: scikit-learn's
/// `IsotonicRegression(out_of_bounds="clip")`.
#[derive(Clone, Debug, PartialEq)]
pub struct Isotonic {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Isotonic {
    /// The increasing function with the least squared error. Errors: `Length`, `Empty`; `OutOfRange` for NaN.
    pub fn fit(x: &[f64], y: &[f64]) -> Result<Self, Error> {
        Error::length("the targets", x.len(), y.len())?;
        if x.is_empty() {
            return Err(Error::Empty("the table to calibrate on"));
        }
        if let Some(value) = x.iter().chain(y).find(|v| v.is_nan()) {
            let (what, wanted) = ("a value", "a number");
            return Err(Error::OutOfRange { what, value: value.to_string(), wanted });
        }
        let mut pairs: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (x, mut y, mut weights) = merged(&pairs);
        pool(&mut y, &mut weights);
        Ok(Self::trimmed(&x, &y))
    }

    /// Only points that differ from a neighbour are kept.
    fn trimmed(x: &[f64], y: &[f64]) -> Self {
        let last = y.len() - 1;
        let kept: Vec<usize> = (0..y.len())
            .filter(|i| *i == 0 || *i == last || y[*i] != y[*i - 1] || y[*i] != y[*i + 1])
            .collect();
        Self { x: kept.iter().map(|i| x[*i]).collect(), y: kept.iter().map(|i| y[*i]).collect() }
    }

    /// The value at `x`, at the ends that of the end.
    pub fn at(&self, x: f64) -> f64 {
        let last = self.x.len() - 1;
        if x.is_nan() {
            return f64::NAN;
        }
        if x <= self.x[0] {
            return self.y[0];
        }
        if x >= self.x[last] {
            return self.y[last];
        }
        let above = self.x.partition_point(|v| *v < x).max(1);
        let (x0, x1, y0, y1) = (self.x[above - 1], self.x[above], self.y[above - 1], self.y[above]);
        (y1 - y0) / (x1 - x0) * (x - x0) + y0
    }
}

/// Equal values of `x` (within 10⁻¹⁵) as one, with the mean target and how many they are.
fn merged(pairs: &[(f64, f64)]) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    const SAME: f64 = 1e-15;
    let (mut x, mut y, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for (at, target) in pairs {
        match x.last() {
            Some(last) if at - last < SAME => {
                let i = x.len() - 1;
                y[i] += target;
                weights[i] += 1.0;
            }
            _ => {
                x.push(*at);
                y.push(*target);
                weights.push(1.0);
            }
        }
    }
    y.iter_mut().zip(&weights).for_each(|(sum, n): (&mut f64, &f64)| *sum /= n);
    (x, y, weights)
}

/// Pools adjacent violators, in place.
fn pool(y: &mut [f64], weights: &mut [f64]) {
    // Blocks of equal value: mean, weight, items.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for (value, weight) in y.iter().zip(weights.iter()) {
        let mut block = (*value, *weight, 1);
        while let Some(&(before, w, n)) = blocks.last()
            && before >= block.0
        {
            let sum = w + block.1;
            block = ((before * w + block.0 * block.1) / sum, sum, n + block.2);
            blocks.pop();
        }
        blocks.push(block);
    }
    let mut at = 0;
    for (value, _, n) in blocks {
        y[at..at + n].fill(value);
        at += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violators_are_pooled_and_ends_are_flat() {
        let found = Isotonic::fit(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]).unwrap();
        assert_eq!(found.at(2.4), 2.5);
        assert_eq!(found.at(0.0), 1.0);
        assert_eq!(found.at(3.5), 3.25);
        assert_eq!(found.at(9.0), 4.0);
        assert_eq!(Isotonic::fit(&[1.0, 1.0], &[0.0, 1.0]).unwrap().at(5.0), 0.5);
        assert!(Isotonic::fit(&[], &[]).is_err());
    }
}
