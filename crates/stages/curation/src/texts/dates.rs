//! Dates in free text, as dateutil 2.9 reads them (`dateutil/parser/_parser.py`), and the days of the calendar.

use super::lexer;
use super::ymd::{Label, Ymd};

/// What is not said is of this day.
const TODAY: (i64, i64, i64) = (2026, 1, 1);

const JUMPS: [&str; 18] =
    [" ", ".", ",", ";", "-", "/", "'", "at", "on", "and", "ad", "m", "t", "of", "st", "nd", "rd", "th"];

/// Nanoseconds since 1970 of a date in free text; without a zone it is taken as UTC.
pub(crate) fn nanos(text: &str) -> Option<i64> {
    let found = parse(text)?;
    found.local.checked_sub(found.offset.unwrap_or(0).checked_mul(1_000_000_000)?)
}

/// Days since 1970, where the text is a date.
pub(crate) fn days(text: &str) -> Option<i32> {
    i32::try_from(parse(text)?.local.div_euclid(86_400_000_000_000)).ok()
}

pub(crate) struct Moment {
    /// Nanoseconds since 1970 on the clock where it was written.
    pub local: i64,
    /// Seconds east of UTC, where a zone was written.
    pub offset: Option<i64>,
}

/// Whether `dateutil.parser.parse` reads the text, and as what.
pub(crate) fn parse(text: &str) -> Option<Moment> {
    let mut reader = Reader { tokens: lexer::split(text), ..Reader::default() };
    reader.read()?;
    reader.build()
}

pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date of the proleptic Gregorian calendar.
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

#[derive(Default)]
struct Reader {
    tokens: Vec<String>,
    ymd: Ymd,
    weekday: Option<i64>,
    hour: Option<i64>,
    minute: Option<i64>,
    second: Option<i64>,
    micro: Option<i64>,
    zone: Option<String>,
    offset: Option<i64>,
}

impl Reader {
    fn token(&self, at: usize) -> Option<&str> {
        self.tokens.get(at).map(String::as_str)
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.token(at) == Some(text)
    }

    fn read(&mut self) -> Option<()> {
        let mut i = 0;
        while i < self.tokens.len() {
            let token = self.tokens[i].clone();
            if is_float(&token) {
                i = self.numeric(i)?;
            } else if let Some(day) = place(&token, &WEEKDAYS) {
                self.weekday = Some(day as i64);
            } else if let Some(month) = month(&token) {
                self.ymd.number(month, Some(Label::Month))?;
                i = self.after_month(i)?;
            } else if let Some(pm) = ampm(&token) {
                let hour = self.hour.filter(|h| (0..=12).contains(h))?;
                self.hour = Some(adjust(hour, pm));
            } else if self.could_be_zone(&token) {
                self.zone = Some(token.clone());
                self.offset = matches!(token.to_lowercase().as_str(), "utc" | "gmt" | "z").then_some(0);
                let sign = self.token(i + 1).filter(|s| matches!(*s, "+" | "-")).map(str::to_owned);
                if let Some(sign) = sign {
                    // GMT+3 is three hours ahead by its own account, and behind by everybody else's.
                    self.tokens[i + 1] = if sign == "+" { "-" } else { "+" }.to_owned();
                    self.offset = None;
                    if matches!(token.to_lowercase().as_str(), "utc" | "gmt" | "z") {
                        self.zone = None;
                    }
                }
            } else if self.hour.is_some() && matches!(token.as_str(), "+" | "-") {
                i = self.zone_offset(i, if token == "+" { 1 } else { -1 })?;
            } else if !jump(&token) {
                return None;
            }
            i += 1;
        }
        Some(())
    }

    fn after_month(&mut self, mut i: usize) -> Option<usize> {
        let next = self.token(i + 1).map(str::to_owned);
        if let Some(separator) = next.filter(|t| matches!(t.as_str(), "-" | "/")) {
            let second = self.token(i + 2)?.to_owned();
            self.ymd.text(&second, None)?;
            if self.is(i + 3, &separator) {
                let third = self.token(i + 4)?.to_owned();
                self.ymd.text(&third, None)?;
                i += 2;
            }
            i += 2;
        } else if self.tokens.len() > i + 4
            && self.is(i + 1, " ")
            && self.is(i + 3, " ")
            && self.token(i + 2).is_some_and(|t| t.eq_ignore_ascii_case("of"))
        {
            if let Some(year) = self.token(i + 4).and_then(|t| t.parse::<i64>().ok()) {
                let year = full_year(year, false).to_string();
                self.ymd.text(&year, Some(Label::Year))?;
            }
            i += 4;
        }
        Some(i)
    }

    fn could_be_zone(&self, token: &str) -> bool {
        self.hour.is_some()
            && self.zone.is_none()
            && self.offset.is_none()
            && token.chars().count() <= 5
            && (token.chars().all(|c| c.is_ascii_uppercase()) || token == "z")
    }

    fn zone_offset(&mut self, mut i: usize, sign: i64) -> Option<usize> {
        let digits = self.token(i + 1)?.to_owned();
        let (hours, minutes): (i64, i64) = if digits.chars().count() == 4 {
            (digits.get(..2)?.parse().ok()?, digits.get(2..)?.parse().ok()?)
        } else if self.is(i + 2, ":") {
            let minutes = self.token(i + 3)?.parse().ok()?;
            i += 2;
            (digits.parse().ok()?, minutes)
        } else if digits.chars().count() <= 2 {
            (digits.parse().ok()?, 0)
        } else {
            return None;
        };
        self.offset = Some(sign * (hours * 3600 + minutes * 60));
        let named = self.token(i + 2).is_some_and(jump)
            && self.is(i + 3, "(")
            && self.is(i + 5, ")")
            && self.token(i + 4).is_some_and(|t| {
                t.chars().count() >= 3 && t.chars().count() <= 5 && t.chars().all(|c| c.is_ascii_uppercase())
            })
            && self.zone.is_none();
        if named {
            self.zone = self.token(i + 4).map(str::to_owned);
            i += 4;
        }
        Some(i + 1)
    }

    fn numeric(&mut self, mut i: usize) -> Option<usize> {
        let text = self.tokens[i].clone();
        let value: f64 = text.parse().ok().filter(|v: &f64| v.is_finite())?;
        let length = text.chars().count();
        let part = |from: usize, to: usize| text.get(from..to).and_then(|t| t.parse::<i64>().ok());
        let next = self.token(i + 1).map(str::to_owned);
        let clock = next.as_deref().is_some_and(|t| t == ":" || hms(t).is_some());
        if self.ymd.values.len() == 3 && matches!(length, 2 | 4) && self.hour.is_none() && !clock {
            self.hour = Some(part(0, 2)?);
            if length == 4 {
                self.minute = Some(part(2, 4)?);
            }
        } else if length == 6 || length > 6 && text.find('.') == Some(6) {
            if self.ymd.values.is_empty() && !text.contains('.') {
                for (from, to) in [(0, 2), (2, 4), (4, 6)] {
                    self.ymd.text(text.get(from..to)?, None)?;
                }
            } else {
                (self.hour, self.minute) = (Some(part(0, 2)?), Some(part(2, 4)?));
                self.seconds(text.get(4..)?)?;
            }
        } else if matches!(length, 8 | 12 | 14) {
            self.ymd.text(text.get(..4)?, Some(Label::Year))?;
            self.ymd.text(text.get(4..6)?, None)?;
            self.ymd.text(text.get(6..8)?, None)?;
            if length > 8 {
                (self.hour, self.minute) = (Some(part(8, 10)?), Some(part(10, 12)?));
                if length > 12 {
                    self.second = Some(part(12, 14)?);
                }
            }
        } else if let Some((at, unit)) = self.unit(i) {
            match unit {
                0 => {
                    self.hour = Some(value as i64);
                    if value.fract() != 0.0 {
                        self.minute = Some((60.0 * value.fract()) as i64);
                    }
                }
                1 => self.minutes(value),
                2 => self.seconds(&text)?,
                _ => {}
            }
            i = at;
        } else if self.is(i + 1, ":") && i + 2 < self.tokens.len() {
            self.hour = Some(value as i64);
            let minutes: f64 = self.token(i + 2)?.parse().ok()?;
            self.minutes(minutes);
            if self.is(i + 3, ":") && i + 4 < self.tokens.len() {
                let seconds = self.tokens[i + 4].clone();
                self.seconds(&seconds)?;
                i += 2;
            }
            i += 2;
        } else if let Some(separator) = next.as_deref().filter(|t| matches!(*t, "-" | "/" | ".")) {
            self.ymd.text(&text, None)?;
            if let Some(second) = self.token(i + 2).map(str::to_owned).filter(|t| !jump(t)) {
                self.member(&second)?;
                if self.is(i + 3, separator) {
                    let third = self.token(i + 4)?.to_owned();
                    match month(&third) {
                        Some(month) => self.ymd.number(month, Some(Label::Month))?,
                        None => self.ymd.text(&third, None)?,
                    }
                    i += 2;
                }
                i += 1;
            }
            i += 1;
        } else if next.as_deref().is_none_or(jump) {
            match self.token(i + 2).and_then(ampm) {
                Some(pm) => {
                    self.hour = Some(adjust(value as i64, pm));
                    i += 1;
                }
                None => self.ymd.number(value as i64, None)?,
            }
            i += 1;
        } else if let Some(pm) = next.as_deref().and_then(ampm).filter(|_| (0.0..24.0).contains(&value)) {
            self.hour = Some(adjust(value as i64, pm));
            i += 1;
        } else if self.ymd.could_be_day(value) {
            self.ymd.number(value as i64, None)?;
        } else {
            return None;
        }
        Some(i)
    }

    fn member(&mut self, text: &str) -> Option<()> {
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return self.ymd.text(text, None);
        }
        self.ymd.number(month(text)?, Some(Label::Month))
    }

    /// The token to go on from, and which of hours, minutes and seconds is meant.
    fn unit(&self, i: usize) -> Option<(usize, usize)> {
        if let Some(unit) = self.token(i + 1).and_then(hms) {
            return Some((i + 1, unit));
        }
        if self.is(i + 1, " ")
            && let Some(unit) = self.token(i + 2).and_then(hms)
        {
            return Some((i + 2, unit));
        }
        if let Some(unit) = i.checked_sub(1).and_then(|at| self.token(at)).and_then(hms) {
            return Some((i, unit + 1));
        }
        if i > 1
            && i + 1 == self.tokens.len()
            && self.is(i - 1, " ")
            && let Some(unit) = self.token(i - 2).and_then(hms)
        {
            return Some((i, unit + 1));
        }
        None
    }

    fn minutes(&mut self, value: f64) {
        self.minute = Some(value as i64);
        self.second = (value.fract() != 0.0).then(|| (60.0 * value.fract()) as i64);
    }

    fn seconds(&mut self, text: &str) -> Option<()> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        self.second = Some(whole.parse().ok()?);
        let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
        self.micro = Some(digits.parse().ok()?);
        Some(())
    }

    fn build(self) -> Option<Moment> {
        let [year, month, day] = self.ymd.resolve()?;
        let said =
            [year, month, day, self.weekday, self.hour, self.minute, self.second, self.micro, self.offset];
        if said.iter().all(Option::is_none) && self.zone.is_none() {
            return None;
        }
        let year = year.map(|y| full_year(y, self.ymd.century));
        let (y, m) = (year.unwrap_or(TODAY.0), month.unwrap_or(TODAY.1));
        if !(1..=9999).contains(&y) || !(1..=12).contains(&m) {
            return None;
        }
        let d = day.unwrap_or_else(|| TODAY.2.min(days_in_month(y, m)));
        if !(1..=days_in_month(y, m)).contains(&d) {
            return None;
        }
        let mut days = days_from_civil(y, m, d);
        if let Some(weekday) = self.weekday
            && day.is_none_or(|d| d == 0)
        {
            days += (weekday - (days + 3)).rem_euclid(7);
        }
        let (hour, minute) = (self.hour.unwrap_or(0), self.minute.unwrap_or(0));
        let second = self.second.unwrap_or(0);
        if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..60).contains(&second) {
            return None;
        }
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
        let nanos = seconds.checked_mul(1_000_000_000);
        let local = nanos.and_then(|n| n.checked_add(self.micro.unwrap_or(0) * 1000));
        // Too far away for nanoseconds: the nearest that there is, in order still.
        let local = local.unwrap_or(if seconds > 0 { i64::MAX } else { i64::MIN });
        if self.offset.is_some_and(|o| o.abs() >= 86_400) {
            return None;
        }
        Some(Moment { local, offset: self.offset })
    }
}

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
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

/// A name in full, or its first three letters.
fn place(token: &str, names: &[&str]) -> Option<usize> {
    let lower = token.to_lowercase();
    names.iter().position(|n| *n == lower || n[..3] == lower)
}

fn month(token: &str) -> Option<i64> {
    if token.eq_ignore_ascii_case("sept") {
        return Some(9);
    }
    place(token, &MONTHS).map(|i| i as i64 + 1)
}

fn ampm(token: &str) -> Option<bool> {
    match token.to_lowercase().as_str() {
        "am" | "a" => Some(false),
        "pm" | "p" => Some(true),
        _ => None,
    }
}

fn hms(token: &str) -> Option<usize> {
    match token.to_lowercase().as_str() {
        "h" | "hour" | "hours" => Some(0),
        "m" | "minute" | "minutes" => Some(1),
        "s" | "second" | "seconds" => Some(2),
        _ => None,
    }
}

fn jump(token: &str) -> bool {
    JUMPS.contains(&token.to_lowercase().as_str())
}

fn adjust(hour: i64, pm: bool) -> i64 {
    match (hour, pm) {
        (h, true) if h < 12 => h + 12,
        (12, false) => 0,
        (h, _) => h,
    }
}

/// Whether `float(text)` works.
fn is_float(text: &str) -> bool {
    let lower = text.to_lowercase();
    text.parse::<f64>().is_ok() || matches!(lower.as_str(), "infinity" | "nan" | "inf")
}

fn full_year(year: i64, century: bool) -> i64 {
    if year >= 100 || century {
        return year;
    }
    let year = year + TODAY.0 / 100 * 100;
    if year >= TODAY.0 + 50 {
        year - 100
    } else if year < TODAY.0 - 50 {
        year + 100
    } else {
        year
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::time_text;

    #[test]
    fn dates_are_read_as_dateutil_reads_them() {
        let cases = [
            ("2024-01-05", "2024-01-05T00:00:00"),
            ("2023-03-01 05:30:00", "2023-03-01T05:30:00"),
            ("05/06/2021", "2021-05-06T00:00:00"),
            ("25/06/2021", "2021-06-25T00:00:00"),
            ("3rd of May 2001 10pm", "2001-05-03T22:00:00"),
            ("20240105T101112", "2024-01-05T10:11:12"),
            ("Sep.20.2009", "2009-09-20T00:00:00"),
            ("2024-01-05T10:11:12.5+02:00", "2024-01-05T08:11:12.500000"),
            ("10h36m28.5s 1 Jan 2003", "2003-01-01T10:36:28.500000"),
            ("Thu, 25 Sep 2003 10:49:41 -0300", "2003-09-25T13:49:41"),
            ("99-Jan-01", "1999-01-01T00:00:00"),
            ("20.02.2024", "2024-02-20T00:00:00"),
        ];
        for (text, wanted) in cases {
            assert_eq!(nanos(text).map(|n| time_text(n, 'T')).as_deref(), Some(wanted), "{text}");
        }
        for bad in ["", "next week", "2024/13/45", "31.02.2024", "{\"a\": 1}", "12345678901", "25:00", "ann"]
        {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
