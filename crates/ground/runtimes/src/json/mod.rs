//! JSON as Python writes it: RFC 8259 plus the tokens `NaN`, `Infinity` and `-Infinity`, which `json.dumps` emits
//! and `serde_json` refuses. Of repeated keys the last one counts.

mod write;

pub use write::{write_f32, write_f64, write_fields, write_text};

#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Int(i64),
    /// Above `i64::MAX`.
    UInt(u64),
    Float(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

const DEPTH: usize = 64;

impl Json {
    pub fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(fields) => fields.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    pub fn list(&self) -> Option<&[Json]> {
        match self {
            Json::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn integer(&self) -> Option<i64> {
        match self {
            Json::Int(n) => Some(*n),
            _ => None,
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Json::Int(n) => Some(*n as f64),
            Json::UInt(n) => Some(*n as f64),
            Json::Float(x) => Some(*x),
            _ => None,
        }
    }

    /// What Python calls the type, for messages that name it.
    pub fn python_type(&self) -> &'static str {
        match self {
            Json::Null => "NoneType",
            Json::Bool(_) => "bool",
            Json::Int(_) | Json::UInt(_) => "int",
            Json::Float(_) => "float",
            Json::Text(_) => "str",
            Json::List(_) => "list",
            Json::Object(_) => "dict",
        }
    }
}

pub fn parse(bytes: &[u8]) -> Result<Json, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("the text is not UTF-8: {e}"))?;
    let mut parser = Parser { text, at: 0, length: 0 };
    let value = parser.value(0)?;
    parser.space();
    if parser.at == text.len() { Ok(value) } else { Err(parser.expected("the end")) }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    /// Of the list that ended last: rows of a matrix are alike.
    length: usize,
}

/// Digits whose number an `f64` holds exactly, and powers of ten likewise: their quotient is rounded once, and so is right.
const EXACT_DIGITS: usize = 15;
const POWERS: [f64; EXACT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/// Digits that fit an `i64`, whatever they are.
const WHOLE_DIGITS: usize = 18;

/// How many digits the bytes begin with; they are appended to `number`, which wraps.
fn digits(bytes: &[u8], number: &mut u64) -> usize {
    let mut count = 0;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        *number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        count += 1;
    }
    count
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn expected(&self, what: &str) -> String {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => format!("expected {what} at byte {}, found {found:?}", self.at),
            None => format!("expected {what} at byte {}, but the text ends there", self.at),
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.text.as_bytes()[self.at..].starts_with(token.as_bytes());
        if found {
            self.at += token.len();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json, String> {
        if depth > DEPTH {
            return Err(format!("nested deeper than {DEPTH} levels at byte {}", self.at));
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.items(depth),
            Some(b'"') => Ok(Json::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ if self.take("null") => Ok(Json::Null),
            _ if self.take("true") => Ok(Json::Bool(true)),
            _ if self.take("false") => Ok(Json::Bool(false)),
            _ if self.take("NaN") => Ok(Json::Float(f64::NAN)),
            _ if self.take("Infinity") => Ok(Json::Float(f64::INFINITY)),
            _ => Err(self.expected("a value")),
        }
    }

    fn items(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::List(Vec::new()));
        }
        let mut items = Vec::with_capacity(self.length.min(1024));
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.expected("`,` or `]`")),
            }
        }
        self.at += 1;
        self.length = items.len();
        // A long row before many short ones must not cost more than they do.
        if items.capacity() > 2 * items.len() {
            items.shrink_to_fit();
        }
        Ok(Json::List(items))
    }

    fn object(&mut self, depth: usize) -> Result<Json, String> {
        self.at += 1;
        let mut fields = Vec::new();
        self.space();
        if self.take("}") {
            return Ok(Json::Object(fields));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key"));
            }
            let key = self.string()?;
            self.space();
            if !self.take(":") {
                return Err(self.expected("`:`"));
            }
            let value = self.value(depth + 1)?;
            fields.push((key, value));
            self.space();
            if self.take("}") {
                return Ok(Json::Object(fields));
            }
            if !self.take(",") {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    fn number(&mut self) -> Result<Json, String> {
        let start = self.at;
        let all = &self.text.as_bytes()[start..];
        let negative = all.first() == Some(&b'-');
        let bytes = &all[usize::from(negative)..];
        if negative && bytes.starts_with(b"Infinity") {
            self.at += "-Infinity".len();
            return Ok(Json::Float(f64::NEG_INFINITY));
        }
        let mut number = 0;
        let whole = digits(bytes, &mut number);
        let (mut end, mut places, mut exponent) = (whole, 0, false);
        // Rust's own parser takes `01`, `1.`, `.5`, `1.e5` and `+1`; JSON does not.
        let mut shaped = whole == 1 || (whole > 1 && bytes[0] != b'0');
        let is_whole = bytes.get(end) != Some(&b'.');
        if !is_whole {
            places = digits(&bytes[end + 1..], &mut number);
            end += 1 + places;
            shaped &= places > 0;
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            exponent = true;
            end += 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let count = digits(&bytes[end..], &mut 0);
            end += count;
            shaped &= count > 0;
        }
        let rest =
            bytes[end..].iter().take_while(|b| matches!(b, b'0'..=b'9' | b'e' | b'E' | b'.' | b'+' | b'-'));
        let rest = rest.count();
        let end = start + usize::from(negative) + end + rest;
        let text = &self.text[start..end];
        self.at = end;
        if !shaped || rest > 0 {
            return Err(format!("`{text}` at byte {start} is not a number"));
        }
        let value = match is_whole && !exponent {
            true if whole <= WHOLE_DIGITS => {
                let number = number as i64;
                Some(Json::Int(if negative { -number } else { number }))
            }
            true => text
                .parse()
                .map(Json::Int)
                .ok()
                .or_else(|| text.parse().map(Json::UInt).ok())
                .or_else(|| text.parse().map(Json::Float).ok()),
            false if !exponent && whole + places <= EXACT_DIGITS => {
                let size = number as f64 / POWERS[places];
                Some(Json::Float(if negative { -size } else { size }))
            }
            false => text.parse().map(Json::Float).ok(),
        };
        value.ok_or_else(|| format!("`{text}` at byte {start} is not a number"))
    }

    fn string(&mut self) -> Result<String, String> {
        let start = self.at;
        self.at += 1;
        let rest = &self.text.as_bytes()[self.at..];
        let plain = rest.iter().position(|b| matches!(b, b'"' | b'\\') || *b < 0x20).unwrap_or(rest.len());
        if rest.get(plain) == Some(&b'"') {
            let text = self.text[self.at..self.at + plain].to_owned();
            self.at += plain + 1;
            return Ok(text);
        }
        // Escapes are rare: find the end and let serde_json do them.
        let mut end = self.at;
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'"' => {
                    self.at = end + 1;
                    return serde_json::from_str(&self.text[start..=end])
                        .map_err(|e| format!("the text at byte {start}: {e}"));
                }
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        Err(format!("the text at byte {start} has no end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_json_is_read() {
        let value = parse(br#" {"a": [1, -2.5, 1e3, NaN, Infinity, -Infinity, null, true], "b": "x\u00e9\n\ud83d\ude00", "a2": {}} "#)
            .unwrap();
        let list = value.get("a").and_then(Json::list).unwrap();
        assert_eq!(list[..3], [Json::Int(1), Json::Float(-2.5), Json::Float(1000.0)]);
        assert!(list[3].number().unwrap().is_nan());
        assert_eq!(
            list[4..],
            [Json::Float(f64::INFINITY), Json::Float(f64::NEG_INFINITY), Json::Null, Json::Bool(true)]
        );
        assert_eq!(value.get("b").and_then(Json::text), Some("xé\n😀"));
        assert_eq!(parse(b"18446744073709551615").unwrap(), Json::UInt(u64::MAX));
        assert_eq!(parse(b"{\"k\": 1, \"k\": 2}").unwrap().get("k"), Some(&Json::Int(2)));
    }

    #[test]
    fn numbers_are_those_that_rust_reads() {
        let mut state = 7_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..200_000 {
            let mut text = String::new();
            if next(2) == 0 {
                text.push('-');
            }
            let digits = |text: &mut String, next: &mut dyn FnMut(u64) -> u64, most: u64| {
                (0..=next(most)).for_each(|_| text.push(char::from(b'0' + next(10) as u8)));
            };
            match next(4) {
                0 => text.push('0'),
                _ => {
                    text.push(char::from(b'1' + next(9) as u8));
                    digits(&mut text, &mut next, 22);
                }
            }
            if next(3) > 0 {
                text.push('.');
                digits(&mut text, &mut next, 22);
            }
            if next(4) == 0 {
                text.push_str(["e", "E", "e-", "E+"][next(4) as usize]);
                digits(&mut text, &mut next, 3);
            }
            let found = parse(text.as_bytes()).unwrap();
            match found {
                Json::Int(n) => assert_eq!(text.parse(), Ok(n), "{text}"),
                Json::UInt(n) => assert_eq!(text.parse(), Ok(n), "{text}"),
                other => {
                    let x: f64 = text.parse().unwrap();
                    assert_eq!(other.number().map(f64::to_bits), Some(x.to_bits()), "{text}");
                    assert!(text.contains(['.', 'e', 'E']) || text.len() > 19, "{text}");
                }
            }
        }
    }

    #[test]
    fn everything_else_is_refused_without_a_panic() {
        for bad in [
            "",
            "{",
            "[",
            "[1,",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "\"x",
            "\"\\",
            "\"\\u12",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "--1",
            "1e",
            "nan",
            "tru",
            "1 2",
            "\"\u{1}\"",
            "[1]]",
            "-Inf",
            "1.e5",
            "é",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?} was taken");
        }
        assert!(parse(&[b'[', 0xff, b']']).is_err());
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes()).unwrap_err().contains("deeper"));
    }

    #[test]
    fn what_serde_writes_reads_the_same() {
        let original = serde_json::json!({"a": [1, 2.5, "q\"\\\t", null, false], "b": {"c": -7}});
        let text = original.to_string();
        let parsed = parse(text.as_bytes()).unwrap();
        assert_eq!(parsed.get("b").and_then(|b| b.get("c")).and_then(Json::integer), Some(-7));
        assert_eq!(
            parsed.get("a").and_then(Json::list).map(|l| l[2].clone()),
            Some(Json::Text("q\"\\\t".into()))
        );
    }
}
