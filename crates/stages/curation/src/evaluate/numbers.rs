//! Statistics of columns.

use serde_json::{Value, json};
use statistics::pairwise_sum;

use super::bounds::{Observed, in_zone, within};
use super::domain::Domain;
use super::{Evaluator, Finding};
use crate::frame::Cell;
use crate::frame::number;
use crate::suite::{Bounds, Statistic};

/// Count, sum and mean of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    pub n: usize,
    /// In NumPy's order.
    pub sum: f64,
    /// The sum of integers and truth values.
    pub whole: Option<i64>,
    pub mean: f64,
}

impl Moments {
    pub fn of(values: &[f64], whole: Option<i64>) -> Self {
        let n = values.len();
        let sum = pairwise_sum(values);
        Self { n, sum, whole, mean: sum / n as f64 }
    }

    /// Standard deviation, with n − 1, of the values that these are the moments of; `None` for fewer than two.
    pub fn stdev(&self, values: &[f64]) -> Option<f64> {
        let squares: Vec<f64> = values.iter().map(|v| (v - self.mean) * (v - self.mean)).collect();
        (self.n > 1).then(|| (pairwise_sum(&squares) / (self.n as f64 - 1.0)).sqrt())
    }
}

/// The quantile between the nearest two values, by their distance (NumPy's `linear`). NaN of no values.
pub(crate) fn linear(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = q * last as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[(at.ceil() as usize).min(last)]);
    let share = at.fract();
    if low == high || share == 0.0 {
        return low;
    }
    // As NumPy interpolates: from the nearer end.
    if share < 0.5 { low + (high - low) * share } else { high - (high - low) * (1.0 - share) }
}

fn quantile(sorted: &[f64], q: f64, interpolation: &str) -> Result<f64, String> {
    let Some(last) = sorted.len().checked_sub(1) else { return Ok(f64::NAN) };
    let at = q * last as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[(at.ceil() as usize).min(last)]);
    Ok(match interpolation {
        "linear" => linear(sorted, q),
        "lower" => low,
        "higher" => high,
        "midpoint" => f64::midpoint(low, high),
        "nearest" => {
            let (below, share) = (at.floor(), at.fract());
            let up = share > 0.5 || share == 0.5 && below % 2.0 == 1.0;
            if up { high } else { low }
        }
        other => return Err(format!("allow_relative_error is `{other}`, which is no interpolation")),
    })
}

impl Evaluator<'_> {
    pub(super) fn statistic_rule(
        &self,
        column: usize,
        of: Statistic,
        bounds: &Bounds,
        domain: &Domain<'_>,
    ) -> Result<Finding, String> {
        let Some(observed) = self.statistic(column, of, domain)? else {
            return Ok(Finding::observed(false, Value::Null));
        };
        in_zone(bounds, &self.frame.at(column).dtype)?;
        Ok(Finding::observed(within(&observed, bounds)?, observed.json()))
    }

    /// `None` where there is none, of a column without values.
    fn statistic(
        &self,
        column: usize,
        of: Statistic,
        domain: &Domain<'_>,
    ) -> Result<Option<Observed>, String> {
        let filled = domain.filled(column);
        let share = |part: f64, whole: usize| {
            if whole == 0 { Observed::Integer(0) } else { Observed::Number(part / whole as f64) }
        };
        let distinct = || domain.counts(column, <[_]>::len);
        let dtype = &self.frame.at(column).dtype;
        Ok(match of {
            Statistic::UniqueCount => Some(Observed::Integer(distinct() as i64)),
            Statistic::UniqueShare => Some(share(distinct() as f64, filled)),
            Statistic::NonNullShare => Some(share(filled as f64, domain.len())),
            Statistic::Min | Statistic::Max => self.extreme(column, of == Statistic::Min, domain)?,
            Statistic::Sum if dtype.is_object() && filled == 0 => Some(Observed::Integer(0)),
            Statistic::Sum => {
                let moments = domain.moments(column)?;
                Some(match moments.whole {
                    Some(whole) => Observed::Integer(whole),
                    None => Observed::Number(moments.sum),
                })
            }
            Statistic::Mean if dtype.is_time() => {
                let mean = domain.sorted(column, |s| s.iter().map(|v| v / s.len() as f64).sum::<f64>())?;
                (filled > 0).then_some(Observed::Time(mean as i64))
            }
            Statistic::Mean => {
                let moments = domain.moments(column)?;
                (moments.n > 0 && !moments.mean.is_nan()).then_some(Observed::Number(moments.mean))
            }
            Statistic::Stdev => domain.stdev(column)?.filter(|v| !v.is_nan()).map(Observed::Number),
            Statistic::Median if dtype.is_time() => {
                (filled > 0).then_some(Observed::Time(domain.sorted(column, |s| linear(s, 0.5))? as i64))
            }
            Statistic::Median => {
                let middle = domain.sorted(column, |s| match s.len() {
                    0 => f64::NAN,
                    n if n % 2 == 1 => s[n / 2],
                    n => f64::midpoint(s[n / 2 - 1], s[n / 2]),
                })?;
                (!middle.is_nan()).then_some(Observed::Number(middle))
            }
        })
    }

    fn extreme(&self, column: usize, least: bool, domain: &Domain<'_>) -> Result<Option<Observed>, String> {
        let object = self.frame.at(column).dtype.is_object();
        if self.frame.at(column).floats().is_some() {
            let values = domain.numbers(column, false)?;
            // What has no order, NaN, is neither less nor greater.
            let better = |v: f64, best: f64| if least { v < best } else { v > best };
            let best = values.iter().copied().reduce(|best, v| if better(v, best) { v } else { best });
            return Ok(best.map(Observed::Number));
        }
        let best = domain.codes(column, |codes| {
            codes
                .map(|codes| if least { codes.texts.iter().min() } else { codes.texts.iter().max() }.copied())
        });
        if let Some(best) = best {
            if object && best.is_some() && domain.missing(column) > 0 {
                return Err("texts beside missing values have no least and no greatest".into());
            }
            return Ok(best.map(|text| Observed::Text(text.to_owned())));
        }
        let mut best: Option<Cell<'_>> = None;
        for (_, cell) in domain.present(column) {
            if object && matches!(cell, Cell::Text(_)) && domain.missing(column) > 0 {
                return Err("texts beside missing values have no least and no greatest".into());
            }
            let better = match best {
                None => true,
                Some(known) => {
                    let order = crate::frame::compare(cell, known).ok_or("the values have no order")?;
                    if least { order.is_lt() } else { order.is_gt() }
                }
            };
            if better {
                best = Some(cell);
            }
        }
        Ok(best.map(Observed::of))
    }

    pub(super) fn quantiles(
        &self,
        column: usize,
        quantiles: &[f64],
        ranges: &[[Option<f64>; 2]],
        interpolation: &str,
        domain: &Domain<'_>,
    ) -> Result<Finding, String> {
        let dtype = &self.frame.at(column).dtype;
        if let Some(bad) = quantiles.iter().find(|q| !(0.0..=1.0).contains(*q)) {
            return Err(format!("the quantile {bad} is not between 0 and 1"));
        }
        let found = domain.sorted(column, |s| {
            quantiles.iter().map(|q| quantile(s, *q, interpolation)).collect::<Result<Vec<_>, _>>()
        })??;
        if dtype.is_time() && domain.filled(column) > 0 {
            return Err("points in time are not compared with numbers".into());
        }
        let close = |a: f64, b: f64| a == b || (b.is_finite() && (a - b).abs() <= 1e-8 + 1e-4 * b.abs());
        let details: Vec<bool> = found
            .iter()
            .zip(ranges)
            .map(|(v, [low, high])| {
                let (low, high) = (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY));
                close(*v, low) || close(*v, high) || (low..=high).contains(v)
            })
            .collect();
        let whole =
            matches!(dtype, crate::frame::Dtype::Numpy(n) if n.contains("int")) && interpolation == "nearest";
        let truths = domain.present(column).next().is_some_and(|(_, c)| matches!(c, Cell::Bool(_)));
        let shown = |v: &f64| match *v {
            v if truths && (v == 0.0 || v == 1.0) => json!(v == 1.0),
            v if whole && v.fract() == 0.0 => json!(v as i64),
            v => number(v),
        };
        let values: Vec<Value> = found.iter().map(shown).collect();
        let success = details.iter().all(|d| *d);
        Ok(Finding::observed(success, json!({ "quantiles": quantiles, "values": values }))
            .with("details", json!({ "success_details": details })))
    }
}
