//! The key that packages are signed with: made at first use, its private half sealed by the vault.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger::Ledger;
use serde_json::json;
use types::Actor;
use vault::{SigningKey, Vault};

use crate::{Error, store};

/// The public half, as base64 of 32 bytes.
pub type PublicKey = String;

fn context(actor: &Actor) -> String {
    format!("package signing key of workspace {}", actor.workspace.0)
}

/// Whom packages of this workspace come from. Makes the key at first use.
pub async fn public_key(ledger: &Ledger, vault: &Vault, actor: &Actor) -> Result<PublicKey, Error> {
    Ok(STANDARD.encode(signing_key(ledger, vault, actor).await?.public()))
}

pub(crate) async fn signing_key(ledger: &Ledger, vault: &Vault, actor: &Actor) -> Result<SigningKey, Error> {
    if let Some((_, sealed)) = ledger.read(actor.workspace, store::signing_key).await? {
        return Ok(SigningKey::from_pkcs8(&vault.open_sealed(&context(actor), &sealed)?)?);
    }
    let (key, pkcs8) = SigningKey::generate()?;
    let sealed = vault.seal(&context(actor), &pkcs8)?;
    let public = STANDARD.encode(key.public());
    let owner = Actor { workspace: actor.workspace, ..Actor::system("packages") };
    ledger
        .write(&owner, move |tx| {
            store::insert_key(tx, &public, &sealed)?;
            Ok::<_, Error>(tx.event("package.key_made", "package_key", json!({ "public_key": public }))?)
        })
        .await?;
    // Somebody else may have made one at the same time: the newest counts, for everybody.
    match ledger.read(actor.workspace, store::signing_key).await? {
        Some((_, sealed)) => Ok(SigningKey::from_pkcs8(&vault.open_sealed(&context(actor), &sealed)?)?),
        None => Ok(key),
    }
}
