//! Taking back: what is staged, or where a branch points.

use serde_json::json;
use types::Actor;

use crate::advance::Purpose;
use crate::commit::TRIES;
use crate::merge::clean;
use crate::store::{self, Writes as _};
use crate::{Error, Repositories, gc, names};

#[derive(Clone, Debug)]
pub enum Reset {
    Everything,
    Prefix(String),
    Object(String),
}

impl Repositories {
    /// Drops staged changes. Errors: `Protected`, `ReadOnly`, `BranchNotFound`.
    pub async fn reset(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        what: Reset,
    ) -> Result<(), Error> {
        // A commit that is on its way has taken what was staged.
        let _turn = self.turn(actor, repository, branch).await;
        let (repository, branch) = (repository.to_owned(), branch.to_owned());
        self.ledger()
            .write(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &repository, false)?;
                let rules = store::rules::protections(tx, found.id)?;
                if rules.iter().any(|rule| rule.staging && names::matches(&rule.pattern, &branch)) {
                    let what = "nothing can be reset on it";
                    return Err(Error::Protected { branch: branch.clone(), what });
                }
                let row = store::refs::get_branch(tx, found.id, &branch)?;
                tx.hold_branch(row.id)?;
                let layers = store::layers::of_branch(tx, row.id)?;
                match &what {
                    Reset::Everything => {
                        store::layers::drop_layers(tx, &layers)?;
                        store::layers::open(tx, found.id, row.id)?;
                    }
                    Reset::Prefix(prefix) => {
                        store::layers::forget_prefix(tx, &layers, prefix.as_bytes())?;
                    }
                    Reset::Object(path) => {
                        store::layers::forget(tx, &layers, path.as_bytes())?;
                    }
                }
                let uid = found.repository.uid;
                let payload = json!({ "repository": uid, "branch": branch });
                Ok(tx.event("branch.reset", &format!("repository:{uid}"), payload)?)
            })
            .await
    }

    /// Moves the head to another commit; staged changes must be none.
    ///
    /// Errors: `DirtyBranch`, `Protected`, and those of the ref.
    pub async fn hard_reset(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        reference: &str,
        force: bool,
    ) -> Result<(), Error> {
        let _turn = self.turn(actor, repository, branch).await;
        for _ in 0..TRIES {
            let purpose = Purpose { force, commits: true, writes: true };
            let prepared = self.prepare(actor, repository, branch, purpose).await?;
            // Only now: the reference may be relative to the branch.
            let to = self.get_commit(actor, repository, reference).await?;
            let from = prepared.clone();
            self.blocking(move |stage, handle| clean(stage, handle, &from)).await?;
            let moved = self
                .ledger()
                .write(actor, move |tx| {
                    tx.hold_branch(prepared.branch)?;
                    gc::need_retained(tx, prepared.repository.id, &[to.id])?;
                    if !store::refs::move_branch(tx, prepared.branch, &prepared.head.id, &to.id)? {
                        return Ok(false);
                    }
                    store::layers::drop_layers(tx, &prepared.sealed)?;
                    let uid = prepared.repository.repository.uid;
                    let payload = json!({
                        "repository": uid, "branch": prepared.name,
                        "from": prepared.head.id.hex(), "commit": to.id.hex(),
                    });
                    tx.event("branch.moved", &format!("repository:{uid}"), payload)?;
                    Ok::<_, Error>(true)
                })
                .await?;
            if moved {
                return Ok(());
            }
        }
        Err(Error::Busy(branch.to_owned()))
    }
}
