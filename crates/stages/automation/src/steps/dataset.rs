use curation::ExpectationGate;
use datasets::{Gate, Import, Source, SourceFile, Version};
use serde_json::json;
use types::{Actor, Timestamp};

use super::Next;
use crate::rows::{align, blocking};
use crate::{Automation, Error, Retraining, State};

/// The latest version of the dataset with all labelled predictions of the endpoint added. Earlier ones that a former
/// retraining added are replaced by what is known now, so that late and corrected labels count.
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
    let Some(label) = &recipe.label else {
        return Ok(unchanged(&base, "the policy names no label column"));
    };
    if automation.log.label_count(actor, &retraining.endpoint, Timestamp(0)).await? == 0 {
        return Ok(unchanged(&base, "no prediction is labelled"));
    }
    // Every row then has a segment, which the graph leads to.
    automation.log.seal(actor, &retraining.endpoint).await?;
    let labelled = automation.log.labelled(actor, &retraining.endpoint, Timestamp(0)).await?;
    let count = labelled.labels.len();
    let segments = labelled.rows.segments.clone();
    let (about, column) = (base.clone(), label.clone());
    let bytes = blocking(move || Ok(align(&labelled, &column, &about)?.to_parquet()?)).await?;

    let added = format!("predictions-{}.parquet", retraining.endpoint);
    let mut files: Vec<SourceFile> = base
        .parts
        .iter()
        .filter(|part| part.name != added)
        .map(|part| SourceFile::new(part.name.clone(), Source::Blob(part.source_digest)))
        .collect();
    files.push(SourceFile::new(added, Source::Bytes(bytes.into())));
    let expectations = recipe.expectations.clone();
    let gate = expectations.map(|e| ExpectationGate::new(&automation.ledger, &automation.blobs, actor, e));
    let mut causes = vec![("dataset_version".to_owned(), base.uid.hex())];
    causes.extend(segments.iter().map(|s| ("prediction_segment".to_owned(), s.hex())));
    let import = Import {
        key: base.key.clone(),
        types: base.schema.fields.iter().map(|f| (f.name.clone(), f.data_type)).collect(),
        gate: gate.as_ref().map(|g| g as &dyn Gate),
        origin: json!({
            "retraining": retraining.uid, "endpoint": retraining.endpoint, "base": base.number, "labelled": count,
        }),
        derived_from: causes,
        ..Import::new(dataset.clone(), files)
    };
    match datasets::import(&automation.ledger, &automation.blobs, actor, import).await {
        Ok(version) => Ok(Next::to(State::Training)
            .saying(format!("{dataset} version {}: {count} labelled predictions added", version.number))
            .with(|c| c.dataset_version = Some(version.uid))),
        Err(datasets::Error::Rejected { summary, .. }) => {
            Ok(Next::to(State::Refused).saying(format!("the new data was refused: {summary}")))
        }
        Err(error) => Err(error.into()),
    }
}

fn unchanged(base: &Version, why: &str) -> Next {
    Next::to(State::Training)
        .saying(format!("{} version {}: {why}", base.dataset, base.number))
        .with(|c| c.dataset_version = Some(base.uid))
}
