//! Page tokens: base64 of `{"offset": rows shown so far, "after": where the page ended, "query": digest of the search}`.
//! Upstream's hold the offset alone; here the next page begins after the last row that was shown, whatever was added or
//! removed meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tracking::search::Cursor;
use types::Digest;

use crate::errors::Failure;

/// One search, of which a request asks for a page.
pub(crate) struct Pages {
    query: String,
    /// Rows on the pages before this one.
    shown: u64,
    pub after: Option<Cursor>,
}

impl Pages {
    /// The page that `token` asks for; the first one without a token. `search` is what makes a search what it is: its
    /// filter, its ordering and so on.
    /// Errors: `InvalidParameterValue` if the token is none of this search's, in upstream's words where it has them.
    pub fn of(search: &impl std::fmt::Debug, token: Option<&str>) -> Result<Self, Failure> {
        let query = Digest::of(format!("{search:?}")).short();
        let Some(token) = token.filter(|t| !t.is_empty()) else {
            return Ok(Self { query, shown: 0, after: None });
        };
        // Python leaves out what is not of the alphabet.
        let letters: String =
            token.chars().filter(|c| c.is_ascii_alphanumeric() || "+/=".contains(*c)).collect();
        let bytes = STANDARD
            .decode(letters)
            .map_err(|_| Failure::invalid("Invalid page token, could not base64-decode"))?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| {
            let shown = bytes.escape_ascii();
            Failure::invalid(format!("Invalid page token, decoded value=b'{shown}'"))
        })?;
        let after = serde_json::from_value(value["after"].clone()).ok();
        let (Some(shown), Some(of), Some(after)) = (value["offset"].as_u64(), value["query"].as_str(), after)
        else {
            return Err(Failure::invalid(format!("Invalid page token, parsed value={value}")));
        };
        if of != query {
            return Err(Failure::invalid(
                "Invalid page token, it was given for another filter, order_by or set of experiments. Ask for the first \
                 page, without a token.",
            ));
        }
        Ok(Self { query, shown, after: Some(after) })
    }

    /// The token of the page after this one, which holds `rows` rows and ends at `end` if there is more.
    pub fn next(&self, end: Option<Cursor>, rows: usize) -> Option<String> {
        let after = end?;
        let token = json!({ "offset": self.shown + rows as u64, "after": after, "query": self.query });
        Some(STANDARD.encode(token.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use tracking::search::SortValue;

    use super::*;

    #[test]
    fn a_token_serves_its_own_search_only() {
        let first = Pages::of(&"a", None).unwrap();
        let end =
            Cursor { values: vec![SortValue::number(0.1), SortValue::Missing, SortValue::Text("é".into())] };
        let token = first.next(Some(end.clone()), 20).unwrap();
        assert_eq!(first.next(None, 20), None);
        let second = Pages::of(&"a", Some(&token)).unwrap();
        assert_eq!(second.after, Some(end.clone()));
        assert!(second.next(Some(end), 20).unwrap().len() >= token.len());
        for (token, expected) in [
            (token.as_str(), "Invalid page token, it was given for another"),
            ("!!!", "Invalid page token, decoded value=b''"),
            ("abc", "Invalid page token, could not base64-decode"),
            ("eyJvZmZzZXQiOiAyMH0=", "Invalid page token, parsed value={\"offset\":20}"),
            ("W10=", "Invalid page token, parsed value=[]"),
        ] {
            let message = Pages::of(&"b", Some(token)).err().unwrap().message;
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
