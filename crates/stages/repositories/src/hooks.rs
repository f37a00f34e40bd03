//! Events of a repository that gates and actions are told of, and the runs that come of them.

use serde::{Deserialize, Serialize};
use serde_json::json;
use types::{Actor, Digest, Timestamp};

use crate::actions::Action;
use crate::advance::Prepared;
use crate::store;
use crate::{Commit, Error, Repositories};

macro_rules! events {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// What happens to a repository; those that begin with `pre` can be refused. The names are lakeFS's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Event { $($name),* }

        impl Event {
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

events! {
    PrepareCommit = "prepare-commit",
    PreCommit = "pre-commit",
    PostCommit = "post-commit",
    PreMerge = "pre-merge",
    PostMerge = "post-merge",
    PreCreateTag = "pre-create-tag",
    PostCreateTag = "post-create-tag",
    PreDeleteTag = "pre-delete-tag",
    PostDeleteTag = "post-delete-tag",
    PreCreateBranch = "pre-create-branch",
    PostCreateBranch = "post-create-branch",
    PreDeleteBranch = "pre-delete-branch",
    PostDeleteBranch = "post-delete-branch",
    PreRevert = "pre-revert",
    PostRevert = "post-revert",
    PreCherryPick = "pre-cherry-pick",
    PostCherryPick = "post-cherry-pick",
}

/// One event with what is told about it.
#[derive(Clone, Debug)]
pub(crate) struct Hooked {
    pub event: Event,
    pub repository: String,
    pub branch: String,
    pub tag: String,
    /// A ref of the tree whose actions run.
    pub source: String,
    pub merge_source: String,
    pub commit: Option<Commit>,
}

impl Hooked {
    pub fn branch(event: Event, repository: &str, branch: &str, source: &str) -> Self {
        Self {
            event,
            repository: repository.to_owned(),
            branch: branch.to_owned(),
            tag: String::new(),
            source: source.to_owned(),
            merge_source: String::new(),
            commit: None,
        }
    }

    pub fn tag(event: Event, repository: &str, tag: &str, source: &str) -> Self {
        Self { tag: tag.to_owned(), branch: String::new(), ..Self::branch(event, repository, "", source) }
    }

    pub fn commit(event: Event, from: &Prepared, commit: &Commit, source: &str) -> Self {
        let merge = matches!(event, Event::PreMerge | Event::PostMerge);
        Self {
            merge_source: if merge { source.to_owned() } else { String::new() },
            commit: Some(commit.clone()),
            ..Self::branch(event, &from.repository.repository.name, &from.name, &commit.id.hex())
        }
    }
}

/// What one hook or gate said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HookRow {
    pub id: String,
    pub action: String,
    pub hook: String,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub passed: bool,
    #[serde(default)]
    pub skipped: bool,
    pub output: String,
}

/// A run on its way.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub started_at: Timestamp,
    pub hooks: Vec<HookRow>,
}

/// Most bytes that are kept of what a hook says.
const OUTPUT: usize = 256 << 10;

impl Ran {
    pub fn begin(now: Timestamp) -> Self {
        Self { started_at: now, hooks: Vec::new() }
    }

    #[expect(clippy::too_many_arguments, reason = "a row of a table")]
    pub fn add(
        &mut self,
        id: String,
        action: &str,
        hook: &str,
        started_at: Timestamp,
        ended_at: Timestamp,
        passed: bool,
        mut output: String,
    ) {
        if output.len() > OUTPUT {
            let end = (0..=OUTPUT).rev().find(|at| output.is_char_boundary(*at)).unwrap_or(0);
            output.truncate(end);
        }
        let (action, hook) = (action.to_owned(), hook.to_owned());
        let ended_at = Some(ended_at);
        self.hooks.push(HookRow { id, action, hook, started_at, ended_at, passed, skipped: false, output });
    }

    pub fn skip(&mut self, id: String, action: &str, hook: &str, now: Timestamp) {
        self.add(id, action, hook, now, now, false, String::new());
        if let Some(row) = self.hooks.last_mut() {
            (row.skipped, row.ended_at) = (true, None);
        }
    }

    pub fn failed(&mut self, now: Timestamp, action: &str, hook: &str, why: &str) {
        let id = format!("failed_{:04}", self.hooks.len());
        self.add(id, action, hook, now, now, false, why.to_owned());
    }

    /// The first hook that said no.
    pub fn refusal(&self) -> Option<&HookRow> {
        self.hooks.iter().find(|row| !row.passed && !row.skipped)
    }
}

impl Repositories {
    /// Runs the actions of an event that can be refused. Errors: `Refused`.
    pub(crate) async fn run_hooks(&self, actor: &Actor, hooked: Hooked) -> Result<(), Error> {
        if let Some(commit) = &hooked.commit
            && self.is_quiet(&commit.root, hooked.event, &hooked.branch)
        {
            return Ok(());
        }
        // A ref that leads nowhere is told by the operation itself.
        let Ok(view) = self.view(actor, &hooked.repository, &hooked.source).await else { return Ok(()) };
        let read_only = view.repository.repository.read_only;
        let actions = self.actions_for(actor, &hooked, read_only, &view.root).await;
        let mut ran = Ran::begin(self.ledger().clock().now());
        match actions {
            Ok(actions) if actions.is_empty() => return Ok(()),
            Ok(actions) => self.run_actions(&hooked, &hooked.source, &actions, &mut ran).await,
            Err(error) => ran.failed(ran.started_at, "actions", "load", &error.to_string()),
        }
        self.judge(actor, &hooked, ran).await
    }

    /// Runs the actions of something that has happened; what goes wrong is kept with the run alone.
    pub(crate) async fn tell_hooks(&self, actor: &Actor, hooked: Hooked) {
        match self.run_hooks(actor, hooked).await {
            Ok(()) | Err(Error::Refused { .. }) => {}
            Err(error) => tracing::error!(%error, "the actions of an event could not be run"),
        }
    }

    /// The actions in a tree that are about an event.
    pub(crate) async fn actions_for(
        &self,
        _actor: &Actor,
        hooked: &Hooked,
        read_only: bool,
        root: &Digest,
    ) -> Result<Vec<Action>, Error> {
        if read_only {
            return Ok(Vec::new());
        }
        let mut actions = self.load_actions(root).await?;
        actions.retain(|action| action.concerns(hooked.event, &hooked.branch));
        Ok(actions)
    }

    /// Keeps a run. Errors: `Refused` if something in it said no.
    pub(crate) async fn judge(&self, actor: &Actor, hooked: &Hooked, ran: Ran) -> Result<(), Error> {
        let refusal = ran.refusal().cloned();
        let id = types::new_id(self.ledger().clock().now()).hex();
        let (run, hooked, passed) = (id.clone(), hooked.clone(), refusal.is_none());
        self.ledger()
            .write(actor, move |tx| {
                let Some(found) = store::repositories::find(tx, &hooked.repository)? else { return Ok(()) };
                store::runs::insert(tx, found.id, &run, &hooked, &ran, passed)?;
                let uid = found.repository.uid;
                let payload = json!({
                    "repository": uid, "run": run, "event": hooked.event.name(), "passed": passed,
                    "commit": hooked.commit.as_ref().map(|commit| commit.id.hex()),
                });
                Ok::<_, Error>(tx.event("hooks.ran", &format!("repository:{uid}"), payload)?)
            })
            .await?;
        match refusal {
            None => Ok(()),
            Some(row) => {
                let first = row.output.lines().rev().find(|line| !line.is_empty()).unwrap_or("no reason");
                let line =
                    if row.action == "gate" { row.output.lines().next().unwrap_or(first) } else { first };
                Err(Error::Refused { summary: format!("{}: {line}", row.hook), run: id })
            }
        }
    }
}
