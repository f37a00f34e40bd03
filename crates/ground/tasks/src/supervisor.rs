use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{OnError, OnStop, Outcome, TaskKind};

const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// A task that ran this long before it failed starts again without delay growing further.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

/// Starts tasks and ends them. Cheap to clone; all clones are the same supervisor.
#[derive(Clone, Default)]
pub struct Supervisor(Arc<Inner>);

#[derive(Default)]
struct Inner {
    tracker: TaskTracker,
    /// Cancelled when the process should stop.
    stop: CancellationToken,
    /// Cancelled when the grace period is over.
    abort: CancellationToken,
    running: Mutex<Running>,
    failed: Mutex<Option<String>>,
}

#[derive(Default)]
struct Running {
    next: u64,
    names: BTreeMap<u64, &'static str>,
}

/// How a shutdown went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// The failure of an [`OnError::Shutdown`] task that caused the stop, if one did.
    pub failed: Option<String>,
    /// Tasks that were still running when the grace period ended, and were dropped.
    pub aborted: Vec<&'static str>,
}

enum End {
    Done,
    Failed(String),
    Stopped,
}

impl Supervisor {
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the process should stop: by [`shutdown`](Self::shutdown), or by the failure of a task
    /// that the process cannot do without.
    pub fn token(&self) -> CancellationToken {
        self.0.stop.clone()
    }

    /// Names of the tasks that run now, in the order they started.
    pub fn running(&self) -> Vec<&'static str> {
        self.0.running.lock().names.values().copied().collect()
    }

    /// Starts `future` as a task; must be called inside a Tokio runtime. A panic counts as an error. After
    /// the stop began, a new task ends at once if it is `OnStop::Abort`.
    pub fn spawn<F>(&self, kind: TaskKind, future: F)
    where
        F: Future + Send + 'static,
        F::Output: Outcome,
    {
        let supervisor = self.clone();
        let guard = self.enter(kind.name);
        self.0.tracker.spawn(async move {
            let _guard = guard;
            let End::Failed(reason) = supervisor.attend(kind.on_stop, future).await else { return };
            match kind.on_error {
                OnError::Log => tracing::error!(task = kind.name, reason, "a task failed"),
                OnError::Shutdown => {
                    tracing::error!(
                        task = kind.name,
                        reason,
                        "a task failed that the process needs; stopping"
                    );
                    let told = format!("task `{}` failed: {reason}", kind.name);
                    supervisor.0.failed.lock().get_or_insert(told);
                    supervisor.0.stop.cancel();
                }
            }
        });
    }

    /// Starts the future that `make` gives, and a new one each time it fails or panics, waiting 100 ms, then
    /// twice as long each time up to 30 s. Ends when a future returns without error, or at the stop.
    pub fn spawn_restarting<F>(
        &self,
        name: &'static str,
        on_stop: OnStop,
        mut make: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future + Send + 'static,
        F::Output: Outcome,
    {
        let supervisor = self.clone();
        let guard = self.enter(name);
        self.0.tracker.spawn(async move {
            let _guard = guard;
            let mut backoff = FIRST_BACKOFF;
            loop {
                let started = Instant::now();
                let end = supervisor.attend(on_stop, make()).await;
                let End::Failed(reason) = end else { return };
                if started.elapsed() >= HEALTHY_AFTER {
                    backoff = FIRST_BACKOFF;
                }
                tracing::error!(task = name, reason, again_in = ?backoff, "a task failed and will start again");
                tokio::select! {
                    () = supervisor.0.stop.cancelled() => return,
                    () = tokio::time::sleep(backoff) => {}
                }
                backoff = (backoff * 2).min(LONGEST_BACKOFF);
            }
        });
    }

    /// Cancels the token, waits up to `grace` for the `OnStop::Wait` tasks, then drops what is left.
    /// Code that never reaches an await point cannot be dropped; it is given one more second, then left behind.
    pub async fn shutdown(&self, grace: Duration) -> Stopped {
        self.0.stop.cancel();
        self.0.tracker.close();
        let mut aborted = Vec::new();
        if tokio::time::timeout(grace, self.0.tracker.wait()).await.is_err() {
            aborted = self.running();
            tracing::warn!(tasks = ?aborted, ?grace, "tasks outlived the grace period and are dropped");
            self.0.abort.cancel();
            let _ = tokio::time::timeout(Duration::from_secs(1), self.0.tracker.wait()).await;
        }
        Stopped { failed: self.0.failed.lock().clone(), aborted }
    }

    async fn attend<F>(&self, on_stop: OnStop, future: F) -> End
    where
        F: Future,
        F::Output: Outcome,
    {
        let dropped = match on_stop {
            OnStop::Wait => &self.0.abort,
            OnStop::Abort => &self.0.stop,
        };
        tokio::select! {
            biased;
            () = dropped.cancelled() => End::Stopped,
            end = AssertUnwindSafe(future).catch_unwind() => match end {
                Ok(outcome) => outcome.failure().map_or(End::Done, End::Failed),
                Err(panic) => End::Failed(format!("panicked: {}", message(&*panic))),
            },
        }
    }

    fn enter(&self, name: &'static str) -> Guard {
        let mut running = self.0.running.lock();
        let id = running.next;
        running.next += 1;
        running.names.insert(id, name);
        Guard { supervisor: self.clone(), id }
    }
}

/// Takes the task off the list of running ones however it ends.
struct Guard {
    supervisor: Supervisor,
    id: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.supervisor.0.running.lock().names.remove(&self.id);
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
