use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct Config {
    pub version_config: VersionConfig,
    pub storage_config: StorageConfig,
    pub storage_config_list: Vec<StorageConfig>,
    pub ui_config: UiConfig,
    pub capabilities_config: CapabilitiesConfig,
}

#[derive(Debug, Serialize)]
pub struct VersionConfig {
    pub version: &'static str,
    pub version_context: &'static str,
}

#[derive(Debug, Serialize)]
pub struct StorageConfig {
    pub blockstore_type: &'static str,
    pub blockstore_namespace_example: &'static str,
    #[serde(rename = "blockstore_namespace_ValidityRegex")]
    pub blockstore_namespace_validity_regex: &'static str,
    pub default_namespace_prefix: &'static str,
    pub pre_sign_support: bool,
    pub pre_sign_support_ui: bool,
    pub import_support: bool,
    pub import_validity_regex: &'static str,
    pub pre_sign_multipart_upload: bool,
    pub blockstore_id: &'static str,
    pub blockstore_description: &'static str,
}

#[derive(Debug, Serialize)]
pub struct UiConfig {}

#[derive(Debug, Serialize)]
pub struct CapabilitiesConfig {}

#[derive(Debug, Serialize)]
pub struct GarbageCollectionConfig {
    /// Seconds.
    pub grace_period: i64,
}

#[derive(Debug, Serialize)]
pub struct InstallationUsageReport {
    pub installation_id: String,
    pub reports: Vec<UsageReport>,
}

#[derive(Debug, Serialize)]
pub struct UsageReport {
    pub year: i32,
    pub month: i32,
    pub count: i64,
}
