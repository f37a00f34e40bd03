//! Rules about every value of one column.

use std::collections::{HashMap, HashSet};

use columns::QuickHash;
use serde_json::Value;

use super::codes::Codes;
use super::domain::Domain;
use super::numbers::Moments;
use super::test::Judge;
use super::{Evaluator, Finding, Found, Rows, Shape, enough};
use crate::frame::{Cell, Dtype, Key, names};
use crate::suite::{Outliers, Test};
use crate::texts::dates;

/// A set of values that a suite names, to ask about many values.
pub(super) struct Lookup<'a>(HashSet<Key<'a>, QuickHash>);

impl<'a> Lookup<'a> {
    /// `sample` is any value of the column: beside times and days, texts are meant as these.
    pub fn new(set: &'a [Value], sample: Option<Cell<'_>>) -> Self {
        let key = |value: &'a Value| match (value, sample) {
            (Value::String(text), Some(Cell::Time(_))) => dates::nanos(text).map(Key::Time),
            (Value::String(text), Some(Cell::Day(_))) => dates::days(text).map(Key::Day),
            (Value::String(text), _) => Some(Key::Text(text)),
            (Value::Bool(v), _) => Some(Cell::Bool(*v).key()),
            (Value::Number(n), _) => {
                n.as_i64().map(Cell::Int).or_else(|| n.as_f64().map(Cell::Float)).map(Cell::key)
            }
            _ => None,
        };
        Self(set.iter().filter_map(key).collect())
    }

    pub fn contains(&self, cell: Cell<'_>) -> bool {
        self.0.contains(&cell.key())
    }
}

impl Evaluator<'_> {
    pub(super) fn values(
        &self,
        column: usize,
        test: &Test,
        domain: &Domain<'_>,
        mostly: f64,
    ) -> Result<Finding, String> {
        let all = domain.len();
        if matches!(test, Test::Null | Test::NotNull) {
            let unexpected = domain.where_null(column, *test == Test::NotNull);
            let success = enough(all, unexpected.len(), mostly);
            return Ok(rows(success, all, None, unexpected, column));
        }
        if let Test::OfType { types, list } = test
            && let Some(finding) = self.whole_type(column, types, *list)
        {
            return Ok(finding);
        }
        let unexpected = self.unexpected(column, test, domain)?;
        let present = domain.filled(column);
        let success = enough(present, unexpected.len(), mostly);
        Ok(rows(success, all, Some(present), unexpected, column))
    }

    /// Rows whose value is not as expected, and how many were asked about. A test that cannot be made on the column
    /// fails for every value.
    pub(crate) fn breaking(&self, column: usize, test: &Test) -> (usize, Vec<u32>) {
        let domain = self.domains.all();
        if *test == Test::NotNull {
            return (domain.len(), domain.where_null(column, true));
        }
        let found = self.unexpected(column, test, &domain);
        let all = || domain.present(column).map(|(row, _)| row).collect();
        (domain.filled(column), found.unwrap_or_else(|_| all()))
    }

    /// Errors: the test cannot be made on the column.
    fn unexpected(&self, column: usize, test: &Test, domain: &Domain<'_>) -> Result<Vec<u32>, String> {
        Ok(match test {
            Test::Unique => self.repeated(column, domain),
            Test::NotRepeated => {
                let mut seen: HashSet<Key<'_>, QuickHash> =
                    HashSet::with_capacity_and_hasher(domain.len(), QuickHash::default());
                domain
                    .present(column)
                    .filter(|(_, cell)| !seen.insert(cell.key()))
                    .map(|(row, _)| row)
                    .collect()
            }
            Test::Increasing { strictly } => self.out_of_order(column, domain, *strictly, true)?,
            Test::Decreasing { strictly } => self.out_of_order(column, domain, *strictly, false)?,
            Test::ZScore { threshold, double_sided } => {
                self.far_from_mean(column, domain, *threshold, *double_sided)?
            }
            Test::NotOutlier(method) => self.outliers(column, domain, method)?,
            test => {
                let mut judge = Judge::new(test, self.frame.at(column), domain, column)?;
                if let Some(outside) = judge.outside(column, domain) {
                    return Ok(outside);
                }
                if let Some(judged) =
                    domain.codes(column, |codes| codes.map(|c| by_text(c, &mut judge, domain)))
                {
                    return judged;
                }
                let mut unexpected = Vec::new();
                for (row, cell) in domain.present(column) {
                    if !judge.holds(cell)? {
                        unexpected.push(row);
                    }
                }
                unexpected
            }
        })
    }

    /// A rule about types is about the column where its values have one type.
    fn whole_type(&self, column: usize, types: &[String], list: bool) -> Option<Finding> {
        let dtype = &self.frame.at(column).dtype;
        let plain = |t: &String| matches!(t.as_str(), "object" | "object_" | "O");
        if dtype.is_object() && (list || !types.iter().all(plain)) {
            return None;
        }
        // Lists are compared with the type itself, which is none of NumPy's where pandas has its own.
        let own = matches!(dtype, Dtype::Extension(_) | Dtype::Zoned(_));
        let success = !(list && own) && types.iter().any(|t| names::is_column_type(dtype, t));
        Some(Finding::observed(success, dtype.scalar().into()))
    }

    /// Every row of a value that appears more than once.
    fn repeated(&self, column: usize, domain: &Domain<'_>) -> Vec<u32> {
        let mut seen: HashMap<Key<'_>, (u32, bool), QuickHash> =
            HashMap::with_capacity_and_hasher(domain.len(), QuickHash::default());
        let mut out = Vec::new();
        for (row, cell) in domain.present(column) {
            match seen.entry(cell.key()) {
                std::collections::hash_map::Entry::Vacant(slot) => {
                    slot.insert((row, false));
                }
                std::collections::hash_map::Entry::Occupied(mut slot) => {
                    let (first, told) = slot.get_mut();
                    if !*told {
                        out.push(*first);
                        *told = true;
                    }
                    out.push(row);
                }
            }
        }
        out.sort_unstable();
        out
    }

    fn out_of_order(
        &self,
        column: usize,
        domain: &Domain<'_>,
        strictly: bool,
        rising: bool,
    ) -> Result<Vec<u32>, String> {
        let truths = self.frame.at(column).dtype.is_bool();
        let mut before: Option<Cell<'_>> = None;
        let mut out = Vec::new();
        for (row, cell) in domain.present(column) {
            if let Some(known) = before {
                let step = match (known, cell) {
                    // The difference of truth values is whether they differ, in a column of them.
                    (Cell::Bool(a), Cell::Bool(b)) if truths => f64::from(u8::from(a != b)),
                    (Cell::Int(a), Cell::Int(b)) => (i128::from(b) - i128::from(a)) as f64,
                    (Cell::Time(a), Cell::Time(b)) => (i128::from(b) - i128::from(a)) as f64,
                    (Cell::Day(a), Cell::Day(b)) => f64::from(b) - f64::from(a),
                    (a, b) => match (a.number(), b.number()) {
                        (Some(a), Some(b)) => b - a,
                        _ => {
                            return Err("texts have no difference, so that they neither rise nor fall".into());
                        }
                    },
                };
                let step = if rising { step } else { -step };
                let fine = step.is_nan() || if strictly { step > 0.0 } else { step >= 0.0 };
                if !fine {
                    out.push(row);
                }
            }
            before = Some(cell);
        }
        Ok(out)
    }

    fn far_from_mean(
        &self,
        column: usize,
        domain: &Domain<'_>,
        threshold: f64,
        double_sided: bool,
    ) -> Result<Vec<u32>, String> {
        let values = domain.numbers(column, true)?;
        let Some((mean, stdev)) = spread(&values).filter(|(_, s)| *s != 0.0) else { return Ok(Vec::new()) };
        let far = |v: f64| {
            let z = (v - mean) / stdev;
            let near = if double_sided { z.abs() < threshold.abs() } else { z < threshold };
            !near && !z.is_nan()
        };
        Ok(rows_where(domain, column, &values, far))
    }

    fn outliers(&self, column: usize, domain: &Domain<'_>, method: &Outliers) -> Result<Vec<u32>, String> {
        let dtype = &self.frame.at(column).dtype;
        if dtype.is_time() && domain.filled(column) > 0 {
            return Err("points in time are no numbers".into());
        }
        if let Outliers::Unknown(name) = method {
            return Err(format!("method '{name}' has not been implemented"));
        }
        let values = domain.numbers(column, true)?;
        let keep: Box<dyn Fn(f64) -> bool> = match method {
            Outliers::Iqr(multiplier) => {
                if dtype.is_bool() {
                    return Err("truth values have no quartiles".into());
                }
                let (low, high) =
                    domain.sorted(column, |s| (super::linear(s, 0.25), super::linear(s, 0.75)))?;
                let fence = multiplier * (high - low);
                if !low.is_finite() || !high.is_finite() {
                    return Ok(Vec::new());
                }
                Box::new(move |v| v >= low - fence && v <= high + fence)
            }
            Outliers::Std(multiplier) => match spread(&values) {
                Some((mean, stdev)) if mean.is_finite() && stdev.is_finite() => {
                    let fence = multiplier * stdev;
                    Box::new(move |v| if fence <= 0.0 { v == mean } else { (v - mean).abs() < fence })
                }
                _ => return Ok(Vec::new()),
            },
            Outliers::Unknown(_) => return Ok(Vec::new()),
        };
        Ok(rows_where(domain, column, &values, |v| !keep(v)))
    }
}

/// Rows of the domain whose value is not as expected, each text judged once. Errors: the test cannot be made on one.
fn by_text(codes: &Codes<'_>, judge: &mut Judge<'_>, domain: &Domain<'_>) -> Result<Vec<u32>, String> {
    // In order of first appearance, so that the first text that cannot be judged is the one that is told.
    let holds = codes.texts.iter().map(|t| judge.holds(Cell::Text(t))).collect::<Result<Vec<_>, _>>()?;
    if holds.iter().all(|holds| *holds) {
        return Ok(Vec::new());
    }
    let rows = domain.rows().zip(codes.places());
    Ok(rows.filter(|(_, place)| place.is_some_and(|p| !holds[p])).map(|(row, _)| row).collect())
}

/// Rows of the values (of all that the column has, in order) for which `is` is true.
fn rows_where(domain: &Domain<'_>, column: usize, values: &[f64], is: impl Fn(f64) -> bool) -> Vec<u32> {
    let cells = domain.frame.at(column);
    let present = domain.rows().filter(|row| !cells.is_null(*row as usize));
    present.zip(values).filter(|(_, v)| is(**v)).map(|(row, _)| row).collect()
}

/// Mean and standard deviation (n − 1); `None` for fewer than two values.
fn spread(values: &[f64]) -> Option<(f64, f64)> {
    let moments = Moments::of(values, None);
    moments.stdev(values).filter(|s| !s.is_nan()).map(|stdev| (moments.mean, stdev))
}

fn rows(success: bool, all: usize, present: Option<usize>, unexpected: Vec<u32>, column: usize) -> Finding {
    let rows = Rows {
        element_count: all,
        present,
        unexpected,
        columns: vec![column],
        shape: Shape::Value,
        kept: Vec::new(),
    };
    Finding { success, raised: None, found: Found::Rows(rows) }
}
