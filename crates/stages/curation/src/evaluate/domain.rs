//! The rows that expectations ask about, and what is known of columns in them.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use columns::{QuickHash, sorted_numbers};

use super::codes::Codes;
use super::conditions::Conditions;
use super::numbers::Moments;
use crate::condition::Condition;
use crate::frame::{Cell, Frame, Key};

pub(crate) struct Domains<'a> {
    frame: &'a Frame,
    conditions: Option<&'a Conditions>,
    all: Rc<Domain<'a>>,
    /// By the places of their conditions.
    conditioned: RefCell<HashMap<usize, Result<Rc<Domain<'a>>, String>>>,
}

/// Rows of a frame, in order.
pub(crate) struct Domain<'a> {
    pub frame: &'a Frame,
    /// All rows if `None`.
    rows: Option<&'a [u32]>,
    facts: RefCell<HashMap<usize, Rc<Facts<'a>>>>,
}

/// What is known of one column in a domain; each is found when it is first asked for.
#[derive(Default)]
pub(crate) struct Facts<'a> {
    missing: OnceCell<usize>,
    moments: OnceCell<Result<Moments, String>>,
    stdev: OnceCell<Result<Option<f64>, String>>,
    codes: OnceCell<Option<Codes<'a>>>,
    counts: OnceCell<Vec<(Cell<'a>, usize)>>,
    sorted: OnceCell<Result<Vec<f64>, String>>,
}

impl<'a> Domains<'a> {
    /// Where there are `conditions`, expectations may ask about the rows of one of them.
    pub fn new(frame: &'a Frame, conditions: Option<&'a Conditions>) -> Self {
        let all = Rc::new(Domain::new(frame, None));
        Self { frame, conditions, all, conditioned: RefCell::default() }
    }

    /// The same questions over another reading of the frame.
    pub fn over<'b>(&self, frame: &'b Frame) -> Domains<'b>
    where
        'a: 'b,
    {
        Domains::new(frame, self.conditions)
    }

    pub fn all(&self) -> Rc<Domain<'a>> {
        self.all.clone()
    }

    /// The rows of a condition; found once, however many expectations have it.
    pub fn of(&self, condition: Option<&Result<Condition, String>>) -> Result<Rc<Domain<'a>>, String> {
        let Some(condition) = condition else { return Ok(self.all.clone()) };
        let condition = condition.as_ref().map_err(Clone::clone)?;
        let unknown = || "the condition is none of the suite".to_owned();
        let conditions = self.conditions.ok_or_else(unknown)?;
        let place = conditions.place(condition).ok_or_else(unknown)?;
        let mut known = self.conditioned.borrow_mut();
        let domain = known.entry(place).or_insert_with(|| {
            let rows = conditions.rows(place, self.frame).as_ref().map_err(Clone::clone)?;
            Ok(Rc::new(Domain::new(self.frame, Some(rows))))
        });
        domain.clone()
    }
}

impl<'a> Domain<'a> {
    fn new(frame: &'a Frame, rows: Option<&'a [u32]>) -> Self {
        Self { frame, rows, facts: RefCell::default() }
    }

    pub fn len(&self) -> usize {
        self.rows.map_or(self.frame.rows(), <[_]>::len)
    }

    pub fn is_all(&self) -> bool {
        self.rows.is_none()
    }

    pub fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        let all = if self.rows.is_none() { self.frame.rows() as u32 } else { 0 };
        self.rows.iter().flat_map(|rows| rows.iter().copied()).chain(0..all)
    }

    /// The rows where the column has a value, and the values.
    pub fn present(&self, column: usize) -> impl Iterator<Item = (u32, Cell<'a>)> + '_ {
        let column = self.frame.at(column);
        self.rows().map(|row| (row, column.get(row as usize))).filter(|(_, cell)| !cell.is_null())
    }

    pub fn facts(&self, column: usize) -> Rc<Facts<'a>> {
        self.facts.borrow_mut().entry(column).or_default().clone()
    }

    pub fn missing(&self, column: usize) -> usize {
        *self.facts(column).missing.get_or_init(|| {
            let column = self.frame.at(column);
            match self.rows {
                None => column.missing(self.frame.rows()),
                Some(rows) => rows.iter().filter(|row| column.is_null(**row as usize)).count(),
            }
        })
    }

    /// Rows with a value.
    pub fn filled(&self, column: usize) -> usize {
        self.len() - self.missing(column)
    }

    /// The rows where the column has a value, or where it has none.
    pub fn where_null(&self, column: usize, null: bool) -> Vec<u32> {
        let missing = self.missing(column);
        if missing == 0 && null || missing == self.len() && !null {
            return Vec::new();
        }
        let cells = self.frame.at(column);
        self.rows().filter(|row| cells.is_null(*row as usize) == null).collect()
    }

    /// The values of the column as numbers, in order; points in time are nanoseconds if `times`.
    /// Errors: the column is not of numbers.
    pub fn numbers(&self, column: usize, times: bool) -> Result<Cow<'a, [f64]>, String> {
        if let Some((values, nulls)) = self.frame.at(column).floats()
            && self.is_all()
        {
            return Ok(match nulls {
                None => Cow::Borrowed(values),
                Some(nulls) => {
                    let valid = values.iter().zip(nulls.iter()).filter(|(_, valid)| *valid);
                    let mut present = Vec::with_capacity(values.len() - nulls.null_count());
                    present.extend(valid.map(|(v, _)| *v));
                    Cow::Owned(present)
                }
            });
        }
        let mut values = Vec::with_capacity(self.filled(column));
        for (_, cell) in self.present(column) {
            values.push(match cell {
                Cell::Time(at) if times => at as f64,
                cell => cell.number().ok_or_else(|| not_numeric(cell))?,
            });
        }
        Ok(Cow::Owned(values))
    }

    /// The sum of whole numbers and truth values; `None` of others, of none and past 64 bits.
    fn whole(&self, column: usize) -> Option<i64> {
        if !self.frame.at(column).is_whole() || self.filled(column) == 0 {
            return None;
        }
        self.present(column).try_fold(0_i64, |sum, (_, cell)| match cell {
            Cell::Int(v) => sum.checked_add(v),
            Cell::Bool(v) => sum.checked_add(i64::from(v)),
            _ => None,
        })
    }

    /// Errors: the column is not of numbers.
    pub fn moments(&self, column: usize) -> Result<Moments, String> {
        let facts = self.facts(column);
        let found =
            facts.moments.get_or_init(|| Ok(Moments::of(&self.numbers(column, false)?, self.whole(column))));
        found.clone()
    }

    /// Standard deviation with n − 1; `None` for fewer than two values. Errors: the column is not of numbers.
    pub fn stdev(&self, column: usize) -> Result<Option<f64>, String> {
        let facts = self.facts(column);
        let found = facts.stdev.get_or_init(|| {
            let moments = self.moments(column)?;
            Ok(moments.stdev(&self.numbers(column, false)?))
        });
        found.clone()
    }

    /// The numbers in order, as often as they appear. Errors: the column is not of numbers.
    pub fn sorted<T>(&self, column: usize, with: impl FnOnce(&[f64]) -> T) -> Result<T, String> {
        let facts = self.facts(column);
        let sorted = facts.sorted.get_or_init(|| {
            let values = self.numbers(column, true)?;
            Ok(sorted_numbers(&values))
        });
        sorted.as_ref().map(|s| with(s)).map_err(Clone::clone)
    }

    /// The texts of the column, each once, and which of them each row has; `None` where that would not be shorter.
    pub fn codes<T>(&self, column: usize, with: impl FnOnce(Option<&Codes<'a>>) -> T) -> T {
        let facts = self.facts(column);
        let codes = facts.codes.get_or_init(|| {
            let column = self.frame.at(column);
            if column.is_text() { Codes::of(self.rows().map(|row| column.get(row as usize))) } else { None }
        });
        with(codes.as_ref())
    }

    /// Distinct values in order of first appearance, with how often each appears.
    pub fn counts<T>(&self, column: usize, with: impl FnOnce(&[(Cell<'a>, usize)]) -> T) -> T {
        let facts = self.facts(column);
        with(facts.counts.get_or_init(|| {
            if let Some(counts) = self.codes(column, |codes| codes.map(Codes::counts)) {
                return counts;
            }
            let mut places: HashMap<Key<'a>, usize, QuickHash> = HashMap::default();
            let mut counts: Vec<(Cell<'a>, usize)> = Vec::new();
            for (_, cell) in self.present(column) {
                let place = *places.entry(cell.key()).or_insert_with(|| {
                    counts.push((cell, 0));
                    counts.len() - 1
                });
                counts[place].1 += 1;
            }
            counts
        }))
    }
}

pub(crate) fn not_numeric(cell: Cell<'_>) -> String {
    format!("a number is needed, not {}", cell.json())
}
