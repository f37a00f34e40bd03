//! What model versions learned from, for serving's checks: monitors know it, and packages carry it.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use curation::rows::RowProfile;
use ledger::Ledger;
use serving::LearnedFrom;
use types::{Actor, Uid};

/// The rows that an endpoint's monitor compares its windows with; or what a served package carries.
#[derive(Clone, Debug)]
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
