//! Selection of columns: univariate filters and wrappers whose choice is stored.

use super::shape::Kept;
use crate::Error;
use crate::native::skops::Object;

pub(super) fn build(object: &Object<'_>) -> Result<Kept, Error> {
    let width = object.get("n_features_in_")?.count()?;
    let (mask, nan_allowed) = match object.class() {
        "SelectKBest" => (best(object)?, false),
        "SelectPercentile" => (percentile(object)?, false),
        "SelectFpr" | "SelectFwe" => {
            let p = object.get("pvalues_")?.floats()?;
            let alpha = object.get("alpha")?.number()?;
            let alpha = if object.class() == "SelectFwe" { alpha / p.len() as f64 } else { alpha };
            (p.iter().map(|p| *p < alpha).collect(), false)
        }
        // The estimator inside says whether it takes missing values.
        _ => {
            let support = object.get("support_")?;
            let mask = support.array()?.booleans().ok_or_else(|| support.broken("is no mask"))?;
            (mask, true)
        }
    };
    if mask.len() != width {
        return Err(object.broken("has not one score a column"));
    }
    let kept = mask.iter().enumerate().filter(|(_, kept)| **kept).map(|(index, _)| index).collect();
    Ok(Kept { kept, width, name: object.class().to_owned(), nan_allowed })
}

/// `scores_`, where a NaN is the smallest number.
fn scores(object: &Object<'_>) -> Result<Vec<f64>, Error> {
    let scores = object.get("scores_")?.floats()?;
    Ok(scores.into_iter().map(|x| if x.is_nan() { f64::MIN } else { x }).collect())
}

fn best(object: &Object<'_>) -> Result<Vec<bool>, Error> {
    let scores = scores(object)?;
    let k = object.get("k")?;
    if k.word().as_deref() == Some("all") {
        return Ok(vec![true; scores.len()]);
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let mut mask = vec![false; scores.len()];
    for index in order.into_iter().rev().take(k.count()?) {
        mask[index] = true;
    }
    Ok(mask)
}

fn percentile(object: &Object<'_>) -> Result<Vec<bool>, Error> {
    let scores = scores(object)?;
    let share = object.get("percentile")?.number()?;
    let count = scores.len();
    if share >= 100.0 || count == 0 {
        return Ok(vec![true; count]);
    }
    if share <= 0.0 {
        return Ok(vec![false; count]);
    }
    let mut sorted = scores.clone();
    sorted.sort_by(f64::total_cmp);
    // numpy's linear interpolation.
    let at = (100.0 - share) / 100.0 * (count - 1) as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    let (a, b) = (sorted[low.min(count - 1)], sorted[(low + 1).min(count - 1)]);
    let threshold = if part >= 0.5 { b - (b - a) * (1.0 - part) } else { a + (b - a) * part };
    let mut mask: Vec<bool> = scores.iter().map(|x| *x > threshold).collect();
    let most = (count as f64 * share / 100.0) as usize;
    let kept = mask.iter().filter(|kept| **kept).count();
    let ties: Vec<usize> = (0..count).filter(|i| scores[*i] == threshold).collect();
    for index in ties.into_iter().take(most.saturating_sub(kept)) {
        mask[index] = true;
    }
    Ok(mask)
}
