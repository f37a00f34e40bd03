//! Runs that take longer than they may are ended, and have failed.

use ledger::Tx;
use serde_json::json;
use types::{Uid, WorkspaceId};

use crate::advance::{self, Advance};
use crate::engine::system;
use crate::{Engine, Error, store};

impl Engine {
    /// Ends the runs whose deadline has come. Their tasks are ended as those of a cancelled run.
    pub(crate) async fn end_overdue(&self, overdue: Vec<(WorkspaceId, Uid)>) -> Result<(), Error> {
        for (workspace, run) in overdue {
            self.0.ledger.write(&system(workspace), move |tx: &mut Tx<'_>| end(tx, run)).await?;
        }
        Ok(())
    }
}

fn end(tx: &mut Tx<'_>, run: Uid) -> Result<(), Error> {
    advance::lock(tx, run)?;
    // Another server may have been faster, or the run.
    if !store::runs::set_overdue(tx, run)? {
        return Ok(());
    }
    tx.event("pipeline.run_overdue", &format!("pipeline_run:{run}"), json!({ "run": run }))?;
    Advance::open(tx, run)?.cancel()
}
