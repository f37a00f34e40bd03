use std::collections::{BTreeMap, HashMap};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
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
use crate::compiled::Compiled;
use crate::config::ATTEMPTS;
use crate::error::blocking;
use crate::executors::Away;
use crate::finish::claim;
use crate::servers::Membership;
use crate::zygotes::Zygotes;
use crate::{Config, Error, LogPart, retention, shim, store};

/// How long a change of another server, or one that nobody announced, may go unseen.
const AT_LEAST_EVERY: Duration = Duration::from_secs(1);
/// Changes come in bursts; a burst is looked at once.
const SETTLE: Duration = Duration::from_millis(5);
/// From the start to the first removal of what old runs left.
const PRUNE_AFTER: Duration = Duration::from_secs(60);
/// The most that one read of a log gives.
const LOG_PART: u64 = 256 * 1024;

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
    pub away: Away,
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
        Ok(Self(Arc::new(Inner {
            ledger,
            blobs,
            config,
            membership,
            plans: Mutex::default(),
            zygotes,
            away: Away::default(),
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
        self.start_due().await?;
        self.go_on_backfills().await?;
        // What runs on clusters takes no room here.
        let here = active.len().saturating_sub(inner.away.len());
        let room = inner.away.room(inner.config.parallel.saturating_sub(here));
        if room > 0 && inner.membership.generation().is_some() {
            self.claim(room).await?;
        }
        let (owner, now) = (inner.membership.own.uid.clone(), inner.ledger.clock().now());
        let (running, ending, replays, due) = inner
            .ledger
            .read(WorkspaceId::DEFAULT, move |rx| {
                let running = store::steps::running(rx, &owner)?;
                let ending = store::steps::to_cancel(rx, &owner)?;
                let due = store::tree::next_due(rx, now)?;
                Ok::<_, ledger::Error>((running, ending, store::replays::to_judge(rx)?, due))
            })
            .await?;
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

    /// Up to 256 KiB of the log of a step, by its name or id, from `offset`, whole characters only: of the attempt that runs, or else of
    /// the last one. It grows while the step runs. Errors: `RunNotFound`, `StepNotFound`.
    pub async fn read_log(&self, actor: &Actor, run: Uid, step: &str, offset: u64) -> Result<LogPart, Error> {
        self.read_attempt_log(actor, run, step, None, offset).await
    }

    /// [`Engine::read_log`], of the attempt with this number. Errors: also `NotFound` if there was none.
    pub async fn read_attempt_log(
        &self,
        actor: &Actor,
        run: Uid,
        step: &str,
        attempt: Option<i64>,
        offset: u64,
    ) -> Result<LogPart, Error> {
        let name = step.to_owned();
        let found = self
            .0
            .ledger
            .read(actor.workspace, move |rx| {
                store::runs::find(rx, run)?.ok_or_else(|| Error::RunNotFound(run.to_string()))?;
                let found = match name.parse() {
                    Ok(uid) => store::steps::find(rx, uid)?.filter(|step| step.run == run),
                    Err(_) => store::steps::find_name(rx, run, &name)?,
                };
                let mut found = found.ok_or(Error::StepNotFound { run, step: name })?;
                if let Some(attempt) = attempt.filter(|attempt| *attempt != found.attempt) {
                    let earlier = store::attempts::find(rx, found.uid, attempt)?.ok_or_else(|| {
                        Error::NotFound { what: "attempt", name: format!("{attempt} of {}", found.name) }
                    })?;
                    (found.attempt, found.log_digest) = (attempt, earlier.log_digest);
                    (found.state, found.server, found.disk) = (earlier.state, earlier.server, None);
                }
                let place = found.disk.as_ref().or(found.server.as_ref());
                let place = place.filter(|_| found.log_digest.is_none());
                Ok::<_, Error>((place.map(|uid| store::servers::find(rx, uid)).transpose()?.flatten(), found))
            })
            .await?;
        let (place, found) = found;
        let root = place.and_then(|server| self.0.membership.reach(&server));
        let root = root.unwrap_or_else(|| self.0.config.attempts());
        let path = attempt_dir(&root, run, found.uid, &found.name, found.attempt).join(shim::LOG);
        if path.exists() {
            return blocking(move || read_part(&path, offset, found.state.is_final())).await;
        }
        let Some(digest) = found.log_digest else {
            return Ok(LogPart {
                next_offset: offset,
                eof: found.state.is_final(),
                ..LogPart::nothing_yet()
            });
        };
        let bytes = self.0.blobs.get_bytes(&digest).await?;
        let start = (offset as usize).min(bytes.len());
        let end = (start + LOG_PART as usize).min(bytes.len());
        Ok(part(&bytes[start..end], start as u64, end == bytes.len()))
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

fn read_part(path: &std::path::Path, offset: u64, ended: bool) -> Result<LogPart, Error> {
    let mut file = io::open(path)?;
    let failed = |e| io::Error::new("read", path, e);
    let length = file.metadata().map_err(failed)?.len();
    let start = offset.min(length);
    file.seek(SeekFrom::Start(start)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(LOG_PART).read_to_end(&mut bytes).map_err(failed)?;
    let last = ended && start + bytes.len() as u64 >= length;
    Ok(part(&bytes, start, last))
}

/// Leaves a character that is not there as a whole for the next read, unless nothing more will come.
fn part(bytes: &[u8], start: u64, last: bool) -> LogPart {
    let mut whole = bytes.len();
    if !last {
        for back in 1..=bytes.len().min(3) {
            let byte = bytes[bytes.len() - back];
            let wants = match byte {
                0xC0..=0xDF => 2,
                0xE0..=0xEF => 3,
                0xF0..=0xF7 => 4,
                0x80..=0xBF => continue,
                _ => 1,
            };
            if wants > back {
                whole = bytes.len() - back;
            }
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes[..whole]).into_owned();
    LogPart { text, next_offset: start + whole as u64, eof: last }
}
