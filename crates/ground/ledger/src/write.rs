//! The one writer: a thread that owns the connection and commits the changes of many callers together, so that
//! an `fsync` is paid once for all of them. A change that fails leaves nothing behind: each stands in a savepoint of its own
//! where it has to.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tokio::sync::watch;
use types::{Actor, Clock, WorkspaceId};

use crate::chain::{Draft, Head};
use crate::db::{Connection, Place};
use crate::memo::Memo;
use crate::tx::Body;
use crate::{Error, events};

/// Most changes in one commit.
const GROUP: usize = 512;
/// How long a commit takes up what comes while it is put together.
const JOINING: Duration = Duration::from_millis(5);
/// How often a transaction that lost a race is run again.
const ATTEMPTS: usize = 8;
/// How long a server on PostgreSQL may overlook events of its peers.
const IDLE: Duration = Duration::from_millis(500);

pub(crate) struct Writer {
    jobs: Sender<Box<dyn Job>>,
    sealed: watch::Receiver<i64>,
    pub guarded: Arc<AtomicBool>,
}

impl Writer {
    pub fn start(
        mut connection: Connection,
        place: Place,
        clock: Arc<dyn Clock>,
        facts: Arc<[&'static str]>,
        access: Arc<crate::access::State>,
    ) -> Result<Self, Error> {
        let head = events::head(&mut connection)?;
        let guarded = Arc::new(AtomicBool::new(events::any_guard(&mut connection)?));
        let (jobs, queue) = bounded(16 * GROUP);
        let (publish, sealed) = watch::channel(head.position);
        let mut state = State {
            connection,
            place,
            clock,
            facts,
            head,
            publish,
            guarded: Arc::clone(&guarded),
            access,
            memo: Memo::default(),
            untold: false,
            unsealed: true,
            looked: Instant::now(),
        };
        std::thread::Builder::new()
            .name("ledger-write".into())
            .spawn(move || state.serve(&queue))
            .map_err(|e| Error::Database { message: format!("cannot start the writer thread: {e}") })?;
        Ok(Self { jobs, sealed, guarded })
    }

    pub fn watch(&self) -> watch::Receiver<i64> {
        self.sealed.clone()
    }

    pub fn send(&self, job: Box<dyn Job>) -> Result<(), Error> {
        // Never blocks a runtime thread for long: the queue is deep, and a full one is answered at once.
        match self.jobs.try_send(job) {
            Ok(()) => Ok(()),
            Err(crossbeam_channel::TrySendError::Disconnected(_)) => Err(Error::Closed),
            Err(crossbeam_channel::TrySendError::Full(_)) => {
                Err(Error::Serialization { message: "the write queue is full".into() })
            }
        }
    }
}

/// What a change needs while it runs.
pub(crate) struct Scope<'a> {
    connection: &'a mut Connection,
    clock: &'a dyn Clock,
    pub facts: &'a [&'static str],
    pub guarded: bool,
    memo: &'a mut Memo,
}

impl<'a> Scope<'a> {
    pub fn body(self, actor: &'a Actor) -> Body<'a> {
        Body {
            connection: self.connection,
            actor,
            clock: self.clock,
            now: self.clock.now(),
            changed: 0,
            memo: self.memo,
            lost_race: false,
        }
    }
}

pub(crate) enum Ran {
    /// Commit it, with these events.
    Keep(Vec<Draft>),
    /// Undo it; its caller gets its own error.
    Undo,
    /// Undo everything and run the group again.
    Again,
}

pub(crate) trait Job: Send {
    fn run(&mut self, scope: Scope<'_>) -> Ran;
    /// Answers the caller: with its own result if `committed` is `None`, else with that error.
    fn finish(self: Box<Self>, failed: Option<&dyn Fn() -> Error>);

    /// Jobs of one kind, if they have one, run as one change.
    fn kind(&self) -> Option<(TypeId, WorkspaceId)> {
        None
    }

    /// Runs this job with others of its kind.
    fn run_with(&mut self, others: Vec<&mut Box<dyn Job>>, scope: Scope<'_>) -> Ran {
        drop(others);
        self.run(scope)
    }

    fn any(&mut self) -> Option<&mut dyn Any> {
        None
    }
}

struct State {
    connection: Connection,
    place: Place,
    clock: Arc<dyn Clock>,
    facts: Arc<[&'static str]>,
    head: Head,
    publish: watch::Sender<i64>,
    guarded: Arc<AtomicBool>,
    access: Arc<crate::access::State>,
    memo: Memo,
    /// On SQLite: there are events that subscribers were not told of.
    untold: bool,
    /// On PostgreSQL: events of this server may have no position yet, and when it last looked for others'.
    unsealed: bool,
    looked: Instant,
}

impl State {
    fn serve(&mut self, queue: &Receiver<Box<dyn Job>>) {
        loop {
            let first = if self.connection.is_postgres() {
                match queue.recv_timeout(IDLE) {
                    Ok(job) => job,
                    Err(RecvTimeoutError::Timeout) => {
                        self.seal();
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            } else {
                match queue.recv() {
                    Ok(job) => job,
                    Err(_) => return,
                }
            };
            let mut group = vec![first];
            let outcome = self.commit(&mut group, queue);
            let failed: Option<&dyn Fn() -> Error> = match &outcome {
                Ok(()) => None,
                Err(make) => Some(make.as_ref()),
            };
            for job in group {
                job.finish(failed);
            }
            // Only now: callers wait, and those who are told of events then want the processors, too.
            if std::mem::take(&mut self.untold) {
                self.publish.send_if_modified(|_| true);
            }
            if !self.connection.is_postgres() {
                continue;
            }
            if self.unsealed || self.looked.elapsed() >= IDLE {
                self.seal();
            }
        }
    }

    /// Runs and commits a group, with what comes meanwhile; on error none of it is in the database.
    fn commit(
        &mut self,
        group: &mut Vec<Box<dyn Job>>,
        queue: &Receiver<Box<dyn Job>>,
    ) -> Result<(), Box<dyn Fn() -> Error>> {
        let mut last = Error::Closed;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(2 << attempt));
            }
            if let Err(error) = self.reconnect() {
                last = error;
                continue;
            }
            match self.attempt(group, queue) {
                Ok(head) => {
                    self.head = head;
                    if !self.connection.is_postgres() {
                        // Whoever asks knows at once; nobody is woken yet.
                        let untold = &mut self.untold;
                        self.publish.send_if_modified(|p| {
                            *untold |= std::mem::replace(p, head.position) != head.position;
                            false
                        });
                    }
                    return Ok(());
                }
                Err(error) => {
                    // The first error says why; a failed rollback means that there is nothing to undo.
                    let _ = self.connection.batch("ROLLBACK");
                    self.memo.forget();
                    let again = matches!(error, Error::Serialization { .. });
                    last = error;
                    if !again {
                        break;
                    }
                }
            }
        }
        tracing::error!(error = %last, changes = group.len(), "a group commit failed");
        let text = last.to_string();
        Err(match last {
            Error::DiskFull { .. } => Box::new(move || Error::DiskFull { message: text.clone() }),
            Error::Serialization { .. } => Box::new(move || Error::Serialization { message: text.clone() }),
            _ => Box::new(move || Error::Database { message: text.clone() }),
        })
    }

    fn reconnect(&mut self) -> Result<(), Error> {
        if !self.connection.is_alive() {
            self.connection = Connection::writer(&self.place)?;
        }
        Ok(())
    }

    fn attempt(
        &mut self,
        group: &mut Vec<Box<dyn Job>>,
        queue: &Receiver<Box<dyn Job>>,
    ) -> Result<Head, Error> {
        // What a savepoint costs is paid for the few changes that fail after they did something.
        let in_savepoints = self.connection.is_postgres();
        if let Some(head) = self.pass(group, queue, in_savepoints)? {
            return Ok(head);
        }
        self.connection.batch("ROLLBACK")?;
        self.memo.forget();
        self.pass(group, queue, true)?.ok_or(Error::Closed)
    }

    /// `None` if a change has to be undone that stands in no savepoint.
    fn pass(
        &mut self,
        group: &mut Vec<Box<dyn Job>>,
        queue: &Receiver<Box<dyn Job>>,
        in_savepoints: bool,
    ) -> Result<Option<Head>, Error> {
        let (mut drafts, mut done) = (Vec::new(), Vec::new());
        let began = Instant::now();
        self.connection.begin_write()?;
        for place in 0.. {
            if place == 0 || (place == group.len() && began.elapsed() < JOINING) {
                // What came while others ran is committed with them: its callers wait for this `fsync`, not for the next.
                group.extend(queue.try_iter().take(GROUP.saturating_sub(group.len())));
                done.resize(group.len(), false);
            }
            if place == group.len() {
                break;
            }
            if std::mem::replace(&mut done[place], true) {
                continue;
            }
            let (before, after) = group.split_at_mut(place + 1);
            let job = &mut before[place];
            let mut others = Vec::new();
            if let Some(kind) = job.kind() {
                for (other, done) in after.iter_mut().zip(&mut done[place + 1..]) {
                    if other.kind() == Some(kind) {
                        *done = true;
                        others.push(other);
                    }
                }
            }
            let alone = done.len() == others.len() + 1;
            let in_savepoint = in_savepoints && !alone;
            if in_savepoint {
                self.connection.batch("SAVEPOINT change")?;
            }
            let changes = self.connection.changes();
            let scope = Scope {
                connection: &mut self.connection,
                clock: self.clock.as_ref(),
                facts: &self.facts,
                guarded: self.guarded.load(Ordering::Relaxed),
                memo: &mut self.memo,
            };
            let ran = if others.is_empty() { job.run(scope) } else { job.run_with(others, scope) };
            if !self.connection.is_in_transaction() {
                // What follows would be committed statement by statement.
                let message =
                    "the database undid the transaction: no room, no memory or an error of the disk";
                return Err(Error::Database { message: message.into() });
            }
            match ran {
                Ran::Keep(more) => {
                    drafts.extend(more);
                    if in_savepoint {
                        self.connection.batch("RELEASE change")?;
                    }
                }
                Ran::Undo if alone => {
                    self.memo.forget();
                    self.connection.batch("ROLLBACK")?;
                    return Ok(Some(self.head));
                }
                Ran::Undo => {
                    self.memo.forget();
                    if in_savepoint {
                        self.connection.batch("ROLLBACK TO change; RELEASE change")?;
                    } else if changes.is_none() || changes != self.connection.changes() {
                        return Ok(None);
                    }
                }
                Ran::Again => {
                    return Err(Error::Serialization { message: "the transaction lost a race".into() });
                }
            }
        }
        let about_access = crate::access::is_about_access(&drafts);
        self.unsealed |= !drafts.is_empty();
        let head = events::insert(&mut self.connection, self.head, drafts)?;
        self.connection.batch("COMMIT")?;
        if about_access {
            self.access.forget();
        }
        Ok(Some(head))
    }

    /// On PostgreSQL, gives positions to committed events, unless a peer is at it; then tells subscribers.
    fn seal(&mut self) {
        let sealed = self.reconnect().and_then(|()| events::seal(&mut self.connection));
        self.looked = Instant::now();
        match sealed {
            Ok((position, mine)) => {
                // Where a peer was at it, what it did not see yet is for the next time.
                self.unsealed = !mine;
                self.publish.send_if_modified(|p| std::mem::replace(p, position) != position);
            }
            Err(error) => {
                // The connection may be inside the failed transaction.
                let _ = self.connection.batch("ROLLBACK");
                tracing::warn!(%error, "sealing events failed; it is tried again");
            }
        }
    }
}
