//! Reading a package: nothing of it is used before its signature and every byte were checked.

use std::collections::BTreeMap;
use std::fs::File as OsFile;
use std::io::{BufReader, Read, Write as _};
use std::path::{Component, Path};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use types::{Hasher, io};

use crate::Error;
use crate::manifest::{FORMAT, Manifest, SIGNATURE, STATEMENT, Signature};

/// A statement is text that people may read.
const MOST_STATEMENT: u64 = 64 << 20;

/// A package that is what its signer made.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    pub manifest: Manifest,
    /// Base64 of the signer's public key. Whether that is somebody to trust, the package cannot say.
    pub public_key: String,
}

/// Checks the signature, that the files are those that were signed, and that there is nothing else. With `trusted`, also
/// that the signer is the one who is trusted. Blocks.
///
/// Errors: `BadPackage`, `OtherSigner`.
pub fn verify(path: &Path, trusted: Option<&str>) -> Result<Verified, Error> {
    read(path, trusted, None)
}

/// [`verify`], and writes the files below the empty or new folder `to`.
pub fn unpack(path: &Path, trusted: Option<&str>, to: &Path) -> Result<Verified, Error> {
    read(path, trusted, Some(to))
}

fn read(path: &Path, trusted: Option<&str>, to: Option<&Path>) -> Result<Verified, Error> {
    let bad = |reason: String| Error::BadPackage { path: path.display().to_string(), reason };
    let mut archive = tar::Archive::new(BufReader::with_capacity(1 << 20, io::open(path)?));
    let mut entries = archive.entries().map_err(|e| bad(e.to_string()))?;
    let mut text = |name: &str| -> Result<Vec<u8>, Error> {
        let entry = entries.next().ok_or_else(|| bad(format!("it has no `{name}`")))?;
        let mut entry = entry.map_err(|e| bad(e.to_string()))?;
        if entry.path_bytes().as_ref() != name.as_bytes() || entry.size() > MOST_STATEMENT {
            return Err(bad(format!("`{name}` is not where it belongs")));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|e| bad(e.to_string()))?;
        Ok(bytes)
    };
    let statement = text(STATEMENT)?;
    let signature: Signature =
        serde_json::from_slice(&text(SIGNATURE)?).map_err(|e| bad(format!("its signature: {e}")))?;
    let decode = |what: &str, text: &str| STANDARD.decode(text).map_err(|e| bad(format!("{what}: {e}")));
    let key = decode("its key", &signature.public_key)?;
    let value = decode("its signature", &signature.signature)?;
    if signature.algorithm != "ed25519" || !vault::verify_ed25519(&key, &statement, &value) {
        return Err(bad("its signature does not hold: it was altered".into()));
    }
    if let Some(expected) = trusted.filter(|trusted| trusted.trim() != signature.public_key) {
        return Err(Error::OtherSigner {
            path: path.display().to_string(),
            actual: signature.public_key,
            expected: expected.trim().to_owned(),
        });
    }
    let manifest: Manifest =
        serde_json::from_slice(&statement).map_err(|e| bad(format!("its statement: {e}")))?;
    if manifest.format != FORMAT {
        return Err(bad(format!("it has format {}, this program reads {FORMAT}", manifest.format)));
    }
    let mut missing: BTreeMap<&str, &crate::manifest::File> =
        manifest.files.iter().map(|file| (file.path.as_str(), file)).collect();
    for entry in entries {
        let mut entry = entry.map_err(|e| bad(e.to_string()))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some(file) = missing.remove(name.as_str()) else {
            return Err(bad(format!("`{name}` is in it and was not signed")));
        };
        let plain = Path::new(&name).components().all(|c| matches!(c, Component::Normal(_)));
        if !plain || !entry.header().entry_type().is_file() || entry.size() != file.bytes {
            return Err(bad(format!("`{name}` is not the file that was signed")));
        }
        let mut out = to.map(|to| create(&to.join(&name))).transpose()?;
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = entry.read(&mut buffer).map_err(|e| bad(format!("`{name}`: {e}")))?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            if let Some(out) = &mut out {
                out.write_all(&buffer[..read]).map_err(|e| io::Error::new("write", &name, e))?;
            }
        }
        if hasher.finish() != file.digest {
            return Err(bad(format!("`{name}` is not the file that was signed: its bytes differ")));
        }
    }
    if let Some(name) = missing.keys().next() {
        return Err(bad(format!("`{name}` is missing: it was cut off")));
    }
    Ok(Verified { manifest, public_key: signature.public_key })
}

fn create(place: &Path) -> Result<OsFile, Error> {
    io::create_dir_all(place.parent().unwrap_or(Path::new(".")))?;
    Ok(io::create(place)?)
}
