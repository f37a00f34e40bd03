//! The one thread that writes spool files. Many batches share a flush.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError};
use parking_lot::{Condvar, Mutex, RwLock};
use tokio::sync::oneshot;
use types::{Clock, new_id};

use crate::spool::Spool;
use crate::tail::{Key, Part, Tail};
use crate::{Batch, Error};

pub enum Message {
    /// With an answer, the row is on disk before it comes.
    Batch(Box<Batch>, Option<oneshot::Sender<Result<(), Error>>>),
    Flush(oneshot::Sender<()>),
    /// Close the open spool of an endpoint, so that it can be sealed.
    Close(Key, oneshot::Sender<()>),
}

/// Rung for a message whose sender waits. To wake the writer for each prediction would cost a request more than its record:
/// in traffic it looks every few milliseconds by itself.
#[derive(Default)]
pub struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    pub fn ring(&self) {
        *self.rung.lock() = true;
        self.heard.notify_one();
    }

    fn wait(&self, most: Duration) {
        let mut rung = self.rung.lock();
        if !*rung {
            self.heard.wait_for(&mut rung, most);
        }
        *rung = false;
    }
}

pub struct Writer {
    pub dir: PathBuf,
    pub clock: Arc<dyn Clock>,
    pub tail: Arc<RwLock<Tail>>,
    pub flush_every: Duration,
    pub segment_rows: usize,
    pub most_unsealed: usize,
    pub dropped: Arc<AtomicU64>,
    pub spools: HashMap<Key, Spool>,
    pub bell: Arc<Bell>,
}

/// Messages handled before a flush is looked at again.
const ROUND: usize = 1024;
/// How long predictions may wait in the queue.
const PAUSE: Duration = Duration::from_millis(5);

impl Writer {
    /// Ends when every sender is gone; what is queued then is written first.
    pub fn serve(mut self, queue: &Receiver<Message>) {
        let mut dirty_since: Option<Instant> = None;
        let mut more = false;
        loop {
            let next = match dirty_since {
                None => queue.recv().map_err(|_| TryRecvError::Disconnected),
                Some(since) => {
                    if !more {
                        self.bell.wait(PAUSE.min(self.flush_every.saturating_sub(since.elapsed())));
                    }
                    queue.try_recv()
                }
            };
            let first = match next {
                Ok(message) => Some(message),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => {
                    self.flush(false);
                    return;
                }
            };
            let mut handled = 0;
            let mut answers = Vec::new();
            let mut flushes = Vec::new();
            for message in first.into_iter().chain(queue.try_iter().take(ROUND)) {
                handled += 1;
                match message {
                    Message::Batch(batch, answer) => {
                        let written = self.append(*batch);
                        dirty_since.get_or_insert_with(Instant::now);
                        if let Some(answer) = answer {
                            answers.push((answer, written));
                        }
                    }
                    Message::Flush(answer) => flushes.push(answer),
                    Message::Close(key, answer) => {
                        self.close(&key);
                        flushes.push(answer);
                    }
                }
            }
            more = handled > ROUND;
            let due = dirty_since.is_some_and(|since| since.elapsed() >= self.flush_every);
            if due || !answers.is_empty() || !flushes.is_empty() {
                let failed = self.flush(!answers.is_empty());
                dirty_since = None;
                for (answer, written) in answers {
                    let result = match (&failed, written) {
                        (_, Err(error)) => Err(error),
                        (Some(message), Ok(())) => Err(Error::NotStored(message.clone())),
                        (None, Ok(())) => Ok(()),
                    };
                    // The caller may have gone away.
                    let _ = answer.send(result);
                }
                for answer in flushes {
                    let _ = answer.send(());
                }
            }
        }
    }

    fn append(&mut self, batch: Batch) -> Result<(), Error> {
        let rows = batch.ids.len();
        let key = (batch.workspace, batch.endpoint.clone());
        let tail = Arc::clone(&self.tail);
        let mut tail = tail.write();
        if tail.rows + rows > self.most_unsealed {
            self.dropped.fetch_add(rows as u64, Ordering::Relaxed);
            return Err(Error::QueueFull);
        }
        tail.rows += rows;
        let endpoint = tail.endpoints.entry(key.clone()).or_default();
        if endpoint.parts.last().is_none_or(|p| p.closed) {
            let segment = new_id(self.clock.now());
            let spool =
                Spool::create(&self.dir, segment, batch.workspace, &batch.endpoint, endpoint.next_ordinal);
            let path = match spool {
                Ok(spool) => {
                    let path = spool.path.clone();
                    self.spools.insert(key.clone(), spool);
                    Some(path)
                }
                Err(error) => {
                    tracing::error!(%error, "predictions are kept in memory only until they are sealed");
                    None
                }
            };
            endpoint.parts.push(Part {
                segment,
                path,
                opened_at: self.clock.now(),
                first_ordinal: endpoint.next_ordinal,
                rows: 0,
                closed: false,
                chunks: Vec::new(),
            });
        }
        endpoint.next_ordinal += rows as i64;
        let mut result = Ok(());
        if let Some(part) = endpoint.parts.last_mut() {
            match self.spools.get_mut(&key) {
                Some(spool) => {
                    if let Err(error) = spool.append(&batch) {
                        // A half-written line must be the last one of its file.
                        tracing::error!(%error, "a prediction did not reach its spool file");
                        result = Err(Error::NotStored(error.to_string()));
                        part.closed = true;
                        self.spools.remove(&key);
                    }
                }
                None => result = Err(Error::NotStored("there is no spool file".into())),
            }
            part.push(batch);
            if part.rows >= self.segment_rows {
                part.closed = true;
            }
            if part.closed {
                drop(tail);
                self.close(&key);
            }
        }
        result
    }

    fn close(&mut self, key: &Key) {
        if let Some(mut spool) = self.spools.remove(key)
            && let Err(error) = spool.flush(false)
        {
            tracing::error!(%error, "a spool file could not be finished");
        }
        let mut tail = self.tail.write();
        if let Some(part) = tail.endpoints.get_mut(key).and_then(|e| e.parts.last_mut()) {
            part.closed = true;
        }
    }

    /// The error, if a file could not be written.
    fn flush(&mut self, sync: bool) -> Option<String> {
        let mut failed = None;
        self.spools.retain(|key, spool| match spool.flush(sync) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, endpoint = key.1, "predictions did not reach their spool file");
                failed = Some(error.to_string());
                false
            }
        });
        failed
    }
}
