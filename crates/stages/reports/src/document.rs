use ledger::Ledger;
use serde_json::{Value, json};
use types::{Actor, Digest, Timestamp, Uid};

use crate::{Error, store};

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Project,
    Report,
    Dataset,
    Artifact,
    ArtifactVersion,
}

/// A project, or something that belongs to one.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub uid: Uid,
    pub kind: Kind,
    /// Its own id, for a project.
    pub project: Uid,
    /// Of a version, its artifact; else the project.
    pub parent: Uid,
    pub name: String,
    pub body: Value,
    pub content: Option<Digest>,
    pub happened_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewDocument {
    /// Chosen by the server if `None`.
    pub uid: Option<Uid>,
    pub kind: Kind,
    /// `None` for a project.
    pub project: Option<Uid>,
    pub parent: Option<Uid>,
    pub name: String,
    pub body: Value,
    pub content: Option<Digest>,
    /// Now if `None`.
    pub happened_at: Option<Timestamp>,
}

/// What changes; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub name: Option<String>,
    pub body: Option<Value>,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Report => "report",
            Self::Dataset => "dataset",
            Self::Artifact => "artifact",
            Self::ArtifactVersion => "artifact_version",
        }
    }

    pub(crate) fn of(text: &str) -> Option<Self> {
        [Self::Project, Self::Report, Self::Dataset, Self::Artifact, Self::ArtifactVersion]
            .into_iter()
            .find(|k| k.name() == text)
    }
}

pub(crate) fn subject(kind: Kind, uid: Uid) -> String {
    format!("report_{}:{uid}", kind.name())
}

pub(crate) fn insert(tx: &mut ledger::Tx<'_>, new: NewDocument) -> Result<Document, Error> {
    let uid = new.uid.unwrap_or_else(|| tx.new_id());
    if store::find(tx, uid)?.is_some() {
        return Err(Error::Taken(uid));
    }
    let project = new.project.unwrap_or(uid);
    if new.kind != Kind::Project && store::find(tx, project)?.is_none_or(|p| p.kind != Kind::Project) {
        return Err(Error::NotFound { kind: Kind::Project, uid: project });
    }
    let now = tx.now();
    let document = Document {
        uid,
        kind: new.kind,
        project,
        parent: new.parent.unwrap_or(project),
        name: new.name,
        body: new.body,
        content: new.content,
        happened_at: new.happened_at.unwrap_or(now),
        created_at: now,
        updated_at: now,
    };
    store::insert(tx, &document)?;
    let payload = json!({ "project": project, "content": document.content });
    tx.event(&format!("report_{}.created", document.kind.name()), &subject(document.kind, uid), payload)?;
    Ok(document)
}

/// Errors: `Taken`; `NotFound` if its project does not exist.
pub async fn create(ledger: &Ledger, actor: &Actor, new: NewDocument) -> Result<Document, Error> {
    ledger.write(actor, move |tx| insert(tx, new.clone())).await
}

/// Errors: `NotFound`.
pub async fn document(ledger: &Ledger, actor: &Actor, kind: Kind, uid: Uid) -> Result<Document, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            store::find(rx, uid)?.filter(|d| d.kind == kind).ok_or(Error::NotFound { kind, uid })
        })
        .await
}

/// Of a project (or all projects, for `Kind::Project`), oldest first by when they happened.
pub async fn documents(
    ledger: &Ledger,
    actor: &Actor,
    kind: Kind,
    project: Option<Uid>,
) -> Result<Vec<Document>, Error> {
    ledger.read(actor.workspace, move |rx| store::list(rx, kind, project)).await
}

/// Every document of that name. Errors: none if there is none; the list is empty.
pub async fn named(
    ledger: &Ledger,
    actor: &Actor,
    kind: Kind,
    project: Option<Uid>,
    name: &str,
) -> Result<Vec<Document>, Error> {
    let name = name.to_owned();
    ledger.read(actor.workspace, move |rx| store::named(rx, kind, project, &name)).await
}

/// Errors: `NotFound`.
pub async fn update(
    ledger: &Ledger,
    actor: &Actor,
    kind: Kind,
    uid: Uid,
    change: Change,
) -> Result<Document, Error> {
    ledger
        .write(actor, move |tx| {
            let mut document =
                store::find(tx, uid)?.filter(|d| d.kind == kind).ok_or(Error::NotFound { kind, uid })?;
            document.updated_at = tx.now();
            document.name = change.name.clone().unwrap_or(document.name);
            document.body = change.body.clone().unwrap_or(document.body);
            store::update(tx, &document)?;
            tx.event(&format!("report_{}.updated", kind.name()), &subject(kind, uid), json!({}))?;
            Ok(document)
        })
        .await
}

/// The dashboard stands in the project's body, below `dashboard`. Errors: `NotFound`.
pub async fn save_dashboard(
    ledger: &Ledger,
    actor: &Actor,
    project: Uid,
    dashboard: Value,
) -> Result<Document, Error> {
    let kind = Kind::Project;
    ledger
        .write(actor, move |tx| {
            let found = store::find(tx, project)?.filter(|d| d.kind == kind);
            let mut document = found.ok_or(Error::NotFound { kind, uid: project })?;
            document.updated_at = tx.now();
            if let Some(body) = document.body.as_object_mut() {
                body.insert("dashboard".into(), dashboard.clone());
            }
            store::update(tx, &document)?;
            tx.event("report_project.dashboard_saved", &subject(kind, project), json!({}))?;
            Ok(document)
        })
        .await
}

/// With everything that belongs to it. Errors: `NotFound`.
pub async fn delete(ledger: &Ledger, actor: &Actor, kind: Kind, uid: Uid) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            let found = store::find(tx, uid)?.filter(|d| d.kind == kind);
            let document = found.ok_or(Error::NotFound { kind, uid })?;
            store::delete(tx, &document)?;
            let payload = json!({ "project": document.project });
            tx.event(&format!("report_{}.deleted", kind.name()), &subject(kind, uid), payload)?;
            Ok(())
        })
        .await
}
