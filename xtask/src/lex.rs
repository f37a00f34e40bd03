//! Splits Rust source into code and string literals, so that a check never reads a comment as code.

/// One source file, taken apart. Lines count from 1.
pub struct Lexed {
    /// The source with comments and the insides of literals replaced by spaces: same length in lines.
    pub code: String,
    /// String literals (plain, raw, byte) and the line on which each starts.
    pub strings: Vec<(usize, String)>,
}

impl Lexed {
    /// Code lines (number from 1, text), without modules and functions under `#[cfg(test)]`.
    pub fn lines_outside_tests(&self) -> Vec<(usize, &str)> {
        let skip = self.test_lines();
        self.code.lines().enumerate().map(|(i, l)| (i + 1, l)).filter(|(n, _)| !within(&skip, *n)).collect()
    }

    /// String literals outside `#[cfg(test)]` items.
    pub fn strings_outside_tests(&self) -> impl Iterator<Item = &(usize, String)> {
        let skip = self.test_lines();
        self.strings.iter().filter(move |(line, _)| !within(&skip, *line))
    }

    /// First and last line of every item under `#[cfg(test)]` that has a body.
    fn test_lines(&self) -> Vec<(usize, usize)> {
        let mut spans = Vec::new();
        let mut from = 0;
        while let Some(found) = self.code[from..].find("#[cfg(test)]") {
            let start = from + found;
            let mut depth = 0;
            let mut end = self.code.len();
            for (offset, byte) in self.code.bytes().enumerate().skip(start) {
                match byte {
                    b'{' => depth += 1,
                    b'}' if depth > 1 => depth -= 1,
                    b'}' => {
                        end = offset;
                        break;
                    }
                    b';' if depth == 0 => {
                        end = offset;
                        break;
                    }
                    _ => {}
                }
            }
            spans.push((line_of(&self.code, start), line_of(&self.code, end)));
            from = end.max(start + 1).min(self.code.len());
        }
        spans
    }
}

fn within(spans: &[(usize, usize)], line: usize) -> bool {
    spans.iter().any(|(first, last)| (*first..=*last).contains(&line))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
}

pub fn lex(source: &str) -> Lexed {
    let bytes = source.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut strings = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        let end = literal_or_comment(bytes, at);
        let Some((end, inside)) = end else {
            line += usize::from(bytes[at] == b'\n');
            code.push(bytes[at]);
            at += 1;
            continue;
        };
        if let Some((from, to)) = inside {
            strings.push((line, String::from_utf8_lossy(&bytes[from..to]).into_owned()));
        }
        for &byte in &bytes[at..end] {
            line += usize::from(byte == b'\n');
            code.push(if byte == b'\n' { b'\n' } else { b' ' });
        }
        at = end;
    }
    Lexed { code: String::from_utf8_lossy(&code).into_owned(), strings }
}

/// The end of the comment or literal that starts at `at`, and where its text stands if it is a string.
#[allow(clippy::type_complexity, reason = "the pair of pairs is read in one place, just above")]
fn literal_or_comment(bytes: &[u8], at: usize) -> Option<(usize, Option<(usize, usize)>)> {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        return Some((at + end, None));
    }
    if rest.starts_with(b"/*") {
        return Some((block_comment(bytes, at), None));
    }
    let starts_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if !starts_word && (rest[0] == b'r' || rest.starts_with(b"br")) {
        let mut open = at + if rest[0] == b'b' { 2 } else { 1 };
        let hashes = bytes[open..].iter().take_while(|b| **b == b'#').count();
        open += hashes;
        if bytes.get(open) == Some(&b'"') {
            let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            let from = open + 1;
            let length = bytes[from..].windows(close.len()).position(|w| w == close);
            let to = from + length.unwrap_or(bytes.len() - from);
            return Some(((to + close.len()).min(bytes.len()), Some((from, to))));
        }
    }
    if rest[0] == b'"' {
        let mut end = at + 1;
        while end < bytes.len() && bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let to = end.min(bytes.len());
        return Some(((to + 1).min(bytes.len()), Some((at + 1, to))));
    }
    // A character, but not a lifetime: 'x' or '\…'.
    if rest[0] == b'\'' && rest.len() > 2 {
        if rest[1] == b'\\' {
            let end = rest[3.min(rest.len())..].iter().position(|b| *b == b'\'')?;
            return Some((at + 3 + end + 1, None));
        }
        let width = std::str::from_utf8(&rest[1..rest.len().min(5)]).map_or(1, |_| 1);
        let close = rest[1 + width..].iter().take(4).position(|b| *b == b'\'');
        if let Some(gap) = close.filter(|gap| *gap == 0 || rest[1] >= 0x80) {
            return Some((at + 2 + width + gap, None));
        }
    }
    None
}

fn block_comment(bytes: &[u8], at: usize) -> usize {
    let (mut depth, mut end) = (0, at);
    while end < bytes.len() {
        if bytes[end..].starts_with(b"/*") {
            depth += 1;
            end += 2;
        } else if bytes[end..].starts_with(b"*/") {
            depth -= 1;
            end += 2;
            if depth == 0 {
                return end;
            }
        } else {
            end += 1;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_no_code() {
        let lexed = lex("let a = \"Command::new\"; // Command::new\n/* x /* y */ z */ let b = 'c';\n");
        assert!(!lexed.code.contains("Command"));
        assert!(!lexed.code.contains('z'));
        assert!(lexed.code.contains("let b ="));
        assert_eq!(lexed.strings, vec![(1, "Command::new".to_owned())]);
    }

    #[test]
    fn raw_strings_quotes_and_lifetimes_are_told_apart() {
        let lexed =
            lex("fn f<'a>(x: &'a str) -> char { g(r#\"one \"two\"\"#, '\"', '\\'', 'é', \"three\\\"\") }");
        let texts: Vec<&str> = lexed.strings.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["one \"two\"", "three\\\""]);
        assert!(lexed.code.contains("fn f<'a>(x: &'a str)"));
    }

    #[test]
    fn test_modules_are_left_out() {
        let lexed =
            lex("fn a() { \"kept\"; }\n#[cfg(test)]\nmod tests {\n fn b() { \"gone\"; }\n}\nfn c() {}\n");
        let strings: Vec<_> = lexed.strings_outside_tests().map(|(_, s)| s.as_str()).collect();
        assert_eq!(strings, ["kept"]);
        let lines: Vec<_> = lexed.lines_outside_tests().iter().map(|(n, _)| *n).collect();
        assert_eq!(lines, [1, 6]);
    }
}
