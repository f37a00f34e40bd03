use columns::Table;
use types::DataType;

use crate::Error;

/// One column, read once for all its rules.
pub(crate) struct Cells {
    data_type: DataType,
    /// For float columns.
    numbers: Vec<Option<f64>>,
    /// For all others, as text; integers keep all their digits so.
    texts: Vec<Option<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Number(f64),
    Integer(i64),
    Text(&'a str),
}

impl Cells {
    pub fn of(table: &Table, column: &str) -> Result<Self, Error> {
        let data_type = table.field(column)?.data_type;
        let (mut numbers, mut texts) = (Vec::new(), Vec::new());
        match data_type {
            DataType::Float => numbers = table.numbers(column)?,
            _ => texts = table.texts(column)?,
        }
        Ok(Self { data_type, numbers, texts })
    }

    pub fn iter(&self) -> impl Iterator<Item = Cell<'_>> {
        let numbers = self.numbers.iter().map(|v| v.map_or(Cell::Null, Cell::Number));
        let texts = self.texts.iter().map(|v| match v.as_deref() {
            None => Cell::Null,
            Some(text) if self.data_type == DataType::Integer => {
                text.parse().map_or(Cell::Text(text), Cell::Integer)
            }
            Some(text) => Cell::Text(text),
        });
        numbers.chain(texts)
    }
}

impl<'a> Cell<'a> {
    pub fn number(self) -> Option<f64> {
        match self {
            Cell::Number(v) => Some(v),
            Cell::Integer(v) => Some(v as f64),
            Cell::Null | Cell::Text(_) => None,
        }
    }

    pub fn text(self) -> Option<&'a str> {
        match self {
            Cell::Text(v) => Some(v),
            _ => None,
        }
    }

    /// For the report; texts are cut at 80 characters.
    pub fn json(self) -> serde_json::Value {
        match self {
            Cell::Null => serde_json::Value::Null,
            Cell::Integer(v) => v.into(),
            Cell::Number(v) if v.is_finite() => v.into(),
            Cell::Number(v) => v.to_string().into(),
            Cell::Text(v) => match v.char_indices().nth(80) {
                Some((cut, _)) => format!("{}…", &v[..cut]).into(),
                None => v.into(),
            },
        }
    }
}
