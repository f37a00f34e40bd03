//! Patterns of Python's `re` and of SQL's LIKE.

/// Steps after which a pattern is given up on one value: a pattern made to explode ends here.
const STEPS: usize = 200_000;

/// A pattern that is searched for, as `re.search` does.
pub(crate) struct Pattern {
    regex: fancy_regex::Regex,
    /// Whether `$` stands in it: in Python it also matches before a line end at the end.
    end: bool,
    source: String,
}

impl Pattern {
    /// Errors: why it is no pattern.
    pub fn new(python: &str) -> Result<Self, String> {
        let (translated, end) = translate(python);
        let regex = fancy_regex::RegexBuilder::new(&translated)
            .backtrack_limit(STEPS)
            .delegate_size_limit(8 << 20)
            .build()
            .map_err(|e| format!("the pattern `{python}` is not understood: {e}"))?;
        Ok(Self { regex, end, source: python.to_owned() })
    }

    /// Errors: the pattern needs too many steps on that text.
    pub fn search(&self, text: &str) -> Result<bool, String> {
        let found = |text: &str| {
            self.regex.is_match(text).map_err(|e| {
                format!("the pattern `{}` was given up on a value of {} bytes: {e}", self.source, text.len())
            })
        };
        if found(text)? {
            return Ok(true);
        }
        match text.strip_suffix('\n') {
            Some(shorter) if self.end => found(shorter),
            _ => Ok(false),
        }
    }
}

/// The flags that stand before the pattern, such as `(?im)`, and the pattern.
fn flags(python: &str) -> (&str, &str) {
    let end = python.strip_prefix("(?").and_then(|rest| rest.find(')')).map_or(0, |end| end + 3);
    let letters = python.get(2..end.saturating_sub(1)).unwrap_or_default();
    if !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_alphabetic()) {
        python.split_at(end)
    } else {
        ("", python)
    }
}

/// The pattern in the words of Rust's engines, and whether it has a `$`.
fn translate(python: &str) -> (String, bool) {
    let mut out = String::with_capacity(python.len() + 8);
    let (flags, rest) = flags(python);
    let ascii = flags.contains('a');
    out.push_str(&flags.replace(['a', 'u', 'L'], "").replace("(?)", ""));
    let mut chars = rest.chars().peekable();
    let (mut class, mut fresh, mut end) = (false, false, false);
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let Some(next) = chars.next() else {
                    out.push('\\');
                    break;
                };
                match next {
                    'Z' => out.push_str("\\z"),
                    'w' | 'W' | 'd' | 'D' | 's' | 'S' if ascii => {
                        let inside = match next.to_ascii_lowercase() {
                            'w' => "0-9A-Za-z_",
                            'd' => "0-9",
                            _ => r" \t\n\r\f\v",
                        };
                        let not = if next.is_ascii_uppercase() { "^" } else { "" };
                        out.push_str(&format!("[{not}{inside}]"));
                    }
                    '<' | '>' => out.push(next),
                    next => out.extend(['\\', next]),
                }
                fresh = false;
            }
            '[' if !class => {
                class = true;
                fresh = true;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    chars.next();
                    out.push('^');
                }
            }
            ']' if class && fresh => {
                out.push_str("\\]");
                fresh = false;
            }
            ']' if class => {
                class = false;
                out.push(']');
            }
            '[' | '&' | '~' if class => {
                out.extend(['\\', c]);
                fresh = false;
            }
            '-' if class && chars.peek() == Some(&'-') => {
                out.push_str("\\-");
                fresh = false;
            }
            '$' if !class => {
                end = true;
                out.push('$');
            }
            '{' if !class && chars.peek() == Some(&',') => out.push_str("{0"),
            c => {
                fresh = false;
                out.push(c);
            }
        }
    }
    (out, end)
}

/// A pattern of LIKE as a regular expression of the whole text: `%` is any run of characters, `_` any one.
pub(crate) fn like(pattern: &str, escape: Option<char>) -> Result<regex::Regex, String> {
    let mut out = String::from("(?s)^");
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let literal = if Some(c) == escape {
            chars.next().ok_or_else(|| format!("the pattern `{pattern}` ends in its escape character"))?
        } else {
            match c {
                '%' => {
                    out.push_str(".*");
                    continue;
                }
                '_' => {
                    out.push('.');
                    continue;
                }
                c => c,
            }
        };
        out.push_str(&regex::escape(literal.encode_utf8(&mut [0; 4])));
    }
    out.push('$');
    regex::Regex::new(&out).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).unwrap().search(text).unwrap()
    }

    #[test]
    fn patterns_mean_what_they_mean_in_python() {
        assert!(found(r"(?<!a)n+(?=$)", "Ann\n"));
        assert!(found(r"^\d{,2}$", "7"));
        assert!(found(r"[[]x[]]", "[x]"));
        assert!(found(r"a\Z", "ba"));
        assert!(!found(r"a\Z", "ba\n"));
        assert!(found(r"(.)\1", "hello"));
        assert!(found(r"(?P<q>['x]).*(?P=q)", "x1x"));
        assert!(found(r"(?ai)É|\w", "x") && !found(r"(?a)\w", "é") && found(r"(?a)[\W]", "é"));
        assert!(Pattern::new("(open").is_err());
    }

    #[test]
    fn a_pattern_made_to_explode_is_given_up() {
        let pattern = Pattern::new(r"^(?=(a+)+$)(a+)+\1$").unwrap();
        let text = "a".repeat(40) + "!";
        let started = std::time::Instant::now();
        let _ = pattern.search(&text);
        assert!(started.elapsed().as_secs() < 5);
    }

    #[test]
    fn like_has_two_wildcards_and_an_escape() {
        assert!(like("A%_1", None).unwrap().is_match("Abc\nx1"));
        assert!(!like("a!%", Some('!')).unwrap().is_match("ab"));
        assert!(like("a!%", Some('!')).unwrap().is_match("a%"));
    }
}
