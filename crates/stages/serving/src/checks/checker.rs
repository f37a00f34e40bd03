use curation::PersonalData;
use curation::rows::{Novel, Novelty, ProfiledColumn, RowProfile, Seen};
use metrics::Counter;
use runtimes::{Frame, Values};

use super::{Action, Check, Checks};
use crate::Error;

/// Findings that a refusal tells of.
const TOLD: usize = 3;
/// The flag of rows that wait for a person.
pub(crate) const REVIEW: &str = "review";

/// The checks of one variant of an endpoint, ready: nothing is allocated for rows about which there is nothing to say.
pub struct Checker {
    endpoint: String,
    checks: Checks,
    /// Of the model's columns, in its order; ignored ones are left out.
    columns: Vec<Watched>,
    /// The names of all of the model's columns.
    known: Vec<String>,
    novelty: Option<(Novelty, Novel)>,
    personal: Option<PersonalData>,
    rows: Counter,
    /// By check, in the order of [`Check::ALL`].
    found: Vec<Counter>,
    refused: Vec<Counter>,
}

struct Watched {
    name: String,
    /// Where the model has it.
    place: usize,
    rule: Rule,
    /// Whether it always had a value.
    complete: bool,
}

enum Rule {
    Numbers {
        low: f64,
        high: f64,
    },
    Categories(Vec<String>),
    Texts {
        personal: bool,
    },
    /// Nothing is known of it.
    Free,
}

/// One thing about one row. The column is [`usize::MAX`] where it is about the whole row or about one that the model does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Finding {
    row: usize,
    check: Check,
    column: usize,
}

/// What was noticed about the rows of one request.
#[derive(Debug, Default)]
pub struct Noticed {
    /// For the record; empty if nothing was noticed.
    pub flags: Vec<Vec<String>>,
}

impl Checker {
    /// `columns` are the model's, in its order; without a profile only what needs no training data is looked at.
    pub fn new(endpoint: &str, checks: &Checks, columns: Vec<String>, profile: Option<&RowProfile>) -> Self {
        let seen = |name: &str| profile.and_then(|p| p.columns.iter().find(|c| c.name == name));
        let watched = columns.iter().enumerate().filter(|(_, name)| !checks.ignore.contains(name));
        let watched = watched.map(|(place, name)| Watched {
            name: name.clone(),
            place,
            rule: seen(name).map_or(Rule::Free, |c| rule(c, checks.range_margin)),
            complete: seen(name).is_some_and(|c| c.missing == 0.0 && c.seen != Seen::Unknown),
        });
        let novelty = profile.and_then(|p| p.novelty.as_ref());
        let usable = |n: &&Novelty| {
            n.columns.iter().all(|c| columns.contains(&c.name) && !checks.ignore.contains(&c.name))
        };
        let novelty = novelty.filter(|_| checks.novelty != Action::Off).filter(usable);
        let counter = |name: &'static str, check: Check| metrics::counter!(name, "endpoint" => endpoint.to_owned(), "check" => check.name());
        Self {
            endpoint: endpoint.to_owned(),
            columns: watched.collect(),
            novelty: novelty.map(|n| (n.clone(), n.at(checks.novelty_rate))),
            personal: (checks.personal != Action::Off).then(PersonalData::new).and_then(Result::ok),
            rows: metrics::counter!("mlwright_predictions_checked_total", "endpoint" => endpoint.to_owned()),
            found: Check::ALL.map(|c| counter("mlwright_prediction_flags_total", c)).into(),
            refused: Check::ALL.map(|c| counter("mlwright_predictions_refused_total", c)).into(),
            checks: checks.clone(),
            known: columns,
        }
    }

    pub(crate) fn checks(&self) -> &Checks {
        &self.checks
    }

    /// The threshold of novelty that is applied.
    pub fn novel(&self) -> Option<Novel> {
        self.novelty.as_ref().map(|(_, novel)| *novel)
    }

    /// Names that a request sent and the model does not know, if that is looked at.
    pub fn unknown(&self, sent: &Frame) -> Vec<String> {
        if self.checks.extra == Action::Off {
            return Vec::new();
        }
        let unknown = |name: &&str| !self.known.iter().any(|k| k == name) && !self.ignores(name);
        sent.names().filter(unknown).map(str::to_owned).collect()
    }

    fn ignores(&self, name: &str) -> bool {
        self.checks.ignore.iter().any(|i| i == name)
    }

    /// Looks at every row of what the model will see.
    ///
    /// Errors: `Refused` where the checks say so.
    pub fn look(&self, frame: &Frame, unknown: &[String]) -> Result<Noticed, Error> {
        let mut found = Vec::new();
        if !unknown.is_empty() {
            found.extend((0..frame.rows).map(|row| Finding { row, check: Check::Extra, column: usize::MAX }));
        }
        for (index, column) in self.columns.iter().enumerate() {
            if let Some(values) = frame.column_near(column.place, &column.name) {
                self.column(index, column, &values.values, &mut found);
            }
        }
        self.distances(frame, &mut found);
        self.rows.increment(frame.rows as u64);
        if found.is_empty() {
            return Ok(Noticed::default());
        }
        self.told(found, frame.rows, unknown)
    }

    fn column(&self, index: usize, column: &Watched, values: &Values, found: &mut Vec<Finding>) {
        let on = |check: Check| self.checks.action(check) != Action::Off;
        let (schema, missing) = (on(Check::Schema), on(Check::Missing) && column.complete);
        let mut add = |row, check| found.push(Finding { row, check, column: index });
        let Values::Text(texts) = values else {
            let (low, high) = match column.rule {
                Rule::Numbers { low, high } if on(Check::Range) => (low, high),
                _ => (f64::NEG_INFINITY, f64::INFINITY),
            };
            let other_kind = matches!(column.rule, Rule::Categories(_) | Rule::Texts { .. });
            for row in 0..values.len() {
                let value = values.number(row).unwrap_or(f64::NAN);
                match () {
                    () if value.is_nan() => {
                        if missing {
                            add(row, Check::Missing);
                        }
                    }
                    () if value.is_infinite() || other_kind => {
                        if schema {
                            add(row, Check::Schema);
                        }
                    }
                    () if value < low || value > high => add(row, Check::Range),
                    () => {}
                }
            }
            return;
        };
        let (category, personal) = (on(Check::Category), on(Check::Personal));
        for (row, text) in texts.iter().enumerate() {
            let Some(text) = text else {
                if missing {
                    add(row, Check::Missing);
                }
                continue;
            };
            match &column.rule {
                Rule::Numbers { .. } if schema => add(row, Check::Schema),
                Rule::Categories(known) => {
                    if known.binary_search(text).is_ok() {
                        // What is known cannot be news about a person.
                        continue;
                    }
                    if category {
                        add(row, Check::Category);
                    }
                }
                Rule::Texts { personal: true } => continue,
                _ => {}
            }
            if personal && self.personal.as_ref().is_some_and(|p| p.find(text).is_some()) {
                add(row, Check::Personal);
            }
        }
    }

    /// Rows that lack one of the values have no distance.
    fn distances(&self, frame: &Frame, found: &mut Vec<Finding>) {
        let Some((novelty, novel)) = &self.novelty else { return };
        let mut columns = Vec::with_capacity(novelty.columns.len());
        for (place, scale) in novelty.columns.iter().enumerate() {
            let Some(column) = frame.column_near(place, &scale.name) else { return };
            columns.push((scale, &column.values));
        }
        let (mut point, mut scratch) = (Vec::with_capacity(columns.len()), Vec::new());
        for row in 0..frame.rows {
            point.clear();
            point.extend(columns.iter().map_while(|(scale, values)| match values {
                Values::Text(texts) => scale.text(texts.get(row)?.as_deref()?),
                numbers => scale.number(numbers.number(row)?),
            }));
            if point.len() == columns.len() && novelty.squared_distance(&point, &mut scratch) > novel.above {
                found.push(Finding { row, check: Check::Novelty, column: usize::MAX });
            }
        }
    }

    fn told(&self, found: Vec<Finding>, rows: usize, unknown: &[String]) -> Result<Noticed, Error> {
        let refused = |f: &&Finding| self.checks.action(f.check) == Action::Refuse;
        let refusing: Vec<&Finding> = found.iter().filter(refused).collect();
        if !refusing.is_empty() {
            for finding in &refusing {
                count(&self.refused, finding.check);
            }
            let mut told: Vec<String> = Vec::new();
            for finding in refusing.iter().take(TOLD) {
                let what = match self.named(finding, unknown) {
                    Some(name) => format!("row {}: `{name}` {}", finding.row, finding.check.says()),
                    None => format!("row {}: {}", finding.row, finding.check.says()),
                };
                told.push(what);
            }
            if refusing.len() > TOLD {
                told.push(format!("and {} more", refusing.len() - TOLD));
            }
            return Err(Error::Refused {
                endpoint: self.endpoint.clone(),
                check: refusing[0].check.name(),
                told: told.join("; "),
            });
        }
        let mut flags: Vec<Vec<String>> = vec![Vec::new(); rows];
        for finding in &found {
            count(&self.found, finding.check);
            let Some(of_row) = flags.get_mut(finding.row) else { continue };
            of_row.push(match self.named(finding, unknown) {
                Some(name) => format!("{}:{name}", finding.check.name()),
                None => finding.check.name().to_owned(),
            });
        }
        for finding in &found {
            let Some(of_row) = flags.get_mut(finding.row) else { continue };
            if self.checks.action(finding.check) == Action::Review && !of_row.iter().any(|f| f == REVIEW) {
                of_row.push(REVIEW.to_owned());
            }
        }
        Ok(Noticed { flags })
    }

    fn named<'a>(&'a self, finding: &Finding, unknown: &'a [String]) -> Option<&'a str> {
        match finding.check {
            Check::Extra => unknown.first().map(String::as_str),
            _ => self.columns.get(finding.column).map(|c| c.name.as_str()),
        }
    }
}

fn count(counters: &[Counter], check: Check) {
    if let Some(counter) = Check::ALL.iter().position(|c| *c == check).and_then(|i| counters.get(i)) {
        counter.increment(1);
    }
}

fn rule(column: &ProfiledColumn, margin: f64) -> Rule {
    match &column.seen {
        Seen::Numbers { low, high } => {
            // A model may take 32-bit numbers: what was the highest value may come back a little higher.
            let rounding = 1e-6 * low.abs().max(high.abs());
            let more = (margin * (high - low)).max(rounding);
            let (below, above) = (low - more, high + more);
            // Ages and prices have a natural end at 0.
            Rule::Numbers {
                low: if *low >= 0.0 { below.max(0.0) } else { below },
                high: if *high <= 0.0 { above.min(0.0) } else { above },
            }
        }
        Seen::Categories { texts } => Rule::Categories(texts.clone()),
        Seen::Texts { personal } => Rule::Texts { personal: *personal },
        Seen::Unknown => Rule::Free,
    }
}

#[cfg(test)]
mod tests {
    use columns::{Table, column};
    use runtimes::Column;

    use super::*;

    /// An age, a weight, a ward and a note.
    type Row = (f64, f64, Option<&'static str>, Option<&'static str>);

    const COLUMNS: [&str; 4] = ["age", "weight", "ward", "note"];

    fn profile() -> RowProfile {
        let n = 2_000;
        // Weight goes with age.
        let age = |i: usize| (i % 80) as f64;
        let table = Table::new(vec![
            ("age".into(), column::floats((0..n).map(|i| Some(age(i))))),
            ("weight".into(), column::floats((0..n).map(|i| Some(10.0 + age(i) + (i % 7) as f64 / 10.0)))),
            ("ward".into(), column::strings((0..n).map(|i| Some(if i % 2 == 0 { "a" } else { "b" })))),
            ("note".into(), column::strings((0..n).map(|i| (i % 3 > 0).then(|| format!("visit {i}"))))),
        ])
        .unwrap();
        RowProfile::of(&table, &COLUMNS.map(str::to_owned)).unwrap()
    }

    fn checker(checks: &Checks) -> Checker {
        Checker::new("e", checks, COLUMNS.map(str::to_owned).into(), Some(&profile()))
    }

    fn frame(rows: &[Row]) -> Frame {
        let text = |of: fn(&Row) -> Option<String>| Values::Text(rows.iter().map(of).collect());
        let columns = vec![
            ("age", Values::Float(rows.iter().map(|r| r.0).collect())),
            ("weight", Values::Float(rows.iter().map(|r| r.1).collect())),
            ("ward", text(|r| r.2.map(str::to_owned))),
            ("note", text(|r| r.3.map(str::to_owned))),
        ];
        let column = |(name, values): (&str, Values)| Column { name: name.into(), values };
        Frame::new(columns.into_iter().map(column).collect()).unwrap()
    }

    #[test]
    fn each_odd_thing_is_noticed_and_usual_rows_are_left_alone() {
        let rows = [
            (40.0, 50.3, Some("a"), Some("visit 7")),
            // A little beyond what was seen, by the margin.
            (79.5, 89.9, Some("b"), None),
            (212.0, 50.0, Some("a"), None),
            (-1.0, 9.3, Some("a"), None),
            (f64::NAN, 50.0, Some("c"), None),
            (f64::INFINITY, 50.0, Some("b"), Some("write to ann@example.org")),
            // Each value is usual, together they are not.
            (5.0, 85.0, Some("a"), None),
        ];
        let noticed = checker(&Checks::default()).look(&frame(&rows), &[]).unwrap();
        let wanted: [&[&str]; 7] = [
            &[],
            &[],
            &["range:age", "novelty"],
            &["range:age"],
            &["missing:age", "category:ward"],
            &["schema:age", "personal:note"],
            &["novelty"],
        ];
        assert_eq!(noticed.flags, wanted.map(<[_]>::to_vec));
    }

    #[test]
    fn the_policy_says_what_follows() {
        let odd = frame(&[(40.0, 50.0, Some("a"), None), (212.0, 222.0, Some("z"), None)]);
        let refuse = Checks { range: Action::Refuse, ..Checks::default() };
        let error = checker(&refuse).look(&odd, &[]).map(|n| n.flags).unwrap_err().to_string();
        assert_eq!(
            error,
            "endpoint `e` refuses these rows: row 1: `age` is outside of the range of the training data; \
             row 1: `weight` is outside of the range of the training data"
        );
        let review = Checks {
            range: Action::Off,
            novelty: Action::Off,
            category: Action::Review,
            ..Checks::default()
        };
        let flags = checker(&review).look(&odd, &[]).unwrap().flags;
        assert_eq!(flags, [vec![], vec!["category:ward", REVIEW]]);
        let ignore = Checks { ignore: COLUMNS.map(str::to_owned).into(), ..Checks::default() };
        assert!(checker(&ignore).look(&odd, &[]).unwrap().flags.is_empty());
    }

    #[test]
    fn columns_that_the_model_does_not_know_count_only_where_they_are_asked_for() {
        let usual = frame(&[(40.0, 50.0, Some("a"), None)]);
        let mut sent = usual.clone();
        sent.columns.push(Column { name: "id".into(), values: Values::Integer(vec![Some(1)]) });
        assert!(checker(&Checks::default()).unknown(&sent).is_empty());
        let checker = checker(&Checks { extra: Action::Flag, ..Checks::default() });
        let unknown = checker.unknown(&sent);
        assert_eq!(checker.look(&usual, &unknown).unwrap().flags, [["extra:id"]]);
    }

    #[test]
    fn without_training_data_what_needs_none_is_checked() {
        let checker = Checker::new("e", &Checks::default(), COLUMNS.map(str::to_owned).into(), None);
        let rows = [(9e9, f64::INFINITY, Some("z"), Some("ann@example.org")), (1.0, 1.0, None, None)];
        let flags = checker.look(&frame(&rows), &[]).unwrap().flags;
        assert_eq!(flags, [vec!["schema:weight", "personal:note"], vec![]]);
    }

    #[test]
    fn what_32_bits_make_of_the_highest_value_is_in_range() {
        let table = Table::new(vec![("x".into(), column::floats((0..200).map(|_| Some(0.1))))]).unwrap();
        let profile = RowProfile::of(&table, &["x".to_owned()]).unwrap();
        let checker = Checker::new("e", &Checks::default(), vec!["x".into()], Some(&profile));
        let column = Column { name: "x".into(), values: Values::Float(vec![f64::from(0.1_f32), 0.11]) };
        let flags = checker.look(&Frame::new(vec![column]).unwrap(), &[]).unwrap().flags;
        assert_eq!(flags, [vec![], vec!["range:x"]]);
    }
}
