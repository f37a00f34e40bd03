use std::collections::BTreeMap;

use crate::Error;
use crate::interval::mean;

/// What each row gets out of the prediction: 1 if right, 2 for a false positive, 0 for a false negative (Speicher and
/// others, 2018).
pub fn benefits(truth: &[bool], predicted: &[bool]) -> Vec<f64> {
    let one = |b: &bool| f64::from(u8::from(*b));
    truth.iter().zip(predicted).map(|(t, p)| one(p) - one(t) + 1.0).collect()
}

/// The generalized entropy of benefits: 0 if all are equal. `alpha` 1 is Theil's index, 2 half the squared coefficient
/// of variation. Errors: `Empty`; `NotComputable` if nobody benefits, or somebody does not and `alpha` is 0.
pub fn generalized_entropy(benefits: &[f64], alpha: f64) -> Result<f64, Error> {
    if benefits.is_empty() {
        return Err(Error::Empty("the benefits"));
    }
    let middle = mean(benefits);
    if middle == 0.0 {
        return Err(Error::why("the generalized entropy", "every prediction is a false negative"));
    }
    let ratios = benefits.iter().map(|b| b / middle);
    let n = benefits.len() as f64;
    if alpha == 1.0 {
        return Ok(ratios.map(|r| if r == 0.0 { 0.0 } else { r * r.ln() }).sum::<f64>() / n);
    }
    if alpha == 0.0 {
        if benefits.contains(&0.0) {
            return Err(Error::why("the mean log deviation", "a row has no benefit"));
        }
        return Ok(-ratios.map(|r| r.ln() / middle).sum::<f64>() / n);
    }
    Ok(ratios.map(|r| r.powf(alpha) - 1.0).sum::<f64>() / n / (alpha * (alpha - 1.0)))
}

/// The part of the entropy that lies between groups: each row has the mean benefit of its group. Errors: as
/// [`generalized_entropy`], and `Length`.
pub fn between_groups<G: Ord>(benefits: &[f64], groups: &[G], alpha: f64) -> Result<f64, Error> {
    Error::length("the groups", benefits.len(), groups.len())?;
    let mut sums: BTreeMap<&G, (f64, f64)> = BTreeMap::new();
    for (benefit, group) in benefits.iter().zip(groups) {
        let sum = sums.entry(group).or_default();
        *sum = (sum.0 + benefit, sum.1 + 1.0);
    }
    let means: Vec<f64> =
        groups.iter().map(|group| sums.get(group).map_or(0.0, |(sum, n)| sum / n)).collect();
    generalized_entropy(&means, alpha)
}
