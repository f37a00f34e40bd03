use crate::outliers::Neighbours;
use crate::{Error, Matrix};

/// A row whose neighbours are of another class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disagreement {
    pub row: usize,
    /// The share of the nearest rows that have the row's label.
    pub agreeing: f64,
    /// The label that most of them have; ties go to the lower number.
    pub other: usize,
}

/// Rows of whose `k` nearest others at most `most` (0–1) share the label, fewest first. Errors: `Length`, `Empty`,
/// `OutOfRange`, `NotComputable` for `k` rows or fewer.
pub fn disagreements(
    rows: &Matrix,
    labels: &[usize],
    k: usize,
    most: f64,
) -> Result<Vec<Disagreement>, Error> {
    Error::length("the labels", rows.rows(), labels.len())?;
    let index = Neighbours::new(rows)?;
    let classes = labels.iter().max().map_or(0, |most| most + 1);
    let mut found = Vec::new();
    for (row, label) in labels.iter().enumerate() {
        let mut counts = vec![0.0; classes];
        index.nearest_others(row, k)?.iter().for_each(|near| counts[labels[near.row]] += 1.0);
        let agreeing = counts[*label] / k as f64;
        if agreeing <= most {
            found.push(Disagreement { row, agreeing, other: crate::labels::argmax(&counts) });
        }
    }
    found.sort_by(|a, b| a.agreeing.total_cmp(&b.agreeing).then(a.row.cmp(&b.row)));
    Ok(found)
}
