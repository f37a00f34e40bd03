//! Marking what is reached from the trees that are kept.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};

use tasks::CancellationToken;
use types::{Digest, io};

use crate::nodes::Nodes;
use crate::{Error, Object};

/// What was reached. Nodes are few enough for memory; digests of blobs are as many as there are objects, and go to files
/// by their first byte.
pub(crate) struct Marks {
    /// Nodes that are kept.
    pub nodes: HashSet<Digest>,
    /// Those of them below which objects were marked.
    walked: HashSet<Digest>,
    blobs: Spill,
    stop: CancellationToken,
}

impl Marks {
    pub fn new(stop: CancellationToken) -> Result<Self, Error> {
        Ok(Self { nodes: HashSet::new(), walked: HashSet::new(), blobs: Spill::new()?, stop })
    }

    fn go_on(&self) -> Result<(), Error> {
        if self.stop.is_cancelled() {
            return Err(Error::Stopped("nobody waits for the marks any more".into()));
        }
        Ok(())
    }

    pub fn blob(&mut self, digest: &Digest) -> Result<(), Error> {
        self.blobs.add(digest)
    }

    /// The nodes and objects of a tree. Blocking.
    pub fn tree(&mut self, nodes: &Nodes, root: &Digest) -> Result<(), Error> {
        let mut pending = vec![*root];
        while let Some(id) = pending.pop() {
            if id == tree::empty() || !self.walked.insert(id) {
                continue;
            }
            self.go_on()?;
            self.nodes.insert(id);
            let node = nodes.peek(&id)?;
            pending.extend(node.children());
            let mut failed = None;
            node.for_each(|_, value, _| {
                let marked = Object::decode(value)
                    .and_then(|object| object.blobs().iter().try_for_each(|blob| self.blobs.add(blob)));
                if let Err(error) = marked {
                    failed.get_or_insert(error);
                }
            });
            failed.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// The nodes of a tree alone. Blocking. Called after all calls of [`Marks::tree`].
    pub fn nodes_of(&mut self, nodes: &Nodes, root: &Digest) -> Result<(), Error> {
        let mut pending = vec![*root];
        while let Some(id) = pending.pop() {
            if id == tree::empty() || !self.nodes.insert(id) {
                continue;
            }
            self.go_on()?;
            let node = nodes.peek(&id)?;
            match node.level() {
                0 => {}
                // Leaves need not be read.
                1 => self.nodes.extend(node.children()),
                _ => pending.extend(node.children()),
            }
        }
        Ok(())
    }

    /// Marked blobs whose digest begins with `first`.
    pub fn blobs(&mut self, first: u8) -> Result<HashSet<Digest>, Error> {
        self.blobs.read(first)
    }
}

/// Digests in 256 parts of one unnamed file each, written in pieces.
struct Spill(Vec<Option<BufWriter<File>>>);

impl Spill {
    fn new() -> Result<Self, Error> {
        Ok(Self((0..256).map(|_| None).collect()))
    }

    fn add(&mut self, digest: &Digest) -> Result<(), Error> {
        let bytes = digest.as_bytes();
        let part = &mut self.0[usize::from(bytes[0])];
        let file = match part {
            Some(file) => file,
            None => part.insert(BufWriter::with_capacity(64 << 10, tempfile::tempfile().map_err(failed)?)),
        };
        file.write_all(bytes).map_err(failed)
    }

    fn read(&mut self, first: u8) -> Result<HashSet<Digest>, Error> {
        let Some(file) = &mut self.0[usize::from(first)] else { return Ok(HashSet::new()) };
        file.flush().map_err(failed)?;
        let file = file.get_mut();
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes)).map_err(failed)?;
        let digests =
            bytes.chunks_exact(32).filter_map(|chunk| Some(Digest::from_bytes(chunk.try_into().ok()?)));
        Ok(digests.collect())
    }
}

fn failed(error: std::io::Error) -> Error {
    io::Error::new("write marks of garbage collection in", std::env::temp_dir(), error).into()
}
