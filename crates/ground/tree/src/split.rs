//! Where nodes end.
//!
//! Entries of a level are taken one after the other; behind some of them the node ends, and the next one starts anew.
//! Whether a node ends behind an entry follows from a hash of its key and from how much the node holds by then, so the
//! nodes of a level are a function of its entries, and a change moves no boundary but, seldom, those near it. The
//! chance of an end rises with the fourth power of the size (a Weibull distribution of shape 4, as Dolt uses), which
//! keeps sizes even: nine nodes in ten have between half and one and a half times the mean.
//!
//! A value counts by its class only, so that writing another value of ordinary size moves no boundary.
//!
//! Keys may be crafted. No node ends before a quarter of [`scale`] nor goes on beyond four times it. Beyond twice of
//! it, where one honest node in ten million comes, the chance rises quickly to one less 2^-20: to make nodes of full
//! size, whose boundaries move with every insertion before them, takes a million hashes for each key.

use types::Hasher;

/// What a value of at most [`ORDINARY`] bytes counts as.
const CLASS: u64 = 128;
const ORDINARY: usize = 512;
/// Lengths, weight and the like, of an entry of a leaf.
const LEAF_ENTRY: u64 = 5;
/// Child id, sums and the like, of an entry of an inner node.
const INNER_ENTRY: u64 = 42;

/// The binary logarithm of the size at which 63 % of the nodes of a level have ended: 128 KiB for leaves, about a
/// thousand entries, and 32 KiB for inner nodes, about five hundred.
fn scale(level: u8) -> u32 {
    match level {
        // Small nodes make deep trees of what a property test can afford.
        0 if cfg!(test) => 11,
        _ if cfg!(test) => 8,
        0 => 17,
        _ => 15,
    }
}

/// What an entry adds to the size of its node: `suffix` is what its key has beyond the one before it in the node.
pub(crate) fn size(level: u8, suffix: usize, value: usize) -> u64 {
    let value = match level {
        0 if value <= ORDINARY => LEAF_ENTRY + CLASS,
        0 => LEAF_ENTRY + value.next_power_of_two() as u64,
        _ => INNER_ENTRY,
    };
    suffix as u64 + value
}

/// Whether a node of `total` size and `entries` entries, the last of them with `key` and `size`, ends there.
pub(crate) fn ends(level: u8, key: &[u8], size: u64, total: u64, entries: usize) -> bool {
    let scale = scale(level);
    // A level of inner nodes must have fewer nodes than the one below it.
    if total < 1 << (scale - 2) || (level > 0 && entries < 2) {
        return false;
    }
    total >= 4 << scale || hash(level, key) < threshold(scale, size, total)
}

/// The first eight bytes of SHA-256 of level and key. Each level draws anew: its keys are ends of the one below.
fn hash(level: u8, key: &[u8]) -> u64 {
    let mut hasher = Hasher::new();
    hasher.update([level]);
    hasher.update(key);
    let digest = hasher.finish();
    let bytes = digest.as_bytes();
    u64::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
}

/// The chance of an end, in units of 2^-64: 4·size·total³/scale⁴, and far beyond `scale` more than that.
fn threshold(scale: u32, size: u64, total: u64) -> u64 {
    let size = size.min(1 << scale);
    let cube = u128::from(size) * u128::from(total) * u128::from(total) * u128::from(total);
    // Both are below 2^(3 · (scale + 2) + scale), so nothing is lost.
    let usual = if 4 * scale >= 66 { cube >> (4 * scale - 66) } else { cube << (66 - 4 * scale) };
    let usual = u64::try_from(usual).unwrap_or(u64::MAX);
    match total.checked_sub(2 << scale) {
        None => usual,
        // The chance to go on is halved twenty times between twice and four times the scale.
        Some(beyond) => {
            let steps = beyond * 20;
            let whole = (steps >> (scale + 1)).min(63);
            let part = u128::from(steps & ((2 << scale) - 1));
            let on = 1_u128 << (64 - whole);
            let on = on - ((on * part) >> (scale + 2));
            usual.max(u64::try_from((1_u128 << 64) - on).unwrap_or(u64::MAX))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chance_of_an_end_rises_with_the_size_of_the_node() {
        for scale in [15, 17] {
            let chances: Vec<u64> = (1..=256).map(|i| threshold(scale, 100, i << (scale - 6))).collect();
            assert!(chances.is_sorted());
            // 4 · 100 / 2^scale at the scale itself.
            assert_eq!(chances[63] >> 32, (400_u64 << 32) >> scale);
            assert!(u64::MAX - chances[255] <= 1 << 44);
            assert!(u64::MAX - chances[255] >= 1 << 43);
        }
    }

    #[test]
    fn ordinary_values_count_alike_and_large_ones_by_size() {
        assert_eq!(size(0, 10, 0), size(0, 10, 512));
        assert_eq!(size(0, 0, 70_000), 5 + 131_072);
    }
}
