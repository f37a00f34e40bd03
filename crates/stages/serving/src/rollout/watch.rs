use std::time::Duration;

use types::{Actor, WorkspaceId};

use super::{Rollout, RolloutState, Verdict, Window, WithoutTraffic, decide};
use crate::{Error, Serving, VariantView, store};

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
                    if self.decides().await? {
                        self.advance(&actor, rollout).await?;
                    }
                }
                // Another server's candidate may be asked where this one's is not.
                Verdict::GiveUp(reason) => {
                    if self.decides().await? {
                        tracing::warn!(endpoint = rollout.endpoint, reason, "a candidate gets no requests");
                        match rollout.guards.without_traffic {
                            WithoutTraffic::RollBack => {
                                self.end(&actor, rollout, RolloutState::RolledBack, &reason).await?;
                            }
                            WithoutTraffic::Pause => {
                                self.give_up(&actor, &rollout.endpoint, reason).await?;
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    async fn decides(&self) -> Result<bool, Error> {
        Ok(self.0.ledger.lease("serving.rollouts", &self.0.holder.hex(), LEASE).await?.is_some())
    }

    /// What candidate and stable variants did on this server since the step began: in the last five minutes, or, where those have
    /// too few requests of the candidate to judge it by, in the last day.
    fn both_sides(&self, workspace: WorkspaceId, rollout: &Rollout) -> (Window, Window) {
        let Ok(endpoint) = self.endpoint(workspace, &rollout.endpoint) else {
            return (Window::default(), Window::default());
        };
        let (since, now) = (rollout.step_since, self.0.ledger.clock().now());
        let each = || endpoint.revision.variants.iter().zip(&endpoint.variant_stats);
        let is_candidate = |variant: &VariantView| variant.name == rollout.candidate;
        let lately: u64 =
            each().filter(|(v, _)| is_candidate(v)).map(|(_, stats)| stats.window(since, now).requests).sum();
        let seldom = lately < rollout.guards.least_requests.max(1);
        let (mut candidate, mut stable) = (Window::default(), Window::default());
        for (variant, stats) in each() {
            let mut window = stats.window(since, now);
            let (requests, errors) = stats.of_day(since, now);
            if seldom && requests > window.requests {
                (window.requests, window.errors) = (requests, errors);
            }
            if is_candidate(variant) {
                candidate = window;
            } else if !variant.shadow {
                stable.requests += window.requests;
                stable.errors += window.errors;
                stable.timed += window.timed;
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
