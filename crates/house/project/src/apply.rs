//! Planning and applying on the server: from a project file to what each stage is told.

use automation::{Declaration, NewApply, Policy, Recipe};
use datasets::{Import, Source, SourceFile};
use pipelines::CodeSnapshot;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use types::{Actor, Digest, Uid};

use crate::context::{Context, Error};
use crate::{Action, Change, Dataset, Plan, Project, Request, Resource, Retrain, diff, parse, resources};

/// What applying did.
#[derive(Clone, Debug, Serialize)]
pub struct Applied {
    pub project: String,
    pub changes: Vec<Change>,
    pub datasets: Vec<AppliedDataset>,
    /// Trainings that were started.
    pub retrainings: Vec<Started>,
    pub links: Vec<Link>,
}

#[derive(Clone, Debug, Serialize)]
pub struct AppliedDataset {
    pub name: String,
    pub version: i64,
    pub uid: Uid,
}

#[derive(Clone, Debug, Serialize)]
pub struct Started {
    pub id: Uid,
    pub policy: String,
}

/// A page of the web app.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    pub title: String,
    pub href: String,
}

/// What applying would change; changes nothing.
pub async fn plan(context: &Context, actor: &Actor, request: Request) -> Result<Plan, Error> {
    let project = read(&request)?;
    plan_for(context, actor, &request, &project).await
}

fn read(request: &Request) -> Result<Project, Error> {
    let project = parse(crate::FILE_NAME, &request.text).map_err(Error::File)?;
    for path in crate::paths(&project) {
        if request.file(path).is_none() {
            return Err(Error::MissingFile { path: path.to_owned() });
        }
    }
    Ok(project)
}

async fn plan_for(
    context: &Context,
    actor: &Actor,
    request: &Request,
    project: &Project,
) -> Result<Plan, Error> {
    let wanted = resources(project, request);
    let declared = automation::declarations(&context.ledger, actor).await?;
    let elsewhere = |r: &Resource| {
        declared.iter().find(|d| d.project != project.project && d.kind == r.kind && d.name == r.name)
    };
    if let Some(taken) = wanted.iter().find_map(elsewhere) {
        let (kind, name, project) = (taken.kind.clone(), taken.name.clone(), taken.project.clone());
        return Err(automation::Error::Taken { kind, name, project }.into());
    }
    let standing: Vec<Resource> = declared
        .into_iter()
        .filter(|d| d.project == project.project)
        .map(|d| Resource { kind: d.kind, name: d.name, spec: d.spec })
        .collect();
    let changes = diff(&wanted, &standing);
    let mut missing: Vec<Digest> = Vec::new();
    for digest in request.files.iter().map(|f| f.digest).chain([request.code.digest]) {
        if !missing.contains(&digest) && !context.blobs.exists(&digest).await? {
            missing.push(digest);
        }
    }
    let mut first_training = Vec::new();
    for (name, endpoint) in &project.endpoints {
        let trained = first_recipe(request, project, name)?.is_some();
        if trained && behind_alias(context, actor, &endpoint.model, &endpoint.alias).await?.is_none() {
            first_training.push(name.clone());
        }
    }
    Ok(Plan { project: project.project.clone(), changes, missing, first_training })
}

/// The version that an alias points to; `None` also while there is no such model.
async fn behind_alias(
    context: &Context,
    actor: &Actor,
    model: &str,
    alias: &str,
) -> Result<Option<models::ModelVersion>, Error> {
    use types::Fault as _;
    match models::version_by_alias(&context.ledger, actor, model.to_owned(), alias.to_owned()).await {
        Ok(found) => Ok(found),
        Err(error) if error.class() == types::Class::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes the platform match the file. Applying the same file again changes nothing.
pub async fn apply(context: &Context, actor: &Actor, request: Request) -> Result<Applied, Error> {
    let project = read(&request)?;
    let plan = plan_for(context, actor, &request, &project).await?;
    if !plan.missing.is_empty() {
        return Err(Error::MissingBlobs(plan.missing));
    }
    let ledger = &context.ledger;
    let mut applied = Vec::new();
    for (name, dataset) in &project.datasets {
        applied.push(import(context, actor, &request, &project.project, name, dataset).await?);
    }
    for executor in project.executors.values() {
        pipelines::define_executor(ledger, actor, executor.clone()).await?;
    }
    for (name, pipeline) in &project.pipelines {
        let spec = json!({
            "name": name, "dataset": pipeline.dataset, "params": pipeline.params, "steps": pipeline.steps,
            "environments": project.environments, "executor": pipeline.executor, "deadline": pipeline.deadline,
        });
        pipelines::define(ledger, actor, spec_of("pipeline", name, spec)?).await?;
    }
    for (name, monitor) in &project.monitors {
        let mut spec = json!(monitor);
        spec["name"] = json!(name);
        monitoring::define(ledger, actor, spec_of("monitor", name, spec)?).await?;
    }
    for (name, endpoint) in &project.endpoints {
        // Those that are no longer declared go back to the usual ones; those that never were are the operator's.
        let declared = |key: &str| was_declared(&plan, name, key);
        let checks = endpoint.checks.clone().or_else(|| declared("checks").then(serving::Checks::default));
        if let Some(checks) = checks {
            context.serving.declare_checks(actor, name, checks).await?;
        }
        if endpoint.features.is_some() || declared("features") {
            Box::pin(context.serving.declare_features(actor, name, endpoint.features.clone())).await?;
        }
    }
    for (name, retrain) in &project.retrain {
        automation::define(ledger, actor, policy(&request, &project, name, retrain)?).await?;
    }
    for gone in plan.changes.iter().filter(|c| c.action == Action::Remove) {
        remove(context, actor, gone).await?;
    }
    let declarations = resources(&project, &request)
        .into_iter()
        .map(|r| Declaration { kind: r.kind, name: r.name, project: project.project.clone(), spec: r.spec })
        .collect();
    let record = NewApply {
        project: project.project.clone(),
        text: request.text.clone(),
        dir: request.dir.clone(),
        code: code(&request),
        declarations,
    };
    automation::record_apply(ledger, actor, record).await?;
    let mut retrainings = Vec::new();
    for (name, endpoint) in &project.endpoints {
        match behind_alias(context, actor, &endpoint.model, &endpoint.alias).await? {
            Some(version) => deploy_if_other(context, actor, name, version.uid).await?,
            None => {
                let Some((policy, recipe)) = first_recipe(&request, &project, name)? else { continue };
                let started =
                    automation::trigger_first(ledger, actor, policy, recipe, &project.project).await?;
                retrainings.push(Started { id: started.uid, policy: started.policy });
            }
        }
    }
    Ok(Applied {
        links: links(&project, &retrainings),
        project: project.project,
        changes: plan.changes,
        datasets: applied,
        retrainings,
    })
}

fn spec_of<T: DeserializeOwned>(kind: &'static str, name: &str, spec: Value) -> Result<T, Error> {
    serde_json::from_value(spec).map_err(|e| Error::Spec {
        kind,
        name: name.to_owned(),
        message: e.to_string(),
    })
}

fn code(request: &Request) -> CodeSnapshot {
    CodeSnapshot {
        digest: request.code.digest,
        git_commit: request.code.git_commit.clone(),
        git_diff_digest: request.code.git_diff_digest,
    }
}

fn expectations(name: &str, dataset: &Dataset) -> Result<Option<curation::Expectations>, Error> {
    dataset.expectations.as_ref().map(|declared| checked("dataset", name, declared)).transpose()
}

/// Declared expectations as `curation` checks them.
pub(crate) fn checked(
    kind: &'static str,
    name: &str,
    declared: &crate::Expectations,
) -> Result<curation::Expectations, Error> {
    let spec = |e: serde_json::Error| Error::Spec { kind, name: name.to_owned(), message: e.to_string() };
    Ok(curation::Expectations::parse(&serde_json::to_value(declared).map_err(spec)?)?)
}

async fn import(
    context: &Context,
    actor: &Actor,
    request: &Request,
    project: &str,
    name: &str,
    dataset: &Dataset,
) -> Result<AppliedDataset, Error> {
    let mut files = Vec::with_capacity(dataset.files.len());
    for path in &dataset.files {
        let file = request.file(path).ok_or_else(|| Error::MissingFile { path: path.clone() })?;
        let source = Source::Blob(file.digest);
        files.push(SourceFile { name: path.clone(), source, expected: Some(file.digest) });
    }
    let expectations = expectations(name, dataset)?;
    let gate = expectations
        .clone()
        .map(|e| curation::ExpectationGate::new(&context.ledger, &context.blobs, actor, e));
    let version = datasets::import(
        &context.ledger,
        &context.blobs,
        actor,
        Import {
            dataset: name.to_owned(),
            files,
            key: dataset.key.clone(),
            types: expectations.as_ref().map(curation::Expectations::types).unwrap_or_default(),
            schema: None,
            non_finite: datasets::NonFinite::Reject,
            gate: gate.as_ref().map(|g| g as &dyn datasets::Gate),
            origin: json!({ "project": project }),
            derived_from: Vec::new(),
        },
    )
    .await?;
    Ok(AppliedDataset { name: name.to_owned(), version: version.number, uid: version.uid })
}

fn policy(request: &Request, project: &Project, name: &str, retrain: &Retrain) -> Result<Policy, Error> {
    let seconds = |d: crate::Duration| i64::try_from(d.seconds()).unwrap_or(i64::MAX);
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Ok(Policy {
        name: name.to_owned(),
        on: retrain.on.clone(),
        triggers: retrain.triggers.clone().unwrap_or_default(),
        labels: retrain.labels.map(|l| automation::Labels { min: count(l.min), wait: seconds(l.wait) }),
        cooldown: retrain.cooldown.map(seconds),
        budget: retrain.budget.map(|b| automation::Budget { runs: count(b.runs), per: seconds(b.per) }),
        recipe: Recipe {
            rollout: retrain.rollout.clone(),
            ..recipe(
                request,
                project,
                &retrain.pipeline,
                Some(&retrain.gate),
                &retrain.promote.endpoint,
                &retrain.promote.alias,
            )?
        },
    })
}

fn recipe(
    request: &Request,
    project: &Project,
    pipeline: &str,
    gate: Option<&str>,
    endpoint: &str,
    alias: &str,
) -> Result<Recipe, Error> {
    let dataset = project.pipelines.get(pipeline).map(|p| p.dataset.clone());
    let declared = dataset.as_ref().and_then(|d| project.datasets.get(d).map(|found| (d, found)));
    let gate = gate.and_then(|g| project.gates.get(g).map(|found| (g, found)));
    let judged = match gate {
        Some((name, gate)) => {
            let mut spec = json!(gate);
            spec["name"] = json!(name);
            Some(spec_of::<automation::Gate>("gate", name, spec)?)
        }
        None => None,
    };
    Ok(Recipe {
        pipeline: pipeline.to_owned(),
        code: code(request),
        model: project.endpoints.get(endpoint).map(|e| e.model.clone()).unwrap_or_default(),
        dataset: dataset.clone(),
        expectations: match declared {
            Some((name, dataset)) => expectations(name, dataset)?,
            None => None,
        },
        label: gate.map(|(_, g)| g.label.clone()),
        gate: judged,
        alias: alias.to_owned(),
        endpoint: endpoint.to_owned(),
        rollout: None,
    })
}

/// How the first model of an endpoint is made: as its retraining policy says, or by the pipeline that registers
/// a version of its model, judged by the gate for that model.
///
/// `None` if the project has no way to make one: the endpoint then waits for a version from elsewhere.
fn first_recipe(
    request: &Request,
    project: &Project,
    name: &str,
) -> Result<Option<(Option<String>, Recipe)>, Error> {
    if let Some((policy, retrain)) = project.retrain.iter().find(|(_, r)| r.promote.endpoint == name) {
        let made = self::policy(request, project, policy, retrain)?.recipe;
        return Ok(Some((Some(policy.clone()), made)));
    }
    let endpoint = &project.endpoints[name];
    let registers =
        |steps: &[crate::Step]| steps.iter().any(|s| s.registers.as_deref() == Some(endpoint.model.as_str()));
    let pipeline = project.pipelines.iter().find(|(_, p)| registers(&p.steps)).map(|(n, _)| n.as_str());
    let Some(pipeline) = pipeline else { return Ok(None) };
    let gate = project.gates.iter().find(|(_, g)| g.model == endpoint.model).map(|(n, _)| n.as_str());
    Ok(Some((None, recipe(request, project, pipeline, gate, name, &endpoint.alias)?)))
}

/// Nothing, if the version has a share of the endpoint's traffic already: a split is the operator's.
async fn deploy_if_other(
    context: &Context,
    actor: &Actor,
    endpoint: &str,
    version: Uid,
) -> Result<(), Error> {
    let serves = context
        .serving
        .get(actor, endpoint)
        .is_ok_and(|view| view.revision.variants.iter().any(|v| v.model_version == version));
    if !serves {
        let variant = serving::NewVariant::new(version, 1.0);
        let deploy =
            serving::Deploy { endpoint: endpoint.to_owned(), variants: vec![variant], causes: Vec::new() };
        context.serving.deploy(actor, deploy).await?;
    }
    Ok(())
}

/// Data, models and endpoints stay: what is no longer declared is no longer managed.
async fn remove(context: &Context, actor: &Actor, gone: &Change) -> Result<(), Error> {
    use types::{Class, Fault as _};
    let (ledger, name) = (&context.ledger, gone.name.as_str());
    let result: Result<(), Error> = match gone.kind.as_str() {
        "retrain" => automation::remove(ledger, actor, name).await.map_err(Error::from),
        "monitor" => monitoring::remove(ledger, actor, name).await.map_err(Error::from),
        "executor" => pipelines::remove_executor(ledger, actor, name).await.map_err(Error::from),
        "pipeline" => pipelines::remove(ledger, actor, name).await.map_err(Error::from),
        _ => Ok(()),
    };
    match result {
        // Somebody removed it already.
        Err(error) if error.class() == Class::NotFound => Ok(()),
        other => other,
    }
}

fn links(project: &Project, retrainings: &[Started]) -> Vec<Link> {
    let link = |title: String, href: String| Link { title, href };
    let trainings = retrainings.iter().map(|r| link("training".into(), format!("/retrainings/{}", r.id)));
    let endpoints =
        project.endpoints.keys().map(|e| link(format!("endpoint {e}"), format!("/endpoints/{e}")));
    std::iter::once(link("the loop".into(), "/".into())).chain(trainings).chain(endpoints).collect()
}

/// Whether the plan changes what an endpoint says under this key, or takes it away.
fn was_declared(plan: &Plan, endpoint: &str, key: &str) -> bool {
    let of = |c: &&crate::Change| c.kind == "endpoint" && c.name == endpoint;
    plan.changes
        .iter()
        .filter(of)
        .flat_map(|c| &c.fields)
        .any(|f| f.path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}
