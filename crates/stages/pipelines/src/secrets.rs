//! Secrets of a workspace, which steps get by name: sealed in the database, open in a step's environment alone.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{Ledger, Tx};
use serde::Serialize;
use serde_json::json;
use types::{Actor, Timestamp};
use vault::Vault;

use crate::{Engine, Error, store};

/// The longest value, in bytes.
const LONGEST: usize = 64 << 10;

/// A secret without its value, which nobody is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Secret {
    pub name: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

fn context(actor: &Actor, name: &str) -> String {
    format!("pipeline_secret:{}:{name}", actor.workspace.0)
}

/// Keeps a value under a name, instead of what was there. Errors: `Secret` if the name or value cannot be used.
pub async fn set_secret(
    ledger: &Ledger,
    vault: &Vault,
    actor: &Actor,
    name: String,
    value: String,
) -> Result<Secret, Error> {
    let wrong = |what: &str| Error::Secret { name: name.clone(), what: what.to_owned() };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if name.is_empty() || name.len() > 200 || !name.chars().all(plain) {
        return Err(wrong("a name has up to 200 letters, digits, `_`, `-`, `.` and `/`"));
    }
    if value.is_empty() {
        return Err(wrong("its value is empty"));
    }
    if value.len() > LONGEST || value.contains('\0') {
        return Err(wrong("a value has up to 64 KiB, without the character NUL"));
    }
    let sealed = vault.seal(&context(actor, &name), value.as_bytes())?;
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            store::secrets::put(tx, &name, &sealed)?;
            let payload = json!({ "secret": name });
            tx.event("secret.set", &format!("pipeline_secret:{name}"), payload)?;
            let found = store::secrets::all(tx)?.into_iter().find(|secret| secret.name == name);
            found.ok_or_else(|| missing(&name))
        })
        .await
}

/// By name.
pub async fn list_secrets(ledger: &Ledger, actor: &Actor) -> Result<Vec<Secret>, Error> {
    ledger.read(actor.workspace, |rx| Ok(store::secrets::all(rx)?)).await
}

/// Errors: `NotFound`.
pub async fn delete_secret(ledger: &Ledger, actor: &Actor, name: String) -> Result<(), Error> {
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if !store::secrets::delete(tx, &name)? {
                return Err(missing(&name));
            }
            let payload = json!({ "secret": name });
            Ok(tx.event("secret.removed", &format!("pipeline_secret:{name}"), payload)?)
        })
        .await
}

/// The value, for the server itself. Errors: `NotFound`; `Refused` if it cannot be opened.
pub async fn open_secret(ledger: &Ledger, vault: &Vault, actor: &Actor, name: &str) -> Result<String, Error> {
    let names = BTreeSet::from([name.to_owned()]);
    let sealed = ledger.read(actor.workspace, move |rx| store::secrets::sealed(rx, &names, &[])).await?;
    let sealed = sealed.get(name).ok_or_else(|| missing(name))?;
    vault
        .open_text(&context(actor, name), sealed)
        .map_err(|error| Error::Refused(format!("the secret `{name}` cannot be opened: {error}")))
}

fn missing(name: &str) -> Error {
    Error::NotFound { what: "secret", name: name.to_owned() }
}

impl Engine {
    /// [`set_secret`] under this server's keys.
    pub async fn set_secret(&self, actor: &Actor, name: String, value: String) -> Result<Secret, Error> {
        let missing = || Error::Secret { name: name.clone(), what: "this server keeps no secrets".into() };
        let vault = self.0.config.vault.clone().ok_or_else(missing)?;
        set_secret(&self.0.ledger, &vault, actor, name, value).await
    }

    /// Those of `names` that there are, and all whose name begins with one of `prefixes` and `/`, by name.
    /// Errors: `Refused` if one cannot be opened.
    pub(crate) async fn open_secrets(
        &self,
        actor: &Actor,
        names: BTreeSet<String>,
        prefixes: &[String],
    ) -> Result<BTreeMap<String, String>, Error> {
        let Some(vault) = &self.0.config.vault else {
            return Err(Error::Refused("it wants secrets, and this server keeps none".into()));
        };
        let prefixes = prefixes.to_vec();
        let read = move |rx: &mut ledger::Rx<'_>| store::secrets::sealed(rx, &names, &prefixes);
        let sealed = self.0.ledger.read(actor.workspace, read).await?;
        let mut values = BTreeMap::new();
        for (name, sealed) in sealed {
            let value = vault
                .open_text(&context(actor, &name), &sealed)
                .map_err(|error| Error::Refused(format!("its secret `{name}` cannot be opened: {error}")))?;
            values.insert(name, value);
        }
        Ok(values)
    }
}
