use std::sync::{Arc, LazyLock};

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use types::{Actor, Role, WorkspaceId};

use super::accounts::Account;
use super::role;
use crate::{Error, Ledger, params};

/// A password that was found right, and what must stay so for it to be believed without hashing it again.
#[derive(Clone, Debug)]
pub struct Verified {
    pub account: i64,
    hash: Arc<str>,
}

/// Fewest characters of a password.
const SHORTEST: usize = 8;

/// OWASP's second choice for Argon2id: 19 MiB, two passes. About 20 ms on one core.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

/// How many passwords are hashed at the same time: whoever guesses passwords must not take the whole machine.
static HASHING: Semaphore = Semaphore::const_new(2);

/// Compared with where there is no such account, so that an answer's delay does not tell which names exist.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now("nobody").unwrap_or_default());

fn hash_now(password: &str) -> Result<String, Error> {
    let failed =
        |e: argon2::password_hash::Error| Error::Database { message: format!("hashing failed: {e}") };
    let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).map_err(failed)?;
    Ok(argon2().hash_password(password.as_bytes(), &salt).map_err(failed)?.to_string())
}

fn verify_now(hash: &str, password: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

async fn hashing<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let _permit = HASHING.acquire().await.map_err(|_| Error::Closed)?;
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)
}

async fn hashed(password: &str) -> Result<String, Error> {
    if password.chars().count() < SHORTEST {
        return Err(Error::WeakPassword { shortest: SHORTEST });
    }
    let password = password.to_owned();
    hashing(move || hash_now(&password)).await?
}

impl Ledger {
    /// Makes an account that signs in with a password. Errors: `Exists`, `WeakPassword`.
    pub async fn create_account(
        &self,
        actor: &Actor,
        name: &str,
        role: Role,
        password: &str,
    ) -> Result<Account, Error> {
        if self.account(name).await?.is_some() {
            return Err(Error::Exists(format!("account `{name}`")));
        }
        self.insert_account(actor, name, role, hashed(password).await?).await
    }

    /// Errors: `Missing`, `WeakPassword`.
    pub async fn set_password(&self, actor: &Actor, name: &str, password: &str) -> Result<(), Error> {
        self.update_password_hash(actor, name, hashed(password).await?).await
    }

    /// Slow on purpose: keep the answer, and ask [`Ledger::recall`] whether it still holds.
    ///
    /// Errors: `BadCredential`, saying no more than that.
    pub async fn check_password(&self, name: &str, password: &str) -> Result<Verified, Error> {
        let (wanted, password) = (name.to_owned(), password.to_owned());
        let found = self
            .read(WorkspaceId::DEFAULT, move |rx| {
                rx.query_opt(
                    "SELECT id, password_hash FROM account WHERE workspace_id = $1 AND name = $2 AND NOT disabled",
                    &params![WorkspaceId::DEFAULT, &wanted],
                )?
                .map(|row| Ok::<_, Error>((row.get::<i64>("id")?, row.get::<Option<String>>("password_hash")?)))
                .transpose()
            })
            .await?;
        let (account, hash) = match found {
            Some((account, Some(hash))) => (Some(account), Arc::from(hash)),
            _ => (None, Arc::<str>::from("")),
        };
        let against = Arc::clone(&hash);
        let right =
            hashing(move || verify_now(if against.is_empty() { &NOBODY } else { &against }, &password))
                .await?;
        match account {
            Some(account) if right => Ok(Verified { account, hash }),
            _ => Err(Error::BadCredential("the name or the password is wrong".into())),
        }
    }

    /// Who that is now: the role and grants of this moment. Cheap: one read, no hashing.
    ///
    /// Errors: `BadCredential` if the password was changed, or the account is gone or disabled.
    pub async fn recall(&self, verified: &Verified) -> Result<Actor, Error> {
        let (id, hash) = (verified.account, Arc::clone(&verified.hash));
        let refuse = || Error::BadCredential("the name or the password is wrong".into());
        let member_level = self.member_level();
        self.read(WorkspaceId::DEFAULT, move |rx| {
            let row = rx
                .query_opt(
                    "SELECT name, role, password_hash FROM account \
                     WHERE workspace_id = $1 AND id = $2 AND NOT disabled",
                    &params![WorkspaceId::DEFAULT, id],
                )?
                .ok_or_else(refuse)?;
            if row.get::<Option<String>>("password_hash")?.as_deref() != Some(&*hash) {
                return Err(refuse());
            }
            super::grants::actor(rx, id, row.get("name")?, role(&row)?, None, member_level)
        })
        .await
    }
}
