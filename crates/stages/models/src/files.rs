use ledger::Ledger;
use serde::Serialize;
use types::{Actor, Digest, Uid};

use crate::error::Error;
use crate::store::versions as store;

/// One file of a model version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelFile {
    /// Relative to the model's folder, with `/`.
    pub path: String,
    /// The blob that holds the bytes.
    pub digest: Digest,
    pub bytes: i64,
}

/// The digest of a version: of its lines `<file digest> <path>\n`, by path. Two versions with the same digest are
/// the same bytes under the same names.
pub fn manifest_digest(files: &[ModelFile]) -> Digest {
    let mut lines: Vec<_> = files.iter().map(|f| (&f.path, f.digest)).collect();
    lines.sort();
    let text: String = lines.iter().map(|(path, digest)| format!("{digest} {path}\n")).collect();
    Digest::of(text)
}

/// The files of a version, by path; none if they are not in the server's own store. Errors: `VersionNotFound`.
pub async fn files(ledger: &Ledger, actor: &Actor, version: Uid) -> Result<Vec<ModelFile>, Error> {
    ledger
        .read(actor.workspace, move |rx| {
            let found = store::find_uid(rx, &version)?
                .ok_or_else(|| Error::VersionNotFound { model: "?".into(), version: version.to_string() })?;
            Ok(store::files(rx, found.id)?)
        })
        .await
}
