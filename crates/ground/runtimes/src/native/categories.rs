//! Tests of a node that are no comparison: sets of categories, and LightGBM's zeros that count as missing.

use super::outputs::bytes;

/// A set of small whole numbers, one bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits(pub Vec<u32>);

impl Bits {
    pub(crate) fn has(&self, value: u64) -> bool {
        let word = usize::try_from(value / 32).ok().and_then(|i| self.0.get(i));
        word.is_some_and(|w| w >> (value % 32) & 1 == 1)
    }

    pub(crate) fn insert(&mut self, value: u32) {
        let word = (value / 32) as usize;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (value % 32);
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Test {
    /// XGBoost (`common/categorical.h`): members of the set go right; negative, too large and unknown ones left.
    RightSet(Bits),
    /// LightGBM (`Tree::CategoricalDecision`): members go left; missing, negative and unknown ones right.
    LeftSet(Bits),
    /// scikit-learn's histogram trees: members of `left` go left, other known ones right, unknown ones as if missing.
    Known { left: Bits, known: Bits },
    /// LightGBM's `missing_type=zero`: |x| <= 1e-35 and NaN count as missing, and go left where `missing_left`.
    ZeroMissing { threshold: f64 },
}

/// `kZeroThreshold` of LightGBM, an `f32`.
const ZERO: f64 = 1e-35_f32 as f64;

impl Test {
    /// Bytes of its sets.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::RightSet(set) | Self::LeftSet(set) => bytes(&set.0),
            Self::Known { left, known } => bytes(&left.0) + bytes(&known.0),
            Self::ZeroMissing { .. } => 0,
        }
    }

    pub(crate) fn goes_left(&self, value: f64, missing_left: bool) -> bool {
        match self {
            Self::RightSet(set) => {
                if value.is_nan() {
                    return missing_left;
                }
                // 2^24: XGBoost's first category that is out of range.
                if !(0.0..16_777_216.0).contains(&value) {
                    return true;
                }
                !set.has(value as u64)
            }
            Self::LeftSet(set) => {
                // A cast of an f64 outside of the 32-bit range is the smallest integer on x86: negative.
                if value.is_nan() || value <= -1.0 || value >= 2_147_483_648.0 {
                    return false;
                }
                set.has(value as u64)
            }
            Self::Known { left, known } => {
                if value.is_nan() || !(0.0..=255.0).contains(&value) {
                    return missing_left;
                }
                let category = value as u64;
                if left.has(category) {
                    true
                } else if known.has(category) {
                    false
                } else {
                    missing_left
                }
            }
            Self::ZeroMissing { threshold } => {
                if value.is_nan() || (-ZERO..=ZERO).contains(&value) {
                    missing_left
                } else {
                    value <= *threshold
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_answer_beyond_their_words() {
        let mut bits = Bits::default();
        bits.insert(3);
        bits.insert(40);
        assert!(bits.has(3) && bits.has(40));
        assert!(!bits.has(4) && !bits.has(64) && !bits.has(u64::MAX));
    }

    #[test]
    fn each_library_has_its_own_rule_for_unknown_categories() {
        let mut set = Bits::default();
        set.insert(1);
        let mut known = set.clone();
        known.insert(2);
        let xgboost = Test::RightSet(set.clone());
        let lightgbm = Test::LeftSet(set.clone());
        let histogram = Test::Known { left: set, known };
        assert!(
            !xgboost.goes_left(1.0, true) && xgboost.goes_left(9.0, false) && xgboost.goes_left(-1.0, false)
        );
        assert!(!xgboost.goes_left(f64::NAN, false) && xgboost.goes_left(f64::NAN, true));
        assert!(
            lightgbm.goes_left(1.0, false)
                && !lightgbm.goes_left(9.0, true)
                && !lightgbm.goes_left(-3.0, true)
        );
        assert!(histogram.goes_left(1.0, false) && !histogram.goes_left(2.0, true));
        assert!(histogram.goes_left(9.0, true) && !histogram.goes_left(9.0, false));
    }
}
