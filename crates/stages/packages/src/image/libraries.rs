//! The shared libraries that this process uses: what an image needs beside the program. A static program needs none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use types::io;

use super::elf;
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
        with_links(&mut entries, file);
    }
    if !files.is_empty()
        && let Some(loader) = elf::interpreter(&io::read(program)?)
    {
        let real = std::fs::canonicalize(&loader).map_err(|e| io::Error::new("find", &loader, e))?;
        put(&mut entries, &loader, Entry::File { from: real, mode: 0o755 });
    }
    Ok(entries)
}

/// The library at its own place, with the links by which it is found: `libstdc++.so.6` is a link to `libstdc++.so.6.0.30`, and
/// programs ask for the former.
pub fn with_links(entries: &mut BTreeMap<String, Entry>, file: &Path) {
    put(entries, file, Entry::File { from: file.to_owned(), mode: 0o755 });
    for link in std::fs::read_dir(file.parent().unwrap_or(file)).into_iter().flatten().flatten() {
        let path = link.path();
        let leads_here = link.file_type().is_ok_and(|t| t.is_symlink())
            && path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.contains(".so."))
            && std::fs::canonicalize(&path).is_ok_and(|target| target == *file);
        if leads_here && let Some(name) = file.file_name().and_then(|n| n.to_str()) {
            put(entries, &path, Entry::Link { to: name.to_owned() });
        }
    }
}

/// A library of this system by its name, where the loader looks without being told.
pub fn find(name: &str) -> Option<PathBuf> {
    let folders = [
        format!("/lib/{}-linux-gnu", std::env::consts::ARCH),
        format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH),
        "/lib64".to_owned(),
        "/usr/lib64".to_owned(),
        "/lib".to_owned(),
        "/usr/lib".to_owned(),
    ];
    folders.iter().find_map(|folder| std::fs::canonicalize(Path::new(folder).join(name)).ok())
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
