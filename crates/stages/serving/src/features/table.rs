//! Where the values of features come from: today a table in memory.

use std::collections::HashMap;

use columns::Table;
use runtimes::{Column, ColumnSpec, ColumnType, Frame, Values};
use types::DataType;

use crate::Error;
use crate::batch::values;

/// What a table of features gives for some keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// One row a key, in their order; missing values where the key is not known.
    pub rows: Frame,
    /// Whether each key is known.
    pub known: Vec<bool>,
}

/// Values of features by the key of what they are about. Asked in the middle of a prediction: it does not wait for long.
pub trait FeatureLookup: Send + Sync {
    /// What the key is called, and its type: a whole number or a text.
    fn key(&self) -> &ColumnSpec;

    /// The features that there are, with their types.
    fn columns(&self) -> &[ColumnSpec];

    /// The values of these features, in this order, for each key.
    fn look_up(&self, keys: &Values, columns: &[String]) -> Result<Found, runtimes::Error>;
}

/// A table in memory with one row a key, which never changes.
pub struct KeyedTable {
    key: ColumnSpec,
    specs: Vec<ColumnSpec>,
    rows: Frame,
    places: Places,
}

enum Places {
    Numbers(HashMap<i64, usize>),
    Texts(HashMap<Box<str>, usize>),
}

impl KeyedTable {
    /// Errors: no such key, a key of another type, without a value, or twice.
    pub fn new(table: &Table, key: &str) -> Result<Self, String> {
        let named =
            |name: &str, kind| ColumnSpec { name: name.to_owned(), column_type: kind, required: true };
        let (mut specs, mut rows, mut places, mut own) = (Vec::new(), Vec::new(), None, None);
        for field in &table.schema().fields {
            let values = values(table, &field.name).map_err(|e: Error| e.to_string())?;
            let kind = match field.data_type {
                DataType::Boolean => ColumnType::Boolean,
                DataType::Integer => ColumnType::Long,
                DataType::Float => ColumnType::Double,
                DataType::String | DataType::Timestamp | DataType::Date | DataType::Binary => {
                    ColumnType::String
                }
            };
            if field.name == key {
                own = Some(named(key, kind));
                places = Some(Places::of(key, values)?);
                continue;
            }
            specs.push(named(&field.name, kind));
            rows.push(Column { name: field.name.as_str().into(), values });
        }
        let (Some(key), Some(places)) = (own, places) else {
            let known: Vec<&str> = table.schema().names().collect();
            return Err(format!("it has no column `{key}`; its columns are {}", known.join(", ")));
        };
        let rows = Frame { columns: rows, rows: table.rows() };
        Ok(Self { key, specs, rows, places })
    }
}

impl Places {
    fn of(key: &str, values: Values) -> Result<Self, String> {
        let without = |row: usize| format!("row {row} has no `{key}`");
        let twice = |what: &dyn std::fmt::Display| format!("`{key}` {what} stands there twice");
        match values {
            Values::Integer(keys) => {
                let mut places = HashMap::with_capacity(keys.len());
                for (row, key) in keys.into_iter().enumerate() {
                    let key = key.ok_or_else(|| without(row))?;
                    if places.insert(key, row).is_some() {
                        return Err(twice(&key));
                    }
                }
                Ok(Self::Numbers(places))
            }
            Values::Text(keys) => {
                let mut places: HashMap<Box<str>, usize> = HashMap::with_capacity(keys.len());
                for (row, key) in keys.into_iter().enumerate() {
                    let key = key.ok_or_else(|| without(row))?.into_boxed_str();
                    if places.contains_key(&key) {
                        return Err(twice(&format!("`{key}`")));
                    }
                    places.insert(key, row);
                }
                Ok(Self::Texts(places))
            }
            Values::Float(_) | Values::Boolean(_) => {
                Err(format!("`{key}` is no key: whole numbers and texts are"))
            }
        }
    }

    fn find(&self, keys: &Values) -> Vec<Option<usize>> {
        match (self, keys) {
            (Self::Numbers(places), Values::Integer(keys)) => {
                keys.iter().map(|key| places.get(key.as_ref()?).copied()).collect()
            }
            (Self::Texts(places), Values::Text(keys)) => {
                keys.iter().map(|key| places.get(key.as_deref()?).copied()).collect()
            }
            _ => vec![None; keys.len()],
        }
    }
}

impl FeatureLookup for KeyedTable {
    fn key(&self) -> &ColumnSpec {
        &self.key
    }

    fn columns(&self) -> &[ColumnSpec] {
        &self.specs
    }

    fn look_up(&self, keys: &Values, columns: &[String]) -> Result<Found, runtimes::Error> {
        let places = self.places.find(keys);
        let mut found = Vec::with_capacity(columns.len());
        for name in columns {
            let column = self.rows.column(name).ok_or_else(|| runtimes::Error::NoSuchColumn {
                name: name.clone(),
                known: self.rows.names().collect::<Vec<_>>().join(", "),
            })?;
            found.push(Column { name: name.as_str().into(), values: taken(&column.values, &places) });
        }
        let known = places.iter().map(Option::is_some).collect();
        Ok(Found { rows: Frame { columns: found, rows: places.len() }, known })
    }
}

fn taken(values: &Values, places: &[Option<usize>]) -> Values {
    fn pick<T: Clone>(values: &[Option<T>], places: &[Option<usize>]) -> Vec<Option<T>> {
        places.iter().map(|place| values.get((*place)?).cloned().flatten()).collect()
    }
    match values {
        Values::Float(v) => {
            let one = |place: &Option<usize>| place.and_then(|at| v.get(at).copied()).unwrap_or(f64::NAN);
            Values::Float(places.iter().map(one).collect())
        }
        Values::Integer(v) => Values::Integer(pick(v, places)),
        Values::Boolean(v) => Values::Boolean(pick(v, places)),
        Values::Text(v) => Values::Text(pick(v, places)),
    }
}

#[cfg(test)]
mod tests {
    use columns::column;

    use super::*;

    fn people(ids: [Option<i64>; 3]) -> Table {
        Table::new(vec![
            ("id".into(), column::integers(ids)),
            ("age".into(), column::floats([Some(31.5), None, Some(7.0)])),
            ("town".into(), column::strings([Some("Bonn"), Some("Rome"), None])),
        ])
        .unwrap()
    }

    #[test]
    fn features_are_found_by_key_in_the_order_of_the_keys() {
        let table = KeyedTable::new(&people([Some(5), Some(9), Some(2)]), "id").unwrap();
        let keys = Values::Integer(vec![Some(2), Some(5), Some(7), None, Some(9)]);
        let found = table.look_up(&keys, &["town".into(), "age".into()]).unwrap();
        assert_eq!(found.known, [true, true, false, false, true]);
        let Values::Float(ages) = &found.rows.columns[1].values else { panic!() };
        assert_eq!(ages[..2], [7.0, 31.5]);
        assert!(ages[2..].iter().all(|age| age.is_nan()), "{ages:?}");
        let town = |name: &str| Some(name.to_owned());
        let towns = Values::Text(vec![None, town("Bonn"), None, None, town("Rome")]);
        assert_eq!(found.rows.columns[0].values, towns);
        assert!(table.look_up(&keys, &["nope".into()]).is_err());
        let texts = table.look_up(&Values::Text(vec![town("5")]), &[]).unwrap();
        assert_eq!(texts.known, [false], "a text is no number");
    }

    #[test]
    fn a_key_may_be_a_text() {
        let table = Table::new(vec![
            ("name".into(), column::strings([Some("ann"), Some("bob")])),
            ("age".into(), column::integers([Some(1), Some(2)])),
        ])
        .unwrap();
        let table = KeyedTable::new(&table, "name").unwrap();
        assert_eq!(table.key().column_type, ColumnType::String);
        let found = table.look_up(&Values::Text(vec![Some("bob".into())]), &["age".into()]).unwrap();
        assert_eq!(found.rows.columns[0].values, Values::Integer(vec![Some(2)]));
    }

    #[test]
    fn a_table_that_is_not_keyed_is_refused() {
        for (ids, key, why) in [
            ([Some(5), Some(5), Some(2)], "id", "`id` 5 stands there twice"),
            ([Some(5), None, Some(2)], "id", "row 1 has no `id`"),
            ([Some(5), Some(1), Some(2)], "age", "is no key"),
            ([Some(5), Some(1), Some(2)], "nope", "its columns are id, age, town"),
        ] {
            let said = KeyedTable::new(&people(ids), key).err().unwrap();
            assert!(said.contains(why), "{said}");
        }
    }
}
