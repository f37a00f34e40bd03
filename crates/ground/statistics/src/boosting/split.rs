//! Where one leaf is best cut, as LightGBM 4.5 looks for it (`src/treelearner/feature_histogram.hpp`).

use super::bins::Bins;

/// The fewest rows of a leaf.
pub(super) const FEWEST_ROWS: i64 = 20;
const FEWEST_HESSIAN: f64 = 1e-3;
const EPSILON: f64 = f32_epsilon();
/// Up to this many bins a category is cut from all others.
const ONE_AGAINST_ALL: usize = 4;
const CATEGORY_SMOOTHING: f64 = 10.0;
const CATEGORY_PENALTY: f64 = 10.0;
const MOST_CATEGORIES: usize = 32;
const FEWEST_ROWS_OF_GROUP: i64 = 100;

/// LightGBM's `kEpsilon`, 1e-15 as a number of 32 bits.
const fn f32_epsilon() -> f64 {
    1e-15_f32 as f64
}

/// Sums of one bin.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub gradient: f64,
    pub hessian: f64,
}

/// All rows of a leaf.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    pub sums: Sums,
    pub rows: i64,
}

/// What goes to the left.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Side {
    /// Bins up to this one, and missing values if `missing_left`.
    UpTo { bin: usize, missing_left: bool },
    /// These bins.
    Among(Vec<usize>),
}

#[derive(Clone, Debug)]
pub(super) struct Split {
    pub feature: usize,
    pub gain: f64,
    pub side: Side,
    pub left: Sums,
    pub right: Sums,
    pub left_value: f64,
    pub right_value: f64,
}

fn gain(gradient: f64, hessian: f64, penalty: f64) -> f64 {
    gradient * gradient / (hessian + penalty)
}

/// The best cut of a leaf found so far, beside what the leaf is worth uncut.
struct Search {
    uncut: f64,
    best: f64,
    /// Whether any cut is better than none.
    any: bool,
    found: Option<(Side, Sums)>,
}

impl Search {
    fn offer(&mut self, gain: f64, left: Sums, side: impl FnOnce() -> Side) {
        if gain.is_nan() || gain <= self.uncut {
            return;
        }
        self.any = true;
        if gain > self.best {
            self.best = gain;
            self.found = Some((side(), left));
        }
    }
}

/// The best cut by one column, and whether there is any that is better than none.
pub(super) fn best(feature: usize, bins: &Bins, histogram: &[Sums], of: Whole) -> (Option<Split>, bool) {
    let hessian = of.sums.hessian + 2.0 * EPSILON;
    let whole = Whole { sums: Sums { gradient: of.sums.gradient, hessian }, rows: of.rows };
    let uncut = gain(whole.sums.gradient, hessian, 0.0);
    let mut search = Search { uncut, best: f64::NEG_INFINITY, any: false, found: None };
    let mut penalty = 0.0;
    if !bins.is_category() {
        let missing = bins.has_missing();
        downward(&mut search, histogram, whole, missing && histogram.len() > 2, missing);
        if missing && histogram.len() > 2 {
            upward(&mut search, histogram, whole);
        }
    } else if histogram.len() <= ONE_AGAINST_ALL {
        one_against_all(&mut search, histogram, whole);
    } else {
        penalty = CATEGORY_PENALTY;
        in_order(&mut search, histogram, whole);
    }
    let Search { best, any, found, .. } = search;
    let split = found.map(|(side, left)| {
        let right = Sums { gradient: whole.sums.gradient - left.gradient, hessian: hessian - left.hessian };
        let value = |sums: Sums| -sums.gradient / (sums.hessian + penalty);
        Split {
            feature,
            gain: best - uncut,
            side,
            left_value: value(left),
            right_value: value(right),
            left: Sums { hessian: left.hessian - EPSILON, ..left },
            right: Sums { hessian: right.hessian - EPSILON, ..right },
        }
    });
    (split, any)
}

/// Rows of a bin, which are told from its share of the hessian.
fn rows(bin: &Sums, whole: Whole) -> i64 {
    (bin.hessian * (whole.rows as f64 / whole.sums.hessian) + 0.5) as i64
}

/// From the last bin down; missing values, in the last bin, go left if `aside`.
fn downward(search: &mut Search, histogram: &[Sums], whole: Whole, aside: bool, missing: bool) {
    let (mut right, mut right_rows) = (Sums { gradient: 0.0, hessian: EPSILON }, 0);
    let last = histogram.len() - usize::from(aside);
    for at in (1..last).rev() {
        right.gradient += histogram[at].gradient;
        right.hessian += histogram[at].hessian;
        right_rows += rows(&histogram[at], whole);
        if right_rows < FEWEST_ROWS || right.hessian < FEWEST_HESSIAN {
            continue;
        }
        let left = Sums {
            gradient: whole.sums.gradient - right.gradient,
            hessian: whole.sums.hessian - right.hessian,
        };
        if whole.rows - right_rows < FEWEST_ROWS || left.hessian < FEWEST_HESSIAN {
            break;
        }
        let value = gain(left.gradient, left.hessian, 0.0) + gain(right.gradient, right.hessian, 0.0);
        search.offer(value, left, || Side::UpTo { bin: at - 1, missing_left: aside || !missing });
    }
}

/// From the first bin up; missing values go right.
fn upward(search: &mut Search, histogram: &[Sums], whole: Whole) {
    let (mut left, mut left_rows) = (Sums { gradient: 0.0, hessian: EPSILON }, 0);
    for (at, bin) in histogram[..histogram.len() - 1].iter().enumerate() {
        left.gradient += bin.gradient;
        left.hessian += bin.hessian;
        left_rows += rows(bin, whole);
        if left_rows < FEWEST_ROWS || left.hessian < FEWEST_HESSIAN {
            continue;
        }
        let right = Sums {
            gradient: whole.sums.gradient - left.gradient,
            hessian: whole.sums.hessian - left.hessian,
        };
        if whole.rows - left_rows < FEWEST_ROWS || right.hessian < FEWEST_HESSIAN {
            break;
        }
        let value = gain(left.gradient, left.hessian, 0.0) + gain(right.gradient, right.hessian, 0.0);
        search.offer(value, left, || Side::UpTo { bin: at, missing_left: false });
    }
}

fn one_against_all(search: &mut Search, histogram: &[Sums], whole: Whole) {
    for (at, bin) in histogram.iter().enumerate().skip(1) {
        let here = rows(bin, whole);
        if here < FEWEST_ROWS || bin.hessian < FEWEST_HESSIAN || whole.rows - here < FEWEST_ROWS {
            continue;
        }
        let other = Sums {
            gradient: whole.sums.gradient - bin.gradient,
            hessian: whole.sums.hessian - bin.hessian - EPSILON,
        };
        if other.hessian < FEWEST_HESSIAN {
            continue;
        }
        let left = Sums { gradient: bin.gradient, hessian: bin.hessian + EPSILON };
        let value = gain(other.gradient, other.hessian, 0.0) + gain(left.gradient, left.hessian, 0.0);
        search.offer(value, left, || Side::Among(vec![at]));
    }
}

/// Categories by their mean gradient; the first or the last of that order go left.
fn in_order(search: &mut Search, histogram: &[Sums], whole: Whole) {
    let mut order: Vec<usize> =
        (1..histogram.len()).filter(|at| rows(&histogram[*at], whole) as f64 >= CATEGORY_SMOOTHING).collect();
    let mean = |at: &usize| histogram[*at].gradient / (histogram[*at].hessian + CATEGORY_SMOOTHING);
    order.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
    let most = MOST_CATEGORIES.min(order.len().div_ceil(2));
    let backward: Vec<usize> = order.iter().rev().copied().collect();
    for order in [order, backward] {
        let (mut left, mut left_rows, mut group) = (Sums { gradient: 0.0, hessian: EPSILON }, 0, 0);
        for (taken, at) in order.iter().take(most).enumerate() {
            let bin = &histogram[*at];
            left.gradient += bin.gradient;
            left.hessian += bin.hessian;
            left_rows += rows(bin, whole);
            group += rows(bin, whole);
            if left_rows < FEWEST_ROWS || left.hessian < FEWEST_HESSIAN {
                continue;
            }
            let right = Sums {
                gradient: whole.sums.gradient - left.gradient,
                hessian: whole.sums.hessian - left.hessian,
            };
            let right_rows = whole.rows - left_rows;
            if right_rows < FEWEST_ROWS.max(FEWEST_ROWS_OF_GROUP) || right.hessian < FEWEST_HESSIAN {
                break;
            }
            if group < FEWEST_ROWS_OF_GROUP {
                continue;
            }
            group = 0;
            let value = gain(left.gradient, left.hessian, CATEGORY_PENALTY)
                + gain(right.gradient, right.hessian, CATEGORY_PENALTY);
            search.offer(value, left, || Side::Among(order[..=taken].to_vec()));
        }
    }
}
