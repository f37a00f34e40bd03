use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Uid};
use vault::Vault;

use crate::error::Error;
use crate::model::{Change, NewWebhook, Webhook};
use crate::store;

/// The context under which the vault seals a webhook's secret.
pub(crate) fn context(uid: &Uid) -> String {
    format!("webhook:{uid}")
}

fn seal(vault: &Vault, uid: &Uid, secret: Option<&str>) -> Result<Option<Vec<u8>>, Error> {
    let secret = secret.filter(|s| !s.is_empty());
    Ok(secret.map(|s| vault.seal(&context(uid), s.as_bytes())).transpose()?)
}

fn event(tx: &mut Tx<'_>, kind: &str, uid: &Uid) -> Result<(), Error> {
    Ok(tx.event(kind, &format!("webhook:{uid}"), json!({}))?)
}

pub async fn create(
    ledger: &Ledger,
    vault: &Vault,
    actor: &Actor,
    new: NewWebhook,
) -> Result<Webhook, Error> {
    let uid = types::new_id(ledger.clock().now());
    // Sealing is random, and the closure may run again.
    let secret = seal(vault, &uid, new.secret.as_deref())?;
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let id = store::insert(tx, &uid, &new, secret.as_deref())?;
            store::set_topics(tx, id, &new.topics)?;
            event(tx, "webhook.created", &uid)?;
            Ok(store::find(tx, &uid)?.ok_or_else(|| Error::NotFound(uid.to_string()))?.webhook)
        })
        .await
}

/// Errors: `NotFound`.
pub async fn get(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<Webhook, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            Ok(store::find(rx, &uid)?.ok_or_else(|| Error::NotFound(uid.to_string()))?.webhook)
        })
        .await
}

/// Newest first; up to `limit` + 1 after `offset`.
pub async fn list(ledger: &Ledger, actor: &Actor, limit: i64, offset: i64) -> Result<Vec<Webhook>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            Ok(store::list(rx, limit, offset)?.into_iter().map(|s| s.webhook).collect())
        })
        .await
}

/// Errors: `NotFound`.
pub async fn update(
    ledger: &Ledger,
    vault: &Vault,
    actor: &Actor,
    uid: Uid,
    change: Change,
) -> Result<Webhook, Error> {
    let secret = match &change.secret {
        Some(secret) => Some(seal(vault, &uid, Some(secret))?),
        None => None,
    };
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let missing = || Error::NotFound(uid.to_string());
            let stored = store::find(tx, &uid)?.ok_or_else(missing)?;
            let mut webhook = stored.webhook;
            webhook.name = change.name.clone().unwrap_or(webhook.name);
            webhook.description =
                change.description.clone().or(webhook.description).filter(|d| !d.is_empty());
            webhook.url = change.url.clone().unwrap_or(webhook.url);
            webhook.active = change.active.unwrap_or(webhook.active);
            store::update(tx, stored.id, &webhook, secret.as_ref().unwrap_or(&stored.secret).as_deref())?;
            if let Some(topics) = &change.topics {
                store::set_topics(tx, stored.id, topics)?;
            }
            event(tx, "webhook.updated", &uid)?;
            Ok(store::find(tx, &uid)?.ok_or_else(missing)?.webhook)
        })
        .await
}

/// What still had to be told to it is dropped. Errors: `NotFound`.
pub async fn delete(ledger: &Ledger, actor: &Actor, uid: Uid) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let stored = store::find(tx, &uid)?.ok_or_else(|| Error::NotFound(uid.to_string()))?;
            store::delete(tx, stored.id)?;
            event(tx, "webhook.deleted", &uid)
        })
        .await
}
