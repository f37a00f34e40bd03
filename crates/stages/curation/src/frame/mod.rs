//! A table as rules about values see it: every column of one of a few kinds, with the name of its type kept.

mod cell;
mod column;
mod dtype;
mod json;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use columns::{ByColumn, Format, RowNames};
use serde_json::Value;

pub(crate) use cell::{Cell, Key, compare, json_equal, number};
pub(crate) use column::Column;
pub(crate) use dtype::{Dtype, names};
pub(crate) use json::{civil, numpy_time, time_text};

use crate::Error;

/// How values are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// As pandas does: NaN is a missing value, and integers with missing values are floats.
    Pandas,
    /// NaN is a value, and integers keep all their digits.
    Exact,
}

/// Columns of equal length, each read when it is first asked for.
#[derive(Clone, Debug)]
pub struct Frame {
    content: Arc<Content>,
    slots: Arc<Vec<Slot>>,
    /// Columns that are read for others than those who share `slots`, by their places.
    apart: HashMap<usize, Arc<Slot>>,
    by_name: Arc<HashMap<String, usize>>,
    rows: usize,
}

#[derive(Debug)]
struct Content {
    columns: ByColumn,
    reading: Reading,
    /// What pandas wrote about the types of columns.
    pandas: HashMap<String, String>,
    labels: RowNames,
    /// The columns that name rows, once they were asked for.
    index: OnceLock<Vec<Column>>,
    /// The first column that could not be read.
    failed: Mutex<Option<Error>>,
}

/// A column, once it was read.
#[derive(Debug)]
pub(crate) struct Slot {
    /// In the table that it is read from.
    index: usize,
    name: String,
    column: OnceLock<Column>,
}

impl Frame {
    /// All rows of `batches`. `schema` may carry pandas' own metadata, which says what nullable types were meant.
    /// Errors: `Columns` where two columns have one name.
    pub fn new(schema: &SchemaRef, batches: &[RecordBatch], reading: Reading) -> Result<Self, Error> {
        Self::open(ByColumn::of_batches("table", schema.clone(), batches.to_vec()), reading)
    }

    pub fn of_table(table: &columns::Table, reading: Reading) -> Result<Self, Error> {
        let batch = table.batch();
        Self::new(&batch.schema(), std::slice::from_ref(batch), reading)
    }

    /// A table that stays where it is. Errors: `Columns` where two columns have one name.
    pub fn open(columns: ByColumn, reading: Reading) -> Result<Self, Error> {
        let rows = columns.rows();
        let pandas = dtype::pandas_types(columns.schema());
        let labels = RowNames::of(columns.schema());
        let mut slots = Vec::with_capacity(columns.schema().fields().len());
        let mut by_name = HashMap::new();
        for (index, field) in columns.schema().fields().iter().enumerate() {
            let name = field.name().clone();
            // Pandas' own index is no column.
            if reading == Reading::Pandas && labels.has(&name) {
                continue;
            }
            if let Some(first) = by_name.insert(name.clone(), slots.len()) {
                let (file, first, second) = (columns.name().to_owned(), first + 1, slots.len() + 1);
                return Err(columns::Error::DuplicateColumn { file, column: name, first, second }.into());
            }
            slots.push(Slot { index, name, column: OnceLock::new() });
        }
        let index = OnceLock::new();
        let content = Content { columns, reading, pandas, labels, index, failed: Mutex::default() };
        let (content, slots, by_name) = (Arc::new(content), Arc::new(slots), Arc::new(by_name));
        Ok(Self { content, slots, apart: HashMap::new(), by_name, rows })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map(|s| s.name.as_str())
    }

    /// Errors: `Columns` where there is no column of one of the names; it names those that exist.
    pub fn must_have(&self, names: &[String]) -> Result<(), Error> {
        match names.iter().find(|name| self.place(name).is_none()) {
            None => Ok(()),
            Some(column) => {
                let known = self.names().map(str::to_owned).collect();
                Err(columns::Error::NoColumn { column: column.clone(), known }.into())
            }
        }
    }

    /// Errors: what was wrong with a column that was asked for since this was asked last; it was taken for one without values.
    pub(crate) fn sound(&self) -> Result<(), Error> {
        let failed = self.content.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        failed.map_or(Ok(()), Err)
    }

    /// A place for the column that nobody has read yet.
    pub(crate) fn fresh(&self, place: usize) -> Arc<Slot> {
        let Slot { index, name, .. } = &self.slots[place];
        Arc::new(Slot { index: *index, name: name.clone(), column: OnceLock::new() })
    }

    /// The same table, which reads columns into these places: what was read is forgotten with the last who has its place.
    pub(crate) fn apart(&self, apart: HashMap<usize, Arc<Slot>>) -> Self {
        Self { apart, ..self.clone() }
    }

    /// The same table, in which texts of these columns are times. Errors: one of them is none.
    pub(crate) fn with_times(&self, places: impl Iterator<Item = usize>) -> Result<Self, String> {
        let mut parsed = self.clone();
        for place in places.filter(|place| self.at(*place).is_text()) {
            let slot = self.fresh(place);
            slot.column.set(self.at(place).as_times()?).unwrap_or_default();
            parsed.apart.insert(place, slot);
        }
        Ok(parsed)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Column> {
        self.place(name).map(|place| self.at(place))
    }

    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Reads the column if it was not read yet.
    pub(crate) fn at(&self, place: usize) -> &Column {
        let slot = self.apart.get(&place).map_or(&self.slots[place], AsRef::as_ref);
        slot.column.get_or_init(|| {
            self.content.read(slot).unwrap_or_else(|error| {
                self.content.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                Column::nothing(&slot.name)
            })
        })
    }

    /// Whether a missing value among objects is NaN, as in CSV, and not None: it has an order with numbers then, if a false one.
    pub(crate) fn has_nan(&self) -> bool {
        Format::of(self.content.columns.name()).is_ok_and(|format| format == Format::Csv)
    }

    /// What names the row where it is read as pandas does; else, and where several columns do, its place.
    pub(crate) fn label(&self, row: u32) -> Value {
        match (&self.content.labels, self.content.index()) {
            (_, [index]) => index.shown(index.get(row as usize)),
            (RowNames::Range { start, step }, _) if self.content.reading == Reading::Pandas => {
                (start + i64::from(row) * step).into()
            }
            _ => row.into(),
        }
    }

    /// The columns that name rows and have names of their own.
    pub(crate) fn index(&self) -> impl Iterator<Item = &Column> {
        self.content.index().iter().filter(|column| !column.name.starts_with("__index_level_"))
    }

    pub(crate) fn width(&self) -> usize {
        self.slots.len()
    }
}

impl Content {
    fn index(&self) -> &[Column] {
        let RowNames::Columns(names) = &self.labels else { return &[] };
        if self.reading == Reading::Exact {
            return &[];
        }
        let read = |name: &String| {
            let index = self.columns.schema().index_of(name).ok()?;
            self.read(&Slot { index, name: name.clone(), column: OnceLock::new() }).ok()
        };
        self.index.get_or_init(|| names.iter().filter_map(read).collect())
    }

    fn read(&self, slot: &Slot) -> Result<Column, Error> {
        let array = self.columns.whole(slot.index)?;
        Column::of(&slot.name, &array, self.reading, self.pandas.get(&slot.name))
    }
}

/// Frames are shared between the rules and the report.
pub type Shared = Arc<Frame>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Suite, read_suite, validate};

    #[test]
    fn a_validation_forgets_what_it_read_and_shows_what_it_found() {
        let numbers = columns::column::floats([Some(1.0), None, Some(300.0), Some(4.0)]);
        let texts = columns::column::strings([Some("a"), Some("b"), Some("b"), None]);
        let table = columns::Table::new(vec![("x".into(), numbers), ("t".into(), texts)]).unwrap();
        let frame = Arc::new(Frame::of_table(&table, Reading::Pandas).unwrap());
        let suite: Suite = read_suite(
            r#"{"name": "s", "expectations": [
                {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "max_value": 100}},
                {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "t", "regex": "a",
                    "row_condition": "x > 2", "condition_parser": "pandas"}},
                {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "x", "max_value": 0}}]}"#,
            None,
            None,
        )
        .unwrap();
        let validation = validate(frame.clone(), suite).unwrap();
        assert!(frame.slots.iter().all(|slot| slot.column.get().is_none()));
        let result = validation.gx(&crate::ResultFormat::default()).unwrap();
        let found = |at: usize, key: &str| result["results"][at]["result"][key].to_string();
        assert_eq!(found(0, "partial_unexpected_list"), "[300.0]");
        assert_eq!(found(1, "partial_unexpected_list"), r#"["b"]"#);
        assert_eq!(found(1, "missing_count"), "1");
        assert_eq!(found(2, "observed_value"), (305.0 / 3.0).to_string());
    }
}
