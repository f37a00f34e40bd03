//! Proven credentials, remembered: a password is hashed slowly once, and then costs a keyed digest and a look-up a
//! request. Every change of accounts, tokens or grants on this server is noticed at once; of other servers on the
//! same database, within a second ([`Ledger::look_at_peers`]).

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ledger::{Error, Ledger, Verified};
use types::{Actor, Digest, Hasher};

/// How long a token is believed before its expiry is looked at again.
const BELIEVED: Duration = Duration::from_secs(5);
/// How long a refused credential is refused again without a new look.
const REFUSED: Duration = Duration::from_secs(2);
/// Most credentials that are remembered.
const MOST: usize = 10_000;

/// What a request shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential<'a> {
    Token(&'a str),
    Password { name: &'a str, password: &'a str },
}

enum Proof {
    Token,
    Password(Verified),
}

struct Known {
    generation: u64,
    at: Instant,
    actor: Actor,
    proof: Proof,
}

pub struct Credentials {
    ledger: Ledger,
    /// Makes the digests useless to whoever reads the memory of another process or a dump of this map.
    key: [u8; 32],
    known: Mutex<HashMap<Digest, Known>>,
    refused: Mutex<HashMap<Digest, (Instant, u64)>>,
    /// Whether anybody can sign in, as of a generation.
    accounts: AtomicBool,
    accounts_at: AtomicU64,
}

impl Credentials {
    pub async fn new(ledger: Ledger) -> Result<Self, Error> {
        let accounts_at = ledger.access_generation();
        Ok(Self {
            key: rand::random(),
            known: Mutex::default(),
            refused: Mutex::default(),
            accounts: AtomicBool::new(ledger.has_accounts().await?),
            accounts_at: AtomicU64::new(accounts_at),
            ledger,
        })
    }

    /// Whether anybody can sign in, so that everybody must. Never turns back while the server runs.
    pub async fn login_required(&self) -> Result<bool, Error> {
        if self.accounts.load(Ordering::Relaxed) {
            return Ok(true);
        }
        self.ledger.look_at_peers().await?;
        let generation = self.ledger.access_generation();
        if self.accounts_at.load(Ordering::Relaxed) != generation {
            let accounts = self.ledger.has_accounts().await?;
            self.accounts.store(accounts, Ordering::Relaxed);
            self.accounts_at.store(generation, Ordering::Relaxed);
        }
        Ok(self.accounts.load(Ordering::Relaxed))
    }

    /// Whom a credential speaks for. Errors: `BadCredential`.
    pub async fn verify(&self, credential: Credential<'_>) -> Result<Actor, Error> {
        self.ledger.look_at_peers().await?;
        let digest = self.digest(credential);
        let generation = self.ledger.access_generation();
        let mut verified = None;
        if let Some(known) = lock(&self.known).get(&digest) {
            let fresh = known.generation == generation;
            match &known.proof {
                Proof::Token if fresh && known.at.elapsed() < BELIEVED => return Ok(known.actor.clone()),
                Proof::Password(_) if fresh => return Ok(known.actor.clone()),
                Proof::Token => {}
                Proof::Password(proof) => verified = Some(proof.clone()),
            }
        }
        if let Some(verified) = verified {
            // Something changed somewhere: mostly not this account, so ask before hashing again.
            match self.ledger.recall(&verified).await {
                Ok(actor) => return Ok(self.remember(digest, generation, actor, Proof::Password(verified))),
                Err(Error::BadCredential(_)) => {
                    lock(&self.known).remove(&digest);
                }
                Err(error) => return Err(error),
            }
        }
        let again = |(at, then): &(Instant, u64)| at.elapsed() < REFUSED && *then == generation;
        if lock(&self.refused).get(&digest).is_some_and(again) {
            return Err(Error::BadCredential("the name, password or token is wrong".into()));
        }
        let (actor, proof) = match self.prove(credential).await {
            Ok(proven) => proven,
            Err(error) => {
                if matches!(error, Error::BadCredential(_)) {
                    let mut refused = lock(&self.refused);
                    if refused.len() >= MOST {
                        refused.clear();
                    }
                    refused.insert(digest, (Instant::now(), generation));
                }
                return Err(error);
            }
        };
        Ok(self.remember(digest, generation, actor, proof))
    }

    async fn prove(&self, credential: Credential<'_>) -> Result<(Actor, Proof), Error> {
        match credential {
            Credential::Token(token) => Ok((self.ledger.authenticate(token).await?, Proof::Token)),
            Credential::Password { name, password } => {
                let verified = self.ledger.check_password(name, password).await?;
                Ok((self.ledger.recall(&verified).await?, Proof::Password(verified)))
            }
        }
    }

    fn remember(&self, digest: Digest, generation: u64, actor: Actor, proof: Proof) -> Actor {
        let mut known = lock(&self.known);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(digest, Known { generation, at: Instant::now(), actor: actor.clone(), proof });
        actor
    }

    fn digest(&self, credential: Credential<'_>) -> Digest {
        let mut hasher = Hasher::new();
        hasher.update(self.key);
        match credential {
            Credential::Token(token) => {
                hasher.update([0]);
                hasher.update(token);
            }
            Credential::Password { name, password } => {
                hasher.update([1]);
                hasher.update((name.len() as u64).to_be_bytes());
                hasher.update(name);
                hasher.update(password);
            }
        }
        hasher.finish()
    }
}

/// A panic elsewhere leaves these maps usable: each entry is whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use ledger::testing::{Engine, scratch};
    use types::{Level, Role};

    use super::*;

    fn password<'a>(name: &'a str, password: &'a str) -> Credential<'a> {
        Credential::Password { name, password }
    }

    async fn refused(credentials: &Credentials, credential: Credential<'_>) -> bool {
        matches!(credentials.verify(credential).await, Err(Error::BadCredential(_)))
    }

    #[tokio::test]
    async fn a_changed_password_role_or_account_counts_at_once() {
        let scratch = scratch(Engine::Sqlite).unwrap().unwrap();
        let ledger = scratch.open(&[]).unwrap();
        let admin = Actor::system("test");
        let credentials = Credentials::new(ledger.clone()).await.unwrap();
        assert!(!credentials.login_required().await.unwrap());
        ledger.create_account(&admin, "ada", Role::Member, "correct horse").await.unwrap();
        assert!(credentials.login_required().await.unwrap());
        let ada = credentials.verify(password("ada", "correct horse")).await.unwrap();
        assert_eq!(
            (ada.to_string().as_str(), ada.role, ada.level([])),
            ("user:ada", Role::Member, Some(Level::Read))
        );

        // Remembered: a thousand more cost less than one hash.
        let started = Instant::now();
        credentials.verify(password("ada", "correct horse")).await.unwrap();
        for _ in 0..1_000 {
            credentials.verify(password("ada", "correct horse")).await.unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());

        ledger.set_role(&admin, "ada", Role::Admin).await.unwrap();
        assert_eq!(credentials.verify(password("ada", "correct horse")).await.unwrap().role, Role::Admin);
        ledger.set_password(&admin, "ada", "another one").await.unwrap();
        assert!(refused(&credentials, password("ada", "correct horse")).await);
        assert!(refused(&credentials, password("nobody", "correct horse")).await);
        credentials.verify(password("ada", "another one")).await.unwrap();
        ledger.delete_account(&admin, "ada").await.unwrap();
        assert!(refused(&credentials, password("ada", "another one")).await);
    }

    #[test]
    fn another_server_on_the_same_database_notices_within_a_second() {
        // The ledgers are opened and closed outside of the runtime: both block.
        let Some(scratch) = scratch(Engine::Postgres).unwrap() else { return };
        let (here, there) = (scratch.open(&[]).unwrap(), scratch.open(&[]).unwrap());
        let admin = Actor::system("test");
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let credentials = Credentials::new(there.clone()).await.unwrap();
            here.create_account(&admin, "ada", Role::Member, "correct horse").await.unwrap();
            credentials.verify(password("ada", "correct horse")).await.unwrap();
            here.set_password(&admin, "ada", "another one").await.unwrap();
            tokio::time::sleep(Duration::from_millis(1_100)).await;
            assert!(refused(&credentials, password("ada", "correct horse")).await);
        });
    }
}
