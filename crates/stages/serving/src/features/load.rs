//! Tables of features in memory, and the models that are fed from them.

use std::sync::Arc;

use types::{Actor, Uid};

use super::{FeatureLookup, FeatureSettings, Fed, KeyedTable};
use crate::endpoint::Key;
use crate::load::Loaded;
use crate::{Error, Serving};

/// Rows of a table in memory.
const MOST_ROWS: i64 = 20_000_000;

/// What an endpoint's settings say of features, with the table. Never changes; other settings make another.
pub(crate) struct Features {
    /// With the number of the version.
    pub settings: FeatureSettings,
    pub version: Uid,
    pub table: Arc<dyn FeatureLookup>,
}

impl Features {
    /// `people version 3`
    pub fn name(&self) -> String {
        format!("{} version {}", self.settings.dataset, self.settings.version.unwrap_or_default())
    }
}

impl Serving {
    /// The features of an endpoint by its settings: what is in memory already, if it is the same.
    ///
    /// Errors: no such data set or version, `BadSettings` for a table that is not keyed so.
    pub(crate) async fn features_of(&self, actor: &Actor, key: &Key) -> Result<Option<Arc<Features>>, Error> {
        let settings = self.settings(key.0, &key.1).features;
        let Some(settings) = settings else {
            self.0.features.lock().remove(key);
            return Ok(None);
        };
        let features = self.features(actor, &key.1, settings).await?;
        self.0.features.lock().insert(key.clone(), Arc::clone(&features));
        Ok(Some(features))
    }

    /// Reads the table, unless it is in memory.
    pub(crate) async fn features(
        &self,
        actor: &Actor,
        endpoint: &str,
        settings: FeatureSettings,
    ) -> Result<Arc<Features>, Error> {
        let known = self.0.features.lock().get(&(actor.workspace, endpoint.to_owned())).cloned();
        let same = |settings: &FeatureSettings| known.clone().filter(|known| known.settings == *settings);
        if let Some(known) = same(&settings) {
            return Ok(known);
        }
        let bad = |message: String| Error::BadSettings { endpoint: endpoint.to_owned(), message };
        let ledger = &self.0.ledger;
        let version = match settings.version {
            Some(number) => datasets::version(ledger, actor, &settings.dataset, number).await?,
            None => datasets::latest(ledger, actor, &settings.dataset)
                .await?
                .ok_or_else(|| bad(format!("features: there is no data set `{}`", settings.dataset)))?,
        };
        if version.rows > MOST_ROWS {
            let rows = version.rows;
            return Err(bad(format!("features: {rows} rows; at most {MOST_ROWS} are kept in memory")));
        }
        let settings = FeatureSettings { version: Some(version.number), ..settings };
        if let Some(known) = same(&settings) {
            return Ok(known);
        }
        let name = format!("{} version {}", version.dataset, version.number);
        let table = datasets::table(&self.0.blobs, &version).await?;
        let key = settings.key.clone();
        let keyed = tokio::task::spawn_blocking(move || {
            KeyedTable::new(&table.without(&[datasets::ROW_ID]).map_err(|e| e.to_string())?, &key)
        });
        let keyed = keyed.await.map_err(|_| Error::Interrupted)?;
        let table = keyed.map_err(|why| bad(format!("features: {name}: {why}")))?;
        Ok(Arc::new(Features { settings, version: version.uid, table: Arc::new(table) }))
    }

    /// The models as callers see them: fed from the table, if the endpoint has features.
    ///
    /// Errors: `BadSettings` if they do not fit.
    pub(crate) fn fed(
        &self,
        endpoint: &str,
        features: Option<&Arc<Features>>,
        models: Vec<Arc<Loaded>>,
    ) -> Result<Vec<Arc<Loaded>>, Error> {
        let inner = models.into_iter().map(|model| model.inner());
        let Some(features) = features else { return Ok(inner.collect()) };
        let bad = |why: String| Error::BadSettings {
            endpoint: endpoint.to_owned(),
            message: format!("features: {why}"),
        };
        inner
            .map(|inner| {
                let fed = Fed::new(Arc::clone(features), inner).map_err(bad)?;
                Loaded::fed(fed).map(Arc::new).map_err(Error::from)
            })
            .collect()
    }
}
