//! JSON as Python's `json.dumps` writes it: `NaN`, `Infinity` and `-Infinity` stand where JSON has no number.

use serde_json::Value;

/// A text of JSON; bare words for numbers that JSON lacks are read as texts of the same letters.
/// Errors: those of the JSON.
pub(super) fn read(text: &str) -> Result<Value, serde_json::Error> {
    match serde_json::from_str(text) {
        Err(error) => serde_json::from_str(&columns::quoted_numbers(text)).map_err(|_| error),
        found => found,
    }
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
