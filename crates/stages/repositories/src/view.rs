//! What a ref shows: the tree of a commit and, on a branch, the staged changes on top of it.

use std::collections::VecDeque;

use tokio::runtime::Handle;
use types::{Actor, Digest, WorkspaceId};

use crate::refs::{CANDIDATE, Expression, Modifier};
use crate::store::repositories::Found;
use crate::store::{self, Reads};
use crate::{Commit, Error, Object, Repositories, Resolved, refs};

/// One moment of a ref. The entries of its layers stay readable for a while after they were dropped.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub workspace: WorkspaceId,
    pub repository: Found,
    pub commit: Commit,
    /// The tree; of a candidate it is another one than the commit's.
    pub root: Digest,
    /// Number and name of the branch, if the expression leads to one.
    pub branch: Option<(i64, String)>,
    /// Staged layers, newest first; none unless the expression shows what is staged.
    pub layers: Vec<i64>,
    pub only_staged: bool,
}

impl View {
    pub fn resolved(&self) -> Resolved {
        let shows_staged = !self.layers.is_empty();
        Resolved {
            commit: self.commit.id,
            root: self.root,
            staged: self.branch.as_ref().filter(|_| shows_staged).map(|(_, name)| name.clone()),
            only_staged: self.only_staged,
        }
    }

    /// Errors: `BadRef` for `branch$`, which is no commit.
    pub fn need_commit(&self, reference: &str) -> Result<(), Error> {
        if self.only_staged {
            return Err(Error::BadRef(reference.to_owned(), "what is staged is no commit"));
        }
        Ok(())
    }
}

/// Errors: `RepositoryNotFound`, `RefNotFound`, `BadRef`, `AmbiguousRef`.
pub(crate) fn view(db: &mut impl Reads, repository: &str, reference: &str) -> Result<View, Error> {
    let repository = store::repositories::get(db, repository)?;
    view_in(db, repository, reference)
}

pub(crate) fn view_in(db: &mut impl Reads, repository: Found, reference: &str) -> Result<View, Error> {
    if let Some(id) = reference.strip_prefix(CANDIDATE) {
        let found = store::refs::candidate(db, repository.id, id)?;
        let (commit, root) = found.ok_or_else(|| Error::RefNotFound(reference.to_owned()))?;
        let commit = store::commits::get(db, repository.id, &commit)?;
        let workspace = db.workspace();
        return Ok(View {
            workspace,
            repository,
            commit,
            root,
            branch: None,
            layers: Vec::new(),
            only_staged: false,
        });
    }
    let expression = refs::parse(reference)?;
    let mut view = base(db, repository, &expression.base, reference)?;
    modify(db, &mut view, &expression, reference)?;
    view.root = view.commit.root;
    Ok(view)
}

/// A full commit id comes before a branch, then tags, then the prefix of an id.
fn base(db: &mut impl Reads, repository: Found, name: &str, whole: &str) -> Result<View, Error> {
    let id = repository.id;
    let workspace = db.workspace();
    let at = |commit: Commit, repository: Found| View {
        workspace,
        repository,
        root: commit.root,
        commit,
        branch: None,
        layers: Vec::new(),
        only_staged: false,
    };
    let is_hex = (4..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex
        && name.len() == 64
        && let Ok(digest) = name.parse()
        && let Some(commit) = store::commits::find(db, id, &digest)?
    {
        return Ok(at(commit, repository));
    }
    if let Some(branch) = store::refs::find_branch(db, id, name)? {
        let commit = store::commits::get(db, id, &branch.branch.commit)?;
        let layers = store::layers::of_branch(db, branch.id)?;
        let mut view = at(commit, repository);
        view.branch = Some((branch.id, branch.branch.name));
        view.layers = layers;
        return Ok(view);
    }
    if let Some(tag) = store::refs::find_tag(db, id, name)? {
        return Ok(at(store::commits::get(db, id, &tag.commit)?, repository));
    }
    if is_hex {
        let mut found = store::commits::by_prefix(db, id, &name.to_ascii_lowercase())?;
        if found.len() > 1 {
            return Err(Error::AmbiguousRef(name.to_owned()));
        }
        if let Some(commit) = found.pop() {
            return Ok(at(commit, repository));
        }
    }
    Err(Error::RefNotFound(whole.to_owned()))
}

fn modify(db: &mut impl Reads, view: &mut View, expression: &Expression, whole: &str) -> Result<(), Error> {
    let bad = |what| Error::BadRef(whole.to_owned(), what);
    for modifier in &expression.modifiers {
        match modifier {
            Modifier::Committed | Modifier::Staged
                if view.branch.is_none() || expression.modifiers.len() > 1 =>
            {
                return Err(bad("@ and $ go with a branch, alone"));
            }
            Modifier::Committed => view.layers.clear(),
            Modifier::Staged => view.only_staged = true,
            Modifier::Back(count) => {
                for _ in 0..*count {
                    let parent = view.commit.parents.first().copied();
                    let parent = parent.ok_or_else(|| Error::RefNotFound(whole.to_owned()))?;
                    view.commit = store::commits::get(db, view.repository.id, &parent)?;
                }
                view.layers.clear();
                view.branch = None;
            }
            Modifier::Parent(number) => {
                if let Some(index) = number.checked_sub(1) {
                    let parent = view.commit.parents.get(index).copied();
                    let parent = parent.ok_or_else(|| bad("the commit has no such parent"))?;
                    view.commit = store::commits::get(db, view.repository.id, &parent)?;
                }
                view.layers.clear();
                view.branch = None;
            }
        }
    }
    Ok(())
}

/// Staged entries of several layers in the order of their paths; the newest layer that knows a path counts.
/// Blocking: for use inside [`Repositories::blocking`].
pub(crate) struct Overlay<'a> {
    stage: &'a Repositories,
    handle: &'a Handle,
    workspace: WorkspaceId,
    layers: Vec<i64>,
    prefix: Vec<u8>,
    buffer: VecDeque<store::layers::Staged>,
    /// Where the next batch starts; `None` at the end.
    next: Option<Vec<u8>>,
    batch: usize,
}

impl<'a> Overlay<'a> {
    pub fn new(
        stage: &'a Repositories,
        handle: &'a Handle,
        workspace: WorkspaceId,
        layers: &[i64],
        prefix: &[u8],
        from: &[u8],
        batch: usize,
    ) -> Self {
        let next = (!layers.is_empty()).then(|| from.max(prefix).to_vec());
        Self {
            stage,
            handle,
            workspace,
            layers: layers.to_vec(),
            prefix: prefix.to_vec(),
            buffer: VecDeque::new(),
            next,
            batch: batch.clamp(16, 5_000),
        }
    }

    pub fn peek(&mut self) -> Result<Option<&store::layers::Staged>, Error> {
        while self.buffer.is_empty() {
            let Some(from) = self.next.take() else { return Ok(None) };
            self.fill(from)?;
        }
        Ok(self.buffer.front())
    }

    pub fn next(&mut self) -> Result<Option<store::layers::Staged>, Error> {
        self.peek()?;
        Ok(self.buffer.pop_front())
    }

    /// Goes forward to the first path that is not less than `key`.
    pub fn seek(&mut self, key: &[u8]) {
        while self.buffer.front().is_some_and(|(path, _)| path.as_slice() < key) {
            self.buffer.pop_front();
        }
        if self.buffer.is_empty()
            && let Some(next) = &mut self.next
            && next.as_slice() < key
        {
            *next = key.to_vec();
        }
    }

    fn fill(&mut self, from: Vec<u8>) -> Result<(), Error> {
        let (layers, prefix, batch) = (self.layers.clone(), self.prefix.clone(), self.batch);
        let read = self.stage.ledger().read(self.workspace, move |rx| {
            let scans = layers.iter().map(|layer| store::layers::scan(rx, *layer, &prefix, &from, batch));
            Ok::<_, Error>(scans.collect::<Result<Vec<_>, _>>()?)
        });
        let scans = self.handle.block_on(read)?;
        // A layer that filled its batch may have more behind its last path: nothing beyond is known yet.
        let full = scans.iter().filter(|scan| scan.len() == batch);
        let known_to = full.filter_map(|scan| scan.last().map(|(path, _)| path.clone())).min();
        let mut merged = std::collections::BTreeMap::new();
        // Newest first: the first to say something of a path is right.
        for (path, object) in scans.into_iter().flatten() {
            if known_to.as_ref().is_none_or(|to| path <= *to) {
                merged.entry(path).or_insert(object);
            }
        }
        self.next = known_to.map(|mut to| {
            to.push(0);
            to
        });
        self.buffer = merged.into_iter().collect();
        Ok(())
    }
}

impl Repositories {
    /// Errors: as [`view`].
    pub(crate) async fn view(&self, actor: &Actor, repository: &str, reference: &str) -> Result<View, Error> {
        let (repository, reference) = (repository.to_owned(), reference.to_owned());
        self.ledger().read(actor.workspace, move |rx| view(rx, &repository, &reference)).await
    }

    /// Where `branch`, `tag`, a commit's id or its unique prefix, followed by `~n`, `^n`, `@` (committed only) or `$`
    /// (staged only), leads; also `candidate:<id>`.
    pub async fn resolve(&self, actor: &Actor, repository: &str, reference: &str) -> Result<Resolved, Error> {
        Ok(self.view(actor, repository, reference).await?.resolved())
    }

    pub(crate) fn tree_get(&self, root: &Digest, path: &[u8]) -> Result<Option<Object>, Error> {
        tree_get(self.nodes(), root, path)
    }
}

/// Errors: what `nodes` answers, and an object that does not decode.
pub(crate) fn tree_get(nodes: &dyn tree::Nodes, root: &Digest, path: &[u8]) -> Result<Option<Object>, Error> {
    match tree::get(nodes, root, path)? {
        Some(item) => Ok(Some(Object::decode(&item.value)?)),
        None => Ok(None),
    }
}
