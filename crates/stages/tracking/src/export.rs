//! Every point that a run logged, as one Parquet file: columns `key`, `step`, `timestamp` (milliseconds) and `value`,
//! by key and then by time.

use blobs::Blobs;
use bytes::Bytes;
use columns::{ParquetWriter, Table, column};
use futures::{Stream, TryStreamExt as _};
use ledger::{Ledger, Tx};
use serde_json::json;
use types::{Actor, Digest, Uid};

use crate::error::Error;
use crate::model::Point;
use crate::series::history_after;
use crate::store::{metrics as store, runs};

/// A file that [`export_metrics`] made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsFile {
    pub digest: Digest,
    pub bytes: u64,
}

/// Points that are in memory at once.
const PIECE: usize = 50_000;

/// Stores the file among the blobs, as a node of the graph that came of the run. The same points give the same file.
///
/// Errors: `RunNotFound`.
pub async fn export_metrics(
    ledger: &Ledger,
    blobs: &Blobs,
    actor: &Actor,
    uid: Uid,
) -> Result<MetricsFile, Error> {
    let stream = metrics_parquet(ledger, actor, uid).await?;
    let (digest, bytes) = blobs.put_stream(Box::pin(stream), None).await?;
    ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            if tx.find_node("metrics_file", &digest.hex())?.is_some() {
                return Ok::<_, Error>(());
            }
            let file = tx.node("metrics_file", &digest.hex(), json!({ "run": uid, "bytes": bytes }))?;
            let run = tx.node("run", &uid.hex(), json!({}))?;
            tx.edge(file, "logged_by", run)?;
            let payload = json!({ "run": uid, "digest": digest, "bytes": bytes });
            Ok(tx.event("run.metrics_exported", &format!("run:{uid}"), payload)?)
        })
        .await?;
    Ok(MetricsFile { digest, bytes })
}

struct Writing {
    ledger: Ledger,
    actor: Actor,
    uid: Uid,
    /// What is not written yet, the next one last.
    keys: Vec<String>,
    /// The last point written of the next key.
    after: Option<Point>,
    /// `None` once the file is whole.
    writer: Option<ParquetWriter>,
}

/// The file's bytes as they are made; never as a whole in memory. Points that are logged meanwhile may be in it.
///
/// Errors: `RunNotFound`.
pub async fn metrics_parquet(
    ledger: &Ledger,
    actor: &Actor,
    uid: Uid,
) -> Result<impl Stream<Item = Result<Bytes, Error>> + Send + use<>, Error> {
    let keys = ledger
        .read(actor.workspace, move |rx| {
            let run = runs::find(rx, &uid)?.ok_or_else(|| Error::RunNotFound(uid.to_string()))?;
            Ok::<_, Error>(store::counts(rx, run.id)?)
        })
        .await?;
    let keys = keys.into_keys().rev().collect();
    let writer = Some(ParquetWriter::new(&table("", &[])?)?);
    let state = Writing { ledger: ledger.clone(), actor: actor.clone(), uid, keys, after: None, writer };
    Ok(futures::stream::try_unfold(state, piece).try_filter(|bytes| std::future::ready(!bytes.is_empty())))
}

async fn piece(mut state: Writing) -> Result<Option<(Bytes, Writing)>, Error> {
    let Some(mut writer) = state.writer.take() else { return Ok(None) };
    let Some(key) = state.keys.last().cloned() else {
        return Ok(Some((writer.finish()?.into(), state)));
    };
    let points =
        history_after(&state.ledger, &state.actor, state.uid, key.clone(), state.after, PIECE).await?;
    state.after = points.last().copied();
    if points.len() < PIECE {
        state.keys.pop();
        state.after = None;
    }
    let written = tokio::task::spawn_blocking(move || {
        let bytes = writer.write(&table(&key, &points)?)?;
        Ok::<_, Error>((bytes, writer))
    });
    let (bytes, writer) = written.await.map_err(|e| ledger::Error::Database {
        message: format!("writing the metrics of run {} as Parquet failed: {e}", state.uid),
    })??;
    state.writer = Some(writer);
    Ok(Some((bytes.into(), state)))
}

fn table(key: &str, points: &[Point]) -> Result<Table, Error> {
    Ok(Table::new(vec![
        ("key".to_owned(), column::strings(points.iter().map(|_| Some(key)))),
        ("step".to_owned(), column::integers(points.iter().map(|p| Some(p.step)))),
        ("timestamp".to_owned(), column::integers(points.iter().map(|p| Some(p.at.0)))),
        ("value".to_owned(), column::floats(points.iter().map(|p| Some(p.value)))),
    ])?)
}
