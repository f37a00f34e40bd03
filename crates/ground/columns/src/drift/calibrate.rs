//! p-values that hold for samples of any size: exact or asymptotic where the method has one, else by permutation, which
//! needs no assumption but that rows without drift could stand in either sample.

use super::pair::{Numbers, Pair};
use super::{Method, NotComputable, binned};
use crate::random::MersenneTwister;
use crate::{statistic, text};

/// Permutations end early after so many that reach the observed score (Besag and Clifford, 1991).
const ENOUGH: usize = 20;
/// Up to this many rows whole samples are permuted.
const SMALL: usize = 200;
/// Up to this many rows groups are filled by shuffling rows; above, by hypergeometric draws.
const SHUFFLED: usize = 20_000;
/// Most groups that ordered values are joined into.
const GROUPS: usize = 2_048;
/// Below this expected count the χ² distribution is not trusted.
const LEAST_EXPECTED: f64 = 5.0;

/// The chance of at least this score without drift. `score` is the method's own; `permutations` bounds the work and, with
/// it, how small a value can be told: 1/(permutations + 1).
pub(crate) fn p_value(
    method: Method,
    pair: &Pair,
    score: f64,
    permutations: usize,
) -> Result<f64, NotComputable> {
    let (n, m) = pair.rows();
    match (method, pair) {
        (Method::ChiSquare | Method::Z | Method::GTest | Method::FisherExact | Method::TotalVariation, _) => {
            let (reference, current) = binned::by_value(pair)?;
            Ok(homogeneity(&reference, &current, permutations))
        }
        (Method::Psi | Method::KlDivergence | Method::JensenShannon, _) => {
            let (reference, current) = binned::counts(pair)?;
            let of = match method {
                Method::Psi => super::psi,
                Method::KlDivergence => super::kl_divergence,
                _ => super::jensen_shannon,
            };
            Ok(groups(&reference, &current, permutations, |r, c| of(r, c).unwrap_or(f64::NAN)))
        }
        (Method::Hellinger, Pair::Numbers { reference, current }) => {
            let edges = binned::sturges(&[reference, current])?;
            let (r, c) =
                (binned::histogram(reference.sorted(), &edges), binned::histogram(current.sorted(), &edges));
            Ok(groups(&r, &c, permutations, binned::hellinger_counts))
        }
        (Method::Hellinger, _) => {
            let (reference, current) = binned::by_value(pair)?;
            Ok(groups(&reference, &current, permutations, binned::hellinger_counts))
        }
        (Method::Wasserstein | Method::EnergyDistance, Pair::Numbers { reference, current }) => {
            Ok(distances(method, reference, current, permutations))
        }
        (Method::PercentileText | Method::AbsoluteText, _) => Ok(area(score, n, m)),
        (Method::MannWhitney, Pair::Numbers { reference, current }) => {
            let other = statistic::mann_whitney_less(current.sorted(), reference.sorted());
            Ok((2.0 * score.min(other)).min(1.0))
        }
        (Method::Ks | Method::EmpiricalMmd | Method::CramerVonMises, _) => Ok(score),
        (_, Pair::Numbers { reference, current }) if n + m <= SMALL => {
            Ok(whole(method, reference, current, score, permutations))
        }
        _ => Ok(score),
    }
}

/// Adjusts p-values for their number by Benjamini and Hochberg (1995): a set of columns without drift has, with
/// probability of at most α, any adjusted value of at most α. NaN stays and does not count.
pub(crate) fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).filter(|i| !p_values[*i].is_nan()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut found = vec![f64::NAN; p_values.len()];
    let (count, mut least) = (order.len() as f64, 1.0_f64);
    for (rank, at) in order.iter().enumerate().rev() {
        least = least.min(p_values[*at] * count / (rank + 1) as f64);
        found[*at] = least;
    }
    found
}

/// p-value of χ² that both samples have the same shares: Fisher's exact test for two categories, permutations where
/// counts are small.
fn homogeneity(reference: &[u64], current: &[u64], permutations: usize) -> f64 {
    let (n, m) = (reference.iter().sum::<u64>(), current.iter().sum::<u64>());
    match reference.len() {
        0 | 1 => return 1.0,
        2 if n + m <= SHUFFLED as u64 => {
            return statistic::fisher(reference[0], reference[1], current[0], current[1]);
        }
        _ => {}
    }
    let (n, m) = (n as f64, m as f64);
    let chi_square = |r: &[u64], c: &[u64]| -> f64 {
        let cell = |a: &u64, b: &u64| {
            let total = (a + b) as f64;
            let (x, y) = (total * n / (n + m), total * m / (n + m));
            if total == 0.0 { 0.0 } else { (*a as f64 - x).powi(2) / x + (*b as f64 - y).powi(2) / y }
        };
        r.iter().zip(c).map(|(a, b)| cell(a, b)).sum()
    };
    let least = reference.iter().zip(current).map(|(a, b)| (a + b) as f64 * n.min(m) / (n + m));
    if least.fold(f64::INFINITY, f64::min) >= LEAST_EXPECTED {
        return statistic::chi_square_survival(reference.len() as f64 - 1.0, chi_square(reference, current));
    }
    groups(reference, current, permutations, chi_square)
}

/// Share of the ways to deal the groups' rows out again whose score is at least the observed one.
fn groups(
    reference: &[u64],
    current: &[u64],
    permutations: usize,
    of: impl Fn(&[u64], &[u64]) -> f64,
) -> f64 {
    let observed = of(reference, current);
    let limit = observed - observed.abs() * 1e-12;
    let mut deal = Deal::new(reference, current);
    sequential(permutations, || {
        let (r, c) = deal.next();
        of(&r, &c) >= limit
    })
}

fn sequential(permutations: usize, mut reaches: impl FnMut() -> bool) -> f64 {
    let mut reached = 0;
    for drawn in 1..=permutations {
        reached += usize::from(reaches());
        if reached >= ENOUGH {
            return reached as f64 / drawn as f64;
        }
    }
    (reached + 1) as f64 / (permutations + 1) as f64
}

/// Deals the rows of groups out to two samples of the same sizes as before.
struct Deal {
    totals: Vec<u64>,
    first: u64,
    rows: Vec<u32>,
    random: MersenneTwister,
}

impl Deal {
    fn new(reference: &[u64], current: &[u64]) -> Self {
        let totals: Vec<u64> = reference.iter().zip(current).map(|(a, b)| a + b).collect();
        let all: u64 = totals.iter().sum();
        let rows = if all <= SHUFFLED as u64 {
            let row = |(i, count): (usize, &u64)| std::iter::repeat_n(i as u32, *count as usize);
            totals.iter().enumerate().flat_map(row).collect()
        } else {
            Vec::new()
        };
        Self { totals, first: reference.iter().sum(), rows, random: MersenneTwister::new(0) }
    }

    fn next(&mut self) -> (Vec<u64>, Vec<u64>) {
        let mut drawn = vec![0; self.totals.len()];
        if self.rows.is_empty() {
            let mut left: u64 = self.totals.iter().sum();
            let mut wanted = self.first;
            for (slot, total) in drawn.iter_mut().zip(&self.totals) {
                *slot = hypergeometric(&mut self.random, *total, left, wanted);
                left -= total;
                wanted -= *slot;
            }
        } else {
            // Only the first sample's rows need to be drawn.
            let count = self.rows.len();
            for i in 0..self.first as usize {
                let j = i + self.random.up_to((count - i - 1) as u64) as usize;
                self.rows.swap(i, j);
                drawn[self.rows[i] as usize] += 1;
            }
        }
        let rest = self.totals.iter().zip(&drawn).map(|(all, some)| all - some).collect();
        (drawn, rest)
    }
}

/// How many of `group` rows are among `wanted` that are taken from `all`: drawn one by one in small groups, by the normal
/// approximation in large ones.
fn hypergeometric(random: &mut MersenneTwister, group: u64, all: u64, wanted: u64) -> u64 {
    let (least, most) = ((wanted + group).saturating_sub(all), group.min(wanted));
    if least == most {
        return most;
    }
    let share = wanted as f64 / all as f64;
    let rest = (all - group) as f64 / (all as f64 - 1.0);
    let variance = group as f64 * share * (1.0 - share) * rest;
    if group <= 64 || variance < 9.0 && group < 4_096 {
        let (mut left, mut open, mut drawn) = (all, wanted, 0);
        for _ in 0..group {
            if open > 0 && random.uniform() * (left as f64) < open as f64 {
                drawn += 1;
                open -= 1;
            }
            left -= 1;
        }
        return drawn;
    }
    let (u, v) = (random.uniform().max(1e-300), random.uniform());
    let normal = (-2.0 * u.ln()).sqrt() * (2.0 * std::f64::consts::PI * v).cos();
    let drawn = (group as f64 * share + normal * variance.sqrt()).round();
    (drawn.max(0.0) as u64).clamp(least, most)
}

/// Wasserstein or energy distance of groups of neighbouring values.
fn distances(method: Method, reference: &Numbers, current: &Numbers, permutations: usize) -> f64 {
    let mut all: Vec<f64> = reference.sorted().iter().chain(current.sorted()).copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    let step = all.len().div_ceil(GROUPS).max(1);
    let mut ends: Vec<f64> =
        all.iter().skip(step - 1).step_by(step).copied().chain(all.last().copied()).collect();
    ends.dedup_by(|a, b| a == b);
    let count = |sorted: &[f64]| -> Vec<u64> {
        let mut from = 0;
        ends.iter()
            .map(|end| {
                let to = sorted.partition_point(|v| v <= end);
                let here = to - from;
                from = to;
                here as u64
            })
            .collect()
    };
    let (r, c) = (count(reference.sorted()), count(current.sorted()));
    let (n, m) = (reference.sorted().len() as f64, current.sorted().len() as f64);
    groups(&r, &c, permutations, |a, b| {
        let (mut i, mut j, mut total) = (0, 0, 0.0);
        for (k, pair) in ends.windows(2).enumerate() {
            i += a[k];
            j += b[k];
            let difference = (i as f64 / n - j as f64 / m).abs();
            let width = pair[1] - pair[0];
            total += if method == Method::Wasserstein { difference } else { difference * difference } * width;
        }
        total
    })
}

/// A test's own p-value as the score of whole permuted samples.
fn whole(method: Method, reference: &Numbers, current: &Numbers, score: f64, permutations: usize) -> f64 {
    let all: Vec<f64> = reference.values().iter().chain(current.values()).copied().collect();
    let mut random = MersenneTwister::new(0);
    sequential(permutations.min(999), || {
        let mut order = all.clone();
        random.shuffle(&mut order);
        let (x, y) = order.split_at(reference.values().len());
        let part = |values: &[f64]| Numbers::new(values.to_vec(), reference.number);
        let pair = Pair::Numbers { reference: part(x), current: part(y) };
        super::score(method, &pair).is_ok_and(|found| found <= score + 1e-12)
    })
}

/// Chance of at least this area under the ROC curve for a classifier that learnt nothing, on the half it is judged by.
fn area(score: f64, reference: usize, current: usize) -> f64 {
    let judged = text::judged(reference, current);
    let (hits, misses) =
        (judged.iter().filter(|c| **c).count() as f64, judged.iter().filter(|c| !**c).count() as f64);
    let spread = ((hits + misses + 1.0) / (12.0 * hits * misses)).sqrt();
    1.0 - statistic::normal_cumulative((score - 0.5) / spread)
}
