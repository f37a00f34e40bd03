use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Learns how long a model takes: `a + b · rows` nanoseconds, from the calls themselves. Decides whether a call may
/// run on the thread that reads the network, where nothing may take longer than half a millisecond.
#[derive(Debug)]
pub struct Cost {
    call: AtomicU64,
    row: AtomicU64,
}

/// Calls expected to be shorter than this run at once.
const INLINE: u64 = 200_000;

impl Cost {
    /// From a first call with one row; a row is taken to cost as much as the call until larger calls say otherwise.
    pub fn first(took: Duration) -> Self {
        let nanos = nanos(took);
        Self { call: AtomicU64::new(nanos), row: AtomicU64::new(nanos) }
    }

    /// Of a model that never ran: too long for the network's threads, until its calls say otherwise.
    pub fn unknown() -> Self {
        Self::first(Duration::from_millis(1))
    }

    pub fn is_short(&self, rows: usize) -> bool {
        let rows = rows.saturating_sub(1) as u64;
        let call = self.call.load(Ordering::Relaxed);
        call.saturating_add(self.row.load(Ordering::Relaxed).saturating_mul(rows)) < INLINE
    }

    /// What a call with so many rows is expected to take.
    pub fn of(&self, rows: usize) -> Duration {
        let rows = rows.saturating_sub(1) as u64;
        let call = self.call.load(Ordering::Relaxed);
        Duration::from_nanos(call.saturating_add(self.row.load(Ordering::Relaxed).saturating_mul(rows)))
    }

    /// The part of a call that does not depend on its rows.
    pub fn fixed(&self) -> Duration {
        let (call, row) = (self.call.load(Ordering::Relaxed), self.row.load(Ordering::Relaxed));
        Duration::from_nanos(call.saturating_sub(row))
    }

    /// Races between calls lose an update at most.
    pub fn learn(&self, rows: usize, took: Duration) {
        let took = nanos(took);
        let call = self.call.load(Ordering::Relaxed);
        if rows <= 1 {
            self.call.store(blend(call, took), Ordering::Relaxed);
        } else {
            let row = took.saturating_sub(call) / (rows as u64 - 1);
            self.row.store(blend(self.row.load(Ordering::Relaxed), row), Ordering::Relaxed);
        }
    }
}

fn nanos(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX / 16)
}

fn blend(old: u64, new: u64) -> u64 {
    old - old / 8 + new / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_model_runs_at_once_and_a_large_batch_does_not() {
        let cost = Cost::first(Duration::from_micros(10));
        assert!(cost.is_short(1));
        assert!(!cost.is_short(1000));
        for _ in 0..100 {
            cost.learn(1000, Duration::from_micros(60));
        }
        assert!(cost.is_short(1000), "rows turned out to be cheap: {cost:?}");
    }

    #[test]
    fn a_slow_model_never_runs_at_once() {
        assert!(!Cost::first(Duration::from_millis(3)).is_short(1));
    }
}
