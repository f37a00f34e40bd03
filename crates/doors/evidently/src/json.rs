//! JSON as Python writes it: `NaN`, `Infinity` and `-Infinity` stand where JSON has no number.

use serde_json::Value;

/// Those become null.
pub(crate) fn parse(bytes: &[u8]) -> serde_json::Result<Value> {
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok(value),
        Err(error) if [&b"NaN"[..], b"Infinity"].iter().any(|word| find(bytes, word)) => {
            serde_json::from_slice(&strict(bytes)).map_err(|_| error)
        }
        Err(error) => Err(error),
    }
}

fn find(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|w| w == word)
}

/// The same text with null for what JSON does not have, outside of texts.
fn strict(bytes: &[u8]) -> Vec<u8> {
    const WORDS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let mut out = Vec::with_capacity(bytes.len());
    let (mut at, mut quoted) = (0, false);
    while at < bytes.len() {
        let b = bytes[at];
        if quoted && b == b'\\' {
            out.extend_from_slice(&bytes[at..(at + 2).min(bytes.len())]);
            at += 2;
            continue;
        }
        if b == b'"' {
            quoted = !quoted;
        }
        if let Some(word) = WORDS.iter().find(|w| !quoted && bytes[at..].starts_with(w)) {
            out.extend_from_slice(b"null");
            at += word.len();
            continue;
        }
        out.push(b);
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse;

    #[test]
    fn numbers_that_json_lacks_become_null_and_texts_stay() {
        let text = br#"{"a": NaN, "b": [-Infinity, 1], "NaN": "In\"finity NaN"}"#;
        assert_eq!(parse(text).unwrap(), json!({"a": null, "b": [null, 1], "NaN": "In\"finity NaN"}));
        assert!(parse(b"{oops").is_err());
    }
}
