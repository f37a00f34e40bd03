//! Objects that stay where they are: an import lists them and commits their addresses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use md5::Digest as _;
use tasks::{OnError, OnStop, TaskKind};
use types::{Actor, Timestamp, io};

use crate::advance::Purpose;
use crate::commit::{Changes, TRIES};
use crate::fail::Step;
use crate::hooks::{Event, Hooked};
use crate::merge::clean;
use crate::{
    Commit, Entry, Error, Listing, Metadata, NewCommit, Object, Physical, Repositories, names, store,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportPath {
    /// Where the objects are: `local:///data/images/`, or `lakefs://repository/ref/images/` of this server.
    pub source: String,
    /// The path, or with `prefix` the prefix of paths, that they get.
    pub destination: String,
    /// Everything that starts with `source`, or one object. What was below `destination` before is replaced.
    pub prefix: bool,
}

#[derive(Clone, Debug)]
pub struct Import {
    pub id: String,
    pub branch: String,
    /// So far.
    pub objects: u64,
    pub updated_at: Timestamp,
    /// Ended well; one that failed or was cancelled has an error instead.
    pub completed: bool,
    pub commit: Option<Commit>,
    pub error: Option<String>,
}

/// Objects by path, on their way into a tree.
type Found = BTreeMap<Vec<u8>, Object>;

/// Files that are read between two looks at whether the import was cancelled.
const BATCH: usize = 200;
/// A running import that said nothing for so long (seconds) died with its server.
const SILENT: i64 = 600;

impl Repositories {
    /// Answers at once with an id; the work goes on beside, and ends with a commit on `branch`.
    ///
    /// Errors: `BadAddress` for a source that cannot be read in place, `BranchNotFound`, `BadPath`.
    pub async fn start_import(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        paths: Vec<ImportPath>,
        new: NewCommit,
    ) -> Result<String, Error> {
        for path in &paths {
            if !path.prefix {
                names::path(&path.destination)?;
            }
            if !path.source.starts_with("lakefs://") {
                self.local_file(&path.source)?;
            }
        }
        let now = self.ledger().clock().now();
        let id = types::new_id(now).hex();
        let (name, to, import) = (repository.to_owned(), branch.to_owned(), id.clone());
        self.ledger()
            .record(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &name, new.force)?;
                store::refs::get_branch(tx, found.id, &to)?;
                Ok::<_, Error>(store::imports::insert(tx, found.id, &import, &to)?)
            })
            .await?;
        let (stage, actor, import) = (self.clone(), actor.clone(), id.clone());
        let (repository, branch) = (repository.to_owned(), branch.to_owned());
        let kind = TaskKind { name: "repositories.import", on_error: OnError::Log, on_stop: OnStop::Abort };
        self.0.options.tasks.spawn(kind, async move {
            let done = Box::pin(stage.run_import(&actor, &repository, &branch, &import, &paths, new)).await;
            if let Err(error) = &done {
                let text = error.to_string();
                let id = import.clone();
                let failed = stage
                    .ledger()
                    .record(&actor, move |tx| store::imports::end(tx, &id, "failed", Some(&text), None));
                failed.await?;
            }
            Ok::<_, Error>(())
        });
        Ok(id)
    }

    /// Errors: `ImportNotFound`.
    pub async fn import(&self, actor: &Actor, repository: &str, id: &str) -> Result<Import, Error> {
        let (repository, id) = (repository.to_owned(), id.to_owned());
        let silent = self.ledger().clock().now().plus_seconds(-SILENT);
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                let row = store::imports::find(rx, found.id, &id)?.ok_or(Error::ImportNotFound(id))?;
                let commit = match &row.commit {
                    Some(commit) => store::commits::find(rx, found.id, commit)?,
                    None => None,
                };
                let died = row.state == "running" && row.updated_at < silent;
                Ok(Import {
                    id: row.id,
                    branch: row.branch,
                    objects: row.ingested,
                    updated_at: row.updated_at,
                    completed: row.state == "done",
                    commit,
                    error: row.error.or_else(|| died.then(|| "the server stopped while it ran".to_owned())),
                })
            })
            .await
    }

    /// Errors: `ImportOver` if it has ended already.
    pub async fn cancel_import(&self, actor: &Actor, repository: &str, id: &str) -> Result<(), Error> {
        let (repository, id) = (repository.to_owned(), id.to_owned());
        self.ledger()
            .record(actor, move |tx| {
                let found = store::repositories::get(tx, &repository)?;
                if store::imports::find(tx, found.id, &id)?.is_none() {
                    return Err(Error::ImportNotFound(id.clone()));
                }
                if store::imports::end(tx, &id, "cancelled", Some("Canceled"), None)? {
                    Ok(())
                } else {
                    Err(Error::ImportOver(id.clone()))
                }
            })
            .await
    }

    async fn run_import(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        id: &str,
        paths: &[ImportPath],
        mut new: NewCommit,
    ) -> Result<(), Error> {
        if new.message.is_empty() {
            new.message = "Import objects".to_owned();
        }
        let mut found = Found::new();
        for path in paths {
            let going = match path.source.strip_prefix("lakefs://") {
                Some(place) => self.collect_refs(actor, id, place, path, &mut found).await?,
                None => self.collect_files(actor, id, path, &mut found).await?,
            };
            if !going {
                return Ok(());
            }
        }
        let count = found.len() as u64;
        let found = std::sync::Arc::new(found);
        let replaced: Vec<Vec<u8>> = paths
            .iter()
            .filter(|path| path.prefix)
            .map(|path| path.destination.as_bytes().to_vec())
            .collect();
        let turn = self.turn(actor, repository, branch).await;
        for _ in 0..TRIES {
            let purpose = Purpose { force: new.force, commits: true, writes: true };
            let prepared = self.prepare(actor, repository, branch, purpose).await?;
            let (from, found, replaced) = (prepared.clone(), found.clone(), replaced.clone());
            let root = self
                .blocking(move |stage, handle| {
                    clean(stage, handle, &from)?;
                    let mut puts: BTreeMap<Vec<u8>, Option<tree::Item>> = BTreeMap::new();
                    for prefix in &replaced {
                        for entry in tree::scan(stage.nodes(), &from.head.root, prefix, prefix)? {
                            puts.insert(entry?.0, None);
                        }
                    }
                    for (path, object) in found.iter() {
                        let item = tree::Item { value: object.encode(), weight: object.size };
                        puts.insert(path.clone(), Some(item));
                    }
                    let mut changes = Changes::new(stage, handle, from.head.root);
                    for put in puts {
                        changes.push(put)?;
                    }
                    Ok(changes.finish()?.0)
                })
                .await?;
            let commit = self.child(actor, &prepared, &new, root);
            let commit = self.gated(actor, &prepared, commit, Event::PreCommit, branch).await?;
            self.0.options.fail.at(Step::Kept)?;
            if !self.report(actor, id, count).await? {
                return Ok(());
            }
            if self.advance(actor, &prepared, &commit, "import").await? {
                drop(turn);
                let (import, made) = (id.to_owned(), commit.id);
                self.ledger()
                    .record(actor, move |tx| store::imports::end(tx, &import, "done", None, Some(&made)))
                    .await?;
                self.tell_hooks(actor, Hooked::commit(Event::PostCommit, &prepared, &commit, branch)).await;
                return Ok(());
            }
        }
        Err(Error::Busy(branch.to_owned()))
    }

    /// Tells how far it has got. Whether it goes on: it may have been cancelled.
    async fn report(&self, actor: &Actor, id: &str, count: u64) -> Result<bool, Error> {
        let id = id.to_owned();
        Ok(self.ledger().record(actor, move |tx| store::imports::progress(tx, &id, count)).await?)
    }

    async fn collect_files(
        &self,
        actor: &Actor,
        id: &str,
        path: &ImportPath,
        found: &mut Found,
    ) -> Result<bool, Error> {
        let root = self.local_file(&path.source)?;
        let (prefix, destination) = (path.prefix, path.destination.clone());
        let files = self.blocking(move |_, _| files(&root, prefix, &destination)).await?;
        let mut files = files.into_iter();
        loop {
            let batch: Vec<(PathBuf, String)> = files.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return Ok(true);
            }
            let made =
                self.blocking(move |_, _| batch.into_iter().map(imported).collect::<Result<Vec<_>, _>>());
            found.extend(made.await?);
            if !self.report(actor, id, found.len() as u64).await? {
                return Ok(false);
            }
        }
    }

    async fn collect_refs(
        &self,
        actor: &Actor,
        id: &str,
        place: &str,
        path: &ImportPath,
        found: &mut Found,
    ) -> Result<bool, Error> {
        let bad = || Error::BadAddress {
            address: path.source.clone(),
            reason: "it is not lakefs://repository/ref/path".into(),
        };
        let (repository, rest) = place.split_once('/').ok_or_else(bad)?;
        let (reference, key) = rest.split_once('/').ok_or_else(bad)?;
        if !path.prefix {
            let object = self.stat(actor, repository, reference, key).await?;
            found.insert(path.destination.as_bytes().to_vec(), object);
            return self.report(actor, id, found.len() as u64).await;
        }
        // One commit, whatever the ref does meanwhile.
        let commit = self.get_commit(actor, repository, reference).await?.id.hex();
        let mut listing =
            Listing { prefix: key.to_owned(), limit: crate::LONGEST_PAGE, ..Listing::default() };
        loop {
            let page = self.list(actor, repository, &commit, listing.clone()).await?;
            for entry in page.items {
                if let Entry::Object { path: from, object } = entry {
                    let to = format!("{}{}", path.destination, &from[key.len()..]);
                    names::path(&to)?;
                    found.insert(to.into_bytes(), object);
                }
            }
            if !self.report(actor, id, found.len() as u64).await? {
                return Ok(false);
            }
            match page.next {
                Some(next) => listing.after = next,
                None => return Ok(true),
            }
        }
    }
}

/// Regular files below a directory (or one file), and the paths that they get. Hidden ones and links are passed over.
fn files(root: &Path, prefix: bool, destination: &str) -> Result<Vec<(PathBuf, String)>, Error> {
    if !prefix || root.is_file() {
        return Ok(vec![(root.to_owned(), destination.to_owned())]);
    }
    let mut found = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, below)) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|e| io::Error::new("list", &folder, e))?;
        for entry in entries {
            let entry = entry.map_err(|e| io::Error::new("list", &folder, e))?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(Error::Invalid(format!("the name of `{}` is no UTF-8", entry.path().display())));
            };
            if name.starts_with('.') {
                continue;
            }
            let kind = entry.file_type().map_err(|e| io::Error::new("inspect", entry.path(), e))?;
            let path = format!("{below}{name}");
            if kind.is_dir() {
                folders.push((entry.path(), format!("{path}/")));
            } else if kind.is_file() {
                let to = format!("{destination}{path}");
                names::path(&to)?;
                found.push((entry.path(), to));
            }
        }
    }
    Ok(found)
}

/// A file as an object in place. It is read once, for its MD5.
fn imported((file, path): (PathBuf, String)) -> Result<(Vec<u8>, Object), Error> {
    use std::io::Read as _;
    let mut from = io::open(&file)?;
    let metadata = from.metadata().map_err(|e| io::Error::new("inspect", &file, e))?;
    let mut sum = md5::Md5::new();
    let mut buffer = vec![0; 256 << 10];
    let mut size = 0;
    loop {
        let count = from.read(&mut buffer).map_err(|e| io::Error::new("read", &file, e))?;
        if count == 0 {
            break;
        }
        sum.update(&buffer[..count]);
        size += count as u64;
    }
    let modified = metadata.modified().ok();
    let modified = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let object = Object {
        physical: Physical::External(format!("local://{}", file.display())),
        size,
        etag: hex::encode(sum.finalize()),
        modified_at: Timestamp(modified.map_or(0, |since| since.as_micros() as i64)),
        content_type: None,
        metadata: Metadata::new(),
        checksums: Metadata::new(),
        headers: Metadata::new(),
    };
    Ok((path.into_bytes(), object))
}
