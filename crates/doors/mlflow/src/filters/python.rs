//! What upstream's messages and lists take from Python.

use super::Value;

/// `repr` of a string.
pub(super) fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if (c as u32) < 0x20 || (0x7f..0xa1).contains(&(c as u32)) || c as u32 == 0xad => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// `repr` of a list of strings.
pub(super) fn repr_list<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(|i| repr(i.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

/// `repr` of a set of strings. Python shows one in no particular order, this one keeps the order given.
pub(super) fn repr_set(items: &[&str]) -> String {
    let items: Vec<_> = items.iter().map(|i| repr(i)).collect();
    format!("{{{}}}", items.join(", "))
}

fn repr_tuple(items: &[String]) -> String {
    if let [one] = items { format!("({one},)") } else { format!("({})", items.join(", ")) }
}

impl Value {
    /// `repr` of the value.
    pub fn repr(&self) -> String {
        match self {
            Self::Nothing => "None".to_owned(),
            Self::Text(text) => repr(text),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => float(*value),
            Self::List(items) => repr_tuple(&items.iter().map(|i| repr(i)).collect::<Vec<_>>()),
        }
    }
}

/// `repr` of a float, for the magnitudes that people write.
pub(super) fn float(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_finite() && magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{value:e}");
        let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = power.strip_prefix('-').map_or(("+", power), |p| ("-", p));
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    format!("{value:?}")
}

/// `float(text)`.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    if bytes.iter().enumerate().any(|(i, b)| *b == b'_' && !(i > 0 && digit(i - 1) && digit(i + 1))) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// `int(text)` of a number token; beyond 64 bits the nearest end.
pub(super) fn parse_integer(text: &str) -> i64 {
    text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX })
}

/// An element of a list in a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Element {
    Text(String),
    /// A number, as Python shows it.
    Number(String),
}

/// `ast.literal_eval` of what stands in parentheses: strings and numbers, separated by commas. `None` if it is
/// anything else.
pub(super) fn literal_list(text: &str) -> Option<Vec<Element>> {
    let mut rest = text.strip_prefix('(')?.strip_suffix(')')?.trim();
    // Parentheses around the one element mean nothing.
    while let Some(inner) = rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')) {
        rest = inner.trim();
    }
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (element, after) = element(rest)?;
        found.push(element);
        rest = after.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if rest.is_empty() => rest,
            None => return None,
        };
    }
    Some(found)
}

fn element(text: &str) -> Option<(Element, &str)> {
    if let Some((mut value, mut rest)) = string(text) {
        // Adjacent strings are one.
        while let Some((more, after)) = string(rest.trim_start()) {
            value.push_str(&more);
            rest = after;
        }
        return Some((Element::Text(value), rest));
    }
    let end = text.find([',', ' ', '\n', '\t', '\r']).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let shown = match number.parse::<i64>() {
        Ok(_) if number.trim_start_matches(['-', '+']).starts_with('0') && number.len() > 1 => return None,
        Ok(whole) => whole.to_string(),
        Err(_) if number.starts_with(|c: char| c.is_ascii_digit() || ".-+".contains(c)) => {
            float(parse_float(number)?)
        }
        Err(_) => return None,
    };
    Some((Element::Number(shown), rest))
}

/// A string literal with its escapes resolved, and what follows it.
fn string(text: &str) -> Option<(String, &str)> {
    let raw = text.starts_with(['r', 'R']);
    let text = text.strip_prefix(['r', 'R', 'u', 'U']).unwrap_or(text);
    let quote = text.chars().next().filter(|c| *c == '\'' || *c == '"')?;
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((value, &text[at + 1..])),
            '\n' | '\r' => return None,
            '\\' => {
                let (_, escaped) = chars.next()?;
                match escaped {
                    _ if raw => value.extend(['\\', escaped]),
                    '\\' | '\'' | '"' => value.push(escaped),
                    'n' => value.push('\n'),
                    't' => value.push('\t'),
                    'r' => value.push('\r'),
                    '\n' => {}
                    '0' => value.push('\0'),
                    'x' => value.push(hex(&mut chars, 2)?),
                    'u' => value.push(hex(&mut chars, 4)?),
                    'U' => value.push(hex(&mut chars, 8)?),
                    other => value.extend(['\\', other]),
                }
            }
            c => value.push(c),
        }
    }
    None
}

fn hex(chars: &mut impl Iterator<Item = (usize, char)>, count: usize) -> Option<char> {
    let mut code = 0;
    for _ in 0..count {
        code = code * 16 + chars.next()?.1.to_digit(16)?;
    }
    char::from_u32(code)
}

/// Words that end in a closing quote, for [`repr_set`] in a message.
pub(super) fn tuple_of(elements: &[Element]) -> String {
    let shown: Vec<_> = elements
        .iter()
        .map(|e| match e {
            Element::Text(text) => repr(text),
            Element::Number(number) => number.clone(),
        })
        .collect();
    repr_tuple(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_python_shows_them() {
        assert_eq!(repr("it's"), "\"it's\"");
        assert_eq!(repr("a\"'\n"), "'a\"\\'\\n'");
        assert_eq!(float(1e20), "1e+20");
        assert_eq!(float(0.00001), "1e-05");
        assert_eq!(float(1.0), "1.0");
        assert_eq!(Value::List(vec!["a".into()]).repr(), "('a',)");
    }

    #[test]
    fn lists_are_python_literals() {
        let texts = |list: &str| literal_list(list);
        let text = |t: &str| Element::Text(t.to_owned());
        assert_eq!(texts("('a', \"b\" )"), Some(vec![text("a"), text("b")]));
        assert_eq!(texts("(('a'))"), Some(vec![text("a")]));
        assert_eq!(texts("('a' 'b',)"), Some(vec![text("ab")]));
        assert_eq!(texts("('\\x41\\'')"), Some(vec![text("A'")]));
        assert_eq!(texts("(1, 'a')"), Some(vec![Element::Number("1".into()), text("a")]));
        assert_eq!(texts("()"), Some(Vec::new()));
        for wrong in ["(a)", "('a'", "('a';)", "(,)", "('a' b)", "(01)"] {
            assert_eq!(texts(wrong), None, "{wrong}");
        }
    }
}
