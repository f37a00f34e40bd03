//! `filter`: predicates as JSON (`backend/api/v2beta1/filter.proto`), of which all must hold.

use serde::Deserialize;
use serde_json::Value;
use types::Timestamp;

use crate::errors::Failure;

/// What a field of a row holds.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(crate) enum Field {
    Text(String),
    Number(i64),
    Time(Timestamp),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filter(Vec<Predicate>);

#[derive(Clone, Debug, PartialEq)]
struct Predicate {
    operation: Operation,
    key: String,
    operands: Vec<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Equals,
    NotEquals,
    GreaterThan,
    GreaterThanEquals,
    LessThan,
    LessThanEquals,
    In,
    IsSubstring,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    predicates: Vec<WirePredicate>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WirePredicate {
    #[serde(alias = "op")]
    operation: Value,
    key: String,
    #[serde(alias = "intValue")]
    int_value: Option<Value>,
    #[serde(alias = "longValue")]
    long_value: Option<Value>,
    #[serde(alias = "stringValue")]
    string_value: Option<String>,
    #[serde(alias = "timestampValue")]
    timestamp_value: Option<Value>,
    #[serde(alias = "intValues")]
    int_values: Option<Values>,
    #[serde(alias = "longValues")]
    long_values: Option<Values>,
    #[serde(alias = "stringValues")]
    string_values: Option<Values>,
}

#[derive(Deserialize)]
struct Values {
    values: Vec<Value>,
}

impl Filter {
    /// `keys` are the fields that rows have.
    pub fn read(text: Option<&str>, keys: &[&str]) -> Result<Self, Failure> {
        let Some(text) = text else { return Ok(Self::default()) };
        let wrong = |e: serde_json::Error| Failure::invalid(format!("failed to parse the filter: {e}"));
        let wire: Wire = serde_json::from_str(text).map_err(wrong)?;
        let predicates = wire.predicates.into_iter().map(|predicate| predicate.read(keys));
        predicates.collect::<Result<_, _>>().map(Self)
    }

    pub fn matches(&self, field: impl Fn(&str) -> Option<Field>) -> bool {
        self.0.iter().all(|predicate| predicate.matches(field(&predicate.key).as_ref()))
    }
}

impl WirePredicate {
    fn read(self, keys: &[&str]) -> Result<Predicate, Failure> {
        if !keys.contains(&self.key.as_str()) {
            let known = keys.join(", ");
            return Err(Failure::invalid(format!("no filter on `{}`: known are {known}", self.key)));
        }
        let operation = operation(&self.operation)?;
        let wrong = || {
            Failure::invalid(format!("the value that `{}` is compared with is missing or wrong", self.key))
        };
        let number = |value: &Value| {
            let text = || value.as_str().and_then(|text| text.parse().ok());
            value.as_i64().or_else(text).map(Field::Number)
        };
        let one = if let Some(text) = self.string_value {
            Some(Field::Text(text))
        } else if let Some(value) = self.int_value.as_ref().or(self.long_value.as_ref()) {
            Some(number(value).ok_or_else(wrong)?)
        } else if let Some(value) = &self.timestamp_value {
            Some(Field::Time(time(value).ok_or_else(wrong)?))
        } else {
            None
        };
        let many = if let Some(list) = &self.string_values {
            let texts = list.values.iter().map(|value| value.as_str().map(|t| Field::Text(t.to_owned())));
            texts.collect::<Option<Vec<_>>>()
        } else {
            self.int_values
                .as_ref()
                .or(self.long_values.as_ref())
                .and_then(|l| l.values.iter().map(number).collect())
        };
        let operands = match operation {
            Operation::In => many.or_else(|| one.map(|one| vec![one])).ok_or_else(wrong)?,
            _ => vec![one.ok_or_else(wrong)?],
        };
        Ok(Predicate { operation, key: self.key, operands })
    }
}

/// A name or its number in the enum.
fn operation(value: &Value) -> Result<Operation, Failure> {
    Ok(match (value.as_str(), value.as_i64()) {
        (Some("EQUALS"), _) | (_, Some(1)) => Operation::Equals,
        (Some("NOT_EQUALS"), _) | (_, Some(2)) => Operation::NotEquals,
        (Some("GREATER_THAN"), _) | (_, Some(3)) => Operation::GreaterThan,
        (Some("GREATER_THAN_EQUALS"), _) | (_, Some(5)) => Operation::GreaterThanEquals,
        (Some("LESS_THAN"), _) | (_, Some(6)) => Operation::LessThan,
        (Some("LESS_THAN_EQUALS"), _) | (_, Some(7)) => Operation::LessThanEquals,
        (Some("IN"), _) | (_, Some(8)) => Operation::In,
        (Some("IS_SUBSTRING"), _) | (_, Some(9)) => Operation::IsSubstring,
        _ => return Err(Failure::invalid(format!("`{value}` is no operation of a filter"))),
    })
}

fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => Timestamp::parse_rfc3339(text),
        Value::Object(map) => {
            let seconds = map.get("seconds")?;
            let seconds = seconds.as_i64().or_else(|| seconds.as_str()?.parse().ok())?;
            Some(Timestamp(seconds.checked_mul(1_000_000)?))
        }
        _ => None,
    }
}

impl Predicate {
    fn matches(&self, field: Option<&Field>) -> bool {
        let Some(operand) = self.operands.first() else { return false };
        // A field that is not set is the empty value of protobuf.
        let unset = match operand {
            Field::Text(_) => Field::Text(String::new()),
            Field::Number(_) => Field::Number(0),
            Field::Time(_) => Field::Time(Timestamp(0)),
        };
        let field = alike(field.unwrap_or(&unset), operand);
        match self.operation {
            Operation::Equals => field == *operand,
            Operation::NotEquals => field != *operand,
            Operation::GreaterThan => field > *operand,
            Operation::GreaterThanEquals => field >= *operand,
            Operation::LessThan => field < *operand,
            Operation::LessThanEquals => field <= *operand,
            Operation::In => self.operands.contains(&field),
            Operation::IsSubstring => match (&field, operand) {
                (Field::Text(text), Field::Text(part)) => text.contains(part.as_str()),
                _ => false,
            },
        }
    }
}

/// Times are compared with seconds and with texts, too.
fn alike(field: &Field, operand: &Field) -> Field {
    match (field, operand) {
        (Field::Time(at), Field::Number(_)) => Field::Number(at.0.div_euclid(1_000_000)),
        (Field::Time(at), Field::Text(_)) => Field::Text(at.rfc3339()),
        (other, _) => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(filter: &str) -> bool {
        let filter = Filter::read(Some(filter), &["name", "created_at", "size", "state"]).unwrap();
        filter.matches(|key| match key {
            "name" => Some(Field::Text("nightly".into())),
            "created_at" => Timestamp::parse_rfc3339("2026-03-01T12:00:00Z").map(Field::Time),
            "size" => Some(Field::Number(3)),
            _ => None,
        })
    }

    #[test]
    fn a_filter_arrives_as_the_client_writes_it() {
        assert!(holds(r#"{"predicates": [{"operation": 1, "key": "name", "stringValue": "nightly"}]}"#));
        assert!(holds(
            r#"{"predicates": [{"operation": "IS_SUBSTRING", "key": "name", "string_value": "ght"}]}"#
        ));
        assert!(!holds(r#"{"predicates": [{"operation": 2, "key": "name", "stringValue": "nightly"}]}"#));
        assert!(holds(
            r#"{"predicates": [{"operation": 8, "key": "name", "stringValues": {"values": ["a", "nightly"]}}]}"#
        ));
        assert!(holds(
            r#"{"predicates": [{"operation": 5, "key": "size", "longValue": "3"}, {"operation": 6, "key": "size", "intValue": 4}]}"#
        ));
        assert!(holds(
            r#"{"predicates": [{"operation": 6, "key": "created_at", "timestampValue": "2026-03-02T00:00:00Z"}]}"#
        ));
        assert!(holds(r#"{"predicates": [{"operation": 2, "key": "state", "stringValue": "FAILED"}]}"#));
        assert!(holds("{}"));
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused() {
        let refused = |text: &str| Filter::read(Some(text), &["name"]).unwrap_err().message;
        assert!(refused("{").contains("filter"));
        assert!(
            refused(r#"{"predicates": [{"operation": 1, "key": "odd", "stringValue": "x"}]}"#)
                .contains("`odd`")
        );
        assert!(
            refused(r#"{"predicates": [{"operation": 4, "key": "name", "stringValue": "x"}]}"#).contains('4')
        );
        assert!(refused(r#"{"predicates": [{"operation": 1, "key": "name"}]}"#).contains("missing"));
    }
}
