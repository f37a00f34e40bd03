//! Commits of data as triggers: heard from the events, answered when no more come.

use ledger::Event;
use repositories::{DiffOptions, Listing, Paging};
use serde::{Deserialize, Serialize};
use types::{Actor, Class, Fault as _, Timestamp, Uid};

use crate::trigger::{Alarm, automatically};
use crate::{Automation, Error, Policy, Trigger, store};

/// Commits of a branch of a repository, also those that merges and reverts make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitRule {
    pub repository: String,
    pub branch: String,
    /// Only what changes a path that begins so; empty: any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// Seconds without another commit after which the newest one is answered.
    pub settle: i64,
}

/// Commits that came one after the other are waited for at most so many times `settle`.
const MOST_SETTLES: i64 = 10;

/// The kind of their trigger.
pub(crate) const KIND: &str = "data_commit";

/// Commits that are not answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub source: String,
    /// The newest, in hex, and the position of its event.
    pub commit: String,
    pub position: i64,
    pub commits: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

/// Commits that a policy has heard of and not answered, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PendingCommits {
    /// The newest one, in hex.
    pub commit: String,
    pub commits: i64,
    /// When they are answered, if no other comes and nothing stands against it.
    pub due: Timestamp,
}

impl CommitRule {
    /// Errors: what is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.repository.is_empty() || self.branch.is_empty() {
            return Err("triggers.data_commit needs a repository and a branch".into());
        }
        if !(0..=86_400).contains(&self.settle) {
            return Err("triggers.data_commit.settle must be between 0 and 1 day".into());
        }
        Ok(())
    }

    pub(crate) fn source(&self) -> String {
        format!("{}@{}:{}", self.repository, self.branch, self.prefix)
    }

    fn due(&self, pending: &Pending) -> Timestamp {
        let settled = pending.last_at.plus_seconds(self.settle);
        settled.min(pending.first_at.plus_seconds(self.settle.saturating_mul(MOST_SETTLES)))
    }

    pub(crate) fn shown(&self, pending: &Pending) -> PendingCommits {
        let due = self.due(pending);
        PendingCommits { commit: pending.commit.clone(), commits: pending.commits, due }
    }
}

/// What `commit.created` says.
#[derive(Debug, Deserialize)]
struct Told {
    repository: Uid,
    branch: String,
    commit: String,
    #[serde(default)]
    parents: Vec<String>,
}

/// Takes in an event, if it is a commit that a policy waits for.
pub(crate) async fn hear(automation: &Automation, actor: &Actor, event: &Event) -> Result<(), Error> {
    if event.kind != "commit.created" {
        return Ok(());
    }
    let told: Told = match serde_json::from_value(event.payload.clone()) {
        Ok(told) => told,
        Err(error) => {
            tracing::warn!(position = event.position, %error, "an event of repositories cannot be read");
            return Ok(());
        }
    };
    let ledger = &automation.ledger;
    let policies = ledger.read(actor.workspace, |rx| store::policies::list(rx)).await?;
    for policy in policies {
        let Some(rule) = policy.triggers.data_commit else { continue };
        if rule.branch != told.branch || !touches(automation, actor, &rule, &told).await? {
            continue;
        }
        let heard = Pending {
            source: rule.source(),
            commit: told.commit.clone(),
            position: event.position,
            commits: 1,
            first_at: event.at,
            last_at: event.at,
        };
        let name = policy.name;
        ledger
            .record(actor, move |tx| {
                // A server that died before its cursor was kept reads the event again.
                if store::retrainings::seen(tx, &name, KIND, heard.position)? {
                    return Ok(());
                }
                store::commits::hear(tx, &name, &heard)
            })
            .await?;
    }
    Ok(())
}

/// Whether the commit is of this repository, and changes what the rule is about. What was deleted meanwhile was not.
async fn touches(
    automation: &Automation,
    actor: &Actor,
    rule: &CommitRule,
    told: &Told,
) -> Result<bool, Error> {
    let absent = |error: repositories::Error| match error.class() {
        Class::NotFound => Ok(false),
        _ => Err(error.into()),
    };
    let stage = &automation.repositories;
    match stage.repository(actor, &rule.repository).await {
        Ok(found) if found.uid == told.repository => {}
        Ok(_) => return Ok(false),
        Err(error) => return absent(error),
    }
    if rule.prefix.is_empty() {
        return Ok(true);
    }
    let prefix = rule.prefix.clone();
    let found = match told.parents.first() {
        Some(parent) => {
            let paging = Paging { prefix, after: String::new(), limit: 1 };
            let options = DiffOptions { paging, ..DiffOptions::default() };
            let page = stage.diff(actor, &rule.repository, parent, &told.commit, false, options).await;
            page.map(|page| page.items.len())
        }
        None => {
            let listing = Listing { prefix, limit: 1, ..Listing::default() };
            let page = stage.list(actor, &rule.repository, &told.commit, listing).await;
            page.map(|page| page.items.len())
        }
    };
    found.map_or_else(absent, |changes| Ok(changes > 0))
}

/// Answers what has settled. What stands against it only delays it: then the newest commit of all counts.
pub(crate) async fn look(
    automation: &Automation,
    actor: &Actor,
    policy: &Policy,
    rule: &CommitRule,
) -> Result<(), Error> {
    let (name, source) = (policy.name.clone(), rule.source());
    let pending = automation
        .ledger
        .read(actor.workspace, move |rx| store::commits::pending(rx, &name, &source))
        .await?;
    let Some(pending) = pending.filter(|p| rule.due(p) <= automation.ledger.clock().now()) else {
        return Ok(());
    };
    let trigger = Trigger::DataCommit {
        repository: rule.repository.clone(),
        branch: rule.branch.clone(),
        prefix: rule.prefix.clone(),
        commit: pending.commit,
        commits: pending.commits,
    };
    let (policy, position) = (policy.clone(), Some(pending.position));
    automatically(&automation.ledger, actor, policy, trigger, position, None, Alarm::Stands).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_settle_and_a_stream_of_them_is_not_waited_for_for_ever() {
        let rule = CommitRule {
            repository: "hospital".into(),
            branch: "main".into(),
            prefix: String::new(),
            settle: 60,
        };
        let pending = |first: i64, last: i64| Pending {
            source: rule.source(),
            commit: "c".into(),
            position: 1,
            commits: 2,
            first_at: Timestamp(first * 1_000_000),
            last_at: Timestamp(last * 1_000_000),
        };
        assert_eq!(rule.due(&pending(0, 30)), Timestamp(90_000_000));
        assert_eq!(rule.due(&pending(0, 590)), Timestamp(600_000_000));
        assert!(CommitRule { settle: -1, ..rule.clone() }.check().is_err());
        assert!(CommitRule { branch: String::new(), ..rule }.check().is_err());
    }
}
