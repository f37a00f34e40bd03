//! Times as text.

use arrow::array::TimestampNanosecondArray;
use arrow::array::timezone::Tz;

const DAY: i64 = 86_400_000_000_000;

/// `isoformat(sep)` of nanoseconds since 1970: the fraction only where there is one.
pub(crate) fn time_text(nanos: i64, separator: char) -> String {
    let (days, rest) = (nanos.div_euclid(DAY), nanos.rem_euclid(DAY));
    let (seconds, fraction) = (rest / 1_000_000_000, rest % 1_000_000_000);
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{}{separator}{h:02}:{m:02}:{s:02}", date_text(days as i32));
    if fraction > 0 {
        let digits = format!("{fraction:09}");
        text.push('.');
        text.push_str(if fraction % 1000 == 0 { &digits[..6] } else { &digits });
    }
    text
}

/// The time in the zone of a type (`datetime64[ns, Europe/Berlin]`), with its offset from UTC; in UTC where the zone is not known.
pub(super) fn zoned_text(nanos: i64, dtype: &str) -> String {
    let zone = dtype.rsplit(", ").next().unwrap_or_default().trim_end_matches(']');
    let local = || {
        let zone: Tz = zone.parse().ok()?;
        let at = TimestampNanosecondArray::from(vec![nanos]).value_as_datetime_with_tz(0, zone)?;
        let offset = at.format("%:z").to_string();
        let (hours, minutes) = offset.trim_start_matches(['+', '-']).split_once(':')?;
        let apart = (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60) * 1_000_000_000;
        let moved = if offset.starts_with('-') { nanos - apart } else { nanos + apart };
        Some(format!("{}{offset}", time_text(moved, 'T')))
    };
    local().unwrap_or_else(|| format!("{}+00:00", time_text(nanos, 'T')))
}

/// The same as [`time_text`] with all digits that the unit of a type (`datetime64[ms]`) has, as NumPy writes it.
pub(crate) fn numpy_time(nanos: i64, dtype: &str) -> String {
    let text = time_text(nanos - nanos.rem_euclid(1_000_000_000), 'T');
    let unit = dtype.split(['[', ',', ']']).nth(1).unwrap_or_default();
    let digits = match unit {
        "s" => return text,
        "ms" => 3,
        "us" => 6,
        _ => 9,
    };
    let fraction = format!("{:09}", nanos.rem_euclid(1_000_000_000));
    format!("{text}.{}", &fraction[..digits])
}

/// `YYYY-MM-DD` of days since 1970.
pub(crate) fn date_text(days: i32) -> String {
    let (y, m, d) = civil(i64::from(days));
    format!("{y:04}-{m:02}-{d:02}")
}

/// Year, month and day of days since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
pub(crate) fn civil(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u32;
    let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numpy_writes_the_digits_of_the_unit() {
        let at = 1_685_570_400_001_500_000;
        assert_eq!(numpy_time(at, "datetime64[ns]"), "2023-05-31T22:00:00.001500000");
        assert_eq!(numpy_time(at, "datetime64[us, UTC]"), "2023-05-31T22:00:00.001500");
        assert_eq!(numpy_time(at, "datetime64[ms]"), "2023-05-31T22:00:00.001");
        assert_eq!(numpy_time(at, "datetime64[s]"), "2023-05-31T22:00:00");
    }

    #[test]
    fn times_of_a_zone_have_its_offset() {
        let at = 1_685_570_400_000_000_000;
        assert_eq!(zoned_text(at, "datetime64[ns, +02:00]"), "2023-06-01T00:00:00+02:00");
        assert_eq!(zoned_text(at, "datetime64[ns, UTC]"), "2023-05-31T22:00:00+00:00");
        assert_eq!(zoned_text(at, "datetime64[ns, -03:30]"), "2023-05-31T18:30:00-03:30");
        assert_eq!(zoned_text(at, "datetime64[ns, Nowhere/Known]"), "2023-05-31T22:00:00+00:00");
    }
}
