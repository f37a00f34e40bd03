use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use blobs::Blobs;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use ledger::{Ledger, Tx};
use tasks::CancellationToken;
use tokio::time::Instant;
use types::{Actor, Digest, Uid, WorkspaceId, io};

use crate::advance::Advance;
use crate::attempt::Active;
use crate::clock::Watch;
use crate::compiled::Compiled;
use crate::config::ATTEMPTS;
use crate::executors::{Away, ReadyShims};
use crate::finish::claim;
use crate::heard::Heard;
use crate::servers::Membership;
use crate::zygotes::Zygotes;
use crate::{Config, Error, retention, shim, store};

/// How long a change of another server, or one that nobody announced, may go unseen.
const AT_LEAST_EVERY: Duration = Duration::from_secs(1);
/// Changes come in bursts; a burst is looked at once.
const SETTLE: Duration = Duration::from_millis(5);
/// From the start to the first removal of what old runs left.
const PRUNE_AFTER: Duration = Duration::from_secs(60);

/// Runs what was submitted. Steps are processes of their own under a shim; stopping the engine, or killing its
/// process, leaves them alone, and the next engine on the same data directory takes them up again. Cheap to clone.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub config: Config,
    pub membership: Membership,
    plans: Mutex<HashMap<Digest, Arc<Compiled>>>,
    pub zygotes: Zygotes,
    pub shims: ReadyShims,
    pub away: Away,
    pub clock: Watch,
    pub heard: Heard,
    /// Asks other servers for logs; made when it is first needed.
    pub peers: OnceLock<outbound::Client>,
}

/// Plans that the engine keeps in memory.
const PLANS: usize = 64;

type Driven = BoxFuture<'static, ()>;

impl Engine {
    /// Errors: `Io` if the data directory cannot be written, `DataDirInUse`.
    pub fn new(ledger: Ledger, blobs: Blobs, config: Config) -> Result<Self, Error> {
        let attempts = config.attempts();
        io::create_dir_all(&attempts)?;
        // Tasks hold the token that steps get.
        use std::os::unix::fs::PermissionsExt as _;
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&attempts, private).map_err(|e| io::Error::new("protect", &attempts, e))?;
        let membership = Membership::new(&config, ledger.place(), ledger.clock().now())?;
        let zygotes = Zygotes::new(config.data_dir.join("warm"))?;
        let shims = ReadyShims::new(config.ready_shims, config.parallel);
        Ok(Self(Arc::new(Inner {
            ledger,
            blobs,
            config,
            membership,
            plans: Mutex::default(),
            zygotes,
            shims,
            away: Away::default(),
            clock: Watch::default(),
            heard: Heard::default(),
            peers: OnceLock::new(),
        })))
    }

    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Works until `token` is cancelled. It may be dropped and started again at any moment.
    /// Errors: `Ledger` when the database cannot be used; starting again is the right answer.
    pub async fn run(&self, token: CancellationToken) -> Result<(), Error> {
        if !self.0.membership.is_shared {
            return self.work(token).await;
        }
        self.beat().await?;
        tokio::select! {
            ended = self.work(token.clone()) => ended,
            () = self.stay(&token) => Ok(()),
        }
    }

    async fn work(&self, token: CancellationToken) -> Result<(), Error> {
        self.adopt().await?;
        let mut changes = self.0.ledger.watch();
        let mut driven: FuturesUnordered<Driven> = FuturesUnordered::new();
        let active = Arc::new(Active::default());
        let (mut next_look, mut next_prune) = (Instant::now(), Instant::now() + PRUNE_AFTER);
        loop {
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                Some(()) = driven.next(), if !driven.is_empty() => next_look = Instant::now(),
                changed = changes.changed() => {
                    changed.map_err(|_| ledger::Error::Closed)?;
                    next_look = next_look.min(Instant::now() + SETTLE);
                }
                () = tokio::time::sleep_until(next_prune) => {
                    next_prune = Instant::now() + retention::EVERY;
                    let engine = self.clone();
                    driven.push(Box::pin(async move {
                        if let Err(error) = engine.prune().await {
                            tracing::warn!(%error, "what old runs left on the disk stays there for now");
                        }
                    }));
                }
                () = tokio::time::sleep_until(next_look) => {
                    let due = self.look(&mut driven, &active).await?;
                    next_look = Instant::now() + due.unwrap_or(AT_LEAST_EVERY).min(AT_LEAST_EVERY);
                }
            }
        }
    }

    /// Runs from before there were plans get one.
    async fn adopt(&self) -> Result<(), Error> {
        let old = self.0.ledger.read(WorkspaceId::DEFAULT, store::runs::without_plan).await?;
        for (workspace, run) in old {
            self.0
                .ledger
                .write(&system(workspace), move |tx: &mut Tx<'_>| Advance::open(tx, run).map(drop))
                .await?;
        }
        Ok(())
    }

    /// Takes ready tasks, takes up running ones that nobody attends to, passes on requests to end, starts what is
    /// scheduled, judges replays. Gives how long it is until something is due.
    async fn look(
        &self,
        driven: &mut FuturesUnordered<Driven>,
        active: &Arc<Active>,
    ) -> Result<Option<Duration>, Error> {
        let inner = &self.0;
        if inner.membership.take_sweep() {
            self.sweep().await?;
        }
        self.look_at_clock().await?;
        self.start_due().await?;
        self.start_heard().await?;
        self.go_on_backfills().await?;
        // What runs on clusters takes no room here.
        let here = active.len().saturating_sub(inner.away.len());
        let room = inner.away.room(inner.config.parallel.saturating_sub(here));
        if room > 0 && inner.membership.generation().is_some() {
            self.claim(room).await?;
        }
        let (owner, now) = (inner.membership.own.uid.clone(), inner.ledger.clock().now());
        let (running, ending, replays, overdue, due) = inner
            .ledger
            .read(WorkspaceId::DEFAULT, move |rx| {
                let running = store::steps::running(rx, &owner)?;
                let ending = store::steps::to_cancel(rx, &owner)?;
                let due = store::due::next(rx, now)?;
                let overdue = store::runs::overdue(rx, now)?;
                Ok::<_, ledger::Error>((running, ending, store::replays::to_judge(rx)?, overdue, due))
            })
            .await?;
        self.end_overdue(overdue).await?;
        for (workspace, step) in running {
            if active.enter(step) {
                let (engine, active) = (self.clone(), Arc::clone(active));
                driven.push(Box::pin(async move { engine.drive(active, workspace, step).await }));
            }
        }
        for store::steps::Ending { run, step, name, attempt, disk } in ending {
            let root =
                disk.map_or_else(|| inner.config.attempts(), |disk| PathBuf::from(disk).join(ATTEMPTS));
            let dir = attempt_dir(&root, run, step, &name, attempt);
            if dir.join(shim::TASK).exists() && !dir.join(shim::CANCEL).exists() {
                io::write(dir.join(shim::CANCEL), "")?;
            }
        }
        for (workspace, replay) in replays {
            self.judge(&system(workspace), replay).await?;
        }
        Ok(due.map(|due| Duration::from_micros((due.0 - now.0).max(0).unsigned_abs())))
    }

    async fn claim(&self, room: usize) -> Result<(), Error> {
        let (pools, now) = (self.0.config.pools.clone(), self.0.ledger.clock().now());
        let ready = self
            .0
            .ledger
            .read(WorkspaceId::DEFAULT, move |rx| {
                let full = store::steps::full_pools(rx, &pools)?;
                store::steps::ready(rx, None, room, now, &full)
            })
            .await?;
        let mut rooms: BTreeMap<WorkspaceId, usize> = BTreeMap::new();
        for (workspace, ..) in ready {
            *rooms.entry(workspace).or_default() += 1;
        }
        for (workspace, room) in rooms {
            let (owner, pools) = (self.0.membership.own.uid.clone(), self.0.config.pools.clone());
            self.0
                .ledger
                .write(&system(workspace), move |tx: &mut Tx<'_>| {
                    claim(tx, Some(workspace), room, &owner, &pools).map(drop)
                })
                .await?;
        }
        Ok(())
    }

    /// A plan that was read before.
    pub(crate) fn plan(&self, digest: Digest) -> Option<Arc<Compiled>> {
        self.0.plans.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned()
    }

    pub(crate) fn keep_plan(&self, plan: Arc<Compiled>) -> Arc<Compiled> {
        let mut plans = self.0.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= PLANS {
            plans.clear();
        }
        plans.insert(plan.digest, Arc::clone(&plan));
        plan
    }

    /// On this server's disk.
    pub(crate) fn attempt_dir(&self, run: Uid, step: Uid, name: &str, attempt: i64) -> PathBuf {
        attempt_dir(&self.0.config.attempts(), run, step, name, attempt)
    }
}

/// Below a server's directory of attempts. Rows come and go; their uids are never used again.
pub(crate) fn attempt_dir(root: &Path, run: Uid, step: Uid, name: &str, attempt: i64) -> PathBuf {
    let of = |step: &str| root.join(run.hex()).join(step).join(attempt.to_string());
    // As it was called before there were plans.
    let old = of(name);
    if old.exists() { old } else { of(&step.hex()) }
}

/// The engine acts for the workspace of the run.
pub(crate) fn system(workspace: WorkspaceId) -> Actor {
    Actor { workspace, ..Actor::system("pipelines") }
}
