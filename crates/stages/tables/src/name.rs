use std::fmt;
use std::str::FromStr;

use crate::Error;

/// `repository@ref:path`, where the path is a file, or a folder whose files are one table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    pub repository: String,
    pub reference: String,
    /// Empty for the whole repository.
    pub path: String,
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::BadName(text.to_owned());
        let (repository, rest) = text.split_once('@').ok_or_else(bad)?;
        let (reference, path) = rest.split_once(':').ok_or_else(bad)?;
        if repository.is_empty() || reference.is_empty() {
            return Err(bad());
        }
        let [repository, reference, path] = [repository, reference, path].map(str::to_owned);
        Ok(Self { repository, reference, path })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.repository, self.reference, self.path)
    }
}

/// SQL in which every table's name that stands bare (`from sales@main:orders.csv`) is in double quotes. Texts, quoted
/// names and comments stay as they are. A bare name ends before white space, a comma, a semicolon, a quote or a
/// parenthesis.
pub fn quote_names(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + 8);
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' | '`' => quoted(rest, first),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            c if c.is_alphanumeric() || c == '_' => {
                let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
                if is_name(word) {
                    out.push('"');
                    out.push_str(word);
                    out.push('"');
                    rest = &rest[word.len()..];
                    continue;
                }
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

fn ends(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '\'' | '"')
}

/// Such as `a-b@main~1:x/y.csv`.
fn is_name(word: &str) -> bool {
    let Ok(name) = word.parse::<Name>() else { return false };
    let plain = |text: &str, more: &str| text.chars().all(|c| c.is_alphanumeric() || more.contains(c));
    plain(&name.repository, "-_.") && plain(&name.reference, "-_./~^@$")
}

/// Bytes of the quoted text at the start, doubled quotes inside it included.
fn quoted(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(end) = text[at..].find(quote) {
        at += end + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_three_parts() {
        let name: Name = "sales@main~2:a b/c:d.csv".parse().unwrap();
        assert_eq!((name.repository.as_str(), name.reference.as_str()), ("sales", "main~2"));
        assert_eq!(
            (name.path.as_str(), name.to_string().as_str()),
            ("a b/c:d.csv", "sales@main~2:a b/c:d.csv")
        );
        assert_eq!("sales@main@:x".parse::<Name>().unwrap().reference, "main@");
        for bad in ["", "sales", "sales@main", "@main:x", "sales@:x", "main:x"] {
            assert!(matches!(bad.parse::<Name>(), Err(Error::BadName(_))), "{bad}");
        }
    }

    #[test]
    fn bare_names_are_quoted_and_nothing_else_is_touched() {
        let cases = [
            ("select * from sales@main:a.csv", "select * from \"sales@main:a.csv\""),
            (
                "select 1 from (select * from s-1@v1.0:x/y.csv) t, b@main~1:z/ where t.a = 'p@q:r'",
                "select 1 from (select * from \"s-1@v1.0:x/y.csv\") t, \"b@main~1:z/\" where t.a = 'p@q:r'",
            ),
            ("select a from \"s@m:a b.csv\" -- s@m:x", "select a from \"s@m:a b.csv\" -- s@m:x"),
            (
                "select 'it''s s@m:x', \"q\"\"s@m:x\" /* s@m:x */",
                "select 'it''s s@m:x', \"q\"\"s@m:x\" /* s@m:x */",
            ),
            ("select a @> b, c::int from t", "select a @> b, c::int from t"),
            ("select a.b from s@m:x.csv as a;", "select a.b from \"s@m:x.csv\" as a;"),
            ("select 'open s@m:x", "select 'open s@m:x"),
            ("select ü from s@m:ü.csv", "select ü from \"s@m:ü.csv\""),
        ];
        for (sql, expected) in cases {
            assert_eq!(quote_names(sql), expected);
        }
    }
}
