//! What is odd about a data set as a whole: rows that come twice, columns without values, columns that are one.

use std::collections::HashSet;
use std::collections::hash_map::{DefaultHasher, HashMap};
use std::hash::{Hash as _, Hasher as _};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType as ArrowType, Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::Serialize;

use crate::Error;
use crate::drift::{Frame, Series, parallel};

/// A value, or an equal one in another column, in at least this share of the rows makes a column almost constant, or almost
/// the other one (Evidently's thresholds).
const ALMOST: f64 = 0.95;
/// Cells up to which pairs of columns are compared row by row.
const MOST_CELLS: u64 = 50_000_000;
/// Pairs of columns that are named at most: of thousands of columns without values any two are equal.
const MOST_PAIRS: usize = 10_000;

/// Counts as Evidently's `DatasetStats` has them. Nulls and NaN are missing values; two rows are equal where all of their
/// values are, missing ones too.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Facts {
    pub rows: u64,
    pub columns: u64,
    pub missing_values: u64,
    /// Of all cells.
    pub missing_share: f64,
    pub empty_rows: u64,
    pub empty_columns: Vec<String>,
    /// At most one different value.
    pub constant_columns: Vec<String>,
    /// One value in at least 95 % of the rows.
    pub almost_constant_columns: Vec<String>,
    /// Rows that are equal to an earlier one.
    pub duplicated_rows: u64,
    /// Pairs of equal columns, the first 10,000.
    pub duplicated_columns: Vec<(String, String)>,
    /// Pairs of columns that are equal in at least 95 % of the rows, missing values counted as different. `None` where
    /// there is too much to compare.
    pub almost_duplicated_columns: Option<Vec<(String, String)>>,
}

struct Column {
    name: String,
    kind: String,
    /// A hash a row; `None` for a missing value.
    hashes: Vec<Option<u64>>,
    /// Of all rows in order.
    digest: u64,
    missing: u64,
    distinct: usize,
    most: u64,
}

impl Facts {
    /// Reads every column once. Values are compared by hashes of 64 bits. Errors: what is wrong with the file.
    pub fn of(frame: &Frame) -> Result<Self, Error> {
        let names = frame.columns();
        let found = parallel(&names, |name| frame.series(name).map(|series| column(name, &series)));
        let columns = found.into_iter().collect::<Result<Vec<_>, _>>()?;
        let rows = columns.first().map_or(0, |c| c.hashes.len());
        let mut facts = Self { rows: rows as u64, columns: columns.len() as u64, ..Self::default() };
        facts.missing_values = columns.iter().map(|c| c.missing).sum();
        let cells = rows as u64 * columns.len() as u64;
        facts.missing_share = if cells == 0 { 0.0 } else { facts.missing_values as f64 / cells as f64 };
        let named = |of: &dyn Fn(&Column) -> bool| -> Vec<String> {
            columns.iter().filter(|c| of(c)).map(|c| c.name.clone()).collect()
        };
        facts.empty_columns = named(&|c| c.missing == rows as u64 && rows > 0);
        facts.constant_columns = named(&|c| c.distinct <= 1);
        facts.almost_constant_columns = named(&|c| rows > 0 && c.most as f64 / rows as f64 >= ALMOST);
        let mut seen = HashSet::with_capacity(rows);
        for row in 0..rows {
            let mut hasher = DefaultHasher::new();
            let mut empty = true;
            for column in &columns {
                column.hashes[row].hash(&mut hasher);
                empty &= column.hashes[row].is_none();
            }
            facts.empty_rows += u64::from(empty && !columns.is_empty());
            facts.duplicated_rows += u64::from(!seen.insert(hasher.finish()));
        }
        let pairs =
            || columns.iter().enumerate().flat_map(|(i, a)| columns[i + 1..].iter().map(move |b| (a, b)));
        let same = |(a, b): &(&Column, &Column)| a.kind == b.kind;
        let names = |(a, b): (&Column, &Column)| (a.name.clone(), b.name.clone());
        facts.duplicated_columns =
            pairs().filter(same).filter(|(a, b)| a.digest == b.digest).map(names).take(MOST_PAIRS).collect();
        if cells * columns.len() as u64 <= MOST_CELLS {
            let close = |(a, b): &(&Column, &Column)| {
                let equal = a.hashes.iter().zip(&b.hashes).filter(|(x, y)| x.is_some() && x == y).count();
                equal as f64 / rows.max(1) as f64 >= ALMOST
            };
            facts.almost_duplicated_columns =
                Some(pairs().filter(same).filter(close).map(names).take(MOST_PAIRS).collect());
        }
        Ok(facts)
    }
}

fn column(name: &str, series: &Series) -> Column {
    let hashes = hashes(series);
    let mut counts: HashMap<u64, u64> = HashMap::new();
    for hash in hashes.iter().flatten() {
        *counts.entry(*hash).or_default() += 1;
    }
    let mut hasher = DefaultHasher::new();
    hashes.hash(&mut hasher);
    Column {
        name: name.to_owned(),
        kind: series.data_type().to_string(),
        missing: hashes.iter().filter(|h| h.is_none()).count() as u64,
        distinct: counts.len(),
        most: counts.values().max().copied().unwrap_or(0),
        digest: hasher.finish(),
        hashes,
    }
}

fn hash(value: impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn hashes(series: &Series) -> Vec<Option<u64>> {
    let mut found = Vec::new();
    for chunk in series.chunks() {
        let cast = |to: &ArrowType| arrow::compute::cast(chunk, to).ok();
        match chunk.data_type() {
            t if t.is_floating() => {
                let Some(values) = cast(&ArrowType::Float64) else { continue };
                let one = |v: Option<f64>| v.filter(|v| !v.is_nan()).map(|v| hash((v + 0.0).to_bits()));
                found.extend(values.as_primitive::<Float64Type>().iter().map(one));
            }
            t if t.is_integer() || *t == ArrowType::Boolean => {
                let Some(values) = cast(&ArrowType::Int64) else { continue };
                found.extend(values.as_primitive::<Int64Type>().iter().map(|v| v.map(hash)));
            }
            t if t.is_string() => {
                let Some(values) = cast(&ArrowType::LargeUtf8) else { continue };
                found.extend(values.as_string::<i64>().iter().map(|v| v.map(hash)));
            }
            ArrowType::Null => found.resize(found.len() + chunk.len(), None),
            _ => {
                let Ok(shown) = ArrayFormatter::try_new(chunk.as_ref(), &FormatOptions::default()) else {
                    continue;
                };
                let one = |row: usize| chunk.is_valid(row).then(|| hash(shown.value(row).to_string()));
                found.extend((0..chunk.len()).map(one));
            }
        }
    }
    found
}
