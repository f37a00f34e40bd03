//! What 64-bit little-endian ELF files say they need.

use std::path::PathBuf;

/// A file's program headers: kind, place in the file, address, length in the file.
struct Elf<'b> {
    bytes: &'b [u8],
    parts: Vec<(usize, usize, usize, usize)>,
}

const LOADED: usize = 1;
const DYNAMIC: usize = 2;
const INTERPRETER: usize = 3;
/// Entries of the dynamic table: the end, a library's name, where the names are.
const END: usize = 0;
const NEEDED: usize = 1;
const NAMES: usize = 5;

fn number(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    Some(bytes.iter().rev().fold(0, |n, byte| (n << 8) | usize::from(*byte)))
}

impl<'b> Elf<'b> {
    /// `None` if the bytes are no such file.
    fn read(bytes: &'b [u8]) -> Option<Self> {
        if bytes.get(..6)? != b"\x7fELF\x02\x01" {
            return None;
        }
        let (table, width, count) =
            (number(bytes, 0x20, 8)?, number(bytes, 0x36, 2)?, number(bytes, 0x38, 2)?);
        let part = |i: usize| {
            let at = table.checked_add(i * width)?;
            Some((
                number(bytes, at, 4)?,
                number(bytes, at + 8, 8)?,
                number(bytes, at + 16, 8)?,
                number(bytes, at + 32, 8)?,
            ))
        };
        Some(Self { bytes, parts: (0..count).map_while(part).collect() })
    }

    fn part(&self, kind: usize) -> Option<&'b [u8]> {
        let (_, start, _, length) = self.parts.iter().find(|part| part.0 == kind)?;
        self.bytes.get(*start..start.checked_add(*length)?)
    }

    /// Where what is loaded at `address` stands in the file.
    fn place(&self, address: usize) -> Option<usize> {
        self.parts.iter().filter(|part| part.0 == LOADED).find_map(|(_, start, from, length)| {
            let inside = address.checked_sub(*from).filter(|inside| inside < length)?;
            start.checked_add(inside)
        })
    }

    fn text(&self, at: usize) -> Option<&'b str> {
        let rest = self.bytes.get(at..)?;
        std::str::from_utf8(&rest[..rest.iter().position(|byte| *byte == 0)?]).ok()
    }
}

/// The interpreter that the file names (`PT_INTERP`).
pub fn interpreter(bytes: &[u8]) -> Option<PathBuf> {
    let text = Elf::read(bytes)?.part(INTERPRETER)?;
    Some(PathBuf::from(std::str::from_utf8(text.strip_suffix(b"\0").unwrap_or(text)).ok()?))
}

/// Names of the libraries that the file needs (`DT_NEEDED`), in order; none where it is no such file.
pub fn needed(bytes: &[u8]) -> Vec<&str> {
    let found = || {
        let elf = Elf::read(bytes)?;
        let table = elf.part(DYNAMIC)?;
        let entries: Vec<(usize, usize)> = (0..table.len() / 16)
            .map_while(|i| Some((number(table, i * 16, 8)?, number(table, i * 16 + 8, 8)?)))
            .take_while(|entry| entry.0 != END)
            .collect();
        let names = elf.place(entries.iter().find(|entry| entry.0 == NAMES)?.1)?;
        let wanted = entries.iter().filter(|entry| entry.0 == NEEDED);
        Some(wanted.filter_map(|entry| elf.text(names.checked_add(entry.1)?)).collect())
    };
    found().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_program_says_what_it_needs() {
        let bytes = types::io::read(std::env::current_exe().unwrap()).unwrap();
        assert!(needed(&bytes).iter().any(|name| name.starts_with("libc.so")), "{:?}", needed(&bytes));
        assert!(interpreter(&bytes).unwrap().to_string_lossy().contains("ld-linux"));
    }

    #[test]
    fn what_is_no_program_needs_nothing() {
        let mut bytes = types::io::read(std::env::current_exe().unwrap()).unwrap();
        assert!(needed(b"#!/bin/sh\n").is_empty() && interpreter(b"").is_none());
        // Headers that lead nowhere.
        bytes.truncate(0x200);
        assert!(needed(&bytes).is_empty());
        bytes[0x20..0x28].fill(0xff);
        assert!(needed(&bytes).is_empty() && interpreter(&bytes).is_none());
    }
}
