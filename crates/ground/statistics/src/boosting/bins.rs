//! Values cut into bins, as LightGBM 4.5 cuts them (`src/io/bin.cpp`).

use std::collections::BTreeMap;

use super::Column;

const MOST_BINS: usize = 255;
/// The fewest rows of a bin.
const FEWEST: usize = 3;
/// Numbers below this are zero.
const ZERO: f64 = 1e-35;
/// The part of the rows whose categories get bins of their own in any case.
const COMMON: f64 = 0.99;

/// How the values of one column fall into bins.
#[derive(Clone, Debug)]
pub(super) enum Bins {
    /// Upper bounds, the last infinite; with missing values there is one bin more, the last.
    Number { bounds: Vec<f64>, missing: bool },
    /// The bin of each category; 0 is for missing, rare and unknown ones.
    Category { places: BTreeMap<i64, usize>, count: usize },
}

impl Bins {
    pub fn of(column: &Column<'_>) -> Self {
        match column {
            Column::Number(values) => Self::of_numbers(values),
            Column::Category(codes) => Self::of_categories(codes),
        }
    }

    pub fn count(&self) -> usize {
        match self {
            Self::Number { bounds, missing } => bounds.len() + usize::from(*missing),
            Self::Category { count, .. } => *count,
        }
    }

    pub fn has_missing(&self) -> bool {
        matches!(self, Self::Number { missing: true, .. })
    }

    pub fn is_category(&self) -> bool {
        matches!(self, Self::Category { .. })
    }

    /// The bin of every row.
    pub fn places(&self, column: &Column<'_>) -> Vec<u16> {
        match (self, column) {
            (Self::Number { bounds, missing }, Column::Number(values)) => {
                let place = |v: &f64| match v {
                    v if v.is_nan() && *missing => bounds.len() as u16,
                    // Without missing values when it learned, it takes one for zero.
                    v if v.is_nan() => bounds.partition_point(|bound| *bound < 0.0) as u16,
                    v => bounds.partition_point(|bound| bound < v) as u16,
                };
                values.iter().map(place).collect()
            }
            (Self::Category { places, .. }, Column::Category(codes)) => {
                codes.iter().map(|code| places.get(code).copied().unwrap_or(0) as u16).collect()
            }
            (_, column) => vec![0; column.len()],
        }
    }

    fn of_numbers(values: &[f64]) -> Self {
        let mut known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
        let missing = known.len() < values.len();
        known.sort_by(f64::total_cmp);
        let mut different: Vec<(f64, usize)> = Vec::new();
        for value in known {
            match different.last_mut() {
                // Neighbours in floating point are one value: the greater.
                Some((last, count)) if value <= last.next_up() => {
                    *last = value;
                    *count += 1;
                }
                _ => different.push((value, 1)),
            }
        }
        let most = MOST_BINS - usize::from(missing);
        Self::Number { bounds: around_zero(&different, most), missing }
    }

    fn of_categories(codes: &[i64]) -> Self {
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        for code in codes.iter().filter(|code| **code >= 0) {
            *counts.entry(*code).or_default() += 1;
        }
        let known: usize = counts.values().sum();
        let missing = usize::from(known < codes.len());
        let mut counts: Vec<(i64, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let enough = (known as f64 * COMMON).round() as usize;
        let most = MOST_BINS.min(counts.len() + missing);
        let (mut places, mut used) = (BTreeMap::new(), 0);
        for (rank, (code, count)) in counts.into_iter().enumerate() {
            let next = places.len() + 1;
            if used >= enough && next >= most || count < FEWEST && rank > 1 {
                break;
            }
            places.insert(code, next);
            used += count;
        }
        let count = places.len() + 1;
        Self::Category { places, count }
    }
}

/// Bounds below zero, zero's own bin, and bounds above; `different` are values and counts, ascending.
fn around_zero(different: &[(f64, usize)], most: usize) -> Vec<f64> {
    let below = different.partition_point(|(v, _)| *v <= -ZERO);
    let above = different.partition_point(|(v, _)| *v <= ZERO);
    let rows = |part: &[(f64, usize)]| part.iter().map(|(_, n)| n).sum::<usize>();
    let (low, high) = (rows(&different[..below]), rows(&different[above..]));
    let mut bounds = Vec::new();
    if below > 0 {
        let share = (low as f64 / (low + high) as f64 * (most - 1) as f64) as usize;
        bounds = greedy(&different[..below], share.max(1), low);
        if let Some(last) = bounds.last_mut() {
            *last = -ZERO;
        }
    }
    let left = (most - 1).saturating_sub(bounds.len());
    if above < different.len() && left > 0 {
        bounds.push(ZERO);
        bounds.extend(greedy(&different[above..], left, high));
    } else {
        bounds.push(f64::INFINITY);
    }
    bounds
}

fn push(bounds: &mut Vec<f64>, low: f64, high: f64) -> bool {
    let bound = f64::midpoint(low, high).next_up();
    let new = bounds.last().is_none_or(|last| bound > last.next_up());
    if new {
        bounds.push(bound);
    }
    new
}

/// Bins of about equal size; a value that fills one alone gets its own.
fn greedy(different: &[(f64, usize)], most: usize, rows: usize) -> Vec<f64> {
    let mut bounds = Vec::new();
    let pairs = different.windows(2);
    if different.len() <= most {
        let mut here = 0;
        for pair in pairs {
            here += pair[0].1;
            if here >= FEWEST && push(&mut bounds, pair[0].0, pair[1].0) {
                here = 0;
            }
        }
        bounds.push(f64::INFINITY);
        return bounds;
    }
    let most = most.min(rows / FEWEST).max(1);
    let mean = rows as f64 / most as f64;
    let big: Vec<bool> = different.iter().map(|(_, n)| *n as f64 >= mean).collect();
    let alone: usize = different.iter().zip(&big).filter(|(_, big)| **big).map(|((_, n), _)| n).sum();
    let mut bins_left = most as f64 - big.iter().filter(|b| **b).count() as f64;
    let mut rows_left = (rows - alone) as f64;
    let mut mean = rows_left / bins_left;
    let (mut made, mut here) = (0, 0);
    for (i, pair) in pairs.enumerate() {
        if !big[i] {
            rows_left -= pair[0].1 as f64;
        }
        here += pair[0].1;
        let full = big[i] || here as f64 >= mean || big[i + 1] && here as f64 >= (mean * 0.5).max(1.0);
        if !full {
            continue;
        }
        push(&mut bounds, pair[0].0, pair[1].0);
        made += 1;
        if made >= most - 1 {
            break;
        }
        here = 0;
        if !big[i] {
            bins_left -= 1.0;
            mean = rows_left / bins_left;
        }
    }
    bounds.push(f64::INFINITY);
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_a_bin_and_the_others_are_of_equal_size() {
        let values: Vec<f64> = (-1000..1000).map(f64::from).collect();
        let bins = Bins::of(&Column::Number(&values));
        assert!(bins.count() <= MOST_BINS);
        let places = bins.places(&Column::Number(&[-0.4, 0.0, 0.4, 1e9, f64::NAN]));
        assert_eq!(places[1], places[4]);
        assert_ne!(places[0], places[1]);
        assert_eq!(usize::from(places[3]), bins.count() - 1);
    }

    #[test]
    fn categories_are_numbered_by_how_often_they_are() {
        let bins = Bins::of(&Column::Category(&[7, 7, 7, 7, 2, 2, 2, -1, 5, 5, 5, 5, 5]));
        assert_eq!(bins.places(&Column::Category(&[5, 7, 2, -1, 99])), [1, 2, 3, 0, 0]);
    }
}
