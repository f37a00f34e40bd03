//! Results as Great Expectations writes them (1.24.1: `_format_map_output` and `ExpectationSuiteValidationResult`).

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::Error;
use crate::evaluate::{Finding, Found, LISTED, Rows, Shape, Validation};
use crate::frame::{Cell, Column, Dtype, Frame, Key, compare, numpy_time};
use crate::suite::{Expectation, Rule, Test};

/// The version whose results these are like.
pub const GX_VERSION: &str = "1.24.1";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    BooleanOnly,
    Basic,
    #[default]
    Summary,
    Complete,
}

/// How much results say.
#[derive(Clone, Debug)]
pub struct ResultFormat {
    pub level: Level,
    /// Unexpected values that a partial list holds.
    pub partial: usize,
    /// Columns that name a row; without them its place in the table does.
    pub index_columns: Vec<String>,
}

impl Default for ResultFormat {
    fn default() -> Self {
        Self { level: Level::default(), partial: 20, index_columns: Vec::new() }
    }
}

impl std::str::FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.to_ascii_uppercase().replace('-', "_").as_str() {
            "BOOLEAN_ONLY" => Self::BooleanOnly,
            "BASIC" => Self::Basic,
            "SUMMARY" => Self::Summary,
            "COMPLETE" => Self::Complete,
            _ => return Err(format!("`{text}` is none of BOOLEAN_ONLY, BASIC, SUMMARY, COMPLETE")),
        })
    }
}

impl Validation {
    /// The result of the whole suite. Errors: `Columns` where a column that should name rows is not there, or cannot be read.
    pub fn gx(&self, format: &ResultFormat) -> Result<Value, Error> {
        self.frame.must_have(&format.index_columns)?;
        let results: Vec<Value> = self
            .suite
            .expectations
            .iter()
            .zip(&self.findings)
            .map(|(e, f)| one(&self.frame, e, f, format))
            .collect();
        self.frame.sound()?;
        let all = results.len();
        let successful = self.findings.iter().filter(|f| f.success).count();
        let percent = if all == 0 { Value::Null } else { json!(successful as f64 / all as f64 * 100.0) };
        Ok(json!({
            "success": self.passed(),
            "results": results,
            "suite_name": self.suite.name,
            "suite_parameters": {},
            "statistics": {
                "evaluated_expectations": all,
                "successful_expectations": successful,
                "unsuccessful_expectations": all - successful,
                "success_percent": percent,
            },
            "meta": { "great_expectations_version": GX_VERSION, "validator": "mlwright" },
            "id": null,
        }))
    }
}

fn one(frame: &Frame, expectation: &Expectation, finding: &Finding, format: &ResultFormat) -> Value {
    let result = match &finding.found {
        _ if format.level == Level::BooleanOnly || finding.raised.is_some() => Map::new(),
        Found::Nothing => Map::new(),
        Found::Observed { value, more } => {
            let mut map = Map::new();
            map.insert("observed_value".into(), value.clone());
            map.extend(more.clone());
            map
        }
        Found::Rows(rows) => {
            let null = matches!(&expectation.rule, Ok(Rule::Values { test: Test::Null, .. }));
            rows_result(frame, rows, format, null)
        }
    };
    json!({
        "success": finding.success,
        "expectation_config": expectation.json(),
        "result": result,
        "meta": {},
        "exception_info": {
            "raised_exception": finding.raised.is_some(),
            "exception_traceback": null,
            "exception_message": finding.raised,
        },
    })
}

fn rows_result(frame: &Frame, rows: &Rows, format: &ResultFormat, about_null: bool) -> Map<String, Value> {
    let mut map = Map::new();
    let count = rows.unexpected.len();
    let percent = |part: usize, whole: usize| {
        if whole == 0 { Value::Null } else { json!(part as f64 / whole as f64 * 100.0) }
    };
    let of_all = percent(count, rows.element_count);
    let of_present = rows.present.map_or_else(|| of_all.clone(), |present| percent(count, present));
    let complete = format.level == Level::Complete;
    let limit = if complete { LISTED } else { format.partial.min(LISTED) };
    // Places among the rows that were kept.
    let listed: Vec<usize> = (0..count.min(limit)).collect();
    let values: Vec<Value> = listed.iter().map(|at| value(rows, *at)).collect();
    map.insert("element_count".into(), rows.element_count.into());
    map.insert("unexpected_count".into(), count.into());
    map.insert("unexpected_percent".into(), of_present.clone());
    let partial = |values: &[Value]| Value::Array(values.iter().take(format.partial).cloned().collect());
    map.insert("partial_unexpected_list".into(), partial(&values));
    if !format.index_columns.is_empty() && !about_null {
        map.insert("unexpected_index_column_names".into(), json!(format.index_columns));
    }
    if let Some(present) = rows.present {
        let missing = rows.element_count - present;
        map.insert("missing_count".into(), missing.into());
        map.insert("missing_percent".into(), percent(missing, rows.element_count));
        map.insert("unexpected_percent_total".into(), of_all);
        map.insert("unexpected_percent_nonmissing".into(), of_present);
    }
    if format.level < Level::Summary {
        return map;
    }
    if let Some(counts) = counts(rows, &listed, format.partial, frame.has_nan()) {
        map.insert("partial_unexpected_counts".into(), counts);
    }
    let index: Vec<Value> = rows
        .unexpected
        .iter()
        .take(if complete { usize::MAX } else { format.partial })
        .map(|row| index(frame, rows, *row, &format.index_columns))
        .collect();
    map.insert("partial_unexpected_index_list".into(), partial(&index));
    if !complete {
        return map;
    }
    map.insert("unexpected_list".into(), Value::Array(values));
    map.insert("unexpected_index_list".into(), Value::Array(index));
    let places: Vec<String> = rows.unexpected.iter().map(|row| frame.label(*row).to_string()).collect();
    map.insert(
        "unexpected_index_query".into(),
        format!("df.filter(items=[{}], axis=0)", places.join(", ")).into(),
    );
    map
}

fn value(rows: &Rows, at: usize) -> Value {
    let cell = |column: &Column| shown(column, at);
    match rows.shape {
        Shape::Value => rows.kept.first().map_or(Value::Null, cell),
        Shape::Pair => Value::Array(rows.kept.iter().map(|c| paired(c, at)).collect()),
        Shape::Record => rows.kept.iter().map(|c| (c.name.clone(), cell(c))).collect::<Map<_, _>>().into(),
    }
}

fn shown(column: &Column, row: usize) -> Value {
    column.shown(column.get(row))
}

/// Values of a pair come from NumPy, which writes times in its own way, but for those of a zone, which are objects there.
fn paired(column: &Column, at: usize) -> Value {
    match column.get(at) {
        Cell::Time(at) if !matches!(column.dtype, Dtype::Zoned(_)) => {
            numpy_time(at, column.dtype.name()).into()
        }
        cell => column.shown(cell),
    }
}

fn index(frame: &Frame, rows: &Rows, row: u32, names: &[String]) -> Value {
    if names.is_empty() && frame.index().next().is_none() {
        return frame.label(row);
    }
    let pair = |column: &Column| (column.name.clone(), shown(column, row as usize));
    let own = rows.columns.iter().map(|place| pair(frame.at(*place)));
    if names.is_empty() {
        return own.chain(frame.index().map(pair)).collect::<Map<_, _>>().into();
    }
    let named = names.iter().filter_map(|n| frame.place(n)).map(|place| pair(frame.at(place)));
    own.chain(named).collect::<Map<_, _>>().into()
}

/// How often each unexpected value appears, the most frequent first; nothing where Python could not sort the values.
fn counts(rows: &Rows, listed: &[usize], most: usize, nan: bool) -> Option<Value> {
    let cells = |at: usize| -> Vec<Cell<'_>> { rows.kept.iter().map(|c| c.get(at)).collect() };
    // A missing number is NaN, which is equal to nothing, not even to itself. A missing time is one and the same, except as
    // NumPy has it, and so are missing values of pandas' own types.
    // None has no order; in CSV missing objects are NaN, too, which has a false one beside numbers.
    let number = |cell: &Cell<'_>| matches!(cell, Cell::Bool(_) | Cell::Int(_) | Cell::Float(_));
    let object: Vec<bool> = rows.kept.iter().map(|c| c.dtype.is_object()).collect();
    let lone = |column: &Column| {
        let dtype = &column.dtype;
        matches!(dtype, Dtype::Numpy(_)) && !(dtype.is_time() && rows.shape != Shape::Pair)
    };
    let lone: Vec<bool> = rows.kept.iter().map(lone).collect();
    let mut places: HashMap<Vec<Key<'_>>, usize> = HashMap::new();
    let mut found: Vec<(usize, usize)> = Vec::new();
    for &at in listed {
        let record = cells(at);
        let alone = record.iter().zip(&lone).any(|(c, lone)| c.is_null() && *lone);
        if alone {
            found.push((at, 1));
            continue;
        }
        let key: Vec<Key<'_>> = record.into_iter().map(Cell::key).collect();
        let place = *places.entry(key).or_insert_with(|| {
            found.push((at, 0));
            found.len() - 1
        });
        found[place].1 += 1;
    }
    found.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    found.truncate(most);
    let less = |a: &(usize, usize), b: &(usize, usize)| -> Option<bool> {
        if a.1 != b.1 {
            return Some(a.1 > b.1);
        }
        for (i, (x, y)) in cells(a.0).into_iter().zip(cells(b.0)).enumerate() {
            match (x, y) {
                (Cell::Null, Cell::Null) if !lone[i] => {}
                (Cell::Null, known) | (known, Cell::Null) => {
                    let unordered = object[i] && !(nan && number(&known));
                    return if unordered { None } else { Some(false) };
                }
                _ => match compare(x, y)? {
                    Ordering::Equal => {}
                    order => return Some(order == Ordering::Less),
                },
            }
        }
        Some(false)
    };
    sort(&mut found, less)?;
    let one = |(at, n): (usize, usize)| json!({ "value": flat(rows, at), "count": n });
    Some(Value::Array(found.into_iter().map(one).collect()))
}

/// A value as Python hashes it: records are tuples of their values.
fn flat(rows: &Rows, at: usize) -> Value {
    match rows.shape {
        Shape::Value | Shape::Pair => value(rows, at),
        Shape::Record => Value::Array(rows.kept.iter().map(|c| shown(c, at)).collect()),
    }
}

/// Python's `sorted` of a short list, step by step, since with NaN the outcome depends on the steps: one run, then
/// binary insertion. `None` if two values have no order.
fn sort<T: Copy>(items: &mut [T], less: impl Fn(&T, &T) -> Option<bool>) -> Option<()> {
    let n = items.len();
    if n < 2 {
        return Some(());
    }
    let mut run = 2;
    if less(&items[1], &items[0])? {
        while run < n && less(&items[run], &items[run - 1])? {
            run += 1;
        }
        items[..run].reverse();
    } else {
        while run < n && !less(&items[run], &items[run - 1])? {
            run += 1;
        }
    }
    for at in run..n {
        let pivot = items[at];
        let (mut low, mut high) = (0, at);
        while low < high {
            let middle = usize::midpoint(low, high);
            if less(&pivot, &items[middle])? {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        items.copy_within(low..at, low + 1);
        items[low] = pivot;
    }
    Some(())
}
