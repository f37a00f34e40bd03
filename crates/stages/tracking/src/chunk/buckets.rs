//! A few points of a chunk for each 64 of them: the first, the lowest and the highest.
//!
//! Stored as a version byte, how many buckets there are, and then for each a byte that says whether the lowest (1)
//! and the highest (2) are other points than the first, and those points: step and time as differences from the
//! point written before, and the value's eight bytes.

use super::integers::{get, put, unzigzag, zigzag};
use super::{Damaged, Input, VERSION};
use crate::model::{Millis, Point};

/// Points that one bucket stands for; the last of a chunk may stand for fewer.
pub(crate) const BUCKET: usize = 64;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    pub first: Point,
    /// NaN only if every value is.
    pub low: Point,
    pub high: Point,
}

impl Bucket {
    /// Of at least one point.
    fn of(points: &[Point], first: Point) -> Self {
        let mut found = Self { first, low: first, high: first };
        for point in points {
            if point.value < found.low.value || found.low.value.is_nan() {
                found.low = *point;
            }
            if point.value > found.high.value || found.high.value.is_nan() {
                found.high = *point;
            }
        }
        found
    }
}

pub(crate) fn write_buckets(points: &[Point]) -> Vec<u8> {
    let mut out = vec![VERSION];
    put(points.len().div_ceil(BUCKET) as u64, &mut out);
    let mut last = (0, 0);
    for part in points.chunks(BUCKET) {
        let bucket = Bucket::of(part, part[0]);
        let differs = |a: &Point| {
            (a.step, a.at) != (bucket.first.step, bucket.first.at)
                || a.value.to_bits() != bucket.first.value.to_bits()
        };
        let (low, high) = (differs(&bucket.low), differs(&bucket.high));
        out.push(u8::from(low) | u8::from(high) << 1);
        let points = [(true, bucket.first), (low, bucket.low), (high, bucket.high)];
        for (_, point) in points.into_iter().filter(|(written, _)| *written) {
            put(zigzag(point.step.wrapping_sub(last.0)), &mut out);
            put(zigzag(point.at.0.wrapping_sub(last.1)), &mut out);
            out.extend(point.value.to_le_bytes());
            last = (point.step, point.at.0);
        }
    }
    out
}

pub(crate) fn read_buckets(bytes: &[u8]) -> Result<Vec<Bucket>, Damaged> {
    let mut input = Input(bytes);
    if input.byte()? != VERSION {
        return Err(Damaged("the version of its buckets is not known here"));
    }
    let count = get(&mut input)?;
    let mut found = Vec::new();
    let mut last = (0_i64, 0_i64);
    for _ in 0..count {
        let flags = input.byte()?;
        let mut point = || -> Result<Point, Damaged> {
            let step = last.0.wrapping_add(unzigzag(get(&mut input)?));
            let at = last.1.wrapping_add(unzigzag(get(&mut input)?));
            last = (step, at);
            Ok(Point { step, at: Millis(at), value: input.float()? })
        };
        let first = point()?;
        let low = if flags & 1 == 0 { first } else { point()? };
        let high = if flags & 2 == 0 { first } else { point()? };
        found.push(Bucket { first, low, high });
    }
    Ok(found)
}
