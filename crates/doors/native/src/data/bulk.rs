//! Many objects in one request: what a request, a durable write and a transaction cost is paid once for thousands.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{SinkExt as _, Stream, StreamExt as _, TryStreamExt as _};
use kit::Caller;
use repositories::{Error, Object, Physical};
use serde::Deserialize;
use serde_json::{Value, json};
use types::{Actor, Permission};

use super::frames::{END, Frames, head};
use super::objects::object;
use crate::{Failure, State};

/// Objects up to here are held in memory and stored together.
const SMALL: u64 = 1 << 20;
/// Objects, and bytes of small ones, that become visible together.
const BATCH: usize = 4_096;
const BATCH_BYTES: usize = 16 << 20;
/// Paths of one download.
const PATHS: usize = 20_000;
/// Neighbours in one pack are read together up to here.
const RUN: u64 = 4 << 20;
/// Reads of one download at the same time.
const TOGETHER: usize = 8;

/// What was stored together.
#[derive(Default)]
struct Batch {
    objects: Vec<(String, Object)>,
    small: Vec<(String, Bytes)>,
}

/// `POST …/branches/{branch}/upload`: objects as [`super::frames`]. Every few thousand of them become visible together,
/// all or none; those before a failure stay.
pub async fn upload(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, branch)): Path<(String, String)>,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Write)?;
    let body = body.into_data_stream().map_err(|e| Error::Body(e.to_string())).boxed();
    let mut frames = Frames::new(body);
    let (mut count, mut bytes) = (0_u64, 0_u64);
    let mut last = Batch::default();
    loop {
        // The next batch comes in while the last one is stored.
        let (next, stored) =
            tokio::join!(gather(&state, &mut frames), store(&state, actor, &repository, &branch, last));
        let (objects, size) = stored?;
        (count, bytes) = (count + objects, bytes + size);
        match next? {
            Some(next) => last = next,
            None => return Ok(Json(json!({ "objects": count, "bytes": bytes }))),
        }
    }
}

async fn gather<S>(state: &State, frames: &mut Frames<S>) -> Result<Option<Batch>, Error>
where
    S: Stream<Item = Result<Bytes, Error>> + Unpin,
{
    let (mut batch, mut held) = (Batch::default(), 0);
    while batch.objects.len() + batch.small.len() < BATCH && held < BATCH_BYTES {
        let Some((path, size)) = frames.next().await? else { break };
        if size <= SMALL {
            held += size as usize;
            batch.small.push((path, frames.content().await?));
            continue;
        }
        let (give, take) = futures::channel::mpsc::channel::<Result<Bytes, Error>>(4);
        let pump = async {
            // It ends with this block, and the body with it.
            let mut give = give;
            while let Some(chunk) = frames.chunk().await? {
                // The store has given up if nobody takes it; it says why.
                if give.send(Ok(chunk)).await.is_err() {
                    break;
                }
            }
            Ok::<_, Error>(())
        };
        let (pumped, received) = tokio::join!(pump, state.repositories.receive(take.boxed(), &[]));
        let received = received?;
        pumped?;
        if received.size != size {
            return Err(Error::Body(format!("`{path}` has {} of its {size} bytes", received.size)));
        }
        batch.objects.push((path.clone(), object(state, &path, received, None)));
    }
    Ok(Some(batch).filter(|b| !b.objects.is_empty() || !b.small.is_empty()))
}

/// Objects and bytes that are visible now.
async fn store(
    state: &State,
    actor: &Actor,
    repository: &str,
    branch: &str,
    batch: Batch,
) -> Result<(u64, u64), Error> {
    let Batch { mut objects, small } = batch;
    // Small bodies that come together are stored together.
    let each = small.into_iter().map(|(path, bytes)| async move {
        let body = futures::stream::once(async move { Ok(bytes) }).boxed();
        let received = state.repositories.receive(body, &[]).await?;
        Ok::<_, Error>((path.clone(), object(state, &path, received, None)))
    });
    objects.extend(futures::future::try_join_all(each).await?);
    if objects.is_empty() {
        return Ok((0, 0));
    }
    let sums = (objects.len() as u64, objects.iter().map(|(_, object)| object.size).sum());
    state.repositories.stage_many(actor, repository, branch, objects).await?;
    Ok(sums)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Download {
    paths: Vec<String>,
}

/// `POST …/refs/{reference}/download`: these objects, in this order, as [`super::frames`].
pub async fn download(
    Shared(state): Shared<State>,
    caller: Caller,
    Path((repository, reference)): Path<(String, String)>,
    headers: HeaderMap,
    body: Result<Json<Download>, JsonRejection>,
) -> Result<Response, Failure> {
    let actor = caller.require(Permission::Read)?;
    let Json(Download { paths }) = body.map_err(|e| Failure::body(&e))?;
    if paths.len() > PATHS {
        return Err(Failure::invalid(
            format!("{} paths in one request", paths.len()),
            "ask for at most 20,000 at once",
        ));
    }
    let (repository, reference) = (repository.as_str(), reference.as_str());
    let found = state.repositories.look_many(actor, repository, reference, paths.clone()).await?;
    if let Some(reader) = kit::reader(&headers) {
        for (_, seen) in &found {
            state.repositories.note_read(actor, &reader, seen.clone()).await;
        }
    }
    let objects = paths.into_iter().zip(found.into_iter().map(|(object, _)| object)).collect();
    let read = move |run: Vec<(String, Object)>| open(state.clone(), run);
    let parts = futures::stream::iter(runs(objects)).map(read).buffered(TOGETHER).try_flatten();
    let end = futures::stream::once(async { Ok::<_, Error>(Bytes::from_static(&END)) });
    let kind = [(header::CONTENT_TYPE, "application/vnd.mlwright.frames")];
    Ok((kind, Body::from_stream(parts.chain(end))).into_response())
}

/// Objects that lie one after the other in a pack, together.
fn runs(objects: Vec<(String, Object)>) -> Vec<Vec<(String, Object)>> {
    let mut runs: Vec<Vec<(String, Object)>> = Vec::new();
    let mut bytes = 0;
    for (path, object) in objects {
        let follows = runs.last().and_then(|run| run.last()).is_some_and(|(_, last)| {
            matches!(
                (&last.physical, &object.physical),
                (Physical::Slice { blob: a, offset: from }, Physical::Slice { blob: b, offset: to })
                    if a == b && from + last.size == *to
            ) && bytes + object.size <= RUN
        });
        bytes = if follows { bytes } else { 0 } + object.size;
        match runs.last_mut().filter(|_| follows) {
            Some(run) => run.push((path, object)),
            None => runs.push(vec![(path, object)]),
        }
    }
    runs
}

/// The frames of one run.
async fn open(
    state: State,
    run: Vec<(String, Object)>,
) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
    let Some((path, first)) = run.first() else { return Ok(futures::stream::empty().boxed()) };
    if run.len() == 1 {
        let head = head(path, first.size);
        let body = match first.size {
            0 => futures::stream::empty().boxed(),
            _ => state.repositories.read(first, None).await?.body,
        };
        return Ok(futures::stream::once(async { Ok(head) }).chain(body).boxed());
    }
    let whole = Object { size: run.iter().map(|(_, object)| object.size).sum(), ..first.clone() };
    let body = state.repositories.read(&whole, None).await?.body;
    let chunks: Vec<Bytes> = body.try_collect().await?;
    if chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>() != whole.size {
        return Err(Error::Body(format!("`{path}` and what lies after it are not whole")));
    }
    // One piece of the answer for all of them: thousands of little ones would each be framed and written by themselves.
    let bytes = chunks.concat();
    let (mut parts, mut at) = (Vec::with_capacity(bytes.len() + run.len() * 96), 0);
    for (path, object) in &run {
        let end = at + object.size as usize;
        parts.extend_from_slice(&head(path, object.size));
        parts.extend_from_slice(&bytes[at..end]);
        at = end;
    }
    Ok(futures::stream::once(async { Ok(Bytes::from(parts)) }).boxed())
}
