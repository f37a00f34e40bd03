use std::sync::Arc;
use std::time::Instant;

use ledger::Tx;
use serde_json::json;
use types::{Actor, Uid};

use crate::endpoint::{Endpoint, Key};
use crate::load::{Loaded, load};
use crate::{Deploy, Error, Revision, Serving, VariantView, store};

impl Serving {
    /// Load, warm up, write the revision, publish, drain. Until it is published the old revision answers, and a
    /// failure on the way leaves it untouched. Requests that run meanwhile end on the revision they started with.
    pub async fn deploy(&self, actor: &Actor, deploy: Deploy) -> Result<Revision, Error> {
        check(&deploy)?;
        let key: Key = (actor.workspace, deploy.endpoint.clone());
        let mut models = Vec::with_capacity(deploy.variants.len());
        for variant in &deploy.variants {
            models.push(self.loaded(actor, &key, variant.model_version).await?);
        }
        let views = views(&deploy, &models)?;

        let changing = self.0.changing.lock().await;
        let (endpoint, causes) = (deploy.endpoint.clone(), deploy.causes);
        let revision: Revision =
            self.0.ledger.write(actor, move |tx| commit(tx, &endpoint, &views, &causes)).await?;
        let old = self.publish(
            &key,
            Some(Endpoint {
                revision: Arc::new(revision.clone()),
                models: Ok(models),
                stats: self.stats(&key),
                tried_at: Instant::now(),
            }),
        );
        drop(changing);
        tracing::info!(endpoint = key.1, revision = revision.number, "deployed");
        if let Some(old) = old {
            self.drain(old).await;
        }
        Ok(revision)
    }

    /// Stops serving it. Its revisions and predictions stay.
    pub async fn delete(&self, actor: &Actor, endpoint: &str) -> Result<(), Error> {
        let changing = self.0.changing.lock().await;
        let name = endpoint.to_owned();
        self.0
            .ledger
            .write(actor, move |tx| {
                if !store::delete_endpoint(tx, &name)? {
                    return Err(Error::NoEndpoint(name.clone()));
                }
                Ok(tx.event("endpoint.deleted", &format!("endpoint:{name}"), json!({ "endpoint": name }))?)
            })
            .await?;
        let old = self.publish(&(actor.workspace, endpoint.to_owned()), None);
        drop(changing);
        if let Some(old) = old {
            self.drain(old).await;
        }
        Ok(())
    }

    /// The model of the serving revision if it is that version already, else loaded.
    pub(crate) async fn loaded(&self, actor: &Actor, key: &Key, version: Uid) -> Result<Arc<Loaded>, Error> {
        let serving = {
            let table = self.0.table.load();
            let models = table.endpoints.get(key).and_then(|e| e.models.as_ref().ok());
            models.and_then(|m| m.iter().find(|m| m.version == version).map(Arc::clone))
        };
        match serving {
            Some(model) => Ok(model),
            None => {
                let model = load(&self.0.ledger, &self.0.blobs, &self.0.runtime, actor, version).await?;
                Ok(Arc::new(model))
            }
        }
    }
}

fn check(deploy: &Deploy) -> Result<(), Error> {
    let name = &deploy.endpoint;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let good =
        name.len() <= 128 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain);
    if !good {
        return Err(Error::BadName(name.clone()));
    }
    let bad = |message: String| Error::BadVariants { endpoint: name.clone(), message };
    if deploy.variants.is_empty() {
        return Err(bad("no variants were given".into()));
    }
    if let Some(v) = deploy.variants.iter().find(|v| !v.weight.is_finite() || v.weight < 0.0) {
        return Err(bad(format!("the weight {} is not a number of 0 or more", v.weight)));
    }
    if deploy.variants.iter().map(|v| v.weight).sum::<f64>() <= 0.0 {
        return Err(bad("all weights are 0, so nobody would answer".into()));
    }
    Ok(())
}

fn views(deploy: &Deploy, models: &[Arc<Loaded>]) -> Result<Vec<VariantView>, Error> {
    let mut views: Vec<VariantView> = Vec::with_capacity(models.len());
    for (wish, model) in deploy.variants.iter().zip(models) {
        let name = wish.name.clone().unwrap_or_else(|| format!("{}-{}", model.model_name, model.number));
        if views.iter().any(|v| v.name == name) {
            let message = format!("two variants are named `{name}`");
            return Err(Error::BadVariants { endpoint: deploy.endpoint.clone(), message });
        }
        views.push(VariantView {
            name,
            model: model.model_name.clone(),
            version: model.number,
            model_version: model.version,
            digest: model.digest,
            weight: wish.weight,
        });
    }
    Ok(views)
}

fn commit(
    tx: &mut Tx<'_>,
    endpoint: &str,
    variants: &[VariantView],
    causes: &[(String, String, String)],
) -> Result<Revision, Error> {
    let revision = store::insert_revision(tx, endpoint, variants)?;
    let key = revision.uid.hex();
    let props = json!({ "endpoint": endpoint, "number": revision.number });
    let node = tx.node("endpoint_revision", &key, props)?;
    for variant in variants {
        let version = variant.model_version.hex();
        let props = json!({ "model": variant.model, "number": variant.version, "digest": variant.digest });
        let model = match tx.find_node("model_version", &version)? {
            Some(model) => model,
            None => tx.node("model_version", &version, props)?,
        };
        tx.edge(node, "deployed", model)?;
    }
    for (edge, kind, cause) in causes {
        if let Some(cause) = tx.find_node(kind, cause)? {
            tx.edge(node, edge, cause)?;
        }
    }
    let payload = json!({
        "endpoint": endpoint,
        "revision": key,
        "number": revision.number,
        "variants": variants,
    });
    tx.event("endpoint.deployed", &format!("endpoint:{endpoint}"), payload)?;
    Ok(revision)
}
