use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{Grants, Level, ResourceKind, Visible};
use serde::{Deserialize, Serialize};

/// A workspace: the boundary that names, permissions and searches stop at. Every table's key starts with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkspaceId(pub i64);

impl WorkspaceId {
    /// The workspace that exists from the first start.
    pub const DEFAULT: Self = Self(1);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person or a machine account with a token or password.
    User,
    /// The server itself (automation, monitors, the supervisor).
    System,
    /// Whoever reaches a loopback address while no users exist.
    Local,
}

/// What a role allows. Each role includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads everything in the workspace.
    Viewer,
    /// Sends prediction requests and labels.
    Client,
    /// Makes things and manages what it made; for the rest, what was granted counts.
    Member,
    /// Logs runs, imports data, registers models.
    Editor,
    /// Runs code (pipelines), deploys, applies project files.
    Operator,
    /// Users, tokens, workspaces.
    Admin,
}

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    Read,
    Predict,
    Write,
    /// Starts foreign code: pipeline steps, executable models.
    RunCode,
    Deploy,
    Administer,
}

impl Role {
    pub fn allows(self, permission: Permission) -> bool {
        let least = match permission {
            Permission::Read => Role::Viewer,
            Permission::Predict => Role::Client,
            Permission::Write => Role::Editor,
            Permission::RunCode | Permission::Deploy => Role::Operator,
            Permission::Administer => Role::Admin,
        };
        self >= least
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Viewer => "viewer",
            Role::Client => "client",
            Role::Member => "member",
            Role::Editor => "editor",
            Role::Operator => "operator",
            Role::Admin => "admin",
        })
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "viewer" => Role::Viewer,
            "client" => Role::Client,
            "member" => Role::Member,
            "editor" => Role::Editor,
            "operator" => Role::Operator,
            "admin" => Role::Admin,
            other => {
                return Err(format!(
                    "`{other}` is not a role; choose viewer, client, member, editor, operator or admin"
                ));
            }
        })
    }
}

/// Who does something, and where. No change of state happens without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub workspace: WorkspaceId,
    pub kind: ActorKind,
    /// The user's name, the system component, or `local`.
    pub name: String,
    pub role: Role,
    /// When set, only these permissions of the role apply (a scoped token).
    pub scopes: Option<Vec<Permission>>,
    /// The account that signed in, if one did.
    pub account: Option<i64>,
    /// What it was granted in `workspace`; without, the role alone counts.
    pub grants: Option<Arc<Grants>>,
}

impl Actor {
    /// The server itself; `component` is the part that acts, such as `automation`.
    pub fn system(component: &str) -> Self {
        Self {
            workspace: WorkspaceId::DEFAULT,
            kind: ActorKind::System,
            name: component.to_owned(),
            role: Role::Admin,
            scopes: None,
            account: None,
            grants: None,
        }
    }

    /// The person at this machine while the server knows no users.
    pub fn local() -> Self {
        Self { kind: ActorKind::Local, name: "local".to_owned(), ..Self::system("local") }
    }

    /// Whether it may do so with everything in its workspace; doors that look at single resources ask for
    /// [`Actor::level`] as well.
    pub fn may(&self, permission: Permission) -> bool {
        let least = match permission {
            Permission::Read | Permission::Predict => Level::Read,
            Permission::Write | Permission::RunCode | Permission::Deploy | Permission::Administer => {
                Level::Manage
            }
        };
        self.role.allows(permission)
            && self.in_scope(permission)
            && self.grants.as_ref().is_none_or(|grants| grants.everywhere(least))
    }

    /// Which resources of a kind it may read.
    pub fn visible(&self, kind: ResourceKind) -> Visible {
        match (&self.grants, self.role) {
            (_, Role::Admin) | (None, _) => Visible::All,
            (Some(grants), _) => grants.visible(kind),
        }
    }

    /// Whether a scoped token was made for this, whatever the role allows.
    pub fn in_scope(&self, permission: Permission) -> bool {
        self.scopes.as_ref().is_none_or(|s| s.contains(&permission))
    }

    /// How much it may do with one resource; the keys are those of [`Grants::level`]. `None` is a denial.
    pub fn level<'a>(&self, keys: impl IntoIterator<Item = (ResourceKind, &'a str)>) -> Option<Level> {
        match (&self.grants, self.role) {
            (_, Role::Admin) => Some(Level::Manage),
            (Some(grants), _) => grants.level(keys),
            (None, Role::Viewer) => Some(Level::Read),
            (None, Role::Client) => Some(Level::Use),
            (None, _) => Some(Level::Manage),
        }
    }

    /// Whether it may make new things in its workspace.
    pub fn creates(&self) -> bool {
        self.in_scope(Permission::Write)
            && match (&self.grants, self.role) {
                (_, Role::Admin) => true,
                (Some(grants), _) => grants.creates || grants.manages_workspace(),
                (None, role) => role.allows(Permission::Write),
            }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ActorKind::User => write!(f, "user:{}", self.name),
            ActorKind::System => write!(f, "system:{}", self.name),
            ActorKind::Local => f.write_str("local"),
        }
    }
}
