//! Unsigned LEB128, in its shortest form only: a number has one encoding.

pub(crate) fn put(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// The number at `at`, and where it ends. `None` if it is cut, too long or not in its shortest form.
pub(crate) fn checked(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.get(at..)?.iter().take(10).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index == 9 && bits > 1 {
            return None;
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return (*byte != 0 || index == 0).then_some((value, at + index + 1));
        }
    }
    None
}

/// Like [`checked`], of bytes that were checked before.
#[inline]
pub(crate) fn get(bytes: &[u8], at: usize) -> (u64, usize) {
    let first = bytes[at];
    if first < 0x80 {
        return (first.into(), at + 1);
    }
    let (mut value, mut shift, mut at) = (u64::from(first & 0x7f), 7, at + 1);
    loop {
        let byte = bytes[at];
        at += 1;
        value |= u64::from(byte & 0x7f) << (shift & 63);
        shift += 7;
        if byte < 0x80 {
            return (value, at);
        }
    }
}
