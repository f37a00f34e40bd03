use columns::{Table, column};
use types::{Timestamp, Uid};

use crate::table::{
    self, AT, FLAGS, ID, INPUT, LATENCY, MODEL_VERSION, ORDINAL, OUTPUT, PARAMS, PRINCIPAL, REVISION, VARIANT,
};
use crate::{Error, Labelled, Rows};

impl Rows {
    pub(crate) fn from_tables(tables: &[Table], segments: Vec<Uid>) -> Result<Self, Error> {
        let table = table::stack(tables)?;
        if table.rows() == 0 {
            let empty = Table::new(Vec::new())?;
            return Ok(Self {
                ordinals: Vec::new(),
                ids: Vec::new(),
                at: Vec::new(),
                revisions: Vec::new(),
                variants: Vec::new(),
                model_versions: Vec::new(),
                latency_us: Vec::new(),
                principals: Vec::new(),
                flags: Vec::new(),
                params: Vec::new(),
                inputs: empty.clone(),
                outputs: empty,
                segments,
            });
        }
        let uids = |name: &str| -> Result<Vec<Uid>, Error> {
            let texts = table.texts(name)?;
            Ok(texts
                .into_iter()
                .map(|t| t.and_then(|t| t.parse().ok()).unwrap_or(Uid::from_u128(0)))
                .collect())
        };
        Ok(Self {
            ordinals: integers(&table, ORDINAL)?,
            ids: uids(ID)?,
            at: table::times(&table, AT)?,
            revisions: uids(REVISION)?,
            variants: table.texts(VARIANT)?.into_iter().map(Option::unwrap_or_default).collect(),
            model_versions: uids(MODEL_VERSION)?,
            latency_us: integers(&table, LATENCY)?,
            principals: table::added_later(&table, PRINCIPAL)?
                .into_iter()
                .map(Option::unwrap_or_default)
                .collect(),
            flags: table::added_later(&table, FLAGS)?
                .iter()
                .map(|cell| table::read_flags(cell.as_deref()))
                .collect(),
            params: table::added_later(&table, PARAMS)?,
            inputs: table::part(&table, INPUT)?,
            outputs: table::part(&table, OUTPUT)?,
            segments,
        })
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// These rows, in this order.
    pub fn take(&self, rows: &[usize]) -> Result<Self, Error> {
        fn pick<T: Clone>(v: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().map(|i| v[*i].clone()).collect()
        }
        Ok(Self {
            ordinals: pick(&self.ordinals, rows),
            ids: pick(&self.ids, rows),
            at: pick(&self.at, rows),
            revisions: pick(&self.revisions, rows),
            variants: pick(&self.variants, rows),
            model_versions: pick(&self.model_versions, rows),
            latency_us: pick(&self.latency_us, rows),
            principals: pick(&self.principals, rows),
            flags: pick(&self.flags, rows),
            params: pick(&self.params, rows),
            inputs: self.inputs.take(rows)?,
            outputs: self.outputs.take(rows)?,
            segments: self.segments.clone(),
        })
    }

    /// When the newest of them was made.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.at.iter().max().copied()
    }
}

pub(crate) fn integers(table: &Table, name: &str) -> Result<Vec<i64>, Error> {
    Ok(table.numbers(name)?.into_iter().map(|n| n.unwrap_or(0.0) as i64).collect())
}

impl Labelled {
    /// These rows, in this order.
    pub fn take(&self, rows: &[usize]) -> Result<Self, Error> {
        let labels = rows.iter().map(|row| self.labels[*row].clone()).collect();
        Ok(Self { rows: self.rows.take(rows)?, labels })
    }

    /// The input columns and the label as last column, under `label`: rows as a training set has them.
    pub fn table(&self, label: &str) -> Result<Table, Error> {
        Ok(self.rows.inputs.with_column(label, labels(&self.labels))?)
    }
}

/// Booleans, whole numbers, numbers, else text.
fn labels(values: &[serde_json::Value]) -> columns::ArrayRef {
    use serde_json::Value;
    if values.iter().all(Value::is_boolean) {
        return column::booleans(values.iter().map(Value::as_bool));
    }
    if values.iter().all(Value::is_i64) {
        return column::integers(values.iter().map(Value::as_i64));
    }
    if values.iter().all(Value::is_number) {
        return column::floats(values.iter().map(Value::as_f64));
    }
    column::strings(values.iter().map(|v| match v {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }))
}
