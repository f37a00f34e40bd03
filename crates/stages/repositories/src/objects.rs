//! Reading: one object, its bytes, and listings.

use std::ops::Range;

use types::Actor;

use crate::nodes::InMemory;
use crate::store::{self, after_prefix};
use crate::view::{Overlay, View, tree_get, view};
use crate::{Entry, Error, Object, Page, Repositories, Seen, names};

/// Most entries of a page.
pub const LONGEST_PAGE: usize = 1_000;
/// Paths that are looked up without another thread, if all that they need is in memory.
const INLINE: usize = 16;

#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub prefix: String,
    /// Exclusive. A folded prefix as `after` passes over all that it folds.
    pub after: String,
    /// Empty: nothing is folded. Any string.
    pub delimiter: String,
    pub limit: usize,
}

impl Repositories {
    /// Errors: `ObjectNotFound`; of `branch$` also where what is staged does not differ from the commit.
    pub async fn stat(
        &self,
        actor: &Actor,
        repository: &str,
        reference: &str,
        path: &str,
    ) -> Result<Object, Error> {
        Ok(self.look(actor, repository, reference, path).await?.0)
    }

    /// As [`Repositories::stat`], with what [`Repositories::note_read`] needs to know of it.
    pub async fn look(
        &self,
        actor: &Actor,
        repository: &str,
        reference: &str,
        path: &str,
    ) -> Result<(Object, Seen), Error> {
        let mut found = self.look_many(actor, repository, reference, vec![path.to_owned()]).await?;
        found.pop().ok_or_else(|| absent(reference, path))
    }

    /// As [`Repositories::look`], for many paths at one moment, in their order. Errors if one is absent.
    pub async fn look_many(
        &self,
        actor: &Actor,
        repository: &str,
        reference: &str,
        paths: Vec<String>,
    ) -> Result<Vec<(Object, Seen)>, Error> {
        for path in &paths {
            names::path(path)?;
        }
        let name = repository.to_owned();
        let (expression, asked) = (reference.to_owned(), reference.to_owned());
        // The view and the staged entries are of one moment.
        let (view, staged, paths) = self
            .ledger()
            .read(actor.workspace, move |rx| {
                let view = view(rx, &name, &asked)?;
                let staged = store::layers::find_many(rx, &view.layers, &paths)?;
                Ok::<_, Error>((view, staged, paths))
            })
            .await?;
        let is_few = paths.len() <= INLINE;
        let look = move |nodes: &dyn tree::Nodes| {
            let one = |(path, staged): (&String, &Option<Option<Vec<u8>>>)| {
                let shown = shown(nodes, &view, path, staged.as_ref())?;
                let (object, is_staged) = shown.ok_or_else(|| absent(&expression, path))?;
                Ok((object, Seen::of(&view, path, is_staged)))
            };
            paths.iter().zip(&staged).map(one).collect()
        };
        if is_few {
            match look(&InMemory(self.nodes())) {
                Err(Error::Tree(tree::Error::Missing(_))) => {}
                seen => return seen,
            }
        }
        self.blocking(move |stage, _| look(stage.nodes())).await
    }

    /// Objects, and prefixes folded by the delimiter, in the order of their bytes. What is folded is passed over
    /// unread.
    pub async fn list(
        &self,
        actor: &Actor,
        repository: &str,
        reference: &str,
        listing: Listing,
    ) -> Result<Page<Entry>, Error> {
        let view = self.view(actor, repository, reference).await?;
        let limit = listing.limit.clamp(1, LONGEST_PAGE);
        self.blocking(move |stage, handle| {
            let prefix = listing.prefix.as_bytes();
            let start = start(&listing.prefix, &listing.after, &listing.delimiter);
            let Some(start) = start else { return Ok(Page { items: Vec::new(), next: None }) };
            let batch = if listing.delimiter.is_empty() { limit + 1 } else { 64 };
            let mut staged = Overlay::new(stage, handle, view.workspace, &view.layers, prefix, &start, batch);
            let mut merged = Merged {
                tree: if view.only_staged {
                    None
                } else {
                    Some(tree::scan(stage.nodes(), &view.root, prefix, &start)?.peekable_scan())
                },
                staged: &mut staged,
            };
            let mut items: Vec<Entry> = Vec::new();
            while let Some((path, object)) = merged.next()? {
                if items.len() == limit {
                    let next = match items.last() {
                        Some(Entry::Object { path, .. } | Entry::Prefix(path)) => Some(path.clone()),
                        None => None,
                    };
                    return Ok(Page { items, next });
                }
                let path = text(path)?;
                match folded(&path, &listing.prefix, &listing.delimiter) {
                    Some(fold) => {
                        let end = after_prefix(fold.as_bytes());
                        items.push(Entry::Prefix(fold.to_owned()));
                        let Some(end) = end else { break };
                        merged.seek(&end)?;
                    }
                    None => items.push(Entry::Object { path, object }),
                }
            }
            Ok(Page { items, next: None })
        })
        .await
    }
}

/// What a view shows at a path, and whether it is staged; `None` if nothing. `staged`: what its layers say of the path.
fn shown(
    nodes: &dyn tree::Nodes,
    view: &View,
    path: &str,
    staged: Option<&Option<Vec<u8>>>,
) -> Result<Option<(Object, bool)>, Error> {
    let staged = match staged {
        Some(Some(bytes)) => Some(Object::decode(bytes)?),
        Some(None) => return Ok(None),
        None => None,
    };
    match staged {
        Some(object) if !view.only_staged => Ok(Some((object, true))),
        None if view.only_staged => Ok(None),
        staged => {
            let committed = tree_get(nodes, &view.root, path.as_bytes())?;
            Ok(match (staged, committed) {
                (Some(staged), Some(committed)) if staged.same_content(&committed) => None,
                (Some(staged), _) => Some((staged, true)),
                (None, committed) => committed.map(|object| (object, false)),
            })
        }
    }
}

fn absent(reference: &str, path: &str) -> Error {
    Error::ObjectNotFound { reference: reference.to_owned(), path: path.to_owned() }
}

/// The part of a path up to the delimiter behind the prefix, if there is one.
pub(crate) fn folded<'a>(path: &'a str, prefix: &str, delimiter: &str) -> Option<&'a str> {
    if delimiter.is_empty() {
        return None;
    }
    let at = path.get(prefix.len()..)?.find(delimiter)?;
    path.get(..prefix.len() + at + delimiter.len())
}

/// The first key that may come behind `after`; `None` if there can be none.
pub(crate) fn start(prefix: &str, after: &str, delimiter: &str) -> Option<Vec<u8>> {
    if after.is_empty() || after < prefix {
        return Some(prefix.as_bytes().to_vec());
    }
    if after.starts_with(prefix) && folded(after, prefix, delimiter) == Some(after) {
        return after_prefix(after.as_bytes());
    }
    let mut from = after.as_bytes().to_vec();
    from.push(0);
    Some(from)
}

pub(crate) fn text(path: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(path).map_err(|_| Error::Damaged("a path is no UTF-8".into()))
}

/// A tree's entries with the staged ones over them; deleted paths are left out.
pub(crate) struct Merged<'a, 'b> {
    pub tree: Option<Peekable<'a>>,
    pub staged: &'b mut Overlay<'a>,
}

impl Merged<'_, '_> {
    pub fn next(&mut self) -> Result<Option<(Vec<u8>, Object)>, Error> {
        loop {
            let committed = match &mut self.tree {
                Some(tree) => tree.peek()?.map(|(key, _)| key.clone()),
                None => None,
            };
            let staged = self.staged.peek()?.map(|(path, _)| path.clone());
            let use_staged = match (&committed, &staged) {
                (None, None) => return Ok(None),
                (Some(key), Some(path)) => path <= key,
                (committed, _) => committed.is_none(),
            };
            if !use_staged {
                let Some((key, item)) = self.tree.as_mut().and_then(Peekable::take) else { return Ok(None) };
                return Ok(Some((key, Object::decode(&item.value)?)));
            }
            if committed.is_some() && committed == staged {
                self.tree.as_mut().and_then(Peekable::take);
            }
            if let Some((path, Some(object))) = self.staged.next()? {
                return Ok(Some((path, Object::decode(&object)?)));
            }
        }
    }

    pub fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        if let Some(tree) = &mut self.tree {
            tree.seek(key)?;
        }
        self.staged.seek(key);
        Ok(())
    }
}

/// A scan whose next entry can be looked at.
pub(crate) struct Peekable<'a> {
    scan: tree::Scan<'a>,
    next: Option<(Vec<u8>, tree::Item)>,
}

pub(crate) trait PeekableScan<'a> {
    fn peekable_scan(self) -> Peekable<'a>;
}

impl<'a> PeekableScan<'a> for tree::Scan<'a> {
    fn peekable_scan(self) -> Peekable<'a> {
        Peekable { scan: self, next: None }
    }
}

impl Peekable<'_> {
    pub fn peek(&mut self) -> Result<Option<&(Vec<u8>, tree::Item)>, Error> {
        if self.next.is_none() {
            self.next = self.scan.next().transpose()?;
        }
        Ok(self.next.as_ref())
    }

    pub fn take(&mut self) -> Option<(Vec<u8>, tree::Item)> {
        self.next.take()
    }

    pub fn seek(&mut self, key: &[u8]) -> Result<(), Error> {
        if self.next.as_ref().is_some_and(|(next, _)| next.as_slice() >= key) {
            return Ok(());
        }
        self.next = None;
        Ok(self.scan.seek(key)?)
    }
}

/// `None` is the whole object. Errors: `Invalid` unless it lies within the object.
pub(crate) fn within(range: Option<Range<u64>>, size: u64) -> Result<Range<u64>, Error> {
    match range {
        None => Ok(0..size),
        Some(range) if range.start <= range.end && range.end <= size => Ok(range),
        Some(range) => Err(Error::Invalid(format!(
            "bytes {} to {} were asked of an object of {size} bytes",
            range.start, range.end
        ))),
    }
}
