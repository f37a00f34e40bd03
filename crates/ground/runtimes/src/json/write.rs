use std::fmt::Write as _;

use super::Json;

impl Json {
    /// Appends it as JSON that Python reads: NaN and infinities as its own words.
    pub fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            // Writing into a String cannot fail.
            Json::Int(n) => drop(write!(out, "{n}")),
            Json::UInt(n) => drop(write!(out, "{n}")),
            Json::Float(x) => write_f64(out, *x),
            Json::Text(text) => write_text(out, text),
            Json::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Json::Object(fields) => write_fields(out, fields),
        }
    }
}

/// Appends the fields as a JSON object.
pub fn write_fields(out: &mut String, fields: &[(String, Json)]) {
    out.push('{');
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_text(out, name);
        out.push(':');
        value.write(out);
    }
    out.push('}');
}

/// Appends `text` as a JSON string.
pub fn write_text(out: &mut String, text: &str) {
    out.push('"');
    if text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\') {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                // Writing into a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends a number with the fewest digits that read back the same; NaN and infinities as Python writes them.
pub fn write_f64(out: &mut String, x: f64) {
    if !write_special(out, x) {
        let _ = write!(out, "{x:?}");
    }
}

/// Like [`write_f64`], where the reader will read an f32.
pub fn write_f32(out: &mut String, x: f32) {
    if !write_special(out, f64::from(x)) {
        let _ = write!(out, "{x:?}");
    }
}

fn write_special(out: &mut String, x: f64) -> bool {
    let special = match (x.is_nan(), x.is_infinite(), x > 0.0) {
        (true, ..) => "NaN",
        (_, true, true) => "Infinity",
        (_, true, false) => "-Infinity",
        _ => return false,
    };
    out.push_str(special);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn what_is_written_reads_the_same() {
        let text =
            r#"{"a":[1,-2.5,18446744073709551615,null,true,[]],"b\n":{"c":"\"é"},"d":Infinity,"e":1e300}"#;
        let mut out = String::new();
        parse(text.as_bytes()).unwrap().write(&mut out);
        assert_eq!(out, text);
    }

    #[test]
    fn texts_and_numbers_are_written_as_json() {
        let mut out = String::new();
        write_text(&mut out, "a\"\\\n\u{2}é");
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), "a\"\\\n\u{2}é");
        let mut out = String::new();
        for x in [1.0, 0.1, 1e-7, 1e300, f64::NAN, f64::NEG_INFINITY] {
            write_f64(&mut out, x);
            out.push(' ');
        }
        assert_eq!(out, "1.0 0.1 1e-7 1e300 NaN -Infinity ");
    }
}
