//! What gates and hooks said: a run for each event, with a result for each hook.

use types::{Actor, Timestamp};

use crate::hooks::HookRow;
use crate::repository::page;
use crate::{Error, Page, Paging, Repositories, store};

#[derive(Clone, Debug)]
pub struct ActionRun {
    pub id: String,
    pub branch: String,
    /// Hexadecimal; empty before there is a commit.
    pub commit: String,
    /// Such as `pre-commit`.
    pub event: String,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub passed: bool,
}

#[derive(Clone, Debug)]
pub struct HookRun {
    pub id: String,
    /// `gate` for a gate of the server.
    pub action: String,
    pub hook: String,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub passed: bool,
    /// Not run, as one before it failed.
    pub skipped: bool,
}

impl Repositories {
    /// Newest first, of one branch or of one commit if they are given.
    pub async fn action_runs(
        &self,
        actor: &Actor,
        repository: &str,
        branch: Option<&str>,
        commit: Option<&str>,
        paging: Paging,
    ) -> Result<Page<ActionRun>, Error> {
        let repository = repository.to_owned();
        let (branch, commit) = (branch.unwrap_or_default().to_owned(), commit.unwrap_or_default().to_owned());
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                let limit = paging.limit.clamp(1, crate::LONGEST_PAGE);
                let items = store::runs::list(rx, found.id, &branch, &commit, &paging.after, limit + 1)?;
                Ok(page(items, limit, |run| run.id.clone()))
            })
            .await
    }

    /// Errors: `RunNotFound`.
    pub async fn action_run(&self, actor: &Actor, repository: &str, id: &str) -> Result<ActionRun, Error> {
        Ok(self.run_and_hooks(actor, repository, id).await?.0)
    }

    /// In the order in which they ran.
    pub async fn hook_runs(
        &self,
        actor: &Actor,
        repository: &str,
        run: &str,
        paging: Paging,
    ) -> Result<Page<HookRun>, Error> {
        let (_, rows) = self.run_and_hooks(actor, repository, run).await?;
        let start = match rows.iter().position(|row| row.id == paging.after) {
            Some(at) => at + 1,
            None => 0,
        };
        let limit = paging.limit.clamp(1, crate::LONGEST_PAGE);
        let items: Vec<HookRun> = rows.into_iter().skip(start).map(HookRun::from).collect();
        Ok(page(items, limit, |hook| hook.id.clone()))
    }

    /// What a hook said. Errors: `RunNotFound`.
    pub async fn hook_output(
        &self,
        actor: &Actor,
        repository: &str,
        run: &str,
        hook_run: &str,
    ) -> Result<String, Error> {
        let (_, rows) = self.run_and_hooks(actor, repository, run).await?;
        let row = rows.into_iter().find(|row| row.id == hook_run);
        Ok(row.ok_or_else(|| Error::RunNotFound(hook_run.to_owned()))?.output)
    }

    async fn run_and_hooks(
        &self,
        actor: &Actor,
        repository: &str,
        id: &str,
    ) -> Result<(ActionRun, Vec<HookRow>), Error> {
        let (repository, id) = (repository.to_owned(), id.to_owned());
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                store::runs::find(rx, found.id, &id)?.ok_or(Error::RunNotFound(id))
            })
            .await
    }
}

impl From<HookRow> for HookRun {
    fn from(row: HookRow) -> Self {
        Self {
            id: row.id,
            action: row.action,
            hook: row.hook,
            started_at: row.started_at,
            ended_at: row.ended_at,
            passed: row.passed,
            skipped: row.skipped,
        }
    }
}
