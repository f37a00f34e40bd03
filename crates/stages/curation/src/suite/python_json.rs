//! JSON as Python's `json.dumps` writes it: `NaN`, `Infinity` and `-Infinity` stand where JSON has no number.

use serde_json::Value;

const WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// A text of JSON; bare words for numbers that JSON lacks are read as texts of the same letters.
/// Errors: those of the JSON.
pub(super) fn read(text: &str) -> Result<Value, serde_json::Error> {
    match serde_json::from_str(text) {
        Err(error) => serde_json::from_str(&quoted(text)).map_err(|_| error),
        found => found,
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    let (mut rest, mut in_string) = (text, false);
    while let Some(first) = rest.chars().next() {
        let word = WORDS.iter().find(|word| !in_string && rest.starts_with(**word));
        let taken = match (word, first) {
            (Some(word), _) => {
                quoted.extend(["\"", *word, "\""]);
                rest = &rest[word.len()..];
                continue;
            }
            (None, '\\') if in_string => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            (None, '"') => {
                in_string = !in_string;
                1
            }
            (None, other) => other.len_utf8(),
        };
        quoted.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_words_become_texts_and_texts_stay() {
        let text = r#"{"bins": [-Infinity, 1, Infinity], "é \"NaN": "Infinity, \\", "n": NaN}"#;
        let value = read(text).unwrap();
        assert_eq!(value["bins"], serde_json::json!(["-Infinity", 1, "Infinity"]));
        assert_eq!(value["é \"NaN"], "Infinity, \\");
        assert_eq!(value["n"], "NaN");
        assert!(read("{\"a\": Nan}").is_err());
    }
}
