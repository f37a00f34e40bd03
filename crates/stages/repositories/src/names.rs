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

/// Whether `name` matches a glob: `*` stands for any characters, `?` for one, `{a,b}` for a choice, `[a-z]` and `[!a]`
/// for one of a set, `\` takes the next character as it is.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    glob(&pattern, &name, 0)
}

/// Deeper patterns match nothing, so that no pattern can overflow the stack.
const DEEPEST: usize = 1_000;

fn glob(pattern: &[char], name: &[char], depth: usize) -> bool {
    if depth > DEEPEST {
        return false;
    }
    let Some((first, rest)) = pattern.split_first() else { return name.is_empty() };
    match first {
        '*' => {
            let rest = match rest.iter().position(|c| *c != '*') {
                Some(at) => &rest[at..],
                None => return true,
            };
            (0..=name.len()).any(|skip| glob(rest, &name[skip..], depth + 1))
        }
        '?' => !name.is_empty() && glob(rest, &name[1..], depth + 1),
        '{' => match rest.iter().position(|c| *c == '}') {
            Some(end) => rest[..end].split(|c| *c == ',').any(|choice| {
                let whole: Vec<char> = choice.iter().chain(&rest[end + 1..]).copied().collect();
                glob(&whole, name, depth + 1)
            }),
            None => false,
        },
        '[' => match (rest.iter().position(|c| *c == ']'), name.first()) {
            (Some(end), Some(c)) => in_set(&rest[..end], *c) && glob(&rest[end + 1..], &name[1..], depth + 1),
            _ => false,
        },
        '\\' if !rest.is_empty() => name.first() == rest.first() && glob(&rest[1..], &name[1..], depth + 1),
        c => name.first() == Some(c) && glob(rest, &name[1..], depth + 1),
    }
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
            [("main", "mainly"), ("m?n", "main"), ("v[0-9]", "va"), ("{a,b", "a"), ("", "a")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(!matches(&"*a".repeat(40), &"a".repeat(30)));
    }
}
