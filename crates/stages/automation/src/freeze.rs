//! Times in which nothing is deployed.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp as Moment, ToSpan as _, Zoned};
use serde::{Deserialize, Serialize};
use types::Timestamp;

/// One kind of stretch. What is left out does not restrict: `{days: [sat, sun]}` is every weekend, whole days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Weekdays (`mon` to `sun`) on which it begins; empty: every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<String>,
    /// `HH:MM`; together with `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// `HH:MM`, up to `24:00`; not after `from`: on the day after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// `YYYY-MM-DD`: the first day on which it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// IANA, such as `Europe/Vienna`.
    pub zone: String,
}

pub const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// One that was read.
struct Read {
    days: Vec<Weekday>,
    /// Minutes of the day: from, and to, which is beyond 1440 on the day after.
    minutes: (i64, i64),
    first: Option<Date>,
    last: Option<Date>,
    zone: TimeZone,
}

const DAY: i64 = 24 * 60;
/// In microseconds.
const MINUTE: i64 = 60_000_000;

impl Freeze {
    /// Errors: what cannot be read.
    pub fn check(&self) -> Result<(), String> {
        self.read().map(drop)
    }

    fn read(&self) -> Result<Read, String> {
        let days = self.days.iter().map(|name| {
            let known = DAYS.iter().find(|(day, _)| day == name).map(|(_, day)| *day);
            known.ok_or_else(|| {
                format!("`{name}` is not a weekday; they are mon, tue, wed, thu, fri, sat, sun")
            })
        });
        let date = |text: &Option<String>| {
            let read = |text: &String| {
                text.parse::<Date>().map_err(|_| format!("`{text}` is not a date such as 2026-12-20"))
            };
            text.as_ref().map(read).transpose()
        };
        let (first, last) = (date(&self.first)?, date(&self.last)?);
        if first.zip(last).is_some_and(|(first, last)| last < first) {
            return Err("it ends before it begins".into());
        }
        let minutes = match (&self.from, &self.to) {
            (None, None) => (0, DAY),
            (Some(from), Some(to)) => {
                let (from, to) = (minute(from)?, minute(to)?);
                if from == DAY {
                    return Err("`from` is at most 23:59".into());
                }
                (from, if to <= from { to + DAY } else { to })
            }
            _ => return Err("`from` and `to` go together".into()),
        };
        let zone = TimeZone::get(&self.zone)
            .map_err(|_| format!("`{}` is not a time zone such as Europe/Vienna or UTC", self.zone))?;
        Ok(Read { days: days.collect::<Result<_, _>>()?, minutes, first, last, zone })
    }
}

fn minute(text: &str) -> Result<i64, String> {
    if text == "24:00" {
        return Ok(DAY);
    }
    let read = text.split_once(':').and_then(|(hour, minute)| {
        let two = |part: &str| (part.len() == 2).then(|| part.parse::<i8>().ok()).flatten();
        Time::new(two(hour)?, two(minute)?, 0, 0).ok()
    });
    let time = read.ok_or_else(|| format!("`{text}` is not a time of day such as 16:00"))?;
    Ok(i64::from(time.hour()) * 60 + i64::from(time.minute()))
}

impl Read {
    fn holds(&self, at: Moment) -> bool {
        let local = at.to_zoned(self.zone.clone());
        self.began_on(&local, 0) || (self.minutes.1 > DAY && self.began_on(&local, 1))
    }

    /// Whether a stretch that began so many days ago lasts still.
    fn began_on(&self, local: &Zoned, ago: i64) -> bool {
        let Ok(day) = local.date().checked_sub(ago.days()) else { return false };
        let minute = i64::from(local.hour()) * 60 + i64::from(local.minute()) + ago * DAY;
        let (from, to) = self.minutes;
        (from..to).contains(&minute)
            && (self.days.is_empty() || self.days.contains(&day.weekday()))
            && self.first.is_none_or(|first| day >= first)
            && self.last.is_none_or(|last| day <= last)
    }
}

/// Looked ahead for the end.
const MOST_MINUTES: i64 = 60 * DAY;

/// The end of the freeze that holds at this moment; `None` if none does. One that lasts longer than sixty days is told
/// as ending then.
pub(crate) fn frozen_until(freezes: &[Freeze], at: Timestamp) -> Option<Timestamp> {
    // They were checked when the policy was defined; one whose zone is gone from the machine holds nobody back.
    let read: Vec<Read> = freezes.iter().filter_map(|f| f.read().ok()).collect();
    let holds = |micros: i64| {
        Moment::from_microsecond(micros).is_ok_and(|at| read.iter().any(|freeze| freeze.holds(at)))
    };
    if !holds(at.0) {
        return None;
    }
    let start = at.0.div_euclid(MINUTE) * MINUTE;
    let ends = (1..MOST_MINUTES).map(|n| start + n * MINUTE).find(|micros| !holds(*micros));
    Some(Timestamp(ends.unwrap_or(start + MOST_MINUTES * MINUTE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<Moment>().unwrap().as_microsecond())
    }

    fn freeze(json: serde_json::Value) -> Vec<Freeze> {
        let one: Freeze = serde_json::from_value(json).unwrap();
        one.check().unwrap();
        vec![one]
    }

    #[test]
    fn a_weekend_is_frozen_by_the_clock_of_its_zone() {
        let weekend = freeze(serde_json::json!({ "days": ["sat", "sun"], "zone": "Europe/Vienna" }));
        // Saturday begins at 23:00 UTC on Friday, in winter.
        assert_eq!(frozen_until(&weekend, at("2026-11-27T22:59:59Z")), None);
        let monday = Some(at("2026-11-29T23:00:00Z"));
        assert_eq!(frozen_until(&weekend, at("2026-11-27T23:00:00Z")), monday);
        assert_eq!(frozen_until(&weekend, at("2026-11-29T22:59:00Z")), monday);
        assert_eq!(frozen_until(&weekend, at("2026-11-29T23:00:00Z")), None);
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_began() {
        let friday =
            freeze(serde_json::json!({ "days": ["fri"], "from": "16:00", "to": "08:00", "zone": "UTC" }));
        assert_eq!(frozen_until(&friday, at("2026-11-27T15:59:00Z")), None);
        let end = Some(at("2026-11-28T08:00:00Z"));
        assert_eq!(frozen_until(&friday, at("2026-11-27T16:00:00Z")), end);
        assert_eq!(frozen_until(&friday, at("2026-11-28T03:00:00Z")), end);
        assert_eq!(frozen_until(&friday, at("2026-11-28T16:30:00Z")), None, "Saturday evening is free");
    }

    #[test]
    fn dates_are_whole_days_and_overlaps_are_one_freeze() {
        let mut both =
            freeze(serde_json::json!({ "first": "2026-12-20", "last": "2027-01-06", "zone": "UTC" }));
        both.extend(freeze(
            serde_json::json!({ "first": "2027-01-07", "last": "2027-01-07", "zone": "UTC" }),
        ));
        assert_eq!(frozen_until(&both, at("2026-12-19T23:59:59Z")), None);
        assert_eq!(frozen_until(&both, at("2026-12-20T00:00:00Z")), Some(at("2027-01-08T00:00:00Z")));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let wrong =
            |json: serde_json::Value| serde_json::from_value::<Freeze>(json).unwrap().check().unwrap_err();
        use serde_json::json;
        assert!(
            wrong(json!({ "days": ["saturday"], "zone": "UTC" })).starts_with("`saturday` is not a weekday")
        );
        assert!(
            wrong(json!({ "from": "4pm", "to": "17:00", "zone": "UTC" })).starts_with("`4pm` is not a time")
        );
        assert_eq!(wrong(json!({ "from": "16:00", "zone": "UTC" })), "`from` and `to` go together");
        assert!(wrong(json!({ "zone": "Vienna" })).starts_with("`Vienna` is not a time zone"));
        assert!(wrong(json!({ "first": "20.12.", "zone": "UTC" })).starts_with("`20.12.` is not a date"));
        let back = json!({ "first": "2026-12-20", "last": "2026-12-19", "zone": "UTC" });
        assert_eq!(wrong(back), "it ends before it begins");
    }
}
