//! The columns as numbers that distances can be taken between.

use columns::Table;
use datasets::ROW_ID;
use statistics::Matrix;
use types::DataType;

use super::Plan;
use crate::Error;

/// Text columns of more values than this are no features: names and ids have nothing near them.
const MOST_CATEGORIES: usize = 30;

/// Classes of a label in ascending order (numbers as numbers), and the class of each row.
pub(crate) struct Labels {
    pub classes: Vec<String>,
    /// `None` where the label is missing.
    pub of: Vec<Option<usize>>,
}

/// Errors: `Columns`; `BadVerification` if the label is a measured number.
pub(crate) fn labels(table: &Table, column: &str) -> Result<Labels, Error> {
    let texts = table.texts(column)?;
    let mut classes: Vec<String> = texts.iter().flatten().cloned().collect();
    classes.sort();
    classes.dedup();
    let numbers: Option<Vec<f64>> = classes.iter().map(|class| class.parse().ok()).collect();
    if let Some(numbers) = numbers {
        let mut pairs: Vec<(f64, String)> = numbers.into_iter().zip(classes).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        classes = pairs.into_iter().map(|(_, class)| class).collect();
    }
    if table.field(column)?.data_type == DataType::Float && classes.len() > MOST_CATEGORIES {
        return Err(Error::BadVerification(format!("`{column}` is measured, not a class")));
    }
    let place: std::collections::HashMap<&String, usize> = classes.iter().zip(0..).collect();
    let of = texts.iter().map(|text| text.as_ref().and_then(|t| place.get(t).copied())).collect();
    Ok(Labels { classes, of })
}

/// The columns that are neither label nor id nor model output.
pub(crate) fn feature_columns(table: &Table, plan: &Plan) -> Result<Vec<String>, Error> {
    let mut left_out: Vec<String> = plan.ignore.clone();
    left_out.extend(plan.label.iter().chain(&plan.key).cloned());
    left_out.push(ROW_ID.to_owned());
    for list in [&plan.probabilities, &plan.annotators] {
        left_out.extend(plan.columns(table, list)?);
    }
    let named = table.schema().names().filter(|name| !left_out.iter().any(|out| out == name));
    Ok(named.map(str::to_owned).collect())
}

/// Numeric columns scaled to unit deviation (missing values at the mean), categories as a column each (scaled by
/// 1/√2, so that two categories are one deviation apart); a row a row of the table. `None` if no column is fit for it.
/// Errors: `Columns`.
pub(crate) fn encoded(table: &Table, names: &[String]) -> Result<Option<Matrix>, Error> {
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for name in names {
        match table.field(name)?.data_type {
            DataType::Integer | DataType::Float => {
                columns.extend(scaled(&table.numbers(name)?));
            }
            DataType::String | DataType::Boolean => {
                let texts = table.texts(name)?;
                let mut values: Vec<&String> = texts.iter().flatten().collect();
                values.sort();
                values.dedup();
                if values.len() < 2 || values.len() > MOST_CATEGORIES {
                    continue;
                }
                for value in values {
                    let one = |text: &Option<String>| f64::from(u8::from(text.as_ref() == Some(value)));
                    columns.push(texts.iter().map(|text| one(text) / std::f64::consts::SQRT_2).collect());
                }
            }
            _ => {}
        }
    }
    if columns.is_empty() { Ok(None) } else { Ok(Some(Matrix::of_columns(&columns)?)) }
}

/// `None` for a column that is constant, or has no finite number.
fn scaled(values: &[Option<f64>]) -> Option<Vec<f64>> {
    let known: Vec<f64> = values.iter().flatten().copied().filter(|v| v.is_finite()).collect();
    if known.is_empty() {
        return None;
    }
    let n = known.len() as f64;
    let mean = known.iter().sum::<f64>() / n;
    let spread = (known.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
    // A spread that is nothing beside the mean is rounding.
    if spread <= 1e-12 * mean.abs() {
        return None;
    }
    let of = |v: &Option<f64>| v.filter(|v| v.is_finite()).map_or(0.0, |v| (v - mean) / spread);
    Some(values.iter().map(of).collect())
}
