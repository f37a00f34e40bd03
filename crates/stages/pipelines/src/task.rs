//! Looking one task up.

use ledger::Ledger;
use types::{Actor, Uid};

use crate::{Error, StepRun, store};

/// One task of a run. Errors: `NotFound`, also if it belongs to another run.
pub async fn get_task(ledger: &Ledger, actor: &Actor, run: Uid, task: Uid) -> Result<StepRun, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let found = store::steps::find(rx, task)?.filter(|found| found.run == run && found.uid != run);
            found.ok_or_else(|| Error::NotFound { what: "task", name: task.to_string() })
        })
        .await
}
