use crate::Error;
use crate::encode::{decode, encode};

/// The query of an address: pairs in the order in which they came, decoded. A `+` is a space, as in forms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Errors: `BadUri` if it is not percent-encoded UTF-8.
    pub fn parse(text: Option<&str>) -> Result<Self, Error> {
        let plain = |text: &str| {
            let bytes = decode(&text.replace('+', " ")).ok_or(Error::BadUri("a `%` without two digits"))?;
            String::from_utf8(bytes).map_err(|_| Error::BadUri("the query is not UTF-8"))
        };
        let pairs = text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((plain(name)?, plain(value)?))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    /// The first value of that name; empty where there is only the name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// As signatures of version 4 see it: encoded, then sorted by name and value.
    pub(crate) fn canonical(&self, without: &str) -> String {
        let pairs = self.0.iter().filter(|(name, _)| name != without);
        let mut pairs: Vec<(String, String)> = pairs.map(|(n, v)| (encode(n), encode(v))).collect();
        pairs.sort();
        let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_query_is_sorted_and_keeps_repeated_names() {
        let query = Query::parse(Some("b=2&a=%2F&b=1&uploads&a+b=c%20d&X=y")).unwrap();
        assert_eq!(query.canonical("X"), "a=%2F&a%20b=c%20d&b=1&b=2&uploads=");
        assert_eq!(query.get("b"), Some("2"));
        assert!(query.has("uploads") && !query.has("x"));
        assert!(Query::parse(Some("a=%ff")).is_err());
    }
}
