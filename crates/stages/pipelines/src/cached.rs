//! Steps that take the outputs of an equal earlier one.

use types::{Actor, Digest};

use crate::{Engine, Error, StepRun, StepState, shim, store};

impl Engine {
    /// How the step ends if an earlier one had the same key and all that it made is still there.
    pub(crate) async fn cached(
        &self,
        actor: &Actor,
        step: &StepRun,
        registers: Option<&str>,
        key: Digest,
    ) -> Result<Option<StepRun>, Error> {
        let found = self.0.ledger.read(actor.workspace, move |rx| store::steps::remembered(rx, key)).await?;
        let Some(found) = found.filter(|found| found.state == StepState::Succeeded) else { return Ok(None) };
        for output in &found.outputs {
            if !self.0.blobs.exists(&output.digest).await? {
                return Ok(None);
            }
        }
        if let Some(model) = registers {
            let versions = match found.tracking_run {
                Some(run) => models::versions_of_run(&self.0.ledger, actor, run).await?,
                None => Vec::new(),
            };
            if !versions.iter().any(|version| version.model == model) {
                return Ok(None);
            }
        }
        let mut log = found.log_digest;
        let path = self.attempt_dir(found.run, found.uid, &found.name, found.attempt).join(shim::LOG);
        if log.is_none() && path.metadata().is_ok_and(|meta| meta.len() > 0) {
            // It is on its way.
            log = Some(self.0.blobs.put_file(&path).await?.0);
        }
        let mut ended = step.clone();
        ended.state = StepState::Succeeded;
        ended.cached = true;
        ended.message = Some(format!("cached: the same as step run {}", found.uid));
        ended.tracking_run = found.tracking_run;
        ended.exit_code = found.exit_code;
        ended.log_digest = log;
        ended.outputs = found.outputs;
        ended.results = found.results;
        Ok(Some(ended))
    }
}
