//! Judging single values.

use serde_json::Value;

use super::bounds::{bound, in_zone, inside};
use super::domain::Domain;
use super::values::Lookup;
use crate::frame::{Cell, Column, compare, names};
use crate::suite::{Bounds, MatchOn, Test};
use crate::texts::{Pattern, Schema, Strftime, dates, json, like};

/// Values that are looked at together, in the hope that all of them are as expected.
const BLOCK: usize = 256;

/// A test made ready for the values of one column.
pub(super) struct Judge<'a> {
    single: bool,
    /// All times of the column are midnights: as text they are days.
    days: bool,
    kind: Kind<'a>,
}

enum Kind<'a> {
    InSet(Option<Lookup<'a>>, bool),
    Between { bounds: &'a Bounds, ready: Option<(Option<Cell<'a>>, Option<Cell<'a>>)> },
    Length(&'a Bounds),
    LengthEquals(f64),
    Regex(Vec<Pattern>, MatchOn),
    Like(Vec<regex::Regex>, MatchOn),
    Strftime(Strftime),
    Dateutil,
    Json,
    Schema(Schema<'a>),
    OfType(&'a [String]),
    Finite,
}

impl<'a> Judge<'a> {
    /// Errors: the test makes no sense for the column, or at all.
    pub fn new(test: &'a Test, column: &Column, domain: &Domain<'_>, place: usize) -> Result<Self, String> {
        let kind = match test {
            Test::InSet(set) | Test::NotInSet(set) => {
                let sample = domain.present(place).next().map(|(_, c)| c);
                let unread = |v: &&Value| v.as_str().is_some_and(|t| dates::nanos(t).is_none());
                if matches!(test, Test::NotInSet(_))
                    && column.dtype.is_time()
                    && let Some(bad) = set.iter().flatten().find(unread)
                {
                    return Err(format!("{bad} is no time"));
                }
                // pandas takes all texts of a set for times, or none.
                let timed = |v: &Value| v.as_str().is_some_and(|t| dates::nanos(t).is_some());
                let none = matches!(test, Test::InSet(_))
                    && matches!(sample, Some(Cell::Time(_)))
                    && !set.iter().flatten().all(timed);
                let lookup = set.as_deref().map(|s| Lookup::new(if none { &[] } else { s }, sample));
                Kind::InSet(lookup, matches!(test, Test::InSet(_)))
            }
            Test::Between(bounds) => between(bounds, column)?,
            Test::Length(bounds) => Kind::Length(bounds),
            Test::LengthEquals(n) => Kind::LengthEquals(*n),
            Test::Regex { patterns, on } => {
                Kind::Regex(patterns.iter().map(|p| Pattern::new(p)).collect::<Result<_, _>>()?, *on)
            }
            Test::Like { patterns, on, escape } => {
                Kind::Like(patterns.iter().map(|p| like(p, *escape)).collect::<Result<_, _>>()?, *on)
            }
            Test::Strftime(format) => Kind::Strftime(Strftime::new(format)?),
            Test::Dateutil => Kind::Dateutil,
            Test::Json => Kind::Json,
            Test::JsonSchema(schema) => Kind::Schema(Schema::new(schema)?),
            Test::OfType { types, .. } => {
                if !types.iter().any(|t| names::known(t)) {
                    return Err(format!("no recognized type in {types:?}"));
                }
                Kind::OfType(types)
            }
            Test::Finite => Kind::Finite,
            _ => return Err("it is no test of single values".into()),
        };
        let textual =
            matches!(kind, Kind::Length(_) | Kind::LengthEquals(_) | Kind::Regex(..) | Kind::Like(..));
        let midnight =
            |(_, cell): (u32, Cell<'_>)| !matches!(cell, Cell::Time(at) if at % 86_400_000_000_000 != 0);
        let days = textual && column.dtype.is_time() && domain.present(place).all(midnight);
        Ok(Self { single: column.dtype.is_single(), days, kind })
    }

    /// Rows whose number is outside of bounds, where the test is about bounds and the column of floats; else `None`.
    pub fn outside(&self, column: usize, domain: &Domain<'_>) -> Option<Vec<u32>> {
        let Kind::Between { bounds, ready: Some((low, high)) } = &self.kind else { return None };
        let (values, nulls) = domain.frame.at(column).floats().filter(|_| domain.is_all())?;
        let end = |end: &Option<Cell<'_>>, open: f64| match end {
            None => Some(open),
            Some(cell) => cell.number().filter(|v| !v.is_nan()),
        };
        let (least, most) = (end(low, f64::NEG_INFINITY)?, end(high, f64::INFINITY)?);
        let (above, below) = (bounds.strict_min && low.is_some(), bounds.strict_max && high.is_some());
        // NaN is within no bounds.
        let fine = |v: f64| (v > least || v == least && !above) & (v < most || v == most && !below);
        let mut outside = Vec::new();
        for (place, chunk) in values.chunks(BLOCK).enumerate() {
            if chunk.iter().fold(true, |all, v| all & fine(*v)) {
                continue;
            }
            for (i, v) in chunk.iter().enumerate() {
                let row = place * BLOCK + i;
                if !fine(*v) && nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                    outside.push(row as u32);
                }
            }
        }
        Some(outside)
    }

    /// Whether a value is as expected. Errors: the test cannot be made on it.
    pub fn holds(&mut self, cell: Cell<'_>) -> Result<bool, String> {
        let (single, days) = (self.single, self.days);
        let text = |cell: Cell<'_>| {
            let text = cell.text(single);
            if days { text[..10.min(text.len())].to_owned() } else { text }
        };
        Ok(match &mut self.kind {
            Kind::InSet(None, _) => true,
            Kind::InSet(Some(lookup), wanted) => lookup.contains(cell) == *wanted,
            Kind::Between { bounds, ready } => {
                let (low, high) = match ready {
                    Some(ready) => *ready,
                    None => *ready.insert(read(bounds, cell)?),
                };
                inside(cell, low, high, bounds)
            }
            Kind::Length(bounds) => {
                let length = Cell::Int(length(cell, text));
                let (low, high) = read(bounds, length)?;
                inside(length, low, high, bounds)
            }
            Kind::LengthEquals(wanted) => length(cell, text) as f64 == *wanted,
            Kind::Regex(patterns, on) => match cell {
                Cell::Text(own) => any(patterns, *on, |p| p.search(own))?,
                cell => {
                    let own = text(cell);
                    any(patterns, *on, |p| p.search(&own))?
                }
            },
            Kind::Like(patterns, on) => {
                let own = text(cell);
                any(patterns, *on, |p| Ok(p.is_match(&own)))?
            }
            Kind::Strftime(format) => format.matches(only_text(cell)?),
            Kind::Dateutil => dates::parse(only_text(cell)?).is_some(),
            Kind::Json => matches!(cell, Cell::Text(own) if json::is_json(own)),
            Kind::Schema(validator) => {
                let own = only_text(cell)?;
                let value: Value =
                    serde_json::from_str(own).map_err(|e| format!("{own:.80} is no JSON: {e}"))?;
                validator.is_valid(&value)?
            }
            Kind::OfType(types) => types.iter().any(|t| names::is_instance(cell, t)),
            Kind::Finite => cell.number().is_none_or(f64::is_finite),
        })
    }
}

fn between<'a>(bounds: &'a Bounds, column: &Column) -> Result<Kind<'a>, String> {
    let beside = |cell: Cell<'_>| -> Result<Kind<'a>, String> {
        Ok(Kind::Between { bounds, ready: Some(read(bounds, cell)?) })
    };
    // Where the column has one type, the bounds must fit it even if there is no value.
    if column.dtype.is_wide() {
        return beside(Cell::Float(0.0));
    }
    if column.dtype.is_time() {
        in_zone(bounds, &column.dtype)?;
        return beside(Cell::Time(0));
    }
    Ok(Kind::Between { bounds, ready: None })
}

fn read<'a>(bounds: &'a Bounds, cell: Cell<'_>) -> Result<(Option<Cell<'a>>, Option<Cell<'a>>), String> {
    let low = bounds.min.as_ref().map(|v| bound(v, cell, bounds.typed)).transpose()?;
    let high = bounds.max.as_ref().map(|v| bound(v, cell, bounds.typed)).transpose()?;
    if let (Some(low), Some(high)) = (low, high)
        && compare(low, high).is_none_or(std::cmp::Ordering::is_gt)
    {
        return Err("min_value cannot be greater than max_value".into());
    }
    Ok((low, high))
}

/// Characters of the value as text.
fn length(cell: Cell<'_>, text: impl Fn(Cell<'_>) -> String) -> i64 {
    match cell {
        Cell::Text(own) => own.chars().count() as i64,
        cell => text(cell).chars().count() as i64,
    }
}

fn only_text(cell: Cell<'_>) -> Result<&str, String> {
    match cell {
        Cell::Text(text) => Ok(text),
        cell => Err(format!("a text is needed, not {}", cell.json())),
    }
}

fn any<P>(patterns: &[P], on: MatchOn, matches: impl Fn(&P) -> Result<bool, String>) -> Result<bool, String> {
    for pattern in patterns {
        let found = matches(pattern)?;
        match on {
            MatchOn::Any if found => return Ok(true),
            MatchOn::All if !found => return Ok(false),
            MatchOn::None if found => return Ok(false),
            _ => {}
        }
    }
    Ok(on != MatchOn::Any)
}
