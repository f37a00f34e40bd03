//! Which names and paths are valid: lakeFS's rules (`pkg/graveler/validate.go`, `pkg/validator`).

use crate::Error;

/// Most bytes of a path.
pub const LONGEST_PATH: usize = 1024;

/// 3 to 63 lower-case letters, digits and hyphens; the first is no hyphen.
pub(crate) fn repository(name: &str) -> Result<(), Error> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let good = (3..=63).contains(&name.len())
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|b| plain(b) || b == b'-');
    if good { Ok(()) } else { Err(Error::BadName(name.to_owned(), "repository name")) }
}

/// Letters, digits, `_` and `-`; the first is no hyphen.
pub(crate) fn branch(name: &str) -> Result<(), Error> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let good = name.len() <= 255
        && name.bytes().next().is_some_and(word)
        && name.bytes().all(|b| word(b) || b == b'-');
    if good { Ok(()) } else { Err(Error::BadName(name.to_owned(), "branch name")) }
}

/// As git's refs, without `/`; `~` is allowed.
pub(crate) fn tag(name: &str) -> Result<(), Error> {
    let good = !name.is_empty()
        && name.len() <= 255
        && name != "@"
        && !name.ends_with('.')
        && !name.ends_with(".lock")
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains(['/', '^', ':', '?', '*', '[', '\\'])
        && name.chars().all(|c| c > ' ');
    if good { Ok(()) } else { Err(Error::BadName(name.to_owned(), "tag name")) }
}

pub(crate) fn path(path: &str) -> Result<(), Error> {
    if path.is_empty() {
        return Err(Error::BadPath(String::new(), "it is empty"));
    }
    if path.len() > LONGEST_PATH {
        return Err(Error::BadPath(path.to_owned(), "it is longer than 1,024 bytes"));
    }
    Ok(())
}

/// Of an upload or link, whose path is kept as text: without a zero character.
pub(crate) fn text_path(text: &str) -> Result<(), Error> {
    path(text)?;
    if text.contains('\0') {
        return Err(Error::BadPath(text.to_owned(), "it has a zero character"));
    }
    Ok(())
}

/// Whether `name` matches a glob: `*` stands for any characters, `?` for one, `{a,b}` for a choice, `[a-z]` and `[!a]`
/// for one of a set, `\` takes the next character as it is.
pub fn matches(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    choices(pattern).iter().any(|pattern| glob(&parts(pattern), &name))
}

/// More than so many choices of a pattern are not looked at.
const CHOICES: usize = 256;

/// The patterns that one with `{a,b}` stands for.
fn choices(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(pattern) = open.pop() {
        let braces = pattern.find('{').and_then(|from| {
            let to = pattern[from..].find('}')? + from;
            Some((from, to))
        });
        match braces {
            Some((from, to)) => {
                let inner = pattern[from + 1..to].split(',');
                open.extend(
                    inner.map(|choice| format!("{}{choice}{}", &pattern[..from], &pattern[to + 1..])),
                );
            }
            None => done.push(pattern),
        }
        if open.len() + done.len() > CHOICES {
            break;
        }
    }
    done
}

enum Part {
    Any,
    One,
    Is(char),
    Of(Vec<char>),
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let mut used = c.len_utf8();
        parts.push(match (c, rest[used..].chars().next(), rest.find(']')) {
            ('*', ..) => Part::Any,
            ('?', ..) => Part::One,
            ('\\', Some(next), _) => {
                used += next.len_utf8();
                Part::Is(next)
            }
            ('[', _, Some(end)) => {
                used = end + 1;
                Part::Of(rest[1..end].chars().collect())
            }
            (c, ..) => Part::Is(c),
        });
        rest = &rest[used..];
    }
    parts
}

/// Only the last `*` is ever tried again, so that it takes no longer than both lengths multiplied.
fn glob(pattern: &[Part], name: &[char]) -> bool {
    let (mut at, mut here) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while here < name.len() {
        let fits = match pattern.get(at) {
            Some(Part::Any) => {
                star = Some((at, here));
                at += 1;
                continue;
            }
            Some(Part::One) => true,
            Some(Part::Is(c)) => *c == name[here],
            Some(Part::Of(set)) => in_set(set, name[here]),
            None => false,
        };
        if fits {
            (at, here) = (at + 1, here + 1);
        } else if let Some((place, from)) = star {
            star = Some((place, from + 1));
            (at, here) = (place + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|part| matches!(part, Part::Any))
}

fn in_set(set: &[char], c: char) -> bool {
    let (negated, set) = match set.split_first() {
        Some(('!' | '^', rest)) => (true, rest),
        _ => (false, set),
    };
    let mut found = false;
    let mut at = 0;
    while at < set.len() {
        if at + 2 < set.len() && set[at + 1] == '-' {
            found |= (set[at]..=set[at + 2]).contains(&c);
            at += 3;
        } else {
            found |= set[at] == c;
            at += 1;
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_have_three_to_sixty_three_plain_characters() {
        for good in ["abc", "a-b", "0ab", &"a".repeat(63)] {
            assert!(repository(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", "-ab", "Abc", "a_b", "a.b", &"a".repeat(64), "äbc"] {
            assert!(repository(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn branch_names_are_words_with_hyphens() {
        for good in ["a", "_", "feature-1", "A_b"] {
            assert!(branch(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a/b", "a.b", "a b", "a~b", "ü"] {
            assert!(branch(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tag_names_follow_git() {
        for good in ["v1.0", "a~b", "ü", "a@b"] {
            assert!(tag(good).is_ok(), "{good}");
        }
        for bad in ["", "@", "a.", "a.lock", "a..b", "a/b", "a@{b", "a^b", "a:b", "a b", "a\tb"] {
            assert!(tag(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn globs_match_as_gobwas_glob_does() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "main"),
            ("m*n", "main"),
            ("stable-?", "stable-1"),
            ("{main,dev}", "dev"),
            ("v[0-9]", "v7"),
            ("v[!0-9]", "va"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("main", "mainly"), ("m?n", "main"), ("v[0-9]", "va"), ("{a,b", "a"), ("", "a"), ("[a", "a")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(!matches(&"*a".repeat(40), &"a".repeat(39)));
    }
}
