//! The stored form of a run of points of one metric: about 10 bytes a point where a row takes 30.
//!
//! A chunk is a version byte, the steps, the times (both as differences of differences, see [`integers`]) and
//! the values (see [`values`]). How many points it has stands beside it. Beside it stand, too, its buckets: a
//! few of its points for each 64, so that a chart of a long series needs no chunk itself.

mod buckets;
mod integers;
mod values;

pub(crate) use buckets::{BUCKET, Bucket, read_buckets, write_buckets};

use crate::model::{Millis, Point};

/// Points in a full chunk.
pub(crate) const FULL: usize = 512;
/// The version of the stored form, its first byte.
const VERSION: u8 = 1;

/// Why stored bytes are no chunk: they were damaged, or a newer version wrote them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damaged(pub &'static str);

/// The stored form of `points`, in the given order.
pub(crate) fn write(points: &[Point]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + 10 * points.len());
    out.push(VERSION);
    integers::write(points.iter().map(|p| p.step), integers::Order::Second, &mut out);
    integers::write(points.iter().map(|p| p.at.0), integers::Order::Second, &mut out);
    values::write(&points.iter().map(|p| p.value).collect::<Vec<_>>(), &mut out);
    out
}

/// The `count` points of a chunk, in the order in which they were written.
pub(crate) fn read(bytes: &[u8], count: usize) -> Result<Vec<Point>, Damaged> {
    let mut input = Input(bytes);
    if input.byte()? != VERSION {
        return Err(Damaged("its version is not known here"));
    }
    // Three bits are the least that a value takes, and runs of equal steps take none: a count from a damaged row
    // must not reserve the memory of the whole machine.
    if count > 1 << 20 {
        return Err(Damaged("it claims too many points"));
    }
    let steps = integers::read(&mut input, count, integers::Order::Second)?;
    let times = integers::read(&mut input, count, integers::Order::Second)?;
    let values = values::read(&mut input, count)?;
    if !input.0.is_empty() {
        return Err(Damaged("something follows its values"));
    }
    Ok(steps
        .into_iter()
        .zip(times)
        .zip(values)
        .map(|((step, at), value)| Point { step, at: Millis(at), value })
        .collect())
}

/// Bytes yet to be read.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(Damaged("it ends too early"))?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, Damaged> {
        Ok(self.take(1)?[0])
    }

    fn float(&mut self) -> Result<f64, Damaged> {
        let bytes = self.take(8)?.try_into().map_err(|_| Damaged("it ends too early"))?;
        Ok(f64::from_le_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::points::by_step;

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>(),
            (-1_000_000..1_000_000_i64).prop_map(|v| v as f64 / 1e4),
            any::<f32>().prop_map(f64::from),
            Just(f64::NAN),
            Just(-0.0),
            Just(f64::MAX),
            Just(5e-324),
        ]
    }

    fn integer() -> impl Strategy<Value = i64> {
        prop_oneof![
            any::<i64>(),
            -5..5_i64,
            Just(i64::MAX),
            Just(i64::MIN),
            1_700_000_000_000..1_700_000_001_000_i64
        ]
    }

    fn bits(points: &[Point]) -> Vec<(i64, i64, u64)> {
        points.iter().map(|p| (p.step, p.at.0, p.value.to_bits())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_is_written_is_read(raw in prop::collection::vec((integer(), integer(), value()), 0..200)) {
            let points: Vec<_> = raw.iter().map(|(step, at, value)| Point {
                step: *step, at: Millis(*at), value: if value.is_nan() { f64::NAN } else { *value },
            }).collect();
            let bytes = write(&points);
            prop_assert_eq!(bits(&read(&bytes, points.len()).unwrap()), bits(&points));
            let damaged = bytes.len() > 1 && read(&bytes[..bytes.len() - 1], points.len()).is_ok();
            prop_assert!(!damaged);
        }

        #[test]
        fn buckets_hold_the_ends_and_extremes_of_every_64_points(
            raw in prop::collection::vec((integer(), integer(), value()), 1..300),
        ) {
            let mut points: Vec<_> = raw.iter().map(|(step, at, value)| Point {
                step: *step, at: Millis(*at), value: if value.is_nan() { f64::NAN } else { *value },
            }).collect();
            points.sort_by(by_step);
            let found = read_buckets(&write_buckets(&points)).unwrap();
            prop_assert_eq!(found.len(), points.len().div_ceil(BUCKET));
            for (bucket, part) in found.iter().zip(points.chunks(BUCKET)) {
                prop_assert_eq!(bits(&[bucket.first]), bits(&part[..1]));
                match crate::points::extremes(part) {
                    Some((low, high)) => prop_assert_eq!((bucket.low.value, bucket.high.value), (low, high)),
                    None => prop_assert!(bucket.low.value.is_nan() && bucket.high.value.is_nan()),
                }
                prop_assert!(bits(part).contains(&bits(&[bucket.low])[0]) && bits(part).contains(&bits(&[bucket.high])[0]));
            }
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_more(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0..100_usize) {
            let _ = read(&bytes, count);
            let _ = read_buckets(&bytes);
            let mut versioned = vec![VERSION];
            versioned.extend(bytes);
            let _ = read(&versioned, count);
            let _ = read_buckets(&versioned);
        }
    }

    #[test]
    fn regular_series_are_small() {
        let series = |value: fn(i64) -> f64| -> Vec<Point> {
            (0..512)
                .map(|i| Point { step: i, at: Millis(1_700_000_000_000 + 137 * i + i % 3), value: value(i) })
                .collect()
        };
        let size = |points: &[Point]| write(points).len() as f64 / points.len() as f64;
        assert!(size(&series(|_| 1.0)) < 1.7);
        assert!(size(&series(|i| (i as f64 / 100.0).round() / 1000.0)) < 2.7);
        assert!(size(&series(|i| f64::from((i as f32).sin()))) < 7.5);
        assert!(size(&series(|i| (i as f64).sin())) < 10.0);
    }

    /// What version 1 wrote must be readable for ever: one chunk of each way of writing values.
    #[test]
    fn the_first_version_stays_readable() {
        let points = |values: [f64; 3]| -> Vec<Point> {
            values
                .iter()
                .zip(0..)
                .map(|(value, i)| Point { step: 5 * i - 3, at: Millis(1_000 + i), value: *value })
                .collect()
        };
        for (hex, values) in [
            ("01050a0000d00f02000002010a0001", [0.5, 0.5, 0.5]),
            ("01050a0000d00f02000001067ff80740104199999999999a", [f64::NAN, 1.5, 0.1]),
            (
                "01050a0000d00f020000009a9999999999b93fffffffffffffefff0100000000000000",
                [0.1, f64::MIN, 5e-324],
            ),
        ] {
            let bytes: Vec<u8> =
                (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
            assert_eq!(bits(&read(&bytes, 3).unwrap()), bits(&points(values)));
        }
    }
}
