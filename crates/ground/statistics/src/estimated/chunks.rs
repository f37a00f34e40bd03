use std::ops::Range;

use crate::interval::{deviation, mean};

/// Rows that are judged together, by place.
pub type Chunk = Range<usize>;

/// Chunks of `size` rows; what is left over is a last, smaller one.
pub fn by_size(rows: usize, size: usize) -> Vec<Chunk> {
    let size = size.max(1);
    (0..rows).step_by(size).map(|from| from..(from + size).min(rows)).collect()
}

/// About `count` chunks of equal size; what is left over is one more, smaller one.
pub fn by_count(rows: usize, count: usize) -> Vec<Chunk> {
    by_size(rows, (rows / count.max(1)).max(1))
}

/// Where values are expected; beyond is an alert. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    pub lower: Option<f64>,
    pub upper: Option<f64>,
}

/// `deviations` standard deviations around the mean of the reference's chunks. A limit at or beyond what the value can
/// be is moved there, or left out where `drop` says so. Values that are NaN are passed over.
pub fn limits(
    reference: &[f64],
    deviations: f64,
    least: Option<f64>,
    most: Option<f64>,
    drop: bool,
) -> Limits {
    let known: Vec<f64> = reference.iter().copied().filter(|v| !v.is_nan()).collect();
    if known.is_empty() {
        return Limits::default();
    }
    let (middle, spread) = (mean(&known), deviation(&known) * deviations);
    let instead = |bound: Option<f64>| if drop { None } else { bound };
    let (lower, upper) = (middle - spread, middle + spread);
    Limits {
        lower: if least.is_some_and(|least| lower <= least) { instead(least) } else { Some(lower) },
        upper: if most.is_some_and(|most| upper >= most) { instead(most) } else { Some(upper) },
    }
}

/// Whether the value is beyond a limit.
pub fn alert(value: f64, limits: &Limits) -> bool {
    limits.lower.is_some_and(|lower| value < lower) || limits.upper.is_some_and(|upper| value > upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_stay_where_values_can_be() {
        let found = limits(&[0.9, 1.0, 0.95], 3.0, Some(0.0), Some(1.0), false);
        assert_eq!(found.upper, Some(1.0));
        assert_eq!(limits(&[0.1, 0.4], 3.0, Some(0.0), None, true).lower, None);
        assert_eq!(limits(&[f64::NAN], 3.0, None, None, false), Limits::default());
        assert_eq!(by_size(7, 3), [0..3, 3..6, 6..7]);
    }
}
