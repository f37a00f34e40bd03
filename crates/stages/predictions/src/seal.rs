use std::sync::Arc;

use columns::Table;
use ledger::Tx;
use serde_json::json;
use types::{Actor, Uid};

use crate::log::remove;
use crate::store::{self, Segment};
use crate::tail::{Key, Part};
use crate::{Error, Log, table};

/// Segments read lately; the newest at the end.
#[derive(Default)]
pub struct Cache(Vec<(Uid, Arc<Table>)>);

const CACHED: usize = 16;

/// Full spools above which sealing no longer gives way to requests.
const BACKLOG: usize = 8;

impl Log {
    /// Parquet blob, then the row, node and event in one transaction, then the spool file goes. A crash between
    /// any two of them is mended by doing it again.
    pub(crate) async fn seal_part(&self, key: &Key, uid: Uid, awaited: bool) -> Result<(), Error> {
        let part = {
            let tail = self.0.tail.read();
            let parts = tail.endpoints.get(key).map(|e| e.parts.as_slice()).unwrap_or_default();
            parts.iter().find(|p| p.segment == uid).cloned()
        };
        let Some(part) = part else { return Ok(()) };
        if part.rows > 0 {
            self.store_part(key, &part, awaited).await?;
        }
        self.0.tail.write().remove(key, uid);
        if let Some(path) = &part.path {
            remove(path);
        }
        Ok(())
    }

    async fn store_part(&self, key: &Key, part: &Part, awaited: bool) -> Result<(), Error> {
        let (chunks, first) = (part.chunks.clone(), part.first_ordinal);
        let encode = move || Ok(table::build(&chunks, first)?.to_parquet_of(&table::STYLE)?);
        // Requests go first, unless somebody waits for it, or they bring more rows than what they leave over can seal.
        let bytes = if awaited || self.closed_parts() > BACKLOG {
            blocking(encode).await?
        } else {
            tasks::in_background("predictions-seal", encode).await.ok_or(Error::Stopped)??
        };
        let size = bytes.len() as i64;
        let digest = self.0.blobs.put_bytes(bytes).await?;
        let ids = || part.chunks.iter().flat_map(|c| c.ids.iter().copied());
        let (Some(first_id), Some(last_id)) = (ids().min(), ids().max()) else { return Ok(()) };
        let times = || part.chunks.iter().flat_map(|c| c.asked.iter().map(|asked| asked.at));
        let segment = Segment {
            uid: part.segment,
            endpoint: key.1.clone(),
            first_ordinal: first,
            rows: part.rows as i64,
            first_id,
            last_id,
            first_at: times().min().unwrap_or_default(),
            last_at: times().max().unwrap_or_default(),
            digest,
            bytes: size,
        };
        let mut revisions: Vec<Uid> = part.chunks.iter().map(|c| c.origin.revision).collect();
        revisions.sort();
        revisions.dedup();
        let actor = Actor { workspace: key.0, ..Actor::system("predictions") };
        self.0.ledger.write(&actor, move |tx| commit(tx, &segment, &revisions)).await
    }

    fn closed_parts(&self) -> usize {
        self.0.tail.read().endpoints.values().flat_map(|e| &e.parts).filter(|part| part.closed).count()
    }

    /// A sealed segment's rows.
    pub(crate) async fn segment(&self, segment: &Segment) -> Result<Arc<Table>, Error> {
        {
            let mut cache = self.0.cache.lock();
            if let Some(index) = cache.0.iter().position(|(uid, _)| *uid == segment.uid) {
                let entry = cache.0.remove(index);
                let table = Arc::clone(&entry.1);
                cache.0.push(entry);
                return Ok(table);
            }
        }
        let bytes = self.0.blobs.get_bytes(&segment.digest).await?;
        let name = format!("prediction segment {}", segment.uid);
        let table = blocking(move || Ok(Arc::new(columns::read_parquet(&name, bytes, None)?))).await?;
        let mut cache = self.0.cache.lock();
        if cache.0.len() >= CACHED {
            cache.0.remove(0);
        }
        cache.0.push((segment.uid, Arc::clone(&table)));
        Ok(table)
    }
}

fn commit(tx: &mut Tx<'_>, segment: &Segment, revisions: &[Uid]) -> Result<(), Error> {
    if !store::insert_segment(tx, segment)? {
        return Ok(());
    }
    let key = segment.uid.hex();
    let props = json!({
        "endpoint": segment.endpoint,
        "rows": segment.rows,
        "digest": segment.digest,
        "first_ordinal": segment.first_ordinal,
    });
    let node = tx.node("prediction_segment", &key, props.clone())?;
    for revision in revisions {
        if let Some(served_by) = tx.find_node("endpoint_revision", &revision.hex())? {
            tx.edge(node, "served_by", served_by)?;
        }
    }
    tx.event("predictions.sealed", &format!("prediction_segment:{key}"), props)?;
    Ok(())
}

pub(crate) async fn blocking<T: Send + 'static>(
    f: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(f).await.map_err(|_| Error::Stopped)?
}
