//! What holds for the branches of a repository: protection and retention.

use std::collections::BTreeMap;

use serde_json::json;
use types::Actor;

use crate::store;
use crate::{Error, Repositories};

/// Branches whose name matches the glob `pattern` take none of the actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    pub pattern: String,
    /// Writes and deletions of objects, and resets.
    pub staging: bool,
    pub commits: bool,
}

/// How many days commits that no branch or tag leads to are kept, and old versions on branches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    pub default_days: u32,
    pub branches: BTreeMap<String, u32>,
}

impl Repositories {
    pub async fn protections(&self, actor: &Actor, repository: &str) -> Result<Vec<Protection>, Error> {
        let repository = repository.to_owned();
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                Ok(store::rules::protections(rx, found.id)?)
            })
            .await
    }

    /// In place of those that were there; of two with one pattern the last counts.
    pub async fn set_protections(
        &self,
        actor: &Actor,
        repository: &str,
        rules: Vec<Protection>,
    ) -> Result<(), Error> {
        let repository = repository.to_owned();
        let rules: BTreeMap<String, Protection> =
            rules.into_iter().map(|rule| (rule.pattern.clone(), rule)).collect();
        if rules.contains_key("") {
            return Err(Error::BadName(String::new(), "branch pattern"));
        }
        let rules: Vec<Protection> = rules.into_values().collect();
        self.ledger()
            .write(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &repository, false)?;
                store::rules::set_protections(tx, found.id, &rules)?;
                let uid = found.repository.uid;
                let patterns: Vec<&String> = rules.iter().map(|rule| &rule.pattern).collect();
                let payload = json!({ "repository": uid, "patterns": patterns });
                Ok(tx.event("repository.protection_changed", &format!("repository:{uid}"), payload)?)
            })
            .await
    }

    pub async fn retention(&self, actor: &Actor, repository: &str) -> Result<Option<Retention>, Error> {
        let repository = repository.to_owned();
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                Ok(store::rules::retention(rx, found.id)?)
            })
            .await
    }

    /// `None`: nothing is ever let go.
    pub async fn set_retention(
        &self,
        actor: &Actor,
        repository: &str,
        rules: Option<Retention>,
    ) -> Result<(), Error> {
        let repository = repository.to_owned();
        self.ledger()
            .write(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &repository, false)?;
                store::rules::set_retention(tx, found.id, rules.as_ref())?;
                let uid = found.repository.uid;
                let payload = json!({ "repository": uid, "days": rules.as_ref().map(|r| r.default_days) });
                Ok(tx.event("repository.retention_changed", &format!("repository:{uid}"), payload)?)
            })
            .await
    }
}
