//! Counts of two samples over the same bins, as Evidently makes them.

use super::NotComputable;
use super::pair::{NumberType, Numbers, Pair};

/// Over this many different values in the reference, numbers are cut into intervals.
const BY_VALUE: usize = 20;

/// Counts of both samples: Sturges' intervals of their union for numbers with more than 20 different reference values,
/// else one bin for each value that occurs.
pub(crate) fn counts(pair: &Pair) -> Result<(Vec<u64>, Vec<u64>), NotComputable> {
    match pair {
        Pair::Numbers { reference, current } if reference.distinct() > BY_VALUE => {
            let edges = sturges(&[reference, current])?;
            Ok((histogram(reference.sorted(), &edges), histogram(current.sorted(), &edges)))
        }
        other => by_value(other),
    }
}

/// Counts for each value that occurs in either, in order of the values.
pub(crate) fn by_value(pair: &Pair) -> Result<(Vec<u64>, Vec<u64>), NotComputable> {
    match pair {
        Pair::Numbers { reference, current } => {
            let (mut x, mut y) = (runs(reference.sorted()).peekable(), runs(current.sorted()).peekable());
            let (mut first, mut second) = (Vec::new(), Vec::new());
            loop {
                let (a, b) = match (x.peek(), y.peek()) {
                    (Some(a), Some(b)) if a.0 == b.0 => (x.next(), y.next()),
                    (Some(a), Some(b)) if a.0 < b.0 => (x.next(), None),
                    (Some(_), None) => (x.next(), None),
                    (_, Some(_)) => (None, y.next()),
                    (None, None) => return Ok((first, second)),
                };
                first.push(a.map_or(0, |r| r.1));
                second.push(b.map_or(0, |r| r.1));
            }
        }
        Pair::Keys { keys, reference, current } => {
            let count = |codes: &[u32]| {
                let mut counts = vec![0; keys.len()];
                for code in codes {
                    counts[*code as usize] += 1;
                }
                counts
            };
            Ok((count(reference), count(current)))
        }
        Pair::Texts { .. } | Pair::Vectors { .. } => {
            Err(NotComputable::reason("the method compares numbers or categories"))
        }
    }
}

fn runs(sorted: &[f64]) -> impl Iterator<Item = (f64, u64)> + '_ {
    sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64))
}

/// NumPy's `histogram_bin_edges(…, "sturges")` of the values of all parts.
pub(crate) fn sturges(parts: &[&Numbers]) -> Result<Vec<f64>, NotComputable> {
    let size: usize = parts.iter().map(|p| p.sorted().len()).sum();
    let number = parts.iter().map(|p| p.number).max().unwrap_or(NumberType::Double);
    let low = parts.iter().filter_map(|p| p.sorted().first()).copied().fold(f64::INFINITY, f64::min);
    let high = parts.iter().filter_map(|p| p.sorted().last()).copied().fold(f64::NEG_INFINITY, f64::max);
    edges(low, high, size, number)
}

fn edges(low: f64, high: f64, size: usize, number: NumberType) -> Result<Vec<f64>, NotComputable> {
    if !(high - low).is_finite() {
        return Err(NotComputable::reason(format!("the range [{low}, {high}] of the values is not finite")));
    }
    // 32-bit columns are cut in 32-bit arithmetic.
    let round = |v: f64| if number == NumberType::Single { f64::from(v as f32) } else { v };
    let mut width = round(high - low) / ((size as f64).log2() + 1.0);
    let (low, high) = if low == high { (round(low - 0.5), round(high + 0.5)) } else { (low, high) };
    if number == NumberType::Integer && width > 0.0 && width < 1.0 {
        width = 1.0;
    }
    let delta = round(high - low);
    let bins = if width > 0.0 { (delta / width).ceil().max(1.0) } else { 1.0 };
    let step = round(delta / bins);
    let mut edges: Vec<f64> = if step == 0.0 {
        (0..bins as usize).map(|i| round(round(i as f64 / bins) * delta) + low).collect()
    } else {
        (0..bins as usize).map(|i| round(round(i as f64 * step) + low)).collect()
    };
    edges.push(high);
    if edges.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(NotComputable::reason("the range of the values is too small for bins"));
    }
    Ok(edges)
}

/// Left-closed intervals, the last one closed.
pub(crate) fn histogram(sorted: &[f64], edges: &[f64]) -> Vec<u64> {
    let mut cumulative: Vec<u64> =
        edges.iter().map(|edge| sorted.partition_point(|v| v < edge) as u64).collect();
    if let (Some(last), Some(edge)) = (cumulative.last_mut(), edges.last()) {
        *last = sorted.partition_point(|v| v <= edge) as u64;
    }
    cumulative.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Hellinger distance of numbers: densities over Sturges' intervals of the different values of both.
pub(crate) fn hellinger_numbers(reference: &Numbers, current: &Numbers) -> Result<f64, NotComputable> {
    let mut all: Vec<f64> = reference.sorted().iter().chain(current.sorted()).copied().collect();
    all.sort_by(f64::total_cmp);
    all.dedup_by(|a, b| a == b);
    let (low, high) = (all.first().copied().unwrap_or(f64::NAN), all.last().copied().unwrap_or(f64::NAN));
    // The keys go through a Python list, which keeps NumPy's scalar types.
    let edges = edges(low, high, all.len(), reference.number.max(current.number))?;
    let (x, y) = (histogram(reference.sorted(), &edges), histogram(current.sorted(), &edges));
    let (n, m) = (x.iter().sum::<u64>() as f64, y.iter().sum::<u64>() as f64);
    let width = (high_of(&edges) - edges[0]) / (edges.len() - 1) as f64;
    let mut total = 0.0;
    for (i, (a, b)) in x.iter().zip(&y).enumerate() {
        let span = edges[i + 1] - edges[i];
        total += ((*a as f64 / span / n) * (*b as f64 / span / m)).sqrt() * width;
    }
    Ok((1.0 - total.clamp(0.0, 1.0)).sqrt())
}

fn high_of(edges: &[f64]) -> f64 {
    edges.last().copied().unwrap_or(f64::NAN)
}

/// Hellinger distance of shares of the same categories.
pub(crate) fn hellinger_counts(reference: &[u64], current: &[u64]) -> f64 {
    let (n, m) = (reference.iter().sum::<u64>() as f64, current.iter().sum::<u64>() as f64);
    let total: f64 =
        reference.iter().zip(current).map(|(a, b)| ((*a as f64 / n) * (*b as f64 / m)).sqrt()).sum();
    (1.0 - total.clamp(0.0, 1.0)).sqrt()
}
