//! How far a subscription has read the events.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::{Error, Ledger};

/// A place in memory is kept this often: each keeping is a durable write.
const KEEP: Duration = Duration::from_secs(1);

/// Events that come within this are read together.
const GATHER: Duration = Duration::from_millis(20);

/// A subscription's place in the events. It is held in memory and kept now and then, so that a subscriber that only
/// passes events by costs nothing; after a crash, events of the last moment are read again. Cheap to clone.
#[derive(Clone)]
pub struct Cursor {
    ledger: Ledger,
    name: &'static str,
    place: Arc<Mutex<Place>>,
}

#[derive(Default)]
struct Place {
    /// `None` until it was read, and where another server may have moved it.
    position: Option<i64>,
    /// As far as it is kept, and since when it may be behind.
    kept: i64,
    behind: Option<Instant>,
}

impl Cursor {
    /// Waits until there are events that `sealed`, of [`Ledger::watch`], has not told of, and a moment more: a subscriber
    /// that woke for each event would cost a busy server more than the events do. `false` once the ledger is closed.
    pub async fn woken(sealed: &mut watch::Receiver<i64>) -> bool {
        if sealed.changed().await.is_err() {
            return false;
        }
        tokio::time::sleep(GATHER).await;
        sealed.mark_unchanged();
        true
    }

    pub fn new(ledger: &Ledger, name: &'static str) -> Self {
        Self { ledger: ledger.clone(), name, place: Arc::default() }
    }

    /// 0 if the subscription is new.
    pub async fn position(&self) -> Result<i64, Error> {
        if let Some(position) = self.place().position {
            return Ok(position);
        }
        let kept = self.ledger.cursor(self.name).await?;
        *self.place() = Place { position: Some(kept), kept, behind: None };
        Ok(kept)
    }

    /// Moves it forward. Kept soon, by [`Cursor::settle`].
    pub fn pass(&self, position: i64) {
        let mut place = self.place();
        place.position = Some(position);
        place.behind.get_or_insert_with(Instant::now);
    }

    /// Moves it forward, and keeps that before it answers: for events that may not be read again.
    pub async fn keep(&self, position: i64) -> Result<(), Error> {
        self.ledger.advance_cursor(self.name, position).await?;
        *self.place() = Place { position: Some(position), kept: position, behind: None };
        Ok(())
    }

    /// Keeps the place if it is behind for a while. To be called whenever there is nothing else to do.
    pub async fn settle(&self) -> Result<(), Error> {
        let due = self.place().behind.is_some_and(|since| since.elapsed() >= KEEP);
        if due { self.close().await } else { Ok(()) }
    }

    /// Keeps the place now: at the end.
    pub async fn close(&self) -> Result<(), Error> {
        let (position, kept) = {
            let place = self.place();
            (place.position, place.kept)
        };
        match position {
            Some(position) if position > kept => self.keep(position).await,
            _ => Ok(()),
        }
    }

    /// Another server has the subscription now.
    pub fn forget(&self) {
        *self.place() = Place::default();
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
