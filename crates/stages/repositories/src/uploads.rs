//! Multipart uploads. Parts are blobs of their own, and an object of parts reads one after the other: completing
//! (`complete.rs`) copies nothing.

use bytes::Bytes;
use futures::TryStreamExt as _;
use types::{Actor, Timestamp};

use crate::checksum::texts;
use crate::repository::page;
use crate::store;
use crate::{
    Algorithm, ChecksumType, Error, Metadata, Object, Page, Paging, Physical, Received, Repositories, names,
};

/// Bytes of every part but the last, at least.
pub const SMALLEST_PART: u64 = 5 << 20;
/// Numbers of parts go from 1 to here.
pub const MOST_PARTS: u32 = 10_000;

#[derive(Clone, Debug)]
pub struct Upload {
    pub id: String,
    pub repository: String,
    pub branch: String,
    pub path: String,
    pub content_type: Option<String>,
    pub metadata: Metadata,
    /// Those of the object that it becomes.
    pub headers: Metadata,
    /// The checksum that the object will have, if the client chose one.
    pub checksum: Option<(Algorithm, ChecksumType)>,
    pub started_at: Timestamp,
}

/// What is said of an object before its parts come.
#[derive(Clone, Debug, Default)]
pub struct NewUpload {
    pub content_type: Option<String>,
    pub metadata: Metadata,
    pub headers: Metadata,
    /// An algorithm and a type that it allows.
    pub checksum: Option<(Algorithm, ChecksumType)>,
}

impl Upload {
    /// The checksum that each part wants, so that the object has one without being read: S3's default is CRC-64/NVME.
    pub fn algorithm(&self) -> Algorithm {
        self.checksum.map_or(Algorithm::Crc64Nvme, |(algorithm, _)| algorithm)
    }
}

#[derive(Clone, Debug)]
pub struct UploadPart {
    pub number: u32,
    pub size: u64,
    /// MD5, hexadecimal.
    pub etag: String,
    pub modified_at: Timestamp,
    /// Base64 by algorithm: those that were taken when it came.
    pub checksums: Metadata,
}

impl Repositories {
    /// Errors: `Protected` and `ReadOnly` come at the end, with [`Repositories::complete_upload`]; the branch must be
    /// there now as well.
    pub async fn create_upload(
        &self,
        actor: &Actor,
        repository: &str,
        branch: &str,
        path: &str,
        new: NewUpload,
    ) -> Result<Upload, Error> {
        names::text_path(path)?;
        let now = self.ledger().clock().now();
        let new = Upload {
            id: types::new_id(now).hex(),
            repository: repository.to_owned(),
            branch: branch.to_owned(),
            path: path.to_owned(),
            content_type: new.content_type,
            metadata: new.metadata,
            headers: new.headers,
            checksum: new.checksum,
            started_at: now,
        };
        self.ledger()
            .record(actor, move |tx| {
                let found = store::repositories::get_writable(tx, &new.repository, false)?;
                store::refs::get_branch(tx, found.id, &new.branch)?;
                store::uploads::insert(tx, found.id, &new)?;
                Ok(new.clone())
            })
            .await
    }

    pub async fn upload(&self, actor: &Actor, repository: &str, id: &str) -> Result<Upload, Error> {
        let (repository, id) = (repository.to_owned(), id.to_owned());
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                store::uploads::find(rx, found.id, &id)?.ok_or(Error::UploadNotFound(id))
            })
            .await
    }

    /// 1 to 10,000; a number that is there already is replaced. Best received with [`Upload::algorithm`].
    pub async fn put_part(
        &self,
        actor: &Actor,
        repository: &str,
        id: &str,
        number: u32,
        part: Received,
    ) -> Result<UploadPart, Error> {
        if !(1..=MOST_PARTS).contains(&number) {
            return Err(Error::BadPart { number });
        }
        let digest = match &part.physical {
            Physical::Blob(digest) => *digest,
            // A small part came in one file with others; parts are blobs of their own.
            _ => self.blobs().put_bytes(self.bytes(&part).await?).await?,
        };
        let (repository, id) = (repository.to_owned(), id.to_owned());
        self.ledger()
            .record(actor, move |tx| {
                let found = store::repositories::get(tx, &repository)?;
                if store::uploads::find(tx, found.id, &id)?.is_none() {
                    return Err(Error::UploadNotFound(id.clone()));
                }
                let row = UploadPart {
                    number,
                    size: part.size,
                    etag: part.etag(),
                    modified_at: tx.now(),
                    checksums: texts(&part.checksums),
                };
                store::uploads::put_part(tx, &id, &row, &digest)?;
                Ok(row)
            })
            .await
    }

    /// What was received, in memory: for small bodies.
    async fn bytes(&self, received: &Received) -> Result<Bytes, Error> {
        let object = Object::bare(received.physical.clone(), received.size);
        let chunks: Vec<Bytes> = self.read(&object, None).await?.body.try_collect().await?;
        Ok(chunks.concat().into())
    }

    /// By number; `after` is exclusive.
    pub async fn parts(
        &self,
        actor: &Actor,
        repository: &str,
        id: &str,
        after: u32,
        limit: usize,
    ) -> Result<Page<UploadPart>, Error> {
        let (repository, id) = (repository.to_owned(), id.to_owned());
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                if store::uploads::find(rx, found.id, &id)?.is_none() {
                    return Err(Error::UploadNotFound(id));
                }
                let limit = limit.clamp(1, crate::LONGEST_PAGE);
                let rows = store::uploads::parts(rx, &id, after, limit + 1)?;
                Ok(page(rows.into_iter().map(|row| row.part).collect(), limit, |part| {
                    part.number.to_string()
                }))
            })
            .await
    }

    /// Errors: `UploadNotFound`, also the second time.
    pub async fn abort_upload(&self, actor: &Actor, repository: &str, id: &str) -> Result<(), Error> {
        let (repository, id) = (repository.to_owned(), id.to_owned());
        self.ledger()
            .record(actor, move |tx| {
                let found = store::repositories::get(tx, &repository)?;
                if store::uploads::find(tx, found.id, &id)?.is_none() || !store::uploads::delete(tx, &id)? {
                    return Err(Error::UploadNotFound(id.clone()));
                }
                Ok(())
            })
            .await
    }

    /// By path and id. `after` is a path, whose uploads are passed over, or `path`, a zero byte and an id.
    pub async fn uploads(
        &self,
        actor: &Actor,
        repository: &str,
        branch: Option<&str>,
        paging: Paging,
    ) -> Result<Page<Upload>, Error> {
        let (repository, branch) = (repository.to_owned(), branch.map(str::to_owned));
        self.ledger()
            .read(actor.workspace, move |rx| {
                let found = store::repositories::get(rx, &repository)?;
                let limit = paging.limit.clamp(1, crate::LONGEST_PAGE);
                let items = store::uploads::list(rx, found.id, branch.as_deref(), &paging, limit + 1)?;
                Ok(page(items, limit, |upload| format!("{}\0{}", upload.path, upload.id)))
            })
            .await
    }
}
