//! The rows that expectations ask about, and what is known of columns in them.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::condition::{self, Condition};
use crate::frame::{Cell, Frame, Key};

use super::numbers::Moments;

/// A condition that was asked for, and its rows or why they cannot be told.
type Conditioned<'a> = (Condition, Result<Rc<Domain<'a>>, String>);

pub(crate) struct Domains<'a> {
    frame: &'a Frame,
    all: Rc<Domain<'a>>,
    conditioned: RefCell<Vec<Conditioned<'a>>>,
}

/// Rows of a frame, in order.
pub(crate) struct Domain<'a> {
    pub frame: &'a Frame,
    /// All rows if `None`.
    rows: Option<Vec<u32>>,
    facts: RefCell<HashMap<usize, Rc<Facts<'a>>>>,
}

/// What is known of one column in a domain; each is found when it is first asked for.
#[derive(Default)]
pub(crate) struct Facts<'a> {
    missing: OnceCell<usize>,
    moments: OnceCell<Result<Moments, String>>,
    counts: OnceCell<Vec<(Cell<'a>, usize)>>,
    sorted: OnceCell<Result<Vec<f64>, String>>,
}

impl<'a> Domains<'a> {
    pub fn new(frame: &'a Frame) -> Self {
        Self { frame, all: Rc::new(Domain::new(frame, None)), conditioned: RefCell::default() }
    }

    pub fn all(&self) -> Rc<Domain<'a>> {
        self.all.clone()
    }

    /// The rows of a condition; found once, however many expectations have it.
    pub fn of(&self, condition: Option<&Result<Condition, String>>) -> Result<Rc<Domain<'a>>, String> {
        let Some(condition) = condition else { return Ok(self.all.clone()) };
        let condition = condition.as_ref().map_err(Clone::clone)?;
        if let Some((_, known)) = self.conditioned.borrow().iter().find(|(c, _)| c == condition) {
            return known.clone();
        }
        let found = condition::rows(self.frame, condition).map(|r| Rc::new(Domain::new(self.frame, Some(r))));
        self.conditioned.borrow_mut().push((condition.clone(), found.clone()));
        found
    }
}

impl<'a> Domain<'a> {
    fn new(frame: &'a Frame, rows: Option<Vec<u32>>) -> Self {
        Self { frame, rows, facts: RefCell::default() }
    }

    pub fn len(&self) -> usize {
        self.rows.as_ref().map_or(self.frame.rows(), Vec::len)
    }

    pub fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        let all = if self.rows.is_none() { self.frame.rows() as u32 } else { 0 };
        self.rows.iter().flatten().copied().chain(0..all)
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
            self.rows().filter(|row| column.is_null(*row as usize)).count()
        })
    }

    /// Rows with a value.
    pub fn filled(&self, column: usize) -> usize {
        self.len() - self.missing(column)
    }

    /// Errors: the column is not of numbers.
    pub fn moments(&self, column: usize) -> Result<Moments, String> {
        self.facts(column).moments.get_or_init(|| Moments::of(self.present(column).map(|(_, c)| c))).clone()
    }

    /// The numbers in order, as often as they appear. Errors: the column is not of numbers.
    pub fn sorted<T>(&self, column: usize, with: impl FnOnce(&[f64]) -> T) -> Result<T, String> {
        let facts = self.facts(column);
        let sorted = facts.sorted.get_or_init(|| {
            let mut values = Vec::with_capacity(self.len());
            for (_, cell) in self.present(column) {
                let value = match cell {
                    Cell::Time(at) => at as f64,
                    cell => cell.number().ok_or_else(|| not_numeric(cell))?,
                };
                values.push(value);
            }
            values.sort_unstable_by(f64::total_cmp);
            Ok(values)
        });
        sorted.as_ref().map(|s| with(s)).map_err(Clone::clone)
    }

    /// Distinct values in order of first appearance, with how often each appears.
    pub fn counts<T>(&self, column: usize, with: impl FnOnce(&[(Cell<'a>, usize)]) -> T) -> T {
        let facts = self.facts(column);
        with(facts.counts.get_or_init(|| {
            let mut places: HashMap<Key<'a>, usize> = HashMap::new();
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
