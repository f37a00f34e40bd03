//! Multipart uploads. Parts are blobs of their own, and an object of parts reads one after the other: completing
//! copies nothing.

use bytes::Bytes;
use futures::TryStreamExt as _;
use md5::Digest as _;
use types::{Actor, Timestamp};

use crate::repository::page;
use crate::store;
use crate::{Condition, Error, Metadata, Object, Page, Paging, Physical, Received, Repositories, names};

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
    pub started_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct UploadPart {
    pub number: u32,
    pub size: u64,
    /// MD5, hexadecimal.
    pub etag: String,
    pub modified_at: Timestamp,
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
        content_type: Option<String>,
        metadata: Metadata,
    ) -> Result<Upload, Error> {
        names::text_path(path)?;
        let now = self.ledger().clock().now();
        let new = Upload {
            id: types::new_id(now).hex(),
            repository: repository.to_owned(),
            branch: branch.to_owned(),
            path: path.to_owned(),
            content_type,
            metadata,
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

    /// 1 to 10,000; a number that is there already is replaced.
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
                let etag = hex::encode(part.md5);
                let row = UploadPart { number, size: part.size, etag, modified_at: tx.now() };
                store::uploads::put_part(tx, &id, &row, &digest)?;
                Ok(row)
            })
            .await
    }

    /// What was received, in memory: for small bodies.
    async fn bytes(&self, received: &Received) -> Result<Bytes, Error> {
        let object = Object {
            physical: received.physical.clone(),
            size: received.size,
            etag: String::new(),
            modified_at: Timestamp(0),
            content_type: None,
            metadata: Metadata::new(),
            checksums: Metadata::new(),
        };
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

    /// `parts`: numbers and ETags, ascending. The bytes are not copied.
    ///
    /// Errors: `BadPart`, `PartOrder`, `PartTooSmall`, and those of [`Repositories::stage`]; the upload goes on then.
    pub async fn complete_upload(
        &self,
        actor: &Actor,
        repository: &str,
        id: &str,
        parts: Vec<(u32, String)>,
        condition: Condition,
    ) -> Result<Object, Error> {
        if parts.is_empty() {
            return Err(Error::BadPart { number: 1 });
        }
        if !parts.is_sorted_by(|left, right| left.0 < right.0) {
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
        let mut places = Vec::with_capacity(parts.len());
        let mut sums = md5::Md5::new();
        for (index, (number, etag)) in parts.iter().enumerate() {
            let row = rows.iter().find(|row| row.part.number == *number);
            let row = row.filter(|row| etag.is_empty() || row.part.etag == etag.trim_matches('"'));
            let row = row.ok_or(Error::BadPart { number: *number })?;
            if row.part.size < SMALLEST_PART && index + 1 < parts.len() {
                return Err(Error::PartTooSmall { number: *number, size: row.part.size });
            }
            places.push((row.digest, row.part.size));
            sums.update(hex::decode(&row.part.etag).unwrap_or_default());
        }
        let object = Object {
            size: places.iter().map(|(_, size)| size).sum(),
            physical: Physical::Parts(places),
            etag: format!("{}-{}", hex::encode(sums.finalize()), parts.len()),
            modified_at: self.ledger().clock().now(),
            content_type: upload.content_type,
            metadata: upload.metadata,
            checksums: Metadata::new(),
        };
        let ended = Some(id.to_owned());
        self.stage_one(actor, repository, &upload.branch, &upload.path, object, condition, ended).await
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
