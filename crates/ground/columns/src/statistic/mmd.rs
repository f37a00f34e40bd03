use crate::drift::NotComputable;
use crate::random::MersenneTwister;

/// Rows of both samples together that a kernel matrix is made for (8 bytes for each pair).
const MOST_ROWS: usize = 6_000;
const PERMUTATIONS: usize = 100;

/// Maximum mean discrepancy of two samples of numbers with a Gaussian kernel, whose width is the median distance of the
/// reference to itself (Evidently's `empirical_mmd`).
pub struct Mmd {
    /// The unbiased squared discrepancy; may be a little below 0.
    pub statistic: f64,
    kernel: Vec<f64>,
    rows: usize,
    first: usize,
}

impl Mmd {
    /// Errors: `Reason` for a sample of one value, and for more rows than a matrix of pairs is made for.
    pub fn of(x: &[f64], y: &[f64]) -> Result<Self, NotComputable> {
        let rows = x.len() + y.len();
        if x.len() < 2 || y.len() < 2 {
            return Err(NotComputable::reason("the test needs at least two values in each sample"));
        }
        if rows > MOST_ROWS {
            return Err(NotComputable::reason(format!(
                "the test compares each pair of {rows} values; at most {MOST_ROWS} are possible"
            )));
        }
        let squared = |a: f64, b: f64| b * b - 2.0 * (a * b) + a * a;
        let mut distances: Vec<f64> = x.iter().flat_map(|a| x.iter().map(|b| squared(*a, *b))).collect();
        let middle = ((distances.len() - 1) as f64 * 0.5).round_ties_even() as usize;
        let (_, median, _) = distances.select_nth_unstable_by(middle, f64::total_cmp);
        let sigma = (0.5 * *median).sqrt();
        let sigma = if sigma == 0.0 { 0.5_f64.sqrt() } else { sigma };
        let gamma = 1.0 / (2.0 * sigma * sigma);
        let all: Vec<f64> = x.iter().chain(y).copied().collect();
        let mut kernel = vec![0.0; rows * rows];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate().take(i) {
                let value = (-gamma * squared(*a, *b)).exp();
                kernel[i * rows + j] = value;
                kernel[j * rows + i] = value;
            }
        }
        let order: Vec<usize> = (0..rows).collect();
        let mut mmd = Self { statistic: 0.0, kernel, rows, first: x.len() };
        mmd.statistic = mmd.discrepancy(&order);
        Ok(mmd)
    }

    fn discrepancy(&self, order: &[usize]) -> f64 {
        let (first, second) = order.split_at(self.first);
        let within = |rows: &[usize]| -> f64 {
            rows.iter()
                .map(|i| {
                    let row = &self.kernel[i * self.rows..(i + 1) * self.rows];
                    rows.iter().map(|j| row[*j]).sum::<f64>()
                })
                .sum()
        };
        let across: f64 = first
            .iter()
            .map(|i| {
                let row = &self.kernel[i * self.rows..(i + 1) * self.rows];
                second.iter().map(|j| row[*j]).sum::<f64>()
            })
            .sum();
        let (n, m) = (first.len() as f64, second.len() as f64);
        within(first) / (n * (n - 1.0)) + within(second) / (m * (m - 1.0)) - 2.0 * across / (n * m)
    }

    /// Share of 100 permutations (seed 0; Evidently's have none) whose discrepancy is at least this one.
    pub fn p_value(&self) -> f64 {
        let mut random = MersenneTwister::new(0);
        let reached = (0..PERMUTATIONS)
            .filter(|_| {
                let mut order: Vec<usize> = (0..self.rows).collect();
                random.shuffle(&mut order);
                self.statistic <= self.discrepancy(&order)
            })
            .count();
        reached as f64 / PERMUTATIONS as f64
    }
}
