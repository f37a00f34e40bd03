//! A suite that describes a table as it is: a draft for people to review.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Expectation, Suite};
use crate::Error;
use crate::evaluate::facts;
use crate::frame::Frame;

/// What a draft takes for a rule.
#[derive(Clone, Copy, Debug)]
pub struct InferOptions {
    /// Columns with at most so many distinct texts are sets of values.
    pub most_values: usize,
}

impl Default for InferOptions {
    fn default() -> Self {
        Self { most_values: 20 }
    }
}

/// A suite that holds for the table: its columns and their types, what is never missing, what is never the same twice,
/// the range of numbers and times, and the values of columns that have few.
/// Errors: `Columns` where a column cannot be read.
pub fn infer(frame: &Arc<Frame>, name: &str, options: InferOptions) -> Result<Suite, Error> {
    let mut expectations = Vec::new();
    let names: Vec<&str> = frame.names().collect();
    expectations.push(Expectation::new("expect_table_columns_to_match_set", json!({ "column_set": names })));
    let places: Vec<usize> = (0..frame.width()).collect();
    let known = columns::drift::parallel(&places, |place| {
        let frame = frame.apart(HashMap::from([(*place, frame.fresh(*place))]));
        let column = frame.at(*place);
        (column.name.clone(), column.dtype.clone(), facts(&frame, *place))
    });
    frame.sound()?;
    for (column, dtype, known) in known {
        let mut add = |kind: &str, mut kwargs: Value| {
            if let Some(map) = kwargs.as_object_mut() {
                map.insert("column".into(), column.clone().into());
            }
            expectations.push(Expectation::new(kind, kwargs));
        };
        add("expect_column_type_to_be", json!({ "type_": dtype.name() }));
        let rows = frame.rows();
        if rows > 0 && known.missing == 0 {
            add("expect_column_values_to_not_be_null", json!({}));
        } else if rows > 0 && known.missing < rows {
            // A little below what is there, so that a draft does not fail on the next file by one row.
            let share = ((rows - known.missing) as f64 / rows as f64 * 100.0).floor() / 100.0;
            add("expect_column_values_to_not_be_null", json!({ "mostly": share }));
        }
        if known.distinct == rows - known.missing && rows > 1 && !dtype.is_float() {
            add("expect_column_values_to_be_unique", json!({}));
        }
        if let (Some(min), Some(max)) = (&known.min, &known.max) {
            add("expect_column_values_to_be_between", json!({ "min_value": min, "max_value": max }));
        }
        if let Some(values) = known.values(options.most_values) {
            add("expect_column_values_to_be_in_set", json!({ "value_set": values }));
        }
    }
    Ok(Suite { name: name.to_owned(), expectations, ..Suite::default() })
}
