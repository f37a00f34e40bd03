use types::Digest;

use crate::{Diff, Error, Item, Merge, Nodes, Scan, diff, scan};

/// Lazily, in order of keys. After an error it is at its end.
pub struct Merges<'a> {
    theirs: Diff<'a>,
    ours: Scan<'a>,
}

/// What theirs changed since base, beside what ours has. Costs what theirs changed. Lazy.
///
/// A key conflicts if ours has neither base's item nor theirs.
pub fn merge<'a>(
    nodes: &'a dyn Nodes,
    base: &Digest,
    ours: &Digest,
    theirs: &Digest,
) -> Result<Merges<'a>, Error> {
    Ok(Merges { theirs: diff(nodes, base, theirs, b"", b"")?, ours: scan(nodes, ours, b"", b"")? })
}

impl Merges<'_> {
    fn ours(&mut self, key: &[u8]) -> Result<Option<Item>, Error> {
        self.ours.seek(key)?;
        let found = self.ours.peek()?.filter(|entry| entry.key == key);
        Ok(found.map(|entry| Item { value: entry.value.to_vec(), weight: entry.weight }))
    }
}

impl Iterator for Merges<'_> {
    type Item = Result<Merge, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let change = match self.theirs.next()? {
            Ok(change) => change,
            Err(error) => return Some(Err(error)),
        };
        let ours = self.ours(&change.key);
        Some(ours.map(|ours| Merge { key: change.key, base: change.left, ours, theirs: change.right }))
    }
}
