//! `datetime.strptime`: whether a text is a time in a format (CPython 3.11, `Lib/_strptime.py`).

use super::dates::{days_in_month, is_leap};

pub(crate) struct Strftime {
    regex: regex::Regex,
    /// The directives in order, one for each group.
    directives: Vec<char>,
}

impl Strftime {
    /// Errors: why the format is none.
    pub fn new(format: &str) -> Result<Self, String> {
        let mut pattern = String::from("^");
        let mut directives = Vec::new();
        let expanded =
            format.replace("%c", "%a %b %d %H:%M:%S %Y").replace("%x", "%m/%d/%y").replace("%X", "%H:%M:%S");
        let mut chars = expanded.chars().peekable();
        while let Some(c) = chars.next() {
            if c.is_whitespace() {
                while chars.peek().is_some_and(|c| c.is_whitespace()) {
                    chars.next();
                }
                pattern.push_str(r"\s+");
                continue;
            }
            if c != '%' {
                pattern.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
                continue;
            }
            let directive = chars.next().ok_or_else(|| format!("stray %% in format '{format}'"))?;
            if directive == '%' {
                pattern.push('%');
                continue;
            }
            let group = group(directive)
                .ok_or_else(|| format!("'{directive}' is a bad directive in format '{format}'"))?;
            if directives.contains(&directive) {
                return Err(format!("the directive %{directive} stands twice in format '{format}'"));
            }
            directives.push(directive);
            pattern.push('(');
            pattern.push_str(group);
            pattern.push(')');
        }
        let built = regex::RegexBuilder::new(&pattern).case_insensitive(true).build();
        let regex = built.map_err(|e| e.to_string())?;
        Ok(Self { regex, directives })
    }

    pub fn matches(&self, text: &str) -> bool {
        let Some(found) = self.regex.captures(text) else { return false };
        if found.get(0).is_none_or(|m| m.end() != text.len()) {
            return false;
        }
        let part = |d: char| {
            let place = self.directives.iter().position(|x| *x == d)?;
            found.get(place + 1).map(|m| m.as_str())
        };
        let number = |d: char| part(d).and_then(|t| t.trim().parse::<i64>().ok());
        let year = number('Y').or_else(|| number('y').map(|y| if y <= 68 { 2000 + y } else { 1900 + y }));
        let month = number('m').or_else(|| {
            let name = part('B').or_else(|| part('b'))?.to_lowercase();
            MONTHS.iter().position(|m| m.starts_with(&name)).map(|i| i as i64 + 1)
        });
        // With an ISO year there must be an ISO week and a weekday, and the other way round.
        let weekday = ['A', 'a', 'w', 'u'].into_iter().any(|d| part(d).is_some());
        let (iso_year, iso_week) = (part('G').is_some(), part('V').is_some());
        let whole = iso_year && iso_week && weekday;
        if (iso_year || iso_week) && !whole || whole && part('j').is_some() {
            return false;
        }
        if number('S').is_some_and(|s| s > 59) || year == Some(0) {
            return false;
        }
        let year = year.unwrap_or(1900);
        if let Some(day) = number('j') {
            return day <= 365 + i64::from(is_leap(year)) || month.is_some();
        }
        number('d').unwrap_or(1) <= days_in_month(year, month.unwrap_or(1))
    }
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

fn group(directive: char) -> Option<&'static str> {
    Some(match directive {
        'd' => r"3[0-1]|[1-2]\d|0[1-9]|[1-9]| [1-9]",
        'f' => r"[0-9]{1,6}",
        'H' => r"2[0-3]|[0-1]\d|\d",
        'I' => r"1[0-2]|0[1-9]|[1-9]",
        'G' | 'Y' => r"\d\d\d\d",
        'j' => r"36[0-6]|3[0-5]\d|[1-2]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0[1-9]|[1-9]",
        'm' => r"1[0-2]|0[1-9]|[1-9]",
        'M' => r"[0-5]\d|\d",
        'S' => r"6[0-1]|[0-5]\d|\d",
        'U' | 'W' => r"5[0-3]|[0-4]\d|\d",
        'w' => r"[0-6]",
        'u' => r"[1-7]",
        'V' => r"5[0-3]|0[1-9]|[1-4]\d|\d",
        'y' => r"\d\d",
        'z' => r"[+-]\d\d:?[0-5]\d(?::?[0-5]\d(?:\.\d{1,6})?)?|(?-i:Z)",
        'A' => "monday|tuesday|wednesday|thursday|friday|saturday|sunday",
        'a' => "mon|tue|wed|thu|fri|sat|sun",
        'B' => "january|february|march|april|may|june|july|august|september|october|november|december",
        'b' => "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec",
        'p' => "am|pm",
        'Z' => "utc|gmt",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Strftime;

    #[test]
    fn formats_take_what_python_takes() {
        let yes = |format: &str, text: &str| Strftime::new(format).unwrap().matches(text);
        assert!(yes("%Y-%m-%d", "2024-02-29"));
        assert!(!yes("%Y-%m-%d", "2023-02-29"));
        assert!(!yes("%Y-%m-%d", "2024/13/45"));
        assert!(yes("%Y-%m-%d", "2024-1-5"));
        assert!(yes("%d %B %Y", "3  march 2020"));
        assert!(!yes("%d.%m", "29.02"));
        assert!(!yes("%H:%M:%S", "10:11:60"));
        assert!(yes("%I:%M %p", "9:05 PM"));
        assert!(!yes("%Y", "20245"));
        assert!(yes("%Y-%m-%dT%H:%M:%S.%f%z", "2024-01-01T00:00:00.5+02:00"));
        assert!(Strftime::new("%Q").is_err());
    }
}
