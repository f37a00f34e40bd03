/// MT19937 as NumPy's legacy `RandomState` uses it, for results that must agree with scikit-learn's splits.
#[derive(Clone)]
pub struct MersenneTwister {
    state: [u32; N],
    next: usize,
}

const N: usize = 624;
const M: usize = 397;

impl std::fmt::Debug for MersenneTwister {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MersenneTwister").field("next", &self.next).finish_non_exhaustive()
    }
}

impl MersenneTwister {
    /// As `numpy.random.RandomState(seed)`.
    pub fn new(seed: u32) -> Self {
        let mut state = [0; N];
        let mut word = seed;
        for (i, slot) in state.iter_mut().enumerate() {
            *slot = word;
            word = 1_812_433_253_u32.wrapping_mul(word ^ (word >> 30)).wrapping_add(i as u32 + 1);
        }
        Self { state, next: N }
    }

    fn refill(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let mix = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ mix;
        }
        self.next = 0;
    }

    pub fn bits(&mut self) -> u32 {
        if self.next == N {
            self.refill();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// In 0..=`most`: masked rejection, as `random_interval`.
    pub fn interval(&mut self, most: usize) -> usize {
        if most == 0 {
            return 0;
        }
        let mask = usize::MAX >> most.leading_zeros();
        loop {
            let drawn = if u32::try_from(most).is_ok() {
                self.bits() as usize
            } else {
                ((u64::from(self.bits()) << 32) | u64::from(self.bits())) as usize
            };
            if drawn & mask <= most {
                return drawn & mask;
            }
        }
    }

    /// As `RandomState.shuffle`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.interval(last);
            items.swap(last, other);
        }
    }

    /// As `RandomState.permutation(n)`.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut items: Vec<usize> = (0..n).collect();
        self.shuffle(&mut items);
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_numpy() {
        // numpy.random.RandomState(42).permutation(10), and RandomState(0).permutation(6).
        assert_eq!(MersenneTwister::new(42).permutation(10), [8, 1, 5, 0, 7, 2, 9, 4, 3, 6]);
        assert_eq!(MersenneTwister::new(0).permutation(6), [5, 2, 1, 3, 0, 4]);
    }
}
