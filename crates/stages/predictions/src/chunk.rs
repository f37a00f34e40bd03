//! Rows of requests that had the same origin and the same columns, one below the other: ten thousand requests of a
//! row each are a few chunks, and not ten thousand tables.

use std::sync::Arc;

use runtimes::{Column, Frame, Values};
use serde::{Deserialize, Serialize};
use types::{Digest, Timestamp, Uid};

use crate::Batch;

/// Rows after which the next request begins another chunk: one that is being read is copied before it grows.
const MOST_ROWS: usize = 4096;

/// What answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    pub revision: Uid,
    pub variant: String,
    pub model: String,
    pub version: i64,
    pub model_version: Uid,
    pub model_digest: Option<Digest>,
}

/// One request's share of the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub rows: usize,
    pub at: Timestamp,
    pub latency_us: i64,
    pub principal: String,
    /// As [`runtimes::Params::text`].
    pub params: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Chunk {
    pub origin: Arc<Origin>,
    /// In the order of the rows; together they have all of them.
    pub asked: Vec<Asked>,
    pub ids: Vec<Uid>,
    /// Of the rows about which something was noticed, in order.
    pub flags: Vec<(usize, Vec<String>)>,
    pub inputs: Frame,
    pub outputs: Frame,
}

impl Chunk {
    pub fn new(batch: Batch) -> Self {
        let origin = Arc::new(Origin::of(&batch));
        let (rows, at, latency_us) = (batch.ids.len(), batch.at, batch.latency_us);
        Self {
            origin,
            asked: vec![Asked {
                rows,
                at,
                latency_us,
                principal: batch.principal,
                params: batch.params.text(),
            }],
            flags: flagged(batch.flags, 0).collect(),
            ids: batch.ids,
            inputs: batch.inputs,
            outputs: batch.outputs,
        }
    }

    /// Whether the batch's rows may follow in this chunk.
    pub fn fits(&self, batch: &Batch) -> bool {
        self.ids.len() + batch.ids.len() <= MOST_ROWS
            && self.origin.is_of(batch)
            && alike(&self.inputs, &batch.inputs)
            && alike(&self.outputs, &batch.outputs)
    }

    /// The batch [fits](Self::fits).
    pub fn push(&mut self, batch: Batch) {
        let (rows, at, latency_us) = (batch.ids.len(), batch.at, batch.latency_us);
        let params = batch.params.text();
        self.asked.push(Asked { rows, at, latency_us, principal: batch.principal, params });
        self.flags.extend(flagged(batch.flags, self.ids.len()));
        self.ids.extend(batch.ids);
        below(&mut self.inputs, batch.inputs);
        below(&mut self.outputs, batch.outputs);
    }

    /// When each row was asked for.
    pub fn times(&self) -> impl Iterator<Item = Timestamp> {
        self.asked.iter().flat_map(|asked| std::iter::repeat_n(asked.at, asked.rows))
    }

    pub fn latencies(&self) -> impl Iterator<Item = i64> {
        self.asked.iter().flat_map(|asked| std::iter::repeat_n(asked.latency_us, asked.rows))
    }

    /// Who asked for each row.
    pub fn principals(&self) -> impl Iterator<Item = &str> {
        self.asked.iter().flat_map(|asked| std::iter::repeat_n(asked.principal.as_str(), asked.rows))
    }

    /// What the model was told beside each row.
    pub fn params(&self) -> impl Iterator<Item = Option<&str>> {
        self.asked.iter().flat_map(|asked| std::iter::repeat_n(asked.params.as_deref(), asked.rows))
    }

    /// One row as a chunk; `row` is one of this chunk's.
    pub fn row(&self, row: usize) -> Self {
        let mut before = 0;
        let asked = self.asked.iter().find(|asked| {
            before += asked.rows;
            row < before
        });
        Self {
            origin: Arc::clone(&self.origin),
            asked: asked.map(|asked| Asked { rows: 1, ..asked.clone() }).into_iter().collect(),
            flags: self.flags.iter().filter(|(at, _)| *at == row).map(|(_, f)| (0, f.clone())).collect(),
            ids: self.ids.get(row).copied().into_iter().collect(),
            inputs: only(&self.inputs, row),
            outputs: only(&self.outputs, row),
        }
    }
}

impl Origin {
    pub fn of(batch: &Batch) -> Self {
        Self {
            revision: batch.revision,
            variant: batch.variant.clone(),
            model: batch.model.clone(),
            version: batch.version,
            model_version: batch.model_version,
            model_digest: batch.model_digest,
        }
    }

    pub fn is_of(&self, batch: &Batch) -> bool {
        self.revision == batch.revision
            && self.model_version == batch.model_version
            && self.version == batch.version
            && self.model_digest == batch.model_digest
            && self.variant == batch.variant
            && self.model == batch.model
    }
}

/// Those that are there, with the rows that they are at in a chunk of `before` rows.
fn flagged(flags: Vec<Vec<String>>, before: usize) -> impl Iterator<Item = (usize, Vec<String>)> {
    let each = flags.into_iter().enumerate().filter(|(_, flags)| !flags.is_empty());
    each.map(move |(row, flags)| (before + row, flags))
}

/// The same columns, of the same types, in the same order.
fn alike(one: &Frame, other: &Frame) -> bool {
    let same = |(a, b): (&Column, &Column)| {
        std::mem::discriminant(&a.values) == std::mem::discriminant(&b.values) && a.name == b.name
    };
    one.columns.len() == other.columns.len() && one.columns.iter().zip(&other.columns).all(same)
}

fn below(frame: &mut Frame, more: Frame) {
    frame.rows += more.rows;
    for (column, more) in frame.columns.iter_mut().zip(more.columns) {
        match (&mut column.values, more.values) {
            (Values::Float(all), Values::Float(more)) => all.extend(more),
            (Values::Integer(all), Values::Integer(more)) => all.extend(more),
            (Values::Boolean(all), Values::Boolean(more)) => all.extend(more),
            (Values::Text(all), Values::Text(more)) => all.extend(more),
            // Not alike; `fits` has excluded it.
            _ => {}
        }
    }
}

fn only(frame: &Frame, row: usize) -> Frame {
    fn one<T: Clone>(values: &[T], row: usize) -> Vec<T> {
        values.get(row).cloned().into_iter().collect()
    }
    let columns = frame.columns.iter().map(|column| {
        let values = match &column.values {
            Values::Float(v) => Values::Float(one(v, row)),
            Values::Integer(v) => Values::Integer(one(v, row)),
            Values::Boolean(v) => Values::Boolean(one(v, row)),
            Values::Text(v) => Values::Text(one(v, row)),
        };
        Column { name: column.name.clone(), values }
    });
    Frame { columns: columns.collect(), rows: 1 }
}
