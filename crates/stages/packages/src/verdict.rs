//! What was found out about a version.

use ledger::Ledger;
use serde::{Deserialize, Serialize};
use types::{Actor, Timestamp, Uid};

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
    pub kind: Kind,
    /// The runtime that was judged.
    pub engine: String,
    pub passed: bool,
    pub detail: serde_json::Value,
    pub created_at: Timestamp,
    pub created_by: String,
}

/// All verdicts on a version, newest first.
pub async fn verdicts(ledger: &Ledger, actor: &Actor, version: Uid) -> Result<Vec<Verdict>, Error> {
    Ok(ledger.read(actor.workspace, move |rx| store::verdicts(rx, version)).await?)
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
