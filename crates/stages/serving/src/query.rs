use types::{Actor, Uid};

use crate::{EndpointView, Error, Revision, Serving, Traffic, VariantTraffic, store};

impl Serving {
    /// All endpoints of the workspace, by name.
    pub fn list(&self, actor: &Actor) -> Vec<EndpointView> {
        let table = self.0.table.load();
        let mut views: Vec<EndpointView> = table
            .endpoints
            .iter()
            .filter(|(key, _)| key.0 == actor.workspace)
            .map(|(key, endpoint)| endpoint.view(&key.1))
            .collect();
        views.sort_by(|a, b| a.name.cmp(&b.name));
        views
    }

    /// Errors: `NoEndpoint`.
    pub fn get(&self, actor: &Actor, name: &str) -> Result<EndpointView, Error> {
        let endpoint = self.endpoint(actor.workspace, name)?;
        Ok(endpoint.view(name))
    }

    /// The newest 100 revisions, newest first; also of an endpoint that was deleted.
    pub async fn revisions(&self, actor: &Actor, endpoint: &str) -> Result<Vec<Revision>, Error> {
        let name = endpoint.to_owned();
        Ok(self.0.ledger.read(actor.workspace, move |rx| store::revisions(rx, &name, 100)).await?)
    }

    pub async fn revision(&self, actor: &Actor, uid: Uid) -> Result<Option<Revision>, Error> {
        Ok(self.0.ledger.read(actor.workspace, move |rx| store::revision_by_uid(rx, uid)).await?)
    }

    /// Of each variant that serves now, in the revision's order. Errors: `NoEndpoint`.
    pub fn variant_traffic(&self, actor: &Actor, endpoint: &str) -> Result<Vec<VariantTraffic>, Error> {
        let found = self.endpoint(actor.workspace, endpoint)?;
        let now = self.0.ledger.clock().now();
        let each = found.revision.variants.iter().zip(&found.variant_stats);
        Ok(each
            .map(|(variant, stats)| VariantTraffic {
                endpoint: endpoint.to_owned(),
                variant: variant.clone(),
                traffic: stats.traffic(now),
            })
            .collect())
    }

    /// Since this server started; zeros for an endpoint that nobody asked.
    pub fn traffic(&self, actor: &Actor, endpoint: &str) -> Traffic {
        let key = (actor.workspace, endpoint.to_owned());
        let stats = self.0.stats.lock().get(&key).cloned();
        stats.map(|s| s.traffic(self.0.ledger.clock().now())).unwrap_or_default()
    }
}
