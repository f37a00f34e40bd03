//! Rules about the table itself.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::bounds::{Observed, within};
use super::domain::Domain;
use super::{Evaluator, Finding};
use crate::frame::Cell;
use crate::frame::{Dtype, json_equal, names};
use crate::suite::Rule;

impl Evaluator<'_> {
    pub(super) fn structure(&self, rule: &Rule, domain: &Domain<'_>) -> Result<Finding, String> {
        let width = self.frame.width() as i64;
        let rows = domain.len() as i64;
        let counted = |n: i64| Finding::observed(true, n.into());
        Ok(match rule {
            Rule::RowCount(bounds) => {
                Finding { success: within(&Observed::Integer(rows), bounds)?, ..counted(rows) }
            }
            Rule::ColumnCount(bounds) => {
                Finding { success: within(&Observed::Integer(width), bounds)?, ..counted(width) }
            }
            Rule::RowCountEquals(value) => {
                Finding { success: json_equal(Cell::Int(rows), value), ..counted(rows) }
            }
            Rule::ColumnCountEquals(value) => {
                Finding { success: json_equal(Cell::Int(width), value), ..counted(width) }
            }
            Rule::ColumnSet { columns, exact } => self.column_set(columns, *exact),
            Rule::ColumnOrder { columns } => self.column_order(columns),
            Rule::ColumnExists { column, index } => {
                let success = match index {
                    None => self.frame.place(column).is_some(),
                    Some(index) => {
                        let place = if *index < 0 { index + width } else { *index };
                        usize::try_from(place).ok().and_then(|p| self.frame.names().nth(p))
                            == Some(column.as_str())
                    }
                };
                Finding { success, raised: None, found: super::Found::Nothing }
            }
            Rule::ColumnType { column, wanted } => {
                let dtype = &self.frame.at(self.place(column)?).dtype;
                Finding::observed(is_dtype(dtype, wanted)?, dtype.name().into())
            }
            _ => return Err("it is no rule about the table".into()),
        })
    }

    fn column_set(&self, wanted: &[String], exact: bool) -> Finding {
        let there: BTreeSet<&str> = self.frame.names().collect();
        let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
        let unexpected: Vec<&str> = there.difference(&wanted).copied().collect();
        let missing: Vec<&str> = wanted.difference(&there).copied().collect();
        let success = missing.is_empty() && (unexpected.is_empty() || !exact);
        let finding = Finding::observed(success, json!(there));
        if missing.is_empty() && unexpected.is_empty() {
            return finding;
        }
        let mut mismatched = Map::new();
        if !unexpected.is_empty() {
            mismatched.insert("unexpected".into(), json!(unexpected));
        }
        if !missing.is_empty() {
            mismatched.insert("missing".into(), json!(missing));
        }
        finding.with("details", json!({ "mismatched": mismatched }))
    }

    fn column_order(&self, wanted: &[String]) -> Finding {
        let there: Vec<&str> = self.frame.names().collect();
        let finding = Finding::observed(there == wanted, json!(there));
        if finding.success {
            return finding;
        }
        let longest = there.len().max(wanted.len());
        let differing = (0..longest).filter(|i| there.get(*i).copied() != wanted.get(*i).map(String::as_str));
        let one = |i: usize| json!({ "Expected Column Position": i, "Expected": wanted.get(i), "Found": there.get(i) });
        let mismatched: Vec<Value> = differing.map(one).collect();
        finding.with("details", json!({ "mismatched": mismatched }))
    }
}

/// Whether a column has the type that pandas calls by that name. Errors: pandas has no such type.
fn is_dtype(dtype: &Dtype, wanted: &str) -> Result<bool, String> {
    if dtype.name() == wanted {
        return Ok(true);
    }
    if let Some(scalar) = names::numpy(wanted) {
        return Ok(match dtype {
            Dtype::Numpy(n) if scalar == "datetime64" || scalar == "timedelta64" => {
                // Without a unit, any unit.
                n.starts_with(scalar) && !wanted.contains('[')
            }
            Dtype::Numpy(n) => n == scalar,
            Dtype::Object => scalar == "object_",
            _ => false,
        });
    }
    let extension = matches!(
        wanted,
        "category"
            | "string"
            | "boolean"
            | "Int8"
            | "Int16"
            | "Int32"
            | "Int64"
            | "UInt8"
            | "UInt16"
            | "UInt32"
            | "UInt64"
            | "Float32"
            | "Float64"
    );
    let zoned = wanted.starts_with("datetime64[") && wanted.contains(',');
    if extension
        || zoned
        || wanted.starts_with("period[")
        || wanted.starts_with("Sparse[")
        || wanted == "interval"
    {
        return Ok(false);
    }
    Err(format!("Unrecognized pandas type: {wanted}"))
}
