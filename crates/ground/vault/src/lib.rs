//! Secrets at rest. What a protocol needs in the clear (signing keys, provider credentials) is kept encrypted and
//! authenticated under a master key that lies beside the database, not in it: a copy of the database alone tells
//! nothing. Keys are rotated: the newest seals, older ones still open.

mod ed25519;
mod error;
mod keyring;
mod mac;
mod signed;

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use ring::aead::{Aad, NONCE_LEN, Nonce};
use ring::rand::{SecureRandom as _, SystemRandom};

pub use ed25519::{SigningKey, verify_ed25519};
pub use error::Error;
use keyring::{KEY_ID, Key, Keyring};
pub use mac::hmac_sha256;

/// Overrides the key file: base64 keys of 32 bytes, separated by commas; the last one seals. Several servers on one
/// database need the same keys.
pub const VARIABLE: &str = "MLWRIGHT_MASTER_KEY";

/// The key file's name in the data directory.
pub const FILE: &str = "master.key";

/// The first byte of everything sealed: the layout `version, key id (4), nonce (12), ciphertext and tag` under
/// AES-256-GCM. Version, key id and context are authenticated.
const VERSION: u8 = 1;
const HEAD: usize = 1 + KEY_ID + NONCE_LEN;

/// Seals and opens secrets. Cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    keys: RwLock<Keyring>,
    /// None when the keys come from the environment.
    file: Option<PathBuf>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("file", &self.0.file).finish_non_exhaustive()
    }
}

impl Vault {
    /// Takes the keys from `given` (the value of [`VARIABLE`]) or else from the file in `data_dir`, which is made
    /// with mode 0600 at the first start.
    ///
    /// Errors: `BadKeys` if there is no valid key, `Exposed` if others may read the file.
    pub fn open(data_dir: &Path, given: Option<&str>) -> Result<Self, Error> {
        if let Some(text) = given.filter(|text| !text.trim().is_empty()) {
            let keys = Keyring::of_variable(text)?;
            return Ok(Self(Arc::new(Inner { keys: RwLock::new(keys), file: None })));
        }
        let file = data_dir.join(FILE);
        let keys = Keyring::of_file(&file)?;
        Ok(Self(Arc::new(Inner { keys: RwLock::new(keys), file: Some(file) })))
    }

    /// Encrypts `secret`. `context` says what it belongs to, such as `webhook:<id>`, and is needed to open it again:
    /// a sealed secret moved to another row does not open.
    pub fn seal(&self, context: &str, secret: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| Error::NoRandomness)?;
        let keys = self.0.keys.read().map_err(|_| Error::Poisoned)?;
        let key = keys.newest();
        let mut sealed = Vec::with_capacity(HEAD + secret.len() + 16);
        sealed.push(VERSION);
        sealed.extend_from_slice(&key.id);
        let aad = Aad::from(associated(&key.id, context));
        sealed.extend_from_slice(&nonce);
        let mut body = secret.to_vec();
        key.aead
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
            .map_err(|_| Error::NotOpened { context: context.to_owned() })?;
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// The secret that [`Vault::seal`] was given with the same `context`.
    ///
    /// Errors: `UnknownKey` if it was sealed under a key that is not here, `NotOpened` if it was altered or belongs to
    /// another context.
    pub fn open_sealed(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let damaged = || Error::NotOpened { context: context.to_owned() };
        let (id, nonce, body) = parts(sealed).ok_or_else(damaged)?;
        let keys = self.0.keys.read().map_err(|_| Error::Poisoned)?;
        let key = keys.find(id).ok_or_else(|| Error::UnknownKey { id: hex::encode(id) })?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
        let mut body = body.to_vec();
        let opened = key
            .aead
            .open_in_place(nonce, Aad::from(associated(&key.id, context)), &mut body)
            .map_err(|_| damaged())?;
        Ok(opened.to_vec())
    }

    /// [`Vault::open_sealed`] of a text.
    pub fn open_text(&self, context: &str, sealed: &[u8]) -> Result<String, Error> {
        let bytes = self.open_sealed(context, sealed)?;
        String::from_utf8(bytes).map_err(|_| Error::NotOpened { context: context.to_owned() })
    }

    /// Whether the newest key sealed it. What is not current is sealed again after a rotation.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        let newest = self.0.keys.read().map(|keys| keys.newest().id);
        matches!((parts(sealed), newest), (Some((id, ..)), Ok(newest)) if id == newest)
    }

    /// Adds a key to the file; from now on it seals, and the older ones still open. Its id.
    ///
    /// Errors: `NotInFile` if the keys come from the environment.
    pub fn rotate(&self) -> Result<String, Error> {
        let file = self.0.file.as_ref().ok_or(Error::NotInFile)?;
        let mut keys = self.0.keys.write().map_err(|_| Error::Poisoned)?;
        let key = Key::random()?;
        let id = hex::encode(key.id);
        keys.add_to_file(key, file)?;
        Ok(id)
    }
}

fn parts(sealed: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&version, rest) = sealed.split_first()?;
    let (id, rest) = rest.split_at_checked(KEY_ID)?;
    let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
    (version == VERSION).then_some((id, nonce, body))
}

fn associated(id: &[u8], context: &str) -> Vec<u8> {
    [&[VERSION], id, context.as_bytes()].concat()
}
