//! The spool file: a header line, then one line of JSON a batch. A line that a crash cut short is left out;
//! everything before it is read.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use runtimes::{Column, Frame, Values};
use serde::{Deserialize, Serialize};
use types::{Digest, Timestamp, Uid, WorkspaceId, io};

use crate::Batch;

const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    format: u32,
    /// The id that the segment will have: a spool whose segment is in the database was sealed before a crash.
    pub segment: Uid,
    pub workspace: WorkspaceId,
    pub endpoint: String,
    pub first_ordinal: i64,
}

#[derive(Serialize, Deserialize)]
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
    #[serde(default)]
    principal: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    flags: Vec<Vec<String>>,
    inputs: Vec<(String, Cells)>,
    outputs: Vec<(String, Cells)>,
}

/// JSON has no NaN (written as null) and no infinities (then the column is written as text).
#[derive(Serialize, Deserialize)]
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

pub struct Spool {
    pub path: PathBuf,
    file: BufWriter<File>,
}

impl Spool {
    pub fn create(
        dir: &Path,
        segment: Uid,
        workspace: WorkspaceId,
        endpoint: &str,
        first_ordinal: i64,
    ) -> Result<Self, io::Error> {
        let path = dir.join(format!("{segment}.jsonl"));
        let mut file = BufWriter::with_capacity(256 * 1024, io::create(&path)?);
        let header =
            Header { format: FORMAT, segment, workspace, endpoint: endpoint.to_owned(), first_ordinal };
        write_line(&mut file, &header).map_err(|e| io::Error::new("write", &path, e))?;
        Ok(Self { path, file })
    }

    pub fn append(&mut self, batch: &Batch) -> Result<(), io::Error> {
        write_line(&mut self.file, &line(batch)).map_err(|e| io::Error::new("write", &self.path, e))
    }

    /// Hands everything to the operating system; with `sync`, to the disk.
    pub fn flush(&mut self, sync: bool) -> Result<(), io::Error> {
        self.file.flush().map_err(|e| io::Error::new("write", &self.path, e))?;
        if sync {
            self.file.get_ref().sync_data().map_err(|e| io::Error::new("sync", &self.path, e))?;
        }
        Ok(())
    }
}

fn write_line(file: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, value)?;
    file.write_all(b"\n")
}

fn line(batch: &Batch) -> Line {
    Line {
        revision: batch.revision,
        variant: batch.variant.clone(),
        model: batch.model.clone(),
        version: batch.version,
        model_version: batch.model_version,
        model_digest: batch.model_digest,
        at: batch.at,
        latency_us: batch.latency_us,
        ids: batch.ids.clone(),
        principal: batch.principal.clone(),
        flags: batch.flags.clone(),
        inputs: cells(&batch.inputs),
        outputs: cells(&batch.outputs),
    }
}

fn cells(frame: &Frame) -> Vec<(String, Cells)> {
    frame
        .columns
        .iter()
        .map(|column| {
            let cells = match &column.values {
                Values::Float(v) if v.iter().any(|x| x.is_infinite()) => {
                    Cells::FloatText(v.iter().map(f64::to_string).collect())
                }
                Values::Float(v) => {
                    Cells::Float(v.iter().map(|x| if x.is_nan() { None } else { Some(*x) }).collect())
                }
                Values::Integer(v) => Cells::Integer(v.clone()),
                Values::Boolean(v) => Cells::Boolean(v.clone()),
                Values::Text(v) => Cells::Text(v.clone()),
            };
            (column.name.clone(), cells)
        })
        .collect()
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
            Column { name, values }
        })
        .collect();
    if columns.iter().any(|c| c.values.len() != rows) {
        return None;
    }
    Some(Frame { columns, rows })
}

/// A spool as it was found on disk.
pub struct Recovered {
    pub header: Header,
    pub batches: Vec<Batch>,
    /// Lines that could not be read: the last one after a crash, others only after damage.
    pub unreadable: usize,
}

/// `None` if not even the header was written.
pub fn recover(path: &Path) -> Result<Option<Recovered>, io::Error> {
    let bytes = io::read(path)?;
    let mut lines = bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    let header = lines.next().and_then(|l| serde_json::from_slice::<Header>(l).ok());
    let Some(header) = header.filter(|h| h.format == FORMAT) else { return Ok(None) };
    let mut recovered = Recovered { header, batches: Vec::new(), unreadable: 0 };
    for line in lines {
        match serde_json::from_slice::<Line>(line).ok().and_then(|l| batch(l, &recovered.header)) {
            Some(batch) => recovered.batches.push(batch),
            None => recovered.unreadable += 1,
        }
    }
    Ok(Some(recovered))
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
        principal: line.principal,
        flags: line.flags,
        inputs: frame(line.inputs, rows)?,
        outputs: frame(line.outputs, rows)?,
    })
}
