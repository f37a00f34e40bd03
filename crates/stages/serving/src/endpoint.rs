use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use types::WorkspaceId;

use crate::load::Loaded;
use crate::stats::Stats;
use crate::{EndpointState, Error, Revision};

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
    pub fn state(&self) -> EndpointState {
        match &self.models {
            Ok(_) => EndpointState::Serving,
            Err(reason) => EndpointState::Failed(reason.clone()),
        }
    }

    /// `version` is the number of a model version. A routing key always leads to the same variant of a revision.
    pub fn target(&self, version: Option<&str>, routing_key: Option<&str>) -> Result<Target, Error> {
        let models = self.models.as_ref().map_err(|reason| Error::NotServing {
            endpoint: self.revision.endpoint.clone(),
            reason: reason.clone(),
        })?;
        let variant = match version {
            Some(version) => self.by_version(version)?,
            None => self.by_weight(match routing_key {
                Some(key) => share(&self.revision.endpoint, key),
                None => rand::random::<f64>(),
            }),
        };
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

    /// `point` in 0..1 falls into the part of a variant, parts being as long as weights.
    fn by_weight(&self, point: f64) -> usize {
        let variants = &self.revision.variants;
        let total: f64 = variants.iter().map(|v| v.weight).sum();
        let mut left = point * total;
        let mut last = 0;
        for (index, variant) in variants.iter().enumerate().filter(|(_, v)| v.weight > 0.0) {
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
