use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use types::DataType;

use crate::Error;

/// What data must be like. As in a project file:
/// `{rows: {min: 1000}, columns: {age: {type: float, not_null: true, between: [0, 120]}}, unknown_columns: reject}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expectations {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<RowBound>,
    /// Columns that must be there, unless optional.
    pub columns: BTreeMap<String, ColumnExpectation>,
    pub unknown_columns: UnknownColumns,
    /// What the rows together must be free of: wrong labels, duplicates, planted rows, ….
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<crate::verify::Plan>,
}

/// Both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RowBound {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
}

/// Rules about values hold for those that are there; whether they may be missing is a rule of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnExpectation {
    /// Integers satisfy `float`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub data_type: Option<DataType>,
    /// The column may be absent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub not_null: bool,
    /// Missing values per row, 0–1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_null_share: Option<f64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// Numbers, both ends included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_set: Option<Vec<serde_json::Value>>,
    /// Of the whole text of a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// Characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u64>,
    /// Characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u64>,
    /// Neither NaN nor infinite.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub finite: bool,
}

/// What to do about columns that no expectation names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownColumns {
    Reject,
    #[default]
    Allow,
}

impl Expectations {
    /// Errors: `BadExpectations` for what is not in the format, `BadExpectation` for what cannot be meant.
    pub fn parse(value: &serde_json::Value) -> Result<Self, Error> {
        let parsed: Self = Self::deserialize(value).map_err(|e| Error::BadExpectations(e.to_string()))?;
        parsed.validate()?;
        Ok(parsed)
    }

    /// The declared types, for reading: `datasets::Import::types`.
    pub fn types(&self) -> BTreeMap<String, DataType> {
        self.columns.iter().filter_map(|(name, c)| Some((name.clone(), c.data_type?))).collect()
    }

    /// Errors: `BadRows`, `BadExpectation`: rules that no data can satisfy, or that make no sense for the type.
    pub fn validate(&self) -> Result<(), Error> {
        if let Some(RowBound { min: Some(min), max: Some(max) }) = self.rows
            && min > max
        {
            return Err(Error::BadRows { reason: format!("min {min} is above max {max}") });
        }
        if let Some(plan) = &self.verification {
            plan.validate()?;
        }
        for (name, column) in &self.columns {
            column.problem().map_or(Ok(()), |(rule, reason)| {
                Err(Error::BadExpectation { column: name.clone(), rule, reason })
            })?;
        }
        Ok(())
    }
}

impl ColumnExpectation {
    fn problem(&self) -> Option<(&'static str, String)> {
        if let Some([low, high]) = self.between {
            if low.is_nan() || high.is_nan() || low > high {
                return Some(("between", format!("{low} to {high} is no range")));
            }
            if let Some(other) = self.data_type.filter(|t| !t.is_numeric()) {
                return Some(("between", format!("the column is {}, not numeric", other.name())));
            }
        }
        if let Some(share) = self.max_null_share {
            if !(0.0..=1.0).contains(&share) {
                return Some(("max_null_share", format!("{share} is not between 0 and 1")));
            }
            if self.not_null {
                return Some(("max_null_share", "not_null allows no missing value at all".into()));
            }
        }
        if let Some(set) = &self.in_set {
            if set.is_empty() {
                return Some(("in_set", "no value is in an empty set".into()));
            }
            if let Some(bad) = set.iter().find(|v| v.is_null() || v.is_array() || v.is_object()) {
                return Some(("in_set", format!("{bad} is no single value")));
            }
            let wanted = self.data_type;
            if let Some(bad) = set.iter().find(|v| wanted.is_some_and(|t| !fits(v, t))) {
                let wanted = wanted.map_or("", DataType::name);
                return Some(("in_set", format!("{bad} is not {wanted}")));
            }
        }
        if let Some(pattern) = &self.regex
            && let Err(e) = regex::Regex::new(pattern)
        {
            return Some(("regex", e.to_string()));
        }
        if let (Some(min), Some(max)) = (self.min_length, self.max_length)
            && min > max
        {
            return Some(("min_length", format!("{min} is above max_length {max}")));
        }
        let textual = self.regex.is_some() || self.min_length.is_some() || self.max_length.is_some();
        if let Some(other) = self.data_type.filter(|t| textual && *t != DataType::String) {
            return Some((
                "regex",
                format!("rules about text need a string column, this is {}", other.name()),
            ));
        }
        None
    }
}

fn fits(value: &serde_json::Value, data_type: DataType) -> bool {
    match data_type {
        DataType::Boolean => value.is_boolean(),
        DataType::Integer => value.as_f64().is_some_and(|v| v.fract() == 0.0),
        DataType::Float => value.is_number(),
        DataType::String | DataType::Timestamp | DataType::Date | DataType::Binary => value.is_string(),
    }
}
