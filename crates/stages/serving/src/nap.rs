//! Models that nobody asks for leave memory, and come back at the next request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use runtimes::{Error, Model, Params, Tensor, TensorSpec};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

pub(crate) type Again = Box<dyn Fn() -> Result<Arc<dyn Model>, Error> + Send + Sync>;

/// What is known of a model also while it is out of memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub inputs: Vec<TensorSpec>,
    pub outputs: Vec<TensorSpec>,
    pub prediction: Option<String>,
    pub missing_text: bool,
    /// Whether it answers in parts.
    #[serde(default)]
    pub streams: bool,
    /// What it took when it was loaded; the size of its files where it cannot say.
    pub bytes: u64,
}

impl Shape {
    pub fn of(model: &dyn Model, bytes: u64) -> Self {
        Self {
            inputs: model.inputs().to_vec(),
            outputs: model.outputs().to_vec(),
            prediction: model.prediction().map(str::to_owned),
            missing_text: model.takes_missing_text(),
            streams: model.streams(),
            bytes,
        }
    }
}

/// A model that may be out of memory.
pub(crate) struct Napping {
    shape: Shape,
    awake: RwLock<Option<Arc<dyn Model>>>,
    /// One wakes it, the others wait.
    waking: Mutex<()>,
    again: Again,
    /// Told when it woke: another may have to go.
    woken: Arc<Notify>,
    start: Instant,
    /// Milliseconds since `start`.
    used: AtomicU64,
}

/// Why a model left memory, as the metric has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Idle,
    Memory,
}

impl Napping {
    /// `again` loads the same model; it is called on threads that may block. Without `model` it sleeps.
    pub fn new(shape: Shape, model: Option<Arc<dyn Model>>, again: Again, woken: Arc<Notify>) -> Self {
        if model.is_some() {
            metrics::gauge!("mlwright_models_awake").increment(1.0);
        }
        Self {
            shape,
            awake: RwLock::new(model),
            waking: Mutex::new(()),
            again,
            woken,
            start: Instant::now(),
            used: AtomicU64::new(0),
        }
    }

    /// The model, if it is in memory; that counts as a use.
    pub fn awake(&self) -> Option<Arc<dyn Model>> {
        self.used.store(self.now(), Ordering::Relaxed);
        self.awake.read().clone()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub fn idle(&self) -> Duration {
        Duration::from_millis(self.now().saturating_sub(self.used.load(Ordering::Relaxed)))
    }

    pub fn is_awake(&self) -> bool {
        self.awake.read().is_some()
    }

    /// Bytes that it holds, or would hold: those of a Python model's processes, of a native model's arrays, those by which the
    /// process grew for an ONNX model.
    pub fn bytes(&self) -> u64 {
        let model = self.awake.read().clone();
        model.and_then(|model| model.memory()).unwrap_or(self.shape.bytes)
    }

    /// Requests that run keep it until they end.
    pub fn sleep(&self, reason: Reason) {
        if self.awake.write().take().is_some() {
            let reason = if reason == Reason::Idle { "idle" } else { "memory" };
            metrics::gauge!("mlwright_models_awake").decrement(1.0);
            metrics::counter!("mlwright_model_sleeps_total", "reason" => reason).increment(1);
        }
    }

    fn woken(&self) -> Result<Arc<dyn Model>, Error> {
        let _turn = self.waking.lock();
        if let Some(model) = self.awake() {
            return Ok(model);
        }
        let start = Instant::now();
        let model = (self.again)()?;
        *self.awake.write() = Some(Arc::clone(&model));
        metrics::gauge!("mlwright_models_awake").increment(1.0);
        metrics::histogram!("mlwright_model_wake_seconds").record(start.elapsed().as_secs_f64());
        self.used.store(self.now(), Ordering::Relaxed);
        self.woken.notify_one();
        Ok(model)
    }
}

impl Drop for Napping {
    fn drop(&mut self) {
        if self.awake.get_mut().is_some() {
            metrics::gauge!("mlwright_models_awake").decrement(1.0);
        }
    }
}

impl Model for Napping {
    fn inputs(&self) -> &[TensorSpec] {
        &self.shape.inputs
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.shape.outputs
    }

    fn run(&self, inputs: &[Tensor], wanted: &[&str]) -> Result<Vec<Tensor>, Error> {
        self.run_with(inputs, &Params::default(), wanted)
    }

    fn run_with(&self, inputs: &[Tensor], params: &Params, wanted: &[&str]) -> Result<Vec<Tensor>, Error> {
        let model = match self.awake() {
            Some(model) => model,
            None => self.woken()?,
        };
        model.run_with(inputs, params, wanted)
    }

    fn streams(&self) -> bool {
        self.shape.streams
    }

    fn stream(
        &self,
        inputs: &[Tensor],
        params: &Params,
        part: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), Error> {
        let model = match self.awake() {
            Some(model) => model,
            None => self.woken()?,
        };
        model.stream(inputs, params, part)
    }

    fn prediction(&self) -> Option<&str> {
        self.shape.prediction.as_deref()
    }

    fn takes_missing_text(&self) -> bool {
        self.shape.missing_text
    }
}

/// Lets models go that nobody asked for so long, and the ones that were asked longest ago while all together need more than
/// the budget.
pub(crate) fn let_sleep(models: Vec<Arc<Napping>>, idle: Option<Duration>, memory: Option<u64>) {
    let mut awake: Vec<Arc<Napping>> = Vec::new();
    for nap in models {
        // The same model behind two endpoints counts once.
        if nap.is_awake() && !awake.iter().any(|known| Arc::ptr_eq(known, &nap)) {
            awake.push(nap);
        }
    }
    if let Some(longest) = idle {
        awake.retain(|nap| {
            let keep = nap.idle() < longest;
            if !keep {
                nap.sleep(Reason::Idle);
            }
            keep
        });
    }
    let Some(memory) = memory else { return };
    let mut awake: Vec<(Duration, u64, Arc<Napping>)> =
        awake.into_iter().map(|nap| (nap.idle(), nap.bytes(), nap)).collect();
    awake.sort_by_key(|(idle, _, _)| *idle);
    let mut total: u64 = awake.iter().map(|(_, bytes, _)| bytes).sum();
    // The one that was asked last stays, however large it is.
    while total > memory && awake.len() > 1 {
        let Some((_, bytes, oldest)) = awake.pop() else { break };
        oldest.sleep(Reason::Memory);
        total -= bytes;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    struct Nothing;

    impl Model for Nothing {
        fn inputs(&self) -> &[TensorSpec] {
            &[]
        }

        fn outputs(&self) -> &[TensorSpec] {
            &[]
        }

        fn run(&self, _: &[Tensor], _: &[&str]) -> Result<Vec<Tensor>, Error> {
            Ok(Vec::new())
        }
    }

    fn napping(bytes: u64, again: Again) -> Arc<Napping> {
        let shape = Shape::of(&Nothing, bytes);
        Arc::new(Napping::new(shape, Some(Arc::new(Nothing)), again, Arc::default()))
    }

    #[test]
    fn a_sleeping_model_is_loaded_once_by_whoever_asks_first() {
        let loads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&loads);
        let nap = napping(
            1,
            Box::new(move || {
                counted.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
                Ok(Arc::new(Nothing))
            }),
        );
        nap.run(&[], &[]).unwrap();
        assert_eq!(loads.load(Ordering::Relaxed), 0);
        nap.sleep(Reason::Idle);
        assert!(!nap.is_awake());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| nap.run(&[], &[]).unwrap());
            }
        });
        assert_eq!(loads.load(Ordering::Relaxed), 1);
        assert!(nap.is_awake());
    }

    #[test]
    fn over_the_budget_the_ones_asked_longest_ago_sleep_and_the_last_one_stays() {
        let models: Vec<Arc<Napping>> =
            (0..4).map(|_| napping(100, Box::new(|| Ok(Arc::new(Nothing))))).collect();
        for (at, nap) in models.iter().enumerate() {
            // As if they were asked at these times, the second one last.
            nap.used.store([1_000_000, 4_000_000, 3_000_000, 2_000_000][at], Ordering::Relaxed);
        }
        let old = Instant::now().checked_sub(Duration::from_secs(10_000)).unwrap();
        let models: Vec<Arc<Napping>> = models
            .into_iter()
            .map(|nap| {
                let mut nap = Arc::into_inner(nap).unwrap();
                nap.start = old;
                Arc::new(nap)
            })
            .collect();
        let awake = |models: &[Arc<Napping>]| models.iter().map(|n| n.is_awake()).collect::<Vec<_>>();
        let_sleep(models.clone(), None, Some(400));
        assert_eq!(awake(&models), [true; 4]);
        let_sleep(models.clone(), None, Some(250));
        assert_eq!(awake(&models), [false, true, true, false]);
        let_sleep(models.clone(), None, Some(1));
        assert_eq!(awake(&models), [false, true, false, false]);
        let_sleep(models.clone(), Some(Duration::from_secs(5_900)), None);
        assert_eq!(awake(&models), [false; 4]);
    }
}
