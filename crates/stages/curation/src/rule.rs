//! The rules about single values, and counting what breaks them.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::cell::Cell;
use crate::{ColumnExpectation, Error};

/// Rows that a report shows for one rule.
const SHOWN: usize = 5;

pub(crate) struct Rule<'a> {
    pub name: &'static str,
    pub expected: Value,
    /// Reads after the column's name: `is between 0 and 120`.
    pub phrase: String,
    test: Test,
    /// Values that the rule was about.
    pub of: u64,
    pub failed: u64,
    pub first: Vec<(usize, Value)>,
    seen: HashSet<Key<'a>>,
}

enum Test {
    NotNull,
    MaxNullShare(f64),
    Unique,
    Between(f64, f64),
    InSet(Vec<Value>),
    Regex(regex::Regex),
    MinLength(u64),
    MaxLength(u64),
    Finite,
}

#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Bits(u64),
    Integer(i64),
    Text(&'a str),
}

/// The rules of one column. Errors: `BadExpectation` for a pattern that is none.
pub(crate) fn rules<'a>(column: &str, wanted: &ColumnExpectation) -> Result<Vec<Rule<'a>>, Error> {
    let mut rules = Vec::new();
    let mut add = |name, expected, phrase: String, test| {
        let (first, seen) = (Vec::new(), HashSet::new());
        rules.push(Rule { name, expected, phrase, test, of: 0, failed: 0, first, seen });
    };
    if wanted.not_null {
        add("not_null", json!(true), "is never missing".into(), Test::NotNull);
    }
    if let Some(share) = wanted.max_null_share {
        let phrase = format!("is missing in at most {} % of the rows", share * 100.0);
        add("max_null_share", json!(share), phrase, Test::MaxNullShare(share));
    }
    if wanted.finite {
        add("finite", json!(true), "is never NaN or infinite".into(), Test::Finite);
    }
    if let Some([low, high]) = wanted.between {
        add("between", json!([low, high]), format!("is between {low} and {high}"), Test::Between(low, high));
    }
    if let Some(set) = &wanted.in_set {
        let listed: Vec<String> = set.iter().take(12).map(Value::to_string).collect();
        let more = if set.len() > 12 { ", …" } else { "" };
        add("in_set", json!(set), format!("is one of {}{more}", listed.join(", ")), Test::InSet(set.clone()));
    }
    if let Some(pattern) = &wanted.regex {
        let whole = regex::Regex::new(&format!("^(?:{pattern})$")).map_err(|e| Error::BadExpectation {
            column: column.to_owned(),
            rule: "regex",
            reason: e.to_string(),
        })?;
        add("regex", json!(pattern), format!("matches `{pattern}`"), Test::Regex(whole));
    }
    if let Some(n) = wanted.min_length {
        add("min_length", json!(n), format!("has at least {n} characters"), Test::MinLength(n));
    }
    if let Some(n) = wanted.max_length {
        add("max_length", json!(n), format!("has at most {n} characters"), Test::MaxLength(n));
    }
    if wanted.unique {
        add("unique", json!(true), "is never the same twice".into(), Test::Unique);
    }
    Ok(rules)
}

impl<'a> Rule<'a> {
    pub fn see(&mut self, row: usize, cell: Cell<'a>) {
        let about_missing = matches!(self.test, Test::NotNull | Test::MaxNullShare(_));
        if cell == Cell::Null && !about_missing {
            return;
        }
        self.of += 1;
        if !self.holds(cell) {
            self.failed += 1;
            if self.first.len() < SHOWN {
                self.first.push((row, cell.json()));
            }
        }
    }

    /// Whether the column passes, after every row was seen.
    pub fn passed(&self) -> bool {
        match self.test {
            Test::MaxNullShare(most) => self.failed as f64 <= most * self.of as f64,
            _ => self.failed == 0,
        }
    }

    fn holds(&mut self, cell: Cell<'a>) -> bool {
        match &self.test {
            Test::NotNull | Test::MaxNullShare(_) => cell != Cell::Null,
            Test::Finite => cell.number().is_none_or(f64::is_finite),
            Test::Between(low, high) => cell.number().is_some_and(|v| *low <= v && v <= *high),
            Test::InSet(set) => set.iter().any(|value| equals(value, cell)),
            Test::Regex(pattern) => cell.text().is_some_and(|text| pattern.is_match(text)),
            Test::MinLength(n) => cell.text().is_some_and(|text| text.chars().count() as u64 >= *n),
            Test::MaxLength(n) => cell.text().is_some_and(|text| text.chars().count() as u64 <= *n),
            Test::Unique => self.seen.insert(match cell {
                Cell::Integer(v) => Key::Integer(v),
                Cell::Number(v) => Key::Bits(v.to_bits()),
                Cell::Text(text) => Key::Text(text),
                Cell::Null => return true,
            }),
        }
    }
}

fn equals(value: &Value, cell: Cell<'_>) -> bool {
    match cell {
        Cell::Null => false,
        Cell::Integer(v) => value.as_i64().map_or_else(|| value.as_f64() == Some(v as f64), |w| w == v),
        Cell::Number(v) => value.as_f64() == Some(v),
        Cell::Text(text) => match value {
            Value::String(wanted) => wanted == text,
            Value::Bool(wanted) => text == if *wanted { "true" } else { "false" },
            _ => false,
        },
    }
}
