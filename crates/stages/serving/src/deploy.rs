use std::sync::Arc;

use ledger::Tx;
use serde_json::json;
use types::{Actor, Uid};

use crate::endpoint::Key;
use crate::load::{GraphError, Loaded, load, load_any};
use crate::rollout::{Rollout, RolloutState};
use crate::{Deploy, Error, NewVariant, Revision, Serving, VariantView, rollout, store};

/// A rollout that a deployment carries out, recorded with it.
pub(crate) struct Change {
    pub rollout: Rollout,
    pub kind: &'static str,
}

impl Serving {
    /// Pass the gates, load, warm up, write the revision, publish, drain. Until it is published the old revision answers, and a
    /// failure on the way leaves it untouched. Requests that run meanwhile end on the revision they started with.
    /// It ends a rollout of the endpoint.
    pub async fn deploy(&self, actor: &Actor, deploy: Deploy) -> Result<Revision, Error> {
        self.put(actor, deploy, None).await
    }

    pub(crate) async fn put(
        &self,
        actor: &Actor,
        deploy: Deploy,
        change: Option<Change>,
    ) -> Result<Revision, Error> {
        check(&deploy)?;
        let key: Key = (actor.workspace, deploy.endpoint.clone());
        let mut models = Vec::with_capacity(deploy.variants.len());
        for variant in &deploy.variants {
            let versions: Vec<Uid> = match &variant.graph {
                Some(graph) => graph.members().map(|member| member.model_version).collect(),
                None => vec![variant.model_version],
            };
            for version in versions {
                self.admit(actor, version).await?;
            }
            models.push(self.loaded(actor, &key, variant, false).await?);
        }
        let features = self.features_of(actor, &key).await?;
        let models = self.fed(&key.1, features.as_ref(), models)?;
        let views = views(&deploy, &models)?;
        self.learn(actor, &key, &models).await;

        let changing = self.0.changing.lock().await;
        let (endpoint, mut causes) = (deploy.endpoint.clone(), deploy.causes);
        // What it looks up is part of what it is.
        causes.extend(features.map(|f| ("looks_up".into(), "dataset_version".into(), f.version.hex())));
        let revision: Revision = self
            .0
            .ledger
            .write(actor, move |tx| commit(tx, &endpoint, &views, &causes, change.as_ref()))
            .await?;
        let old = self.publish(&key, Some(self.made(&key, revision.clone(), Ok(models))));
        self.0.rollouts.lock().remove(&key);
        drop(changing);
        tracing::info!(endpoint = key.1, revision = revision.number, "deployed");
        self.let_sleep();
        for version in revision.variants.iter().flat_map(VariantView::versions) {
            self.judge_later(actor, version);
        }
        if let Some(old) = old {
            self.drain(old).await;
        }
        Ok(revision)
    }

    /// Deploys the newest version of a registered model as an endpoint of the model's name, unless that serves already.
    ///
    /// Errors: no such model, a model without versions, and whatever keeps it from being loaded.
    pub async fn deploy_newest(&self, actor: &Actor, model: &str) -> Result<(), Error> {
        match self.endpoint(actor.workspace, model) {
            Ok(endpoint) if endpoint.models.is_ok() => return Ok(()),
            // What it serves already, once more.
            Ok(endpoint) => {
                let variants = endpoint.revision.variants.iter().map(VariantView::again).collect();
                drop(endpoint);
                let deploy = Deploy { endpoint: model.to_owned(), variants, causes: Vec::new() };
                return self.put(actor, deploy, None).await.map(drop);
            }
            Err(_) => {}
        }
        let found = models::get(&self.0.ledger, actor, model.to_owned()).await?;
        let newest = found.versions.iter().filter(|v| !v.deleted).max_by_key(|v| v.number);
        let Some(newest) = newest else {
            return Err(Error::NotServable {
                model: model.to_owned(),
                number: 0,
                reason: "it has no versions",
            });
        };
        let variants = vec![NewVariant::new(newest.uid, 1.0)];
        let deploy = Deploy { endpoint: model.to_owned(), variants, causes: Vec::new() };
        self.put(actor, deploy, None).await.map(drop)
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

    /// What the variant is to be answered by: as the serving revision has it, where that may serve it still, else loaded.
    pub(crate) async fn loaded(
        &self,
        actor: &Actor,
        key: &Key,
        variant: &NewVariant,
        lazy: bool,
    ) -> Result<Arc<Loaded>, Error> {
        let Some(graph) = &variant.graph else {
            return self.one_loaded(actor, key, variant.model_version, lazy).await;
        };
        let same = |m: &&Arc<Loaded>| m.graph.as_ref().is_some_and(|(of, _)| of == graph);
        if let Some(model) = self.serving_now(key).iter().find(same)
            && !self.0.judging.refuses(actor.workspace, model)
        {
            return Ok(Arc::clone(model));
        }
        let mut parts = Vec::new();
        for member in graph.members() {
            parts.push(self.one_loaded(actor, key, member.model_version, lazy).await?);
        }
        let (linked, name) = (graph.clone(), graph.shown());
        let made = tokio::task::spawn_blocking(move || Loaded::of_graph(linked, parts));
        let made = made.await.map_err(|_| Error::Interrupted)?;
        made.map(Arc::new).map_err(|error| match error {
            GraphError::Form(message) => {
                Error::BadVariants { endpoint: key.1.clone(), message: format!("graph {name}: {message}") }
            }
            GraphError::Run(source) => Error::GraphWarmUp { graph: name, source },
        })
    }

    fn serving_now(&self, key: &Key) -> Vec<Arc<Loaded>> {
        let table = self.0.table.load();
        let models = table.endpoints.get(key).and_then(|e| e.models.as_ref().ok());
        models.into_iter().flatten().map(|model| Arc::clone(model).inner()).collect()
    }

    async fn one_loaded(
        &self,
        actor: &Actor,
        key: &Key,
        version: Uid,
        lazy: bool,
    ) -> Result<Arc<Loaded>, Error> {
        let good = |m: &&Arc<Loaded>| {
            m.graph.is_none() && m.version == version && !self.0.judging.refuses(actor.workspace, m)
        };
        let serving = self.serving_now(key);
        let parts = serving.iter().flat_map(|m| m.graph.iter().flat_map(|(_, parts)| parts));
        if let Some(model) = serving.iter().chain(parts).find(good) {
            return Ok(Arc::clone(model));
        }
        let (ledger, blobs, woken) = (&self.0.ledger, &self.0.blobs, Arc::clone(&self.0.woken));
        let model = match &self.0.config.engines {
            Some(engines) => load_any(self, engines, actor, version, lazy).await?,
            None => load(ledger, blobs, &self.0.runtime, actor, version, woken).await?,
        };
        Ok(Arc::new(model))
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
    let wordy = |label: &String| label.is_empty() || label.len() > 128 || label.contains(char::is_whitespace);
    if let Some(label) = deploy.variants.iter().flat_map(|v| &v.labels).find(|label| wordy(label)) {
        return Err(bad(format!("`{label}` cannot be a label: 1 to 128 characters without spaces")));
    }
    for graph in deploy.variants.iter().filter_map(|v| v.graph.as_ref()) {
        graph.check().map_err(bad)?;
    }
    if let Some(v) = deploy.variants.iter().find(|v| !v.weight.is_finite() || v.weight < 0.0) {
        return Err(bad(format!("the weight {} is not a number of 0 or more", v.weight)));
    }
    if deploy.variants.iter().filter(|v| !v.shadow).map(|v| v.weight).sum::<f64>() <= 0.0 {
        return Err(bad("all weights are 0, so nobody would answer".into()));
    }
    Ok(())
}

fn views(deploy: &Deploy, models: &[Arc<Loaded>]) -> Result<Vec<VariantView>, Error> {
    let mut views: Vec<VariantView> = Vec::with_capacity(models.len());
    for (wish, model) in deploy.variants.iter().zip(models) {
        let usual = || match &wish.graph {
            Some(_) => "graph".to_owned(),
            None => format!("{}-{}", model.model_name, model.number),
        };
        let name = wish.name.clone().unwrap_or_else(usual);
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
            graph: wish.graph.clone(),
            weight: wish.weight,
            labels: wish.labels.clone(),
            shadow: wish.shadow,
        });
    }
    Ok(views)
}

fn commit(
    tx: &mut Tx<'_>,
    endpoint: &str,
    variants: &[VariantView],
    causes: &[(String, String, String)],
    change: Option<&Change>,
) -> Result<Revision, Error> {
    let active = store::active_rollout(tx, endpoint)?;
    match change {
        Some(change) => {
            follows(endpoint, active.as_ref(), change)?;
            store::save_rollout(tx, &change.rollout)?;
            tx.event(change.kind, &format!("endpoint:{endpoint}"), rollout::told(&change.rollout))?;
        }
        None => {
            if let Some(mut over) = active {
                over.state = RolloutState::Aborted;
                over.reason = Some("another deployment took its place".into());
                store::save_rollout(tx, &over)?;
                tx.event("rollout.aborted", &format!("endpoint:{endpoint}"), rollout::told(&over))?;
            }
        }
    }
    let revision = store::insert_revision(tx, endpoint, variants)?;
    let key = revision.uid.hex();
    let props = json!({ "endpoint": endpoint, "number": revision.number });
    let node = tx.node("endpoint_revision", &key, props)?;
    for variant in variants {
        for version in variant.versions() {
            let key = version.hex();
            let props = match &variant.graph {
                Some(_) => json!({}),
                None => {
                    json!({ "model": variant.model, "number": variant.version, "digest": variant.digest })
                }
            };
            let model = match tx.find_node("model_version", &key)? {
                Some(model) => model,
                None => tx.node("model_version", &key, props)?,
            };
            tx.edge(node, "deployed", model)?;
        }
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

/// Two servers, or a server and a person, may decide at once: only what follows from the recorded state is carried out.
fn follows(endpoint: &str, active: Option<&Rollout>, change: &Change) -> Result<(), Error> {
    let bad =
        |message: &str| Error::BadRollout { endpoint: endpoint.to_owned(), message: message.to_owned() };
    match (change.kind, active) {
        ("rollout.started", None) => Ok(()),
        ("rollout.started", Some(_)) => Err(bad("another one was started meanwhile")),
        (_, None) => Err(Error::NoRollout { endpoint: endpoint.to_owned() }),
        (_, Some(active)) if active.uid != change.rollout.uid => {
            Err(bad("another one was started meanwhile"))
        }
        ("rollout.advanced", Some(active)) if active.step + 1 != change.rollout.step => {
            Err(bad("it was advanced meanwhile"))
        }
        _ => Ok(()),
    }
}
