//! What gates and hooks said: a run for each event, with a result for each hook.

use types::{Actor, Timestamp};

use crate::{Error, Page, Paging, Repositories};

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
        _actor: &Actor,
        _repository: &str,
        _branch: Option<&str>,
        _commit: Option<&str>,
        _paging: Paging,
    ) -> Result<Page<ActionRun>, Error> {
        todo!()
    }
    pub async fn action_run(&self, _actor: &Actor, _repository: &str, _id: &str) -> Result<ActionRun, Error> {
        todo!()
    }
    pub async fn hook_runs(
        &self,
        _actor: &Actor,
        _repository: &str,
        _run: &str,
        _paging: Paging,
    ) -> Result<Page<HookRun>, Error> {
        todo!()
    }
    /// What a hook said.
    pub async fn hook_output(
        &self,
        _actor: &Actor,
        _repository: &str,
        _run: &str,
        _hook_run: &str,
    ) -> Result<String, Error> {
        todo!()
    }
}
