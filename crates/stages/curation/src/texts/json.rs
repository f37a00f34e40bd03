//! JSON as Python's `json.loads` takes it: with `NaN` and the infinities, and numbers of any size.

/// Nesting that is still read.
const DEEPEST: usize = 900;

/// Whether `json.loads` reads the text.
pub(crate) fn is_json(text: &str) -> bool {
    let mut reader = Reader { rest: text.as_bytes() };
    reader.space();
    reader.value(0) && {
        reader.space();
        reader.rest.is_empty()
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn space(&mut self) {
        let end = self.rest.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
        self.rest = &self.rest[end.unwrap_or(self.rest.len())..];
    }

    fn take(&mut self, word: &str) -> bool {
        match self.rest.strip_prefix(word.as_bytes()) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> bool {
        if depth > DEEPEST {
            return false;
        }
        match self.rest.first() {
            Some(b'"') => self.text(),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'-' | b'0'..=b'9') => self.take("-Infinity") || self.number(),
            _ => ["true", "false", "null", "NaN", "Infinity"].iter().any(|word| self.take(word)),
        }
    }

    fn object(&mut self, depth: usize) -> bool {
        self.rest = &self.rest[1..];
        self.space();
        if self.take("}") {
            return true;
        }
        loop {
            if self.rest.first() != Some(&b'"') || !self.text() {
                return false;
            }
            self.space();
            if !self.take(":") {
                return false;
            }
            self.space();
            if !self.value(depth + 1) {
                return false;
            }
            self.space();
            if self.take("}") {
                return true;
            }
            if !self.take(",") {
                return false;
            }
            self.space();
        }
    }

    fn list(&mut self, depth: usize) -> bool {
        self.rest = &self.rest[1..];
        self.space();
        if self.take("]") {
            return true;
        }
        loop {
            if !self.value(depth + 1) {
                return false;
            }
            self.space();
            if self.take("]") {
                return true;
            }
            if !self.take(",") {
                return false;
            }
            self.space();
        }
    }

    fn text(&mut self) -> bool {
        let mut at = 1;
        while let Some(&b) = self.rest.get(at) {
            match b {
                b'"' => {
                    self.rest = &self.rest[at + 1..];
                    return true;
                }
                0..=0x1f => return false,
                b'\\' => match self.rest.get(at + 1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                    Some(b'u') => {
                        let hex = self.rest.get(at + 2..at + 6);
                        if !hex.is_some_and(|h| h.iter().all(u8::is_ascii_hexdigit)) {
                            return false;
                        }
                        at += 6;
                    }
                    _ => return false,
                },
                _ => at += 1,
            }
        }
        false
    }

    fn number(&mut self) -> bool {
        let mut at = usize::from(self.rest.first() == Some(&b'-'));
        let digits = |from: usize| self.rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        at += match self.rest.get(at) {
            Some(b'0') => 1,
            Some(b'1'..=b'9') => digits(at),
            _ => return false,
        };
        if self.rest.get(at) == Some(&b'.') && digits(at + 1) > 0 {
            at += 1 + digits(at + 1);
        }
        if matches!(self.rest.get(at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.rest.get(at + 1), Some(b'+' | b'-')));
            let power = self.rest.get(at + 1 + sign..).map_or(0, |_| digits(at + 1 + sign));
            if power > 0 {
                at += 1 + sign + power;
            }
        }
        self.rest = &self.rest[at..];
        true
    }
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn what_python_reads_is_json() {
        for good in
            ["1", "-0.5e3", "NaN", "[-Infinity]", " {\"a\": [1, \"\\ud800\"]} ", "1e999", "\"\u{e9}\""]
        {
            assert!(is_json(good), "{good}");
        }
        for bad in ["", "{oops", "[1,]", "01", "{'a': 1}", "\"a\nb\"", "1 2", "nan", "+1", "1.", "\"\\x\""] {
            assert!(!is_json(bad), "{bad}");
        }
        assert!(!is_json(&"[".repeat(100_000)));
    }
}
