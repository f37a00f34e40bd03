//! From a comparator and a value to a test.

use tracking::search::{Comparison, Test};

use super::{Value, comparison};
use crate::errors::Failure;

/// What SQLite takes at most, in bytes.
const LONGEST_PATTERN: usize = 50_000;

/// A test of text; `comparator` is one that its field knows.
pub(super) fn text(comparator: &str, value: &Value) -> Result<Test, Failure> {
    if let ("LIKE" | "ILIKE", Value::Text(pattern)) = (comparator, value)
        && pattern.len() > LONGEST_PATTERN / 2
    {
        return Err(Failure::invalid(format!(
            "A pattern may have at most {} bytes, this one has {}.",
            LONGEST_PATTERN / 2,
            pattern.len()
        )));
    }
    Ok(match (comparator, value) {
        ("IS NULL", _) => Test::Missing,
        ("IS NOT NULL", _) => Test::Present,
        ("IN", Value::List(items)) => Test::In(items.clone()),
        ("NOT IN", Value::List(items)) => Test::NotIn(items.clone()),
        ("LIKE", Value::Text(pattern)) => Test::Like { pattern: pattern.clone(), ignore_case: false },
        ("ILIKE", Value::Text(pattern)) => Test::Like { pattern: pattern.clone(), ignore_case: true },
        ("=" | "!=", Value::Text(value)) => Test::Text(comparison(comparator), value.clone()),
        (_, value) => {
            return Err(Failure::invalid(format!(
                "Invalid value for comparator '{comparator}': {}. Only IN and NOT IN take a list.",
                value.repr()
            )));
        }
    })
}

/// A test of a number.
pub(super) fn number(comparator: &str, value: &Value) -> Result<Test, Failure> {
    match value {
        Value::Integer(value) => Ok(Test::Number(comparison(comparator), *value as f64)),
        Value::Float(value) => Ok(Test::Number(comparison(comparator), *value)),
        other => {
            Err(Failure::invalid(format!("Expected numeric value type for metric. Found {}", other.repr())))
        }
    }
}

/// A test of milliseconds, kept as microseconds. A fraction of a millisecond is allowed for.
pub(super) fn millis(comparator: &str, value: &Value, key: &str) -> Result<Test, Failure> {
    let comparison = comparison(comparator);
    let micros = match value {
        Value::Integer(value) => return Ok(Test::Integer(comparison, value.saturating_mul(1_000))),
        Value::Float(value) => value * 1_000.0,
        other => {
            return Err(Failure::invalid(format!(
                "Invalid value for numeric attribute '{key}': {}",
                other.repr()
            )));
        }
    };
    if micros.fract() == 0.0 {
        return Ok(Test::Integer(comparison, micros as i64));
    }
    Ok(match comparison {
        Comparison::Equal => Test::Integer(Comparison::Less, i64::MIN),
        Comparison::NotEqual => Test::Integer(Comparison::GreaterOrEqual, i64::MIN),
        Comparison::Less | Comparison::GreaterOrEqual => Test::Integer(comparison, micros.ceil() as i64),
        Comparison::LessOrEqual | Comparison::Greater => Test::Integer(comparison, micros.floor() as i64),
    })
}

/// A test of a member of an enumeration: which of `names` (upstream's, ours) pass it.
pub(super) fn member(test: &Test, names: &[(&str, &str)]) -> Test {
    let passes = |name: &str| match test {
        Test::Text(Comparison::NotEqual, value) => name != value,
        Test::Text(_, value) => name == value,
        Test::Like { pattern, ignore_case: false } => like(name, pattern),
        Test::Like { pattern, ignore_case: true } => {
            like(&name.to_ascii_lowercase(), &pattern.to_ascii_lowercase())
        }
        Test::In(items) => items.iter().any(|i| i == name),
        Test::NotIn(items) => !items.iter().any(|i| i == name),
        _ => true,
    };
    Test::In(names.iter().filter(|(theirs, _)| passes(theirs)).map(|(_, ours)| (*ours).to_owned()).collect())
}

/// SQL's LIKE, for short texts.
fn like(text: &str, pattern: &str) -> bool {
    let mut rests = vec![text];
    for p in pattern.chars() {
        rests = match p {
            '%' => (0..=rests.first().map_or(0, |r| r.len()))
                .filter_map(|i| rests.first().and_then(|r| r.get(i..)))
                .collect(),
            _ => rests
                .iter()
                .filter_map(|rest| {
                    let mut chars = rest.chars();
                    chars.next().filter(|c| p == '_' || *c == p).map(|_| chars.as_str())
                })
                .collect(),
        };
    }
    rests.iter().any(|rest| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_sqls_do() {
        for (pattern, matches) in
            [("FIN%", true), ("%SHED", true), ("F_N%D", true), ("fin%", false), ("", false), ("%", true)]
        {
            assert_eq!(like("FINISHED", pattern), matches, "{pattern}");
        }
        assert!(like("aab", "%ab"));
    }

    #[test]
    fn fractions_of_a_millisecond_lie_between_two_microseconds() {
        let at = |comparator: &str, value| millis(comparator, &Value::Float(value), "start_time").unwrap();
        assert_eq!(at(">", 1.5), Test::Integer(Comparison::Greater, 1_500));
        assert_eq!(at(">=", 1.0001), Test::Integer(Comparison::GreaterOrEqual, 1_001));
        assert_eq!(at("=", 1.0001), Test::Integer(Comparison::Less, i64::MIN));
    }
}
