use std::collections::{BTreeMap, BTreeSet};

use super::{Chunk, Limits, limits};
use crate::Error;
use crate::representation::independence;

/// Above so many rows of reference, upstream goes from the values themselves to a histogram of as many bins.
const EXACT: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContinuousMethod {
    KolmogorovSmirnov,
    JensenShannon,
    Wasserstein,
    Hellinger,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CategoricalMethod {
    ChiSquare,
    JensenShannon,
    LInfinity,
    Hellinger,
}

/// A numeric column of the reference, to hold chunks against.
#[derive(Clone, Debug)]
pub struct Continuous {
    sorted: Vec<f64>,
    /// Doane's edges, and the shares between them.
    edges: Vec<f64>,
    shares: Vec<f64>,
}

/// A categorical column of the reference.
#[derive(Clone, Debug)]
pub struct Categorical {
    counts: BTreeMap<String, f64>,
}

impl Continuous {
    /// NaN is passed over. Errors: `Empty`.
    pub fn fit(reference: &[f64]) -> Result<Self, Error> {
        let sorted = ascending(reference);
        if sorted.is_empty() {
            return Err(Error::Empty("a column of the reference"));
        }
        let edges = doane(&sorted);
        let shares = histogram(&sorted, &edges);
        Ok(Self { sorted, edges, shares })
    }

    /// Errors: `Empty` for a chunk without numbers.
    pub fn distance(&self, chunk: &[f64], method: ContinuousMethod) -> Result<f64, Error> {
        let chunk = ascending(chunk);
        if chunk.is_empty() {
            return Err(Error::Empty("a column of the chunk"));
        }
        let binned = self.sorted.len() >= EXACT;
        Ok(match method {
            ContinuousMethod::KolmogorovSmirnov if binned => self.binned_ks(&chunk),
            ContinuousMethod::KolmogorovSmirnov => {
                steps(&self.sorted, &chunk, |_, a, b, most: f64| most.max((a - b).abs()))
            }
            ContinuousMethod::Wasserstein if binned => self.binned_wasserstein(&chunk),
            ContinuousMethod::Wasserstein => {
                steps(&self.sorted, &chunk, |width, a, b, sum| sum + (a - b).abs() * width)
            }
            ContinuousMethod::JensenShannon => jensen_shannon(&self.shares, &histogram(&chunk, &self.edges)),
            ContinuousMethod::Hellinger => hellinger(&self.shares, &histogram(&chunk, &self.edges)),
        })
    }

    /// Three standard deviations above the mean of the reference's chunks.
    pub fn limits(&self, reference: &[f64], chunks: &[Chunk], method: ContinuousMethod) -> Limits {
        let of = |chunk: &Chunk| self.distance(&reference[chunk.clone()], method).unwrap_or(f64::NAN);
        let most = (method == ContinuousMethod::KolmogorovSmirnov).then_some(1.0);
        above(&chunks.iter().map(of).collect::<Vec<_>>(), most)
    }

    fn span(&self) -> (f64, f64) {
        (self.sorted[0], self.sorted[self.sorted.len() - 1])
    }

    fn binned_ks(&self, chunk: &[f64]) -> f64 {
        let (low, high) = self.span();
        let edges = linspace(low, high, EXACT);
        let (ours, theirs) = (histogram(&self.sorted, &edges), histogram(chunk, &edges));
        let below = chunk.partition_point(|v| *v < low) as f64 / chunk.len() as f64;
        let (mut a, mut b, mut most) = (0.0, below, 0.0_f64);
        for (x, y) in ours.iter().zip(&theirs) {
            a += x;
            b += y;
            most = most.max((a - b).abs());
        }
        most
    }

    fn binned_wasserstein(&self, chunk: &[f64]) -> f64 {
        let (low, high) = self.span();
        let edges = linspace(low, high, EXACT);
        let width = edges[1] - edges[0];
        let n = chunk.len() as f64;
        let below = &chunk[..chunk.partition_point(|v| *v < low)];
        let beyond = &chunk[chunk.partition_point(|v| *v <= high)..];
        // As upstream, whose share of rows below counts the edge as one more row.
        let outside = |mut values: Vec<f64>, rising: bool| {
            values.sort_by(f64::total_cmp);
            let m = values.len() as f64;
            let parts = values.windows(2).enumerate().map(|(i, pair)| {
                let cdf = (i + 1) as f64 / m;
                (if rising { cdf } else { 1.0 - cdf }) * (pair[1] - pair[0])
            });
            parts.sum::<f64>() * m / n
        };
        let (mut shift, mut sum) = (0.0, 0.0);
        if !below.is_empty() {
            sum += outside(below.iter().copied().chain([low]).collect(), true);
            shift = (below.len() as f64 + 1.0) / n;
        }
        if !beyond.is_empty() {
            sum += outside(beyond.iter().copied().chain([high]).collect(), false);
        }
        let (ours, theirs) = (histogram(&self.sorted, &edges), histogram(chunk, &edges));
        let (mut a, mut b) = (0.0, shift);
        for (x, y) in ours.iter().zip(&theirs) {
            a += x;
            b += y;
            sum += (a - b).abs() * width;
        }
        sum
    }
}

impl Categorical {
    /// `None` is passed over. Errors: `Empty`.
    pub fn fit(reference: &[Option<String>]) -> Result<Self, Error> {
        let counts = counted(reference);
        if counts.is_empty() { Err(Error::Empty("a column of the reference")) } else { Ok(Self { counts }) }
    }

    /// The statistic, and for chi-square its p-value; there an alert is a p-value below 0.05. Errors: `Empty`.
    pub fn distance(
        &self,
        chunk: &[Option<String>],
        method: CategoricalMethod,
    ) -> Result<(f64, Option<f64>), Error> {
        let found = counted(chunk);
        let (all, here): (f64, f64) = (self.counts.values().sum(), found.values().sum());
        if here == 0.0 {
            return Err(Error::Empty("a column of the chunk"));
        }
        let names: BTreeSet<&String> = self.counts.keys().chain(found.keys()).collect();
        let count = |of: &BTreeMap<String, f64>, name: &String| of.get(name).copied().unwrap_or(0.0);
        if method == CategoricalMethod::ChiSquare {
            let table: Vec<Vec<f64>> =
                names.iter().map(|name| vec![count(&self.counts, name), count(&found, name)]).collect();
            let chi = independence(&table, true)?;
            return Ok((chi.statistic, Some(chi.p)));
        }
        if method == CategoricalMethod::LInfinity {
            let apart =
                names.iter().map(|name| (count(&self.counts, name) / all - count(&found, name) / here).abs());
            return Ok((apart.fold(0.0, f64::max), None));
        }
        // Categories that the reference does not have make one more.
        let ours: Vec<f64> = self.counts.values().map(|n| n / all).collect();
        let theirs: Vec<f64> = self.counts.keys().map(|name| count(&found, name) / here).collect();
        let distance = match method {
            CategoricalMethod::JensenShannon => jensen_shannon(&ours, &theirs),
            _ => hellinger(&ours, &theirs),
        };
        Ok((distance, None))
    }

    /// Three standard deviations above the mean of the reference's chunks; none for chi-square.
    pub fn limits(
        &self,
        reference: &[Option<String>],
        chunks: &[Chunk],
        method: CategoricalMethod,
    ) -> Limits {
        if method == CategoricalMethod::ChiSquare {
            return Limits::default();
        }
        let of =
            |chunk: &Chunk| self.distance(&reference[chunk.clone()], method).map_or(f64::NAN, |(d, _)| d);
        above(&chunks.iter().map(of).collect::<Vec<_>>(), None)
    }
}

fn above(values: &[f64], most: Option<f64>) -> Limits {
    Limits { lower: None, ..limits(values, 3.0, None, most, false) }
}

fn ascending(values: &[f64]) -> Vec<f64> {
    let mut known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    known.sort_by(f64::total_cmp);
    known
}

fn counted(values: &[Option<String>]) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::new();
    values.iter().flatten().for_each(|v| *counts.entry(v.clone()).or_default() += 1.0);
    counts
}

/// As `numpy.linspace(low, high, bins + 1)`.
fn linspace(low: f64, high: f64, bins: usize) -> Vec<f64> {
    let step = (high - low) / bins as f64;
    (0..=bins).map(|i| if i == bins { high } else { low + i as f64 * step }).collect()
}

/// Doane's bins of ascending values, as `numpy.histogram_bin_edges`.
fn doane(sorted: &[f64]) -> Vec<f64> {
    let n = sorted.len() as f64;
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    let mean = sorted.iter().sum::<f64>() / n;
    let spread = (sorted.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
    let mut width = 0.0;
    if n > 2.0 && spread > 0.0 {
        let usual = (6.0 * (n - 2.0) / ((n + 1.0) * (n + 3.0))).sqrt();
        let skew = sorted.iter().map(|v| ((v - mean) / spread).powi(3)).sum::<f64>() / n;
        width = (high - low) / (1.0 + n.log2() + (1.0 + skew.abs() / usual).log2());
    }
    if high == low {
        return linspace(low - 0.5, high + 0.5, 1);
    }
    let bins = if width > 0.0 { ((high - low) / width).ceil() as usize } else { 1 };
    linspace(low, high, bins.max(1))
}

/// The share of ascending values between edges, each closed on the left, the last on both sides. What lies beyond makes
/// the shares sum to less than 1.
fn histogram(sorted: &[f64], edges: &[f64]) -> Vec<f64> {
    let last = edges.len() - 1;
    let before =
        |i: usize| sorted.partition_point(|v| if i == last { *v <= edges[i] } else { *v < edges[i] });
    (0..last).map(|i| (before(i + 1) - before(i)) as f64 / sorted.len() as f64).collect()
}

/// With what is missing of the second as one more bin that the first does not have.
fn with_rest(ours: &[f64], theirs: &[f64]) -> Vec<(f64, f64)> {
    let mut pairs: Vec<(f64, f64)> = ours.iter().copied().zip(theirs.iter().copied()).collect();
    let rest = 1.0 - theirs.iter().sum::<f64>();
    if rest > 0.0 {
        pairs.push((0.0, rest));
    }
    pairs
}

/// The distance to base 2: 0 to 1.
fn jensen_shannon(ours: &[f64], theirs: &[f64]) -> f64 {
    let pairs = with_rest(ours, theirs);
    let (a, b) = pairs.iter().fold((0.0, 0.0), |(a, b), pair| (a + pair.0, b + pair.1));
    let part = |x: f64, middle: f64| if x > 0.0 { x * (x / middle).ln() } else { 0.0 };
    let sum: f64 = pairs
        .iter()
        .map(|(x, y)| {
            let (x, y) = (x / a, y / b);
            part(x, (x + y) / 2.0) + part(y, (x + y) / 2.0)
        })
        .sum();
    (sum / std::f64::consts::LN_2 / 2.0).max(0.0).sqrt()
}

fn hellinger(ours: &[f64], theirs: &[f64]) -> f64 {
    let squares = with_rest(ours, theirs).iter().map(|(x, y)| (x.sqrt() - y.sqrt()).powi(2)).sum::<f64>();
    squares.sqrt() / std::f64::consts::SQRT_2
}

/// Goes along both ascending samples: `step` gets the width to the next value, both cumulative shares, and what it
/// said before.
fn steps(a: &[f64], b: &[f64], step: impl Fn(f64, f64, f64, f64) -> f64) -> f64 {
    let (mut i, mut j, mut found) = (0, 0, 0.0);
    while i < a.len() || j < b.len() {
        let at = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.min(*y),
            (Some(x), None) => *x,
            (None, Some(y)) => *y,
            (None, None) => break,
        };
        while a.get(i).is_some_and(|v| *v <= at) {
            i += 1;
        }
        while b.get(j).is_some_and(|v| *v <= at) {
            j += 1;
        }
        let next = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.min(*y),
            (Some(x), None) => *x,
            (None, Some(y)) => *y,
            (None, None) => at,
        };
        found = step(next - at, i as f64 / a.len() as f64, j as f64 / b.len() as f64, found);
    }
    found
}
