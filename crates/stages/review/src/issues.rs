//! Issues: problems found in traces.

use ledger::Ledger;
use serde_json::json;
use tracking::Page;
use tracking::search::Clause;
use types::{Actor, Timestamp, Uid};

use crate::Error;
use crate::store::issues as store;

/// From the least to the most severe.
pub const SEVERITIES: [&str; 4] = ["not_an_issue", "low", "medium", "high"];

#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    pub uid: Uid,
    pub experiment: i64,
    pub name: String,
    pub description: String,
    pub status: String,
    /// A place in [`SEVERITIES`].
    pub severity: Option<i64>,
    pub root_causes: Vec<String>,
    pub categories: Vec<String>,
    pub source_run: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: Option<String>,
    /// How many traces are said to have it, where that was asked for.
    pub traces: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct NewIssue {
    pub experiment: i64,
    pub name: String,
    pub description: String,
    pub status: String,
    pub severity: Option<i64>,
    pub root_causes: Vec<String>,
    pub categories: Vec<String>,
    pub source_run: Option<String>,
    pub created_by: Option<String>,
}

/// What changes; None leaves it.
#[derive(Clone, Debug, Default)]
pub struct IssueChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub status: Option<String>,
    pub severity: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueField {
    Status,
    SourceRun,
}

#[derive(Clone, Debug, Default)]
pub struct IssueQuery {
    pub experiment: Option<i64>,
    pub filter: Vec<Clause<IssueField>>,
    /// Count the traces of each: they have an assessment of the kind `issue`, named by this and the issue's id. Of equally
    /// severe ones those with more traces then come first.
    pub count_traces: Option<&'static str>,
    pub limit: i64,
    pub offset: i64,
}

fn subject(uid: Uid) -> String {
    format!("issue:{uid}")
}

pub async fn create_issue(ledger: &Ledger, actor: &Actor, new: NewIssue) -> Result<Issue, Error> {
    ledger
        .write(actor, move |tx| {
            let issue = Issue {
                uid: tx.new_id(),
                experiment: new.experiment,
                name: new.name.clone(),
                description: new.description.clone(),
                status: new.status.clone(),
                severity: new.severity,
                root_causes: new.root_causes.clone(),
                categories: new.categories.clone(),
                source_run: new.source_run.clone(),
                created_at: tx.now(),
                updated_at: tx.now(),
                created_by: new.created_by.clone(),
                traces: None,
            };
            store::insert(tx, &issue)?;
            tx.event("issue.created", &subject(issue.uid), json!({ "severity": issue.severity }))?;
            Ok(issue)
        })
        .await
}

/// Errors: `IssueNotFound`.
pub async fn issue(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<Issue, Error> {
    ledger.read(actor.workspace, move |rx| store::find(rx, uid)?.ok_or(Error::IssueNotFound(uid))).await
}

/// Errors: `IssueNotFound`.
pub async fn update_issue(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
    change: IssueChange,
) -> Result<Issue, Error> {
    ledger
        .write(actor, move |tx| {
            let mut issue = store::find(tx, uid)?.ok_or(Error::IssueNotFound(uid))?;
            let set = |place: &mut String, new: &Option<String>| {
                if let Some(new) = new {
                    place.clone_from(new);
                }
            };
            set(&mut issue.name, &change.name);
            set(&mut issue.description, &change.description);
            set(&mut issue.status, &change.status);
            issue.severity = change.severity.or(issue.severity);
            issue.updated_at = tx.now();
            store::update(tx, &issue)?;
            tx.event("issue.updated", &subject(uid), json!({ "status": issue.status }))?;
            Ok(issue)
        })
        .await
}

/// The most severe first, then the newest.
pub async fn search_issues(ledger: &Ledger, actor: &Actor, query: IssueQuery) -> Result<Page<Issue>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(Page::cut(store::search(rx, &query)?, query.limit))).await
}
