//! `gateway-proxy`: how upstream's prompt lab reaches language models. Upstream passes requests on to the server at
//! `MLFLOW_DEPLOYMENTS_TARGET`; here the server's own gateway answers.

use serde_json::{Value, json};

use crate::call::{Answer, Cx, reply};
use crate::errors::Failure;
use crate::request::Fields;

/// `_validate_gateway_path`. The name of the endpoint to ask; none to list them.
fn target(post: bool, path: &str) -> Result<Option<String>, Failure> {
    if path.is_empty() {
        return Err(Failure::invalid("Deployments proxy request must specify a gateway_path."));
    }
    let method = if post { "POST" } else { "GET" };
    let wrong = || Failure::invalid(format!("Invalid gateway_path: {path} for method: {method}"));
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["api", "2.0", "endpoints"] if !post => Ok(None),
        ["gateway", name, "invocations"] if post && !name.is_empty() => Ok(Some((*name).to_owned())),
        _ => Err(wrong()),
    }
}

pub(crate) async fn list(cx: Cx, f: Fields) -> Answer {
    target(false, &f.text_or_empty("gateway_path")?)?;
    let found = gateway::endpoints(&cx.state.ledger, &cx.actor, None).await?;
    let endpoints: Vec<Value> = found
        .iter()
        .filter_map(|e| {
            let model = &e.links.iter().find(|l| !l.is_fallback)?.model;
            Some(json!({
                "name": e.name,
                "endpoint_type": "llm/v1/chat",
                "model": { "name": model.model, "provider": model.provider },
                "endpoint_url": format!("/gateway/{}/invocations", e.name),
            }))
        })
        .collect();
    reply(&json!({ "endpoints": endpoints }))
}

pub(crate) async fn invoke(cx: Cx, f: Fields) -> Answer {
    let name = target(true, &f.text_or_empty("gateway_path")?)?.unwrap_or_default();
    gateway::endpoint(&cx.state.ledger, &cx.actor, Err(name)).await?;
    Err(Failure::new(crate::errors::Code::NotImplemented, "This server does not answer gateway invocations."))
}
