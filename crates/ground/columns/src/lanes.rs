//! Loops over numbers of which the processor may take several at a time.

/// Sums and extremes that go on side by side.
pub(crate) const LANES: usize = 8;

/// Calls `take` with each value and the lane that it is in.
pub(crate) fn each(values: &[f64], mut take: impl FnMut(usize, f64)) {
    let (whole, rest) = values.as_chunks::<LANES>();
    for lanes in whole {
        for (lane, value) in lanes.iter().enumerate() {
            take(lane, *value);
        }
    }
    for (lane, value) in rest.iter().enumerate() {
        take(lane, *value);
    }
}
