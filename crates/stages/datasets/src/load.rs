//! From files to one table with one schema. Everything here is CPU work on bytes in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use columns::Table;
use types::{DataType, Digest, Schema};

use crate::{Error, NonFinite, ROW_ID, Rows};

/// A file whose digest was checked.
#[derive(Clone)]
pub(crate) struct SourceBytes {
    pub name: String,
    pub digest: Digest,
    pub bytes: Bytes,
}

pub(crate) struct Loaded {
    pub schema: Schema,
    /// One a file, all of that schema.
    pub tables: Vec<Table>,
    pub whole: Table,
    pub rows: Rows,
}

pub(crate) struct Rules {
    pub key: Option<String>,
    pub schema: Option<Schema>,
    pub types: BTreeMap<String, DataType>,
    pub non_finite: NonFinite,
}

pub(crate) fn load(files: &[SourceBytes], rules: &Rules) -> Result<Loaded, Error> {
    let mut tables = Vec::with_capacity(files.len());
    for file in files {
        let table = match &rules.schema {
            Some(schema) => columns::read(&file.name, file.bytes.clone(), Some(schema))?,
            None => columns::read_typed(&file.name, file.bytes.clone(), &rules.types)?,
        };
        if table.schema().field(ROW_ID).is_some() {
            return Err(Error::ReservedColumn { file: file.name.clone(), column: ROW_ID.to_owned() });
        }
        tables.push(table);
    }
    let schema = common_schema(files, &tables)?;
    for (file, table) in files.iter().zip(&mut tables) {
        if *table.schema() != schema {
            *table = columns::read(&file.name, file.bytes.clone(), Some(&schema))?;
        }
    }
    let mut rows = Rows::default();
    for (file, table) in files.iter().zip(&tables) {
        rows.push(&file.name, file.digest, file.bytes.clone(), table.rows());
    }
    let whole = Table::concat(&tables)?;
    if rules.non_finite == NonFinite::Reject {
        check_finite(&whole, &rows)?;
    }
    if let Some(key) = &rules.key {
        rows.set_key(&whole, key)?;
    }
    Ok(Loaded { schema, tables, whole, rows })
}

/// The columns of the first file, wide enough for all: integers beside floats are floats, a column without any
/// value takes the others' type, and nullable is what is nullable anywhere.
fn common_schema(files: &[SourceBytes], tables: &[Table]) -> Result<Schema, Error> {
    let Some(first) = tables.first() else { return Err(Error::NoFiles) };
    let mut common = first.schema().clone();
    let mut known: Vec<bool> =
        common.fields.iter().map(|f| has_values(first, &f.name)).collect::<Result<_, _>>()?;
    for (file, table) in files.iter().zip(tables).skip(1) {
        let name = || file.name.clone();
        let found: Vec<String> = table.schema().names().map(str::to_owned).collect();
        if let Some(column) = found.iter().find(|c| common.field(c).is_none()) {
            let expected = common.names().map(str::to_owned).collect();
            let (file, column) = (name(), column.clone());
            return Err(columns::Error::UnknownColumn { file, column, expected }.into());
        }
        for (field, known) in common.fields.iter_mut().zip(&mut known) {
            let Some(other) = table.schema().field(&field.name) else {
                let (file, column) = (name(), field.name.clone());
                return Err(columns::Error::MissingColumn { file, column, found }.into());
            };
            field.nullable |= other.nullable;
            let valued = has_values(table, &field.name)?;
            if field.data_type == other.data_type || !valued {
                *known |= valued;
            } else if !*known {
                (field.data_type, *known) = (other.data_type, true);
            } else if field.data_type.is_numeric() && other.data_type.is_numeric() {
                field.data_type = DataType::Float;
            } else {
                let (file, column, expected) = (name(), field.name.clone(), field.data_type);
                let found = other.data_type.name().to_owned();
                return Err(columns::Error::TypeMismatch { file, column, found, expected }.into());
            }
        }
    }
    Ok(common)
}

fn has_values(table: &Table, column: &str) -> Result<bool, Error> {
    if table.field(column)?.nullable {
        return Ok(table.texts(column)?.iter().any(Option::is_some));
    }
    Ok(true)
}

fn check_finite(table: &Table, rows: &Rows) -> Result<(), Error> {
    for field in table.schema().fields.iter().filter(|f| f.data_type == DataType::Float) {
        let bad = |value: &Option<f64>| value.is_some_and(|v| !v.is_finite());
        let numbers = table.numbers(&field.name)?;
        if let Some(row) = numbers.iter().position(bad) {
            let value = numbers[row].unwrap_or(f64::NAN).to_string();
            let (file, place) = rows.place(row);
            let (file, column) = (file.to_owned(), field.name.clone());
            return Err(Error::NonFinite { file, place: place(), column, value });
        }
    }
    Ok(())
}
