//! In which experiment a thing is, for whoever decides about access to it.

use ledger::Ledger;
use types::{Actor, ResourceKind, Uid, Visible};

use crate::error::Error;
use crate::store::{self, Reads};

/// The number of a run's experiment. Errors: `RunNotFound`.
pub async fn experiment_of_run(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<i64, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::homes::of_run(rx, &uid)?.ok_or_else(|| Error::RunNotFound(uid.to_string()))
        })
        .await
}

/// The number of a logged model's experiment. Errors: `LoggedModelNotFound`.
pub async fn experiment_of_logged_model(ledger: &Ledger, actor: &Actor, uid: String) -> Result<i64, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::homes::of_logged_model(rx, &uid)?.ok_or(Error::LoggedModelNotFound(uid))
        })
        .await
}

/// What an actor may see of the things of a kind inside experiments: which experiments, and whether any at all.
pub(crate) fn visible(actor: &Actor, kind: ResourceKind) -> Visible {
    match actor.level([(kind, types::ANY)]) {
        // The kind itself is denied.
        None => Visible::Only(Vec::new()),
        Some(_) => actor.visible(ResourceKind::Experiment),
    }
}

/// Strikes the experiments that may not be seen; `None` stands for all that are not deleted.
pub(crate) fn restrict(
    on: &mut impl Reads,
    visible: &Visible,
    experiments: Option<Vec<i64>>,
) -> Result<Option<Vec<i64>>, Error> {
    if *visible == Visible::All {
        return Ok(experiments);
    }
    let mut wanted = match experiments {
        Some(wanted) => wanted,
        None => store::homes::experiments(on)?,
    };
    wanted.retain(|number| visible.includes(&number.to_string()));
    Ok(Some(wanted))
}
