//! The spool file: a header line of JSON, then records. A record is its length and its CRC-32 (four bytes each,
//! little-endian, of what follows), then its kind: a *shape* (what answered, and the columns, as JSON), or *rows*
//! of a shape that came before. What came to be recorded later stands behind the rows, so that files without it are
//! read: who asked, what the model was told, and what was noticed about the rows. A record that a crash cut short is left out; everything before it is read.
//! Files of the first format, a line of JSON a request, are still read (`spool_lines.rs`).

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crc_fast::{CrcAlgorithm, checksum};
use runtimes::{Column, Frame, Params, Values};
use serde::{Deserialize, Serialize};
use types::{Timestamp, Uid, WorkspaceId, io};

use crate::chunk::Origin;
use crate::{Batch, spool_lines};

const FORMAT: u32 = 2;
/// A missing text's length.
const MISSING: u32 = u32::MAX;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub format: u32,
    /// The id that the segment will have: a spool whose segment is in the database was sealed before a crash.
    pub segment: Uid,
    pub workspace: WorkspaceId,
    pub endpoint: String,
    pub first_ordinal: i64,
}

/// What the rows of many requests have in common.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Shape {
    #[serde(flatten)]
    origin: Origin,
    inputs: Vec<(String, Kind)>,
    outputs: Vec<(String, Kind)>,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Float,
    Integer,
    Boolean,
    Text,
}

/// In the place of the first row that something was noticed about: params follow, and then those rows.
const PARAMS: u32 = u32::MAX;

const SHAPE: u8 = 0;
const ROWS: u8 = 1;

pub struct Spool {
    pub path: PathBuf,
    file: BufWriter<File>,
    shapes: Vec<Shape>,
    /// The record in the making.
    record: Vec<u8>,
}

impl Spool {
    pub fn create(
        dir: &Path,
        segment: Uid,
        workspace: WorkspaceId,
        endpoint: &str,
        first_ordinal: i64,
    ) -> Result<Self, io::Error> {
        let path = dir.join(format!("{segment}.spool"));
        let mut file = BufWriter::with_capacity(256 * 1024, io::create(&path)?);
        let header =
            Header { format: FORMAT, segment, workspace, endpoint: endpoint.to_owned(), first_ordinal };
        let line = serde_json::to_vec(&header).map_err(std::io::Error::other);
        line.and_then(|line| file.write_all(&line).and_then(|()| file.write_all(b"\n")))
            .map_err(|e| io::Error::new("write", &path, e))?;
        Ok(Self { path, file, shapes: Vec::new(), record: Vec::new() })
    }

    pub fn append(&mut self, batch: &Batch) -> Result<(), io::Error> {
        self.write(batch).map_err(|e| io::Error::new("write", &self.path, e))
    }

    fn write(&mut self, batch: &Batch) -> std::io::Result<()> {
        // Nearly always the shape of the request before.
        let shape = match self.shapes.iter().rposition(|shape| shape.is_of(batch)) {
            Some(shape) => shape,
            None => {
                let shape = Shape::of(batch);
                self.record.clear();
                self.record.push(SHAPE);
                serde_json::to_writer(&mut self.record, &shape)?;
                self.shapes.push(shape);
                self.put()?;
                self.shapes.len() - 1
            }
        };
        let record = &mut self.record;
        record.clear();
        record.push(ROWS);
        record.extend(count(shape)?.to_le_bytes());
        record.extend(batch.at.0.to_le_bytes());
        record.extend(batch.latency_us.to_le_bytes());
        record.extend(count(batch.ids.len())?.to_le_bytes());
        for id in &batch.ids {
            record.extend(id.as_u128().to_be_bytes());
        }
        for column in batch.inputs.columns.iter().chain(&batch.outputs.columns) {
            cells(record, &column.values)?;
        }
        text(record, &batch.principal)?;
        if let Some(params) = batch.params.text() {
            record.extend(PARAMS.to_le_bytes());
            text(record, &params)?;
        }
        let flagged = batch.flags.iter().enumerate().filter(|(_, flags)| !flags.is_empty());
        for (row, flags) in flagged {
            record.extend(count(row)?.to_le_bytes());
            record.extend(count(flags.len())?.to_le_bytes());
            flags.iter().try_for_each(|flag| text(record, flag))?;
        }
        self.put()
    }

    fn put(&mut self) -> std::io::Result<()> {
        self.file.write_all(&count(self.record.len())?.to_le_bytes())?;
        self.file.write_all(&crc(&self.record).to_le_bytes())?;
        self.file.write_all(&self.record)
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

fn crc(bytes: &[u8]) -> u32 {
    // A 32-bit algorithm's checksum has 32 bits.
    checksum(CrcAlgorithm::Crc32IsoHdlc, bytes) as u32
}

fn count(n: usize) -> std::io::Result<u32> {
    u32::try_from(n).map_err(|_| std::io::Error::other("a record of more than 4 GiB"))
}

impl Kind {
    fn of(values: &Values) -> Self {
        match values {
            Values::Float(_) => Self::Float,
            Values::Integer(_) => Self::Integer,
            Values::Boolean(_) => Self::Boolean,
            Values::Text(_) => Self::Text,
        }
    }
}

impl Shape {
    fn of(batch: &Batch) -> Self {
        let columns =
            |frame: &Frame| frame.columns.iter().map(|c| (c.name.to_string(), Kind::of(&c.values))).collect();
        Self { origin: Origin::of(batch), inputs: columns(&batch.inputs), outputs: columns(&batch.outputs) }
    }

    fn is_of(&self, batch: &Batch) -> bool {
        let same = |columns: &[(String, Kind)], frame: &Frame| {
            columns.len() == frame.columns.len()
                && columns
                    .iter()
                    .zip(&frame.columns)
                    .all(|((name, kind), c)| *kind == Kind::of(&c.values) && **name == *c.name)
        };
        self.origin.is_of(batch) && same(&self.inputs, &batch.inputs) && same(&self.outputs, &batch.outputs)
    }
}

/// One column: numbers as eight bytes each (whole ones after a byte each that says whether there is one), booleans
/// as 0, 1 or 2 (missing), texts as a length (four bytes) and their bytes.
fn cells(record: &mut Vec<u8>, values: &Values) -> std::io::Result<()> {
    match values {
        Values::Float(v) => v.iter().for_each(|x| record.extend(x.to_le_bytes())),
        Values::Integer(v) => {
            record.extend(v.iter().map(|x| u8::from(x.is_some())));
            v.iter().for_each(|x| record.extend(x.unwrap_or_default().to_le_bytes()));
        }
        Values::Boolean(v) => record.extend(v.iter().map(|x| x.map_or(2, u8::from))),
        Values::Text(v) => {
            for some in v {
                match some {
                    Some(some) => text(record, some)?,
                    None => record.extend(MISSING.to_le_bytes()),
                }
            }
        }
    }
    Ok(())
}

/// A text as its length and its bytes.
fn text(record: &mut Vec<u8>, text: &str) -> std::io::Result<()> {
    record.extend(count(text.len())?.to_le_bytes());
    record.extend(text.as_bytes());
    Ok(())
}

/// A spool as it was found on disk.
pub struct Recovered {
    pub header: Header,
    pub batches: Vec<Batch>,
    /// Records that could not be read: the last one after a crash, others only after damage.
    pub unreadable: usize,
}

/// `None` if not even the header was written.
pub fn recover(path: &Path) -> Result<Option<Recovered>, io::Error> {
    let bytes = io::read(path)?;
    let mut parts = bytes.splitn(2, |b| *b == b'\n');
    let header = parts.next().and_then(|line| serde_json::from_slice::<Header>(line).ok());
    let Some(header) = header else { return Ok(None) };
    let rest = parts.next().unwrap_or_default();
    Ok(match header.format {
        FORMAT => Some(records(header, rest)),
        spool_lines::FORMAT => Some(spool_lines::read(header, rest)),
        _ => None,
    })
}

fn records(header: Header, bytes: &[u8]) -> Recovered {
    let mut recovered = Recovered { header, batches: Vec::new(), unreadable: 0 };
    let mut shapes: Vec<Option<Shape>> = Vec::new();
    let mut bytes = Bytes(bytes);
    while !bytes.0.is_empty() {
        let record =
            bytes.u32().zip(bytes.u32()).and_then(|(length, crc)| Some((bytes.take(length as usize)?, crc)));
        // Without a length that fits, nobody knows where the next record begins.
        let Some((record, sum)) = record else {
            recovered.unreadable += 1;
            break;
        };
        let whole = crc(record) == sum;
        match record.split_first() {
            Some((&SHAPE, json)) => shapes.push(serde_json::from_slice(json).ok().filter(|_| whole)),
            Some((&ROWS, rows)) if whole => match batch(&recovered.header, &shapes, Bytes(rows)) {
                Some(batch) => recovered.batches.push(batch),
                None => recovered.unreadable += 1,
            },
            _ => recovered.unreadable += 1,
        }
    }
    recovered
}

fn batch(header: &Header, shapes: &[Option<Shape>], mut bytes: Bytes<'_>) -> Option<Batch> {
    let shape = shapes.get(bytes.u32()? as usize)?.clone()?;
    let (at, latency_us) = (Timestamp(bytes.i64()?), bytes.i64()?);
    let rows = bytes.u32()? as usize;
    let ids = bytes.take(rows.checked_mul(16)?)?.chunks_exact(16);
    let ids = ids.map(|id| Some(Uid::from_u128(u128::from_be_bytes(id.try_into().ok()?))));
    let ids = ids.collect::<Option<_>>()?;
    let (inputs, outputs) = (bytes.frame(shape.inputs, rows)?, bytes.frame(shape.outputs, rows)?);
    let principal = if bytes.0.is_empty() { String::new() } else { bytes.text()? };
    Some(Batch {
        workspace: header.workspace,
        endpoint: header.endpoint.clone(),
        revision: shape.origin.revision,
        variant: shape.origin.variant,
        model: shape.origin.model,
        version: shape.origin.version,
        model_version: shape.origin.model_version,
        model_digest: shape.origin.model_digest,
        at,
        latency_us,
        ids,
        principal,
        params: bytes.params()?,
        flags: bytes.flags(rows)?,
        inputs,
        outputs,
    })
}

/// What is left of a record.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn i64(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn eights(&mut self, rows: usize) -> Option<impl Iterator<Item = [u8; 8]> + 'b> {
        let bytes = self.take(rows.checked_mul(8)?)?;
        Some(bytes.chunks_exact(8).filter_map(|eight| eight.try_into().ok()))
    }

    fn text(&mut self) -> Option<String> {
        let length = self.u32()?;
        String::from_utf8(self.take(length as usize)?.to_vec()).ok()
    }

    fn params(&mut self) -> Option<Params> {
        match self.0.strip_prefix(&PARAMS.to_le_bytes()) {
            None => Some(Params::default()),
            Some(rest) => {
                self.0 = rest;
                Params::parse(&self.text()?)
            }
        }
    }

    /// What is left: rows with their flags.
    fn flags(&mut self, rows: usize) -> Option<Vec<Vec<String>>> {
        if self.0.is_empty() {
            return Some(Vec::new());
        }
        let mut all = vec![Vec::new(); rows];
        while !self.0.is_empty() {
            let (row, count) = (self.u32()?, self.u32()?);
            let flags = all.get_mut(row as usize)?;
            for _ in 0..count {
                flags.push(self.text()?);
            }
        }
        Some(all)
    }

    fn frame(&mut self, columns: Vec<(String, Kind)>, rows: usize) -> Option<Frame> {
        let column = |(name, kind): (String, Kind)| {
            Some(Column { name: name.into(), values: self.values(kind, rows)? })
        };
        Some(Frame { columns: columns.into_iter().map(column).collect::<Option<_>>()?, rows })
    }

    fn values(&mut self, kind: Kind, rows: usize) -> Option<Values> {
        Some(match kind {
            Kind::Float => Values::Float(self.eights(rows)?.map(f64::from_le_bytes).collect()),
            Kind::Integer => {
                let there = self.take(rows)?;
                let values = self.eights(rows)?.map(i64::from_le_bytes);
                Values::Integer(values.zip(there).map(|(x, there)| (*there != 0).then_some(x)).collect())
            }
            Kind::Boolean => {
                let one = |x: &u8| (*x != 2).then_some(*x != 0);
                Values::Boolean(self.take(rows)?.iter().map(one).collect())
            }
            Kind::Text => {
                let mut texts = Vec::with_capacity(rows.min(self.0.len()));
                for _ in 0..rows {
                    texts.push(match self.u32()? {
                        MISSING => None,
                        length => Some(String::from_utf8(self.take(length as usize)?.to_vec()).ok()?),
                    });
                }
                Values::Text(texts)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_from_before_who_asked_was_written_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let frame =
            || Frame::new(vec![Column { name: "x".into(), values: Values::Float(vec![1.0, 2.0]) }]).unwrap();
        let batch = Batch {
            workspace: WorkspaceId::DEFAULT,
            endpoint: "e".into(),
            revision: Uid::from_u128(1),
            variant: "v".into(),
            model: "m".into(),
            version: 1,
            model_version: Uid::from_u128(2),
            model_digest: None,
            at: Timestamp(5),
            latency_us: 7,
            ids: vec![Uid::from_u128(3), Uid::from_u128(4)],
            principal: "user:ann".into(),
            flags: Vec::new(),
            params: Params::default(),
            inputs: frame(),
            outputs: frame(),
        };
        let mut spool = Spool::create(dir.path(), Uid::from_u128(9), WorkspaceId::DEFAULT, "e", 0).unwrap();
        spool.append(&batch).unwrap();
        spool.flush(false).unwrap();
        assert_eq!(recover(&spool.path).unwrap().unwrap().batches, std::slice::from_ref(&batch));
        // Without the length and the eight letters behind the rows.
        let rows = spool.record[..spool.record.len() - 12].to_vec();
        let mut bytes = io::read(&spool.path).unwrap();
        bytes.truncate(bytes.len() - spool.record.len() - 8);
        bytes.extend(count(rows.len()).unwrap().to_le_bytes());
        bytes.extend(crc(&rows).to_le_bytes());
        bytes.extend(rows);
        io::write(&spool.path, bytes).unwrap();
        let older = Batch { principal: String::new(), ..batch };
        assert_eq!(recover(&spool.path).unwrap().unwrap().batches, std::slice::from_ref(&older));
        let told = r#"{"temperature":0.5,"stop":["a"]}"#;
        let flags = vec![Vec::new(), vec!["range:x".to_owned()]];
        let batch = Batch { params: Params::parse(told).unwrap(), flags, ..older };
        let mut spool = Spool::create(dir.path(), Uid::from_u128(10), WorkspaceId::DEFAULT, "e", 0).unwrap();
        spool.append(&batch).unwrap();
        spool.flush(false).unwrap();
        assert_eq!(recover(&spool.path).unwrap().unwrap().batches, [batch]);
    }
}
