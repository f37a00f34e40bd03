use bytes::Bytes;
use curation::ExpectationGate;
use datasets::{Gate, Import, Source, SourceFile, Version};
use serde_json::json;
use types::{Actor, Timestamp, Uid};

use super::{Next, committed};
use crate::rows::{align, blocking};
use crate::{Automation, Error, Retraining, State};

/// The latest version of the dataset, or the files of the commit that triggered it, with all labelled predictions of the
/// endpoint added. Earlier ones that a former retraining added are replaced by what is known now, so that late and
/// corrected labels count.
pub(super) async fn make(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
) -> Result<Next, Error> {
    let recipe = &retraining.recipe;
    let Some(dataset) = &recipe.dataset else {
        return Ok(Next::to(State::Training).saying("the pipeline takes no dataset"));
    };
    let base = datasets::latest(&automation.ledger, actor, dataset).await?;
    let base = base.ok_or_else(|| Error::Missing(format!("the dataset `{dataset}` has no version")))?;
    let commit = committed::of(automation, actor, retraining).await?;
    let labelled = labelled(automation, actor, retraining, &base).await?;
    let (mut files, mut causes, mut origin, what) = match (commit, &labelled) {
        (None, Err(why)) => return Ok(unchanged(&base, why)),
        (None, Ok(_)) => {
            let causes = vec![("dataset_version".to_owned(), base.uid.hex())];
            (earlier(&base, &added(retraining)), causes, json!({}), String::new())
        }
        (Some(found), _) => {
            (found.files, vec![("commit".to_owned(), found.commit)], found.origin, found.what)
        }
    };
    origin["retraining"] = json!(retraining.uid);
    origin["endpoint"] = json!(retraining.endpoint);
    origin["base"] = json!(base.number);
    let mut said = what;
    if let Ok(labelled) = labelled {
        let count = labelled.count;
        causes.extend(labelled.segments.iter().map(|s| ("prediction_segment".to_owned(), s.hex())));
        files.push(SourceFile::new(added(retraining), Source::Bytes(labelled.rows)));
        origin["labelled"] = json!(count);
        let colon = if said.is_empty() { "" } else { ", " };
        said = format!("{said}{colon}{count} labelled predictions added");
    }
    let expectations = recipe.expectations.clone();
    let gate = expectations.map(|e| ExpectationGate::new(&automation.ledger, &automation.blobs, actor, e));
    let import = Import {
        key: base.key.clone(),
        types: base.schema.fields.iter().map(|f| (f.name.clone(), f.data_type)).collect(),
        gate: gate.as_ref().map(|g| g as &dyn Gate),
        origin,
        derived_from: causes,
        ..Import::new(dataset.clone(), files)
    };
    match datasets::import(&automation.ledger, &automation.blobs, actor, import).await {
        Ok(version) => Ok(Next::to(State::Training)
            .saying(format!("{dataset} version {}: {said}", version.number))
            .with(|c| c.dataset_version = Some(version.uid))),
        Err(datasets::Error::Rejected { summary, .. }) => {
            Ok(Next::to(State::Refused).saying(format!("the new data was refused: {summary}")))
        }
        Err(error) => Err(error.into()),
    }
}

/// The file that labelled predictions are in.
fn added(retraining: &Retraining) -> String {
    format!("predictions-{}.parquet", retraining.endpoint)
}

/// The files of a version but for this one.
fn earlier(base: &Version, added: &str) -> Vec<SourceFile> {
    base.parts
        .iter()
        .filter(|part| part.name != added)
        .map(|part| SourceFile::new(part.name.clone(), Source::Blob(part.source_digest)))
        .collect()
}

struct Rows {
    /// Parquet.
    rows: Bytes,
    count: usize,
    segments: Vec<Uid>,
}

/// The labelled predictions in the columns of the dataset. Inner errors: why there are none.
async fn labelled(
    automation: &Automation,
    actor: &Actor,
    retraining: &Retraining,
    base: &Version,
) -> Result<Result<Rows, &'static str>, Error> {
    let Some(label) = &retraining.recipe.label else { return Ok(Err("the policy names no label column")) };
    let (log, endpoint) = (&automation.log, &retraining.endpoint);
    if automation.label_count(actor, endpoint, Timestamp(0)).await? == 0 {
        return Ok(Err("no prediction is labelled"));
    }
    // Every row then has a segment, which the graph leads to.
    log.seal(actor, endpoint).await?;
    let labelled = automation.labelled(actor, endpoint, Timestamp(0)).await?;
    let (count, segments) = (labelled.labels.len(), labelled.rows.segments.clone());
    let (about, column) = (base.clone(), label.clone());
    let rows = blocking(move || Ok(align(&labelled, &column, &about)?.to_parquet()?)).await?;
    Ok(Ok(Rows { rows: rows.into(), count, segments }))
}

fn unchanged(base: &Version, why: &str) -> Next {
    Next::to(State::Training)
        .saying(format!("{} version {}: {why}", base.dataset, base.number))
        .with(|c| c.dataset_version = Some(base.uid))
}
