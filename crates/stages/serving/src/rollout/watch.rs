use std::time::Duration;

use types::{Actor, WorkspaceId};

use super::{Rollout, RolloutState, Verdict, Window, decide};
use crate::{Error, Serving, store};

/// How long another server waits before it takes over the watch of one that is gone.
const LEASE: Duration = Duration::from_secs(15);

impl Serving {
    /// Looks at every rollout once. Each server takes the traffic away from a candidate that fails on it; one alone, by
    /// lease, moves on to the next step.
    pub(crate) async fn look_at_rollouts(&self) -> Result<(), Error> {
        let active: Vec<(WorkspaceId, Rollout)> = {
            let watched = self.0.rollouts.lock();
            watched.iter().map(|(key, rollout)| (key.0, rollout.clone())).collect()
        };
        for (workspace, rollout) in active {
            let now = self.0.ledger.clock().now();
            let (candidate, stable) = self.both_sides(workspace, &rollout);
            let actor = Actor { workspace, ..Actor::system("rollout") };
            match decide(&rollout, candidate, stable, now) {
                Verdict::Wait => {}
                Verdict::RollBack(reason) => {
                    tracing::warn!(endpoint = rollout.endpoint, reason, "a candidate is rolled back");
                    self.end(&actor, rollout, RolloutState::RolledBack, &reason).await?;
                }
                Verdict::Advance => {
                    let holder = self.0.holder.hex();
                    if self.0.ledger.lease("serving.rollouts", &holder, LEASE).await?.is_some() {
                        self.advance(&actor, rollout).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What candidate and stable variants did on this server since the step began, at most the last five minutes.
    fn both_sides(&self, workspace: WorkspaceId, rollout: &Rollout) -> (Window, Window) {
        let Ok(endpoint) = self.endpoint(workspace, &rollout.endpoint) else {
            return (Window::default(), Window::default());
        };
        let now = self.0.ledger.clock().now();
        let (mut candidate, mut stable) = (Window::default(), Window::default());
        for (variant, stats) in endpoint.revision.variants.iter().zip(&endpoint.variant_stats) {
            let window = stats.window(rollout.step_since, now);
            if variant.name == rollout.candidate {
                candidate = window;
            } else if !variant.shadow {
                stable.requests += window.requests;
                stable.errors += window.errors;
                stable.p95_ms = stable.p95_ms.max(window.p95_ms);
            }
        }
        (candidate, stable)
    }

    pub(super) fn watch(&self, workspace: WorkspaceId, rollout: Rollout) {
        let mut watched = self.0.rollouts.lock();
        let key = (workspace, rollout.endpoint.clone());
        if rollout.state.is_active() {
            watched.insert(key, rollout);
        } else {
            watched.remove(&key);
        }
    }

    /// Follows what other servers started and ended.
    pub(crate) async fn sync_rollouts(&self) -> Result<(), Error> {
        let active = self.0.ledger.read(WorkspaceId::DEFAULT, store::active_rollouts).await?;
        let mut watched = self.0.rollouts.lock();
        *watched = active.into_iter().map(|(w, r)| ((w, r.endpoint.clone()), r)).collect();
        Ok(())
    }
}
