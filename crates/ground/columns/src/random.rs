//! NumPy's legacy generator (`numpy.random.RandomState`), so that what is drawn with a seed there is drawn here.

const SIZE: usize = 624;
const SHIFT: usize = 397;

/// MT19937 (Matsumoto and Nishimura, 1998), seeded as `RandomState(seed)` does.
#[derive(Clone)]
pub struct MersenneTwister {
    state: [u32; SIZE],
    at: usize,
}

impl MersenneTwister {
    pub fn new(seed: u32) -> Self {
        let mut state = [0_u32; SIZE];
        let mut value = seed;
        for (i, slot) in state.iter_mut().enumerate() {
            *slot = value;
            value = 1_812_433_253_u32.wrapping_mul(value ^ (value >> 30)).wrapping_add(i as u32 + 1);
        }
        Self { state, at: SIZE }
    }

    fn refill(&mut self) {
        for i in 0..SIZE {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % SIZE] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + SHIFT) % SIZE] ^ (y >> 1) ^ odd;
        }
        self.at = 0;
    }

    pub fn next_u32(&mut self) -> u32 {
        if self.at == SIZE {
            self.refill();
        }
        let mut y = self.state[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// `rand()`: 53 bits in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        let (a, b) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(a) * 67_108_864.0 + f64::from(b)) / 9_007_199_254_740_992.0
    }

    /// A whole number in 0..=`most`, by rejection under a mask (`randint`, `shuffle`).
    pub fn up_to(&mut self, most: u64) -> u64 {
        if most == 0 {
            return 0;
        }
        let mask = u64::MAX >> most.leading_zeros();
        loop {
            let word = if most <= u64::from(u32::MAX) {
                u64::from(self.next_u32())
            } else {
                u64::from(self.next_u32()) << 32 | u64::from(self.next_u32())
            };
            if word & mask <= most {
                return word & mask;
            }
        }
    }

    /// `shuffle` of an array.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.up_to(i as u64) as usize;
            items.swap(i, j);
        }
    }

    /// `permutation(count)`.
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        self.shuffle(&mut order);
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_numpy() {
        let mut random = MersenneTwister::new(0);
        assert_eq!(random.uniform(), 0.548_813_503_927_324_8);
        assert_eq!(MersenneTwister::new(42).permutation(6), [0, 1, 5, 2, 4, 3]);
        assert_eq!(MersenneTwister::new(42).up_to(2_147_483_646), 1_608_637_542);
    }
}
