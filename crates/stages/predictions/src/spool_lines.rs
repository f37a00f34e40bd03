//! The first format of the spool: after the header a line of JSON a request. It is read only, for servers that find
//! files of an older one. A line that a crash cut short is left out; everything before it is read.

use runtimes::{Column, Frame, Params, Values};
use serde::Deserialize;
use types::{Digest, Timestamp, Uid};

use crate::Batch;
use crate::spool::{Header, Recovered};

pub const FORMAT: u32 = 1;

#[derive(Deserialize)]
struct Line {
    revision: Uid,
    variant: String,
    model: String,
    version: i64,
    model_version: Uid,
    model_digest: Option<Digest>,
    at: Timestamp,
    latency_us: i64,
    ids: Vec<Uid>,
    inputs: Vec<(String, Cells)>,
    outputs: Vec<(String, Cells)>,
}

/// JSON has no NaN (written as null) and no infinities (then the column is written as text).
#[derive(Deserialize)]
enum Cells {
    #[serde(rename = "f")]
    Float(Vec<Option<f64>>),
    #[serde(rename = "x")]
    FloatText(Vec<String>),
    #[serde(rename = "i")]
    Integer(Vec<Option<i64>>),
    #[serde(rename = "b")]
    Boolean(Vec<Option<bool>>),
    #[serde(rename = "t")]
    Text(Vec<Option<String>>),
}

pub fn read(header: Header, bytes: &[u8]) -> Recovered {
    let mut recovered = Recovered { header, batches: Vec::new(), unreadable: 0 };
    for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice::<Line>(line).ok().and_then(|l| batch(l, &recovered.header)) {
            Some(batch) => recovered.batches.push(batch),
            None => recovered.unreadable += 1,
        }
    }
    recovered
}

fn frame(cells: Vec<(String, Cells)>, rows: usize) -> Option<Frame> {
    let columns: Vec<Column> = cells
        .into_iter()
        .map(|(name, cells)| {
            let values = match cells {
                Cells::Float(v) => Values::Float(v.into_iter().map(|x| x.unwrap_or(f64::NAN)).collect()),
                Cells::FloatText(v) => {
                    Values::Float(v.into_iter().map(|x| x.parse().unwrap_or(f64::NAN)).collect())
                }
                Cells::Integer(v) => Values::Integer(v),
                Cells::Boolean(v) => Values::Boolean(v),
                Cells::Text(v) => Values::Text(v),
            };
            Column { name: name.into(), values }
        })
        .collect();
    if columns.iter().any(|c| c.values.len() != rows) {
        return None;
    }
    Some(Frame { columns, rows })
}

fn batch(line: Line, header: &Header) -> Option<Batch> {
    let rows = line.ids.len();
    Some(Batch {
        workspace: header.workspace,
        endpoint: header.endpoint.clone(),
        revision: line.revision,
        variant: line.variant,
        model: line.model,
        version: line.version,
        model_version: line.model_version,
        model_digest: line.model_digest,
        at: line.at,
        latency_us: line.latency_us,
        ids: line.ids,
        principal: String::new(),
        flags: Vec::new(),
        params: Params::default(),
        inputs: frame(line.inputs, rows)?,
        outputs: frame(line.outputs, rows)?,
    })
}
