use ledger::{Ledger, Tx};
use predictions::{Found, Log, NewLabel};
use serde_json::{Value, json};
use tracking::Page;
use types::{Actor, Uid};

use super::{EndpointQueue, PredictionItem, PredictionQuery};
use crate::store::predictions as store;
use crate::{Error, ItemStatus};

/// Microseconds for which a taken prediction is its taker's.
const TAKEN: i64 = 30 * 60 * 1_000_000;

/// Every endpoint's queue, by name.
pub async fn prediction_queues(ledger: &Ledger, actor: &Actor) -> Result<Vec<EndpointQueue>, Error> {
    Ok(ledger.read(actor.workspace, store::queues).await?)
}

/// Those that wait longest first; of those that were judged, the newest.
pub async fn prediction_items(
    ledger: &Ledger,
    actor: &Actor,
    query: PredictionQuery,
) -> Result<Page<PredictionItem>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(Page::cut(store::items(rx, &query)?, query.limit))).await
}

/// Errors: `NotWaiting` if it is in no queue.
pub async fn prediction_item(
    ledger: &Ledger,
    actor: &Actor,
    prediction: Uid,
) -> Result<PredictionItem, Error> {
    ledger
        .read(actor.workspace, move |rx| store::item(rx, prediction)?.ok_or(Error::NotWaiting(prediction)))
        .await
}

/// Takes the prediction that waits longest and that nobody else works on, of one endpoint or of all. What this person took
/// before comes first. `None` if there is none.
pub async fn take_next(
    ledger: &Ledger,
    actor: &Actor,
    endpoint: Option<String>,
) -> Result<Option<PredictionItem>, Error> {
    ledger
        .write(actor, move |tx| {
            let before = tx.now().0 - TAKEN;
            match store::next(tx, endpoint.as_deref(), before)? {
                Some(item) => Ok(Some(taken(tx, item)?)),
                None => Ok(None),
            }
        })
        .await
}

/// Errors: `NotWaiting`, `TakenBy`, `Judged`.
pub async fn take(ledger: &Ledger, actor: &Actor, prediction: Uid) -> Result<PredictionItem, Error> {
    ledger
        .write(actor, move |tx| {
            let item = free(tx, prediction)?;
            taken(tx, item)
        })
        .await
}

/// Gives it back to the others. Errors: `NotWaiting`, `TakenBy`, `Judged`.
pub async fn release(ledger: &Ledger, actor: &Actor, prediction: Uid) -> Result<PredictionItem, Error> {
    ledger
        .write(actor, move |tx| {
            let mut item = free(tx, prediction)?;
            if item.taken_by.is_some() {
                (item.taken_by, item.taken_at) = (None, None);
                store::update(tx, &item)?;
                tx.event("review.released", &subject(prediction), about(&item))?;
            }
            Ok(item)
        })
        .await
}

/// Says what is true of it: the verdict becomes the prediction's label. The same person may correct it later.
///
/// Errors: `NotWaiting`, `TakenBy`, `Judged` by somebody else; `Predictions` for a verdict that is no label.
pub async fn answer(
    ledger: &Ledger,
    log: &Log,
    actor: &Actor,
    prediction: Uid,
    verdict: Value,
    comment: Option<String>,
) -> Result<PredictionItem, Error> {
    let by = actor.to_string();
    let known = prediction_item(ledger, actor, prediction).await?;
    may(&known, &by, ledger.clock().now().0)?;
    // The label first: a verdict without its label would be lost, the same label told twice is not.
    let label = NewLabel { prediction_id: prediction, label: verdict.clone(), at: None };
    let told = log.label(actor, vec![label]).await?;
    if !told.unknown.is_empty() {
        return Err(Error::NoPrediction(prediction));
    }
    let found = log.find(actor, prediction).await?;
    let done = move |item: &mut PredictionItem| {
        item.status = ItemStatus::Complete;
        item.verdict = Some(verdict.clone());
        item.comment.clone_from(&comment);
    };
    close(ledger, actor, prediction, "review.answered", done, found).await
}

/// Leaves it without a verdict. Errors: `NotWaiting`, `TakenBy`, `Judged`.
pub async fn skip(
    ledger: &Ledger,
    actor: &Actor,
    prediction: Uid,
    comment: Option<String>,
) -> Result<PredictionItem, Error> {
    let done = move |item: &mut PredictionItem| {
        item.status = ItemStatus::Declined;
        item.verdict = None;
        item.comment.clone_from(&comment);
    };
    close(ledger, actor, prediction, "review.skipped", done, None).await
}

async fn close(
    ledger: &Ledger,
    actor: &Actor,
    prediction: Uid,
    event: &'static str,
    done: impl Fn(&mut PredictionItem) + Send + Sync + 'static,
    found: Option<Found>,
) -> Result<PredictionItem, Error> {
    ledger
        .write(actor, move |tx| {
            let by = tx.actor().to_string();
            let mut item = store::item(tx, prediction)?.ok_or(Error::NotWaiting(prediction))?;
            may(&item, &by, tx.now().0)?;
            done(&mut item);
            (item.taken_by, item.taken_at) = (None, None);
            (item.completed_by, item.completed_at) = (Some(by), Some(tx.now()));
            store::update(tx, &item)?;
            if let Some(found) = &found {
                edges(tx, &item, found)?;
            }
            tx.event(event, &subject(prediction), about(&item))?;
            Ok(item)
        })
        .await
}

/// From the verdict to what it is about.
fn edges(tx: &mut Tx<'_>, item: &PredictionItem, found: &Found) -> Result<(), Error> {
    let props = json!({ "endpoint": item.endpoint, "verdict": item.verdict, "by": item.completed_by });
    let verdict = tx.node("review_verdict", &item.prediction.hex(), props)?;
    let about = [
        ("endpoint_revision", found.revision.hex()),
        ("model_version", found.model_version.hex()),
        ("prediction_segment", found.segment.map(|s| s.hex()).unwrap_or_default()),
    ];
    for (kind, key) in about {
        if let Some(node) = tx.find_node(kind, &key)? {
            tx.edge(verdict, "judged", node)?;
        }
    }
    Ok(())
}

fn taken(tx: &mut Tx<'_>, mut item: PredictionItem) -> Result<PredictionItem, Error> {
    let (by, now) = (tx.actor().to_string(), tx.now());
    if item.taken_by.as_ref() == Some(&by) && item.taken_at.is_some_and(|at| at.0 > now.0 - TAKEN) {
        return Ok(item);
    }
    (item.taken_by, item.taken_at) = (Some(by), Some(now));
    store::update(tx, &item)?;
    tx.event("review.taken", &subject(item.prediction), about(&item))?;
    Ok(item)
}

/// The item, if it waits and nobody else works on it.
fn free(tx: &mut Tx<'_>, prediction: Uid) -> Result<PredictionItem, Error> {
    let item = store::item(tx, prediction)?.ok_or(Error::NotWaiting(prediction))?;
    let by = tx.actor().to_string();
    if item.status != ItemStatus::Pending {
        let by = item.completed_by.clone().unwrap_or_default();
        return Err(Error::Judged { prediction, by });
    }
    may(&item, &by, tx.now().0)?;
    Ok(item)
}

fn may(item: &PredictionItem, by: &str, now: i64) -> Result<(), Error> {
    let prediction = item.prediction;
    if item.status != ItemStatus::Pending {
        let other = item.completed_by.clone().filter(|other| other != by);
        return other.map_or(Ok(()), |by| Err(Error::Judged { prediction, by }));
    }
    let recent = item.taken_at.is_some_and(|at| at.0 > now - TAKEN);
    match item.taken_by.clone().filter(|other| recent && other != by) {
        Some(by) => Err(Error::TakenBy { prediction, by }),
        None => Ok(()),
    }
}

fn subject(prediction: Uid) -> String {
    format!("prediction:{prediction}")
}

fn about(item: &PredictionItem) -> Value {
    json!({
        "prediction": item.prediction,
        "endpoint": item.endpoint,
        "reasons": item.reasons,
        "verdict": item.verdict,
        "comment": item.comment,
    })
}
