//! Labels of datasets that look wrong.

use serde_json::{Value, json};

use crate::api::{Api, segment};
use crate::args::{LabelAnswer, Labels};
use crate::failure::Failure;
use crate::screen::say;
use crate::table::{cell, table};

pub async fn run(api: &Api, asked: Labels) -> Result<(), Failure> {
    let Some(dataset) = &asked.dataset else { return list(api, asked.json).await };
    let place = place(api, dataset).await?;
    let labels = format!("{place}/labels");
    if let Some(column) = &asked.find {
        api.post(&labels, json!({ "label": column })).await?;
    }
    let status = asked.status.map(|status| format!("&status={status}")).unwrap_or_default();
    let found = api.get(&format!("{labels}?limit={}{status}", asked.limit)).await?;
    if asked.json {
        say(serde_json::to_string_pretty(&found).unwrap_or_default());
    } else {
        show(&found);
    }
    if asked.commit {
        let made = api.post(&format!("{place}/corrected"), json!({})).await?;
        say(format!("{} version {} has the corrected labels", cell(&made, "dataset"), cell(&made, "number")));
    }
    Ok(())
}

pub async fn answer(api: &Api, asked: LabelAnswer) -> Result<(), Failure> {
    let place = place(api, &asked.dataset).await?;
    let verdict = match (&asked.label, asked.keep, asked.skip) {
        (Some(_), ..) => "correct",
        (None, true, _) => "keep",
        (None, _, true) => "skip",
        _ => "reopen",
    };
    let body = json!({ "verdict": verdict, "label": asked.label, "comment": asked.comment });
    let done = api.post(&format!("{place}/labels/{}", asked.row), body).await?;
    say(format!(
        "row {}: given {}, verdict {}",
        cell(&done, "row"),
        cell(&done, "given"),
        cell(&done, "verdict")
    ));
    Ok(())
}

async fn list(api: &Api, json: bool) -> Result<(), Failure> {
    let found = api.get("label-reviews").await?;
    if json {
        say(serde_json::to_string_pretty(&found).unwrap_or_default());
        return Ok(());
    }
    let reviews = found["reviews"].as_array().cloned().unwrap_or_default();
    if reviews.is_empty() {
        say(
            "no labels were put before people yet; mlwright reviews labels DATASET --find COLUMN looks for some",
        );
        return Ok(());
    }
    let fields = ["dataset", "number", "column", "pending", "complete", "corrected", "declined", "since"];
    let row = |review: &Value| fields.iter().map(|field| cell(review, field)).collect();
    let headings = ["dataset", "version", "label", "pending", "judged", "corrected", "skipped", "since"];
    say(table(&headings, &reviews.iter().map(row).collect::<Vec<_>>()));
    Ok(())
}

fn show(found: &Value) {
    let (dataset, number) = (cell(found, "dataset"), cell(found, "number"));
    if found["review"].is_null() {
        say(format!(
            "nobody looked for label errors in {dataset}@{number} yet: mlwright reviews labels {dataset}@{number} --find COLUMN"
        ));
        return;
    }
    let counts = &found["review"];
    say(format!(
        "{dataset}@{number}, {}: {} wait, {} are judged, {} of them corrected, {} were skipped\n",
        cell(counts, "column"),
        cell(counts, "pending"),
        cell(counts, "complete"),
        cell(counts, "corrected"),
        cell(counts, "declined")
    ));
    let fields = ["row", "given", "likely", "quality", "status", "verdict", "completed_by"];
    let row = |item: &Value| fields.iter().map(|field| cell(item, field)).collect();
    let headings = ["row", "given", "looks like", "quality", "status", "verdict", "by"];
    let items = found["items"].as_array().cloned().unwrap_or_default();
    say(table(&headings, &items.iter().map(row).collect::<Vec<_>>()));
}

/// `DATASET` or `DATASET@VERSION`, the newest where none is named.
async fn place(api: &Api, text: &str) -> Result<String, Failure> {
    let (name, number) = match text.rsplit_once('@') {
        Some((name, number)) => (name, number.to_owned()),
        None => {
            let found = api.get(&format!("datasets/{}", segment(text))).await?;
            let numbers = found["versions"].as_array().into_iter().flatten().map(|v| &v["number"]);
            let latest = numbers.filter_map(Value::as_i64).max();
            let none = || Failure::new(format!("the dataset `{text}` has no version"));
            (text, latest.ok_or_else(none)?.to_string())
        }
    };
    Ok(format!("datasets/{}/versions/{}", segment(name), segment(&number)))
}
