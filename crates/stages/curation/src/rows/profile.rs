use std::collections::BTreeMap;

use columns::Table;
use serde::{Deserialize, Serialize};
use types::DataType;

use super::Novelty;
use crate::Error;
use crate::pii::PersonalData;

/// A column of texts with more different ones than this holds no categories.
const MOST_TEXTS: usize = 200;

/// What the rows of a table look like one by one, small enough to travel with a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RowProfile {
    pub rows: u64,
    pub columns: Vec<ProfiledColumn>,
    /// `None` where the table is too small, or has nothing to measure distances by.
    pub novelty: Option<Novelty>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfiledColumn {
    pub name: String,
    /// The share of rows without a (finite) value.
    pub missing: f64,
    #[serde(flatten)]
    pub seen: Seen,
}

/// Which values there were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Seen {
    /// Booleans are 0 and 1.
    Numbers { low: f64, high: f64 },
    /// In ascending order.
    Categories { texts: Vec<String> },
    /// Texts of too many kinds. `personal`: some of them held data about persons.
    Texts { personal: bool },
    /// Nothing that could be told.
    Unknown,
}

impl RowProfile {
    /// Of the columns `names` that the table has; others, such as the label, are left out.
    ///
    /// Errors: `Columns`, `Stopped`.
    pub fn of(table: &Table, names: &[String]) -> Result<Self, Error> {
        let names: Vec<String> = names.iter().filter(|n| table.field(n).is_ok()).cloned().collect();
        let personal = PersonalData::new()?;
        let mut columns = Vec::with_capacity(names.len());
        for name in &names {
            columns.push(profiled(table, name, &personal)?);
        }
        let novelty = Novelty::of(table, &names, MOST_TEXTS)?;
        Ok(Self { rows: table.rows() as u64, columns, novelty })
    }
}

fn profiled(table: &Table, name: &str, personal: &PersonalData) -> Result<ProfiledColumn, Error> {
    let rows = table.rows();
    let data_type = table.field(name)?.data_type;
    let (present, seen) = if data_type.is_numeric() || data_type == DataType::Boolean {
        let finite: Vec<f64> = table.numbers(name)?.into_iter().flatten().filter(|v| v.is_finite()).collect();
        let low = finite.iter().copied().fold(f64::INFINITY, f64::min);
        let high = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let seen = if finite.is_empty() { Seen::Unknown } else { Seen::Numbers { low, high } };
        (finite.len(), seen)
    } else if data_type == DataType::String {
        let texts = table.texts(name)?;
        let present = texts.iter().flatten().count();
        let seen = match category_counts(&texts, MOST_TEXTS) {
            _ if present == 0 => Seen::Unknown,
            Some(counts) => Seen::Categories { texts: counts.into_keys().collect() },
            None => Seen::Texts { personal: texts.iter().flatten().any(|t| personal.find(t).is_some()) },
        };
        (present, seen)
    } else {
        let present = table.texts(name)?.iter().flatten().count();
        (present, Seen::Unknown)
    };
    let missing = if rows == 0 { 0.0 } else { (rows - present) as f64 / rows as f64 };
    Ok(ProfiledColumn { name: name.to_owned(), missing, seen })
}

/// How often each text is there; `None` if there are more than `most` kinds.
pub(super) fn category_counts(texts: &[Option<String>], most: usize) -> Option<BTreeMap<String, u64>> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for text in texts.iter().flatten() {
        if let Some(count) = counts.get_mut(text) {
            *count += 1;
        } else if counts.len() == most {
            return None;
        } else {
            counts.insert(text.clone(), 1);
        }
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use columns::column;
    use statistics::Random;

    use super::*;

    /// Two numbers that go together, and a text; `n` rows from `seed`.
    fn table(n: usize, seed: u64) -> Table {
        let mut random = Random::new(seed);
        let (mut x, mut y, mut kind) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..n {
            let a = random.normal();
            x.push(Some(50.0 + 10.0 * a));
            y.push(Some(a.exp() + 0.05 * random.normal()));
            kind.push(Some(if i % 10 == 0 { "rare" } else { "usual" }));
        }
        let label = (0..n).map(|i| Some(i as i64));
        Table::new(vec![
            ("x".into(), column::floats(x)),
            ("y".into(), column::floats(y)),
            ("kind".into(), column::strings(kind)),
            ("label".into(), column::integers(label)),
        ])
        .unwrap()
    }

    fn names() -> Vec<String> {
        ["x", "y", "kind", "absent"].map(str::to_owned).to_vec()
    }

    fn distance(novelty: &Novelty, x: f64, y: f64, kind: &str) -> f64 {
        let row: Vec<f64> = novelty
            .columns
            .iter()
            .map(|c| match c.name.as_str() {
                "x" => c.number(x).unwrap(),
                "y" => c.number(y).unwrap(),
                _ => c.text(kind).unwrap(),
            })
            .collect();
        novelty.squared_distance(&row, &mut Vec::new())
    }

    #[test]
    fn only_the_asked_columns_are_profiled_and_the_profile_survives_a_journey() {
        let profile = RowProfile::of(&table(2_000, 1), &names()).unwrap();
        let found: Vec<&str> = profile.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(found, ["x", "y", "kind"]);
        let texts = Seen::Categories { texts: vec!["rare".into(), "usual".into()] };
        assert_eq!(profile.columns[2].seen, texts);
        let text = serde_json::to_string(&profile).unwrap();
        let back: RowProfile = serde_json::from_str(&text).unwrap();
        let (a, b) = (profile.novelty.unwrap(), back.novelty.unwrap());
        assert!((distance(&a, 80.0, 1.0, "rare") - distance(&b, 80.0, 1.0, "rare")).abs() < 1e-9);
    }

    #[test]
    fn novelty_holds_its_rate_on_new_rows_and_sees_what_no_single_column_shows() {
        let profile = RowProfile::of(&table(8_000, 1), &names()).unwrap();
        let novelty = profile.novelty.unwrap();
        let novel = novelty.at(0.01);
        assert!((novel.rate - 0.01).abs() < 1e-3, "{novel:?}");
        let fresh = table(8_000, 2);
        let (x, y) = (fresh.numbers("x").unwrap(), fresh.numbers("y").unwrap());
        let kinds = fresh.texts("kind").unwrap();
        let far = (0..8_000)
            .filter(|&i| {
                let kind = kinds[i].as_deref().unwrap();
                distance(&novelty, x[i].unwrap(), y[i].unwrap(), kind) > novel.above
            })
            .count();
        // 80 are expected, with a deviation of 9 by chance and 13 by the threshold's own.
        assert!((30..150).contains(&far), "{far} of 8000");
        // Both values are common alone: x two deviations low, y as it is with x two deviations high.
        assert!(distance(&novelty, 30.0, 7.4, "usual") > novel.above);
        assert!(distance(&novelty, 70.0, 7.4, "usual") <= novel.above);
    }

    #[test]
    fn a_rate_that_so_few_rows_cannot_hold_becomes_the_least_that_they_can() {
        let profile = RowProfile::of(&table(200, 1), &names()).unwrap();
        let novelty = profile.novelty.unwrap();
        let novel = novelty.at(1e-6);
        assert_eq!(novelty.calibration_rows, 100);
        assert!((novel.rate - 1.0 / 101.0).abs() < 1e-12);
        assert!(RowProfile::of(&table(80, 1), &names()).unwrap().novelty.is_none());
    }

    #[test]
    fn odd_columns_leave_the_others_as_they_are() {
        let n = 300;
        let odd = Table::new(vec![
            ("null".into(), column::floats((0..n).map(|_| None))),
            ("same".into(), column::floats((0..n).map(|_| Some(3.0)))),
            (
                "inf".into(),
                column::floats((0..n).map(|i| Some(if i == 0 { f64::INFINITY } else { 1.0 / i as f64 }))),
            ),
            ("text".into(), column::strings((0..n).map(|i| Some(format!("mail{i}@example.org"))))),
        ])
        .unwrap();
        let names = ["null", "same", "inf", "text"].map(str::to_owned);
        let profile = RowProfile::of(&odd, &names).unwrap();
        assert_eq!(profile.columns[0].seen, Seen::Unknown);
        assert_eq!(profile.columns[1].seen, Seen::Numbers { low: 3.0, high: 3.0 });
        assert_eq!(profile.columns[3].seen, Seen::Texts { personal: true });
        let novelty = profile.novelty.unwrap();
        assert_eq!(novelty.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["inf"]);
    }
}
