//! Which texts are a time: those of which `numpy.datetime64(text).item()` makes a `date` or `datetime` of Python's.
//! `parse_iso_8601_datetime` of numpy/_core/src/multiarray/datetime_strings.c, 2.4.

/// What numpy makes of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    Is,
    /// `NaT`: `item()` gives `None`.
    Missing,
    /// Finer than microseconds, or a year that Python's types have not: `item()` gives a number.
    Beyond,
    Not,
}

pub(super) fn read(text: &str) -> Time {
    let text = text.trim_ascii_start();
    if text.is_empty() || text.eq_ignore_ascii_case("nat") {
        return Time::Missing;
    }
    if text.eq_ignore_ascii_case("now") || text.eq_ignore_ascii_case("today") {
        return Time::Is;
    }
    parsed(text.as_bytes()).map_or(Time::Not, |python| if python { Time::Is } else { Time::Beyond })
}

/// As Python's `repr` shows what `isoformat` wrote.
pub(super) fn repr(text: &str) -> String {
    let numbers = |text: &str| -> Vec<String> {
        let parts = text.split(['-', ':', '.']).map(|part| part.trim_start_matches('0'));
        parts.map(|part| if part.is_empty() { "0" } else { part }.to_owned()).collect()
    };
    let Some((date, time)) = text.split_once(['T', ' ']) else {
        return format!("datetime.date({})", numbers(text).join(", "));
    };
    let mut all = [numbers(date), numbers(time)].concat();
    // Seconds and microseconds show where they are not 0.
    while all.len() > 5 && all.last().is_some_and(|last| last == "0") {
        all.pop();
    }
    format!("datetime.datetime({})", all.join(", "))
}

/// `None`: it is no time; else whether Python has one like it.
fn parsed(text: &[u8]) -> Option<bool> {
    let mut rest = Rest(text);
    let negative = rest.take(b'-');
    if !negative {
        rest.take(b'+');
    }
    let digits = rest.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let year: i64 = std::str::from_utf8(rest.0.get(..digits)?).ok()?.parse().ok()?;
    rest.0 = &rest.0[digits..];
    let mut python = !negative && (1..=9999).contains(&year);
    let year = if negative { -year } else { year };
    let Some(month) = rest.part(b'-', 1, 12)? else { return Some(python) };
    let Some(_) = rest.part(b'-', 1, days(year, month))? else { return Some(python) };
    if rest.0.trim_ascii().is_empty() {
        return Some(python);
    }
    if !rest.take(b'T') && !rest.take(b' ') {
        return None;
    }
    rest.two(0, 23)?;
    if rest.part(b':', 0, 59)?.is_some() && rest.part(b':', 0, 59)?.is_some() && rest.take(b'.') {
        let digits = rest.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest.0 = rest.0.get(digits..)?;
        python &= digits <= 6;
        // It keeps eighteen digits.
        if digits > 18 {
            return None;
        }
    }
    rest.zone()?;
    rest.0.trim_ascii().is_empty().then_some(python)
}

fn days(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

struct Rest<'t>(&'t [u8]);

impl Rest<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn two(&mut self, least: u32, most: u32) -> Option<u32> {
        let (two, rest) = self.0.split_at_checked(2)?;
        let number: u32 = std::str::from_utf8(two).ok()?.parse().ok()?;
        self.0 = rest;
        (two.iter().all(u8::is_ascii_digit) && (least..=most).contains(&number)).then_some(number)
    }

    /// Two digits after a separator; `Some(None)` if it does not follow.
    fn part(&mut self, separator: u8, least: u32, most: u32) -> Option<Option<u32>> {
        if self.take(separator) { self.two(least, most).map(Some) } else { Some(None) }
    }

    /// `Z`, `+hh`, `+hhmm`, `+hh:mm`, or nothing.
    fn zone(&mut self) -> Option<()> {
        if self.take(b'Z') || !(self.take(b'+') || self.take(b'-')) {
            return Some(());
        }
        self.two(0, 23)?;
        if self.take(b':') || self.0.first().is_some_and(u8::is_ascii_digit) {
            self.two(0, 59)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_as_python_shows_them() {
        assert_eq!(repr("2024-01-09"), "datetime.date(2024, 1, 9)");
        assert_eq!(repr("2024-01-09T10:00:00"), "datetime.datetime(2024, 1, 9, 10, 0)");
        assert_eq!(repr("2024-01-09T10:00:05"), "datetime.datetime(2024, 1, 9, 10, 0, 5)");
        assert_eq!(repr("2024-01-09T10:00:00.500000"), "datetime.datetime(2024, 1, 9, 10, 0, 0, 500000)");
    }

    #[test]
    fn texts_are_times_where_numpy_says_so() {
        for text in [
            "2024",
            "2024-01",
            "2024-02-29",
            "2024-01-01 10:00",
            "2024-01-01T10",
            "2024-01-01T10:00:00Z",
            "2024-01-01T10:00:00+02:00",
            "2024-01-01T10:00-02",
            " 2024-01-01",
            "2024-01-01T10:00:00.",
            "2024-01-01T10:00:00.123456",
            "2024-01-01T10:00:00 ",
            "24-01-01",
            "+2024-01-01",
            "9999",
            "now",
            "today",
        ] {
            assert_eq!(read(text), Time::Is, "{text}");
        }
        for text in ["", "NaT", "nat", "NAT"] {
            assert_eq!(read(text), Time::Missing, "{text}");
        }
        for text in
            ["2024-01-01T00:00:00.123456789", "10000-01-01", "-0001-01-01", "20240101", "0000-01-01", "99999"]
        {
            assert_eq!(read(text), Time::Beyond, "{text}");
        }
        for text in [
            "x",
            "2024-1-1",
            "2024-01-01T25:00",
            "2023-02-29",
            "2024-01-01T10:00:60",
            "2024-01-01T",
            "2024-13",
            "2024-01-01t10:00",
            "2024-01-01T1000",
            "2024-01-01T24:00",
            "NaN",
            "2024-01-01x",
        ] {
            assert_eq!(read(text), Time::Not, "{text}");
        }
    }
}
