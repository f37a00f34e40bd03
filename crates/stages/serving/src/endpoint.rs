use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use types::WorkspaceId;

use crate::checks::Checker;
use crate::guard::Guard;
use crate::load::Loaded;
use crate::meter::Meter;
use crate::settings::Settings;
use crate::shadow::Tally;
use crate::stats::Stats;
use crate::{EndpointState, EndpointView, Error, Revision, Select, VariantView};

/// Labels that a rollout gives its sides.
pub(crate) const CANDIDATE: &str = "candidate";
pub(crate) const STABLE: &str = "stable";

pub(crate) type Key = (WorkspaceId, String);

/// Everything that answers, at one moment. Replaced as a whole, never changed.
#[derive(Default)]
pub(crate) struct ServingTable {
    pub endpoints: HashMap<Key, Arc<Endpoint>>,
}

/// One revision of one endpoint, ready.
pub(crate) struct Endpoint {
    pub revision: Arc<Revision>,
    /// In the order of the revision's variants; or why there are none.
    pub models: Result<Vec<Arc<Loaded>>, String>,
    pub stats: Arc<Stats>,
    /// One a variant, in the same order.
    pub variant_stats: Vec<Arc<Stats>>,
    /// Like `variant_stats`.
    pub meters: Vec<Meter>,
    /// Like `variant_stats`; `None` for models whose inputs are no columns.
    pub checkers: Vec<Option<Arc<Checker>>>,
    /// Like `variant_stats`; of shadows alone.
    pub tallies: Vec<Option<Arc<Tally>>>,
    pub settings: Arc<Settings>,
    pub guard: Arc<Guard>,
    /// When its models were loaded, or failed to.
    pub tried_at: Instant,
}

/// The variant that answers a request, with the endpoint that it belongs to.
#[derive(Clone)]
pub struct Target {
    pub revision: Arc<Revision>,
    pub variant: usize,
    pub model: Arc<Loaded>,
}

impl Target {
    /// The variant's name.
    pub fn name(&self) -> &str {
        self.revision.variants.get(self.variant).map_or("", |v| v.name.as_str())
    }
}

impl Endpoint {
    pub fn checker(&self, variant: usize) -> Option<&Arc<Checker>> {
        self.checkers.get(variant)?.as_ref()
    }

    /// Who answers instead when this variant fails: a candidate's failures are not the callers'.
    pub fn instead_of(&self, variant: usize) -> Option<usize> {
        let has = |v: &VariantView, label: &str| v.labels.iter().any(|l| l == label);
        let variants = &self.revision.variants;
        if !variants.get(variant).is_some_and(|v| has(v, CANDIDATE)) {
            return None;
        }
        let mut stable = variants.iter().enumerate().filter(|(_, v)| has(v, STABLE) && !v.shadow);
        let first = stable.next()?;
        Some(stable.fold(first, |best, v| if v.1.weight > best.1.weight { v } else { best }).0)
    }

    /// The variant with the most traffic, for metadata.
    pub fn main(&self) -> usize {
        let answering = self.revision.variants.iter().enumerate().filter(|(_, v)| !v.shadow);
        answering.max_by(|a, b| a.1.weight.total_cmp(&b.1.weight)).map_or(0, |(index, _)| index)
    }

    pub fn shadows(&self) -> impl Iterator<Item = usize> {
        self.revision.variants.iter().enumerate().filter(|(_, v)| v.shadow).map(|(index, _)| index)
    }

    pub fn state(&self) -> EndpointState {
        match &self.models {
            Ok(_) => EndpointState::Serving,
            Err(reason) => EndpointState::Failed(reason.clone()),
        }
    }

    pub fn view(&self, name: &str) -> EndpointView {
        let models = self.models.as_deref().unwrap_or_default();
        EndpointView {
            name: name.to_owned(),
            revision: self.revision.as_ref().clone(),
            state: self.state(),
            runtimes: models.iter().map(|model| model.view()).collect(),
        }
    }

    /// A routing key always leads to the same variant of a revision, and, while weights change, away from it only once.
    pub fn target(&self, select: Select<'_>, routing_key: Option<&str>) -> Result<Target, Error> {
        let models = self.models.as_ref().map_err(|reason| Error::NotServing {
            endpoint: self.revision.endpoint.clone(),
            reason: reason.clone(),
        })?;
        let variant = match select {
            Select::Version(version) => self.by_version(version)?,
            Select::Label(label) => self.by_label(label)?,
            Select::Any => self.by_weight(match routing_key {
                Some(key) => share(&self.revision.endpoint, key),
                None => rand::random::<f64>(),
            }),
        };
        self.of(models, variant)
    }

    /// The variant at this place.
    pub fn of(&self, models: &[Arc<Loaded>], variant: usize) -> Result<Target, Error> {
        let model = models.get(variant).ok_or_else(|| Error::NotServing {
            endpoint: self.revision.endpoint.clone(),
            reason: "it has no variants".into(),
        })?;
        Ok(Target { revision: Arc::clone(&self.revision), variant, model: Arc::clone(model) })
    }

    fn by_version(&self, version: &str) -> Result<usize, Error> {
        let variants = &self.revision.variants;
        let found = variants.iter().position(|v| v.version.to_string() == version);
        found.ok_or_else(|| {
            let known: Vec<String> = variants.iter().map(|v| format!("`{}`", v.version)).collect();
            Error::NoVersion {
                endpoint: self.revision.endpoint.clone(),
                version: version.to_owned(),
                known: known.join(", "),
            }
        })
    }

    fn by_label(&self, label: &str) -> Result<usize, Error> {
        let variants = &self.revision.variants;
        let named = variants.iter().position(|v| v.name == label);
        let found = named.or_else(|| variants.iter().position(|v| v.labels.iter().any(|l| l == label)));
        found.ok_or_else(|| {
            let known = variants.iter().flat_map(|v| std::iter::once(&v.name).chain(&v.labels));
            let known: Vec<String> = known.map(|word| format!("`{word}`")).collect();
            Error::NoVariant {
                endpoint: self.revision.endpoint.clone(),
                label: label.to_owned(),
                known: known.join(", "),
            }
        })
    }

    /// `point` in 0..1 falls into the part of a variant, parts being as long as weights.
    fn by_weight(&self, point: f64) -> usize {
        let variants = &self.revision.variants;
        let total: f64 = variants.iter().filter(|v| !v.shadow).map(|v| v.weight).sum();
        let mut left = point * total;
        let mut last = 0;
        for (index, variant) in variants.iter().enumerate().filter(|(_, v)| v.weight > 0.0 && !v.shadow) {
            last = index;
            if left < variant.weight {
                break;
            }
            left -= variant.weight;
        }
        last
    }
}

/// FNV-1a of endpoint and key, as a number in 0..1. Stable over processes and machines.
fn share(endpoint: &str, key: &str) -> f64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in endpoint.bytes().chain([0]).chain(key.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // FNV's low bits are poor: mix, as SplitMix64 does.
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routing_keys_spread_evenly_and_stay() {
        let mut low = 0;
        for i in 0..10_000 {
            let key = format!("patient-{i}");
            assert_eq!(share("visits", &key).to_bits(), share("visits", &key).to_bits());
            if share("visits", &key) < 0.1 {
                low += 1;
            }
        }
        assert!((900..1100).contains(&low), "{low} of 10000 fall into a tenth");
    }
}
