//! Values in whichever of three ways is shortest. A first byte says which.
//!
//! - raw: eight bytes each.
//! - differing: each exclusive-or'd with the one before; a byte says how many of its bytes are zero at the top (high
//!   four bits) and at the bottom, then come the others. Good for what was a 32-bit float.
//! - decimal: after a byte with the power of ten come whole numbers, as differences. Good for rounded and for
//!   constant values. It is taken only if dividing gives back every value bit by bit.

use super::integers::{self, Order};
use super::{Damaged, Input};

const RAW: u8 = 0;
const DIFFERING: u8 = 1;
const DECIMAL: u8 = 2;
/// The largest power of ten tried.
const POWERS: usize = 10;
const TEN: [f64; POWERS + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10];
/// Whole numbers up to here are exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

pub(super) fn write(values: &[f64], out: &mut Vec<u8>) {
    let start = out.len();
    if let Some((power, numbers)) = decimal(values) {
        out.extend([DECIMAL, power as u8]);
        integers::write(numbers, Order::First, out);
        if out.len() - start < 4 * values.len() {
            return;
        }
        let decimal = out.split_off(start);
        write_bits(values, out);
        if decimal.len() < out.len() - start {
            out.truncate(start);
            out.extend(decimal);
        }
        return;
    }
    write_bits(values, out);
}

fn write_bits(values: &[f64], out: &mut Vec<u8>) {
    let start = out.len();
    out.push(DIFFERING);
    let mut last = 0_u64;
    for value in values {
        let bits = value.to_bits();
        let differing = bits ^ last;
        last = bits;
        let bytes = differing.to_be_bytes();
        if differing == 0 {
            out.push(0x80);
            continue;
        }
        let (top, bottom) = (differing.leading_zeros() as usize / 8, differing.trailing_zeros() as usize / 8);
        out.push((top << 4 | bottom) as u8);
        out.extend_from_slice(&bytes[top..8 - bottom]);
    }
    if out.len() - start > 1 + 8 * values.len() {
        out.truncate(start);
        out.push(RAW);
        out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
}

/// The values as whole numbers of the least power of ten that all of them have.
fn decimal(values: &[f64]) -> Option<(usize, Vec<i64>)> {
    let mut power = 0;
    for value in values {
        while as_decimal(*value, power).is_none() {
            power += 1;
            if power > POWERS {
                return None;
            }
        }
    }
    let numbers: Option<Vec<i64>> = values.iter().map(|value| as_decimal(*value, power)).collect();
    numbers.map(|numbers| (power, numbers))
}

fn as_decimal(value: f64, power: usize) -> Option<i64> {
    let scaled = (value * TEN[power]).round();
    let exact = scaled.abs() <= EXACT && from_decimal(scaled as i64, power).to_bits() == value.to_bits();
    exact.then_some(scaled as i64)
}

fn from_decimal(number: i64, power: usize) -> f64 {
    number as f64 / TEN[power]
}

pub(super) fn read(input: &mut Input<'_>, count: usize) -> Result<Vec<f64>, Damaged> {
    match input.byte()? {
        RAW => (0..count).map(|_| input.float()).collect(),
        DIFFERING => {
            let mut last = 0_u64;
            (0..count)
                .map(|_| {
                    let zeros = input.byte()?;
                    let (top, bottom) = (usize::from(zeros >> 4), usize::from(zeros & 15));
                    let mut bytes = [0; 8];
                    let place = bytes
                        .get_mut(top..8_usize.saturating_sub(bottom))
                        .ok_or(Damaged("a value has more than eight bytes"))?;
                    place.copy_from_slice(input.take(place.len())?);
                    last ^= u64::from_be_bytes(bytes);
                    Ok(f64::from_bits(last))
                })
                .collect()
        }
        DECIMAL => {
            let power = usize::from(input.byte()?);
            if power > POWERS {
                return Err(Damaged("a power of ten is too large"));
            }
            let numbers = integers::read(input, count, Order::First)?;
            Ok(numbers.into_iter().map(|number| from_decimal(number, power)).collect())
        }
        _ => Err(Damaged("its way of writing values is not known here")),
    }
}
