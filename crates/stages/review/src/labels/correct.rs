use std::collections::BTreeMap;

use blobs::Blobs;
use columns::Table;
use datasets::{Gate, Import, NonFinite, Part, Source, SourceFile, Version};
use ledger::Ledger;
use serde_json::json;
use types::Actor;

use super::judge::labels;
use crate::Error;
use crate::store::labels as store;

/// Makes the version whose labels are as people say: files in which a label was corrected are written anew, as Parquet, the others are
/// the same. `gate` is asked as for any other version.
///
/// Errors: `NothingCorrected`; `Datasets` as for an import.
pub async fn correct_labels(
    ledger: &Ledger,
    blobs: &Blobs,
    actor: &Actor,
    version: &Version,
    gate: Option<&dyn Gate>,
) -> Result<Version, Error> {
    let uid = version.uid;
    let judged = ledger.read(actor.workspace, move |rx| store::corrected(rx, uid)).await?;
    let Some(column) = judged.first().map(|item| item.column.clone()) else {
        return Err(Error::NothingCorrected { dataset: version.dataset.clone(), number: version.number });
    };
    let by_row: BTreeMap<i64, String> =
        judged.iter().filter_map(|i| Some((i.row, i.correction()?.to_owned()))).collect();
    let mut files = Vec::with_capacity(version.parts.len());
    let mut before = 0;
    for part in &version.parts {
        let own: BTreeMap<usize, String> = by_row
            .range(before + 1..=before + part.rows)
            .map(|(row, label)| ((row - before - 1) as usize, label.clone()))
            .collect();
        files.push(file(blobs, version, part, &column, own).await?);
        before += part.rows;
    }
    let import = Import {
        dataset: version.dataset.clone(),
        files,
        key: version.key.clone(),
        types: BTreeMap::new(),
        schema: Some(version.schema.clone()),
        // They are in the version that is corrected, or they are not.
        non_finite: NonFinite::Allow,
        gate,
        origin: json!({
            "kind": "label_review", "of": version.number, "column": column, "corrected": by_row.len(),
            "by": actor.to_string(),
        }),
        derived_from: vec![("dataset_version".to_owned(), uid.hex())],
    };
    let made = datasets::import(ledger, blobs, actor, import).await?;
    let payload = json!({
        "dataset": version.dataset, "from": version.number, "to": made.number, "version": made.uid, "column": column,
        "rows": by_row.keys().collect::<Vec<_>>(),
    });
    let subject = format!("dataset_version:{uid}");
    ledger
        .write(actor, move |tx| {
            tx.event("review.labels_corrected", &subject, payload.clone())?;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(made)
}

/// The file as it came where nothing is corrected, else one that is written anew. `own` are labels by rows of the file, from 0.
async fn file(
    blobs: &Blobs,
    version: &Version,
    part: &Part,
    column: &str,
    own: BTreeMap<usize, String>,
) -> Result<SourceFile, Error> {
    if own.is_empty() {
        return Ok(SourceFile::new(part.name.clone(), Source::Blob(part.source_digest)));
    }
    let bytes = blobs.get_bytes(&part.parquet_digest).await.map_err(datasets::Error::from)?;
    let (name, schema, column) = (part.name.clone(), version.schema.clone(), column.to_owned());
    let parquet = tokio::task::spawn_blocking(move || {
        let table = columns::read_parquet(&name, bytes, Some(&schema))?;
        let mut texts = table.texts(&column)?;
        for (row, label) in own {
            if let Some(text) = texts.get_mut(row) {
                *text = Some(label);
            }
        }
        let field = table.field(&column)?;
        let array = labels(field.data_type, &texts).ok_or_else(|| columns::Error::NotA {
            column: column.clone(),
            found: field.data_type,
            wanted: "a label",
        })?;
        let named = |name: &str| if name == column { Ok(array.clone()) } else { table.column(name).cloned() };
        let arrays = table.schema().names().map(named).collect::<Result<Vec<_>, _>>()?;
        Table::with_schema(table.schema().clone(), arrays)?.to_parquet()
    })
    .await
    .map_err(|e| Error::Stopped(e.to_string()))?
    .map_err(curation::Error::from)?;
    let stem = part.name.rsplit_once('.').map_or(part.name.as_str(), |(stem, _)| stem);
    Ok(SourceFile::new(format!("{stem}.parquet"), Source::Bytes(parquet.into())))
}
