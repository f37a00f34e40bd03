use std::collections::HashSet;

use blobs::Blobs;
use curation::verify::{Kind, Plan, Verdict, verify};
use datasets::{ROW_ID, Version};
use ledger::Ledger;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use types::{Actor, Timestamp};

use super::{LabelItem, LabelReview};
use crate::store::labels as store;
use crate::{Error, ItemStatus};

/// Rows that one review brings to people at most, the worst ones first.
const MOST: usize = 1_000;

/// Where the labels stand, and what is known of them; as in a plan of a verification.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LabelPlan {
    /// The column of labels.
    pub label: String,
    /// Columns with out-of-sample probabilities, one a class, or a pattern such as `p_*`. Without them neighbours vote.
    pub probabilities: Vec<String>,
    /// Columns in which neighbours are looked for, or a pattern; all features if empty.
    pub activations: Vec<String>,
    /// Columns that are no features.
    pub ignore: Vec<String>,
}

/// Looks for labels that look wrong, as the check `label_errors` of a verification does, and puts their rows before people. Rows
/// that were judged already stay as they are; those that wait and no longer look wrong are taken away.
///
/// Errors: `LabelsNotJudged` if the check cannot be made with this plan.
pub async fn find_label_errors(
    ledger: &Ledger,
    blobs: &Blobs,
    actor: &Actor,
    version: &Version,
    plan: LabelPlan,
) -> Result<LabelReview, Error> {
    let table = datasets::table(blobs, version).await?;
    let (column, uid, at) = (plan.label.clone(), version.uid, ledger.clock().now());
    let found = tokio::task::spawn_blocking(move || {
        let mut ignore = plan.ignore;
        ignore.push(ROW_ID.to_owned());
        let plan = Plan {
            checks: vec![Kind::LabelErrors.name().to_owned()],
            label: Some(plan.label),
            probabilities: plan.probabilities,
            activations: plan.activations,
            ignore,
            evidence: MOST,
            ..Plan::default()
        };
        let verification = verify(&table, None, &plan)?;
        let Some(finding) = verification.findings.into_iter().next() else { return Ok((Vec::new(), 0)) };
        if finding.verdict == Verdict::NotComputable {
            return Err(Error::LabelsNotJudged(finding.text));
        }
        let mut items = Vec::with_capacity(finding.evidence.len());
        for evidence in &finding.evidence {
            let Some(row) = evidence.row else { continue };
            let text = |key: &str| evidence.value[key].as_str().unwrap_or_default().to_owned();
            let mut values = table.row_json(row as usize - 1).map_err(curation::Error::from)?;
            let row_id = values.as_object_mut().and_then(|v| v.remove(ROW_ID));
            items.push(LabelItem {
                version: uid,
                row: row as i64,
                row_id: row_id.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
                column: evidence.column.clone().unwrap_or_default(),
                given: text("given"),
                likely: text("likely"),
                quality: evidence.value["quality"].as_f64().unwrap_or(0.0),
                values,
                status: ItemStatus::Pending,
                verdict: None,
                comment: None,
                completed_by: None,
                completed_at: None,
                created_at: at,
            });
        }
        Ok((items, finding.found))
    })
    .await
    .map_err(|e| Error::Stopped(e.to_string()))??;
    opened(ledger, actor, version, column, found, at).await
}

async fn opened(
    ledger: &Ledger,
    actor: &Actor,
    version: &Version,
    column: String,
    (items, found): (Vec<LabelItem>, u64),
    at: Timestamp,
) -> Result<LabelReview, Error> {
    let (dataset, number, uid) = (version.dataset.clone(), version.number, version.uid);
    ledger
        .write(actor, move |tx| {
            let judged: HashSet<i64> = store::judged_rows(tx, uid)?.into_iter().collect();
            store::delete_pending(tx, uid)?;
            let new: Vec<&LabelItem> = items.iter().filter(|item| !judged.contains(&item.row)).collect();
            store::insert(tx, &new)?;
            let payload = json!({
                "dataset": dataset, "number": number, "version": uid, "column": column, "found": found,
                "waiting": new.len(),
            });
            tx.event("review.labels_found", &format!("dataset_version:{uid}"), payload)?;
            let none = LabelReview {
                version: uid,
                column: column.clone(),
                pending: 0,
                complete: 0,
                corrected: 0,
                declined: 0,
                since: at,
            };
            Ok(store::reviews(tx, Some(uid))?.pop().unwrap_or(none))
        })
        .await
}
