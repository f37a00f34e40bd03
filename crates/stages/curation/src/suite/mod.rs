//! Suites of expectations: one representation for whatever they were written in.

mod dbt;
mod gx;
mod infer;
mod json_schema;
mod kwargs;
mod pandera;
mod phrase;
mod python_json;
mod read;
mod rule;
mod sagemaker;

use serde_json::{Map, Value, json};

pub use infer::{InferOptions, infer};
pub use read::{Dialect, read};
pub use rule::{
    Bounds, ColumnsTest, Divergence, IgnoreColumns, IgnorePair, MatchOn, Outliers, PairTest, Partition,
    Relation, Rule, Statistic, Test,
};

use crate::condition::Condition;

/// Expectations about one table, in order.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    pub name: String,
    pub expectations: Vec<Expectation>,
    pub meta: Map<String, Value>,
    /// What of the source says nothing about a table, or could not be understood: told, not dropped.
    pub notes: Vec<String>,
}

/// One expectation: its name and arguments as Great Expectations writes them, and what is meant.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// `expect_column_values_to_be_between`.
    pub kind: String,
    pub kwargs: Map<String, Value>,
    pub meta: Map<String, Value>,
    /// `critical`, `warning` or `info`.
    pub severity: String,
    pub id: Option<String>,
    /// The share of values that must be as expected, 0–1.
    pub mostly: f64,
    /// The rows that are asked about; the reason if that is not understood.
    pub condition: Option<Result<Condition, String>>,
    /// What is asked; the reason if that is not understood.
    pub rule: Result<Rule, String>,
}

impl Expectation {
    /// From a name and arguments as Great Expectations writes them. What is not understood is found when it is
    /// evaluated, so that the rest of a suite still runs.
    pub fn new(kind: impl Into<String>, kwargs: Value) -> Self {
        let kind = kind.into();
        let kwargs = match kwargs {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let mostly = kwargs.get("mostly").and_then(Value::as_f64).unwrap_or(1.0);
        let condition = gx::condition(&kwargs);
        let rule = gx::rule(&kind, &kwargs);
        let (meta, severity, id) = (Map::new(), "critical".to_owned(), None);
        Self { kind, kwargs, meta, severity, id, mostly, condition, rule }
    }

    pub fn noted(mut self, note: &str) -> Self {
        self.meta.insert("notes".into(), note.into());
        self
    }

    /// Whether texts of its columns are meant as times, which suites of 0.18 may say.
    pub fn parses_times(&self) -> bool {
        self.kwargs.get("parse_strings_as_datetimes").and_then(Value::as_bool).unwrap_or_default()
    }

    /// The column that it is about, where it is about one.
    pub fn column(&self) -> Option<&str> {
        self.kwargs.get("column").and_then(Value::as_str)
    }

    /// As in a suite of Great Expectations 1.
    pub fn json(&self) -> Value {
        let mut map = Map::new();
        map.insert("type".into(), self.kind.clone().into());
        map.insert("kwargs".into(), self.kwargs.clone().into());
        map.insert("meta".into(), self.meta.clone().into());
        map.insert("severity".into(), self.severity.clone().into());
        if let Some(id) = &self.id {
            map.insert("id".into(), id.clone().into());
        }
        Value::Object(map)
    }
}

impl Suite {
    /// As a suite of Great Expectations 1.
    pub fn json(&self) -> Value {
        let expectations: Vec<Value> = self.expectations.iter().map(Expectation::json).collect();
        json!({ "name": self.name, "expectations": expectations, "meta": self.meta })
    }
}
