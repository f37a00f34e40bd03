use std::sync::Arc;
use std::time::{Duration, Instant};

use tasks::CancellationToken;
use types::{Actor, WorkspaceId};

use crate::endpoint::Key;
use crate::{Error, Revision, Serving, store};

/// How often failed endpoints are tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How often rollouts are looked at.
const WATCH: Duration = Duration::from_millis(500);

impl Serving {
    /// Follows deployments by other servers on the same database, and tries failed endpoints again.
    pub async fn run(&self, token: CancellationToken) -> Result<(), Error> {
        let mut sealed = self.0.ledger.watch();
        let mut last = Instant::now();
        let mut learned = Instant::now();
        loop {
            let watching = !self.0.rollouts.lock().is_empty() || !self.0.tallies.lock().is_empty();
            let changed = tokio::select! {
                () = token.cancelled() => return Ok(()),
                changed = sealed.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    true
                }
                () = self.0.woken.notified() => false,
                () = tokio::time::sleep(if watching { WATCH } else { RETRY }) => last.elapsed() >= RETRY,
            };
            if watching && let Err(error) = self.look_at_rollouts().await {
                tracing::warn!(%error, "a rollout could not be changed; it is tried again");
            }
            if let Err(error) = self.keep_shadows().await {
                tracing::warn!(%error, "what shadows did could not be written; it is tried again");
            }
            self.let_sleep();
            if learned.elapsed() >= RETRY {
                self.learn_again().await;
                learned = Instant::now();
            }
            if changed {
                last = Instant::now();
                if let Err(error) = self.sync().await {
                    tracing::warn!(%error, "endpoints could not be compared with the ledger; it is tried again");
                }
            }
            // Not at every event of a busy server.
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Makes the table match the ledger.
    pub(crate) async fn sync(&self) -> Result<(), Error> {
        let _changing = self.0.changing.lock().await;
        self.sync_rollouts().await?;
        self.learn_refused().await?;
        let settings = self.0.ledger.read(WorkspaceId::DEFAULT, store::all_settings).await?;
        let mut changed: Vec<Key> = Vec::new();
        for (workspace, endpoint, settings) in settings {
            let key = (workspace, endpoint);
            let mut known = self.0.settings.lock();
            if known.get(&key).is_none_or(|k| **k != settings) {
                known.insert(key.clone(), Arc::new(settings));
                self.0.guards.lock().remove(&key);
                changed.push(key);
            }
        }
        let current = self.0.ledger.read(WorkspaceId::DEFAULT, store::current).await?;
        for (workspace, revision) in &current {
            let key = (*workspace, revision.endpoint.clone());
            let serving = self.0.table.load().endpoints.get(&key).map(Arc::clone);
            // A failed one is tried again, but not at every event of a busy server.
            let fresh = serving.is_some_and(|e| {
                e.revision.uid == revision.uid
                    && !changed.contains(&key)
                    && match &e.models {
                        Ok(models) => !models.iter().any(|m| self.0.judging.refuses(*workspace, m)),
                        Err(_) => e.tried_at.elapsed() < RETRY,
                    }
            });
            if !fresh {
                self.take_up(key, revision.clone()).await;
            }
        }
        let gone: Vec<Key> = {
            let table = self.0.table.load();
            let named = |key: &Key| current.iter().any(|(w, r)| *w == key.0 && r.endpoint == key.1);
            table.endpoints.keys().filter(|key| !named(key)).cloned().collect()
        };
        for key in gone {
            self.publish(&key, None);
        }
        Ok(())
    }

    async fn take_up(&self, key: Key, revision: Revision) {
        let actor = Actor { workspace: key.0, ..Actor::system("serving") };
        let lazy = self.0.config.lazy_load;
        let mut models = Ok(Vec::new());
        for variant in &revision.variants {
            match self.loaded(&actor, &key, &variant.again(), lazy).await {
                Ok(model) => {
                    if let Ok(models) = models.as_mut() {
                        models.push(model);
                    }
                }
                Err(error) => {
                    models = Err(error.to_string());
                    break;
                }
            }
        }
        let models = match (self.features_of(&actor, &key).await, models) {
            (Ok(features), Ok(models)) => {
                self.fed(&key.1, features.as_ref(), models).map_err(|error| error.to_string())
            }
            (Err(error), Ok(_)) => Err(error.to_string()),
            (_, Err(reason)) => Err(reason),
        };
        let same_failure = {
            let table = self.0.table.load();
            let before = table.endpoints.get(&key);
            before.is_some_and(|b| {
                b.revision.uid == revision.uid && b.models.as_ref().err() == models.as_ref().err()
            })
        };
        match &models {
            Ok(_) => tracing::info!(endpoint = key.1, revision = revision.number, "serving"),
            Err(_) if same_failure => {}
            Err(reason) => tracing::error!(endpoint = key.1, reason, "an endpoint cannot serve"),
        }
        if let Ok(models) = &models {
            self.learn(&actor, &key, models).await;
        }
        // The replaced endpoint is freed by its last request.
        self.publish(&key, Some(self.made(&key, revision, models)));
        // Before the next one is loaded, so that a start needs no more than the budget and one model.
        self.let_sleep();
    }
}
