//! The rules of a project file about single values, as tests of the one kind that suites have, too.

use serde_json::{Value, json};

use crate::evaluate::Evaluator;
use crate::frame::Cell;
use crate::suite::{Bounds, MatchOn, Test};
use crate::{ColumnExpectation, Error};

/// Rows that a report shows for one rule.
const SHOWN: usize = 5;

pub(crate) struct Rule {
    pub name: &'static str,
    pub expected: Value,
    /// Reads after the column's name: `is between 0 and 120`.
    pub phrase: String,
    test: Test,
    /// Values that may break it, of all that it is about.
    tolerated: Option<f64>,
}

/// What came of a rule.
pub(crate) struct Judged {
    pub passed: bool,
    /// Values that the rule was about.
    pub of: u64,
    pub failed: u64,
    pub first: Vec<(usize, Value)>,
    /// All rows that break it, from 0.
    pub rows: Vec<u32>,
}

/// The rules of one column. Errors: `BadExpectation` for a pattern that is none.
pub(crate) fn rules(column: &str, wanted: &ColumnExpectation) -> Result<Vec<Rule>, Error> {
    let mut rules = Vec::new();
    let mut add = |name, expected, phrase: String, test| {
        rules.push(Rule { name, expected, phrase, test, tolerated: None });
    };
    if wanted.not_null {
        add("not_null", json!(true), "is never missing".into(), Test::NotNull);
    }
    if let Some(share) = wanted.max_null_share {
        let phrase = format!("is missing in at most {} % of the rows", share * 100.0);
        add("max_null_share", json!(share), phrase, Test::NotNull);
    }
    if wanted.finite {
        add("finite", json!(true), "is never NaN or infinite".into(), Test::Finite);
    }
    if let Some([low, high]) = wanted.between {
        let bounds = Bounds { min: Some(bound(low)), max: Some(bound(high)), ..Bounds::default() };
        let phrase = format!("is between {low} and {high}");
        add("between", json!([low, high]), phrase, Test::Between(bounds));
    }
    if let Some(set) = &wanted.in_set {
        let listed: Vec<String> = set.iter().take(12).map(Value::to_string).collect();
        let more = if set.len() > 12 { ", …" } else { "" };
        let phrase = format!("is one of {}{more}", listed.join(", "));
        add("in_set", json!(set), phrase, Test::InSet(Some(set.clone())));
    }
    if let Some(pattern) = &wanted.regex {
        regex::Regex::new(&format!("^(?:{pattern})$")).map_err(|e| Error::BadExpectation {
            column: column.to_owned(),
            rule: "regex",
            reason: e.to_string(),
        })?;
        let whole = Test::Regex { patterns: vec![format!("^(?:{pattern})\\Z")], on: MatchOn::Any };
        add("regex", json!(pattern), format!("matches `{pattern}`"), whole);
    }
    if let Some(n) = wanted.min_length {
        let bounds = Bounds { min: Some(n.into()), ..Bounds::default() };
        add("min_length", json!(n), format!("has at least {n} characters"), Test::Length(bounds));
    }
    if let Some(n) = wanted.max_length {
        let bounds = Bounds { max: Some(n.into()), ..Bounds::default() };
        add("max_length", json!(n), format!("has at most {n} characters"), Test::Length(bounds));
    }
    if wanted.unique {
        add("unique", json!(true), "is never the same twice".into(), Test::NotRepeated);
    }
    for rule in &mut rules {
        if rule.name == "max_null_share" {
            rule.tolerated = wanted.max_null_share;
        }
    }
    Ok(rules)
}

/// Infinite bounds are none that JSON could write.
fn bound(value: f64) -> Value {
    crate::frame::number(value)
}

impl Rule {
    /// A rule that makes no sense for a column's type is broken by every value of it.
    pub fn judge(&self, evaluator: &Evaluator<'_>, column: usize) -> Judged {
        let (of, rows) = evaluator.breaking(column, &self.test);
        let failed = rows.len() as u64;
        let passed = match self.tolerated {
            Some(most) => failed as f64 <= most * of as f64,
            None => failed == 0,
        };
        let cells = evaluator.frame.at(column);
        let first =
            rows.iter().take(SHOWN).map(|row| (*row as usize, shown(cells.get(*row as usize)))).collect();
        Judged { passed, of: of as u64, failed, first, rows }
    }
}

/// For the report; texts are cut at 80 characters.
fn shown(cell: Cell<'_>) -> Value {
    match cell {
        Cell::Float(v) if !v.is_finite() => v.to_string().into(),
        Cell::Text(v) => match v.char_indices().nth(80) {
            Some((cut, _)) => format!("{}…", &v[..cut]).into(),
            None => v.into(),
        },
        Cell::Bool(v) => v.to_string().into(),
        cell => cell.json(),
    }
}
