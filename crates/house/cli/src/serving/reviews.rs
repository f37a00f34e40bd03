use serde_json::{Value, json};

use crate::api::{Api, segment};
use crate::args::Reviews;
use crate::failure::Failure;
use crate::screen::say;
use crate::serving::label_reviews;
use crate::table::{cell, table};

pub async fn run(api: &Api, command: Reviews) -> Result<(), Failure> {
    match command {
        Reviews::List { endpoint, status, limit, json } => {
            let mut path = format!("reviews?limit={limit}");
            for (name, value) in [("endpoint", endpoint), ("status", status)] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={}", segment(&value)));
                }
            }
            let found = api.get(&path).await?;
            if json {
                say(pretty(&found));
                return Ok(());
            }
            let list = |name: &str| found[name].as_array().cloned().unwrap_or_default();
            let queues = list("queues");
            if queues.is_empty() {
                say("no prediction was sent to people yet");
                return Ok(());
            }
            let row = |q: &Value| {
                ["endpoint", "pending", "complete", "declined", "oldest"]
                    .iter()
                    .map(|path| cell(q, path))
                    .collect()
            };
            let headings = ["endpoint", "pending", "answered", "skipped", "waits since"];
            say(table(&headings, &queues.iter().map(row).collect::<Vec<_>>()));
            let row = |item: &Value| {
                vec![
                    cell(item, "prediction"),
                    cell(item, "endpoint"),
                    cell(item, "status"),
                    words(&item["reasons"]),
                    cell(item, if item["status"] == "pending" { "taken_by" } else { "completed_by" }),
                    cell(item, "verdict"),
                ]
            };
            let headings = ["prediction", "endpoint", "status", "because", "by", "verdict"];
            say(format!("\n{}", table(&headings, &list("items").iter().map(row).collect::<Vec<_>>())));
        }
        Reviews::Show { prediction, json } => {
            let found = match prediction {
                Some(id) => api.get(&format!("reviews/{}", segment(&id))).await?,
                None => api.post("reviews/next", json!({})).await?,
            };
            if json {
                say(pretty(&found));
            } else if found["prediction"].is_null() {
                say("nothing waits");
            } else {
                show(&found);
            }
        }
        Reviews::Answer { prediction, label, comment } => {
            // What reads as JSON is meant so: 1, 0.5, true; anything else is a text.
            let label = serde_json::from_str::<Value>(&label)
                .ok()
                .filter(|v| v.is_number() || v.is_boolean())
                .unwrap_or(Value::String(label));
            let body = json!({ "label": label, "comment": comment });
            let done = api.post(&format!("reviews/{}/answer", segment(&prediction)), body).await?;
            say(format!("{} is {}", cell(&done, "prediction"), cell(&done, "verdict")));
        }
        Reviews::Labels(asked) => label_reviews::run(api, asked).await?,
        Reviews::Label(asked) => label_reviews::answer(api, asked).await?,
        Reviews::Skip { prediction, comment } => {
            let body = json!({ "comment": comment });
            let done = api.post(&format!("reviews/{}/skip", segment(&prediction)), body).await?;
            say(format!("{} was skipped", cell(&done, "prediction")));
        }
    }
    Ok(())
}

fn show(found: &Value) {
    say(format!(
        "{} of {}, {}, because of {}",
        cell(found, "prediction"),
        cell(found, "endpoint"),
        cell(found, "status"),
        words(&found["reasons"])
    ));
    for (title, part) in [("inputs", "record.inputs"), ("outputs", "record.outputs")] {
        let (outer, inner) = part.split_once('.').unwrap_or((part, ""));
        let values = found[outer][inner].as_object().cloned().unwrap_or_default();
        let rows: Vec<Vec<String>> =
            values.iter().map(|(name, value)| vec![name.clone(), value.to_string()]).collect();
        say(format!("\n{}", table(&[title, ""], &rows)));
    }
    if !found["verdict"].is_null() {
        say(format!("\n{} by {}", cell(found, "verdict"), cell(found, "completed_by")));
    }
    if found["status"] == "pending" {
        let id = cell(found, "prediction");
        say(format!("\nmlwright reviews answer {id} LABEL\nmlwright reviews skip {id}"));
    }
}

fn words(list: &Value) -> String {
    let words = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.collect::<Vec<_>>().join(", ")
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
