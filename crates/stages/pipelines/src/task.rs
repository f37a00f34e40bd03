//! Looking one task up, and what was tried before.

use std::collections::BTreeMap;

use ledger::Ledger;
use types::{Actor, Uid};

use crate::{Attempt, Error, StepRun, store};

/// One task of a run. Errors: `NotFound`, also if it belongs to another run.
pub async fn get_task(ledger: &Ledger, actor: &Actor, run: Uid, task: Uid) -> Result<StepRun, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let found = store::steps::find(rx, task)?.filter(|found| found.run == run && found.uid != run);
            found.ok_or_else(|| Error::NotFound { what: "task", name: task.to_string() })
        })
        .await
}

/// The attempts before the one that each task tells of, by task, in their order.
pub async fn earlier_attempts(
    ledger: &Ledger,
    actor: &Actor,
    run: Uid,
) -> Result<BTreeMap<Uid, Vec<Attempt>>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let mut by_task: BTreeMap<Uid, Vec<Attempt>> = BTreeMap::new();
            for (task, attempt) in store::attempts::of_run(rx, run)? {
                by_task.entry(task).or_default().push(attempt);
            }
            Ok(by_task)
        })
        .await
}
