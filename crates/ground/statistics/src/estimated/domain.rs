use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::{Chunk, Feature, Limits, roc_auc};
use crate::Error;
use crate::boosting::{Boosted, Column, Objective};

const FOLDS: usize = 5;
/// Around one half, where nothing tells the chunk from the reference.
pub const DOMAIN_LIMITS: Limits = Limits { lower: Some(0.45), upper: Some(0.65) };

/// How well boosted trees tell rows of a chunk from those of the reference: the area under the ROC curve over five folds,
/// ½ where both are alike. Columns of categories come before those of numbers.
///
/// Errors: `Length`; `NotComputable` for fewer rows than folds on either side.
pub fn domain_classifier(reference: &[Feature<'_>], chunk: &[Feature<'_>]) -> Result<f64, Error> {
    Error::length("the table", reference.len(), chunk.len())?;
    let joined = reference.iter().zip(chunk).map(|(a, b)| joined(a, b)).collect::<Result<Vec<_>, _>>()?;
    let rows = |features: &[Feature<'_>]| features.first().map_or(0, Feature::len);
    let theirs = (0..rows(reference) + rows(chunk)).map(|row| row >= rows(reference)).collect();
    told_apart(&joined, theirs)
}

/// The same for a chunk of the reference itself, against its other rows.
pub fn domain_classifier_within(reference: &[Feature<'_>], chunk: &Chunk) -> Result<f64, Error> {
    let columns = reference.iter().map(|f| joined(f, &f.none())).collect::<Result<Vec<_>, _>>()?;
    let rows = reference.first().map_or(0, Feature::len);
    told_apart(&columns, (0..rows).map(|row| chunk.contains(&row)).collect())
}

/// How likely rows of one distribution are told apart at least so well: the normal approximation of the rank-sum test, one
/// sided. Areas over folds lie a little below those of one model, so that this errs towards no difference.
pub fn by_chance(area: f64, reference_rows: usize, chunk_rows: usize) -> f64 {
    let (a, b) = (reference_rows as f64, chunk_rows as f64);
    let spread = ((a + b + 1.0) / (12.0 * a * b)).sqrt();
    Normal::standard().sf((area - 0.5) / spread)
}

impl Feature<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Number(values) => values.len(),
            Self::Category(values) => values.len(),
        }
    }

    fn none(&self) -> Self {
        match self {
            Self::Number(_) => Self::Number(&[]),
            Self::Category(_) => Self::Category(&[]),
        }
    }
}

enum Joined {
    Number(Vec<f64>),
    /// Places among the categories of both, −1 for missing ones.
    Category(Vec<i64>),
}

fn joined(a: &Feature<'_>, b: &Feature<'_>) -> Result<Joined, Error> {
    match (a, b) {
        (Feature::Number(a), Feature::Number(b)) => Ok(Joined::Number([*a, *b].concat())),
        (Feature::Category(a), Feature::Category(b)) => {
            let all = || a.iter().chain(b.iter());
            let mut places: BTreeMap<&str, i64> = all().flatten().map(|name| (name.as_str(), 0)).collect();
            for (next, place) in places.values_mut().enumerate() {
                *place = next as i64;
            }
            let place = |name: &Option<String>| {
                name.as_deref().and_then(|name| places.get(name)).copied().unwrap_or(-1)
            };
            Ok(Joined::Category(all().map(place).collect()))
        }
        _ => Err(Error::why(
            "the domain classifier",
            "a column has numbers on one side and categories on the other",
        )),
    }
}

fn told_apart(columns: &[Joined], theirs: Vec<bool>) -> Result<f64, Error> {
    let few = |wanted: bool| theirs.iter().filter(|t| **t == wanted).count() < FOLDS;
    if few(true) || few(false) {
        return Err(Error::why("the domain classifier", format!("fewer than {FOLDS} rows on one side")));
    }
    let fold = folds(&theirs);
    let (mut truth, mut scores) = (Vec::with_capacity(theirs.len()), Vec::with_capacity(theirs.len()));
    for held_out in 0..FOLDS {
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..theirs.len()).partition(|row| fold[*row] == held_out);
        let (learned, asked) = (taken(columns, &train), taken(columns, &test));
        let labels: Vec<f64> = train.iter().map(|row| f64::from(u8::from(theirs[*row]))).collect();
        let model = Boosted::fit(&views(&learned), &labels, Objective::Probability)?;
        scores.extend(model.predict(&views(&asked))?);
        truth.extend(test.into_iter().map(|row| theirs[row]));
    }
    Ok(roc_auc(&truth, &scores).unwrap_or(0.5))
}

/// The fold of each row, as scikit-learn's `StratifiedKFold` without shuffling: folds take their part of each class in the
/// order of the rows.
fn folds(theirs: &[bool]) -> Vec<usize> {
    let first = theirs.first().copied().unwrap_or(false);
    // Classes are numbered by their first row, and dealt out to the folds in that order.
    let class = |row: usize| usize::from(theirs[row] != first);
    let sizes =
        [theirs.iter().filter(|t| **t == first).count(), theirs.iter().filter(|t| **t != first).count()];
    let mut allocation = [[0_usize; 2]; FOLDS];
    let mut order: Vec<usize> = Vec::with_capacity(theirs.len());
    for (class, size) in sizes.iter().enumerate() {
        order.extend(std::iter::repeat_n(class, *size));
    }
    for (place, class) in order.iter().enumerate() {
        allocation[place % FOLDS][*class] += 1;
    }
    let mut next = [0_usize; 2];
    let mut left = [allocation[0][0], allocation[0][1]];
    (0..theirs.len())
        .map(|row| {
            let class = class(row);
            while left[class] == 0 && next[class] + 1 < FOLDS {
                next[class] += 1;
                left[class] = allocation[next[class]][class];
            }
            left[class] = left[class].saturating_sub(1);
            next[class]
        })
        .collect()
}

fn taken(columns: &[Joined], rows: &[usize]) -> Vec<Joined> {
    let column = |column: &Joined| match column {
        Joined::Number(values) => Joined::Number(rows.iter().map(|row| values[*row]).collect()),
        Joined::Category(codes) => Joined::Category(rows.iter().map(|row| codes[*row]).collect()),
    };
    columns.iter().map(column).collect()
}

fn views(columns: &[Joined]) -> Vec<Column<'_>> {
    columns
        .iter()
        .map(|column| match column {
            Joined::Number(values) => Column::Number(values),
            Joined::Category(codes) => Column::Category(codes),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_of_one_half_is_chance_and_a_larger_one_less_so_with_more_rows() {
        assert!((by_chance(0.5, 100, 100) - 0.5).abs() < 1e-12);
        assert!(by_chance(0.6, 1_000, 1_000) < by_chance(0.6, 50, 50));
        // The rank sum of 10 and 10 rows has a standard deviation of √175.
        assert!((by_chance(0.5 + 175_f64.sqrt() / 100.0, 10, 10) - 0.158_655_253_931_457).abs() < 1e-9);
    }

    #[test]
    fn folds_take_their_part_of_each_class_in_order() {
        let theirs: Vec<bool> = (0..12).map(|row| row >= 5).collect();
        assert_eq!(folds(&theirs), [0, 1, 2, 3, 4, 0, 0, 1, 1, 2, 3, 4]);
        assert!(domain_classifier(&[Feature::Number(&[1.0; 9])], &[Feature::Number(&[2.0; 3])]).is_err());
    }
}
