//! The end of a multipart upload: its parts become one object, if all that the client says of it holds.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::TryStreamExt as _;
use md5::Digest as _;
use types::Actor;

use crate::checksum::{Checksums, join};
use crate::store::{self, uploads::PartRow};
use crate::{
    Algorithm, ChecksumType, Condition, Error, MOST_PARTS, Metadata, Object, Physical, Repositories,
    SMALLEST_PART,
};

/// The parts of an object, and what a client says of the whole.
#[derive(Clone, Debug, Default)]
pub struct Completion {
    /// By number, ascending.
    pub parts: Vec<NamedPart>,
    /// Bytes of all parts together.
    pub size: Option<u64>,
    pub checksum: Option<Announced>,
    pub condition: Condition,
}

/// A part as a client names it.
#[derive(Clone, Debug, Default)]
pub struct NamedPart {
    pub number: u32,
    /// With or without quotes; empty: whichever it has.
    pub etag: String,
    /// Raw bytes, most significant first.
    pub checksums: BTreeMap<Algorithm, Vec<u8>>,
}

impl From<(u32, String)> for NamedPart {
    fn from((number, etag): (u32, String)) -> Self {
        Self { number, etag, checksums: BTreeMap::new() }
    }
}

/// The checksum that a client expects of an object of parts.
#[derive(Clone, Debug)]
pub struct Announced {
    pub algorithm: Algorithm,
    pub of: ChecksumType,
    /// Base64; of a composite one the number of parts may follow a hyphen.
    pub value: String,
}

impl Announced {
    fn is(&self, found: &str) -> bool {
        let bare = found.split('-').next();
        found == self.value || (self.of == ChecksumType::Composite && bare == Some(self.value.as_str()))
    }
}

impl Repositories {
    /// The bytes are not copied, and are read only for a checksum that does not follow from those of the parts.
    ///
    /// Errors: `BadPart`, `PartOrder`, `PartTooSmall`, `WrongSize`, `Checksum`, and those of [`Repositories::stage`];
    /// nothing is visible then, and the upload goes on.
    pub async fn complete_upload(
        &self,
        actor: &Actor,
        repository: &str,
        id: &str,
        completion: Completion,
    ) -> Result<Object, Error> {
        let Completion { parts, size, checksum, condition } = completion;
        if parts.is_empty() {
            return Err(Error::BadPart { number: 1 });
        }
        if !parts.is_sorted_by(|left, right| left.number < right.number) {
            return Err(Error::PartOrder);
        }
        let (name, upload_id) = (repository.to_owned(), id.to_owned());
        let (upload, rows) = self
            .ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &name)?;
                let upload = store::uploads::find(rx, found.id, &upload_id)?;
                let upload = upload.ok_or_else(|| Error::UploadNotFound(upload_id.clone()))?;
                Ok::<_, Error>((upload, store::uploads::parts(rx, &upload_id, 0, MOST_PARTS as usize)?))
            })
            .await?;
        let rows = named(&parts, &rows)?;
        let found: u64 = rows.iter().map(|row| row.part.size).sum();
        if let Some(expected) = size.filter(|size| *size != found) {
            return Err(Error::WrongSize { expected, found });
        }
        for (part, row) in parts.iter().zip(&rows) {
            for (algorithm, expected) in &part.checksums {
                if self.checksum_of(row, *algorithm).await? != *expected {
                    return Err(Error::BadPart { number: part.number });
                }
            }
        }
        let checksums = self.checksums_of(&rows, upload.checksum, checksum).await?;
        let object = Object {
            size: found,
            physical: Physical::Parts(rows.iter().map(|row| (row.digest, row.part.size)).collect()),
            etag: etag_of_parts(rows.iter().map(|row| row.part.etag.as_str())),
            modified_at: self.ledger().clock().now(),
            content_type: upload.content_type,
            metadata: upload.metadata,
            checksums,
            headers: upload.headers,
        };
        let ended = Some(id.to_owned());
        self.stage_one(actor, repository, &upload.branch, &upload.path, object, condition, ended).await
    }

    /// The checksum of all parts: the announced one, else the one that the upload was begun with, else S3's default if
    /// it is known. Errors: `Checksum`.
    async fn checksums_of(
        &self,
        rows: &[&PartRow],
        begun: Option<(Algorithm, ChecksumType)>,
        announced: Option<Announced>,
    ) -> Result<Metadata, Error> {
        let default = Algorithm::Crc64Nvme;
        let is_known = || rows.iter().all(|row| row.part.checksums.contains_key(default.name()));
        let wanted = announced.as_ref().map(|announced| (announced.algorithm, announced.of)).or(begun);
        let wanted = wanted.or_else(|| is_known().then_some((default, ChecksumType::FullObject)));
        let Some((algorithm, of)) = wanted else { return Ok(Metadata::new()) };
        let name = algorithm.name().to_owned();
        let mut sums = Vec::with_capacity(rows.len());
        for row in rows {
            sums.push((self.checksum_of(row, algorithm).await?, row.part.size));
        }
        let found = join(algorithm, of, &sums).ok_or_else(|| {
            Error::Invalid(format!("there is no {} checksum of {name} of an object of parts", of.name()))
        })?;
        match announced {
            Some(announced) if !announced.is(&found) => {
                Err(Error::Checksum { algorithm: name, expected: announced.value, found })
            }
            _ => Ok(Metadata::from([(name, found)])),
        }
    }

    /// Raw bytes; the part is read if nobody asked for that algorithm when it came.
    async fn checksum_of(&self, row: &PartRow, algorithm: Algorithm) -> Result<Vec<u8>, Error> {
        let known = row.part.checksums.get(algorithm.name()).and_then(|text| STANDARD.decode(text).ok());
        if let Some(known) = known {
            return Ok(known);
        }
        if algorithm == Algorithm::Sha256 {
            return Ok(row.digest.as_bytes().to_vec());
        }
        let object = Object::bare(Physical::Blob(row.digest), row.part.size);
        let mut body = self.read(&object, None).await?.body;
        let mut sums = Checksums::new(&[algorithm]);
        while let Some(chunk) = body.try_next().await? {
            sums.update(&chunk);
        }
        let (_, mut sums) = sums.finish(&row.digest);
        Ok(sums.remove(&algorithm).unwrap_or_default())
    }
}

/// The ETag of an object of parts with these ETags, without quotes: S3's MD5 of their MD5s, and how many they are.
pub fn etag_of_parts<'e>(etags: impl Iterator<Item = &'e str>) -> String {
    let (mut sums, mut count) = (md5::Md5::new(), 0);
    for etag in etags {
        sums.update(hex::decode(etag).unwrap_or_default());
        count += 1;
    }
    format!("{}-{count}", hex::encode(sums.finalize()))
}

/// The rows of the parts. Errors: `BadPart`, `PartTooSmall`.
fn named<'a>(parts: &[NamedPart], rows: &'a [PartRow]) -> Result<Vec<&'a PartRow>, Error> {
    let mut found = Vec::with_capacity(parts.len());
    for (index, NamedPart { number, etag, .. }) in parts.iter().enumerate() {
        let at = rows.binary_search_by_key(number, |row| row.part.number).ok();
        let row = at.map(|at| &rows[at]).filter(|row| {
            let etag = etag.trim_matches('"');
            etag.is_empty() || row.part.etag == etag
        });
        let row = row.ok_or(Error::BadPart { number: *number })?;
        if row.part.size < SMALLEST_PART && index + 1 < parts.len() {
            return Err(Error::PartTooSmall { number: *number, size: row.part.size });
        }
        found.push(row);
    }
    Ok(found)
}
