use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::oneshot;
use types::WorkspaceId;

use crate::db::{Connection, Place};
use crate::memo::Memo;
use crate::{Error, Ledger, Row, Value};

type Job = Box<dyn FnOnce(&mut Connection, &mut Memo) + Send>;

/// Threads that each hold a reader connection. A job goes to the one that was busy last: its statements are prepared and
/// planned, its pages are at hand, and threads that are not needed open no connection.
pub(crate) struct Readers {
    threads: Vec<Sender<Job>>,
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue(Mutex<Waiting>);

/// Either threads wait for jobs or jobs for threads.
#[derive(Default)]
struct Waiting {
    /// Places of threads; the last one was busy last.
    threads: Vec<usize>,
    jobs: VecDeque<Job>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job that waits longest; where there is none, the thread waits from now on.
    fn next(&self, thread: usize) -> Option<Job> {
        let mut waiting = self.lock();
        let job = waiting.jobs.pop_front();
        if job.is_none() {
            waiting.threads.push(thread);
        }
        job
    }
}

impl Readers {
    pub fn start(place: &Place, threads: usize) -> Result<Self, Error> {
        let queue = Arc::<Queue>::default();
        let mut senders = Vec::with_capacity(threads);
        for index in 0..threads {
            let (sender, jobs) = bounded(1);
            senders.push(sender);
            let (place, queue) = (place.clone(), Arc::clone(&queue));
            std::thread::Builder::new()
                .name(format!("ledger-read-{index}"))
                .spawn(move || serve(&place, index, &jobs, &queue))
                .map_err(|e| Error::Database { message: format!("cannot start a reader thread: {e}") })?;
        }
        Ok(Self { threads: senders, queue })
    }

    fn send(&self, job: Job) -> Result<(), Error> {
        let mut waiting = self.queue.lock();
        match waiting.threads.pop().and_then(|thread| self.threads.get(thread)) {
            Some(thread) => {
                drop(waiting);
                // It waits, so there is room.
                thread.send(job).map_err(|_| Error::Closed)
            }
            None => {
                waiting.jobs.push_back(job);
                Ok(())
            }
        }
    }
}

/// Connections are opened on first use and again after they broke. Ends when the ledger is dropped.
fn serve(place: &Place, thread: usize, jobs: &Receiver<Job>, queue: &Queue) {
    let mut connection: Option<Connection> = None;
    let mut memo = Memo::default();
    loop {
        let job = match queue.next(thread) {
            Some(job) => job,
            None => match jobs.recv() {
                Ok(job) => job,
                Err(_) => return,
            },
        };
        if connection.as_mut().is_none_or(|c| !c.is_alive()) {
            connection = match Connection::reader(place) {
                Ok(opened) => Some(opened),
                Err(error) => {
                    tracing::error!(%error, "cannot open a reader connection");
                    // Dropping the job answers its caller with `Closed`.
                    std::thread::sleep(std::time::Duration::from_millis(200));
                    continue;
                }
            };
        }
        let ran = connection.as_mut().map(|c| catch_unwind(AssertUnwindSafe(|| job(c, &mut memo))));
        if ran.is_some_and(|ran| ran.is_err()) {
            // Its caller hears `Closed`. The transaction may be open still.
            connection = None;
        }
    }
}

/// A read-only view of one moment.
pub struct Rx<'a> {
    connection: &'a mut Connection,
    memo: &'a mut Memo,
    workspace: WorkspaceId,
}

impl Rx<'_> {
    pub fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        self.connection.query(sql, values)
    }

    /// The first row, if any.
    pub fn query_opt(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>, Error> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// Errors: `NotOneRow` unless exactly one row comes back.
    pub fn query_one(&mut self, sql: &str, values: &[Value]) -> Result<Row, Error> {
        let mut rows = self.query(sql, values)?;
        match rows.len() {
            1 => Ok(rows.remove(0)),
            found => Err(Error::NotOneRow { found }),
        }
    }

    /// What earlier reads on this thread remembered; see [`Memo`].
    pub fn memo(&mut self) -> &mut Memo {
        self.memo
    }

    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }
}

impl Ledger {
    /// Runs `f` on a reader thread inside a transaction that sees one moment.
    pub async fn read<T, E, F>(&self, workspace: WorkspaceId, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&mut Rx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection, memo| {
            let begun = connection.begin_read();
            let is_begun = begun.is_ok();
            let result = match begun {
                Ok(()) => f(&mut Rx { connection: &mut *connection, memo, workspace }),
                Err(error) => Err(error.into()),
            };
            // The caller may have gone away.
            let _ = reply.send(result);
            if is_begun {
                // Nobody waits for this; nothing was written, so ending the snapshot cannot lose anything.
                let _ = connection.batch("ROLLBACK");
            }
        });
        self.0.readers.send(job)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}
