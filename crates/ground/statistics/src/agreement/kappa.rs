use crate::Error;

/// What a disagreement of two ordered categories costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    None,
    Linear,
    Quadratic,
}

/// Cohen's kappa of two raters, over the categories that occur, in ascending order (scikit-learn's
/// `cohen_kappa_score`). 1 is perfect agreement, 0 what chance gives. Errors: `Length`, `Empty`; `NotComputable` if
/// both always said the same one thing.
pub fn cohen_kappa<T: Ord>(first: &[T], second: &[T], weights: Weights) -> Result<f64, Error> {
    Error::length("the second rater", first.len(), second.len())?;
    if first.is_empty() {
        return Err(Error::Empty("the ratings"));
    }
    let mut categories: Vec<&T> = first.iter().chain(second).collect();
    categories.sort();
    categories.dedup();
    let k = categories.len();
    let place = |value: &T| categories.binary_search(&value).unwrap_or(0);
    let mut counts = vec![vec![0.0; k]; k];
    first.iter().zip(second).for_each(|(a, b)| counts[place(a)][place(b)] += 1.0);
    let n = first.len() as f64;
    let rows: Vec<f64> = counts.iter().map(|row| row.iter().sum()).collect();
    let columns: Vec<f64> = (0..k).map(|j| counts.iter().map(|row| row[j]).sum()).collect();
    let (mut observed, mut expected) = (0.0, 0.0);
    for i in 0..k {
        for j in 0..k {
            let apart = i.abs_diff(j) as f64;
            let weight = match weights {
                Weights::None => f64::from(u8::from(i != j)),
                Weights::Linear => apart,
                Weights::Quadratic => apart * apart,
            };
            observed += weight * counts[i][j];
            expected += weight * rows[i] * columns[j] / n;
        }
    }
    if expected == 0.0 {
        return Err(Error::why("Cohen's kappa", "both raters always gave the same one category"));
    }
    Ok(1.0 - observed / expected)
}

/// How often each category was given to each item: what Fleiss' and Randolph's kappa take. Ratings that are `None`
/// are not counted.
pub fn counts_by_item<T: Ord>(items: &[Vec<Option<T>>]) -> Vec<Vec<f64>> {
    let mut categories: Vec<&T> = items.iter().flatten().flatten().collect();
    categories.sort();
    categories.dedup();
    items
        .iter()
        .map(|item| {
            let mut counts = vec![0.0; categories.len()];
            for value in item.iter().flatten() {
                if let Ok(place) = categories.binary_search(&value) {
                    counts[place] += 1.0;
                }
            }
            counts
        })
        .collect()
}

/// Fleiss' kappa of items that each have the same number of ratings (statsmodels' `fleiss_kappa`). Errors: `Empty`;
/// `NotComputable` if the numbers differ, are below 2, or one category is all that occurs.
pub fn fleiss_kappa(counts: &[Vec<f64>]) -> Result<f64, Error> {
    let (agreement, shares) = observed(counts)?;
    beyond(agreement, shares.iter().map(|p| p * p).sum())
}

/// Randolph's free-marginal kappa: chance is one in the number of categories. Errors: as [`fleiss_kappa`].
pub fn randolph_kappa(counts: &[Vec<f64>]) -> Result<f64, Error> {
    let (agreement, shares) = observed(counts)?;
    beyond(agreement, 1.0 / shares.len() as f64)
}

fn observed(counts: &[Vec<f64>]) -> Result<(f64, Vec<f64>), Error> {
    let ratings = counts.first().ok_or(Error::Empty("the ratings"))?.iter().sum::<f64>();
    let why = |why: &str| Error::why("kappa over several raters", why);
    if counts.iter().any(|row| row.iter().sum::<f64>() != ratings) {
        return Err(why("the items have different numbers of ratings"));
    }
    if ratings < 2.0 {
        return Err(why("an item has fewer than two ratings"));
    }
    let items = counts.len() as f64;
    let categories = counts[0].len();
    let shares =
        (0..categories).map(|j| counts.iter().map(|r| r[j]).sum::<f64>() / (items * ratings)).collect();
    let pairs =
        |row: &Vec<f64>| (row.iter().map(|c| c * c).sum::<f64>() - ratings) / (ratings * (ratings - 1.0));
    Ok((counts.iter().map(pairs).sum::<f64>() / items, shares))
}

fn beyond(agreement: f64, chance: f64) -> Result<f64, Error> {
    if chance >= 1.0 {
        return Err(Error::why("kappa over several raters", "one category is all that occurs"));
    }
    Ok((agreement - chance) / (1.0 - chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kappa_is_one_in_agreement_and_undefined_without_variety() {
        assert_eq!(cohen_kappa(&[1, 2, 3], &[1, 2, 3], Weights::Quadratic).unwrap(), 1.0);
        assert!(cohen_kappa(&[1, 1], &[1, 1], Weights::None).is_err());
        assert!(fleiss_kappa(&[vec![3.0, 0.0], vec![2.0, 0.0]]).is_err());
        assert!(fleiss_kappa(&[]).is_err());
    }
}
