//! What model versions learned from, for serving's checks: monitors know it, and packages carry it.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use curation::rows::RowProfile;
use ledger::Ledger;
use serving::LearnedFrom;
use types::{Actor, Uid};

/// The rows that an endpoint's monitor compares its windows with; or what a served package carries.
#[derive(Clone)]
pub struct Baselines {
    ledger: Ledger,
    packaged: Arc<OnceLock<Arc<RowProfile>>>,
}

impl Baselines {
    pub fn new(ledger: &Ledger) -> Self {
        Self { ledger: ledger.clone(), packaged: Arc::default() }
    }

    /// Where one package is served, its own profile answers for every version.
    pub fn package(&self, profile: RowProfile) {
        // A process serves one package.
        let _ = self.packaged.set(Arc::new(profile));
    }
}

impl std::fmt::Debug for Baselines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Baselines").field("packaged", &self.packaged.get().is_some()).finish_non_exhaustive()
    }
}

#[async_trait]
impl serving::Baselines for Baselines {
    async fn of(
        &self,
        actor: &Actor,
        endpoint: &str,
        model_version: Uid,
    ) -> Result<Option<LearnedFrom>, String> {
        if let Some(profile) = self.packaged.get() {
            return Ok(Some(LearnedFrom::Profile(Arc::clone(profile))));
        }
        let found = monitoring::baseline_of(&self.ledger, actor, endpoint, model_version).await;
        Ok(found.map_err(|e| e.to_string())?.map(LearnedFrom::Rows))
    }
}
