//! Columns of few different texts: each is judged once, however many rows have it.

use std::collections::HashMap;

use columns::QuickHash;

use crate::frame::Cell;

/// Of a missing value.
const MISSING: u32 = u32::MAX;
/// Rows after which it is looked at whether texts repeat.
const LOOK: usize = 4096;
/// Rows that a text must have in the mean, for a list of texts to be worth it.
const WORTH: usize = 4;

/// The texts of a column in order of first appearance, and the place of its own for each row.
pub(crate) struct Codes<'a> {
    pub texts: Vec<&'a str>,
    codes: Vec<u32>,
}

impl<'a> Codes<'a> {
    /// `None` where texts hardly repeat.
    pub fn of(cells: impl Iterator<Item = Cell<'a>>) -> Option<Self> {
        let mut places: HashMap<&'a str, u32, QuickHash> = HashMap::default();
        let mut texts = Vec::new();
        let mut codes = Vec::with_capacity(cells.size_hint().0);
        for cell in cells {
            let Cell::Text(text) = cell else {
                codes.push(MISSING);
                continue;
            };
            let next = texts.len() as u32;
            let code = *places.entry(text).or_insert(next);
            if code == next {
                texts.push(text);
            }
            codes.push(code);
            if codes.len().is_multiple_of(LOOK) && texts.len() * WORTH > codes.len() {
                return None;
            }
        }
        Some(Self { texts, codes })
    }

    /// The place of each row's text among the texts; `None` of a missing one.
    pub fn places(&self) -> impl Iterator<Item = Option<usize>> + '_ {
        self.codes.iter().map(|code| (*code != MISSING).then_some(*code as usize))
    }

    /// How often each text appears.
    pub fn counts(&self) -> Vec<(Cell<'a>, usize)> {
        let mut counts: Vec<(Cell<'a>, usize)> = self.texts.iter().map(|t| (Cell::Text(t), 0)).collect();
        for place in self.places().flatten() {
            counts[place].1 += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_listed_once_and_rows_find_theirs() {
        let cells = [Cell::Text("b"), Cell::Null, Cell::Text("a"), Cell::Text("b")];
        let codes = Codes::of(cells.into_iter()).unwrap();
        assert_eq!(codes.texts, ["b", "a"]);
        assert_eq!(codes.places().collect::<Vec<_>>(), [Some(0), None, Some(1), Some(0)]);
        assert_eq!(codes.counts(), [(Cell::Text("b"), 2), (Cell::Text("a"), 1)]);
    }

    #[test]
    fn texts_that_hardly_repeat_are_given_up() {
        let texts: Vec<String> = (0..9000).map(|i| i.to_string()).collect();
        assert!(Codes::of(texts.iter().map(|t| Cell::Text(t))).is_none());
        assert!(Codes::of(texts.iter().map(|t| Cell::Text(&t[..1]))).is_some());
    }
}
