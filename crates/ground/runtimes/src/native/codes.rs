//! Texts of categorical columns as the codes that a booster was trained on.

use std::collections::HashMap;

use super::matrix::{Block, Kind, Series, Values};
use super::outputs::Transform;
use crate::Error;

pub(crate) struct Codes {
    /// By column; `None` for numbers.
    columns: Vec<Option<HashMap<String, f64>>>,
    /// An unknown text is an error, not a missing value.
    strict: bool,
}

fn numbered(names: Vec<String>) -> HashMap<String, f64> {
    names.into_iter().enumerate().map(|(code, name)| (name, code as f64)).collect()
}

impl Codes {
    /// Unknown texts are refused, as XGBoost does.
    pub(crate) fn strict(columns: Vec<Option<Vec<String>>>) -> Self {
        Self { columns: columns.into_iter().map(|c| c.map(numbered)).collect(), strict: true }
    }

    /// Unknown texts are missing, as pandas and LightGBM have it.
    pub(crate) fn lenient(columns: Vec<Option<Vec<String>>>) -> Self {
        Self { columns: columns.into_iter().map(|c| c.map(numbered)).collect(), strict: false }
    }
}

impl Transform for Codes {
    fn apply(&self, block: Block) -> Result<Block, Error> {
        let Block::Columns { rows, mut columns } = block else { return Ok(block) };
        for (index, (column, codes)) in columns.iter_mut().zip(&self.columns).enumerate() {
            let Values::Texts(texts) = &column.values else { continue };
            let Some(codes) = codes else {
                return Err(Error::Unfit(format!("column {index} is text; the model takes a number")));
            };
            let mut numbers = Vec::with_capacity(rows);
            for (row, text) in texts.iter().enumerate() {
                numbers.push(match text {
                    None => f64::NAN,
                    Some(text) => match codes.get(text.as_str()) {
                        Some(code) => *code,
                        None if self.strict => {
                            return Err(Error::Unfit(format!(
                                "row {row}, column {index}: `{text}` is no category of the training data"
                            )));
                        }
                        None => f64::NAN,
                    },
                });
            }
            *column = Series { kind: Kind::Double, values: Values::Numbers(numbers) };
        }
        Ok(Block::Columns { rows, columns })
    }
}
