//! The gates that a version passes before, or soon after, it is deployed: parity with its Python original, and the trial of its
//! package. One verdict for each content.

use std::collections::HashSet;

use packages::{Engines, Gate, Refused, Trials};
use parking_lot::Mutex;
use tasks::CancellationToken;
use tokio::sync::mpsc;
use types::{Actor, Digest, Uid, WorkspaceId};

use crate::load::Loaded;
use crate::{Error, Serving};

/// Which verdicts a deployment asks for.
#[derive(Clone, Debug, Default)]
pub struct Gates {
    pub parity: Gate,
    pub trial: Gate,
    /// How packages are tried; without, none is.
    pub trials: Option<Trials>,
}

/// What is known of verdicts, and what is still to be judged.
pub(crate) struct Judging {
    /// Versions that passed what is required, so that steps of a rollout do not ask again.
    admitted: Mutex<HashSet<(WorkspaceId, Uid)>>,
    /// Runtimes that failed parity, as the ledger has it.
    refused: Mutex<Vec<(WorkspaceId, Refused)>>,
    later: mpsc::UnboundedSender<(Actor, Uid)>,
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<(Actor, Uid)>>,
    /// Contents that were judged, or could not be, since the start: at most once each.
    asked: Mutex<HashSet<(WorkspaceId, Digest)>>,
}

impl Default for Judging {
    fn default() -> Self {
        let (later, waiting) = mpsc::unbounded_channel();
        Self {
            admitted: Mutex::default(),
            refused: Mutex::default(),
            later,
            waiting: tokio::sync::Mutex::new(waiting),
            asked: Mutex::default(),
        }
    }
}

impl Judging {
    /// Whether what runs this model, or a part of it, failed parity since it was loaded.
    pub fn refuses(&self, workspace: WorkspaceId, model: &Loaded) -> bool {
        let refused = self.refused.lock();
        let is = |part: &Loaded| {
            refused.iter().any(|(of, refused)| {
                *of == workspace && refused.engine == part.engine && refused.is_of(part.version, part.digest)
            })
        };
        !refused.is_empty() && model.parts().into_iter().any(is)
    }
}

impl Serving {
    /// Before a version is loaded for a deployment: whatever is required must have been found, or is found now.
    ///
    /// It may last, and may be dropped at any moment: a deployment asks again.
    ///
    /// Errors: `packages::Error::NotJudged`, `TrialFailed`.
    pub async fn admit(&self, actor: &Actor, version: Uid) -> Result<(), Error> {
        let (gates, judging) = (&self.0.config.gates, &self.0.judging);
        let Some(engines) = &self.0.config.engines else { return Ok(()) };
        let key = (actor.workspace, version);
        if judging.admitted.lock().contains(&key) {
            return Ok(());
        }
        let (ledger, blobs) = (&self.0.ledger, &self.0.blobs);
        if gates.parity == Gate::Required {
            packages::require_parity(ledger, blobs, engines, actor, version).await?;
        }
        if let (Gate::Required, Some(trials)) = (gates.trial, &gates.trials) {
            packages::require_trial(ledger, blobs, engines, trials, actor, version).await?;
        }
        judging.admitted.lock().insert(key);
        Ok(())
    }

    /// After a deployment: what is to be recorded is found when there is time.
    pub(crate) fn judge_later(&self, actor: &Actor, version: Uid) {
        let gates = &self.0.config.gates;
        if gates.parity == Gate::Recorded || gates.trial == Gate::Recorded {
            // Nobody listens where this server has no such task.
            let _ = self.0.judging.later.send((actor.clone(), version));
        }
    }

    /// Judges versions that were deployed, one at a time, until `token` is cancelled.
    pub async fn judge(&self, token: CancellationToken) -> Result<(), Error> {
        let Some(engines) = &self.0.config.engines else { return Ok(()) };
        let mut waiting = self.0.judging.waiting.lock().await;
        loop {
            let next = tokio::select! {
                () = token.cancelled() => return Ok(()),
                next = waiting.recv() => next,
            };
            let Some((actor, version)) = next else { return Ok(()) };
            let judged = tokio::select! {
                () = token.cancelled() => return Ok(()),
                judged = self.judge_one(engines, &actor, version) => judged,
            };
            if let Err(error) = judged {
                tracing::warn!(version = %version, %error, "a deployed model could not be judged");
            }
        }
    }

    async fn judge_one(&self, engines: &Engines, actor: &Actor, version: Uid) -> Result<(), Error> {
        let (ledger, blobs, gates) = (&self.0.ledger, &self.0.blobs, &self.0.config.gates);
        let about = models::get_version(ledger, actor, version).await?;
        let Some(digest) = about.digest else { return Ok(()) };
        if !self.0.judging.asked.lock().insert((actor.workspace, digest)) {
            return Ok(());
        }
        let standing = packages::standing(ledger, blobs, engines, actor, version).await?;
        if gates.parity == Gate::Recorded
            && !standing.unjudged.is_empty()
            && packages::is_at_hand(ledger, blobs, engines, actor, version).await?
        {
            // A trial is still worth while where parity cannot be told.
            if let Err(error) = packages::judge_parity(ledger, blobs, engines, actor, version).await {
                tracing::warn!(model = about.model, number = about.number, %error, "parity is not known");
            }
        }
        if let (Gate::Recorded, Some(trials), None) = (gates.trial, &gates.trials, standing.tried) {
            let found = packages::trial(ledger, blobs, engines, trials, actor, version).await?;
            if !found.passed {
                let reason = found.detail["reason"].as_str().unwrap_or_default();
                tracing::warn!(
                    model = about.model,
                    number = about.number,
                    reason,
                    "its package failed its trial"
                );
            }
        }
        Ok(())
    }

    /// Learns which runtimes failed parity; those that serve are replaced by [`Serving::sync`].
    pub(crate) async fn learn_refused(&self) -> Result<(), Error> {
        if self.0.config.engines.is_some() {
            let refused = packages::refused(&self.0.ledger).await?;
            *self.0.judging.refused.lock() = refused;
        }
        Ok(())
    }
}
