//! What is in an artifact that is a folder: such a one is kept as a tar.

use std::io::{Cursor, Read, Seek};

use blobs::Blobs;
use types::{Digest, io};

use crate::Error;
use crate::error::blocking;

/// A file of a folder, as a part of the folder's blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderFile {
    /// Relative, with `/`.
    pub path: String,
    pub bytes: u64,
    /// Where its content begins in the blob.
    pub start: u64,
}

/// The files of a folder in the order of their paths. Reads only what stands between them, if blobs are local files.
/// Errors: `BadCode` if the blob is no tar.
pub async fn folder_files(blobs: &Blobs, digest: Digest) -> Result<Vec<FolderFile>, Error> {
    let mut files = match blobs.local_path(&digest).filter(|path| path.exists()) {
        Some(path) => blocking(move || entries(digest, io::open(&path)?)).await?,
        None => {
            let bytes = blobs.get_bytes(&digest).await?;
            blocking(move || entries(digest, Cursor::new(bytes))).await?
        }
    };
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn entries(digest: Digest, reader: impl Read + Seek) -> Result<Vec<FolderFile>, Error> {
    let bad = |e: std::io::Error| Error::BadCode { digest, reason: e.to_string() };
    let mut archive = tar::Archive::new(reader);
    let mut files = Vec::new();
    for entry in archive.entries_with_seek().map_err(bad)? {
        let entry = entry.map_err(bad)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path().map_err(bad)?.to_string_lossy().into_owned();
        files.push(FolderFile { path, bytes: entry.size(), start: entry.raw_file_position() });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_where_its_bytes_are() {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in [("b/second.txt", "zwei"), ("a.txt", "eins!")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        let bytes = builder.into_inner().unwrap();
        let files = entries(Digest::of(&bytes), Cursor::new(bytes.clone())).unwrap();
        let read = |file: &FolderFile| {
            let start = file.start as usize;
            String::from_utf8_lossy(&bytes[start..start + file.bytes as usize]).into_owned()
        };
        let found: Vec<(String, String)> = files.iter().map(|file| (file.path.clone(), read(file))).collect();
        assert_eq!(
            found,
            [("b/second.txt".to_owned(), "zwei".to_owned()), ("a.txt".to_owned(), "eins!".to_owned())]
        );
    }
}
