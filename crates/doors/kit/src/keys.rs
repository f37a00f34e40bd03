//! Access keys: an id that a request names and a secret that signs it, as S3's clients and lakeFS's have them. They speak
//! for an account, or, the root key, for the server's owner.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ledger::{AccessKey, Ledger};
use rand::Rng as _;
use types::{Actor, Class, Fault, Hint, Role};
use vault::Vault;

use crate::Denied;

/// Most ids that are remembered, with their secrets in the clear.
const MOST: usize = 10_000;
/// As AWS's ids look: this, and 16 letters and digits.
const PREFIX: &str = "AKIA";
const ID_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The keys of a server: kept sealed in the ledger, remembered in memory until anything about access changes. Cheap to
/// clone.
#[derive(Clone)]
pub struct AccessKeys(Arc<Inner>);

struct Inner {
    ledger: Ledger,
    vault: Vault,
    known: Mutex<HashMap<String, Known>>,
}

/// What was learnt about an id: also that there is no such key.
#[derive(Clone)]
struct Known {
    generation: u64,
    key: Option<(Actor, Arc<[u8]>)>,
}

/// A key that was just made; its secret is shown this once.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey {
    pub id: String,
    pub secret: String,
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("`{id}` cannot be the id of an access key: {reason}")]
    BadId { id: String, reason: &'static str },
    #[error("the secret of access key `{id}` is too short: it needs at least 8 characters")]
    WeakSecret { id: String },
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Vault(#[from] vault::Error),
}

impl Fault for KeyError {
    fn class(&self) -> Class {
        match self {
            Self::BadId { .. } | Self::WeakSecret { .. } => Class::Invalid,
            Self::Denied(e) => e.class(),
            Self::Ledger(e) => e.class(),
            Self::Vault(e) => e.class(),
        }
    }

    fn hint(&self) -> Hint {
        match self {
            Self::BadId { .. } => {
                Some("use 3 to 128 letters and digits, such as AKIAIOSFODNN7EXAMPLE".into())
            }
            Self::WeakSecret { .. } => Some("use 40 random characters".into()),
            Self::Denied(e) => e.hint(),
            Self::Ledger(e) => e.hint(),
            Self::Vault(e) => e.hint(),
        }
    }
}

impl AccessKeys {
    pub fn new(ledger: &Ledger, vault: &Vault) -> Self {
        Self(Arc::new(Inner { ledger: ledger.clone(), vault: vault.clone(), known: Mutex::default() }))
    }

    /// Makes a key of an account, or of nobody: another root key.
    ///
    /// Errors: `Denied` unless it is the actor's own or the actor is an admin; `Missing`.
    pub async fn create(&self, actor: &Actor, account: Option<&str>) -> Result<NewKey, KeyError> {
        require_owner(actor, account)?;
        let key = NewKey::random();
        let sealed = self.0.vault.seal(&context(&key.id), key.secret.as_bytes())?;
        self.0.ledger.keep_access_key(actor, &key.id, account, sealed).await?;
        Ok(key)
    }

    /// Keeps a given pair as a key of `account`, or of nobody: a root key, which may do everything. A pair that is known
    /// already changes nothing; another secret replaces the one of that id.
    pub async fn add(
        &self,
        actor: &Actor,
        account: Option<&str>,
        id: &str,
        secret: &str,
    ) -> Result<(), KeyError> {
        require_owner(actor, account)?;
        check_id(id)?;
        if secret.chars().count() < 8 {
            return Err(KeyError::WeakSecret { id: id.to_owned() });
        }
        if let Some(found) = self.0.ledger.find_access_key(id).await?
            && self.0.vault.open_sealed(&context(id), &found.sealed).is_ok_and(|s| s == secret.as_bytes())
        {
            return Ok(());
        }
        let sealed = self.0.vault.seal(&context(id), secret.as_bytes())?;
        Ok(self.0.ledger.keep_access_key(actor, id, account, sealed).await?)
    }

    /// Makes a root key if there is no key at all.
    pub async fn first(&self, actor: &Actor) -> Result<Option<NewKey>, KeyError> {
        require_owner(actor, None)?;
        let key = NewKey::random();
        let sealed = self.0.vault.seal(&context(&key.id), key.secret.as_bytes())?;
        let kept = self.0.ledger.keep_first_access_key(actor, &key.id, sealed).await?;
        Ok(kept.then_some(key))
    }

    /// For whom a key speaks now, and its secret; `None` if there is no such key. Changes on this server count at once,
    /// those of other servers on the same database within a second.
    pub async fn find(&self, id: &str) -> Result<Option<(Actor, Arc<[u8]>)>, KeyError> {
        let inner = &self.0;
        inner.ledger.look_at_peers().await?;
        let generation = inner.ledger.access_generation();
        let known = self.known().get(id).filter(|known| known.generation == generation).cloned();
        if let Some(known) = known {
            return Ok(known.key);
        }
        let key = match inner.ledger.find_access_key(id).await? {
            Some(found) => {
                let secret: Arc<[u8]> = inner.vault.open_sealed(&context(id), &found.sealed)?.into();
                Some((found.actor, secret))
            }
            None => None,
        };
        let mut known = self.known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(id.to_owned(), Known { generation, key: key.clone() });
        Ok(key)
    }

    /// Whom a pair speaks for, if it is a pair. Takes as long for a wrong secret as for a right one.
    pub async fn check(&self, id: &str, secret: &str) -> Result<Option<Actor>, KeyError> {
        if check_id(id).is_err() {
            return Ok(None);
        }
        let found = self.find(id).await?;
        Ok(found.and_then(|(actor, right)| same(&right, secret.as_bytes()).then_some(actor)))
    }

    /// Of one account, or all there are, without their secrets. Errors: `Denied` as [`AccessKeys::create`].
    pub async fn list(&self, actor: &Actor, account: Option<&str>) -> Result<Vec<AccessKey>, KeyError> {
        require_owner(actor, account)?;
        Ok(self.0.ledger.access_keys(account).await?)
    }

    /// Errors: `Denied` as [`AccessKeys::create`]; `Missing`.
    pub async fn revoke(&self, actor: &Actor, id: &str) -> Result<(), KeyError> {
        let all = self.0.ledger.access_keys(None).await?;
        let key = all.into_iter().find(|key| key.id == id);
        require_owner(actor, key.and_then(|key| key.account).as_deref())?;
        self.known().remove(id);
        Ok(self.0.ledger.delete_access_key(actor, id).await?)
    }

    /// A panic elsewhere leaves the map usable: each entry is whole.
    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NewKey {
    fn random() -> Self {
        let mut random = rand::rng();
        let mut letters = |from: &[u8], count: usize| -> String {
            (0..count).map(|_| char::from(from[random.random_range(0..from.len())])).collect()
        };
        Self { id: format!("{PREFIX}{}", letters(ID_LETTERS, 16)), secret: letters(SECRET_LETTERS, 40) }
    }
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What the vault binds a secret to.
fn context(id: &str) -> String {
    format!("access-key:{id}")
}

fn check_id(id: &str) -> Result<(), KeyError> {
    let bad = |reason| Err(KeyError::BadId { id: id.to_owned(), reason });
    if !(3..=128).contains(&id.len()) {
        return bad("it has fewer than 3 or more than 128 characters");
    }
    if !id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return bad("it has other characters than letters, digits, `-`, `_` and `.`");
    }
    Ok(())
}

/// Everybody has their own keys; only admins have others', and the root key.
fn require_owner(actor: &Actor, account: Option<&str>) -> Result<(), Denied> {
    let own = actor.account.is_some() && account == Some(actor.name.as_str()) && actor.scopes.is_none();
    if own || (actor.role == Role::Admin && actor.in_scope(types::Permission::Administer)) {
        return Ok(());
    }
    Err(Denied::Forbidden { actor: actor.to_string(), permission: types::Permission::Administer })
}

/// Compares all bytes, so that timing does not tell where two differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |bits, (x, y)| bits | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(ledger: &Ledger) -> (tempfile::TempDir, AccessKeys) {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path(), None).unwrap();
        let keys = AccessKeys::new(ledger, &vault);
        (folder, keys)
    }

    fn root() -> Actor {
        Actor::system("test")
    }

    ledger::db_test! {
        components: [];

        async fn the_first_key_is_made_once_and_may_do_everything(ledger: ledger::Ledger) {
            let (_folder, keys) = keys(&ledger);
            let first = keys.first(&root()).await.unwrap().unwrap();
            assert!(first.id.starts_with("AKIA") && first.id.len() == 20 && first.secret.len() == 40);
            assert_eq!(keys.first(&root()).await.unwrap(), None);
            let (actor, secret) = keys.find(&first.id).await.unwrap().unwrap();
            assert_eq!((actor.role, &*secret), (Role::Admin, first.secret.as_bytes()));
            assert!(!ledger.has_accounts().await.unwrap(), "whoever needs no sign-in still needs none");
        }

        async fn a_given_pair_is_kept_and_may_get_another_secret(ledger: ledger::Ledger) {
            let (_folder, keys) = keys(&ledger);
            keys.add(&root(), None, "AKIAIOSFODNN7EXAMPLE", "first secret").await.unwrap();
            assert!(keys.check("AKIAIOSFODNN7EXAMPLE", "first secret").await.unwrap().is_some());
            let version = ledger.access_version().await.unwrap();
            keys.add(&root(), None, "AKIAIOSFODNN7EXAMPLE", "first secret").await.unwrap();
            assert_eq!(ledger.access_version().await.unwrap(), version, "nothing changed");
            keys.add(&root(), None, "AKIAIOSFODNN7EXAMPLE", "other secret").await.unwrap();
            assert!(keys.check("AKIAIOSFODNN7EXAMPLE", "first secret").await.unwrap().is_none());
            assert!(keys.check("AKIAIOSFODNN7EXAMPLE", "other secret").await.unwrap().is_some());
            assert_eq!(keys.first(&root()).await.unwrap(), None);
            let bad = keys.add(&root(), None, "a b", "other secret").await;
            assert!(matches!(bad, Err(KeyError::BadId { .. })), "{bad:?}");
        }

        async fn a_key_speaks_for_its_account_until_either_is_gone(ledger: ledger::Ledger) {
            let (_folder, keys) = keys(&ledger);
            for name in ["ada", "bob"] {
                ledger.create_account(&root(), name, Role::Member, "correct horse").await.unwrap();
            }
            let (ada, bob) = (ledger.act_as("ada").await.unwrap(), ledger.act_as("bob").await.unwrap());
            let key = keys.create(&ada, Some("ada")).await.unwrap();
            assert!(matches!(keys.create(&bob, Some("ada")).await, Err(KeyError::Denied(_))));
            assert!(matches!(keys.revoke(&bob, &key.id).await, Err(KeyError::Denied(_))));
            assert_eq!(keys.find(&key.id).await.unwrap().unwrap().0.name, "ada");
            ledger.set_role(&root(), "ada", Role::Viewer).await.unwrap();
            assert_eq!(keys.find(&key.id).await.unwrap().unwrap().0.role, Role::Viewer);
            assert_eq!(keys.list(&ada, Some("ada")).await.unwrap().len(), 1);
            keys.revoke(&ada, &key.id).await.unwrap();
            assert!(keys.find(&key.id).await.unwrap().is_none());
            let key = keys.create(&root(), Some("bob")).await.unwrap();
            ledger.delete_account(&root(), "bob").await.unwrap();
            assert!(keys.find(&key.id).await.unwrap().is_none());
            assert!(keys.list(&root(), None).await.unwrap().is_empty());
        }

        async fn no_secret_is_in_the_database(ledger: ledger::Ledger) {
            let (_folder, keys) = keys(&ledger);
            let key = keys.first(&root()).await.unwrap().unwrap();
            let sealed = ledger.find_access_key(&key.id).await.unwrap().unwrap().sealed;
            let secret = key.secret.as_bytes();
            assert!(!sealed.windows(secret.len()).any(|window| window == secret));
        }
    }
}
