use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use blobs::Blobs;
use ledger::{Cursor, Ledger, Place};
use predictions::Log;
use repositories::Repositories;
use runtimes::Runtime;
use serving::Serving;
use tasks::CancellationToken;
use types::{Actor, Class, Fault as _, Uid, WorkspaceId};

use crate::answered::Counted;
use crate::{Error, Retraining, State, alarms, commits, due, steps, store};

/// Labels and pipeline runs are looked at this often; events wake it at once.
pub(crate) const EVERY: Duration = Duration::from_millis(500);
const CURSOR: &str = "automation";
const EVENTS: i64 = 500;
/// With several servers on one database one of them automates.
const LEASE: Duration = Duration::from_secs(10);

/// Hears alarms and drives retrainings.
#[derive(Clone)]
pub struct Automation {
    pub(crate) ledger: Ledger,
    pub(crate) blobs: Blobs,
    pub(crate) runtime: Runtime,
    pub(crate) log: Log,
    pub(crate) serving: Serving,
    pub(crate) repositories: Repositories,
    cursor: Cursor,
    /// Names this server in the lease.
    holder: String,
    /// Labels in all and of those of answers, when they were last counted.
    counts: Arc<Mutex<HashMap<Counted, (i64, i64)>>>,
}

impl Automation {
    pub fn new(
        ledger: &Ledger,
        blobs: &Blobs,
        runtime: &Runtime,
        log: &Log,
        serving: &Serving,
        repositories: &Repositories,
    ) -> Self {
        Self {
            ledger: ledger.clone(),
            blobs: blobs.clone(),
            runtime: runtime.clone(),
            log: log.clone(),
            serving: serving.clone(),
            repositories: repositories.clone(),
            cursor: Cursor::new(ledger, CURSOR),
            holder: types::new_id(ledger.clock().now()).hex(),
            counts: Arc::default(),
        }
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, HashMap<Counted, (i64, i64)>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until the token is cancelled. What cannot be done now is tried again.
    pub async fn run(&self, token: CancellationToken) -> Result<(), Error> {
        let mut sealed = self.ledger.watch();
        loop {
            if let Err(error) = self.turn().await {
                tracing::warn!(%error, "automation cannot go on; it is tried again");
            }
            tokio::select! {
                () = token.cancelled() => return Ok(self.cursor.close().await?),
                () = tokio::time::sleep(EVERY) => {}
                is_open = Cursor::woken(&mut sealed) => if !is_open { return Ok(()) },
            }
        }
    }

    /// Hears every event that is there, then moves every retraining as far as it goes. False if another server
    /// automates.
    pub async fn turn(&self) -> Result<bool, Error> {
        if !self.leads().await? {
            self.cursor.forget();
            return Ok(false);
        }
        self.hear().await?;
        due::look(self).await?;
        let active = self.ledger.read(WorkspaceId::DEFAULT, |rx| store::retrainings::active(rx)).await?;
        for retraining in active {
            self.drive(retraining).await?;
        }
        Ok(true)
    }

    /// A SQLite ledger has one server, which need not wait for the lease of the one that was killed.
    async fn leads(&self) -> Result<bool, Error> {
        if matches!(self.ledger.place(), Place::Sqlite(_)) {
            return Ok(true);
        }
        Ok(self.ledger.lease(CURSOR, &self.holder, LEASE).await?.is_some())
    }

    async fn hear(&self) -> Result<(), Error> {
        loop {
            let position = self.cursor.position().await?;
            let events = self.ledger.events_after(position, EVENTS).await?;
            let Some(last) = events.last().map(|e| e.position) else {
                return Ok(self.cursor.settle().await?);
            };
            for event in &events {
                let actor = Actor { workspace: event.workspace, ..Actor::system("automation") };
                alarms::read(&self.ledger, &self.serving, &actor, event).await?;
                commits::hear(self, &actor, event).await?;
            }
            self.cursor.pass(last);
        }
    }

    /// As far as it goes without waiting.
    async fn drive(&self, mut retraining: Retraining) -> Result<(), Error> {
        let actor = Actor { workspace: retraining.workspace, ..Actor::system("automation") };
        while !retraining.state.is_final() {
            // Others took over while an evaluation or import lasted long: what was done is found by them.
            if !self.leads().await? {
                return Ok(());
            }
            let next = match steps::work(self, &actor, &retraining).await {
                Ok(Some(next)) => next,
                Ok(None) => return Ok(()),
                Err(error) if is_passing(&error) => {
                    tracing::warn!(retraining = %retraining.uid, state = retraining.state.name(), %error, "tried again");
                    return Ok(());
                }
                Err(error) => {
                    if let Err(error) = steps::abandon(self, &actor, &retraining).await {
                        tracing::warn!(retraining = %retraining.uid, %error, "what it began could not be undone");
                    }
                    steps::Next::failed(&error)
                }
            };
            let uid = retraining.uid;
            if !steps::commit(&self.ledger, &actor, &retraining, next).await? {
                return Ok(());
            }
            retraining = crate::get(&self.ledger, &actor, uid).await?;
            let Retraining { policy, state, reason, .. } = &retraining;
            tracing::info!(retraining = %uid, policy, state = state.name(), reason, "retraining moved on");
        }
        Ok(())
    }

    /// Moves one retraining by one step, if it can. For tests that stop between steps.
    #[doc(hidden)]
    pub async fn step(&self, actor: &Actor, uid: Uid) -> Result<State, Error> {
        let retraining = crate::get(&self.ledger, actor, uid).await?;
        let system = Actor { workspace: retraining.workspace, ..Actor::system("automation") };
        if let Some(next) = steps::work(self, &system, &retraining).await? {
            steps::commit(&self.ledger, &system, &retraining, next).await?;
        }
        Ok(crate::get(&self.ledger, actor, uid).await?.state)
    }
}

/// Whether time alone may mend it.
fn is_passing(error: &Error) -> bool {
    error.class() == Class::Unavailable
}
