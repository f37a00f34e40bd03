//! Kullback–Leibler divergence of a column's distribution from an expected one.
//! Source: `expect_column_kl_divergence_to_be_less_than.py` of Great Expectations 1.24.1.

use std::collections::HashMap;

use columns::QuickHash;
use serde_json::{Value, json};

use super::distinct::{equal, ordered};
use super::domain::Domain;
use super::{Evaluator, Finding};
use crate::frame::{Cell, Key, number};
use crate::suite::{Divergence, Partition};

impl Evaluator<'_> {
    pub(super) fn divergence(
        &self,
        column: usize,
        wanted: &Divergence,
        domain: &Domain<'_>,
    ) -> Result<Finding, String> {
        let own;
        let partition = match &wanted.partition {
            Some(partition) => partition,
            None => {
                own = self.own_partition(column, wanted, domain)?;
                &own
            }
        };
        match partition {
            Partition::Values { values, weights } => {
                if wanted.internal_holdout > 0.0 {
                    return Err("Internal weight holdout cannot be used for discrete data.".into());
                }
                let key = |value| super::pair::key(value);
                if (1..values.len()).any(|i| values[..i].iter().any(|v| key(v) == key(&values[i]))) {
                    return Err("a value stands in the partition twice".into());
                }
                Ok(self.discrete(column, values, weights, wanted, domain))
            }
            Partition::Bins { bins, weights, tails } => {
                if !wanted.bucketize {
                    return Err("a partition in bins needs bucketize_data".into());
                }
                self.continuous(column, bins, weights, *tails, wanted, domain)
            }
        }
    }

    fn discrete(
        &self,
        column: usize,
        values: &[Value],
        weights: &[f64],
        wanted: &Divergence,
        domain: &Domain<'_>,
    ) -> Finding {
        let filled = domain.filled(column) as f64;
        let (observed, extra) = domain.counts(column, |counts| {
            let share = |v: &Value| {
                let found = counts.iter().find(|(c, _)| equal(*c, v));
                found.map_or(0.0, |(_, n)| *n as f64 / filled)
            };
            let observed: Vec<f64> = values.iter().map(share).collect();
            let extra: Vec<Cell<'_>> =
                counts.iter().map(|c| c.0).filter(|c| !values.iter().any(|v| equal(*c, v))).collect();
            let often = often(counts);
            let share = |cell: &Cell<'_>| often.get(&cell.key()).map_or(0.0, |n| *n as f64 / filled);
            let extra: Vec<(Value, f64)> =
                ordered(extra).into_iter().map(|cell| (cell.json(), share(&cell))).collect();
            (observed, extra)
        });
        let mut names = values.to_vec();
        let mut p = observed;
        let mut q = weights.to_vec();
        if !extra.is_empty() {
            q.iter_mut().for_each(|w| *w *= 1.0 - wanted.tail_holdout);
            let share = wanted.tail_holdout / extra.len() as f64;
            for (name, weight) in extra {
                names.push(name);
                p.push(weight);
                q.push(share);
            }
        }
        let shown = |w: &[f64]| json!({ "values": names, "weights": floats(w) });
        verdict(entropy(&p, &q), wanted, shown(&p), shown(&q))
    }

    fn continuous(
        &self,
        column: usize,
        bins: &[f64],
        weights: &[f64],
        tails: Option<[f64; 2]>,
        wanted: &Divergence,
        domain: &Domain<'_>,
    ) -> Result<Finding, String> {
        let filled = domain.filled(column) as f64;
        let (counts, below, above) = histogram(domain, column, bins)?;
        let mut observed: Vec<f64> = counts.iter().map(|n| *n as f64 / filled).collect();
        let (below, above) = (below as f64 / filled, above as f64 / filled);
        let tail = wanted.tail_holdout;
        let mut expected: Vec<f64> =
            weights.iter().map(|w| w * (1.0 - tail - wanted.internal_holdout)).collect();
        if wanted.internal_holdout > 0.0 {
            let zeros = expected.iter().filter(|w| **w == 0.0).count();
            if zeros > 0 {
                let share = wanted.internal_holdout / zeros as f64;
                expected.iter_mut().filter(|w| **w == 0.0).for_each(|w| *w = share);
            }
        }
        let (open_low, open_high) =
            (bins.first() == Some(&f64::NEG_INFINITY), bins.last() == Some(&f64::INFINITY));
        if tails.is_some() && (open_low || open_high) {
            return Err("there can be no tail weights for partitions with an endpoint at infinity".into());
        }
        if open_low && open_high && tail > 0.0 {
            return Err("tail_weight_holdout cannot be used for partitions with infinite endpoints".into());
        }
        // The tails are the open bins, or what lies outside the bins.
        let expected_tails = tails.unwrap_or_else(|| {
            let outside = if open_low || open_high { tail } else { tail / 2.0 };
            [
                if open_low { expected.remove(0) } else { outside },
                if open_high { expected.pop().unwrap_or(0.0) } else { outside },
            ]
        });
        let observed_tails = [
            if open_low { observed.remove(0) } else { below },
            if open_high { observed.pop().unwrap_or(0.0) } else { above },
        ];
        let with_tails = |middle: &[f64], ends: [f64; 2], low: bool, high: bool| {
            let mut all = Vec::with_capacity(middle.len() + 2);
            all.extend(low.then_some(ends[0]));
            all.extend_from_slice(middle);
            all.extend(high.then_some(ends[1]));
            all
        };
        let p = with_tails(&observed, observed_tails, true, true);
        let q = with_tails(&expected, expected_tails, true, true);
        let edges = &bins[usize::from(open_low)..bins.len() - usize::from(open_high)];
        let shown = |weights: &[f64], tails: [f64; 2]| json!({ "bins": floats(edges), "weights": floats(weights), "tail_weights": floats(&tails) });
        let (seen, meant) = (shown(&observed, observed_tails), shown(&expected, expected_tails));
        Ok(verdict(entropy(&p, &q), wanted, seen, meant))
    }

    /// The column's own distribution: bins as wide as Freedman and Diaconis, and Sturges, ask.
    fn own_partition(
        &self,
        column: usize,
        wanted: &Divergence,
        domain: &Domain<'_>,
    ) -> Result<Partition, String> {
        let filled = domain.filled(column);
        if !wanted.bucketize {
            return Ok(domain.counts(column, |counts| {
                let cells = ordered(counts.iter().map(|c| c.0).collect());
                let often = often(counts);
                let share =
                    |cell: &Cell<'_>| often.get(&cell.key()).map_or(0.0, |n| *n as f64 / filled as f64);
                let weights = cells.iter().map(share).collect();
                Partition::Values { values: cells.into_iter().map(Cell::json).collect(), weights }
            }));
        }
        if wanted.tail_holdout != 0.0 {
            return Err("tail_weight_holdout must be 0 beside the tails of the column's own partition".into());
        }
        let bins = domain.sorted(column, auto_bins)?;
        let Some(bins) = bins else { return Err("the column has no values to make a partition of".into()) };
        let (counts, ..) = histogram(domain, column, &bins)?;
        let weights: Vec<f64> = counts.iter().map(|n| *n as f64 / filled as f64).collect();
        let tail = (1.0 - weights.iter().sum::<f64>()) / 2.0;
        Ok(Partition::Bins { bins, weights, tails: Some([tail, tail]) })
    }
}

fn often<'a>(counts: &[(Cell<'a>, usize)]) -> HashMap<Key<'a>, usize, QuickHash> {
    counts.iter().map(|(cell, n)| (cell.key(), *n)).collect()
}

fn auto_bins(sorted: &[f64]) -> Option<Vec<f64>> {
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    let n = sorted.len() as f64;
    let nearest = |q: f64| {
        let at = q * (n - 1.0);
        let up = at.fract() > 0.5 || at.fract() == 0.5 && at.floor() % 2.0 == 1.0;
        sorted[if up { at.ceil() } else { at.floor() } as usize]
    };
    let spread = nearest(0.75) - nearest(0.25);
    let sturges = (n + 1.0).log2().ceil();
    let bins =
        if spread < 1e-10 { sturges } else { sturges.max(((max - min) / (2.0 * spread / n.cbrt())).ceil()) };
    if !bins.is_finite() || !(1.0..=1e6).contains(&bins) || max <= min {
        return None;
    }
    let edge = |i: usize| if i as f64 == bins { max } else { min + i as f64 * ((max - min) / bins) };
    Some((0..=bins as usize).map(edge).collect())
}

/// Counts in left-closed bins, the last of which is closed, and what lies outside.
fn histogram(domain: &Domain<'_>, column: usize, bins: &[f64]) -> Result<(Vec<usize>, usize, usize), String> {
    let mut counts = vec![0; bins.len().saturating_sub(1)];
    let (mut below, mut above) = (0, 0);
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else {
        return Err("there are no bins".into());
    };
    for (_, cell) in domain.present(column) {
        let value = cell.number().ok_or_else(|| super::domain::not_numeric(cell))?;
        if value < *first {
            below += 1;
        } else if value > *last {
            above += 1;
        } else {
            let place = bins.partition_point(|edge| *edge <= value).saturating_sub(1);
            if let Some(count) = counts.get_mut(place.min(bins.len() - 2)) {
                *count += 1;
            }
        }
    }
    Ok((counts, below, above))
}

/// Relative entropy of `p` from `q`, each made to sum to one; natural logarithm.
fn entropy(p: &[f64], q: &[f64]) -> f64 {
    let (all_p, all_q) = (p.iter().sum::<f64>(), q.iter().sum::<f64>());
    let term = |(p, q): (&f64, &f64)| {
        let (p, q) = (p / all_p, q / all_q);
        if p.is_nan() || q.is_nan() {
            f64::NAN
        } else if p == 0.0 && q >= 0.0 {
            0.0
        } else if p > 0.0 && q > 0.0 {
            p * (p / q).ln()
        } else {
            f64::INFINITY
        }
    };
    p.iter().zip(q).map(term).sum()
}

fn floats(values: &[f64]) -> Vec<Value> {
    values.iter().map(|v| number(*v)).collect()
}

fn verdict(found: f64, wanted: &Divergence, observed: Value, expected: Value) -> Finding {
    let success = wanted.threshold.is_none_or(|t| found <= t);
    let value = if found.is_finite() { number(found) } else { Value::Null };
    Finding::observed(success, value)
        .with("details", json!({ "observed_partition": observed, "expected_partition": expected }))
}
