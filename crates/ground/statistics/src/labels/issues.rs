use super::joint::{CLOSE, calibrated, confident_joint, rounded};
use super::ties::ascending;
use super::{Probabilities, Quality, argmax, quality};
use crate::Error;

/// Which rows count as mislabelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterBy {
    /// For each pair of classes as many rows as the joint says, those with the largest margin.
    PruneByNoiseRate,
    /// For each class as many rows as the joint says, those least probable.
    PruneByClass,
    /// Both of the above.
    Both,
    /// Rows off the diagonal of the confident joint.
    ConfidentLearning,
    /// Rows whose most probable class is another one.
    PredictedNeqGiven,
    /// As many as [`count_issues`] says, with the lowest margin.
    LowNormalizedMargin,
    /// As many as [`count_issues`] says, with the lowest probability.
    LowSelfConfidence,
}

/// A class keeps at least so many rows.
const KEPT: f64 = 1.0;

/// How many labels are wrong, by the rows off the diagonal of the confident joint that the model would not give
/// their label. Errors: `Empty`, `Length`, `OutOfRange`.
pub fn count_issues(labels: &[usize], probabilities: &Probabilities) -> Result<usize, Error> {
    let joint = confident_joint(labels, probabilities)?;
    Ok(joint.off_diagonal.iter().filter(|row| doubtful(labels[**row], &probabilities[**row])).count())
}

/// The rows (from 0, ascending) whose labels are wrong. Errors: as [`count_issues`].
pub fn issues(labels: &[usize], probabilities: &Probabilities, by: FilterBy) -> Result<Vec<usize>, Error> {
    let joint = confident_joint(labels, probabilities)?;
    let mut flags = vec![false; labels.len()];
    match by {
        FilterBy::LowNormalizedMargin | FilterBy::LowSelfConfidence => {
            let score = match by {
                FilterBy::LowSelfConfidence => Quality::SelfConfidence,
                _ => Quality::NormalizedMargin,
            };
            let scores = quality(labels, probabilities, score, false)?;
            let count = count_issues(labels, probabilities)?;
            ascending(&scores).into_iter().take(count).for_each(|row| flags[row] = true);
            return Ok(rows(&flags));
        }
        FilterBy::ConfidentLearning => joint.off_diagonal.iter().for_each(|row| flags[*row] = true),
        FilterBy::PredictedNeqGiven => {
            for (flag, (label, row)) in flags.iter_mut().zip(labels.iter().zip(probabilities)) {
                *flag = argmax(row) != *label;
            }
        }
        FilterBy::PruneByNoiseRate => {
            flags = by_pair(labels, probabilities, &prune_counts(&joint.counts, labels))
        }
        FilterBy::PruneByClass => {
            flags = by_class(labels, probabilities, &prune_counts(&joint.counts, labels))
        }
        FilterBy::Both => {
            let counts = prune_counts(&joint.counts, labels);
            let pairs = by_pair(labels, probabilities, &counts);
            let classes = by_class(labels, probabilities, &counts);
            flags = pairs.iter().zip(classes).map(|(a, b)| *a && b).collect();
        }
    }
    for (flag, (label, row)) in flags.iter_mut().zip(labels.iter().zip(probabilities)) {
        *flag &= doubtful(*label, row);
    }
    Ok(rows(&flags))
}

/// The rows of [`issues`], worst first. Errors: as [`count_issues`].
pub fn ranked(
    labels: &[usize],
    probabilities: &Probabilities,
    by: FilterBy,
    rank: Quality,
) -> Result<Vec<usize>, Error> {
    let mut found = issues(labels, probabilities, by)?;
    let scores = quality(labels, probabilities, rank, false)?;
    found.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    Ok(found)
}

/// Whether the most probable class is another one, the label being favoured by a hair.
fn doubtful(label: usize, row: &[f64]) -> bool {
    let mut favoured = row.to_vec();
    favoured[label] += CLOSE;
    argmax(&favoured) != label
}

fn rows(flags: &[bool]) -> Vec<usize> {
    flags.iter().enumerate().filter(|(_, flag)| **flag).map(|(row, _)| row).collect()
}

/// How many rows to prune: a row a true class, a column a label; the diagonal keeps what each label keeps.
fn prune_counts(joint: &[Vec<f64>], labels: &[usize]) -> Vec<Vec<usize>> {
    let joint = calibrated(joint, labels);
    let classes = joint.len();
    let mut counts: Vec<Vec<f64>> =
        (0..classes).map(|class| (0..classes).map(|label| joint[label][class]).collect()).collect();
    for label in 0..classes {
        let kept = counts[label][label].max(KEPT);
        let missing = kept - counts[label][label];
        let rates = counts.iter().filter(|row| row[label] != 0.0).count() as f64 - 1.0;
        for row in &mut counts {
            row[label] = (row[label] - missing / rates.max(1.0)).max(0.0);
        }
        counts[label][label] = kept;
    }
    let whole = |row: &Vec<f64>| {
        let cut: Vec<f64> = row.iter().map(|cell| cell.trunc()).collect();
        rounded(&cut).iter().map(|cell| *cell as usize).collect()
    };
    counts.iter().map(whole).collect()
}

fn members(labels: &[usize], class: usize) -> Vec<usize> {
    labels.iter().enumerate().filter(|(_, label)| **label == class).map(|(row, _)| row).collect()
}

fn by_class(labels: &[usize], probabilities: &Probabilities, counts: &[Vec<usize>]) -> Vec<bool> {
    let mut flags = vec![false; labels.len()];
    for class in 0..counts.len() {
        let rows = members(labels, class);
        if rows.len() as f64 <= KEPT {
            continue;
        }
        let own: Vec<f64> = rows.iter().map(|row| probabilities[*row][class]).collect();
        let wrong = rows.len().saturating_sub(counts[class][class]);
        ascending(&own).into_iter().take(wrong).for_each(|place| flags[rows[place]] = true);
    }
    flags
}

fn by_pair(labels: &[usize], probabilities: &Probabilities, counts: &[Vec<usize>]) -> Vec<bool> {
    let mut flags = vec![false; labels.len()];
    for class in 0..counts.len() {
        let rows = members(labels, class);
        if rows.len() as f64 <= KEPT {
            continue;
        }
        for (other, row) in counts.iter().enumerate().filter(|(other, _)| *other != class) {
            let margins: Vec<f64> =
                rows.iter().map(|r| probabilities[*r][class] - probabilities[*r][other]).collect();
            ascending(&margins).into_iter().take(row[class]).for_each(|place| flags[rows[place]] = true);
        }
    }
    flags
}
