//! Nodes of one commit in one blob: each compressed by itself (a Zstandard frame), one behind the other, then an index
//! of what is where: for each its id (32 bytes), start and length (4 bytes each), then their number (4 bytes) and the
//! last eight bytes, `MLWNODE1`. Numbers are little-endian. Reads use the rows of the ledger; the index is for the day
//! on which these are lost.

use std::sync::Arc;

use tree::{NewNodes, Node};
use types::Digest;

use crate::Error;

const MARK: &[u8; 8] = b"MLWNODE1";
/// A pack that has this many bytes takes no more nodes.
const FULL: usize = 64 << 20;
/// Nodes are a mixture of digests and paths: higher levels cost much time and gain little.
const LEVEL: i32 = 1;
/// Longest node that is believed: one with the longest values at its end.
const LONGEST: usize = 64 << 20;

/// A pack that is not written yet.
pub(crate) struct Pack {
    pub bytes: Vec<u8>,
    pub places: Vec<Place>,
}

/// Where a node is within its pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub id: Digest,
    pub start: u32,
    pub length: u32,
}

/// The packs of new nodes, and these decoded. Blocking; uses all processors where there are many nodes.
pub(crate) fn pack(new: NewNodes) -> Result<(Vec<Pack>, Vec<Arc<Node>>), Error> {
    let mut packs = Vec::new();
    let mut pack = Pack { bytes: Vec::new(), places: Vec::new() };
    let mut nodes = Vec::with_capacity(new.0.len());
    for (node, bytes) in compress(new)? {
        if pack.bytes.len() >= FULL {
            packs.push(std::mem::replace(&mut pack, Pack { bytes: Vec::new(), places: Vec::new() }));
        }
        let (start, length) = (number(pack.bytes.len())?, number(bytes.len())?);
        pack.places.push(Place { id: node.id(), start, length });
        pack.bytes.extend_from_slice(&bytes);
        nodes.push(node);
    }
    packs.push(pack);
    for pack in &mut packs {
        for place in &pack.places {
            pack.bytes.extend_from_slice(place.id.as_bytes());
            pack.bytes.extend_from_slice(&place.start.to_le_bytes());
            pack.bytes.extend_from_slice(&place.length.to_le_bytes());
        }
        pack.bytes.extend_from_slice(&number(pack.places.len())?.to_le_bytes());
        pack.bytes.extend_from_slice(MARK);
    }
    Ok((packs, nodes))
}

/// A node and its bytes, compressed.
type Compressed = (Arc<Node>, Vec<u8>);

/// Each node decoded and compressed, in their order.
fn compress(new: NewNodes) -> Result<Vec<Compressed>, Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(new.0.len() / 4).max(1);
    let part = new.0.len().div_ceil(threads).max(1);
    let one = |nodes: Vec<(Digest, Vec<u8>)>| -> Result<Vec<_>, Error> {
        let failed = |e: std::io::Error| Error::Stopped(format!("nodes could not be compressed: {e}"));
        let mut compressor = zstd::bulk::Compressor::new(LEVEL).map_err(failed)?;
        let each = nodes.into_iter().map(|(id, bytes)| {
            let compressed = compressor.compress(&bytes).map_err(failed)?;
            Ok((Arc::new(Node::made(id, bytes)?), compressed))
        });
        each.collect()
    };
    if threads == 1 {
        return one(new.0);
    }
    let (mut rest, mut parts) = (new.0, Vec::with_capacity(threads));
    while rest.len() > part {
        let after = rest.split_off(part);
        parts.push(std::mem::replace(&mut rest, after));
    }
    parts.push(rest);
    let one = &one;
    std::thread::scope(|scope| {
        let workers: Vec<_> = parts.into_iter().map(|nodes| scope.spawn(move || one(nodes))).collect();
        let mut all = Vec::new();
        for worker in workers {
            let part = worker.join().map_err(|_| Error::Stopped("compressing nodes panicked".into()))?;
            all.extend(part?);
        }
        Ok(all)
    })
}

/// A node from its part of a pack.
pub(crate) fn unpack(id: &Digest, compressed: &[u8]) -> Result<Node, tree::Error> {
    let damaged = |what: String| tree::Error::Damaged { id: *id, what };
    let length = zstd::zstd_safe::get_frame_content_size(compressed)
        .ok()
        .flatten()
        .and_then(|length| usize::try_from(length).ok())
        .filter(|length| *length <= LONGEST)
        .ok_or_else(|| damaged("its length in the pack makes no sense".into()))?;
    let bytes = zstd::bulk::decompress(compressed, length)
        .map_err(|e| damaged(format!("it cannot be unpacked: {e}")))?;
    Node::decode(id, bytes)
}

fn number(value: usize) -> Result<u32, Error> {
    u32::try_from(value).map_err(|_| Error::Stopped("a pack of nodes became longer than 4 GiB".into()))
}

/// What the index of a pack says; `None` if it is no pack.
#[cfg(test)]
pub(crate) fn index(pack: &[u8]) -> Option<Vec<Place>> {
    let (rest, mark) = pack.split_last_chunk::<8>()?;
    let (rest, count) = rest.split_last_chunk::<4>()?;
    let count = u32::from_le_bytes(*count) as usize;
    let table = rest.len().checked_sub(count.checked_mul(40)?)?;
    let place = |row: &[u8]| {
        let (id, rest) = row.split_first_chunk::<32>()?;
        let (start, length) = rest.split_first_chunk::<4>()?;
        Some(Place {
            id: Digest::from_bytes(*id),
            start: u32::from_le_bytes(*start),
            length: u32::from_le_bytes(length.try_into().ok()?),
        })
    };
    if mark != MARK { None } else { rest[table..].chunks(40).map(place).collect() }
}
