//! What differs between two versions of a table, row by row, where a key says which rows are the same.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType as ArrowType, Field, Schema as ArrowSchema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt as _;
use serde_json::Value;
use types::Hasher;

use crate::source::{breathe, common};
use crate::{ArrayRef, Error, Format, Scan, Source, cells};

/// Rows of one side that are held at once; larger tables are read in several passes, each over a share of the keys.
const AT_ONCE: u64 = 4_000_000;
/// Changed rows whose places are kept.
const KEPT: usize = 5_000_000;
/// Wanted rows that are at most this far apart are read in one go.
const RUN: u64 = 8_192;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Added,
    Removed,
    Changed,
}

/// Where a row that differs stands, counted from 0 over the files of a table: in the left one unless it was added, in
/// the right one unless it was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: Kind,
    pub left: Option<u64>,
    pub right: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct RowDiff {
    pub key: Vec<String>,
    /// Columns that only the right table has.
    pub columns_added: Vec<String>,
    pub columns_removed: Vec<String>,
    /// Name, type on the left, type on the right.
    pub columns_retyped: Vec<(String, String, String)>,
    pub added: u64,
    pub removed: u64,
    pub changed: u64,
    pub unchanged: u64,
    /// Added and changed rows in the order of the right table, then removed ones in that of the left. At most five
    /// million of them; the counts are exact beyond that.
    pub changes: Vec<Change>,
    /// The columns that both have, keys first, and the type in which they are compared.
    compared: SchemaRef,
}

type Hash = [u8; 16];

struct Entry {
    left: u64,
    hash: Hash,
    right: Option<u64>,
}

impl RowDiff {
    /// Compares the columns that both tables have; a column that only one has is told, and makes no row differ. Files of
    /// equal content that both tables have are not read.
    ///
    /// Errors: `NoKey`, `NoKeyColumn`, `NullKey`, `DuplicateKey`, and what is wrong with a file.
    pub async fn of(left: &Source, right: &Source, key: &[String]) -> Result<Self, Error> {
        let compared = compared(left, right, key)?;
        let mut diff = Self {
            key: key.to_vec(),
            columns_added: only(right, left),
            columns_removed: only(left, right),
            columns_retyped: retyped(left, right),
            added: 0,
            removed: 0,
            changed: 0,
            unchanged: 0,
            changes: Vec::new(),
            compared: compared.clone(),
        };
        let (left, right) = (Side::new(left, right), Side::new(right, left));
        diff.unchanged = left.equal_rows();
        let passes = left.rows().max(right.rows()).div_ceil(AT_ONCE).max(1);
        for pass in 0..passes {
            diff.pass(&left, &right, pass, passes).await?;
        }
        diff.changes.sort_by_key(|c| (c.right.unwrap_or(u64::MAX), c.left));
        Ok(diff)
    }

    /// The columns whose values are compared, keys first.
    pub fn compared(&self) -> impl Iterator<Item = &str> {
        self.compared.fields().iter().map(|f| f.name().as_str())
    }

    async fn pass(&mut self, left: &Side<'_>, right: &Side<'_>, pass: u64, passes: u64) -> Result<(), Error> {
        let mut rows: HashMap<Hash, Entry> = HashMap::new();
        let mut failure = None;
        left.each(&self.compared, self.key.len(), (pass, passes), &mut |key, hash, row, text| {
            if let Some(first) = rows.get(&key) {
                failure = Some(left.duplicate(text(), first.left, row));
                return false;
            }
            rows.insert(key, Entry { left: row, hash, right: None });
            true
        })
        .await?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let mut added: HashMap<Hash, u64> = HashMap::new();
        let (mut changes, mut unchanged) = (Vec::new(), 0);
        right
            .each(&self.compared, self.key.len(), (pass, passes), &mut |key, hash, row, text| {
                let Some(entry) = rows.get_mut(&key) else {
                    if let Some(first) = added.insert(key, row) {
                        failure = Some(right.duplicate(text(), first, row));
                        return false;
                    }
                    changes.push(Change { kind: Kind::Added, left: None, right: Some(row) });
                    return true;
                };
                if let Some(first) = entry.right.replace(row) {
                    failure = Some(right.duplicate(text(), first, row));
                    return false;
                }
                if entry.hash == hash {
                    unchanged += 1;
                } else {
                    changes.push(Change { kind: Kind::Changed, left: Some(entry.left), right: Some(row) });
                }
                true
            })
            .await?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let gone = rows.values().filter(|entry| entry.right.is_none());
        changes.extend(gone.map(|entry| Change { kind: Kind::Removed, left: Some(entry.left), right: None }));
        self.unchanged += unchanged;
        for change in &changes {
            match change.kind {
                Kind::Added => self.added += 1,
                Kind::Removed => self.removed += 1,
                Kind::Changed => self.changed += 1,
            }
        }
        changes.truncate(KEPT.saturating_sub(self.changes.len()));
        self.changes.append(&mut changes);
        Ok(())
    }
}

/// Rows of a table by their places, ascending or not; in the order asked for, a value a column of the table.
pub async fn rows_at(source: &Source, places: &[u64]) -> Result<Vec<Vec<Value>>, Error> {
    let mut sorted = places.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let gap = if source.format == Format::Parquet { RUN } else { u64::MAX };
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &place in &sorted {
        match runs.last_mut() {
            Some((_, end)) if place.saturating_sub(*end) <= gap => *end = place + 1,
            _ => runs.push((place, place + 1)),
        }
    }
    let mut found: HashMap<u64, Vec<Value>> = HashMap::new();
    for (start, end) in runs {
        let mut at = start;
        let mut stream = source.batches(&Scan { columns: None, skip: start, limit: Some(end - start) });
        while let Some(batch) = stream.try_next().await? {
            let last = at + batch.num_rows() as u64;
            let from = sorted.partition_point(|&place| place < at);
            for &place in sorted[from..].iter().take_while(|&&place| place < last) {
                let row = cells(&batch.slice((place - at) as usize, 1))?.pop();
                found.insert(place, row.unwrap_or_default());
            }
            at = last;
            breathe().await;
        }
    }
    Ok(places.iter().map(|place| found.get(place).cloned().unwrap_or_default()).collect())
}

fn only(one: &Source, other: &Source) -> Vec<String> {
    let names = one.schema.fields().iter().map(|f| f.name());
    names.filter(|name| other.schema.index_of(name).is_err()).cloned().collect()
}

fn retyped(left: &Source, right: &Source) -> Vec<(String, String, String)> {
    let pair = |field: &Arc<Field>| {
        let other = right.schema.field_with_name(field.name()).ok()?;
        let (a, b) = (field.data_type(), other.data_type());
        (a != b).then(|| (field.name().clone(), a.to_string(), b.to_string()))
    };
    left.schema.fields().iter().filter_map(pair).collect()
}

/// Keys first, then what else both have.
fn compared(left: &Source, right: &Source, key: &[String]) -> Result<SchemaRef, Error> {
    if key.is_empty() {
        return Err(Error::NoKey);
    }
    for source in [left, right] {
        let names = source.schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
        if let Some(column) = key.iter().find(|k| !names.contains(k)) {
            let file = source.parts.first().map_or_else(String::new, |(file, _)| file.name().to_owned());
            return Err(Error::NoKeyColumn { file, column: column.clone(), known: names });
        }
    }
    let rest = left.schema.fields().iter().map(|f| f.name()).filter(|n| !key.contains(n));
    let names = key.iter().chain(rest).filter(|name| right.schema.index_of(name).is_ok());
    let mut fields = Vec::new();
    for name in names {
        let (a, b) = (left.schema.field_with_name(name)?, right.schema.field_with_name(name)?);
        let data_type = common(a.data_type(), b.data_type(), left.format).unwrap_or(ArrowType::Utf8);
        let data_type = if sortable(&data_type) { data_type } else { ArrowType::Utf8 };
        fields.push(Field::new(name, data_type, true));
    }
    Ok(Arc::new(ArrowSchema::new(fields)))
}

fn sortable(data_type: &ArrowType) -> bool {
    RowConverter::supports_fields(&[SortField::new(data_type.clone())])
}

/// One of the tables, and which of its files the other one lacks.
struct Side<'a> {
    source: &'a Source,
    /// Of each file: its first row, and whether it is read.
    parts: Vec<(u64, bool)>,
}

/// Takes the hash of the key, the hash of all values, the place, and a way to show the key; says whether to go on.
type Each<'a> = dyn FnMut(Hash, Hash, u64, &dyn Fn() -> String) -> bool + Send + 'a;

impl<'a> Side<'a> {
    fn new(source: &'a Source, other: &Source) -> Self {
        let mut known: HashMap<String, usize> = HashMap::new();
        for digest in other.parts.iter().filter_map(|(file, _)| file.digest()) {
            *known.entry(digest).or_default() += 1;
        }
        let mut first = 0;
        let mut parts = Vec::with_capacity(source.parts.len());
        for (file, of) in &source.parts {
            let count = file.digest().and_then(|digest| known.get_mut(&digest).filter(|count| **count > 0));
            parts.push((first, count.map(|count| *count -= 1).is_none()));
            first += of.rows;
        }
        Self { source, parts }
    }

    fn sum(&self, read: bool) -> u64 {
        let parts = self.source.parts.iter().zip(&self.parts);
        parts.filter(|(_, (_, reads))| *reads == read).map(|((_, known), _)| known.rows).sum()
    }

    fn rows(&self) -> u64 {
        self.sum(true)
    }

    fn equal_rows(&self) -> u64 {
        self.sum(false)
    }

    /// The file that a row of the table is in, and its number there from 1.
    fn locate(&self, row: u64) -> (String, u64) {
        let place = self.parts.partition_point(|(first, _)| *first <= row).saturating_sub(1);
        (self.source.parts[place].0.name().to_owned(), row - self.parts[place].0 + 1)
    }

    fn duplicate(&self, key: String, first: u64, second: u64) -> Error {
        let ((first, first_row), (second, second_row)) = (self.locate(first), self.locate(second));
        Error::DuplicateKey { key, first, first_row, second, second_row }
    }

    /// Calls `row` with the hash of the key, the hash of all values, the place, and a way to show the key; for keys of
    /// one share of `of.1`. It says whether to go on.
    async fn each(
        &self,
        compared: &SchemaRef,
        keys: usize,
        of: (u64, u64),
        row: &mut Each<'_>,
    ) -> Result<(), Error> {
        let fields = |fields: &[Arc<Field>]| {
            RowConverter::new(fields.iter().map(|f| SortField::new(f.data_type().clone())).collect())
        };
        let (key_rows, all_rows) = (fields(&compared.fields()[..keys])?, fields(compared.fields())?);
        let positions =
            compared.fields().iter().map(|f| self.source.column(f.name())).collect::<Result<Vec<_>, _>>()?;
        for (place, (first, reads)) in self.parts.iter().enumerate() {
            if !reads {
                continue;
            }
            let mut at = *first;
            let mut stream = self.source.part(place, Some(&positions));
            while let Some(batch) = stream.try_next().await? {
                let columns = unified(&batch, compared)?;
                self.no_nulls(&columns[..keys], compared, at)?;
                let keyed = key_rows.convert_columns(&columns[..keys])?;
                let whole = all_rows.convert_columns(&columns)?;
                for i in 0..batch.num_rows() {
                    let key = hash(keyed.row(i).data());
                    if share(&key) % of.1 != of.0 {
                        continue;
                    }
                    let shown = || shown(&columns[..keys], compared, i);
                    if !row(key, hash(whole.row(i).data()), at + i as u64, &shown) {
                        return Ok(());
                    }
                }
                at += batch.num_rows() as u64;
                breathe().await;
            }
        }
        Ok(())
    }

    fn no_nulls(&self, keys: &[ArrayRef], compared: &SchemaRef, at: u64) -> Result<(), Error> {
        for (array, field) in keys.iter().zip(compared.fields()) {
            if array.null_count() == 0 {
                continue;
            }
            let row = (0..array.len()).find(|&row| array.is_null(row)).unwrap_or(0) as u64;
            let (file, row) = self.locate(at + row);
            return Err(Error::NullKey { file, row, column: field.name().clone() });
        }
        Ok(())
    }
}

fn unified(batch: &RecordBatch, compared: &SchemaRef) -> Result<Vec<ArrayRef>, Error> {
    let one = |(array, field): (&ArrayRef, &Arc<Field>)| -> Result<ArrayRef, Error> {
        let wanted = field.data_type();
        if array.data_type() == wanted {
            return Ok(array.clone());
        }
        if *wanted == ArrowType::Utf8 {
            let shown = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default())?;
            let text = |row: usize| array.is_valid(row).then(|| shown.value(row).to_string());
            return Ok(Arc::new((0..array.len()).map(text).collect::<StringArray>()));
        }
        Ok(arrow::compute::cast(array, wanted)?)
    };
    batch.columns().iter().zip(compared.fields()).map(one).collect()
}

fn hash(bytes: &[u8]) -> Hash {
    let mut hasher = Hasher::new();
    hasher.update(bytes);
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finish().as_bytes()[..16]);
    short
}

fn share(key: &Hash) -> u64 {
    u64::from(key[0]) << 8 | u64::from(key[1])
}

/// `id=5, day=2026-01-31`.
fn shown(keys: &[ArrayRef], compared: &SchemaRef, row: usize) -> String {
    let one = |(array, field): (&ArrayRef, &Arc<Field>)| {
        let value = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default())
            .map_or_else(|_| String::new(), |shown| shown.value(row).to_string());
        format!("`{}={value}`", field.name())
    };
    keys.iter().zip(compared.fields()).map(one).collect::<Vec<_>>().join(", ")
}
