use std::collections::BTreeMap;

use super::{Confusion, benefits, generalized_entropy};
use crate::outliers::Neighbours;
use crate::{Error, Matrix};

/// Metrics by SageMaker Clarify's short names; those that cannot be told are absent.
pub type Clarify = BTreeMap<&'static str, f64>;

/// The rows outside the facet (`a`, better off) and in it (`d`).
#[derive(Clone, Debug, PartialEq)]
pub struct FacetCounts {
    pub a: Confusion,
    pub d: Confusion,
}

impl FacetCounts {
    /// Errors: `Length`; `NotComputable` if either side is empty.
    pub fn of(facet: &[bool], truth: &[bool], predicted: &[bool]) -> Result<Self, Error> {
        Error::length("the labels", facet.len(), truth.len())?;
        Error::length("the predictions", facet.len(), predicted.len())?;
        let rows = |which: bool| -> Vec<usize> {
            facet.iter().enumerate().filter(|(_, f)| **f == which).map(|(row, _)| row).collect()
        };
        let found = Self {
            a: Confusion::of(truth, predicted, None, &rows(false)),
            d: Confusion::of(truth, predicted, None, &rows(true)),
        };
        if found.a.total() == 0.0 || found.d.total() == 0.0 {
            return Err(Error::why("a metric of bias", "the facet, or what is not in it, is empty"));
        }
        Ok(found)
    }
}

/// CI, DPL, KL, JS, LP, TVD, KS and, with strata, CDDL. Errors: as [`FacetCounts::of`].
pub fn clarify_pretraining<S: Ord>(
    facet: &[bool],
    truth: &[bool],
    strata: Option<&[S]>,
) -> Result<Clarify, Error> {
    let counts = FacetCounts::of(facet, truth, truth)?;
    let (a, d) = (&counts.a, &counts.d);
    let mut found = Clarify::new();
    found.insert("CI", (a.total() - d.total()) / (a.total() + d.total()));
    found.insert("DPL", a.positives() / a.total() - d.positives() / d.total());
    // Only values that both sides have are compared.
    let values = [(a.negatives(), d.negatives()), (a.positives(), d.positives())];
    let shared: Vec<(f64, f64)> = values
        .into_iter()
        .filter(|(a, d)| *a > 0.0 && *d > 0.0)
        .map(|(x, y)| (x / a.total(), y / d.total()))
        .collect();
    if !shared.is_empty() {
        let sum = |term: &dyn Fn(f64, f64) -> f64| shared.iter().map(|(a, d)| term(*a, *d)).sum::<f64>();
        found.insert("KL", sum(&|a, d| a * (a / d).ln()));
        let half = |a: f64, d: f64| {
            let p = (a + d) / 2.0;
            a * (a / p).ln() + d * (d / p).ln()
        };
        found.insert("JS", sum(&half) / 2.0);
        found.insert("LP", sum(&|a, d| (a - d) * (a - d)).sqrt());
        found.insert("TVD", sum(&|a, d| (a - d).abs()) / 2.0);
        found.insert("KS", shared.iter().map(|(a, d)| (a - d).abs()).fold(0.0, f64::max));
    }
    if let Some(strata) = strata
        && let Some(value) = conditional_disparity(facet, truth, strata)?
    {
        found.insert("CDDL", value);
    }
    Ok(found)
}

/// DPPL, DI, DCA, DCR, RD, SD, DAR, DRR, AD, TE, GE and, with strata, CDDPL. Infinities are what upstream says where it
/// divides by zero. Errors: as [`FacetCounts::of`].
pub fn clarify_posttraining<S: Ord>(
    facet: &[bool],
    truth: &[bool],
    predicted: &[bool],
    strata: Option<&[S]>,
) -> Result<Clarify, Error> {
    let counts = FacetCounts::of(facet, truth, predicted)?;
    let (a, d) = (&counts.a, &counts.d);
    let less = |of: &dyn Fn(&Confusion) -> f64| apart(of(a), of(d));
    let more = |of: &dyn Fn(&Confusion) -> f64| apart(of(d), of(a));
    let selected = |c: &Confusion| c.predicted_positives() / c.total();
    let mut found = Clarify::from([
        ("DPPL", selected(a) - selected(d)),
        ("DI", ratio(selected(d), selected(a))),
        ("DCA", less(&|c| ratio(c.positives(), c.predicted_positives()))),
        ("DCR", more(&|c| ratio(c.negatives(), c.predicted_negatives()))),
        ("RD", less(&|c| ratio(c.true_positive, c.positives()))),
        ("SD", more(&|c| ratio(c.true_negative, c.negatives()))),
        ("DAR", less(&|c| ratio(c.true_positive, c.predicted_positives()))),
        ("DRR", more(&|c| ratio(c.true_negative, c.predicted_negatives()))),
        ("AD", less(&|c| ratio(c.true_positive + c.true_negative, c.total()))),
        ("TE", more(&|c| ratio(c.false_negative, c.false_positive))),
    ]);
    if let Ok(value) = generalized_entropy(&benefits(truth, predicted), 2.0) {
        found.insert("GE", value);
    }
    if let Some(strata) = strata
        && let Some(value) = conditional_disparity(facet, predicted, strata)?
    {
        found.insert("CDDPL", value);
    }
    Ok(found)
}

/// FT: how much more often the facet's own prediction is better than that of its like outside (a vote of the nearest 5
/// rows, or of the nearest one if there are fewer than 10). Errors: `Length`, `NotComputable`.
pub fn flip_test(features: &Matrix, facet: &[bool], predicted: &[bool]) -> Result<f64, Error> {
    Error::length("the facet", features.rows(), facet.len())?;
    Error::length("the predictions", features.rows(), predicted.len())?;
    let rows = |which: bool| -> Vec<usize> { (0..facet.len()).filter(|row| facet[*row] == which).collect() };
    let (a, d) = (rows(false), rows(true));
    if a.is_empty() || d.is_empty() {
        return Err(Error::why("the flip test", "the facet, or what is not in it, is empty"));
    }
    let outside = features.take(&a);
    let index = Neighbours::new(&outside)?;
    let k = if a.len() > 9 { 5 } else { 1 };
    let mut balance = 0.0;
    for row in &d {
        let near = index.nearest(features.row(*row), k)?;
        let votes = near.iter().filter(|n| predicted[a[n.row]]).count();
        let voted = votes * 2 > near.len();
        balance += f64::from(u8::from(predicted[*row])) - f64::from(u8::from(voted));
    }
    Ok(ratio(balance, d.len() as f64))
}

/// The share of rejections less that of acceptances in the facet, by stratum, weighed by size. `None` if nothing is
/// accepted, or all is.
fn conditional_disparity<S: Ord>(
    facet: &[bool],
    positive: &[bool],
    strata: &[S],
) -> Result<Option<f64>, Error> {
    Error::length("the strata", facet.len(), strata.len())?;
    if !positive.contains(&true) || !positive.contains(&false) {
        return Ok(None);
    }
    /// Accepted, accepted in the facet, rejected, rejected in the facet.
    type Counts = [f64; 4];
    let mut groups: BTreeMap<&S, Counts> = BTreeMap::new();
    for (row, stratum) in strata.iter().enumerate() {
        let counts = groups.entry(stratum).or_default();
        let at = if positive[row] { 0 } else { 2 };
        counts[at] += 1.0;
        counts[at + 1] += f64::from(u8::from(facet[row]));
    }
    let part = |inside: f64, all: f64| if all == 0.0 { 0.0 } else { inside / all };
    let weighed = groups
        .values()
        .map(|[yes, yes_in, no, no_in]| (yes + no) * (part(*no_in, *no) - part(*yes_in, *yes)));
    Ok(Some(weighed.sum::<f64>() / strata.len() as f64))
}

fn ratio(a: f64, b: f64) -> f64 {
    if a == 0.0 && b == 0.0 { 0.0 } else { a / b }
}

/// The difference; 0 where both are infinite.
fn apart(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { a - b }
}
