//! Writes to a branch: rows of its open layer, many callers to a commit of the database.

use std::collections::{BTreeMap, HashMap};

use ledger::{Answers, FactTx, Together};
use types::{Actor, Digest};

use crate::store::{self, Writes};
use crate::{Condition, Error, Match, Metadata, Object, Repositories, names};

/// How often a conditional write is tried when the branch moves under it.
const TRIES: usize = 20;

/// What the committed tree says of a path, and under which commit that holds.
#[derive(Clone, Debug)]
struct Committed {
    commit: Digest,
    object: Option<Object>,
}

#[derive(Clone, Debug)]
struct Change {
    path: Vec<u8>,
    /// Encoded; `None` deletes.
    object: Option<Vec<u8>>,
    condition: Condition,
    /// Needed to judge a condition, and whether there is something to delete.
    committed: Option<Committed>,
}

#[derive(Debug)]
pub(crate) struct Write {
    repository: String,
    branch: String,
    changes: Vec<Change>,
    force: bool,
    /// Forgotten in the same step: it has become an object.
    upload: Option<String>,
}

/// Whether each of the changes found an object where it went.
pub(crate) type Found = Vec<bool>;

/// `Moved` where the answers of the tree no longer hold.
pub(crate) enum Outcome {
    Done(Found),
    Moved,
}

struct Staging;

/// What a batch knows of a branch.
struct Target {
    layers: Vec<i64>,
    commit: Digest,
}

impl Together for Staging {
    type Item = Write;
    type Out = Outcome;
    type Error = Error;

    fn write(tx: &mut FactTx<'_>, items: &[&Write]) -> Result<Answers<Self>, ledger::Error> {
        let mut targets: HashMap<(&str, &str, bool), usize> = HashMap::new();
        let mut known: Vec<Target> = Vec::new();
        // What earlier items of this batch leave in the open layers.
        let mut pending: BTreeMap<(i64, Vec<u8>), Option<Vec<u8>>> = BTreeMap::new();
        let mut answers = Vec::with_capacity(items.len());
        for item in items {
            let key = (item.repository.as_str(), item.branch.as_str(), item.force);
            let target = match targets.get(&key) {
                Some(index) => *index,
                None => match target(tx, item)? {
                    Ok(target) => {
                        known.push(target);
                        targets.insert(key, known.len() - 1);
                        known.len() - 1
                    }
                    Err(error) => {
                        answers.push(Err(error));
                        continue;
                    }
                },
            };
            let answer = change(tx, &known[target], item, &mut pending)?;
            if let (Ok(Outcome::Done(_)), Some(upload)) = (&answer, &item.upload) {
                store::uploads::delete(tx, upload)?;
            }
            answers.push(answer);
        }
        store::layers::put(
            tx,
            pending.into_iter().map(|((layer, path), object)| (layer, (path, object))).collect(),
        )?;
        Ok(answers)
    }
}

/// The layers that an item writes to, or why it may not.
fn target(tx: &mut FactTx<'_>, item: &Write) -> Result<Result<Target, Error>, ledger::Error> {
    let found = (|| {
        let repository = store::repositories::get_writable(tx, &item.repository, item.force)?;
        let branch = store::refs::get_branch(tx, repository.id, &item.branch)?;
        let rules = store::rules::protections(tx, repository.id)?;
        if rules.iter().any(|rule| rule.staging && names::matches(&rule.pattern, &item.branch)) {
            return Err(Error::Protected {
                branch: item.branch.clone(),
                what: "nothing can be written to it",
            });
        }
        tx.hold_branch(branch.id)?;
        // Only now, as another server may have sealed or moved it just before.
        let branch = store::refs::get_branch(tx, repository.id, &item.branch)?;
        let layers = store::layers::of_branch(tx, branch.id)?;
        Ok(Target { layers, commit: branch.branch.commit })
    })();
    match found {
        Err(Error::Ledger(error)) => Err(error),
        other => Ok(other),
    }
}

fn change(
    tx: &mut FactTx<'_>,
    target: &Target,
    item: &Write,
    pending: &mut BTreeMap<(i64, Vec<u8>), Option<Vec<u8>>>,
) -> Result<Result<Outcome, Error>, ledger::Error> {
    let Some(open) = target.layers.first().copied() else {
        return Ok(Err(Error::BranchNotFound(item.branch.clone())));
    };
    let mut found = Vec::with_capacity(item.changes.len());
    let mut writes = Vec::with_capacity(item.changes.len());
    let mut own: HashMap<&[u8], Option<&Vec<u8>>> = HashMap::new();
    for change in &item.changes {
        let Some(committed) = &change.committed else {
            found.push(false);
            writes.push(((open, change.path.clone()), change.object.clone()));
            continue;
        };
        if committed.commit != target.commit {
            return Ok(Ok(Outcome::Moved));
        }
        let staged = match own.get(change.path.as_slice()) {
            Some(object) => Some(object.cloned()),
            None => match pending.get(&(open, change.path.clone())) {
                Some(object) => Some(object.clone()),
                None => store::layers::find(tx, &target.layers, &change.path)?,
            },
        };
        let current = match staged {
            Some(Some(bytes)) => match Object::decode(&bytes) {
                Ok(object) => Some(object),
                Err(error) => return Ok(Err(error)),
            },
            Some(None) => None,
            None => committed.object.clone(),
        };
        if !change.condition.holds(current.as_ref()) {
            return Ok(Err(Error::Precondition));
        }
        found.push(current.is_some());
        // There is nothing to delete where nothing is.
        if change.object.is_some() || current.is_some() {
            own.insert(&change.path, change.object.as_ref());
            writes.push(((open, change.path.clone()), change.object.clone()));
        }
    }
    pending.extend(writes);
    Ok(Ok(Outcome::Done(found)))
}

impl Condition {
    pub(crate) fn is_none(&self) -> bool {
        self.none_match.is_none() && self.matches.is_none()
    }

    /// Whether an object in this state may be written over.
    pub fn holds(&self, current: Option<&Object>) -> bool {
        let is_one_of = |tags: &[String]| {
            current.is_some_and(|object| tags.iter().any(|tag| tag.trim_matches('"') == object.etag))
        };
        let none_match = match &self.none_match {
            None => true,
            Some(Match::Any) => current.is_none(),
            Some(Match::ETags(tags)) => !is_one_of(tags),
        };
        let matches = match &self.matches {
            None => true,
            Some(Match::Any) => current.is_some(),
            Some(Match::ETags(tags)) => is_one_of(tags),
        };
        none_match && matches
    }
}

impl Repositories {
    /// Makes an object visible at a path of a branch, in one step with the check of the condition.
    ///
    /// Errors: `Precondition`, `Protected`, `ReadOnly`, `BranchNotFound`, `BadPath`.
    pub async fn stage(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        path: &str,
        object: Object,
        condition: Condition,
    ) -> Result<Object, Error> {
        names::path(path)?;
        self.hold(path, &object).await?;
        self.stage_one(actor, repository, branch, path, object, condition, None).await
    }

    /// [`Repositories::stage`] which ends an upload in the same step.
    #[expect(clippy::too_many_arguments, reason = "one write has that many parts")]
    pub(crate) async fn stage_one(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        path: &str,
        object: Object,
        condition: Condition,
        upload: Option<String>,
    ) -> Result<Object, Error> {
        let change = Change {
            path: path.as_bytes().to_vec(),
            object: Some(object.encode()),
            condition,
            committed: None,
        };
        let write = Write {
            repository: repository.to_owned(),
            branch: branch.to_owned(),
            changes: vec![change],
            force: false,
            upload,
        };
        self.write(actor, write).await?;
        Ok(object)
    }

    /// Many at once, all or none.
    pub async fn stage_many(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        objects: Vec<(String, Object)>,
    ) -> Result<(), Error> {
        for (path, _) in &objects {
            names::path(path)?;
        }
        for (path, object) in &objects {
            self.hold(path, object).await?;
        }
        let changes = objects.into_iter().map(|(path, object)| Change {
            path: path.into_bytes(),
            object: Some(object.encode()),
            condition: Condition::default(),
            committed: None,
        });
        let write = Write {
            repository: repository.to_owned(),
            branch: branch.to_owned(),
            changes: changes.collect(),
            force: false,
            upload: None,
        };
        self.write(actor, write).await?;
        Ok(())
    }

    /// Gives the object at a path other user metadata. Errors: `ObjectNotFound`.
    pub async fn set_object_metadata(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        path: &str,
        metadata: Metadata,
    ) -> Result<Object, Error> {
        for _ in 0..TRIES {
            let mut object = self.stat(actor, repository, branch, path).await?;
            let same = Match::ETags(vec![object.etag.clone()]);
            let condition = Condition { none_match: None, matches: Some(same) };
            object.metadata.clone_from(&metadata);
            match self.stage(actor, repository, branch, path, object, condition).await {
                Err(Error::Precondition) => {}
                other => return other,
            }
        }
        Err(Error::Busy(branch.to_owned()))
    }

    /// Answers whether there was one.
    pub async fn delete(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        path: &str,
        condition: Condition,
    ) -> Result<bool, Error> {
        names::path(path)?;
        let change = Change { path: path.as_bytes().to_vec(), object: None, condition, committed: None };
        let write = Write {
            repository: repository.to_owned(),
            branch: branch.to_owned(),
            changes: vec![change],
            force: false,
            upload: None,
        };
        Ok(self.write(actor, write).await?.first().copied().unwrap_or(false))
    }

    /// Paths that could not be deleted, and why. Missing ones count as deleted.
    pub async fn delete_many(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        paths: Vec<String>,
    ) -> Result<Vec<(String, Error)>, Error> {
        let mut failed = Vec::new();
        let mut changes = Vec::new();
        for path in paths {
            match names::path(&path) {
                Ok(()) => changes.push(Change {
                    path: path.into_bytes(),
                    object: None,
                    condition: Condition::default(),
                    committed: None,
                }),
                Err(error) => failed.push((path, error)),
            }
        }
        let write = Write {
            repository: repository.to_owned(),
            branch: branch.to_owned(),
            changes,
            force: false,
            upload: None,
        };
        self.write(actor, write).await?;
        Ok(failed)
    }

    async fn write(&self, actor: &Actor, mut write: Write) -> Result<Found, Error> {
        let looks = |change: &Change| change.object.is_none() || !change.condition.is_none();
        for attempt in 0..TRIES {
            if write.changes.iter().any(looks) {
                self.look_up(actor, &mut write).await?;
            }
            // Items are borrowed by a batch that may run more than once, so each attempt sends its own.
            let item = Write {
                repository: write.repository.clone(),
                branch: write.branch.clone(),
                changes: if attempt + 1 == TRIES {
                    std::mem::take(&mut write.changes)
                } else {
                    write.changes.clone()
                },
                force: write.force,
                upload: write.upload.clone(),
            };
            match self.ledger().record_together::<Staging>(actor, item).await? {
                Outcome::Done(found) => return Ok(found),
                Outcome::Moved => {}
            }
        }
        Err(Error::Busy(write.branch))
    }

    /// Reads what the committed tree says of the paths whose state matters.
    async fn look_up(&self, actor: &Actor, write: &mut Write) -> Result<(), Error> {
        let (name, branch) = (write.repository.clone(), write.branch.clone());
        let (commit, root) = self
            .ledger()
            .read(actor.workspace, move |rx| {
                let repository = store::repositories::get(rx, &name)?;
                let branch = store::refs::get_branch(rx, repository.id, &branch)?;
                let commit = store::commits::get(rx, repository.id, &branch.branch.commit)?;
                Ok::<_, Error>((commit.id, commit.root))
            })
            .await?;
        let mut changes = std::mem::take(&mut write.changes);
        write.changes = self
            .blocking(move |stage, _| {
                for change in &mut changes {
                    if change.object.is_none() || !change.condition.is_none() {
                        let object = stage.tree_get(&root, &change.path)?;
                        change.committed = Some(Committed { commit, object });
                    }
                }
                Ok(changes)
            })
            .await?;
        Ok(())
    }
}
