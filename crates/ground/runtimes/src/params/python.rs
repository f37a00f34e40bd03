//! Values as Python's `str` and `repr` write them, for messages that quote them.

use crate::json::Json;

/// `str(value)`.
pub(super) fn text(value: &Json) -> String {
    match value {
        Json::Text(text) => text.clone(),
        other => repr(other),
    }
}

pub(super) fn repr(value: &Json) -> String {
    match value {
        Json::Null => "None".into(),
        Json::Bool(true) => "True".into(),
        Json::Bool(false) => "False".into(),
        Json::Int(n) => n.to_string(),
        Json::UInt(n) => n.to_string(),
        Json::Float(x) => float(*x),
        Json::Text(text) => quoted(text),
        Json::List(items) => format!("[{}]", items.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Json::Object(fields) => {
            let each = fields.iter().map(|(name, value)| format!("{}: {}", quoted(name), repr(value)));
            format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Single quotes, unless only double ones need no escape.
pub(super) fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// The fewest digits that read back the same, with an exponent from 1e16 on and below 1e-4.
fn float(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let size = x.abs();
    if x != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{x:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = x.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn values_are_written_as_python_writes_them() {
        let value = parse(
            r#"{"a":[1,null,true,"x"],"it's":1e22,"b":0.00001,"c":1e16,"d":0.0001,"e":-0.0,"f":NaN,"g":[]}"#
                .as_bytes(),
        );
        assert_eq!(
            repr(&value.unwrap()),
            r#"{'a': [1, None, True, 'x'], "it's": 1e+22, 'b': 1e-05, 'c': 1e+16, 'd': 0.0001, 'e': -0.0, 'f': nan, 'g': []}"#
        );
        assert_eq!(float(123_456_789_012_345_680.0), "1.2345678901234568e+17");
        assert_eq!(float(2.5), "2.5");
        assert_eq!(float(3.0), "3.0");
        assert_eq!(quoted("a\"'\n"), r#"'a"\'\n'"#);
    }
}
