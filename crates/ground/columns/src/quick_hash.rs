//! Hashes for the many small keys of columns.

use std::hash::{BuildHasher, Hasher, RandomState};

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
const LAST: u64 = 0xff51_afd7_ed55_8ccd;

/// Both halves of the product, so that high bits of a key reach the low bits, which choose the place, too.
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Makes hashers that are quick for numbers and short texts, of which there are many in a column. They start at a number that
/// is drawn anew for each map, so that nobody can prepare data whose keys all fall on one place.
#[derive(Clone, Debug)]
pub struct QuickHash(u64);

impl Default for QuickHash {
    fn default() -> Self {
        Self(RandomState::new().hash_one(ODD))
    }
}

impl BuildHasher for QuickHash {
    type Hasher = QuickHasher;

    fn build_hasher(&self) -> QuickHasher {
        QuickHasher(self.0)
    }
}

/// One hash in the making.
#[derive(Clone, Debug)]
pub struct QuickHasher(u64);

impl QuickHasher {
    fn mix(&mut self, word: u64) {
        self.0 = folded(self.0.rotate_left(23) ^ word, ODD);
    }
}

impl Hasher for QuickHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
    }

    // What ends a text, and which kind of key it is: they tell little apart.
    fn write_u8(&mut self, n: u8) {
        self.0 ^= u64::from(n);
    }

    fn write_isize(&mut self, n: isize) {
        self.0 ^= (n as u64) << 8;
    }

    fn write_u64(&mut self, n: u64) {
        self.mix(n);
    }

    fn write_i64(&mut self, n: i64) {
        self.mix(n as u64);
    }

    fn finish(&self) -> u64 {
        folded(self.0, LAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_has_hashes_of_its_own_and_they_spread() {
        let (one, other) = (QuickHash::default(), QuickHash::default());
        assert_eq!(one.hash_one("a text"), one.hash_one("a text"));
        assert_ne!(one.hash_one("a text"), other.hash_one("a text"));
        let mut low: Vec<u64> = (0..4096_u64).map(|n| one.hash_one(n << 40) & 0xffff).collect();
        low.sort_unstable();
        low.dedup();
        assert!(low.len() > 3500, "{} of 4096", low.len());
    }
}
