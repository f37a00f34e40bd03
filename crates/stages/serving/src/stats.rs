use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use types::Timestamp;

use crate::rollout::Window;

/// Seconds that are kept.
const SECONDS: usize = 300;
/// Minutes of which the counts alone are kept: a day.
const MINUTES: usize = 1440;
/// Latency buckets: four to a doubling, from 1 µs to 1 µs · 2^(BUCKETS/4).
pub(crate) const BUCKETS: usize = 104;

/// One endpoint's traffic, over all of its revisions since the start of the process.
pub(crate) struct Stats {
    requests: AtomicU64,
    errors: AtomicU64,
    /// Of requests that did not fail.
    busy_ns: AtomicU64,
    kept: Mutex<Kept>,
}

struct Kept {
    seconds: Vec<Second>,
    minutes: Vec<Minute>,
}

#[derive(Clone, Copy)]
struct Minute {
    /// Since the epoch; a slot is reused after `MINUTES`.
    minute: i64,
    requests: u32,
    errors: u32,
}

#[derive(Clone)]
struct Second {
    /// Since the epoch; a slot is reused after `SECONDS`.
    second: i64,
    requests: u32,
    errors: u32,
    buckets: [u32; BUCKETS],
}

/// One second: `[at_ms, rps, p50_ms, p99_ms, errors]` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point(pub i64, pub f64, pub f64, pub f64, pub u32);

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Traffic {
    /// Since the start of the server.
    pub requests: u64,
    /// Requests that the server or the model failed; wrong input is not among them.
    pub errors: u64,
    /// Sum of the latencies of requests that did not fail.
    pub busy_ns: u64,
    /// Over the last ten seconds.
    pub rps: f64,
    /// Over the last minute; 0 without traffic.
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Up to five minutes, oldest first; seconds without traffic are left out.
    pub series: Vec<Point>,
}

impl Default for Stats {
    fn default() -> Self {
        let empty = Second { second: -1, requests: 0, errors: 0, buckets: [0; BUCKETS] };
        Self {
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            busy_ns: AtomicU64::new(0),
            kept: Mutex::new(Kept {
                seconds: vec![empty; SECONDS],
                minutes: vec![Minute { minute: -1, requests: 0, errors: 0 }; MINUTES],
            }),
        }
    }
}

impl Stats {
    pub fn count(&self, now: Timestamp, took: Duration, failed: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if failed {
            self.errors.fetch_add(1, Ordering::Relaxed);
        } else {
            let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
            self.busy_ns.fetch_add(nanos, Ordering::Relaxed);
        }
        let second = now.0.div_euclid(1_000_000);
        let mut kept = self.kept.lock();
        let minute = second.div_euclid(60);
        let slot = &mut kept.minutes[minute.rem_euclid(MINUTES as i64) as usize];
        if slot.minute != minute {
            *slot = Minute { minute, requests: 0, errors: 0 };
        }
        slot.requests += 1;
        slot.errors += u32::from(failed);
        let slot = &mut kept.seconds[second.rem_euclid(SECONDS as i64) as usize];
        if slot.second != second {
            *slot = Second { second, requests: 0, errors: 0, buckets: [0; BUCKETS] };
        }
        slot.requests += 1;
        slot.errors += u32::from(failed);
        slot.buckets[bucket(took)] += 1;
    }

    /// What happened from `since` on, at most the last five minutes. Whole seconds: the one in which `since` lies counts.
    pub fn window(&self, since: Timestamp, now: Timestamp) -> Window {
        let (first, current) = (since.0.div_euclid(1_000_000), now.0.div_euclid(1_000_000));
        let mut buckets = [0_u32; BUCKETS];
        let mut window = Window::default();
        for second in self.kept.lock().seconds.iter() {
            let young = second.second > current - SECONDS as i64 && second.second <= current;
            if young && second.second >= first {
                window.requests += u64::from(second.requests);
                window.errors += u64::from(second.errors);
                buckets.iter_mut().zip(&second.buckets).for_each(|(sum, n)| *sum += n);
            }
        }
        window.timed = window.requests;
        window.p95_ms = quantile(&buckets, 0.95);
        window
    }

    /// Requests and errors of the whole minutes after the one in which `since` lies, at most of the last day.
    pub fn of_day(&self, since: Timestamp, now: Timestamp) -> (u64, u64) {
        let minute = |at: Timestamp| at.0.div_euclid(60_000_000);
        let first = minute(since).max(minute(now) - MINUTES as i64);
        let kept = self.kept.lock();
        let counted = kept.minutes.iter().filter(|m| m.minute > first && m.minute <= minute(now));
        counted.fold((0, 0), |(requests, errors), m| {
            (requests + u64::from(m.requests), errors + u64::from(m.errors))
        })
    }

    pub fn traffic(&self, now: Timestamp) -> Traffic {
        let current = now.0.div_euclid(1_000_000);
        let mut kept: Vec<Second> = {
            let kept = self.kept.lock();
            let young = |s: &&Second| s.second > current - SECONDS as i64 && s.second <= current;
            kept.seconds.iter().filter(young).cloned().collect()
        };
        kept.sort_by_key(|s| s.second);
        let mut minute = [0_u32; BUCKETS];
        let mut lately = 0;
        for second in &kept {
            if second.second > current - 60 {
                minute.iter_mut().zip(&second.buckets).for_each(|(sum, n)| *sum += n);
            }
            // The running second is not over yet.
            if second.second < current && second.second >= current - 10 {
                lately += second.requests;
            }
        }
        Traffic {
            requests: self.requests.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            busy_ns: self.busy_ns.load(Ordering::Relaxed),
            rps: f64::from(lately) / 10.0,
            p50_ms: quantile(&minute, 0.5),
            p99_ms: quantile(&minute, 0.99),
            series: kept
                .iter()
                .map(|s| {
                    let (p50, p99) = (quantile(&s.buckets, 0.5), quantile(&s.buckets, 0.99));
                    Point(s.second * 1000, f64::from(s.requests), p50, p99, s.errors)
                })
                .collect(),
        }
    }
}

pub(crate) fn bucket(took: Duration) -> usize {
    let micros = took.as_secs_f64() * 1e6;
    ((micros.max(1.0).log2() * 4.0) as usize).min(BUCKETS - 1)
}

/// In milliseconds: the middle of the bucket that holds the quantile (within ±9 %).
pub(crate) fn quantile<N: Copy + Into<u64>>(buckets: &[N], q: f64) -> f64 {
    let total: u64 = buckets.iter().map(|n| (*n).into()).sum();
    if total == 0 {
        return 0.0;
    }
    let rank = ((total as f64 * q).ceil() as u64).clamp(1, total);
    let mut seen = 0;
    for (index, count) in buckets.iter().enumerate() {
        seen += (*count).into();
        if seen >= rank {
            return ((index as f64 + 0.5) / 4.0).exp2() / 1000.0;
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_counts_each_second_and_forgets_old_ones() {
        let stats = Stats::default();
        let start = Timestamp(1_700_000_000_000_000);
        for i in 0..100 {
            stats.count(start, Duration::from_micros(if i < 98 { 1000 } else { 50_000 }), i == 0);
        }
        stats.count(start.plus_seconds(1), Duration::from_micros(1000), false);
        let traffic = stats.traffic(start.plus_seconds(2));
        assert_eq!((traffic.requests, traffic.errors), (101, 1));
        assert_eq!(traffic.series.len(), 2);
        assert_eq!((traffic.series[0].1, traffic.series[0].4), (100.0, 1));
        assert!((traffic.rps - 10.1).abs() < 1e-9);
        assert!((0.9..1.15).contains(&traffic.p50_ms), "{}", traffic.p50_ms);
        assert!((44.0..56.0).contains(&traffic.p99_ms), "{}", traffic.p99_ms);
        let later = stats.traffic(start.plus_seconds(1000));
        assert_eq!((later.series.len(), later.rps, later.requests), (0, 0.0, 101));
    }

    #[test]
    fn what_comes_seldom_is_counted_for_a_day() {
        let stats = Stats::default();
        let start = Timestamp(1_700_000_000_000_000);
        for i in 0..10 {
            stats.count(start.plus_seconds(i * 400), Duration::from_micros(1000), i == 9);
        }
        let now = start.plus_seconds(9 * 400);
        assert_eq!(stats.window(start, now).requests, 1);
        assert_eq!(stats.of_day(start, now), (9, 1), "without the minute in which it began");
        assert_eq!(stats.of_day(start.plus_seconds(3000), now), (2, 1));
        assert_eq!(stats.of_day(start, start.plus_seconds(100_000)), (0, 0));
    }
}
