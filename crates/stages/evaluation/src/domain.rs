//! Whether anything tells the rows of two tables apart: drift of the data as a whole, also where no column alone has any.

use std::collections::BTreeSet;

use columns::Table;
use statistics::Random;
use statistics::estimated::{DOMAIN_LIMITS, alert, by_chance, domain_classifier};
use types::DataType;

use crate::Error;
use crate::assess::Columns;

/// Rows of each table that are looked at; beyond, as many are drawn.
const MOST_ROWS: usize = 20_000;
/// A text of more kinds than this tells rows apart by being another.
const MOST_CATEGORIES: usize = 200;

/// How to look.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainPlan {
    /// Only these columns; all that both tables have if empty.
    pub only: Vec<String>,
    /// Numbers that are categories.
    pub categories: Vec<String>,
    /// `None`: drift is an area outside of NannyML's limits. Else: one that chance gives with at most this probability.
    pub alpha: Option<f64>,
    /// Instead of the upper limit.
    pub threshold: Option<f64>,
    pub seed: u64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainDrift {
    /// The area under the ROC curve of trees that tell the rows apart, over five folds: ½ where nothing does.
    pub area: f64,
    /// From here on it is drift; of the calibrated way, the p-value that it is held against.
    pub threshold: f64,
    pub p_value: f64,
    pub drifted: bool,
    /// Columns that were looked at.
    pub columns: Vec<String>,
    /// The others, with the reason.
    pub left_out: Vec<(String, String)>,
    /// Rows of the reference and of the current data.
    pub rows: (usize, usize),
    /// Whether those were drawn from more.
    pub sampled: bool,
}

/// Errors: `Columns` for a column of `only` that is missing; `Statistics` where there are fewer than five rows on a side,
/// or no column is left.
pub fn domain_drift(reference: &Table, current: &Table, plan: &DomainPlan) -> Result<DomainDrift, Error> {
    for name in &plan.only {
        reference.field(name)?;
    }
    let (names, left_out) = chosen(reference, current, plan)?;
    if names.is_empty() {
        return Err(statistics::Error::Empty("the list of columns that both have").into());
    }
    let (ours, theirs) = (drawn(reference, plan.seed)?, drawn(current, plan.seed.wrapping_add(1))?);
    let sampled = ours.rows() < reference.rows() || theirs.rows() < current.rows();
    let (ours, theirs) = (as_texts(&ours, plan)?, as_texts(&theirs, plan)?);
    let (a, b) = (Columns::of(&ours, &names)?, Columns::of(&theirs, &names)?);
    let rows = (ours.rows(), theirs.rows());
    let area = domain_classifier(&a.rows(0..rows.0), &b.rows(0..rows.1))?;
    let p_value = by_chance(area, rows.0, rows.1);
    let (threshold, drifted) = match (plan.alpha, plan.threshold) {
        (Some(alpha), _) => (alpha, p_value <= alpha),
        (None, Some(most)) => (most, area > most),
        (None, None) => (DOMAIN_LIMITS.upper.unwrap_or(1.0), alert(area, &DOMAIN_LIMITS)),
    };
    Ok(DomainDrift { area, threshold, p_value, drifted, columns: names, left_out, rows, sampled })
}

type Chosen = (Vec<String>, Vec<(String, String)>);

/// Categories first, as upstream has them, then numbers; and what was left out.
fn chosen(reference: &Table, current: &Table, plan: &DomainPlan) -> Result<Chosen, Error> {
    let (mut categories, mut numbers, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    let wanted = |name: &str| plan.only.is_empty() || plan.only.iter().any(|only| only == name);
    for field in reference.schema().fields.iter().filter(|f| wanted(&f.name)) {
        let name = field.name.clone();
        let Ok(other) = current.field(&name) else {
            left_out.push((name, "the column is missing in the current data".into()));
            continue;
        };
        let is_text = |t: DataType| t == DataType::String;
        if is_text(field.data_type) != is_text(other.data_type) {
            left_out.push((name, "it has texts on one side and numbers on the other".into()));
        } else if is_text(field.data_type) || plan.categories.contains(&name) {
            let texts = [reference.texts(&name)?, current.texts(&name)?];
            let kinds: BTreeSet<_> = texts.iter().flatten().flatten().collect();
            if kinds.len() > MOST_CATEGORIES {
                left_out.push((name, format!("it has {} different texts", kinds.len())));
            } else {
                categories.push(name);
            }
        } else if field.data_type.is_numeric() || field.data_type == DataType::Boolean {
            numbers.push(name);
        } else {
            left_out.push((name, format!("trees do not take a {}", field.data_type.name())));
        }
    }
    let new = current.schema().names().filter(|n| reference.field(n).is_err() && wanted(n));
    left_out.extend(new.map(|n| (n.to_owned(), "the column is missing in the reference data".into())));
    categories.extend(numbers);
    Ok((categories, left_out))
}

/// In the order of the table.
fn drawn(table: &Table, seed: u64) -> Result<Table, Error> {
    if table.rows() <= MOST_ROWS {
        return Ok(table.clone());
    }
    let mut rows = Random::new(seed).sample(table.rows(), MOST_ROWS);
    rows.sort_unstable();
    Ok(table.take(&rows)?)
}

/// With the numbers that are categories as texts.
fn as_texts(table: &Table, plan: &DomainPlan) -> Result<Table, Error> {
    let mut columns = Vec::new();
    for field in &table.schema().fields {
        let array = if plan.categories.contains(&field.name) {
            columns::column::strings(table.texts(&field.name)?)
        } else {
            table.column(&field.name)?.clone()
        };
        columns.push((field.name.clone(), array));
    }
    Ok(Table::new(columns)?)
}
