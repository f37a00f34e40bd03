use ledger::{Ledger, Tx};
use pipelines::CodeSnapshot;
use serde::Serialize;
use serde_json::{Value, json};
use types::{Actor, Digest, Timestamp};

use crate::{Error, store};

/// One declared thing of an applied project.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Declaration {
    /// `dataset`, `environment`, `pipeline`, `gate`, `endpoint`, `monitor` or `retrain`.
    pub kind: String,
    pub name: String,
    pub project: String,
    pub spec: Value,
}

/// A project as it was applied last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AppliedProject {
    pub name: String,
    pub text: String,
    pub dir: String,
    pub code: CodeSnapshot,
    pub applied_at: Timestamp,
    pub applied_by: String,
}

/// A project that the platform matches now.
#[derive(Clone, Debug)]
pub struct NewApply {
    pub project: String,
    pub text: String,
    pub dir: String,
    pub code: CodeSnapshot,
    /// All of them: what stood before and is not among these is no longer declared.
    pub declarations: Vec<Declaration>,
}

/// Keeps what was applied, as the state that the next plan starts from. Errors: `Taken`.
pub async fn record_apply(ledger: &Ledger, actor: &Actor, apply: NewApply) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            for standing in store::projects::declarations(tx)? {
                let same = |d: &&Declaration| d.kind == standing.kind && d.name == standing.name;
                if standing.project != apply.project && apply.declarations.iter().any(|d| same(&d)) {
                    let Declaration { kind, name, project, .. } = standing;
                    return Err(Error::Taken { kind, name, project });
                }
            }
            store::projects::put(tx, &apply)?;
            let payload = json!({
                "project": apply.project,
                "file": Digest::of(&apply.text),
                "code": apply.code.digest,
                "git_commit": apply.code.git_commit,
                "declarations": apply.declarations.len(),
            });
            Ok(tx.event("project.applied", &format!("project:{}", apply.project), payload)?)
        })
        .await
}

/// Of every project, by kind and name.
pub async fn declarations(ledger: &Ledger, actor: &Actor) -> Result<Vec<Declaration>, Error> {
    Ok(ledger.read(actor.workspace, |rx| store::projects::declarations(rx)).await?)
}

/// What the project that declares a dataset asks of its files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeclaredDataset {
    pub key: Option<String>,
    pub expectations: Option<curation::Expectations>,
}

/// `None` if no project declares the dataset. Errors: curation's, if what was declared cannot be read any more.
pub async fn declared_dataset(
    ledger: &Ledger,
    actor: &Actor,
    name: &str,
) -> Result<Option<DeclaredDataset>, Error> {
    let declared = declarations(ledger, actor).await?;
    let Some(found) = declared.into_iter().find(|d| d.kind == "dataset" && d.name == name) else {
        return Ok(None);
    };
    let expectations = match &found.spec["expectations"] {
        Value::Null => None,
        value => Some(curation::Expectations::parse(value)?),
    };
    Ok(Some(DeclaredDataset { key: found.spec["key"].as_str().map(str::to_owned), expectations }))
}

/// Last applied first.
pub async fn projects(ledger: &Ledger, actor: &Actor) -> Result<Vec<AppliedProject>, Error> {
    Ok(ledger.read(actor.workspace, |rx| store::projects::list(rx)).await?)
}
