use serde::{Deserialize, Serialize};
use serde_json::json;
use types::{Actor, WorkspaceId};

use crate::endpoint::{Endpoint, Key};
use crate::features::FeatureSettings;
use crate::{Checks, Deploy, Error, RecordSettings, Serving, VariantView, store};

/// How an endpoint answers, whichever revision serves. All limits are per server process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Who may ask, as actors are written (`user:ann`); empty: everybody who may predict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<String>,
    /// Requests of all callers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Requests of each caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_caller: Option<Rate>,
    /// Rows that each caller may have predicted in a day (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily_rows_per_caller: Option<u64>,
    /// Answers to the same inputs are remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheSettings>,
    /// Requests are run together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batching: Option<Batching>,
    /// Which inputs are looked up by a key that callers send instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<FeatureSettings>,
    /// What every row is checked for before it is predicted, and what follows.
    #[serde(skip_serializing_if = "Checks::is_default")]
    pub checks: Checks,
    /// What of the predictions is recorded.
    #[serde(skip_serializing_if = "RecordSettings::is_default")]
    pub record: RecordSettings,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub per_second: f64,
    /// Requests that may come at once after a pause; at least 1.
    pub burst: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheSettings {
    pub seconds: u64,
    /// Requests that are remembered; the oldest go first.
    pub entries: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batching {
    /// Rows of one run.
    pub most_rows: usize,
    /// How long a request may wait for others, in milliseconds. It waits only while that is expected to pay.
    pub longest_wait_ms: u64,
}

impl Settings {
    fn check(&self) -> Result<(), &'static str> {
        self.record.check()?;
        self.features.as_ref().map_or(Ok(()), FeatureSettings::check)?;
        let good = |rate: &Rate| rate.per_second.is_finite() && rate.per_second > 0.0 && rate.burst >= 1.0;
        if !self.rate.iter().chain(&self.rate_per_caller).all(good) {
            return Err("a rate needs per_second above 0 and a burst of 1 or more");
        }
        if self.cache.is_some_and(|c| c.seconds == 0 || c.entries == 0 || c.entries > 1_000_000) {
            return Err("a cache needs at least 1 second and 1 to 1000000 entries");
        }
        if self.batching.is_some_and(|b| b.most_rows < 2 || b.longest_wait_ms > 10_000) {
            return Err("batching needs most_rows of 2 or more and waits of at most 10000 ms");
        }
        self.checks.check()
    }
}

impl Serving {
    /// What an endpoint was given; the default for one that was given nothing.
    pub fn settings(&self, workspace: WorkspaceId, endpoint: &str) -> Settings {
        let known = self.0.settings.lock();
        known.get(&(workspace, endpoint.to_owned())).map(|s| s.as_ref().clone()).unwrap_or_default()
    }

    /// Counts from the next request on; other features make another revision of the same variants.
    ///
    /// Errors: `NoEndpoint`, `BadSettings`, also where models and features do not fit, or a rollout is on its way.
    pub async fn change_settings(
        &self,
        actor: &Actor,
        endpoint: &str,
        settings: Settings,
    ) -> Result<(), Error> {
        let bad =
            |message: &str| Error::BadSettings { endpoint: endpoint.to_owned(), message: message.to_owned() };
        settings.check().map_err(bad)?;
        self.endpoint(actor.workspace, endpoint)?;
        self.take_settings(actor, endpoint, settings).await
    }

    /// Sets the features alone, also of an endpoint that is yet to be deployed; the same again changes nothing, unless a version
    /// is left out and there is a newer one. Errors: like [`Serving::change_settings`].
    pub async fn declare_features(
        &self,
        actor: &Actor,
        endpoint: &str,
        features: Option<FeatureSettings>,
    ) -> Result<(), Error> {
        let settings = Settings { features, ..self.settings(actor.workspace, endpoint) };
        let bad =
            |message: &str| Error::BadSettings { endpoint: endpoint.to_owned(), message: message.to_owned() };
        settings.check().map_err(bad)?;
        self.take_settings(actor, endpoint, settings).await
    }

    /// Keeps them, if they are others; what serves must fit features that are new.
    async fn take_settings(&self, actor: &Actor, endpoint: &str, wish: Settings) -> Result<(), Error> {
        let before = self.settings(actor.workspace, endpoint);
        let features = match wish.features {
            Some(wish) => Some(self.features(actor, endpoint, wish).await?),
            None => None,
        };
        let settings = Settings { features: features.as_ref().map(|f| f.settings.clone()), ..wish };
        if settings == before {
            return Ok(());
        }
        if settings.features == before.features {
            return self.keep_settings(actor, endpoint, settings).await;
        }
        // Only looked at: whoever holds an endpoint keeps the deployment that replaces it waiting.
        let serving = self
            .endpoint(actor.workspace, endpoint)
            .ok()
            .map(|found| (found.revision.variants.clone(), found.models.clone()));
        if let Some((_, Ok(models))) = serving.clone() {
            self.fed(endpoint, features.as_ref(), models)?;
            let rollout = self.rollout(actor, endpoint).await?;
            if rollout.is_some_and(|rollout| rollout.state.is_active()) {
                let message = "its features cannot change during a rollout".to_owned();
                return Err(Error::BadSettings { endpoint: endpoint.to_owned(), message });
            }
        }
        if let Some(features) = features {
            self.0.features.lock().insert((actor.workspace, endpoint.to_owned()), features);
        }
        self.keep_settings(actor, endpoint, settings).await?;
        let Some((variants, _)) = serving else { return Ok(()) };
        let variants = variants.iter().map(VariantView::again).collect();
        let deploy = Deploy { endpoint: endpoint.to_owned(), variants, causes: Vec::new() };
        Box::pin(self.put(actor, deploy, None)).await.map(drop)
    }

    /// Sets the checks alone, also of an endpoint that is yet to be deployed; the same again changes nothing.
    /// Errors: `BadSettings`.
    pub async fn declare_checks(&self, actor: &Actor, endpoint: &str, checks: Checks) -> Result<(), Error> {
        let settings = self.settings(actor.workspace, endpoint);
        if settings.checks == checks {
            return Ok(());
        }
        let settings = Settings { checks, ..settings };
        let bad =
            |message: &str| Error::BadSettings { endpoint: endpoint.to_owned(), message: message.to_owned() };
        settings.check().map_err(bad)?;
        self.keep_settings(actor, endpoint, settings).await
    }

    async fn keep_settings(&self, actor: &Actor, endpoint: &str, settings: Settings) -> Result<(), Error> {
        let _changing = self.0.changing.lock().await;
        let (name, kept) = (endpoint.to_owned(), settings.clone());
        self.0
            .ledger
            .write(actor, move |tx| {
                store::save_settings(tx, &name, &kept)?;
                let payload = json!({ "endpoint": name, "settings": kept });
                tx.event("endpoint.settings_changed", &format!("endpoint:{name}"), payload)?;
                Ok::<_, Error>(())
            })
            .await?;
        let key: Key = (actor.workspace, endpoint.to_owned());
        let settings = std::sync::Arc::new(settings);
        self.0.settings.lock().insert(key.clone(), std::sync::Arc::clone(&settings));
        self.0.guards.lock().remove(&key);
        let Ok(serving) = self.endpoint(actor.workspace, endpoint) else { return Ok(()) };
        let features = self.features_of(actor, &key).await?;
        let models = match serving.models.clone() {
            Ok(models) => Ok(self.fed(endpoint, features.as_ref(), models)?),
            Err(reason) => Err(reason),
        };
        if let Ok(models) = &models {
            self.learn(actor, &key, models).await;
        }
        let again = self.made(&key, serving.revision.as_ref().clone(), models);
        self.publish(&key, Some(Endpoint { tried_at: serving.tried_at, ..again }));
        Ok(())
    }
}
