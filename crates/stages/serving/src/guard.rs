//! What stands before an endpoint: who may ask, how often, and what was asked before.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use runtimes::{Params, Tensor};
use types::{Actor, Digest, Hasher, Timestamp};

use crate::Error;
use crate::settings::{CacheSettings, Rate, Settings};

/// Callers whose buckets are kept; the ones that were away longest are forgotten first.
const MOST_CALLERS: usize = 100_000;
const DAY: i64 = 86_400_000_000;

/// The state behind [`Settings`]; it outlives revisions and goes with a change of settings.
#[derive(Default)]
pub(crate) struct Guard {
    all: Mutex<Option<Bucket>>,
    callers: Mutex<HashMap<String, Caller>>,
    cache: Mutex<Cache>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

struct Caller {
    bucket: Bucket,
    day: i64,
    rows: u64,
}

impl Bucket {
    /// Takes one token. Errors: how long until there is one.
    fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * rate.per_second).min(rate.burst);
        self.at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.tokens) / rate.per_second))
    }
}

impl Guard {
    /// Errors: `NotForYou`, `Limited`.
    pub fn admit(
        &self,
        settings: &Settings,
        actor: &Actor,
        endpoint: &str,
        rows: usize,
        at: Timestamp,
    ) -> Result<(), Error> {
        let limited =
            |what| move |retry_after| Error::Limited { endpoint: endpoint.to_owned(), what, retry_after };
        if !settings.callers.is_empty() {
            let name = actor.to_string();
            if !settings.callers.contains(&name) {
                return Err(Error::NotForYou { endpoint: endpoint.to_owned(), actor: name });
            }
        }
        let now = Instant::now();
        if settings.rate_per_caller.is_some() || settings.daily_rows_per_caller.is_some() {
            self.admit_caller(settings, actor, rows, at, now).map_err(|(what, wait)| limited(what)(wait))?;
        }
        if let Some(rate) = settings.rate {
            let mut all = self.all.lock();
            let bucket = all.get_or_insert(Bucket { tokens: rate.burst, at: now });
            bucket.take(rate, now).map_err(limited("the rate"))?;
        }
        Ok(())
    }

    fn admit_caller(
        &self,
        settings: &Settings,
        actor: &Actor,
        rows: usize,
        at: Timestamp,
        now: Instant,
    ) -> Result<(), (&'static str, Duration)> {
        let mut callers = self.callers.lock();
        if callers.len() >= MOST_CALLERS {
            let oldest = callers.iter().min_by_key(|(_, c)| c.bucket.at).map(|(name, _)| name.clone());
            oldest.map(|name| callers.remove(&name));
        }
        let burst = settings.rate_per_caller.map_or(1.0, |r| r.burst);
        let caller = callers.entry(actor.to_string()).or_insert_with(|| Caller {
            bucket: Bucket { tokens: burst, at: now },
            day: 0,
            rows: 0,
        });
        let day = at.0.div_euclid(DAY);
        if caller.day != day {
            (caller.day, caller.rows) = (day, 0);
        }
        if let Some(quota) = settings.daily_rows_per_caller
            && caller.rows.saturating_add(rows as u64) > quota
        {
            let left = u64::try_from((day + 1) * DAY - at.0).unwrap_or(0);
            return Err(("the caller's daily quota", Duration::from_micros(left)));
        }
        if let Some(rate) = settings.rate_per_caller {
            caller.bucket.take(rate, now).map_err(|wait| ("the caller's rate", wait))?;
        } else {
            caller.bucket.at = now;
        }
        caller.rows += rows as u64;
        Ok(())
    }

    pub fn remembered(&self, settings: CacheSettings, key: &Digest) -> Option<Vec<Tensor>> {
        let mut cache = self.cache.lock();
        let (at, outputs) = cache.known.get(key)?;
        if at.elapsed() <= Duration::from_secs(settings.seconds) {
            return Some(outputs.clone());
        }
        cache.known.remove(key);
        None
    }

    pub fn remember(&self, settings: CacheSettings, key: Digest, outputs: Vec<Tensor>) {
        let mut cache = self.cache.lock();
        if cache.known.insert(key, (Instant::now(), outputs)).is_none() {
            cache.order.push_back(key);
        }
        // Keys that ran out may stand in the order twice; then the older place removes the newer answer, which only costs a
        // run.
        while cache.known.len() > settings.entries || cache.order.len() > settings.entries * 2 {
            match cache.order.pop_front() {
                Some(oldest) => cache.known.remove(&oldest),
                None => break,
            };
        }
    }
}

#[derive(Default)]
struct Cache {
    known: HashMap<Digest, (Instant, Vec<Tensor>)>,
    order: VecDeque<Digest>,
}

/// One model's answer to these inputs, told this beside them.
pub(crate) fn cache_key(model: &str, inputs: &[Tensor], params: &Params) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(model);
    for tensor in inputs {
        hasher.update(format!("|{}|{:?}|{:?}|", tensor.name, tensor.element(), tensor.shape));
        hash_values(&mut hasher, tensor);
    }
    if let Some(text) = params.text() {
        hasher.update("|params|");
        hasher.update(text);
    }
    hasher.finish()
}

fn hash_values(hasher: &mut Hasher, tensor: &Tensor) {
    use runtimes::TensorData as D;
    macro_rules! numbers {
        ($v:expr) => {
            for value in $v {
                hasher.update(value.to_le_bytes());
            }
        };
    }
    match &tensor.data {
        D::Bool(v) => v.iter().for_each(|b| hasher.update([u8::from(*b)])),
        D::U8(v) => hasher.update(v),
        D::I8(v) => numbers!(v),
        D::U16(v) => numbers!(v),
        D::U32(v) => numbers!(v),
        D::U64(v) => numbers!(v),
        D::I16(v) => numbers!(v),
        D::I32(v) => numbers!(v),
        D::I64(v) => numbers!(v),
        D::F16(v) => v.iter().for_each(|x| hasher.update(x.to_bits().to_le_bytes())),
        D::Bf16(v) => v.iter().for_each(|x| hasher.update(x.to_bits().to_le_bytes())),
        D::F32(v) => numbers!(v),
        D::F64(v) => numbers!(v),
        D::Bytes(v) => {
            for value in v {
                hasher.update((value.len() as u64).to_le_bytes());
                hasher.update(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Actor {
        Actor { name: name.into(), ..Actor::system("x") }
    }

    #[test]
    fn a_rate_lets_the_burst_through_and_then_says_how_long_to_wait() {
        let settings =
            Settings { rate_per_caller: Some(Rate { per_second: 0.001, burst: 3.0 }), ..Settings::default() };
        let guard = Guard::default();
        let ask = |name: &str| guard.admit(&settings, &named(name), "e", 1, Timestamp(0));
        for _ in 0..3 {
            ask("a").unwrap();
        }
        let Err(Error::Limited { retry_after, .. }) = ask("a") else { panic!("the fourth was let in") };
        assert!(retry_after > Duration::from_secs(900), "{retry_after:?}");
        ask("b").unwrap();
    }

    #[test]
    fn a_daily_quota_counts_rows_and_starts_again_at_midnight() {
        let settings = Settings { daily_rows_per_caller: Some(10), ..Settings::default() };
        let guard = Guard::default();
        let ask = |rows, at| guard.admit(&settings, &named("a"), "e", rows, Timestamp(at));
        ask(8, 5).unwrap();
        assert!(ask(3, 6).is_err(), "11 rows");
        ask(2, 7).unwrap();
        assert!(ask(1, DAY - 1).is_err());
        ask(10, DAY).unwrap();
    }

    #[test]
    fn only_listed_callers_are_let_in() {
        let settings = Settings { callers: vec!["system:a".into()], ..Settings::default() };
        let guard = Guard::default();
        guard.admit(&settings, &named("a"), "e", 1, Timestamp(0)).unwrap();
        let refused = guard.admit(&settings, &named("b"), "e", 1, Timestamp(0)).unwrap_err();
        assert_eq!(refused.to_string(), "endpoint `e` is not for system:b");
    }

    #[test]
    fn a_cache_forgets_the_oldest_and_tells_inputs_apart() {
        let model = "a model";
        let tensor = |x: f32| vec![Tensor::new("x", [1], runtimes::TensorData::F32(vec![x]))];
        let key = |x| cache_key(model, &tensor(x), &Params::default());
        assert_ne!(key(0.0), key(-0.0));
        assert_eq!(key(1.5), key(1.5));
        let told = |text| cache_key(model, &tensor(1.5), &Params::parse(text).unwrap());
        assert_ne!(told(r#"{"t":1.0}"#), key(1.5));
        assert_ne!(told(r#"{"t":1.0}"#), told(r#"{"t":2.0}"#));
        let (guard, settings) = (Guard::default(), CacheSettings { seconds: 60, entries: 2 });
        for x in [1.0, 2.0, 3.0] {
            guard.remember(settings, key(x), tensor(x));
        }
        assert_eq!(guard.remembered(settings, &key(1.0)), None);
        assert_eq!(guard.remembered(settings, &key(3.0)), Some(tensor(3.0)));
    }
}
