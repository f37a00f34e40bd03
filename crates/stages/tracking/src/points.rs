//! How points of one metric compare. A NaN stands for (0, flag), as its row does, so both orders are total.

use std::cmp::Ordering;

use crate::model::Point;

/// What is stored for a value: infinities become the largest finite numbers of their sign; NaN stays.
pub(crate) fn storable(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value.clamp(f64::MIN, f64::MAX) }
}

/// What stands in a row for a value: NaN is 0 with a flag.
pub(crate) fn in_row(value: f64) -> (f64, bool) {
    if value.is_nan() { (0.0, true) } else { (value, false) }
}

/// The reverse of [`in_row`].
pub(crate) fn from_row(value: f64, is_nan: bool) -> f64 {
    if is_nan { f64::NAN } else { value }
}

fn by_value(a: f64, b: f64) -> Ordering {
    let ((a, a_nan), (b, b_nan)) = (in_row(a), in_row(b));
    a.partial_cmp(&b).unwrap_or(Ordering::Equal).then(a_nan.cmp(&b_nan))
}

/// By step, time, value. The greatest point is the latest.
pub(crate) fn by_step(a: &Point, b: &Point) -> Ordering {
    (a.step, a.at).cmp(&(b.step, b.at)).then_with(|| by_value(a.value, b.value))
}

/// By time, step, value: the order of a history.
pub(crate) fn by_time(a: &Point, b: &Point) -> Ordering {
    (a.at, a.step).cmp(&(b.at, b.step)).then_with(|| by_value(a.value, b.value))
}

/// Sorts, unless it is sorted already, as it nearly always is.
pub(crate) fn sort(points: &mut [Point], order: fn(&Point, &Point) -> Ordering) {
    if !points.is_sorted_by(|a, b| order(a, b).is_le()) {
        points.sort_unstable_by(order);
    }
}

/// The least and the greatest value, NaN left out.
pub(crate) fn extremes<'a>(points: impl IntoIterator<Item = &'a Point>) -> Option<(f64, f64)> {
    points.into_iter().filter(|p| !p.value.is_nan()).fold(None, |found, p| match found {
        None => Some((p.value, p.value)),
        Some((low, high)) => Some((low.min(p.value), high.max(p.value))),
    })
}
