use std::collections::BTreeMap;

use gateway::{NewSecret, Secret, SecretChange};
use serde_json::{Value, json};

use super::{DESTINATIONS, SECRET, secret_uid};
use crate::call::{Answer, Cx, empty, reply};
use crate::errors::Failure;
use crate::genai::{given, message};
use crate::request::Fields;

/// `GatewaySecretInfo`.
fn secret(s: Secret) -> Value {
    let auth_config = (!s.auth_config.is_empty()).then_some(s.auth_config);
    message(json!({
        "secret_id": format!("{SECRET}{}", s.uid),
        "secret_name": s.name,
        "masked_values": s.masked,
        "created_at": s.created_at.millis(),
        "last_updated_at": s.updated_at.millis(),
        "provider": s.provider,
        "auth_config": auth_config,
        "created_by": s.created_by,
        "last_updated_by": s.updated_by,
    }))
}

fn quoted(found: &[&str]) -> String {
    found.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// Nothing that chooses where requests go may hide in what is sealed.
fn check_value(value: &BTreeMap<String, String>) -> Result<(), Failure> {
    let known = ["api_base"].into_iter().chain(DESTINATIONS);
    let found: Vec<&str> = known.filter(|name| value.contains_key(*name)).collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "secret_value must not contain {}: these keys choose where the gateway sends requests. Set the upstream with \
         'api_base' in auth_config, where it is validated.",
        quoted(&found)
    )))
}

/// A blank `api_base` is left out; another one must be an address that the gateway may send to.
fn checked_config(mut config: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Failure> {
    let found: Vec<&str> = DESTINATIONS.into_iter().filter(|name| config.contains_key(*name)).collect();
    if !found.is_empty() {
        return Err(Failure::invalid(format!(
            "auth_config must not contain {}: these LiteLLM options choose where the gateway sends requests. Set the upstream \
             with 'api_base', which is validated.",
            quoted(&found)
        )));
    }
    if let Some(base) = config.remove("api_base") {
        let base = base.trim();
        if !base.is_empty() {
            check_base(base)?;
            config.insert("api_base".into(), base.to_owned());
        }
    }
    Ok(config)
}

/// The scheme here; where the name leads is checked when a request goes out.
fn check_base(url: &str) -> Result<(), Failure> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(Failure::invalid(format!("Gateway secret api_base '{url}' is not a URL.")));
    };
    if !["https", "http"].contains(&scheme) || rest.is_empty() || rest.contains('@') {
        return Err(Failure::invalid(format!(
            "Gateway secret api_base must be an http or https URL without credentials; got scheme '{scheme}'."
        )));
    }
    Ok(())
}

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let name = f.required_text("secret_name")?;
    if !f.has("secret_value") {
        return Err(Failure::invalid("Missing value for required parameter 'secret_value'."));
    }
    let value = f.text_map("secret_value")?;
    let auth_config = checked_config(f.text_map("auth_config")?)?;
    check_value(&value)?;
    let new = NewSecret {
        name,
        value,
        provider: given(f.text("provider")?),
        auth_config,
        created_by: given(f.text("created_by")?),
    };
    let made = gateway::create_secret(&cx.state.ledger, &cx.state.vault, &cx.actor, new).await?;
    reply(&json!({ "secret": secret(made) }))
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    let found = gateway::secret(&cx.state.ledger, &cx.actor, secret_uid(&f)?).await?;
    reply(&json!({ "secret": secret(found) }))
}

pub(crate) async fn update(cx: Cx, f: Fields) -> Answer {
    let raw = f.text_map("auth_config")?;
    let auth_config = if raw.is_empty() { None } else { Some(checked_config(raw)?) };
    let value = Some(f.text_map("secret_value")?).filter(|value| !value.is_empty());
    check_value(value.as_ref().unwrap_or(&BTreeMap::new()))?;
    let change = SecretChange { value, auth_config, updated_by: given(f.text("updated_by")?) };
    let (ledger, vault) = (&cx.state.ledger, &cx.state.vault);
    let updated = gateway::update_secret(ledger, vault, &cx.actor, secret_uid(&f)?, change).await?;
    reply(&json!({ "secret": secret(updated) }))
}

pub(crate) async fn delete(cx: Cx, f: Fields) -> Answer {
    gateway::delete_secret(&cx.state.ledger, &cx.actor, secret_uid(&f)?).await?;
    empty()
}

pub(crate) async fn list(cx: Cx, f: Fields) -> Answer {
    let found = gateway::secrets(&cx.state.ledger, &cx.actor, given(f.text("provider")?)).await?;
    reply(&message(json!({ "secrets": found.into_iter().map(secret).collect::<Vec<_>>() })))
}

/// There is no default passphrase: the vault makes a key of its own.
pub(crate) async fn config(_: Cx, _: Fields) -> Answer {
    reply(&json!({ "secrets_available": true, "using_default_passphrase": false }))
}
