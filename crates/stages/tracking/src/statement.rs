//! Composing a statement whose parameters are numbered in order of appearance. Pieces of SQL come from `store`.

use ledger::Value;

use crate::search::{Comparison, Test};

/// A statement in the making.
#[derive(Default)]
pub struct Statement {
    pub sql: String,
    pub values: Vec<Value>,
}

impl Statement {
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.sql.push_str(text);
        self
    }

    /// Appends a parameter.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.sql.push_str(&format!("${}", self.values.len()));
        self
    }

    /// Appends `(a, b, …)`; an empty list becomes one that nothing is in.
    pub fn list<T: Into<Value>>(&mut self, values: impl IntoIterator<Item = T>) -> &mut Self {
        let mut first = true;
        self.push("(");
        for value in values {
            if !first {
                self.push(", ");
            }
            first = false;
            self.bind(value);
        }
        if first {
            self.push("NULL");
        }
        self.push(")")
    }

    /// Appends a condition on `column`, which is text, a number or a time as `test` asks.
    /// `Missing` and `Present` look for null.
    pub fn test(&mut self, column: &str, test: &Test) -> &mut Self {
        match test {
            Test::Number(comparison, value) => self.compare(column, *comparison, Value::Float(*value)),
            Test::Integer(comparison, value) => self.compare(column, *comparison, Value::Int(*value)),
            Test::Text(comparison, value) => self.compare(column, *comparison, Value::Text(value.clone())),
            Test::Like { pattern, ignore_case: false } => {
                self.push(column).push(" LIKE ").bind(like_pattern(pattern)).push(" ESCAPE '\\'")
            }
            Test::Like { pattern, ignore_case: true } => {
                // Only ASCII letters lose their case, on both databases: here, and in a column of byte order.
                self.push("lower(").push(column).push(") LIKE ");
                self.bind(like_pattern(&pattern.to_ascii_lowercase())).push(" ESCAPE '\\'")
            }
            Test::Matches(pattern) => {
                self.push("regexp_like(").push(column).push(", ").bind(pattern).push(")")
            }
            Test::In(values) => self.push(column).push(" IN ").list(values),
            Test::NotIn(values) if values.is_empty() => self.push("1 = 1"),
            Test::NotIn(values) => self.push(column).push(" NOT IN ").list(values),
            Test::InIntegers(values) => self.push(column).push(" IN ").list(values.iter().copied()),
            Test::NotInIntegers(values) => self.push(column).push(" NOT IN ").list(values.iter().copied()),
            Test::Missing => self.push(column).push(" IS NULL"),
            Test::Present => self.push(column).push(" IS NOT NULL"),
        }
    }

    fn compare(&mut self, column: &str, comparison: Comparison, value: Value) -> &mut Self {
        self.push(column).push(" ").push(comparison.operator()).push(" ").bind(value)
    }

    /// [`Statement::test`] on a long text whose first 128 characters are indexed.
    pub fn test_indexed(&mut self, column: &str, test: &Test) -> &mut Self {
        if let Test::Text(Comparison::Equal, value) = test {
            let head: String = value.chars().take(128).collect();
            self.push("substr(").push(column).push(", 1, 128) = ").bind(head).push(" AND ");
        }
        self.test(column, test)
    }
}

/// A `LIKE` pattern whose backslashes are literal on both databases (used with `ESCAPE '\'`).
fn like_pattern(pattern: &str) -> String {
    pattern.replace('\\', "\\\\")
}
