//! Whole numbers that change evenly: differences as variable-length numbers, seven bits a byte, sign in the lowest
//! bit. A zero is followed by how many more zeros come. All arithmetic wraps, so every `i64` is exact.

use super::{Damaged, Input};

/// What is stored for each number after the first.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Order {
    /// Its difference from the one before.
    First,
    /// How that difference differs from the one before.
    Second,
}

pub(super) fn write(numbers: impl IntoIterator<Item = i64>, order: Order, out: &mut Vec<u8>) {
    let (mut last, mut slope, mut zeros) = (0_i64, 0_i64, 0_u64);
    for (place, number) in numbers.into_iter().enumerate() {
        let difference = number.wrapping_sub(last);
        let code = difference.wrapping_sub(slope);
        // The first number is no slope: nothing precedes it.
        slope = if order == Order::Second && place > 0 { difference } else { 0 };
        last = number;
        if code == 0 {
            zeros += 1;
            continue;
        }
        flush(&mut zeros, out);
        put(zigzag(code), out);
    }
    flush(&mut zeros, out);
}

fn flush(zeros: &mut u64, out: &mut Vec<u8>) {
    if *zeros > 0 {
        out.push(0);
        put(*zeros - 1, out);
        *zeros = 0;
    }
}

pub(super) fn read(input: &mut Input<'_>, count: usize, order: Order) -> Result<Vec<i64>, Damaged> {
    let mut found = Vec::with_capacity(count);
    let (mut last, mut slope, mut zeros) = (0_i64, 0_i64, 0_u64);
    for place in 0..count {
        let code = if zeros > 0 {
            zeros -= 1;
            0
        } else {
            let code = get(input)?;
            if code == 0 {
                zeros = get(input)?;
            }
            unzigzag(code)
        };
        let difference = slope.wrapping_add(code);
        last = last.wrapping_add(difference);
        slope = if order == Order::Second && place > 0 { difference } else { 0 };
        found.push(last);
    }
    if zeros > 0 {
        return Err(Damaged("more zeros than points"));
    }
    Ok(found)
}

pub(super) fn put(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn get(input: &mut Input<'_>) -> Result<u64, Damaged> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = input.byte()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Damaged("a number is too long"))
}

pub(super) fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

pub(super) fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}
