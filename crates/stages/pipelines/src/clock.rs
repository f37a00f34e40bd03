//! The machine's clock may be set back. What was to happen in a moment would then happen in hours: its moments move along.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ledger::Tx;
use serde_json::json;
use types::{Actor, Timestamp};

use crate::{Engine, Error, store};

/// What a clock may fall back unnoticed.
const LEEWAY: Duration = Duration::from_secs(2);

/// The last look at both clocks: one counts, the other tells the time.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Option<(Instant, Timestamp)>>);

impl Watch {
    /// By how much the time fell back since the last look.
    fn fell_back(&self, counted: Instant, told: Timestamp) -> Option<Duration> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace((counted, told));
        let (before, then) = last?;
        let expected = then.0.saturating_add(counted.duration_since(before).as_micros() as i64);
        let behind = Duration::from_micros(expected.saturating_sub(told.0).max(0).unsigned_abs());
        (behind > LEEWAY).then_some(behind)
    }
}

impl Engine {
    /// Attempts and deadlines that wait keep their distance. Servers that share a database keep their clocks together otherwise.
    pub(crate) async fn look_at_clock(&self) -> Result<(), Error> {
        let inner = &self.0;
        let Some(behind) = inner.clock.fell_back(Instant::now(), inner.ledger.clock().now()) else {
            return Ok(());
        };
        tracing::warn!(seconds = behind.as_secs(), "the clock was set back");
        if inner.membership.is_shared {
            return Ok(());
        }
        let micros = behind.as_micros() as i64;
        let write = move |tx: &mut Tx<'_>| {
            store::due::set_back(tx, micros)?;
            Ok::<_, Error>(tx.event(
                "pipeline.clock_set_back",
                "server:own",
                json!({ "seconds": micros / 1_000_000 }),
            )?)
        };
        inner.ledger.write(&Actor::system("pipelines"), write).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_falls_back_is_noticed() {
        let (watch, start) = (Watch::default(), Instant::now());
        let look = |counted: u64, told: i64| {
            watch.fell_back(start + Duration::from_secs(counted), Timestamp::from_millis(told * 1_000))
        };
        assert_eq!(look(0, 1_000), None);
        assert_eq!(look(10, 1_010), None);
        assert_eq!(look(20, 1_019), None, "a clock that is slewed");
        assert_eq!(look(30, 5_000), None, "forward is as time goes");
        assert_eq!(look(40, 1_410), Some(Duration::from_secs(3_600)));
        assert_eq!(look(50, 1_420), None);
    }
}
