//! The workers of one model: some processes, each for one request at a time; those that end are replaced.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use serde::Serialize;

use crate::frame::Call;
use crate::sandbox::Policy;
use crate::worker::Worker;
use crate::{About, Answer, Error};

/// What one process may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all its processes together.
    pub memory: u64,
    pub processes: u64,
    /// Bytes of its scratch space, which is memory too.
    pub scratch: u64,
    /// For opening the model.
    pub load: Duration,
    /// For one request, waiting for a free process included.
    pub request: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 4 << 30,
            processes: 256,
            scratch: 256 << 20,
            load: Duration::from_secs(180),
            request: Duration::from_secs(60),
        }
    }
}

#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// See [`crate::sandbox::Entry`].
    pub entry: Vec<OsString>,
    /// Of each process; its work folder is made below this one.
    pub policy: Policy,
    pub limits: Limits,
    pub processes: usize,
}

/// What a pool is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct State {
    pub ready: usize,
    pub busy: usize,
    /// Waiting to be started again.
    pub down: usize,
    /// Processes that ended on their own, were ended, or did not start.
    pub failures: u64,
    pub last_failure: Option<String>,
}

/// How long a process rests before it is asked whether it lives.
const REST: Duration = Duration::from_secs(15);
const PING: Duration = Duration::from_secs(5);
/// From the second failure in a row on a restart waits, twice as long each time.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub struct Pool {
    inner: Arc<Inner>,
    pub about: About,
}

struct Inner {
    config: PoolConfig,
    slots: Mutex<Slots>,
    changed: Condvar,
}

#[derive(Default)]
struct Slots {
    ready: Vec<Worker>,
    busy: usize,
    /// When each of those that are down may be started.
    down: Vec<Instant>,
    started: u64,
    failures: u64,
    in_a_row: u32,
    last_failure: Option<String>,
}

impl Pool {
    /// Starts the first process and waits until its model is open; the others follow. Blocks.
    /// Errors: whatever the model or the sandbox says against it.
    pub fn start(config: PoolConfig) -> Result<Self, Error> {
        let inner = Arc::new(Inner { config, slots: Mutex::default(), changed: Condvar::new() });
        let first = inner.worker()?;
        let about = first.about.clone();
        {
            let mut slots = inner.slots.lock();
            slots.ready.push(first);
            slots.down = vec![Instant::now(); inner.config.processes.saturating_sub(1)];
        }
        let weak = Arc::downgrade(&inner);
        let folder = inner.config.policy.work.clone();
        std::thread::Builder::new()
            .name("python-pool".into())
            .spawn(move || keep(&weak))
            .map_err(|e| types::io::Error::new("watch", folder, e))?;
        Ok(Self { inner, about })
    }

    /// Runs `method` of the model (`predict` if none) in a free process. Blocks.
    ///
    /// Errors: `Run` when the model refuses, `Timeout`, `Died`: the process is replaced, other requests do not notice.
    pub fn call(&self, call: &Call<'_>) -> Result<Answer, Error> {
        self.call_within(self.inner.config.limits.request, call)
    }

    /// [`Pool::call`] with the time that opening may take: a model's first run loads what it did not need before.
    pub fn first_call(&self, call: &Call<'_>) -> Result<Answer, Error> {
        self.call_within(self.inner.config.limits.load, call)
    }

    fn call_within(&self, patience: Duration, call: &Call<'_>) -> Result<Answer, Error> {
        let deadline = Instant::now() + patience;
        let mut worker = self.inner.take(deadline)?;
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let result = worker.call(call, left);
        match &result {
            Ok(_) | Err(Error::Run { .. }) => self.inner.give_back(worker),
            Err(error) => {
                self.inner.lost(error);
                // Ending it may take a moment, and somebody waits for the answer.
                bury(worker);
            }
        }
        match result {
            Err(Error::Timeout { .. }) => Err(Error::Timeout { seconds: patience.as_secs() }),
            other => other,
        }
    }

    /// [`Pool::call`] with an answer in parts: each may take as long as one answer. Ends early when `part` gives `false`; the
    /// process is replaced then, as it may go on for ever.
    pub fn stream(&self, call: &Call<'_>, part: &mut dyn FnMut(Answer) -> bool) -> Result<(), Error> {
        let patience = self.inner.config.limits.request;
        let mut worker = self.inner.take(Instant::now() + patience)?;
        let result = worker.stream(call, patience, part);
        match &result {
            Ok(true) | Err(Error::Run { .. }) => self.inner.give_back(worker),
            Ok(false) => {
                self.inner.left();
                bury(worker);
            }
            Err(error) => {
                self.inner.lost(error);
                bury(worker);
            }
        }
        result.map(|_| ())
    }

    /// Bytes of memory of all processes; those that are busy are taken to hold what the others do. `None` while none rests.
    pub fn resident(&self) -> Option<u64> {
        let (processes, busy): (Vec<u32>, usize) = {
            let slots = self.inner.slots.lock();
            (slots.ready.iter().map(Worker::process).collect(), slots.busy)
        };
        let resting = processes.len();
        let bytes: u64 = processes.into_iter().map(crate::family::resident).sum();
        (resting > 0).then(|| bytes / resting as u64 * (resting + busy) as u64)
    }

    pub fn state(&self) -> State {
        let slots = self.inner.slots.lock();
        State {
            ready: slots.ready.len(),
            busy: slots.busy,
            down: slots.down.len(),
            failures: slots.failures,
            last_failure: slots.last_failure.clone(),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let workers = std::mem::take(&mut self.inner.slots.lock().ready);
        self.inner.changed.notify_all();
        for worker in workers {
            bury(worker);
        }
    }
}

fn bury(worker: Worker) {
    // If no thread can be had, it is ended here.
    let _ = std::thread::Builder::new().name("python-end".into()).spawn(move || drop(worker));
}

impl Inner {
    fn worker(&self) -> Result<Worker, Error> {
        let number = {
            let mut slots = self.slots.lock();
            slots.started += 1;
            slots.started
        };
        let mut policy = self.config.policy.clone();
        policy.work = work_folder(&policy.work, number);
        Worker::start(&self.config.entry, &policy, self.config.limits.load)
    }

    fn take(&self, deadline: Instant) -> Result<Worker, Error> {
        let mut slots = self.slots.lock();
        loop {
            if let Some(worker) = slots.ready.pop() {
                slots.busy += 1;
                return Ok(worker);
            }
            // All of them keep failing: no use in waiting for that.
            if slots.busy == 0 && slots.in_a_row > 1 {
                let reason = slots.last_failure.clone().unwrap_or_default();
                return Err(Error::Restarting(reason));
            }
            if self.changed.wait_until(&mut slots, deadline).timed_out() {
                return Err(Error::Timeout { seconds: self.config.limits.request.as_secs() });
            }
        }
    }

    fn give_back(&self, worker: Worker) {
        let mut slots = self.slots.lock();
        slots.busy -= 1;
        slots.in_a_row = 0;
        slots.ready.push(worker);
        drop(slots);
        self.changed.notify_all();
    }

    /// A busy one is let go, and did nothing wrong.
    fn left(&self) {
        let mut slots = self.slots.lock();
        slots.busy -= 1;
        slots.down.push(Instant::now());
        drop(slots);
        self.changed.notify_all();
    }

    /// A busy one is gone.
    fn lost(&self, error: &Error) {
        tracing::warn!(%error, "a Python process is replaced");
        let mut slots = self.slots.lock();
        slots.busy -= 1;
        slots.failed(error);
        drop(slots);
        self.changed.notify_all();
    }
}

impl Slots {
    fn failed(&mut self, error: &Error) {
        self.failures += 1;
        self.last_failure = Some(error.to_string());
        let wait = match self.in_a_row {
            0 => Duration::ZERO,
            n => (FIRST_WAIT * 2_u32.saturating_pow(n - 1)).min(LONGEST_WAIT),
        };
        self.in_a_row = (self.in_a_row + 1).min(16);
        self.down.push(Instant::now() + wait);
    }
}

fn work_folder(below: &std::path::Path, number: u64) -> PathBuf {
    below.join(format!("{}-{number}", std::process::id()))
}

/// Starts those that are down, asks those that rest. Ends with the pool.
fn keep(pool: &Weak<Inner>) {
    while let Some(inner) = pool.upgrade() {
        if let Some(resting) = inner.due() {
            inner.ask(resting);
            continue;
        }
        let wait = match inner.next() {
            None => REST,
            Some(wait) if !wait.is_zero() => wait,
            Some(_) => {
                inner.replace();
                continue;
            }
        };
        // Nobody but this thread left: the pool is gone.
        if Arc::strong_count(&inner) == 1 {
            return;
        }
        let mut slots = inner.slots.lock();
        inner.changed.wait_for(&mut slots, wait.min(Duration::from_secs(1)));
    }
}

impl Inner {
    /// How long until the next one may be started; `None` if nothing is down.
    fn next(&self) -> Option<Duration> {
        let slots = self.slots.lock();
        let now = Instant::now();
        slots.down.iter().min().map(|at| at.saturating_duration_since(now))
    }

    fn replace(&self) {
        {
            let mut slots = self.slots.lock();
            let Some(first) = (0..slots.down.len()).min_by_key(|i| slots.down[*i]) else { return };
            slots.down.swap_remove(first);
            slots.busy += 1;
        }
        match self.worker() {
            Ok(worker) => {
                let mut slots = self.slots.lock();
                slots.busy -= 1;
                slots.ready.push(worker);
            }
            Err(error) => return self.lost(&error),
        }
        self.changed.notify_all();
    }

    /// One that has rested for long.
    fn due(&self) -> Option<Worker> {
        let mut slots = self.slots.lock();
        let found = slots.ready.iter().position(|worker| worker.used_at.elapsed() > REST)?;
        slots.busy += 1;
        Some(slots.ready.swap_remove(found))
    }

    fn ask(&self, mut worker: Worker) {
        match worker.call(&Call::new("ping", &[]), PING) {
            Ok(_) => {
                let mut slots = self.slots.lock();
                slots.busy -= 1;
                slots.ready.push(worker);
                drop(slots);
                self.changed.notify_all();
            }
            Err(error) => {
                self.lost(&error);
                bury(worker);
            }
        }
    }
}
