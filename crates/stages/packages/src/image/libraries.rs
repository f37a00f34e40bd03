//! The shared libraries that this process uses: what an image needs beside the program. A static program needs none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use types::io;

use super::layer::Entry;
use crate::Error;

/// Every library that is mapped into this process, at its own place, with the links by which it is found, and the program that
/// loads them. Whatever is to be in the image must be loaded before.
pub fn loaded(program: &Path) -> Result<BTreeMap<String, Entry>, Error> {
    let maps = io::read_to_string("/proc/self/maps")
        .map_err(|e| Error::Image(format!("it is made on Linux only: {e}")))?;
    let files: BTreeSet<PathBuf> = maps
        .lines()
        .filter_map(|line| line.split_once('/').map(|(_, rest)| PathBuf::from(format!("/{rest}"))))
        .filter(|path| path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.contains(".so")))
        .collect();
    let mut entries = BTreeMap::new();
    for file in &files {
        put(&mut entries, file, Entry::File { from: file.clone(), mode: 0o755 });
        // `libstdc++.so.6` is a link to `libstdc++.so.6.0.30`, and programs ask for the former.
        for link in std::fs::read_dir(file.parent().unwrap_or(file)).into_iter().flatten().flatten() {
            let path = link.path();
            let leads_here = link.file_type().is_ok_and(|t| t.is_symlink())
                && path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.contains(".so."))
                && std::fs::canonicalize(&path).is_ok_and(|target| target == *file);
            if leads_here && let Some(name) = file.file_name().and_then(|n| n.to_str()) {
                put(&mut entries, &path, Entry::Link { to: name.to_owned() });
            }
        }
    }
    if !files.is_empty()
        && let Some(loader) = loader(&io::read(program)?)
    {
        let real = std::fs::canonicalize(&loader).map_err(|e| io::Error::new("find", &loader, e))?;
        put(&mut entries, &loader, Entry::File { from: real, mode: 0o755 });
    }
    Ok(entries)
}

/// The folders of libraries, for `LD_LIBRARY_PATH`: the image has no cache of them.
pub fn folders(entries: &BTreeMap<String, Entry>) -> Vec<String> {
    let folders: BTreeSet<String> = entries
        .keys()
        .filter_map(|path| path.rsplit_once('/'))
        .map(|(folder, _)| format!("/{folder}"))
        .collect();
    folders.into_iter().collect()
}

fn put(entries: &mut BTreeMap<String, Entry>, path: &Path, entry: Entry) {
    if let Some(path) = path.to_str() {
        entries.insert(path.trim_start_matches('/').to_owned(), entry);
    }
}

/// The interpreter that a 64-bit little-endian ELF file names (`PT_INTERP`).
fn loader(elf: &[u8]) -> Option<PathBuf> {
    let number = |at: usize, width: usize| -> Option<usize> {
        let bytes = elf.get(at..at + width)?;
        Some(bytes.iter().rev().fold(0, |n, byte| (n << 8) | usize::from(*byte)))
    };
    if elf.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (table, width, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
    (0..count).map(|i| table + i * width).find_map(|at| {
        if number(at, 4)? != 3 {
            return None;
        }
        let (start, length) = (number(at + 8, 8)?, number(at + 32, 8)?);
        let text = elf.get(start..start + length)?;
        Some(PathBuf::from(std::str::from_utf8(text.strip_suffix(b"\0").unwrap_or(text)).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_of_this_very_program_are_found_with_their_loader() {
        let program = std::env::current_exe().unwrap();
        let entries = loaded(&program).unwrap();
        assert!(entries.keys().any(|path| path.contains("libc.so")), "{:?}", entries.keys());
        assert!(entries.keys().any(|path| path.contains("ld-linux")), "{:?}", entries.keys());
        assert!(folders(&entries).iter().all(|folder| folder.starts_with('/')));
    }
}
