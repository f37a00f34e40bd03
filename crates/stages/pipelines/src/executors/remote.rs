//! An attempt as a job of a cluster: submitted once, watched, stopped, and given up when nobody can be asked any more.
//!
//! What it does is said by `guest.py` on the cluster's machine; the cluster is asked whether the job still stands, so that
//! one which never came so far, or was killed, has an end, too.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use types::{Actor, Clock as _, SystemClock, Timestamp, io};

use super::Executor;
use super::bundle::{REMOTE, Remote as Noted};
use super::cluster::{self, Cluster, Job, Standing, Trouble};
use super::guest::{CONTACT, finish, is_claimed};
use super::image::Followed;
use super::manifest;
use crate::attempt::Attempt;
use crate::error::blocking;
use crate::shim::{self, Cause, Exit};
use crate::{Engine, Error, Span, VolumeClaim};

/// Between two looks at the attempt's directory.
const TICK: Duration = Duration::from_millis(150);
/// Between two questions to the cluster, and the longest pause after one that was not answered.
const POLL: Duration = Duration::from_millis(1500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a job that has ended may take to give back its result: it may have been on its way.
const SETTLE: Duration = Duration::from_secs(5);
/// A process that was heard this lately lives, whatever the cluster says.
const HEARD: Duration = Duration::from_secs(20);
/// How long a job that was asked to end may take, beyond the grace of its process.
const STOPPING: Duration = Duration::from_secs(30);

/// Fetches the program that runs an attempt and starts it.
const LOADER: &str = "import os, time, urllib.request as web\n\
    place = os.environ['MLWRIGHT_REMOTE'] + '/guest.py'\n\
    for left in range(8, -1, -1):\n    \
        try:\n        \
            text = web.urlopen(place, timeout=30).read()\n        \
            break\n    \
        except OSError as error:\n        \
            print('[mlwright] cannot reach', place + ':', error, flush=True)\n        \
            left or exit(70)\n        \
            time.sleep(2)\n\
    exec(compile(text, 'guest.py', 'exec'))\n";

pub(super) struct Remote;

pub(crate) fn is_remote(dir: &Path) -> bool {
    dir.join(REMOTE).exists()
}

#[async_trait]
impl Executor for Remote {
    async fn run(&self, engine: &Engine, _actor: &Actor, attempt: &Attempt) -> Result<Option<Exit>, Error> {
        let _away = engine.0.away.enter();
        let dir = attempt.dir.as_path();
        let noted = Noted::read(dir)?;
        let cluster = match cluster::open(&noted.executor) {
            Ok(cluster) => cluster,
            Err(Trouble::Passing(why) | Trouble::Refused(why)) => {
                return end(dir, &not_started(why)).await.map(Some);
            }
        };
        if let Some(claim) = &noted.claim {
            return change(engine, attempt, &noted, cluster.as_ref(), claim).await.map(Some);
        }
        let job = job(&noted, engine, attempt);
        let limit = noted.executor.unreachable();
        let followed = noted.image.as_ref().and_then(|_| Followed::of(dir));
        let watch = Watch {
            engine,
            attempt,
            dir,
            noted,
            cluster: cluster.as_ref(),
            job,
            limit,
            pause: POLL,
            answered: Instant::now(),
            ended: None,
            stopping: None,
            followed,
            is_late: false,
        };
        let ended = watch.run().await;
        let dir = dir.to_owned();
        // A log that was left open.
        blocking(move || Ok(shim::seal(&dir)?)).await?;
        ended.map(Some)
    }
}

/// Nothing runs: the cluster is asked until it answers.
async fn change(
    engine: &Engine,
    attempt: &Attempt,
    noted: &Noted,
    cluster: &dyn Cluster,
    claim: &VolumeClaim,
) -> Result<Exit, Error> {
    let dir = attempt.dir.as_path();
    let (began, mut pause) = (Instant::now(), POLL);
    loop {
        engine.still_ours(attempt)?;
        shim::begun(dir)?;
        let name = &noted.executor.name;
        let done = match cluster.claim(&noted.job, claim).await {
            Ok(()) => Exit { code: Some(0), ..exit(Cause::Exited, None) },
            Err(Trouble::Refused(why)) => not_started(why),
            Err(Trouble::Passing(why)) if began.elapsed() >= noted.executor.unreachable() => {
                not_started(format!("executor `{name}` did not answer: {why}"))
            }
            Err(Trouble::Passing(_)) if dir.join(shim::CANCEL).exists() => cancelled(),
            Err(Trouble::Passing(why)) => {
                tracing::warn!(executor = name, why, "a cluster cannot be asked; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
        };
        return end(dir, &done).await;
    }
}

fn job(noted: &Noted, engine: &Engine, attempt: &Attempt) -> Job {
    let spec = &noted.executor;
    let mut env = spec.env.clone();
    env.insert("MLWRIGHT_REMOTE".into(), format!("{}/api/v1/tasks", noted.url.trim_end_matches('/')));
    env.insert("MLWRIGHT_REMOTE_TOKEN".into(), noted.token.clone());
    let shared = noted.image.as_ref().map(|_| manifest::folder(spec).to_owned());
    if let Some(folder) = shared.clone().or_else(|| spec.folder.clone()) {
        env.insert("MLWRIGHT_REMOTE_FOLDER".into(), folder);
    }
    let image = noted.image.as_ref().zip(shared).map(|(task, root)| task.moved(&noted.folders, &root));
    let labels = [
        ("run", attempt.run.uid.to_string()),
        ("pipeline", attempt.run.pipeline.clone()),
        ("step", attempt.step.name.clone()),
        ("attempt", attempt.step.attempt.to_string()),
    ];
    Job {
        name: noted.job.clone(),
        argv: vec![spec.python().to_owned(), "-c".to_owned(), LOADER.to_owned()],
        env,
        resources: noted.resources.clone(),
        pod: noted.pod.clone(),
        image,
        labels: labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<BTreeMap<_, _>>(),
        grace: engine.0.config.grace,
    }
}

/// One attempt's job as this server sees it.
struct Watch<'a> {
    engine: &'a Engine,
    attempt: &'a Attempt,
    dir: &'a Path,
    noted: Noted,
    cluster: &'a dyn Cluster,
    job: Job,
    /// How long the API may be silent.
    limit: Duration,
    pause: Duration,
    /// When the API answered last.
    answered: Instant,
    /// When the cluster said that the job has ended, and how.
    ended: Option<(Instant, String)>,
    /// When it was asked to stop the job.
    stopping: Option<Instant>,
    /// Where the task is an image.
    followed: Option<Followed>,
    /// Its job is stopped because its time is over.
    is_late: bool,
}

impl Watch<'_> {
    async fn run(mut self) -> Result<Exit, Error> {
        let mut next = Instant::now();
        let attempt = self.attempt.step.attempt;
        if self.noted.handle.is_none() && attempt > 1 {
            self.stop_earlier(attempt - 1).await;
        }
        loop {
            if let Some(exit) = shim::exit_of(self.dir) {
                return Ok(exit);
            }
            if let Some(exit) = self.overdue() {
                if !is_claimed(self.dir) && exit.cause != Cause::Cancelled {
                    self.keep_printed().await?;
                }
                return end(self.dir, &exit).await;
            }
            let is_cancelled = self.dir.join(shim::CANCEL).exists();
            if is_cancelled && self.stopping.is_none() {
                next = next.min(Instant::now() + Duration::from_millis(200).min(self.pause));
            }
            if Instant::now() >= next {
                match self.ask(is_cancelled).await {
                    Ok(None) => (self.answered, self.pause) = (Instant::now(), POLL),
                    Ok(Some(exit)) => return end(self.dir, &exit).await,
                    Err(Asked::Own(error)) => return Err(error),
                    Err(Asked::Cluster(why)) => {
                        if let Some(exit) = self.silent(why, is_cancelled) {
                            return end(self.dir, &exit).await;
                        }
                        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                    }
                }
                next = Instant::now() + self.pause;
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// One question to the cluster. Gives the end of an attempt that it made an end of.
    async fn ask(&mut self, is_cancelled: bool) -> Result<Option<Exit>, Asked> {
        if is_cancelled && self.stopping.is_none() {
            let handle = match self.noted.handle.clone() {
                Some(handle) => Some(handle),
                None => self.cluster.find(&self.job.name).await?,
            };
            let Some(handle) = handle else { return Ok(Some(cancelled())) };
            if let Some(followed) = &mut self.followed {
                followed.stop(Cause::Cancelled).await.map_err(Asked::Own)?;
            }
            self.cluster.stop(&handle).await?;
            self.noted.handle = Some(handle);
            self.stopping = Some(Instant::now());
            return Ok(None);
        }
        let Some(handle) = self.noted.handle.clone() else {
            self.submit().await?;
            return Ok(None);
        };
        if let Some(followed) = &mut self.followed
            && followed.look(self.cluster, &handle).await?
            && self.stopping.is_none()
        {
            followed.stop(Cause::TimedOut).await.map_err(Asked::Own)?;
            self.cluster.stop(&handle).await?;
            (self.stopping, self.is_late) = (Some(Instant::now()), true);
            return Ok(None);
        }
        match self.cluster.look(&handle).await? {
            Standing::Stuck(reason) => {
                self.cluster.stop(&handle).await?;
                return Ok(Some(not_started(reason)));
            }
            Standing::Waiting(_) | Standing::Running => self.ended = None,
            Standing::Ended { well, reason } => {
                let reason = if well { format!("{reason}, and gave back no result") } else { reason };
                self.ended.get_or_insert((Instant::now(), reason));
            }
            Standing::Unknown => {
                let name = &self.noted.executor.name;
                let reason = format!(
                    "executor `{name}` does not know job {handle} any more: it was removed, or the cluster was started anew"
                );
                self.ended.get_or_insert((Instant::now(), reason));
            }
        }
        Ok(None)
    }

    /// What comes twice is there once: the name is the attempt's own. The note that it was begun comes first, so that a server
    /// which starts in between asks for the job.
    async fn submit(&mut self) -> Result<(), Asked> {
        self.engine.still_ours(self.attempt).map_err(Asked::Own)?;
        shim::begun(self.dir).map_err(|e| Asked::Own(e.into()))?;
        let handle = match self.cluster.submit(&self.job).await {
            Ok(handle) => handle,
            Err(Trouble::Refused(why)) => return Err(Asked::Cluster(Trouble::Refused(why))),
            Err(passing) => return Err(passing.into()),
        };
        tracing::info!(job = self.job.name, executor = self.noted.executor.name, handle, "submitted");
        self.noted.handle = Some(handle);
        self.noted.write(self.dir).map_err(Asked::Own)
    }

    /// An attempt before this one may stand there still, if it was lost with its server.
    async fn stop_earlier(&self, attempt: i64) {
        let Some(stem) = self.job.name.rsplit_once('-').map(|(stem, _)| stem) else { return };
        let name = format!("{stem}-{attempt}");
        if let Ok(Some(handle)) = self.cluster.find(&name).await {
            let stopped = self.cluster.stop(&handle).await;
            tracing::debug!(job = name, ?stopped, "an earlier attempt was asked to end");
        }
    }

    /// The end of a job that nothing more will come of.
    fn overdue(&self) -> Option<Exit> {
        if let Some(at) = self.stopping {
            let is_over = self.ended.as_ref().is_some_and(|(ended, _)| ended.elapsed() >= SETTLE / 2);
            let is_late = at.elapsed() >= self.job.grace + STOPPING;
            return (is_over || is_late).then(|| if self.is_late { timed_out() } else { cancelled() });
        }
        let (at, reason) = self.ended.as_ref()?;
        let is_heard = self.heard().is_some_and(|ago| ago < HEARD);
        if at.elapsed() < SETTLE || (is_heard && at.elapsed() < HEARD) {
            return None;
        }
        Some(match is_claimed(self.dir) {
            true => failed(format!("its process gave back no result; {reason}")),
            false => not_started(reason.clone()),
        })
    }

    /// The end of an attempt of which nobody can be asked; `None` while there is hope.
    fn silent(&self, trouble: Trouble, is_cancelled: bool) -> Option<Exit> {
        let never = self.noted.handle.is_none();
        let (why, is_refused) = match trouble {
            Trouble::Refused(why) => (why, true),
            Trouble::Passing(why) => (why, false),
        };
        if is_refused && never {
            return Some(if is_cancelled { cancelled() } else { not_started(why) });
        }
        tracing::warn!(job = self.job.name, why, "a cluster cannot be asked; trying again");
        let silence = self.answered.elapsed();
        let unheard = self.heard().is_none_or(|ago| ago >= self.limit);
        if silence < self.limit || !unheard {
            return None;
        }
        let name = &self.noted.executor.name;
        let why = format!("executor `{name}` did not answer for {}: {why}", Span(whole(self.limit)));
        Some(match (is_cancelled, never) {
            (true, _) => cancelled(),
            (false, true) => not_started(why),
            (false, false) => failed(why),
        })
    }

    /// How long ago its process was heard.
    fn heard(&self) -> Option<Duration> {
        let changed = self.dir.join(CONTACT).metadata().and_then(|meta| meta.modified()).ok()?;
        Some(changed.elapsed().unwrap_or_default())
    }

    /// Why a job failed before its process came here stands in what the cluster kept of its output.
    async fn keep_printed(&self) -> Result<(), Error> {
        let Some(handle) = &self.noted.handle else { return Ok(()) };
        if let Some(text) = self.cluster.printed(handle).await.filter(|text| !text.trim().is_empty()) {
            io::write(self.dir.join(shim::LOG), text)?;
        }
        Ok(())
    }
}

fn whole(length: Duration) -> Duration {
    Duration::from_millis(length.as_millis() as u64)
}

/// Why a question was not answered.
enum Asked {
    /// Trouble of this server.
    Own(Error),
    Cluster(Trouble),
}

impl From<Trouble> for Asked {
    fn from(trouble: Trouble) -> Self {
        Self::Cluster(trouble)
    }
}

/// Notes an end, unless there is another one already; gives the one that counts.
async fn end(dir: &Path, exit: &Exit) -> Result<Exit, Error> {
    let (dir, exit) = (dir.to_owned(), exit.clone());
    blocking(move || {
        if finish(&dir, &exit)? {
            return Ok(exit);
        }
        Ok(shim::exit_of(&dir).unwrap_or(exit))
    })
    .await
}

fn exit(cause: Cause, error: Option<String>) -> Exit {
    let now: Timestamp = SystemClock.now();
    Exit {
        cause,
        code: None,
        signal: None,
        error,
        started_at: now,
        ended_at: now,
        output_bytes: 0,
        cut_bytes: 0,
        log_error: None,
    }
}

fn cancelled() -> Exit {
    exit(Cause::Cancelled, None)
}

fn timed_out() -> Exit {
    exit(Cause::TimedOut, None)
}

fn not_started(why: String) -> Exit {
    exit(Cause::NotStarted, Some(why))
}

fn failed(why: String) -> Exit {
    exit(Cause::Exited, Some(why))
}
