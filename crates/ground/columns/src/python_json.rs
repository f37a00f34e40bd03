//! JSON as Python's `json` writes it: with bare words where JSON has no number.

/// Numbers that JSON lacks.
pub(crate) const WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// The text with quotes around bare `NaN`, `Infinity` and `-Infinity`: JSON, if it was so but for them.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    let (mut rest, mut in_string) = (text, false);
    while let Some(first) = rest.chars().next() {
        let word = WORDS.iter().find(|word| !in_string && rest.starts_with(**word));
        let taken = match (word, first) {
            (Some(word), _) => {
                quoted.extend(["\"", *word, "\""]);
                rest = &rest[word.len()..];
                continue;
            }
            (None, '\\') if in_string => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            (None, '"') => {
                in_string = !in_string;
                1
            }
            (None, other) => other.len_utf8(),
        };
        quoted.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    quoted
}
