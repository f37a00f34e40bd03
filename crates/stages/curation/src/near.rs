//! Rows that are the same, and rows that nearly are: MinHash over shingles, banded so that only likely pairs are
//! compared (Broder 1997; Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4).

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use columns::Table;

use crate::Error;

/// Hash functions; they are cut into bands of [`ROWS`].
const HASHES: usize = 128;
/// Hashes of a band: with 4 of 128, a pair of similarity 0.5 becomes a candidate with probability 0.87, one of 0.8 with 1.
const ROWS: usize = 4;
/// Members of a bucket that are compared with each other; more are compared with the first alone.
const CROWD: usize = 200;

/// Rows that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Alike {
    /// From 0, in order; at least two.
    pub rows: Vec<usize>,
    /// The least Jaccard similarity by which one of them joined; 1 for equal rows.
    pub similarity: f64,
}

/// Groups of rows whose values in `columns` (all, if none is named) are the same. Errors: `Columns`.
pub fn exact_duplicates(table: &Table, columns: &[String]) -> Result<Vec<Alike>, Error> {
    let mut groups: HashMap<String, Vec<usize>> = HashMap::new();
    for (row, text) in texts(table, columns, '\u{1f}')?.into_iter().enumerate() {
        groups.entry(text).or_default().push(row);
    }
    let mut out: Vec<Alike> =
        groups.into_values().filter(|g| g.len() > 1).map(|rows| Alike { rows, similarity: 1.0 }).collect();
    out.sort_by_key(|a| a.rows[0]);
    Ok(out)
}

/// Groups of rows whose texts in `columns` share at least `threshold` (0–1) of their shingles of `shingle` characters.
/// Every pair that joins two groups was compared exactly. Errors: `Columns`; `BadSplit` for a threshold that is none.
pub fn near_duplicates(
    table: &Table,
    columns: &[String],
    threshold: f64,
    shingle: usize,
) -> Result<Vec<Alike>, Error> {
    if !(threshold > 0.0 && threshold <= 1.0) || shingle == 0 {
        return Err(Error::BadSplit {
            reason: "the threshold is above 0 and at most 1, shingles have a length".into(),
        });
    }
    let sets: Vec<Vec<u64>> = texts(table, columns, ' ')?.iter().map(|t| shingles(t, shingle)).collect();
    let seeds: Vec<(u64, u64)> = (0..HASHES as u64).map(|i| (mix(2 * i + 1) | 1, mix(2 * i + 2))).collect();
    let signatures: Vec<Vec<u64>> = sets.iter().map(|set| signature(set, &seeds)).collect();
    let mut sets_of = Union::new(sets.len());
    let mut compared: HashSet<(usize, usize)> = HashSet::new();
    for band in 0..HASHES / ROWS {
        let mut buckets: HashMap<&[u64], Vec<usize>> = HashMap::new();
        for (row, signature) in signatures.iter().enumerate().filter(|(row, _)| !sets[*row].is_empty()) {
            buckets.entry(&signature[band * ROWS..(band + 1) * ROWS]).or_default().push(row);
        }
        for bucket in buckets.into_values().filter(|b| b.len() > 1) {
            for (i, a) in bucket.iter().enumerate().take(if bucket.len() > CROWD { 1 } else { CROWD }) {
                for b in &bucket[i + 1..] {
                    if sets_of.root(*a) == sets_of.root(*b) || !compared.insert((*a, *b)) {
                        continue;
                    }
                    let similarity = jaccard(&sets[*a], &sets[*b]);
                    if similarity >= threshold {
                        sets_of.join(*a, *b, similarity);
                    }
                }
            }
        }
    }
    Ok(sets_of.groups())
}

fn texts(table: &Table, columns: &[String], between: char) -> Result<Vec<String>, Error> {
    let names: Vec<String> = if columns.is_empty() {
        table.schema().names().filter(|n| *n != datasets::ROW_ID).map(str::to_owned).collect()
    } else {
        columns.to_vec()
    };
    let mut out = vec![String::new(); table.rows()];
    for name in &names {
        for (text, value) in out.iter_mut().zip(table.texts(name)?) {
            match value {
                Some(value) => text.push_str(&value),
                None if between != ' ' => text.push('\u{0}'),
                None => {}
            }
            text.push(between);
        }
    }
    Ok(out)
}

/// Hashes of all runs of that many characters, in lower case and with single spaces; sorted, each once.
fn shingles(text: &str, length: usize) -> Vec<u64> {
    let plain: Vec<char> =
        text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    if plain.is_empty() {
        return Vec::new();
    }
    let mut out: Vec<u64> = plain.windows(length.min(plain.len())).map(hash).collect();
    out.sort_unstable();
    out.dedup();
    out
}

fn hash(of: &[char]) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// SplitMix64.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn signature(set: &[u64], seeds: &[(u64, u64)]) -> Vec<u64> {
    let least = |(a, b): &(u64, u64)| {
        set.iter()
            .map(|h| (h.wrapping_mul(*a)).wrapping_add(*b).rotate_left(31).wrapping_mul(*a))
            .min()
            .unwrap_or(0)
    };
    seeds.iter().map(least).collect()
}

/// Of two sorted sets.
fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (mut i, mut j, mut both) = (0, 0, 0_usize);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                both += 1;
                i += 1;
                j += 1;
            }
        }
    }
    both as f64 / (a.len() + b.len() - both).max(1) as f64
}

/// Disjoint sets of rows.
struct Union {
    parent: Vec<usize>,
    least: Vec<f64>,
}

impl Union {
    fn new(n: usize) -> Self {
        Self { parent: (0..n).collect(), least: vec![1.0; n] }
    }

    fn root(&mut self, mut row: usize) -> usize {
        while self.parent[row] != row {
            self.parent[row] = self.parent[self.parent[row]];
            row = self.parent[row];
        }
        row
    }

    fn join(&mut self, a: usize, b: usize, similarity: f64) {
        let (a, b) = (self.root(a), self.root(b));
        let (first, second) = (a.min(b), a.max(b));
        self.parent[second] = first;
        self.least[first] = self.least[first].min(self.least[second]).min(similarity);
    }

    fn groups(mut self) -> Vec<Alike> {
        let mut groups: HashMap<usize, Vec<usize>> = HashMap::new();
        for row in 0..self.parent.len() {
            groups.entry(self.root(row)).or_default().push(row);
        }
        let least = self.least;
        let mut out: Vec<Alike> = groups
            .into_iter()
            .filter(|(_, rows)| rows.len() > 1)
            .map(|(root, rows)| Alike { rows, similarity: least[root] })
            .collect();
        out.sort_by_key(|a| a.rows[0]);
        out
    }
}

#[cfg(test)]
mod tests {
    use columns::column;

    use super::*;

    #[test]
    fn planted_near_duplicates_are_found_and_others_are_not() {
        let sentence = |i: usize| {
            let words =
                ["red", "fox", "jumps", "over", "lazy", "dogs", "near", "river", "stone", "bridge", "under"];
            (0..14).map(|k| words[(mix((i * 31 + k) as u64) % 11) as usize]).collect::<Vec<_>>().join(" ")
        };
        let mut rows: Vec<String> = (0..400).map(sentence).collect();
        for i in 0..20 {
            let mut copy = rows[i * 7].to_uppercase();
            copy.push('!');
            rows.push(copy);
        }
        let table = Table::new(vec![("text".into(), column::strings(rows.iter().map(Some)))]).unwrap();
        let found = near_duplicates(&table, &[], 0.9, 5).unwrap();
        let pairs: Vec<Vec<usize>> = found.iter().map(|a| a.rows.clone()).collect();
        for i in 0..20 {
            assert!(pairs.contains(&vec![i * 7, 400 + i]), "{i} in {pairs:?}");
        }
        assert!(found.len() <= 22, "{found:?}");
        assert!(exact_duplicates(&table, &[]).unwrap().is_empty());
    }
}
