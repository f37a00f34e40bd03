//! The grammar of filters and orderings (`mlflow/utils/search_utils.py` at 3.17.2): comparisons joined by AND, no OR,
//! no parentheses but those of lists. What the parts mean is said in `filters`.

use crate::errors::Failure;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    /// In single or double quotes (which are gone here).
    Text(String),
    /// As it was written.
    Number(String),
    List(Vec<String>),
    /// A bare word: wrong everywhere, but each place says so in its own words.
    Word(String),
    /// `IS NULL` and `IS NOT NULL` have none.
    Nothing,
}

impl Literal {
    /// The literal as it was written, for messages.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("'{text}'"),
            Self::Number(text) | Self::Word(text) => text.clone(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|i| format!("'{i}'")).collect();
                format!("({})", items.join(", "))
            }
            Self::Nothing => "NULL".to_owned(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    /// As it was written, with its quotes: `metrics."my key"`.
    pub identifier: String,
    /// In capitals: `=`, `NOT IN`, `IS NULL`, …
    pub operator: String,
    pub value: Literal,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A word or a quoted piece, or several joined by dots.
    Name(String),
    Text(String),
    Number(String),
    Operator(String),
    Open,
    Close,
    Comma,
    Other(char),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Name(text) | Self::Number(text) | Self::Operator(text) => text.clone(),
            Self::Text(text) => format!("'{text}'"),
            Self::Open => "(".into(),
            Self::Close => ")".into(),
            Self::Comma => ",".into(),
            Self::Other(c) => c.to_string(),
        }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Name(text) if text.eq_ignore_ascii_case(word))
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Failure> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        let start = at;
        match c {
            c if c.is_whitespace() => at += 1,
            '\'' => {
                let end =
                    closing(&chars, at).ok_or_else(|| clause(&chars[at..].iter().collect::<String>()))?;
                found.push(Token::Text(chars[at + 1..end].iter().collect()));
                at = end + 1;
            }
            '(' => (found.push(Token::Open), at += 1).1,
            ')' => (found.push(Token::Close), at += 1).1,
            ',' => (found.push(Token::Comma), at += 1).1,
            '=' | '!' | '<' | '>' => {
                while at < chars.len() && "=!<>".contains(chars[at]) {
                    at += 1;
                }
                found.push(Token::Operator(chars[start..at].iter().collect()));
            }
            c if number_starts(&chars, at) => {
                at += usize::from(c == '-' || c == '+');
                while at < chars.len() && number_goes_on(&chars, at) {
                    at += 1;
                }
                found.push(Token::Number(chars[start..at].iter().collect()));
            }
            c if c.is_alphanumeric() || "_`\"".contains(c) => {
                while at < chars.len() {
                    match chars[at] {
                        '`' | '"' => {
                            at = closing(&chars, at)
                                .ok_or_else(|| clause(&chars[at..].iter().collect::<String>()))?
                                + 1;
                        }
                        c if c.is_alphanumeric() || "_.$@".contains(c) => at += 1,
                        _ => break,
                    }
                }
                found.push(Token::Name(chars[start..at].iter().collect()));
            }
            c => {
                found.push(Token::Other(c));
                at += 1;
            }
        }
    }
    Ok(found)
}

/// The place of the quote that closes the one at `at`.
fn closing(chars: &[char], at: usize) -> Option<usize> {
    (at + 1..chars.len()).find(|i| chars[*i] == chars[at])
}

fn number_starts(chars: &[char], at: usize) -> bool {
    let digit = |i: usize| chars.get(i).is_some_and(char::is_ascii_digit);
    let point = |i: usize| chars.get(i) == Some(&'.') && digit(i + 1);
    match chars[at] {
        '-' | '+' => digit(at + 1) || point(at + 1),
        '.' => digit(at + 1),
        c => c.is_ascii_digit(),
    }
}

fn number_goes_on(chars: &[char], at: usize) -> bool {
    match chars[at] {
        c if c.is_ascii_digit() || c == '.' => true,
        'e' | 'E' => chars.get(at + 1).is_some_and(|c| c.is_ascii_digit() || *c == '-' || *c == '+'),
        '-' | '+' => at > 0 && matches!(chars[at - 1], 'e' | 'E'),
        _ => false,
    }
}

fn clause(text: &str) -> Failure {
    Failure::invalid(format!("Invalid clause(s) in filter string: '{text}'"))
}

/// The conditions of a filter; none for an empty one.
pub(crate) fn filter(text: &str) -> Result<Vec<Condition>, Failure> {
    let tokens = tokens(text)?;
    let mut rest = tokens.as_slice();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (condition, after) = condition(rest)?;
        found.push(condition);
        match after {
            [] => break,
            [and, next @ ..] if and.is_word("AND") && !next.is_empty() => rest = next,
            [other, ..] => return Err(clause(&other.shown())),
        }
    }
    Ok(found)
}

fn condition(tokens: &[Token]) -> Result<(Condition, &[Token]), Failure> {
    let whole = || clause(&tokens.iter().map(Token::shown).collect::<Vec<_>>().join(" "));
    let [Token::Name(identifier), rest @ ..] = tokens else { return Err(whole()) };
    let (operator, value, after) = match rest {
        [Token::Operator(operator), value, after @ ..] => (operator.clone(), literal(value)?, after),
        [is, null, after @ ..] if is.is_word("IS") && null.is_word("NULL") => {
            ("IS NULL".to_owned(), Literal::Nothing, after)
        }
        [is, not, null, after @ ..] if is.is_word("IS") && not.is_word("NOT") && null.is_word("NULL") => {
            ("IS NOT NULL".to_owned(), Literal::Nothing, after)
        }
        [not, is_in, after @ ..] if not.is_word("NOT") && is_in.is_word("IN") => {
            let (items, after) = list(after)?;
            ("NOT IN".to_owned(), Literal::List(items), after)
        }
        [is_in, after @ ..] if is_in.is_word("IN") => {
            let (items, after) = list(after)?;
            ("IN".to_owned(), Literal::List(items), after)
        }
        [word @ Token::Name(operator), value, after @ ..]
            if word.is_word("LIKE") || word.is_word("ILIKE") =>
        {
            (operator.to_uppercase(), literal(value)?, after)
        }
        _ => return Err(whole()),
    };
    Ok((Condition { identifier: identifier.clone(), operator, value }, after))
}

fn literal(token: &Token) -> Result<Literal, Failure> {
    Ok(match token {
        Token::Text(text) => Literal::Text(text.clone()),
        Token::Number(text) => Literal::Number(text.clone()),
        Token::Name(text) => match unquoted(text, '"') {
            Some(inner) => Literal::Text(inner.to_owned()),
            None => Literal::Word(text.clone()),
        },
        other => return Err(clause(&other.shown())),
    })
}

fn list(tokens: &[Token]) -> Result<(Vec<String>, &[Token]), Failure> {
    let bad = |why: &str| {
        Failure::invalid(format!(
            "While parsing a list in the query, expected a non-empty list of string values, but got {why}"
        ))
    };
    let [Token::Open, rest @ ..] = tokens else { return Err(bad("ill-formed list.")) };
    let Some(end) = rest.iter().position(|t| *t == Token::Close) else { return Err(bad("ill-formed list.")) };
    let mut items = Vec::new();
    for (place, token) in rest[..end].iter().enumerate() {
        match (place % 2, token) {
            (1, Token::Comma) => {}
            (0, Token::Text(text)) => items.push(text.clone()),
            (0, Token::Name(text)) => match unquoted(text, '"') {
                Some(inner) => items.push(inner.to_owned()),
                None => return Err(bad("ill-formed list.")),
            },
            (0, Token::Number(_)) => {
                return Err(Failure::invalid(
                    "While parsing a list in the query, expected string value, punctuation, or whitespace, but got \
                     different type in list",
                ));
            }
            _ => return Err(bad("ill-formed list.")),
        }
    }
    if items.is_empty() {
        return Err(bad("empty list"));
    }
    Ok((items, &rest[end + 1..]))
}

fn unquoted(text: &str, quote: char) -> Option<&str> {
    text.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.contains(quote))
}

/// The key of `identifier` without its quotes.
pub(crate) fn plain(key: &str) -> &str {
    unquoted(key, '"').or_else(|| unquoted(key, '`')).unwrap_or(key)
}

/// An ordering such as `metrics."my key" DESC`: the identifier as it was written, and whether it descends.
pub(crate) fn order_by(text: &str) -> Result<(String, bool), Failure> {
    let unparsed = || Failure::invalid(format!("Invalid order_by clause '{text}'. Could not be parsed."));
    let tokens = tokens(text).map_err(|_| unparsed())?;
    match tokens.as_slice() {
        [Token::Name(identifier)] => Ok((identifier.clone(), false)),
        [Token::Name(identifier), direction @ Token::Name(_)] => {
            if direction.is_word("ASC") || direction.is_word("DESC") {
                return Ok((identifier.clone(), direction.is_word("DESC")));
            }
            Err(Failure::invalid(format!("Invalid ordering key in order_by clause '{text}'.")))
        }
        _ => Err(unparsed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> (String, String, Literal) {
        let condition = filter(text).unwrap().remove(0);
        (condition.identifier, condition.operator, condition.value)
    }

    #[test]
    fn identifiers_keep_their_quotes_and_values_lose_theirs() {
        assert_eq!(
            one("params.\"a b\" = 'x'"),
            ("params.\"a b\"".into(), "=".into(), Literal::Text("x".into()))
        );
        assert_eq!(one("tags.`a.b` != \"y\"").2, Literal::Text("y".into()));
        assert_eq!(plain("`a.b`"), "a.b");
    }

    #[test]
    fn numbers_are_kept_as_written() {
        for number in ["1", "-1.5", "1e-3", ".5", "+2", "1E+10"] {
            assert_eq!(one(&format!("metrics.m>{number}")).2, Literal::Number(number.into()));
        }
    }

    #[test]
    fn keywords_come_in_any_case() {
        assert_eq!(one("a like 'x%'").1, "LIKE");
        assert_eq!(one("a not in ('x',\"y\")").2, Literal::List(vec!["x".into(), "y".into()]));
        assert_eq!(one("tags.a is not null").1, "IS NOT NULL");
        assert_eq!(filter("a = 'x' and b = 'y' AND c = 'z'").unwrap().len(), 3);
    }

    #[test]
    fn what_is_not_a_list_of_comparisons_is_refused() {
        for text in [
            "a",
            "a =",
            "= 'x'",
            "a = 'x' OR b = 'y'",
            "a = 'x' AND",
            "(a = 'x')",
            "a = 'x",
            "a IN ()",
            "a IN (1)",
            "a IN ('x'",
            "a = 'x';",
            "a = 'x' b = 'y'",
            "a == ",
            "AND",
            "a LIKE",
            "a IS",
            "a NOT 'x'",
        ] {
            assert!(filter(text).is_err(), "{text}");
        }
        assert_eq!(filter("").unwrap(), []);
    }

    #[test]
    fn orderings_have_a_name_and_a_direction() {
        assert_eq!(order_by("metrics.`a b` DESC").unwrap(), ("metrics.`a b`".into(), true));
        assert_eq!(order_by(" start_time asc ").unwrap(), ("start_time".into(), false));
        assert!(order_by("a b").unwrap_err().message.contains("Invalid ordering key"));
        assert!(order_by("a DESC b").unwrap_err().message.contains("Could not be parsed"));
    }
}
