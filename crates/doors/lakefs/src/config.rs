//! What the server says of itself.

use axum::extract::State as Shared;

use crate::call::{Answer, Reader, no_content, ok};
use crate::{State, wire};

/// The version whose API this is.
pub(crate) const VERSION: &str = "1.84.0";
/// How long uploads that nothing points to are kept, in seconds (`LinkAddressTime`).
const GRACE: i64 = 6 * 3_600;

pub(crate) async fn health() -> Answer {
    no_content()
}

fn version() -> wire::VersionConfig {
    wire::VersionConfig { version: VERSION, version_context: "lakeFS-OSS" }
}

fn storage(state: &State) -> wire::StorageConfig {
    wire::StorageConfig {
        blockstore_type: "local",
        blockstore_namespace_example: "local://example-bucket/",
        blockstore_namespace_validity_regex: "^(s3|gs|https?|mem|local|transient)://",
        default_namespace_prefix: "local://",
        pre_sign_support: state.presign,
        pre_sign_support_ui: false,
        import_support: true,
        import_validity_regex: "^(local|s3|gs|https?)://",
        pre_sign_multipart_upload: state.presign,
        blockstore_id: "",
        blockstore_description: "",
    }
}

pub(crate) async fn get(Shared(state): Shared<State>, _: Reader) -> Answer {
    ok(&wire::Config {
        version_config: version(),
        storage_config: storage(&state),
        storage_config_list: Vec::new(),
        ui_config: wire::UiConfig {},
        capabilities_config: wire::CapabilitiesConfig {},
    })
}

pub(crate) async fn get_version(_: Reader) -> Answer {
    ok(&version())
}

pub(crate) async fn get_storage(Shared(state): Shared<State>, _: Reader) -> Answer {
    ok(&storage(&state))
}

pub(crate) async fn garbage_collection(_: Reader) -> Answer {
    ok(&wire::GarbageCollectionConfig { grace_period: GRACE })
}

/// Nothing is counted for anybody but the one who asks.
pub(crate) async fn usage(_: Reader) -> Answer {
    ok(&wire::InstallationUsageReport { installation_id: String::new(), reports: Vec::new() })
}
