use serde::{Deserialize, Serialize};

/// 2¹² registers: estimates are off by about 1.6 %.
const BITS: u32 = 12;
const REGISTERS: usize = 1 << BITS;

/// How many different values there are (HyperLogLog; Flajolet and others, 2007, with linear counting for few). Merging
/// sketches of parts gives the very sketch of the whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distinct {
    #[serde(with = "base64")]
    registers: Vec<u8>,
}

impl Default for Distinct {
    fn default() -> Self {
        Self { registers: vec![0; REGISTERS] }
    }
}

/// Registers as text of one character each, since they are small.
mod base64 {
    use serde::{Deserialize as _, Deserializer, Serializer};

    const FIRST: u8 = b'0';

    pub fn serialize<S: Serializer>(registers: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = registers.iter().map(|r| char::from(r + FIRST)).collect();
        serializer.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let registers: Vec<u8> = text.bytes().map(|b| b.saturating_sub(FIRST)).collect();
        if registers.len() == super::REGISTERS {
            Ok(registers)
        } else {
            Err(serde::de::Error::custom("a sketch of distinct values has another size"))
        }
    }
}

/// Mixes all bits of a word into all others (the finaliser of MurmurHash3).
fn mix(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ word >> 33
}

impl Distinct {
    fn add_hash(&mut self, hash: u64) {
        let place = (hash >> (64 - BITS)) as usize;
        let rank = ((hash << BITS) | 1 << (BITS - 1)).leading_zeros() as u8 + 1;
        let register = &mut self.registers[place];
        *register = (*register).max(rank);
    }

    pub fn add_number(&mut self, value: f64) {
        // −0 and 0 are one value.
        self.add_hash(mix((value + 0.0).to_bits() ^ 0x9e37_79b9_7f4a_7c15));
    }

    /// Hashed in words of 8 bytes (FNV-like, then mixed): the same on every machine and in every version.
    pub fn add_text(&mut self, text: &str) {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ text.len() as u64;
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            hash = mix(hash ^ u64::from_le_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.add_hash(mix(hash));
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.registers.iter_mut().zip(&other.registers) {
            *mine = (*mine).max(*theirs);
        }
    }

    pub fn estimate(&self) -> f64 {
        let m = REGISTERS as f64;
        let sum: f64 = self.registers.iter().map(|r| 2.0_f64.powi(-i32::from(*r))).sum();
        let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
        let empty = self.registers.iter().filter(|r| **r == 0).count() as f64;
        if raw <= 2.5 * m && empty > 0.0 { m * (m / empty).ln() } else { raw }
    }
}
