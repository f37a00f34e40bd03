//! Who may sign in, how they prove it, and what they were granted.

mod accounts;
mod grants;
mod groups;
mod keys;
mod passwords;
mod peers;
mod tokens;
mod workspaces;

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

pub use accounts::Account;
pub use groups::{Group, GroupGrant, Member};
pub use keys::{AccessKey, SealedKey};
pub use passwords::Verified;
pub use tokens::{NewToken, Token};
pub use workspaces::Workspace;

use types::{Level, Role, WorkspaceId};

use crate::chain::Draft;
use crate::{Error, Ledger, Row, Tx, params};

/// What this server knows about access without asking the database.
#[derive(Debug)]
pub(crate) struct State {
    /// Moves after every committed change of accounts, tokens, access keys, groups and grants on this server.
    generation: AtomicU64,
    /// What a member may do where nothing was granted, as an index into [`Level::ALL`].
    member_level: AtomicU8,
    peers: peers::Look,
}

impl Default for State {
    fn default() -> Self {
        Self {
            generation: AtomicU64::new(1),
            member_level: AtomicU8::new(Level::Read as u8),
            peers: peers::Look::default(),
        }
    }
}

impl State {
    /// What was learnt before must be asked again.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }
}

/// Whether any of these events changes who may do what.
pub(crate) fn is_about_access(drafts: &[Draft]) -> bool {
    let kinds = ["account.", "token.", "access_key.", "group.", "grant.", "workspace."];
    drafts.iter().any(|d| kinds.iter().any(|kind| d.kind.starts_with(kind)))
}

impl Ledger {
    /// Changes whenever this server changed who may do what; what was learnt before must be asked again.
    pub fn access_generation(&self) -> u64 {
        self.0.access.generation.load(Ordering::Acquire)
    }

    /// Like [`Ledger::access_generation`], but counted in the database: also what other servers changed.
    pub async fn access_version(&self) -> Result<i64, Error> {
        self.read(WorkspaceId::DEFAULT, |rx| {
            rx.query_opt(
                "SELECT version FROM access_version WHERE workspace_id = $1",
                &params![WorkspaceId::DEFAULT],
            )?
            .map_or(Ok(0), |row| row.get("version"))
        })
        .await
    }

    /// Forgets what this server knows about access, because another one changed it.
    pub fn forget_access(&self) {
        self.0.access.forget();
    }

    /// What a member may do with what nobody granted; `Level::Read` at first.
    pub fn set_member_level(&self, level: Level) {
        self.0.access.member_level.store(level as u8, Ordering::Release);
        self.forget_access();
    }

    pub fn member_level(&self) -> Level {
        let index = usize::from(self.0.access.member_level.load(Ordering::Acquire));
        Level::ALL.get(index).copied().unwrap_or_default()
    }
}

/// Tells the other servers, in the same transaction.
fn changed(tx: &mut Tx<'_>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO access_version (workspace_id, version) VALUES ($1, 1) ON CONFLICT (workspace_id) \
         DO UPDATE SET version = access_version.version + 1",
        &params![WorkspaceId::DEFAULT],
    )?;
    Ok(())
}

fn role(row: &Row) -> Result<Role, Error> {
    let text: String = row.get("role")?;
    text.parse().map_err(|message| Error::Database { message })
}
