//! Words of a condition.

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Number(serde_json::Number),
    Text(String),
    Sign(&'static str),
}

const SIGNS: &[&str] = &[
    "**", "//", "==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ",", "+", "-", "*", "/", "%", "&", "|",
    "~", ".",
];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = if first == '`' {
            let end = rest[1..].find('`').ok_or("a name in backticks is not closed")?;
            out.push(Token::Name(rest[1..=end].to_owned()));
            end + 2
        } else if first == '"' || first == '\'' {
            let (value, length) = quoted(rest, first)?;
            out.push(Token::Text(value));
            length
        } else if first.is_ascii_digit()
            || first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())
        {
            let (number, length) = number(rest)?;
            out.push(Token::Number(number));
            length
        } else if first.is_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            out.push(Token::Name(rest[..length].to_owned()));
            length
        } else {
            let sign = SIGNS
                .iter()
                .find(|s| rest.starts_with(**s))
                .ok_or_else(|| format!("`{first}` has no meaning"))?;
            out.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[taken..].trim_start();
    }
    Ok(out)
}

fn quoted(text: &str, quote: char) -> Result<(String, usize), String> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((out, at + 1)),
            '\\' => match chars.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, 't')) => out.push('\t'),
                Some((_, c @ ('\\' | '\'' | '"'))) => out.push(c),
                Some((_, c)) => out.extend(['\\', c]),
                None => break,
            },
            c => out.push(c),
        }
    }
    Err("a text is not closed".into())
}

fn number(text: &str) -> Result<(serde_json::Number, usize), String> {
    let bytes = text.as_bytes();
    let mut end = 0;
    let mut float = false;
    while end < bytes.len() {
        match bytes[end] {
            b'0'..=b'9' | b'_' => {}
            b'.' => float = true,
            b'e' | b'E' if end + 1 < bytes.len() => {
                float = true;
                if matches!(bytes[end + 1], b'+' | b'-') {
                    end += 1;
                }
            }
            _ => break,
        }
        end += 1;
    }
    let digits = text[..end].replace('_', "");
    let bad = || format!("`{digits}` is no number");
    if !float && let Ok(whole) = digits.parse::<i64>() {
        return Ok((whole.into(), end));
    }
    let value: f64 = digits.parse().map_err(|_| bad())?;
    serde_json::Number::from_f64(value).map(|n| (n, end)).ok_or_else(bad)
}
