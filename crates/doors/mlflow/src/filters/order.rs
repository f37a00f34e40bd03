//! Orderings: `metrics.a DESC` and the like.

use super::reading::plain;
use crate::errors::Failure;
use crate::sqlparse::{self, Class, Kind};

/// `_parse_order_by_string`: what to order by, as it was written, and whether it descends.
pub(super) fn order_by(text: &str) -> Result<(String, bool), Failure> {
    let unparsed = || Failure::invalid(format!("Invalid order_by clause '{text}'. Could not be parsed."));
    let statements = sqlparse::parse(text)
        .map_err(|_| Failure::invalid(format!("Error on parsing order_by clause '{text}'")))?;
    let [statement] = statements.as_slice() else { return Err(unparsed()) };
    let timestamp = statement.children[0].matches(Kind::Builtin, &["timestamp"]);
    let key = match statement.children.as_slice() {
        [one] if one.class == Class::Identifier => one.text().to_owned(),
        [_] if timestamp => "timestamp".to_owned(),
        [_, between @ .., last]
            if timestamp && last.kind == Kind::Order && between.iter().all(|b| b.is_whitespace()) =>
        {
            format!("timestamp {}", last.text())
        }
        _ => return Err(unparsed()),
    };
    let words = words(&key.replace('`', "\"")).ok_or_else(unparsed)?;
    match words.as_slice() {
        [_] => Ok((key.trim().to_owned(), false)),
        [name, direction] => match direction.to_lowercase().as_str() {
            "asc" => Ok((name.trim().to_owned(), false)),
            "desc" => Ok((name.trim().to_owned(), true)),
            _ => Err(Failure::invalid(format!("Invalid ordering key in order_by clause '{text}'."))),
        },
        _ => Err(unparsed()),
    }
}

/// `shlex.split`: words with their quotes resolved; `None` if a quote is not closed.
fn words(text: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => found.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next()?),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        end if end == c => break,
                        '\\' if c == '"' => match chars.next()? {
                            escaped @ ('"' | '\\') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    found.extend(word);
    Some(found)
}

/// `SearchExperimentsUtils._get_identifier`, which orderings of the registry use too: whether it is a tag, and the key.
pub(super) fn attribute_or_tag(identifier: &str) -> Result<(&'static str, String), Failure> {
    let (entity, key) = match identifier.split_once('.') {
        None => ("attribute", identifier),
        Some(("attribute", key)) => ("attribute", key),
        Some(("tag" | "tags", key)) => ("tag", key),
        Some((other, _)) => {
            return Err(Failure::invalid(format!(
                "Invalid entity type '{other}'. Valid entity types are ('attribute', 'tag', 'tags')"
            )));
        }
    };
    Ok((entity, plain(key).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orderings_have_a_name_and_a_direction() {
        assert_eq!(order_by("metrics.`a b` DESC").unwrap(), ("metrics.a b".into(), true));
        assert_eq!(order_by("metrics.`a b`").unwrap(), ("metrics.`a b`".into(), false));
        assert_eq!(order_by("timestamp desc").unwrap(), ("timestamp".into(), true));
        assert_eq!(order_by("start_time asc").unwrap(), ("start_time".into(), false));
        assert!(order_by("a b").unwrap_err().message.contains("Invalid ordering key"));
        for text in ["a DESC b", "", " a", "a, b", "a; b", "'a'", "metrics.a DESC NULLS LAST"] {
            assert!(order_by(text).unwrap_err().message.contains("Could not be parsed"), "{text}");
        }
    }
}
