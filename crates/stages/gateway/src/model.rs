use std::collections::BTreeMap;

use types::{Timestamp, Uid};

/// Credentials as they may be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Secret {
    pub uid: Uid,
    pub name: String,
    pub provider: Option<String>,
    pub masked: BTreeMap<String, String>,
    /// What is not secret: the mode of authentication, a region, the address of the provider.
    pub auth_config: BTreeMap<String, String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: Option<String>,
    pub updated_by: Option<String>,
}

#[derive(Clone, Debug)]
pub struct NewSecret {
    pub name: String,
    pub value: BTreeMap<String, String>,
    pub provider: Option<String>,
    pub auth_config: BTreeMap<String, String>,
    pub created_by: Option<String>,
}

/// A provider's model with the credentials to use it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub uid: Uid,
    pub name: String,
    /// Id and name; None after the credentials were deleted.
    pub secret: Option<(Uid, String)>,
    pub provider: String,
    pub model: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: Option<String>,
    pub updated_by: Option<String>,
}

#[derive(Clone, Debug)]
pub struct NewModel {
    pub name: String,
    pub secret: Uid,
    pub provider: String,
    pub model: String,
    pub created_by: Option<String>,
}

/// How requests go on to other models when one fails.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Fallback {
    pub strategy: Option<String>,
    /// None: all of them.
    pub max_attempts: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    pub uid: Uid,
    pub name: String,
    pub links: Vec<Link>,
    pub tags: BTreeMap<String, Option<String>>,
    pub routing: Option<String>,
    pub fallback: Option<Fallback>,
    /// Where traces of requests go.
    pub experiment: Option<i64>,
    pub usage_tracking: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: Option<String>,
    pub updated_by: Option<String>,
}

/// A model of an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub uid: Uid,
    pub endpoint: Uid,
    pub model: Model,
    pub is_fallback: bool,
    /// Share of the requests among the endpoint's first models.
    pub weight: f64,
    /// Order among fallbacks.
    pub place: Option<i64>,
    pub created_at: Timestamp,
    pub created_by: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewLink {
    pub model: Uid,
    pub is_fallback: bool,
    pub weight: f64,
    pub place: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct NewEndpoint {
    pub uid: Uid,
    pub name: String,
    pub links: Vec<NewLink>,
    pub routing: Option<String>,
    pub fallback: Option<Fallback>,
    pub experiment: Option<i64>,
    pub usage_tracking: bool,
    pub created_by: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    pub endpoint: Uid,
    pub resource_type: String,
    pub resource_id: String,
    pub display_name: Option<String>,
    pub created_at: Timestamp,
    pub created_by: Option<String>,
}
