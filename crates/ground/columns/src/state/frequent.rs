use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::quick_hash::QuickHash;

/// Texts that are counted at a time.
const KEPT: usize = 1_024;

/// The most frequent texts (Misra and Gries, 1982; merged as Agarwal and others, 2012). A count is too small by at most
/// `error`, and never too large; it is exact while there are few different texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frequent {
    counts: HashMap<String, u64, QuickHash>,
    error: u64,
}

impl Frequent {
    pub fn add(&mut self, text: &str, count: u64) {
        if let Some(found) = self.counts.get_mut(text) {
            *found += count;
            return;
        }
        self.counts.insert(text.to_owned(), count);
        if self.counts.len() > 2 * KEPT {
            self.shrink();
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (text, count) in &other.counts {
            *self.counts.entry(text.clone()).or_default() += count;
        }
        self.error += other.error;
        if self.counts.len() > 2 * KEPT {
            self.shrink();
        }
    }

    /// Takes the count of the first that is not kept from all.
    fn shrink(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let least = counts.get(KEPT).copied().unwrap_or(0);
        self.counts.retain(|_, count| {
            *count = count.saturating_sub(least);
            *count > 0
        });
        self.error += least;
    }

    /// How much a count may be too small by; 0 where all are exact.
    pub fn error(&self) -> u64 {
        self.error
    }

    /// Descending, ties by text.
    pub fn top(&self, most: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> =
            self.counts.iter().map(|(text, count)| (text.as_str(), *count)).collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(most);
        all
    }

    pub fn len(&self) -> usize {
        self.counts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub fn get(&self, text: &str) -> u64 {
        self.counts.get(text).copied().unwrap_or(0)
    }
}
