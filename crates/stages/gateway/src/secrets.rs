//! Credentials of providers.

use std::collections::BTreeMap;

use ledger::Ledger;
use serde_json::json;
use types::{Actor, Uid};
use vault::Vault;

use crate::Error;
use crate::model::{NewSecret, Secret};
use crate::store::secrets as store;

/// What changes; None leaves it.
#[derive(Clone, Debug, Default)]
pub struct SecretChange {
    pub value: Option<BTreeMap<String, String>>,
    /// An empty one clears it.
    pub auth_config: Option<BTreeMap<String, String>>,
    pub updated_by: Option<String>,
}

fn context(uid: Uid) -> String {
    format!("gateway_secret:{uid}")
}

/// The first three and the last four characters; nothing of a value under eight.
fn mask(value: &str) -> String {
    let chars: Vec<char> = value.chars().collect();
    if chars.len() < 8 {
        return "***".to_owned();
    }
    let part = |range: &[char]| range.iter().collect::<String>();
    format!("{}...{}", part(&chars[..3]), part(&chars[chars.len() - 4..]))
}

fn masked(value: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    value.iter().map(|(name, value)| (name.clone(), mask(value))).collect()
}

fn seal(vault: &Vault, uid: Uid, value: &BTreeMap<String, String>) -> Result<Vec<u8>, Error> {
    Ok(vault.seal(&context(uid), json!(value).to_string().as_bytes())?)
}

/// Errors: `SecretExists`.
pub async fn create_secret(
    ledger: &Ledger,
    vault: &Vault,
    actor: &Actor,
    new: NewSecret,
) -> Result<Secret, Error> {
    let uid = types::new_id(ledger.clock().now());
    let sealed = seal(vault, uid, &new.value)?;
    ledger
        .write(actor, move |tx| {
            if store::named(tx, &new.name)? {
                return Err(Error::SecretExists(new.name.clone()));
            }
            let secret = Secret {
                uid,
                name: new.name.clone(),
                provider: new.provider.clone(),
                masked: masked(&new.value),
                auth_config: new.auth_config.clone(),
                created_at: tx.now(),
                updated_at: tx.now(),
                created_by: new.created_by.clone(),
                updated_by: new.created_by.clone(),
            };
            store::insert(tx, &secret, &sealed)?;
            tx.event("gateway_secret.created", &context(uid), json!({}))?;
            Ok(secret)
        })
        .await
}

/// Errors: `SecretNotFound`.
pub async fn secret(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<Secret, Error> {
    ledger.read(actor.workspace, move |rx| store::find(rx, uid)?.ok_or(Error::SecretNotFound(uid))).await
}

/// Of one provider or of all, oldest first.
pub async fn secrets(ledger: &Ledger, actor: &Actor, provider: Option<String>) -> Result<Vec<Secret>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(store::list(rx, provider.as_deref())?)).await
}

/// Errors: `SecretNotFound`.
pub async fn update_secret(
    ledger: &Ledger,
    vault: &Vault,
    actor: &Actor,
    uid: Uid,
    change: SecretChange,
) -> Result<Secret, Error> {
    let sealed = change.value.as_ref().map(|value| seal(vault, uid, value)).transpose()?;
    ledger
        .write(actor, move |tx| {
            let mut secret = store::find(tx, uid)?.ok_or(Error::SecretNotFound(uid))?;
            if let Some(value) = &change.value {
                secret.masked = masked(value);
            }
            if let Some(auth_config) = &change.auth_config {
                secret.auth_config.clone_from(auth_config);
            }
            secret.updated_at = tx.now();
            secret.updated_by.clone_from(&change.updated_by);
            store::update(tx, &secret, sealed.as_deref())?;
            tx.event("gateway_secret.updated", &context(uid), json!({ "value": sealed.is_some() }))?;
            Ok(secret)
        })
        .await
}

/// Models that used it stay, without credentials. Errors: `SecretNotFound`.
pub async fn delete_secret(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<(), Error> {
    ledger
        .write(actor, move |tx| {
            if !store::delete(tx, uid)? {
                return Err(Error::SecretNotFound(uid));
            }
            Ok(tx.event("gateway_secret.deleted", &context(uid), json!({}))?)
        })
        .await
}

/// The credentials in the clear, for a request to the provider. Errors: `SecretNotFound`.
pub async fn secret_value(
    ledger: &Ledger,
    vault: &Vault,
    actor: &Actor,
    uid: Uid,
) -> Result<BTreeMap<String, String>, Error> {
    let sealed: Option<Vec<u8>> =
        ledger.read(actor.workspace, move |rx| Ok::<_, Error>(store::sealed(rx, uid)?)).await?;
    let text = vault.open_sealed(&context(uid), &sealed.ok_or(Error::SecretNotFound(uid))?)?;
    serde_json::from_slice(&text).map_err(|_| vault::Error::NotOpened { context: context(uid) }.into())
}

/// Seals again, under the newest master key, what an older one sealed. How many there were.
pub async fn reseal(ledger: &Ledger, vault: &Vault, actor: &Actor) -> Result<usize, Error> {
    let all = ledger.read(actor.workspace, |rx| Ok::<_, Error>(store::all_sealed(rx)?)).await?;
    let mut done = 0;
    for (uid, old) in all.into_iter().filter(|(_, sealed)| !vault.is_current(sealed)) {
        let new = vault.seal(&context(uid), &vault.open_sealed(&context(uid), &old)?)?;
        ledger
            .write(actor, move |tx| {
                if store::replace_sealed(tx, uid, &old, &new)? {
                    tx.event("gateway_secret.resealed", &context(uid), json!({}))?;
                }
                Ok::<_, Error>(())
            })
            .await?;
        done += 1;
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn short_values_show_nothing() {
        assert_eq!((mask("sk-1234"), mask("AKIATEST1234")), ("***".into(), "AKI...1234".into()));
        assert_eq!(mask("schlüssel"), "sch...ssel");
    }
}
