//! What single clients do in a window: those who probe a model, or copy it, ask much, ask near its boundary, ask what no usual row is
//! like, and ask nearly the same again and again. None of it is proof; together it is reason to look.

use std::collections::BTreeMap;

use columns::Table;
use predictions::Rows;
use serde_json::{Value, json};
use types::DataType;

use crate::Error;
use crate::baseline::Baseline;
use crate::performance::score_column;
use crate::rules::{Bound, Clients};
use crate::signals::Measured;

const LEAST_ROWS: u64 = 50;
/// Clients that are looked at: those with most rows.
const MOST_CLIENTS: usize = 20;
/// Rows of one client between which distances are taken.
const MOST_ROWS: usize = 300;
const MOST_COLUMNS: usize = 64;
/// A probability as near as this to one half is at the boundary.
const BOUNDARY: f64 = 0.05;
/// The part of the baseline's rows that have a nearer neighbour than what counts as near.
const NEAR: f64 = 0.05;
/// The interquartile range of a normal distribution, in standard deviations.
const IQR: f64 = 1.348_979_500_392_163;

/// One client's figures.
#[derive(Clone, Debug, Default)]
struct Seen {
    rows: usize,
    rate: Option<f64>,
    novel: f64,
    boundary: Option<f64>,
    near: Option<f64>,
}

/// Each signal is that of the client where it is largest. Clients of fewer rows than the rule asks for, and rows whose client is not
/// known, are left out.
pub(crate) fn measure(
    rule: &Clients,
    output: Option<&str>,
    rows: &Rows,
    baseline: &Baseline,
) -> Result<Vec<Measured>, Error> {
    let mut of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (row, client) in rows.principals.iter().enumerate().filter(|(_, c)| !c.is_empty()) {
        of.entry(client).or_default().push(row);
    }
    let least = rule.min_rows.unwrap_or(LEAST_ROWS).max(2) as usize;
    let mut clients: Vec<(&str, Vec<usize>)> =
        of.into_iter().filter(|(_, rows)| rows.len() >= least).collect();
    clients.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
    clients.truncate(MOST_CLIENTS);
    let scores = match score_column(&rows.outputs, output) {
        Some(column) => Some(rows.outputs.numbers(&column)?),
        None => None,
    };
    let probabilities = scores.filter(|all| all.iter().flatten().all(|p| (0.0..=1.0).contains(p)));
    let space = if clients.is_empty() { None } else { Space::of(baseline, &rows.inputs)? };
    let mut seen: Vec<(&str, Seen)> = Vec::new();
    for (client, places) in clients {
        let at = places.iter().filter_map(|row| rows.at.get(*row));
        let (first, last) = (at.clone().min().map_or(0, |t| t.0), at.max().map_or(0, |t| t.0));
        let share = |count: usize| count as f64 / places.len() as f64;
        let novel = |row: &&usize| rows.flags.get(**row).is_some_and(|f| f.iter().any(|f| f == "novelty"));
        let at_boundary = |all: &Vec<Option<f64>>| {
            let near = |row: &&usize| all[**row].is_some_and(|p| (p - 0.5).abs() < BOUNDARY);
            share(places.iter().filter(near).count())
        };
        seen.push((
            client,
            Seen {
                rows: places.len(),
                rate: (last > first).then(|| places.len() as f64 / ((last - first) as f64 / 1e6)),
                novel: share(places.iter().filter(novel).count()),
                boundary: probabilities.as_ref().map(at_boundary),
                near: match &space {
                    Some(space) => space.near(&rows.inputs, &places)?,
                    None => None,
                },
            },
        ));
    }
    let detail: Vec<Value> = seen
        .iter()
        .map(|(client, s)| {
            json!({
                "client": client, "rows": s.rows, "rate": s.rate, "novel_share": s.novel,
                "boundary_share": s.boundary, "near_share": s.near,
            })
        })
        .collect();
    type Of = fn(&Seen) -> Option<f64>;
    let signals: [(&str, Bound, Of); 4] = [
        ("client_rate", Bound::above(rule.rate), |s| s.rate),
        ("client_novel_share", Bound::above(rule.novel_share), |s| Some(s.novel)),
        ("client_boundary_share", Bound::above(rule.boundary_share), |s| s.boundary),
        ("client_near_share", Bound::above(rule.near_share), |s| s.near),
    ];
    let mut measured = Vec::new();
    for (name, bound, of) in signals {
        let each = seen.iter().filter_map(|(client, s)| Some((client, of(s)?)));
        if let Some((client, value)) = each.max_by(|a, b| a.1.total_cmp(&b.1)) {
            let detail = Some(json!(detail));
            measured.push(Measured {
                name: name.into(),
                feature: Some((*client).to_owned()),
                value,
                bound,
                detail,
            });
        }
    }
    Ok(measured)
}

/// Where rows lie apart: numbers in robust deviations of the baseline, texts the same or one apart.
struct Space {
    /// Columns with the deviation of numbers; texts have none.
    columns: Vec<(String, Option<f64>)>,
    /// The baseline's rows.
    rows: Vec<Vec<Cell>>,
}

#[derive(Clone, PartialEq)]
enum Cell {
    Number(f64),
    Text(Option<String>),
}

impl Space {
    /// `None` if the baseline and the window share no column that varies.
    fn of(baseline: &Baseline, window: &Table) -> Result<Option<Self>, Error> {
        let mut columns = Vec::new();
        for (name, column) in &baseline.columns {
            let Ok(field) = window.field(name) else { continue };
            let numeric = field.data_type.is_numeric() || field.data_type == DataType::Boolean;
            if numeric != column.is_numeric || columns.len() == MOST_COLUMNS {
                continue;
            }
            if !numeric {
                columns.push((name.clone(), None));
            } else if let Some(spread) = deviation(&column.numbers) {
                columns.push((name.clone(), Some(spread)));
            }
        }
        if columns.is_empty() {
            return Ok(None);
        }
        let all: Vec<usize> = (0..baseline.sample.rows()).collect();
        let rows = cells(&columns, &baseline.sample, &all)?;
        Ok(Some(Self { columns, rows }))
    }

    /// The share of these rows, repeated ones left out, that are nearer to another one of them than 95 % of as many rows of the
    /// baseline are to each other. About 0.05 for a client who asks what the baseline is like. `None` for too few different rows.
    fn near(&self, window: &Table, places: &[usize]) -> Result<Option<f64>, Error> {
        let mut asked: Vec<Vec<Cell>> = Vec::new();
        for row in cells(&self.columns, window, &places[..places.len().min(MOST_ROWS)])? {
            if !asked.contains(&row) {
                asked.push(row);
            }
        }
        let count = asked.len().min(self.rows.len());
        if count < 20 {
            return Ok(None);
        }
        asked.truncate(count);
        let mut usual = nearest(&self.rows[..count]);
        usual.sort_by(f64::total_cmp);
        let near = usual[(count as f64 * NEAR) as usize];
        let found = nearest(&asked).into_iter().filter(|d| *d < near).count();
        Ok(Some(found as f64 / count as f64))
    }
}

/// Each row's distance to the nearest of the others, squared.
fn nearest(rows: &[Vec<Cell>]) -> Vec<f64> {
    let mut least = vec![f64::INFINITY; rows.len()];
    for a in 0..rows.len() {
        for b in a + 1..rows.len() {
            let apart = distance(&rows[a], &rows[b]);
            least[a] = least[a].min(apart);
            least[b] = least[b].min(apart);
        }
    }
    least
}

fn distance(a: &[Cell], b: &[Cell]) -> f64 {
    let each = a.iter().zip(b).map(|(a, b)| match (a, b) {
        (Cell::Number(a), Cell::Number(b)) => (a - b) * (a - b),
        (a, b) => f64::from(u8::from(a != b)),
    });
    each.sum()
}

/// A missing number lies at the middle of nothing in particular: 0.
fn cells(columns: &[(String, Option<f64>)], table: &Table, rows: &[usize]) -> Result<Vec<Vec<Cell>>, Error> {
    let table = table.take(rows)?;
    let mut out = vec![Vec::with_capacity(columns.len()); table.rows()];
    for (name, spread) in columns {
        match spread {
            Some(spread) => {
                for (row, value) in out.iter_mut().zip(table.numbers(name)?) {
                    let value = value.filter(|v| v.is_finite()).unwrap_or(0.0);
                    row.push(Cell::Number(value / spread));
                }
            }
            None => {
                for (row, text) in out.iter_mut().zip(table.texts(name)?) {
                    row.push(Cell::Text(text));
                }
            }
        }
    }
    Ok(out)
}

/// Robust, of ascending numbers; `None` where they do not vary.
fn deviation(sorted: &[f64]) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = |q: f64| sorted[(last as f64 * q).round() as usize];
    let robust = (at(0.75) - at(0.25)) / IQR;
    let found = if robust > 0.0 { robust } else { (at(1.0) - at(0.0)) / 2.0 };
    (found > 0.0).then_some(found)
}

#[cfg(test)]
mod tests {
    use columns::column;
    use types::{Timestamp, Uid};

    use super::*;
    use crate::rules::{Level, Limits};

    /// From 0 to 1, evenly strewn.
    fn noise(i: usize, seed: usize) -> f64 {
        let mut x = ((i * 64 + seed) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x ^= x >> 27;
        (x >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn inputs(points: &[(f64, f64)]) -> Table {
        Table::new(vec![
            ("x".into(), column::floats(points.iter().map(|p| Some(p.0)))),
            ("y".into(), column::floats(points.iter().map(|p| Some(p.1)))),
        ])
        .unwrap()
    }

    fn usual(count: usize, seed: usize) -> Vec<(f64, f64)> {
        (0..count).map(|i| (noise(i, seed), noise(i, seed + 1))).collect()
    }

    /// 200 rows of a usual client, and 200 of one who walks along the boundary in small steps, ten times as fast.
    fn window() -> Rows {
        let mut points = usual(200, 5);
        points.extend((0..200).map(|i| (0.5 + i as f64 * 1e-4, 0.5 + noise(i, 9) * 1e-4)));
        let outputs = column::floats(
            points
                .iter()
                .enumerate()
                .map(|(i, p)| Some(if i < 200 { f64::from(u8::from(p.0 > 0.5)) * 0.8 + 0.1 } else { 0.49 })),
        );
        let n = points.len();
        Rows {
            ordinals: (0..n as i64).collect(),
            ids: (0..n).map(|i| Uid::from_u128(i as u128)).collect(),
            at: (0..n as i64)
                .map(|i| Timestamp(if i < 200 { i * 1_000_000 } else { (i - 200) * 100_000 }))
                .collect(),
            revisions: vec![Uid::from_u128(1); n],
            variants: vec!["v".into(); n],
            model_versions: vec![Uid::from_u128(2); n],
            latency_us: vec![1; n],
            principals: (0..n).map(|i| if i < 200 { "user:shop" } else { "user:thief" }.to_owned()).collect(),
            flags: (0..n).map(|i| if i >= 300 { vec!["novelty".to_owned()] } else { Vec::new() }).collect(),
            params: vec![None; n],
            inputs: inputs(&points),
            outputs: Table::new(vec![("probability".into(), outputs)]).unwrap(),
            segments: Vec::new(),
        }
    }

    #[test]
    fn a_client_who_probes_stands_out_from_one_who_uses_the_model() {
        let baseline = Baseline::of(&inputs(&usual(500, 1)), 10).unwrap();
        let limits = |warn| Some(Limits { warn: Some(warn), ..Limits::default() });
        let rule = Clients {
            rate: limits(5.0),
            novel_share: limits(0.1),
            boundary_share: limits(0.5),
            near_share: limits(0.5),
            ..Clients::default()
        };
        let found = measure(&rule, None, &window(), &baseline).unwrap();
        assert_eq!(found.len(), 4);
        for signal in &found {
            assert_eq!(signal.feature.as_deref(), Some("user:thief"), "{signal:?}");
            assert_eq!(signal.bound.level(signal.value, Level::Ok), Level::Warn, "{signal:?}");
        }
        let shop = &found[3].detail.as_ref().unwrap()[0];
        assert_eq!(shop["client"], "user:shop");
        assert!(shop["near_share"].as_f64().unwrap() < 0.2, "{shop}");
        assert_eq!((&shop["novel_share"], &shop["boundary_share"]), (&json!(0.0), &json!(0.0)));
    }

    #[test]
    fn repeated_questions_are_no_probing_and_few_rows_say_nothing() {
        let baseline = Baseline::of(&inputs(&usual(500, 1)), 10).unwrap();
        let mut same = window();
        same.inputs = inputs(&vec![(0.3, 0.3); 400]);
        let found = measure(&Clients::default(), None, &same, &baseline).unwrap();
        assert!(found.iter().all(|m| m.name != "client_near_share"), "{found:?}");
        let strict = Clients { min_rows: Some(500), ..Clients::default() };
        assert!(measure(&strict, None, &window(), &baseline).unwrap().is_empty());
        let mut older = window();
        older.principals = vec![String::new(); 400];
        assert!(measure(&Clients::default(), None, &older, &baseline).unwrap().is_empty());
    }
}
