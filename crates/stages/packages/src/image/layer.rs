//! One layer: a tar file, compressed, without anything that differs from machine to machine.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use types::io;

use crate::Error;

/// What lies at a path of the image (without the leading `/`).
#[derive(Clone, Debug)]
pub enum Entry {
    File { from: PathBuf, mode: u32 },
    Text { text: String, mode: u32 },
    Folder { mode: u32 },
    Link { to: String },
}

/// A written layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// `sha256:…` of the compressed bytes, and how many.
    pub digest: String,
    pub size: u64,
    /// `sha256:…` of the tar file.
    pub diff_id: String,
    /// What it is for, as the history says it.
    pub title: String,
}

/// Counts and hashes what goes through.
pub struct Hashing<W> {
    inner: W,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    pub fn new(inner: W) -> Self {
        Self { inner, hasher: Sha256::new(), bytes: 0 }
    }

    pub fn finish(self) -> (W, String, u64) {
        (self.inner, format!("sha256:{}", hex::encode(self.hasher.finalize())), self.bytes)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// Writes a layer among the blobs of a layout. Folders on the way to a file are made. Blocks.
pub fn write(blobs: &Path, title: &str, entries: &BTreeMap<String, Entry>) -> Result<Layer, Error> {
    let part = blobs.join(format!(".{}.{}", types::Digest::of(title).hex(), std::process::id()));
    let at = |e| io::Error::new("write", &part, e);
    let compressed = Hashing::new(std::io::BufWriter::new(io::create(&part)?));
    // Neither a name nor a time in the header.
    let encoder: GzEncoder<_> = GzBuilder::new().write(compressed, Compression::new(6));
    let mut out = tar::Builder::new(Hashing::new(encoder));
    let mut all: BTreeMap<String, Entry> = BTreeMap::new();
    for path in entries.keys() {
        let mut parent = path.as_str();
        while let Some((folder, _)) = parent.rsplit_once('/') {
            all.insert(folder.to_owned(), Entry::Folder { mode: 0o755 });
            parent = folder;
        }
    }
    all.extend(entries.iter().map(|(path, entry)| (path.clone(), entry.clone())));
    for (path, entry) in &all {
        add(&mut out, &part, path, entry)?;
    }
    let (encoder, diff_id, _) = out.into_inner().map_err(at)?.finish();
    let (file, digest, size) = encoder.finish().map_err(at)?.finish();
    file.into_inner().map_err(|e| at(e.into_error()))?.sync_all().map_err(at)?;
    let place = blobs.join(digest.trim_start_matches("sha256:"));
    std::fs::rename(&part, &place).map_err(|e| io::Error::new("move", &part, e))?;
    Ok(Layer { digest, size, diff_id, title: title.to_owned() })
}

fn add<W: Write>(out: &mut tar::Builder<W>, place: &Path, path: &str, entry: &Entry) -> Result<(), Error> {
    let mut header = tar::Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let mut put = |kind: tar::EntryType, mode: u32, size: u64, data: &mut dyn Read| {
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        out.append_data(&mut header, path, data).map_err(|e| io::Error::new("write", place, e))
    };
    match entry {
        Entry::File { from, mode } => {
            let mut file = io::open(from)?;
            let size = file.metadata().map_err(|e| io::Error::new("look at", from, e))?.len();
            put(tar::EntryType::Regular, *mode, size, &mut file)?;
        }
        Entry::Text { text, mode } => {
            put(tar::EntryType::Regular, *mode, text.len() as u64, &mut text.as_bytes())?;
        }
        Entry::Folder { mode } => put(tar::EntryType::Directory, *mode, 0, &mut std::io::empty())?,
        Entry::Link { to } => {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            out.append_link(&mut header, path, to).map_err(|e| io::Error::new("write", place, e))?;
        }
    }
    Ok(())
}
