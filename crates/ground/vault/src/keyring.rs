//! The master keys and the file that holds them: a first line with the format's version, then one line a key, the
//! newest last: `<id> <base64 of 32 bytes>`.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::{Error, VARIABLE};

/// Bytes of a key's id: the head of a digest of the key, so that a wrong key is told from a damaged secret.
pub const KEY_ID: usize = 4;
const HEADER: &str = "mlwright-master-keys v1";

pub struct Key {
    pub id: [u8; KEY_ID],
    pub aead: LessSafeKey,
    /// Derived, so that what is signed tells nothing about what is sealed.
    pub mac: hmac::Key,
    text: String,
}

/// At least one key, the newest last.
pub struct Keyring(Vec<Key>);

impl Key {
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
        Self::of_bytes(&bytes).ok_or(Error::NoRandomness)
    }

    /// None unless there are 32 bytes.
    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let aead = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).ok()?);
        let sum = digest(&SHA256, &[b"mlwright master key id\0", bytes].concat());
        let id = *sum.as_ref().first_chunk::<KEY_ID>()?;
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"mlwright signed tokens");
        let mac = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        Some(Self { id, aead, mac, text: STANDARD.encode(bytes) })
    }

    fn of_text(text: &str) -> Option<Self> {
        Self::of_bytes(&STANDARD.decode(text.trim()).ok()?)
    }
}

impl Keyring {
    pub fn newest(&self) -> &Key {
        &self.0[self.0.len() - 1]
    }

    pub fn all(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    pub fn find(&self, id: &[u8]) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }

    pub fn of_variable(text: &str) -> Result<Self, Error> {
        let bad =
            |reason: String| Error::BadKeys { place: format!("environment variable {VARIABLE}"), reason };
        let texts = text.split(',').map(str::trim).filter(|t| !t.is_empty());
        let keys: Option<Vec<Key>> = texts.map(Key::of_text).collect();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(Self(keys)),
            _ => Err(bad("not base64 of 32 bytes".into())),
        }
    }

    /// Reads the file, or makes it with one new key.
    pub fn of_file(path: &Path) -> Result<Self, Error> {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut made = Self(Vec::new());
                made.add_to_file(Key::random()?, path)?;
                return Ok(made);
            }
            Err(error) => return Err(types::io::Error::new("look at", path, error).into()),
        };
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Error::Exposed { path: path.to_owned(), mode });
        }
        Self::parse(&types::io::read_to_string(path)?)
            .map_err(|reason| Error::BadKeys { place: format!("`{}`", path.display()), reason })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().enumerate();
        match lines.next() {
            Some((_, HEADER)) => {}
            Some((_, line)) if line.starts_with("mlwright-master-keys ") => {
                return Err(format!("line 1: a newer mlwright wrote it (`{line}`)"));
            }
            _ => return Err(format!("line 1: not `{HEADER}`")),
        }
        let mut keys = Vec::new();
        for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let key = line
                .split_once(' ')
                .and_then(|(id, text)| Key::of_text(text).filter(|key| hex::encode(key.id) == id));
            keys.push(key.ok_or_else(|| format!("line {}: not a key, or damaged", index + 1))?);
        }
        if keys.is_empty() { Err("it holds no key".into()) } else { Ok(Self(keys)) }
    }

    /// The file is replaced whole, so that a crash leaves the old one; the key counts only once it is on disk.
    pub fn add_to_file(&mut self, key: Key, path: &Path) -> Result<(), Error> {
        let line = |key: &Key| format!("{} {}\n", hex::encode(key.id), key.text);
        let known: String = self.0.iter().chain([&key]).map(line).collect();
        let sibling = path.with_extension(format!("key.{}.new", std::process::id()));
        let at = |action, place: &Path| {
            let place = place.to_owned();
            move |error| types::io::Error::new(action, place, error)
        };
        let mut options = std::fs::OpenOptions::new();
        options.create(true).truncate(true).write(true).mode(0o600);
        let mut file = options.open(&sibling).map_err(at("create", &sibling))?;
        file.write_all(format!("{HEADER}\n{known}").as_bytes()).map_err(at("write", &sibling))?;
        file.sync_all().map_err(at("sync", &sibling))?;
        std::fs::rename(&sibling, path).map_err(at("replace", path))?;
        types::io::sync_dir(path.parent().unwrap_or(Path::new(".")))?;
        self.0.push(key);
        Ok(())
    }
}
