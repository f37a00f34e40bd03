//! What the checks hold rows against, learned when an endpoint is published and again now and then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use curation::rows::RowProfile;
use serde::Serialize;
use types::{Actor, Digest, Uid};

use super::Checker;
use crate::endpoint::{Endpoint, Key};
use crate::load::Loaded;
use crate::{Error, Serving};

/// How often it is asked again whether a version's training data are others.
const AGAIN: Duration = Duration::from_secs(60);

/// Where serving learns what a model version learned from. The program that composes the stages has the answer: monitors are a later
/// stage's.
#[async_trait]
pub trait Baselines: std::fmt::Debug + Send + Sync {
    /// `None` if nobody knows. Errors: why it cannot be told now.
    async fn of(
        &self,
        actor: &Actor,
        endpoint: &str,
        model_version: Uid,
    ) -> Result<Option<LearnedFrom>, String>;
}

/// Training data, or what they looked like.
#[derive(Clone, Debug)]
pub enum LearnedFrom {
    /// A Parquet blob.
    Rows(Digest),
    Profile(Arc<RowProfile>),
}

/// The answer about one model version of one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Learned {
    digest: Option<Digest>,
    ignored: Vec<String>,
    pub profile: Option<Arc<RowProfile>>,
    pub problem: Option<String>,
    at: Instant,
}

/// What one variant's rows are held against.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckedVariant {
    pub variant: String,
    /// Rows of the training data; `None` where they are not known, so that only `schema` and `personal` are looked at.
    pub baseline_rows: Option<u64>,
    /// Columns of the model that the training data have.
    pub columns: Vec<String>,
    /// Columns that novelty is measured by.
    pub novelty_columns: Vec<String>,
    /// The squared distance above which a row is novel.
    pub novelty_above: Option<f64>,
    /// The share of usual rows that this lets be called novel.
    pub novelty_rate: Option<f64>,
    pub problem: Option<String>,
}

impl Serving {
    /// Learns what the models' rows are held against; whether any of it is new. That it is not known is no error: the checks that need
    /// no training data are made all the same.
    pub(crate) async fn learn(&self, actor: &Actor, key: &Key, models: &[Arc<Loaded>]) -> bool {
        let Some(baselines) = self.0.config.baselines.clone() else { return false };
        let ignored = self.settings(key.0, &key.1).checks.ignore;
        let mut new = false;
        for model in models.iter().filter(|m| m.tabular.is_some()) {
            let at = (key.clone(), model.checked_version());
            let known = self.0.learned.lock().get(&at).cloned();
            let fresh = |k: &Learned| k.ignored == ignored && k.profile.is_some() && k.at.elapsed() < AGAIN;
            if known.as_ref().is_some_and(fresh) {
                continue;
            }
            let found = self.ask(actor, key, model, baselines.as_ref(), &ignored, known.as_ref()).await;
            let learned = found.unwrap_or_else(|problem| {
                // What was known stays: an answer that does not come now changes no training data.
                let before = known.clone().filter(|k| k.ignored == ignored);
                let (digest, profile) = before.map_or((None, None), |k| (k.digest, k.profile));
                Learned {
                    digest,
                    ignored: ignored.clone(),
                    profile,
                    problem: Some(problem),
                    at: Instant::now(),
                }
            });
            let same = known.as_ref().is_some_and(|k| {
                k.problem == learned.problem
                    && match (&k.profile, &learned.profile) {
                        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                        (a, b) => a.is_none() && b.is_none(),
                    }
            });
            if let (Some(problem), false) = (&learned.problem, same) {
                tracing::warn!(
                    endpoint = key.1,
                    version = model.number,
                    problem,
                    "rows are checked without training data"
                );
            }
            new |= !same;
            self.0.learned.lock().insert(at, learned);
        }
        new
    }

    async fn ask(
        &self,
        actor: &Actor,
        key: &Key,
        model: &Loaded,
        baselines: &dyn Baselines,
        ignored: &[String],
        known: Option<&Learned>,
    ) -> Result<Learned, String> {
        let answer = baselines.of(actor, &key.1, model.checked_version()).await?;
        let learned = |digest, profile, problem| Learned {
            digest,
            ignored: ignored.to_vec(),
            profile,
            problem,
            at: Instant::now(),
        };
        let digest = match answer {
            None => return Ok(learned(None, None, None)),
            Some(LearnedFrom::Profile(profile)) => return Ok(learned(None, Some(profile), None)),
            Some(LearnedFrom::Rows(digest)) => digest,
        };
        if let Some(same) = known.filter(|k| k.digest == Some(digest) && k.ignored == ignored)
            && same.profile.is_some()
        {
            return Ok(learned(Some(digest), same.profile.clone(), None));
        }
        let bytes = self.0.blobs.get_bytes(&digest).await.map_err(|e| e.to_string())?;
        let names = names(model).into_iter().filter(|n| !ignored.contains(n)).collect::<Vec<_>>();
        let made = tokio::task::spawn_blocking(move || {
            let table = columns::read_parquet(&digest.to_string(), bytes, None)?;
            Ok::<_, Error>(RowProfile::of(&table, &names)?)
        });
        let profile = made.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        if profile.columns.is_empty() {
            return Err("the training data have none of the model's columns".into());
        }
        Ok(learned(Some(digest), Some(Arc::new(profile)), None))
    }

    /// The checks of each of these models, by what was learned; `None` for models whose inputs are no columns.
    pub(crate) fn checkers(&self, key: &Key, models: &[Arc<Loaded>]) -> Vec<Option<Arc<Checker>>> {
        let checks = self.settings(key.0, &key.1).checks;
        let mut learned = self.0.learned.lock();
        // Of versions that are gone.
        learned
            .retain(|(of, version), _| of != key || models.iter().any(|m| m.checked_version() == *version));
        let of = |model: &Arc<Loaded>| {
            model.tabular.as_ref()?;
            let known = learned.get(&(key.clone(), model.checked_version()));
            let profile = known.and_then(|k| k.profile.as_deref());
            Some(Arc::new(Checker::new(&key.1, &checks, names(model), profile)))
        };
        models.iter().map(of).collect()
    }

    /// Asks again what the models of every endpoint learned from, and publishes those again of which it has become known.
    pub async fn learn_again(&self) {
        let keys: Vec<Key> = self.0.table.load().endpoints.keys().cloned().collect();
        for key in keys {
            // Not the endpoint itself: whoever replaces it waits for the last one who holds it.
            let serving = self.0.table.load().endpoints.get(&key).map(|e| (e.revision.uid, e.models.clone()));
            let Some((revision, Ok(models))) = serving else { continue };
            let actor = Actor { workspace: key.0, ..Actor::system("serving") };
            if !self.learn(&actor, &key, &models).await {
                continue;
            }
            let _changing = self.0.changing.lock().await;
            let still = self.0.table.load().endpoints.get(&key).map(Arc::clone);
            // What was deployed meanwhile has learned for itself.
            if let Some(current) = still.filter(|c| c.revision.uid == revision) {
                let revision = current.revision.as_ref().clone();
                let again = self.made(&key, revision, current.models.clone());
                self.publish(&key, Some(Endpoint { tried_at: current.tried_at, ..again }));
            }
        }
    }

    /// What the rows of each variant are held against. Errors: `NoEndpoint`.
    pub fn checked(&self, actor: &Actor, endpoint: &str) -> Result<Vec<CheckedVariant>, Error> {
        let found = self.endpoint(actor.workspace, endpoint)?;
        let key: Key = (actor.workspace, endpoint.to_owned());
        let Ok(models) = &found.models else { return Ok(Vec::new()) };
        let learned = self.0.learned.lock();
        let each = found.revision.variants.iter().zip(models).zip(&found.checkers);
        Ok(each
            .map(|((variant, model), checker)| {
                let known = learned.get(&(key.clone(), model.checked_version()));
                let profile = known.and_then(|k| k.profile.as_ref());
                let novel = checker.as_ref().and_then(|c| c.novel());
                let novelty = profile.and_then(|p| p.novelty.as_ref()).filter(|_| novel.is_some());
                CheckedVariant {
                    variant: variant.name.clone(),
                    baseline_rows: profile.map(|p| p.rows),
                    columns: profile
                        .map(|p| p.columns.iter().map(|c| c.name.clone()).collect())
                        .unwrap_or_default(),
                    novelty_columns: novelty
                        .map(|n| n.columns.iter().map(|c| c.name.clone()).collect())
                        .unwrap_or_default(),
                    novelty_above: novel.map(|n| n.above),
                    novelty_rate: novel.map(|n| n.rate),
                    problem: known.and_then(|k| k.problem.clone()),
                }
            })
            .collect())
    }
}

fn names(model: &Loaded) -> Vec<String> {
    let columns = model.running().tabular.as_ref().map(|t| t.columns()).unwrap_or_default();
    columns.iter().map(|c| c.name.clone()).collect()
}
