//! Rows to compare runtimes on: the example's, and made-up ones around it.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use runtimes::{Column, ColumnSpec, ColumnType, Frame, Values};

/// Rows of each made-up batch.
const ROWS: usize = 256;

/// One comparison, and whether a runtime may refuse it.
pub struct Rows {
    pub name: &'static str,
    pub frame: Frame,
}

/// The example, rows near it and far from it, rows with missing values, rows with texts that nobody has seen. The same for the
/// same `seed`.
pub fn batches(columns: &[ColumnSpec], example: Option<&Frame>, seed: u64) -> Vec<Rows> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut batches = Vec::new();
    if let Some(example) = example.filter(|frame| frame.rows > 0) {
        batches.push(Rows { name: "example", frame: example.clone() });
    }
    let texts = columns.iter().any(|c| c.column_type == ColumnType::String);
    for (name, missing, unseen) in [("random", 0.0, false), ("missing", 0.2, false), ("unseen", 0.0, true)] {
        if unseen && !texts {
            continue;
        }
        let frame = columns
            .iter()
            .map(|spec| {
                let known = example.and_then(|frame| frame.column(&spec.name)).map(|column| &column.values);
                let values = column(spec.column_type, known, missing, unseen, &mut random);
                Column { name: spec.name.as_str().into(), values }
            })
            .collect();
        batches.push(Rows { name, frame: Frame { columns: frame, rows: ROWS } });
    }
    batches
}

fn column(
    kind: ColumnType,
    known: Option<&Values>,
    missing: f64,
    unseen: bool,
    random: &mut StdRng,
) -> Values {
    let number = |row: usize| known.and_then(|values| values.number(row % values.len().max(1)));
    let is_missing: Vec<bool> = (0..ROWS).map(|_| random.random_bool(missing)).collect();
    match kind {
        ColumnType::Float | ColumnType::Double => {
            let value = |row: usize, random: &mut StdRng| {
                let near = number(random.random_range(0..1 << 20)).filter(|x| x.is_finite()).unwrap_or(0.0);
                let value = match random.random_range(0..20) {
                    0..8 => near * (1.0 + 0.2 * normal(random)),
                    8..14 => near + normal(random),
                    14..16 => near,
                    16 => 0.0,
                    17 => normal(random) * 1e3,
                    18 => f64::from(random.random_range(-3_i32..4)),
                    _ => normal(random) * 1e-3,
                };
                if is_missing[row] {
                    f64::NAN
                } else if kind == ColumnType::Float {
                    f64::from(value as f32)
                } else {
                    value
                }
            };
            Values::Float((0..ROWS).map(|row| value(row, random)).collect())
        }
        ColumnType::Integer | ColumnType::Long => {
            let value = |random: &mut StdRng| {
                let near =
                    number(random.random_range(0..1 << 20)).filter(|x| x.is_finite()).unwrap_or(0.0) as i64;
                match random.random_range(0..10) {
                    0..5 => near.saturating_add(random.random_range(-5..6)),
                    5..8 => near,
                    8 => 0,
                    _ => random.random_range(-1000..1001),
                }
            };
            Values::Integer((0..ROWS).map(|_| Some(value(random))).collect())
        }
        ColumnType::Boolean => Values::Boolean((0..ROWS).map(|_| Some(random.random_bool(0.5))).collect()),
        ColumnType::String => {
            let seen: Vec<&String> = match known {
                Some(Values::Text(texts)) => texts.iter().flatten().collect(),
                _ => Vec::new(),
            };
            let value = |row: usize, random: &mut StdRng| {
                if is_missing[row] {
                    return None;
                }
                if unseen && random.random_bool(0.3) || seen.is_empty() {
                    return Some(format!("never seen {}", random.random_range(0..5)));
                }
                Some(seen[random.random_range(0..seen.len())].clone())
            };
            Values::Text((0..ROWS).map(|row| value(row, random)).collect())
        }
        ColumnType::Datetime => {
            let day = |random: &mut StdRng| {
                format!(
                    "20{:02}-{:02}-{:02}T00:00:00",
                    random.random_range(0..40),
                    random.random_range(1..13),
                    random.random_range(1..29)
                )
            };
            Values::Text((0..ROWS).map(|_| Some(day(random))).collect())
        }
        ColumnType::Binary => Values::Text((0..ROWS).map(|row| Some(format!("{row}"))).collect()),
    }
}

/// Standard normal (Box and Muller).
fn normal(random: &mut StdRng) -> f64 {
    let (u, v): (f64, f64) = (random.random_range(f64::MIN_POSITIVE..1.0), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
