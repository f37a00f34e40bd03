//! Differences: of two refs, of a ref since another, and of what is staged.

use tokio::runtime::Handle;
use types::{Actor, Digest};

use crate::commit::differs;
use crate::history::Commits;
use crate::merge::Side;
use crate::objects::{folded, start, text};
use crate::store::after_prefix;
use crate::view::{Overlay, View};
use crate::{ChangeKind, Difference, Error, Object, Page, Paging, Repositories};

#[derive(Clone, Debug, Default)]
pub struct DiffOptions {
    pub paging: Paging,
    /// Not empty: paths behind it are folded, and say only that something changed.
    pub delimiter: String,
}

impl Repositories {
    /// What is staged on a branch against its commit.
    pub async fn uncommitted(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        options: DiffOptions,
    ) -> Result<Page<Difference>, Error> {
        let view = self.branch_view(actor, repository, branch).await?;
        self.blocking(move |stage, handle| {
            let mut page = Collect::new(&options);
            let prefix = options.paging.prefix.as_bytes();
            let Some(from) = page.start() else { return Ok(page.finish()) };
            let batch = page.limit + 1;
            let mut staged = Overlay::new(stage, handle, view.workspace, &view.layers, prefix, &from, batch);
            while let Some((path, object)) = staged.next()? {
                let left = stage.tree_get(&view.root, &path)?;
                let right = object.as_deref().map(Object::decode).transpose()?;
                match page.add(path, left, right, None)? {
                    Step::On => {}
                    Step::To(key) => staged.seek(&key),
                    Step::Full => break,
                }
            }
            Ok(page.finish())
        })
        .await
    }

    /// From `left` to `right`; `branch$` on the right counts what is staged there. `from_base` (three dots): from
    /// their merge base to `right`, and conflicts with `left` are told.
    pub async fn diff(
        &self,
        actor: &Actor,
        repository: &str,
        left: &str,
        right: &str,
        from_base: bool,
        options: DiffOptions,
    ) -> Result<Page<Difference>, Error> {
        let left_view = self.view(actor, repository, left).await?;
        left_view.need_commit(left)?;
        let right_view = self.view(actor, repository, right).await?;
        if from_base {
            right_view.need_commit(right)?;
            let refs = (left.to_owned(), right.to_owned());
            return self
                .blocking(move |stage, handle| {
                    since_base(stage, handle, &left_view, &right_view, refs, &options)
                })
                .await;
        }
        self.blocking(move |stage, handle| {
            if right_view.only_staged {
                with_staged(stage, handle, &left_view.root, &right_view, &options)
            } else {
                plain(stage, &left_view.root, &right_view.root, &options)
            }
        })
        .await
    }

    /// Errors: `BranchNotFound`; `BadName` for an expression that is no branch.
    async fn branch_view(&self, actor: &Actor, repository: &str, branch: &str) -> Result<View, Error> {
        crate::names::branch(branch)?;
        match self.view(actor, repository, branch).await {
            Ok(view) if view.branch.is_some() => Ok(view),
            Ok(_) | Err(Error::RefNotFound(_)) => Err(Error::BranchNotFound(branch.to_owned())),
            Err(error) => Err(error),
        }
    }
}

fn object(item: Option<tree::Item>) -> Result<Option<Object>, Error> {
    item.map(|item| Object::decode(&item.value)).transpose()
}

/// Of two trees. After a folded prefix the walk begins anew behind it, so that what is folded is not read.
fn plain(
    stage: &Repositories,
    left: &Digest,
    right: &Digest,
    options: &DiffOptions,
) -> Result<Page<Difference>, Error> {
    let mut page = Collect::new(options);
    let mut from = page.start();
    'walk: while let Some(start) = from.take() {
        for change in tree::diff(stage.nodes(), left, right, options.paging.prefix.as_bytes(), &start)? {
            let change = change?;
            match page.add(change.key, object(change.left)?, object(change.right)?, None)? {
                Step::On => {}
                Step::To(key) => {
                    from = Some(key);
                    continue 'walk;
                }
                Step::Full => break 'walk,
            }
        }
    }
    Ok(page.finish())
}

/// Of a tree and a branch with what is staged on it.
fn with_staged(
    stage: &Repositories,
    handle: &Handle,
    left: &Digest,
    right: &View,
    options: &DiffOptions,
) -> Result<Page<Difference>, Error> {
    let mut page = Collect::new(options);
    let prefix = options.paging.prefix.as_bytes();
    let Some(mut from) = page.start() else { return Ok(page.finish()) };
    let mut staged =
        Overlay::new(stage, handle, right.workspace, &right.layers, prefix, &from, page.limit + 1);
    'walk: loop {
        let mut committed = tree::diff(stage.nodes(), left, &right.root, prefix, &from)?.peekable();
        loop {
            if let Some(Err(_)) = committed.peek() {
                committed.next().transpose()?;
            }
            let next =
                committed.peek().and_then(|change| change.as_ref().ok()).map(|change| change.key.clone());
            let path = staged.peek()?.map(|(path, _)| path.clone());
            let step = match (next, path) {
                (None, None) => break 'walk,
                // What is staged is above what is committed.
                (next, Some(path)) if next.as_ref().is_none_or(|next| path <= *next) => {
                    if next.as_ref() == Some(&path) {
                        committed.next().transpose()?;
                    }
                    let object = staged.next()?.and_then(|(_, object)| object);
                    let object = object.as_deref().map(Object::decode).transpose()?;
                    page.add(path.clone(), stage.tree_get(left, &path)?, object, None)?
                }
                _ => match committed.next().transpose()? {
                    Some(change) => {
                        page.add(change.key, object(change.left)?, object(change.right)?, None)?
                    }
                    None => break 'walk,
                },
            };
            match step {
                Step::On => {}
                Step::Full => break 'walk,
                Step::To(key) => {
                    staged.seek(&key);
                    from = key;
                    continue 'walk;
                }
            }
        }
    }
    Ok(page.finish())
}

/// What the right side changed since the merge base, and the left one has not.
fn since_base(
    stage: &Repositories,
    handle: &Handle,
    left: &View,
    right: &View,
    refs: (String, String),
    options: &DiffOptions,
) -> Result<Page<Difference>, Error> {
    let commits = Commits { stage, handle, view: left };
    let base = commits.merge_base(&left.commit.id, &right.commit.id)?;
    let base = base.ok_or(Error::NoMergeBase(refs.0, refs.1))?;
    let mut page = Collect::new(options);
    let Some(mut from) = page.start() else { return Ok(page.finish()) };
    let prefix = options.paging.prefix.as_bytes();
    for merge in tree::merge(stage.nodes(), &base.root, &left.root, &right.root)? {
        let merge = merge?;
        if merge.key < from || !merge.key.starts_with(prefix) {
            if merge.key.as_slice() > prefix && !merge.key.starts_with(prefix) {
                break;
            }
            continue;
        }
        let kind = match Side::of(&merge)? {
            Side::Ours => continue,
            Side::Theirs => None,
            Side::Conflict => Some(ChangeKind::Conflict),
        };
        match page.add(merge.key, object(merge.ours)?, object(merge.theirs)?, kind)? {
            Step::On => {}
            Step::To(key) => from = key,
            Step::Full => break,
        }
    }
    Ok(page.finish())
}

/// Where to go on.
enum Step {
    On,
    To(Vec<u8>),
    Full,
}

/// Differences of one page.
struct Collect<'a> {
    options: &'a DiffOptions,
    limit: usize,
    items: Vec<Difference>,
    more: bool,
}

impl<'a> Collect<'a> {
    fn new(options: &'a DiffOptions) -> Self {
        let limit = options.paging.limit.clamp(1, crate::LONGEST_PAGE);
        Self { options, limit, items: Vec::new(), more: false }
    }

    fn start(&self) -> Option<Vec<u8>> {
        start(&self.options.paging.prefix, &self.options.paging.after, &self.options.delimiter)
    }

    fn add(
        &mut self,
        path: Vec<u8>,
        left: Option<Object>,
        right: Option<Object>,
        kind: Option<ChangeKind>,
    ) -> Result<Step, Error> {
        if kind.is_none() && !differs(left.as_ref(), right.as_ref()) {
            return Ok(Step::On);
        }
        if self.items.len() == self.limit {
            self.more = true;
            return Ok(Step::Full);
        }
        let path = text(path)?;
        if let Some(fold) = folded(&path, &self.options.paging.prefix, &self.options.delimiter) {
            let end = after_prefix(fold.as_bytes());
            let path = fold.to_owned();
            let kind = ChangeKind::Changed;
            self.items.push(Difference { path, kind, is_prefix: true, left: None, right: None });
            return Ok(end.map_or(Step::Full, Step::To));
        }
        let kind = kind.unwrap_or(match (&left, &right) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        });
        self.items.push(Difference { path, kind, is_prefix: false, left, right });
        Ok(Step::On)
    }

    fn finish(self) -> Page<Difference> {
        let next = if self.more { self.items.last().map(|item| item.path.clone()) } else { None };
        Page { items: self.items, next }
    }
}
