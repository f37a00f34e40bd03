use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;
use columns::{Place, Table};
use types::{DataType, Digest};

use crate::{Error, place};

/// The column that [`crate::table`] adds.
pub const ROW_ID: &str = "_row_id";

/// Where the rows of a table come from. Rows count from 0 over all files, in their order.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    files: Vec<FileRows>,
    keys: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
struct FileRows {
    name: String,
    digest: Digest,
    source: Bytes,
    rows: usize,
}

/// A row for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPlace {
    pub file: String,
    pub place: Place,
    pub row_id: String,
}

impl Rows {
    /// Of one file, which was read whole into a table of that many rows.
    pub fn of_file(name: &str, source: Bytes, rows: usize) -> Self {
        let mut all = Self::default();
        all.push(name, Digest::of(&source), source, rows);
        all
    }

    pub(crate) fn push(&mut self, name: &str, digest: Digest, source: Bytes, rows: usize) {
        self.files.push(FileRows { name: name.to_owned(), digest, source, rows });
    }

    /// Takes row ids from a column. Errors: `NoKey`, `BadKey`, `MissingKey`, `DuplicateKey`.
    pub(crate) fn set_key(&mut self, table: &Table, column: &str) -> Result<(), Error> {
        let Some(field) = table.schema().field(column) else {
            let known = table.schema().names().map(str::to_owned).collect();
            return Err(Error::NoKey { column: column.to_owned(), known });
        };
        if matches!(field.data_type, DataType::Float | DataType::Binary | DataType::Boolean) {
            return Err(Error::BadKey { column: column.to_owned(), found: field.data_type });
        }
        let mut keys = Vec::with_capacity(table.rows());
        let mut seen: HashMap<String, usize> = HashMap::with_capacity(table.rows());
        for (row, value) in table.texts(column)?.into_iter().enumerate() {
            let (file, place) = self.place(row);
            let (file, column) = (file.to_owned(), column.to_owned());
            let Some(value) = value else {
                return Err(Error::MissingKey { file, place: place(), column });
            };
            match seen.entry(value.clone()) {
                Entry::Vacant(entry) => _ = entry.insert(row),
                Entry::Occupied(entry) => {
                    let (other_file, other_place) = self.place(*entry.get());
                    let other = format!("`{other_file}`, {}", other_place());
                    return Err(Error::DuplicateKey { file, place: place(), column, value, other });
                }
            }
            keys.push(value);
        }
        self.keys = Some(keys);
        Ok(())
    }

    /// The declared key's value, or `<first 12 hexadecimal digits of the file's digest>:<ordinal from 1>`.
    pub fn id(&self, row: usize) -> String {
        if let Some(key) = self.keys.as_ref().and_then(|keys| keys.get(row)) {
            return key.clone();
        }
        match self.file(row) {
            Some((file, ordinal)) => row_id(&file.digest, ordinal),
            None => row.to_string(),
        }
    }

    /// The file of a row, its place there and its id. Scans the file: for messages, not for every row.
    pub fn locate(&self, row: usize) -> RowPlace {
        let (file, place) = self.place(row);
        RowPlace { file: file.to_owned(), place: place(), row_id: self.id(row) }
    }

    /// The files of rows, which come in ascending order, and their places there; each file is scanned once.
    pub fn places(&self, rows: &[usize]) -> Vec<(String, Place)> {
        let mut found = Vec::with_capacity(rows.len());
        let (mut before, mut left) = (0, rows);
        for file in &self.files {
            let (own, others) = left.split_at(left.partition_point(|row| *row < before + file.rows));
            let ordinals: Vec<usize> = own.iter().map(|row| row - before).collect();
            let places = place::locate_all(&file.name, &file.source, &ordinals);
            found.extend(places.into_iter().map(|place| (file.name.clone(), place)));
            (before, left) = (before + file.rows, others);
        }
        found.extend(left.iter().map(|row| ("table".to_owned(), Place::Row(*row as u64 + 1))));
        found
    }

    pub(crate) fn place(&self, row: usize) -> (&str, impl Fn() -> Place) {
        let found = self.file(row);
        let name = found.map_or("table", |(file, _)| file.name.as_str());
        (name, move || match found {
            Some((file, ordinal)) => place::locate(&file.name, &file.source, ordinal),
            None => Place::Row(row as u64 + 1),
        })
    }

    /// The file of a row and its ordinal there, from 0.
    fn file(&self, row: usize) -> Option<(&FileRows, usize)> {
        let mut before = 0;
        for file in &self.files {
            if row < before + file.rows {
                return Some((file, row - before));
            }
            before += file.rows;
        }
        None
    }
}

/// The id of a row without a key; `ordinal` counts from 0, the id from 1.
pub(crate) fn row_id(source: &Digest, ordinal: usize) -> String {
    format!("{}:{}", source.short(), ordinal + 1)
}
