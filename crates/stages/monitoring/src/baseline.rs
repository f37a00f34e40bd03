use std::collections::BTreeMap;

use columns::{Bins, Histogram, Table};
use types::DataType;

use crate::{Error, attribution};

/// Equal-width bins that people see.
const SHOWN_BINS: usize = 20;

/// What the columns of the training rows look like, ready to be compared with windows.
#[derive(Clone, Debug)]
pub struct Baseline {
    pub(crate) columns: BTreeMap<String, Column>,
    pub(crate) rows: usize,
    /// Some of the rows themselves, evenly taken.
    pub(crate) sample: Table,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Finite values, ascending; empty for text.
    pub numbers: Vec<f64>,
    pub is_numeric: bool,
    /// Bins that are scored, and the baseline's counts in them.
    pub bins: Bins,
    pub counts: Vec<u64>,
    /// Rows without a (finite) value.
    pub missing: u64,
    /// Bins that are shown.
    pub shown: Bins,
    pub shown_counts: Histogram,
}

/// A column's values without the missing ones, and how many those are.
pub(crate) enum Sample {
    Numbers(Vec<f64>, u64),
    Texts(Vec<String>, u64),
}

impl Sample {
    pub fn of(table: &Table, name: &str) -> Result<Self, Error> {
        let data_type = table.field(name)?.data_type;
        if data_type.is_numeric() || data_type == DataType::Boolean {
            let all = table.numbers(name)?;
            let finite: Vec<f64> = all.iter().copied().flatten().filter(|v| v.is_finite()).collect();
            let missing = (all.len() - finite.len()) as u64;
            return Ok(Self::Numbers(finite, missing));
        }
        let all = table.texts(name)?;
        let rows = all.len();
        let present: Vec<String> = all.into_iter().flatten().collect();
        let missing = (rows - present.len()) as u64;
        Ok(Self::Texts(present, missing))
    }
}

impl Baseline {
    /// Profiles every column. `bins` is the number of quantile bins of a numeric one.
    pub fn of(table: &Table, bins: usize) -> Result<Self, Error> {
        let mut columns = BTreeMap::new();
        for name in table.schema().names() {
            let column = match Sample::of(table, name)? {
                Sample::Numbers(mut numbers, missing) => {
                    numbers.sort_by(f64::total_cmp);
                    let bins = Bins::of_numbers(&numbers, bins.max(2));
                    let shown = match &bins {
                        Bins::Intervals { .. } => Bins::equal_width(&numbers, SHOWN_BINS),
                        by_value => by_value.clone(),
                    };
                    Column {
                        counts: bins.count_numbers(&numbers),
                        shown_counts: shown.histogram(&numbers),
                        is_numeric: true,
                        numbers,
                        bins,
                        missing,
                        shown,
                    }
                }
                Sample::Texts(texts, missing) => {
                    let bins = Bins::of_texts(texts.iter().map(String::as_str));
                    let counts = bins.count_texts(texts.iter().map(String::as_str));
                    Column {
                        shown_counts: bins.with_counts(counts.clone()),
                        shown: bins.clone(),
                        is_numeric: false,
                        numbers: Vec::new(),
                        bins,
                        counts,
                        missing,
                    }
                }
            };
            columns.insert(name.to_owned(), column);
        }
        let sample = attribution::spread(table, attribution::ROWS)?;
        Ok(Self { columns, rows: table.rows(), sample })
    }
}
