use types::{Timestamp, Uid, WorkspaceId};

/// Who is told of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub uid: Uid,
    pub workspace: WorkspaceId,
    pub name: String,
    pub description: Option<String>,
    pub url: String,
    /// As the door that composes messages calls them, in order.
    pub topics: Vec<String>,
    pub active: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewWebhook {
    pub name: String,
    pub description: Option<String>,
    pub url: String,
    pub topics: Vec<String>,
    pub active: bool,
    /// What deliveries are signed with; without, they are not signed.
    pub secret: Option<String>,
}

/// What changes; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub name: Option<String>,
    pub description: Option<String>,
    pub url: Option<String>,
    pub topics: Option<Vec<String>>,
    pub active: Option<bool>,
    /// Empty takes it away.
    pub secret: Option<String>,
}

/// How a trial delivery went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    Answered { status: u16, body: String },
    Failed { reason: String },
}
