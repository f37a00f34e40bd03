//! What was found out about a version.

use ledger::Ledger;
use serde::{Deserialize, Serialize};
use types::{Actor, Digest, Timestamp, Uid, WorkspaceId};

use crate::{Error, store};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Another runtime gives what the Python original gives.
    Parity,
    /// The package starts, loads and answers in a process of its own.
    Infrastructure,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Parity => "parity",
            Self::Infrastructure => "infrastructure",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    pub uid: Uid,
    pub version: Uid,
    /// Of the files that were judged; `None` in verdicts of older servers.
    pub digest: Option<Digest>,
    pub kind: Kind,
    /// The runtime that was judged.
    pub engine: String,
    pub passed: bool,
    pub detail: serde_json::Value,
    pub created_at: Timestamp,
    pub created_by: String,
}

/// A runtime that gives something else than the Python original: it may not serve these files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub version: Uid,
    pub digest: Option<Digest>,
    pub engine: String,
}

impl Refused {
    /// Whether this is about a version with these files.
    pub fn is_of(&self, version: Uid, digest: Option<Digest>) -> bool {
        self.version == version || digest.is_some() && self.digest == digest
    }
}

/// All verdicts on the files of a version, newest first; also those that were found for another version with the same files.
pub async fn verdicts(ledger: &Ledger, actor: &Actor, version: Uid) -> Result<Vec<Verdict>, Error> {
    let digest = models::get_version(ledger, actor, version).await?.digest;
    Ok(ledger.read(actor.workspace, move |rx| store::verdicts(rx, version, digest)).await?)
}

/// The newest verdict of a kind on a runtime.
pub async fn latest(
    ledger: &Ledger,
    actor: &Actor,
    version: Uid,
    kind: Kind,
    engine: &str,
) -> Result<Option<Verdict>, Error> {
    let all = verdicts(ledger, actor, version).await?;
    Ok(all.into_iter().find(|verdict| verdict.kind == kind && verdict.engine == engine))
}

/// What may not serve, in all workspaces: whose newest parity verdict is that it failed.
pub async fn refused(ledger: &Ledger) -> Result<Vec<(WorkspaceId, Refused)>, Error> {
    Ok(ledger.read(WorkspaceId::DEFAULT, store::refused).await?)
}
