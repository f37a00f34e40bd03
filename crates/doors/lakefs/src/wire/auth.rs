use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
pub struct User {
    pub id: String,
    pub creation_date: i64,
    pub friendly_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct CurrentUser {
    pub user: User,
}

#[derive(Debug, Deserialize)]
pub struct UserCreation {
    pub id: String,
    #[serde(default)]
    pub invite_user: bool,
}

#[derive(Debug, Deserialize)]
pub struct LoginInformation {
    pub access_key_id: String,
    pub secret_access_key: String,
}

#[derive(Debug, Serialize)]
pub struct AuthenticationToken {
    pub token: String,
    /// Unix seconds.
    pub token_expiration: i64,
}

#[derive(Debug, Serialize)]
pub struct AuthCapabilities {
    pub invite_user: bool,
    pub forgot_password: bool,
}

#[derive(Debug, Serialize)]
pub struct SetupState {
    /// `initialized` or `not_initialized`.
    pub state: &'static str,
    pub comm_prefs_missing: bool,
    pub login_config: LoginConfig,
}

#[derive(Debug, Serialize)]
pub struct LoginConfig {
    #[serde(rename = "RBAC")]
    pub rbac: &'static str,
    pub login_url: &'static str,
    pub login_url_method: &'static str,
    pub login_failed_message: &'static str,
    pub login_cookie_names: Vec<&'static str>,
    pub logout_url: &'static str,
}

#[derive(Debug, Deserialize)]
pub struct Setup {
    pub username: String,
}

#[derive(Debug, Serialize)]
pub struct Credentials {
    pub access_key_id: String,
    pub creation_date: i64,
}

#[derive(Debug, Serialize)]
pub struct CredentialsWithSecret {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub creation_date: i64,
}

#[derive(Debug, Serialize)]
pub struct Group {
    pub id: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub creation_date: i64,
}

#[derive(Debug, Deserialize)]
pub struct GroupCreation {
    pub id: String,
    #[serde(default)]
    pub description: Option<String>,
}
