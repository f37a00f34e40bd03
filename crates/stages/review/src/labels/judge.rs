use columns::column;
use datasets::Version;
use ledger::{Ledger, Tx};
use serde_json::{Value, json};
use tracking::Page;
use types::{Actor, DataType, Uid};

use super::{LabelItem, LabelQuery, LabelReview, LabelVerdict};
use crate::store::labels as store;
use crate::{Error, ItemStatus};

/// The versions whose labels were put before people, the newest first.
pub async fn label_reviews(ledger: &Ledger, actor: &Actor) -> Result<Vec<LabelReview>, Error> {
    Ok(ledger.read(actor.workspace, |rx| store::reviews(rx, None)).await?)
}

/// Those whose label is the least likely come first.
pub async fn label_items(
    ledger: &Ledger,
    actor: &Actor,
    query: LabelQuery,
) -> Result<Page<LabelItem>, Error> {
    ledger.read(actor.workspace, move |rx| Ok(Page::cut(store::items(rx, &query)?, query.limit))).await
}

/// Errors: `LabelNotWaiting` if the row was not put before people.
pub async fn label_item(ledger: &Ledger, actor: &Actor, version: Uid, row: i64) -> Result<LabelItem, Error> {
    ledger
        .read(actor.workspace, move |rx| store::item(rx, version, row)?.ok_or(Error::LabelNotWaiting(row)))
        .await
}

/// Says of a label whether it is right. Whoever judged it may judge it again.
///
/// Errors: `LabelNotWaiting`; `LabelJudged` by somebody else; `BadLabel` if the column cannot hold the label.
pub async fn judge_label(
    ledger: &Ledger,
    actor: &Actor,
    version: &Version,
    row: i64,
    verdict: LabelVerdict,
    comment: Option<String>,
) -> Result<LabelItem, Error> {
    let version = version.clone();
    ledger
        .write(actor, move |tx| {
            let mut item = store::item(tx, version.uid, row)?.ok_or(Error::LabelNotWaiting(row))?;
            let by = tx.actor().to_string();
            if let Some(other) = item.completed_by.clone().filter(|other| *other != by) {
                return Err(Error::LabelJudged { row, by: other });
            }
            (item.status, item.verdict) = match &verdict {
                LabelVerdict::Keep => (ItemStatus::Complete, Some(item.given.clone())),
                LabelVerdict::Correct(label) => {
                    (ItemStatus::Complete, Some(fitting(&version, &item, label)?))
                }
                LabelVerdict::Skip => (ItemStatus::Declined, None),
                LabelVerdict::Reopen => (ItemStatus::Pending, None),
            };
            let open = item.status == ItemStatus::Pending;
            item.comment.clone_from(&comment);
            (item.completed_by, item.completed_at) =
                if open { (None, None) } else { (Some(by), Some(tx.now())) };
            store::update(tx, &item)?;
            edge(tx, &version, &item)?;
            tx.event(
                "review.label_judged",
                &format!("dataset_version:{}", version.uid),
                about(&version, &item),
            )?;
            Ok(item)
        })
        .await
}

/// The label as the column holds it.
fn fitting(version: &Version, item: &LabelItem, label: &str) -> Result<String, Error> {
    let found = version.schema.field(&item.column).map_or(DataType::String, |f| f.data_type);
    let bad = || Error::BadLabel { column: item.column.clone(), label: label.to_owned(), wanted: found };
    let array = labels(found, &[Some(label.to_owned())]).ok_or_else(bad)?;
    let table = columns::Table::new(vec![(item.column.clone(), array)]).map_err(curation::Error::from)?;
    let text = table.texts(&item.column).map_err(curation::Error::from)?.pop().flatten();
    text.ok_or_else(bad)
}

/// Labels of a type from texts; `None` if one is none of it, or the type has no labels.
pub(super) fn labels(data_type: DataType, texts: &[Option<String>]) -> Option<columns::ArrayRef> {
    fn each<T: std::str::FromStr>(texts: &[Option<String>]) -> Option<Vec<Option<T>>> {
        texts
            .iter()
            .map(|t| t.as_ref().map(|t| t.trim().parse().ok()).map_or(Some(None), |v| v.map(Some)))
            .collect()
    }
    Some(match data_type {
        DataType::String => column::strings(texts.iter().map(Option::as_ref)),
        DataType::Integer => column::integers(each::<i64>(texts)?),
        DataType::Float => column::floats(each::<f64>(texts)?),
        DataType::Boolean => column::booleans(each::<bool>(texts)?),
        DataType::Timestamp | DataType::Date | DataType::Binary => return None,
    })
}

fn edge(tx: &mut Tx<'_>, version: &Version, item: &LabelItem) -> Result<(), Error> {
    let props = json!({ "dataset": version.dataset, "row": item.row, "verdict": item.verdict, "by": item.completed_by });
    let verdict = tx.node("label_verdict", &format!("{}:{}", version.uid.hex(), item.row), props)?;
    if let Some(node) = tx.find_node("dataset_version", &version.uid.hex())? {
        tx.edge(verdict, "judged", node)?;
    }
    Ok(())
}

fn about(version: &Version, item: &LabelItem) -> Value {
    json!({
        "dataset": version.dataset,
        "number": version.number,
        "version": version.uid,
        "row": item.row,
        "row_id": item.row_id,
        "column": item.column,
        "given": item.given,
        "likely": item.likely,
        "status": item.status.name(),
        "verdict": item.verdict,
        "comment": item.comment,
    })
}
