use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use blobs::Blobs;
use crossbeam_channel::{Sender, TrySendError, bounded};
use ledger::Ledger;
use parking_lot::{Mutex, RwLock};
use tasks::CancellationToken;
use tokio::sync::oneshot;
use types::{Actor, Uid};

use crate::seal::Cache;
use crate::spool;
use crate::tail::{Endpoint, Key, Part, Tail};
use crate::writer::{Bell, Message, Writer};
use crate::{Batch, Error, LogConfig, LogStats, store};

/// How often [`Log::run`] looks for spools to seal.
const LOOK: Duration = Duration::from_millis(250);

/// The prediction log. Cheap to clone.
#[derive(Clone)]
pub struct Log(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub ledger: Ledger,
    pub blobs: Blobs,
    pub config: LogConfig,
    pub tail: Arc<RwLock<Tail>>,
    pub cache: Mutex<Cache>,
    /// One seal at a time, so that a spool is sealed once.
    pub sealing: tokio::sync::Mutex<()>,
    queue: Sender<Message>,
    bell: Arc<Bell>,
    rows: AtomicU64,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// Takes up what an earlier process left in the spool, and starts the writer.
    pub async fn open(config: LogConfig, ledger: &Ledger, blobs: &Blobs) -> Result<Self, Error> {
        let dir = config.dir.join("spool");
        types::io::create_dir_all(&dir)?;
        let mut tail = Tail::default();
        for (workspace, endpoint, next) in store::next_ordinals(ledger).await? {
            let entry = Endpoint { parts: Vec::new(), next_ordinal: next };
            tail.endpoints.insert((workspace, endpoint), entry);
        }
        recover(&dir, ledger, &mut tail).await?;
        let tail = Arc::new(RwLock::new(tail));
        let dropped = Arc::new(AtomicU64::new(0));
        let (queue, messages) = bounded(config.queue.max(1));
        let bell = Arc::new(Bell::default());
        let writer = Writer {
            dir,
            clock: Arc::clone(ledger.clock()),
            tail: Arc::clone(&tail),
            flush_every: config.flush_every,
            segment_rows: config.segment_rows.max(1),
            most_unsealed: config.most_unsealed,
            dropped: Arc::clone(&dropped),
            spools: HashMap::new(),
            bell: Arc::clone(&bell),
        };
        std::thread::Builder::new()
            .name("predictions-write".into())
            .spawn(move || writer.serve(&messages))
            .map_err(|e| types::io::Error::new("start the writer thread for", &config.dir, e))?;
        Ok(Self(Arc::new(Inner {
            ledger: ledger.clone(),
            blobs: blobs.clone(),
            config,
            tail,
            cache: Mutex::default(),
            sealing: tokio::sync::Mutex::new(()),
            queue,
            bell,
            rows: AtomicU64::new(0),
            dropped,
        })))
    }

    /// Takes the batch without waiting; `false` if the queue was full: then it is dropped and counted.
    pub fn record(&self, batch: Batch) -> bool {
        let rows = batch.ids.len() as u64;
        match self.0.queue.try_send(Message::Batch(Box::new(batch), None)) {
            Ok(()) => {
                self.0.rows.fetch_add(rows, Ordering::Relaxed);
                true
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.0.dropped.fetch_add(rows, Ordering::Relaxed);
                false
            }
        }
    }

    /// Takes the batch and answers once it is on disk. Errs when it is not.
    pub async fn record_durable(&self, batch: Batch) -> Result<(), Error> {
        let rows = batch.ids.len() as u64;
        let (answer, stored) = oneshot::channel();
        match self.0.queue.try_send(Message::Batch(Box::new(batch), Some(answer))) {
            Ok(()) => self.0.bell.ring(),
            Err(TrySendError::Full(_)) => {
                self.0.dropped.fetch_add(rows, Ordering::Relaxed);
                return Err(Error::QueueFull);
            }
            Err(TrySendError::Disconnected(_)) => return Err(Error::Stopped),
        }
        stored.await.map_err(|_| Error::Stopped)??;
        self.0.rows.fetch_add(rows, Ordering::Relaxed);
        Ok(())
    }

    /// Everything recorded before is readable, and survives the end of the process.
    pub async fn flush(&self) -> Result<(), Error> {
        let (answer, done) = oneshot::channel();
        self.send(Message::Flush(answer)).await?;
        done.await.map_err(|_| Error::Stopped)
    }

    pub fn stats(&self) -> LogStats {
        LogStats {
            rows: self.0.rows.load(Ordering::Relaxed),
            dropped: self.0.dropped.load(Ordering::Relaxed),
            unsealed: self.0.tail.read().rows as u64,
        }
    }

    /// Seals spools that are full or old enough, until the token is cancelled; then flushes.
    pub async fn run(&self, token: CancellationToken) -> Result<(), Error> {
        loop {
            tokio::select! {
                () = token.cancelled() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
            let age = i64::try_from(self.0.config.segment_age.as_secs()).unwrap_or(i64::MAX);
            let before = self.0.ledger.clock().now().plus_seconds(-age);
            for (key, segment) in self.due(|part| part.closed || part.opened_at <= before) {
                if let Err(error) = self.close_and_seal(&key, segment, false).await {
                    tracing::warn!(%error, endpoint = key.1, "a prediction segment could not be sealed; it is tried again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
        self.flush().await
    }

    /// Seals everything that the endpoint has in its spool; the newest segment that came of it.
    pub async fn seal(&self, actor: &Actor, endpoint: &str) -> Result<Option<Uid>, Error> {
        self.flush().await?;
        let key = (actor.workspace, endpoint.to_owned());
        let mut last = None;
        for (due, segment) in self.due(|_| true) {
            if due == key {
                self.close_and_seal(&due, segment, true).await?;
                last = Some(segment);
            }
        }
        Ok(last)
    }

    fn due(&self, is_due: impl Fn(&Part) -> bool) -> Vec<(Key, Uid)> {
        let tail = self.0.tail.read();
        let mut found = Vec::new();
        for (key, endpoint) in &tail.endpoints {
            found.extend(endpoint.parts.iter().filter(|p| is_due(p)).map(|p| (key.clone(), p.segment)));
        }
        found
    }

    /// `awaited`: somebody waits for it.
    async fn close_and_seal(&self, key: &Key, segment: Uid, awaited: bool) -> Result<(), Error> {
        let _one = self.0.sealing.lock().await;
        let is_open = |tail: &Tail| {
            let part = tail.endpoints.get(key).and_then(|e| e.parts.iter().find(|p| p.segment == segment));
            part.map(|p| !p.closed)
        };
        let open = is_open(&self.0.tail.read());
        match open {
            // Sealed by another call in the meantime.
            None => return Ok(()),
            Some(true) => {
                let (answer, done) = oneshot::channel();
                self.send(Message::Close(key.clone(), answer)).await?;
                done.await.map_err(|_| Error::Stopped)?;
            }
            Some(false) => {}
        }
        self.seal_part(key, segment, awaited).await
    }

    async fn send(&self, mut message: Message) -> Result<(), Error> {
        loop {
            match self.0.queue.try_send(message) {
                Ok(()) => {
                    self.0.bell.ring();
                    return Ok(());
                }
                Err(TrySendError::Disconnected(_)) => return Err(Error::Stopped),
                Err(TrySendError::Full(back)) => message = back,
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Loads the spools that an earlier process left; those whose segment exists are finished business.
async fn recover(dir: &std::path::Path, ledger: &Ledger, tail: &mut Tail) -> Result<(), Error> {
    let entries = std::fs::read_dir(dir).map_err(|e| types::io::Error::new("list", dir, e))?;
    let mut paths: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "spool" || e == "jsonl"));
    // Names are ids, which sort by time.
    paths.sort();
    for path in paths {
        let recovered = spool::recover(&path)?;
        let Some(recovered) = recovered.filter(|r| !r.batches.is_empty()) else {
            remove(&path);
            continue;
        };
        let header = recovered.header;
        if store::has_segment(ledger, header.workspace, header.segment).await? {
            remove(&path);
            continue;
        }
        if recovered.unreadable > 0 {
            tracing::warn!(path = %path.display(), records = recovered.unreadable, "predictions that were being written at the crash are lost");
        }
        let rows: usize = recovered.batches.iter().map(|b| b.ids.len()).sum();
        let endpoint = tail.endpoints.entry((header.workspace, header.endpoint)).or_default();
        endpoint.next_ordinal = endpoint.next_ordinal.max(header.first_ordinal + rows as i64);
        let mut part = Part {
            segment: header.segment,
            path: Some(path),
            opened_at: ledger.clock().now(),
            first_ordinal: header.first_ordinal,
            rows: 0,
            closed: true,
            chunks: Vec::new(),
        };
        recovered.batches.into_iter().for_each(|batch| part.push(batch));
        endpoint.parts.push(part);
        tail.rows += rows;
    }
    Ok(())
}

pub(crate) fn remove(path: &std::path::Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "a finished spool file could not be removed");
    }
}
