//! What a long table of runs asks: which runs there are, then the rows that are in view.

use ledger::Ledger;
use types::{Actor, Uid};

use crate::error::Error;
use crate::model::{Page, Run};
use crate::search::{RunField, RunQuery};
use crate::store::listing as store;

/// What runs are grouped by.
#[derive(Clone, Debug, PartialEq)]
pub enum Group {
    Experiment,
    /// A parameter, a tag, or a column of the run's own that is text.
    Field(RunField),
}

/// One run of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub uid: Uid,
    /// The value that it is grouped by; `None` if it has none, or if nothing was asked.
    pub group: Option<String>,
}

/// Names of what runs logged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keys {
    pub metrics: Vec<String>,
    pub params: Vec<String>,
    pub tags: Vec<String>,
}

/// The ids that a query finds, in its order, without anything that the runs logged: 100,000 of them in one answer.
pub async fn list_runs(
    ledger: &Ledger,
    actor: &Actor,
    query: RunQuery,
    group: Option<Group>,
) -> Result<Page<Listed>, Error> {
    ledger
        .read(actor.workspace, move |rx| Ok(Page::cut(store::list(rx, &query, group.as_ref())?, query.limit)))
        .await
}

/// The runs with these ids in the order of the ids, deleted ones too; unknown ids are left out. With everything they
/// logged, or with `only` some of it: then without data and models, however many thousand keys they have.
pub async fn runs_of(
    ledger: &Ledger,
    actor: &Actor,
    uids: Vec<Uid>,
    only: Option<Keys>,
) -> Result<Vec<Run>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let mut found = store::runs(rx, &uids, only.as_ref())?;
            let place = |run: &Run| uids.iter().position(|uid| *uid == run.uid);
            found.sort_by_cached_key(place);
            Ok(found)
        })
        .await
}

/// Keys that runs of these experiments (numbers; `None` for all) logged as metrics, and keys that any run of the
/// workspace logged as parameters and tags; at most `limit` of each.
pub async fn run_keys(
    ledger: &Ledger,
    actor: &Actor,
    experiments: Option<Vec<i64>>,
    limit: i64,
) -> Result<Keys, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::keys(rx, experiments.as_deref(), limit)?)).await
}
