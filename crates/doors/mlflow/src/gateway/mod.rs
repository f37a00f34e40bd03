//! MLflow's AI gateway: secrets, model definitions, endpoints and what is bound to them (`service.proto`).

mod bindings;
mod endpoints;
mod failures;
mod model_definitions;
mod providers;
mod proxy;
mod secrets;

use axum::routing::MethodRouter;
use types::Permission::{Predict, Read, Write};
use types::Uid;

use crate::State;
use crate::call::json;
use crate::errors::Failure;
use crate::genai::uid;
use crate::request::Fields;
use crate::routes::{DELETE, GET, POST, join};

/// Options that choose where a client of a language model sends its requests (`GATEWAY_DESTINATION_KEYS` in
/// `mlflow/utils/validation.py`), but for the one that is checked: `api_base`.
pub(crate) const DESTINATIONS: [&str; 4] = ["base_url", "custom_llm_provider", "fallbacks", "model_list"];

const SECRET: &str = "s-";
const MODEL: &str = "d-";
const ENDPOINT: &str = "e-";
const LINK: &str = "m-";

pub(crate) fn routes(add: &mut impl FnMut(&str, MethodRouter<State>)) {
    let mut v3 = |path: &str, route: MethodRouter<State>| add(&format!("/3.0/mlflow/gateway/{path}"), route);
    v3("secrets/create", json(POST, Write, secrets::create));
    v3("secrets/get", json(GET, Read, secrets::get));
    v3("secrets/update", json(POST, Write, secrets::update));
    v3("secrets/delete", json(DELETE, Write, secrets::delete));
    v3("secrets/list", json(GET, Read, secrets::list));
    v3("model-definitions/create", json(POST, Write, model_definitions::create));
    v3("model-definitions/get", json(GET, Read, model_definitions::get));
    v3("model-definitions/list", json(GET, Read, model_definitions::list));
    v3("model-definitions/update", json(POST, Write, model_definitions::update));
    v3("model-definitions/delete", json(DELETE, Write, model_definitions::delete));
    v3("endpoints/create", json(POST, Write, endpoints::create));
    v3("endpoints/get", json(GET, Read, endpoints::get));
    v3("endpoints/update", json(POST, Write, endpoints::update));
    v3("endpoints/delete", json(DELETE, Write, endpoints::delete));
    v3("endpoints/list", json(GET, Read, endpoints::list));
    v3("endpoints/models/attach", json(POST, Write, endpoints::attach));
    v3("endpoints/models/detach", json(POST, Write, endpoints::detach));
    v3("endpoints/set-tag", json(POST, Write, endpoints::set_tag));
    v3("endpoints/delete-tag", json(DELETE, Write, endpoints::delete_tag));
    v3("endpoints/bindings/create", json(POST, Write, bindings::create));
    v3("endpoints/bindings/delete", json(DELETE, Write, bindings::delete));
    v3("endpoints/bindings/list", json(GET, Read, bindings::list));
}

/// What upstream's own page asks for.
pub(crate) fn page_routes(add: &mut impl FnMut(&str, MethodRouter<State>)) {
    add("/ajax-api/3.0/mlflow/gateway/secrets/config", json(GET, Read, secrets::config));
    add("/ajax-api/3.0/mlflow/gateway/supported-providers", json(GET, Read, providers::providers));
    add("/ajax-api/3.0/mlflow/gateway/supported-models", json(GET, Read, providers::models));
    add("/ajax-api/3.0/mlflow/gateway/provider-config", json(GET, Read, providers::config));
    let proxy = join([json(GET, Read, proxy::list), json(POST, Predict, proxy::invoke)]);
    add("/ajax-api/2.0/mlflow/gateway-proxy", proxy);
}

/// An endpoint's id as clients know it.
pub(crate) fn endpoint_id(uid: Uid) -> String {
    format!("{ENDPOINT}{uid}")
}

/// `_get_entity_or_raise`.
fn not_found(kind: &str, by: &str, value: &str) -> Failure {
    Failure::missing(format!("{kind} not found ({by}='{value}')"))
}

fn required(f: &Fields, field: &str, prefix: &str, kind: &str) -> Result<Uid, Failure> {
    let text = f.required_text(field)?;
    uid(prefix, &text).ok_or_else(|| not_found(kind, field, &text))
}

fn secret_uid(f: &Fields) -> Result<Uid, Failure> {
    required(f, "secret_id", SECRET, "GatewaySecret")
}

fn model_uid(f: &Fields) -> Result<Uid, Failure> {
    required(f, "model_definition_id", MODEL, "GatewayModelDefinition")
}

fn endpoint_uid(f: &Fields) -> Result<Uid, Failure> {
    required(f, "endpoint_id", ENDPOINT, "GatewayEndpoint")
}
