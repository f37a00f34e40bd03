//! Threads of one model, for calls too long for the network's threads; and calls run together on them, where the
//! endpoint's settings ask for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use runtimes::{Model, Params, Tensor};
use tokio::sync::oneshot;

use crate::cost::Cost;
use crate::merge::{joined, mergeable, parted};
use crate::traced::Timing;
use crate::{Batching, Error};

/// Calls that wait for a thread; more are refused.
const WAITING: usize = 4096;
const MOST_THREADS: usize = 4;

struct Job {
    inputs: Vec<Tensor>,
    params: Params,
    rows: usize,
    deadline: Option<Instant>,
    merge: Option<Batching>,
    came: Instant,
    reply: oneshot::Sender<Ran>,
}

type Ran = Result<(Vec<Tensor>, Timing), Error>;

pub(crate) struct Lane {
    sender: Sender<Job>,
    arrivals: Arc<Arrivals>,
}

/// How far apart calls come: an exponential mean, in nanoseconds.
struct Arrivals {
    start: Instant,
    last: AtomicU64,
    gap: AtomicU64,
}

impl Arrivals {
    fn new() -> Self {
        Self { start: Instant::now(), last: AtomicU64::new(0), gap: AtomicU64::new(u64::MAX / 16) }
    }

    fn note(&self) {
        let now = nanos(self.start.elapsed());
        let last = self.last.swap(now, Ordering::Relaxed);
        let (gap, old) = (now.saturating_sub(last), self.gap.load(Ordering::Relaxed));
        // A pause is no rate: what follows it should not have to unlearn it.
        let gap = gap.min(1_000_000_000);
        let next = if old > 1_000_000_000 { gap } else { old - old / 8 + gap / 8 };
        self.gap.store(next, Ordering::Relaxed);
    }

    fn gap(&self) -> Duration {
        Duration::from_nanos(self.gap.load(Ordering::Relaxed))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Lane {
    /// Its threads end when it is dropped. Errors: the system starts no more threads.
    pub fn start(model: &Arc<dyn Model>, cost: &Arc<Cost>, name: &str) -> Result<Self, Error> {
        let (sender, receiver) = bounded(WAITING);
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).clamp(1, MOST_THREADS);
        let arrivals = Arc::new(Arrivals::new());
        for _ in 0..threads {
            let (model, cost, receiver) = (Arc::clone(model), Arc::clone(cost), Receiver::clone(&receiver));
            let arrivals = Arc::clone(&arrivals);
            std::thread::Builder::new()
                .name(format!("model {name}").chars().take(15).collect())
                .spawn(move || work(model.as_ref(), &cost, &receiver, &arrivals))
                .map_err(|_| Error::Interrupted)?;
        }
        Ok(Self { sender, arrivals })
    }

    /// Runs on one of the lane's threads.
    ///
    /// Errors: `Busy` if too many wait, `TooLate` if the deadline passed before it was its turn, and the model's own.
    pub async fn run(
        &self,
        (inputs, params): (Vec<Tensor>, Params),
        rows: usize,
        merge: Option<Batching>,
        deadline: Option<Instant>,
    ) -> Result<(Vec<Tensor>, Timing), Error> {
        let (reply, answer) = oneshot::channel();
        self.arrivals.note();
        let job = Job { inputs, params, rows, deadline, merge, came: Instant::now(), reply };
        self.sender.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Disconnected(_) => Error::Interrupted,
        })?;
        answer.await.map_err(|_| Error::Interrupted)?
    }
}

fn work(model: &dyn Model, cost: &Cost, jobs: &Receiver<Job>, arrivals: &Arrivals) {
    let mut kept: Option<Job> = None;
    loop {
        let first = match kept.take() {
            Some(job) => job,
            None => match jobs.recv() {
                Ok(job) => job,
                Err(_) => return,
            },
        };
        if first.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            // The caller may be gone, too.
            let _ = first.reply.send(Err(Error::TooLate));
            continue;
        }
        let mut batch = vec![first];
        if let Some(merge) = batch[0].merge
            && mergeable(model)
        {
            kept = gather(&mut batch, merge, cost, jobs, arrivals);
        }
        run_batch(model, cost, batch);
    }
}

/// Takes what waits, and waits for more while that is expected to pay: the calls already here wait `gap` each, and one
/// call less saves the fixed part of a call. A job that does not fit comes back.
fn gather(
    batch: &mut Vec<Job>,
    merge: Batching,
    cost: &Cost,
    jobs: &Receiver<Job>,
    arrivals: &Arrivals,
) -> Option<Job> {
    let mut rows = batch[0].rows;
    let until = batch[0].came + Duration::from_millis(merge.longest_wait_ms);
    loop {
        let now = Instant::now();
        let soonest = batch.iter().filter_map(|job| job.deadline).min();
        // The run itself must still fit before the deadline.
        let latest = soonest.and_then(|d| d.checked_sub(cost.of(rows + 1))).map_or(until, |d| d.min(until));
        let gap = arrivals.gap();
        let pays = gap.saturating_mul(batch.len() as u32) < cost.fixed();
        let wait = if pays { latest.saturating_duration_since(now) } else { Duration::ZERO };
        let wait = wait.min(gap.saturating_mul(2));
        let next = match jobs.recv_timeout(wait) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
        };
        let late = next.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if late {
            let _ = next.reply.send(Err(Error::TooLate));
            continue;
        }
        if rows + next.rows > merge.most_rows || next.merge.is_none() || !alike(&batch[0], &next) {
            return Some(next);
        }
        rows += next.rows;
        batch.push(next);
        if rows >= merge.most_rows {
            return None;
        }
    }
}

/// Whether one run can answer both: what is told beside the rows counts for all of them.
fn alike(a: &Job, b: &Job) -> bool {
    a.params == b.params
        && a.inputs.len() == b.inputs.len()
        && a.inputs.iter().zip(&b.inputs).all(|(x, y)| {
            x.name == y.name && x.element() == y.element() && x.shape.get(1..) == y.shape.get(1..)
        })
}

fn run_batch(model: &dyn Model, cost: &Cost, mut batch: Vec<Job>) {
    if batch.len() > 1 {
        let rows: Vec<usize> = batch.iter().map(|job| job.rows).collect();
        let inputs: Vec<&[Tensor]> = batch.iter().map(|job| job.inputs.as_slice()).collect();
        metrics::histogram!("mlwright_batch_requests").record(batch.len() as f64);
        let ran = run_one(model, cost, (&joined(&inputs), &batch[0].params), rows.iter().sum());
        // One wrong row fails the run of all: then each runs alone, and only the wrong one fails.
        let parts =
            ran.ok().and_then(|(outputs, timing)| parted(outputs, &rows).map(|parts| (parts, timing)));
        if let Some((parts, timing)) = parts {
            let requests = batch.len();
            for (job, part) in batch.into_iter().zip(parts) {
                let timing = Timing { came: Some(job.came), requests, ..timing };
                let _ = job.reply.send(Ok((part, timing)));
            }
            return;
        }
    }
    for job in batch.drain(..) {
        let ran = run_one(model, cost, (&job.inputs, &job.params), job.rows);
        let came = Some(job.came);
        let _ = job.reply.send(ran.map(|(outputs, timing)| (outputs, Timing { came, ..timing })));
    }
}

fn run_one(model: &dyn Model, cost: &Cost, (inputs, params): (&[Tensor], &Params), rows: usize) -> Ran {
    let started = Instant::now();
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| model.run_with(inputs, params, &[])));
    let outputs = ran.map_err(|_| Error::Interrupted)??;
    let ended = Instant::now();
    cost.learn(rows, ended - started);
    Ok((outputs, Timing { came: None, started, ended, requests: 1 }))
}
