//! Models that nobody asks for leave memory, and come back at the next request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use runtimes::{Error, Model, Tensor, TensorSpec};

use crate::Serving;

type Again = Box<dyn Fn() -> Result<Arc<dyn Model>, Error> + Send + Sync>;

/// A model that may be out of memory. Its inputs and outputs are always known.
pub struct Napping {
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
    prediction: Option<String>,
    missing_text: bool,
    awake: RwLock<Option<Arc<dyn Model>>>,
    /// One wakes it, the others wait.
    waking: Mutex<()>,
    again: Again,
    start: Instant,
    /// Milliseconds since `start`.
    used: AtomicU64,
    bytes: u64,
}

impl Napping {
    /// `again` loads the same model; it is called on threads that may block. `bytes`: what it is taken to need.
    pub fn new(model: Arc<dyn Model>, bytes: u64, again: Again) -> Self {
        Self {
            inputs: model.inputs().to_vec(),
            outputs: model.outputs().to_vec(),
            prediction: model.prediction().map(str::to_owned),
            missing_text: model.takes_missing_text(),
            awake: RwLock::new(Some(model)),
            waking: Mutex::new(()),
            again,
            start: Instant::now(),
            used: AtomicU64::new(0),
            bytes,
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

    fn idle(&self) -> Duration {
        Duration::from_millis(self.now().saturating_sub(self.used.load(Ordering::Relaxed)))
    }

    fn is_awake(&self) -> bool {
        self.awake.read().is_some()
    }

    /// Requests that run keep it until they end.
    fn sleep(&self) {
        self.awake.write().take();
    }

    fn woken(&self) -> Result<Arc<dyn Model>, Error> {
        let _turn = self.waking.lock();
        if let Some(model) = self.awake() {
            return Ok(model);
        }
        let model = (self.again)()?;
        *self.awake.write() = Some(Arc::clone(&model));
        Ok(model)
    }
}

impl Model for Napping {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    fn run(&self, inputs: &[Tensor], wanted: &[&str]) -> Result<Vec<Tensor>, Error> {
        let model = match self.awake() {
            Some(model) => model,
            None => self.woken()?,
        };
        model.run(inputs, wanted)
    }

    fn prediction(&self) -> Option<&str> {
        self.prediction.as_deref()
    }

    fn takes_missing_text(&self) -> bool {
        self.missing_text
    }
}

impl Serving {
    /// Lets models go that nobody asked for so long, and the ones that were asked longest ago while all together need
    /// more than the budget.
    pub(crate) fn let_sleep(&self) {
        let config = &self.0.config;
        if config.idle_unload.is_none() && config.memory.is_none() {
            return;
        }
        let table = self.0.table.load();
        let mut awake: Vec<Arc<Napping>> = Vec::new();
        for model in table.endpoints.values().filter_map(|e| e.models.as_ref().ok()).flatten() {
            // The same model behind two endpoints counts once.
            if model.nap.is_awake() && !awake.iter().any(|known| Arc::ptr_eq(known, &model.nap)) {
                awake.push(Arc::clone(&model.nap));
            }
        }
        if let Some(longest) = config.idle_unload {
            awake.retain(|nap| {
                let keep = nap.idle() < longest;
                if !keep {
                    nap.sleep();
                }
                keep
            });
        }
        if let Some(memory) = config.memory {
            awake.sort_by_key(|nap| nap.idle());
            let mut total: u64 = awake.iter().map(|nap| nap.bytes).sum();
            // The one that was asked last stays, however large it is.
            while total > memory && awake.len() > 1 {
                let Some(oldest) = awake.pop() else { break };
                oldest.sleep();
                total -= oldest.bytes;
            }
        }
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

    #[test]
    fn a_sleeping_model_is_loaded_once_by_whoever_asks_first() {
        let loads = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&loads);
        let again: Again = Box::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(20));
            Ok(Arc::new(Nothing))
        });
        let nap = Napping::new(Arc::new(Nothing), 1, again);
        nap.run(&[], &[]).unwrap();
        assert_eq!(loads.load(Ordering::Relaxed), 0);
        nap.sleep();
        assert!(!nap.is_awake());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| nap.run(&[], &[]).unwrap());
            }
        });
        assert_eq!(loads.load(Ordering::Relaxed), 1);
        assert!(nap.is_awake());
    }
}
