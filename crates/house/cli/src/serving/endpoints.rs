use std::io::Read as _;

use serde_json::{Map, Value, json};

use super::deploy::shown;
use crate::api::{Api, segment};
use crate::args::Endpoints;
use crate::failure::Failure;
use crate::screen::{confirm, say};
use crate::table::{cell, table};

pub async fn run(api: &Api, command: Endpoints) -> Result<(), Failure> {
    match command {
        Endpoints::List { json } => {
            let found = api.get("endpoints").await?["endpoints"].take();
            if json {
                say(pretty(&found));
                return Ok(());
            }
            let list = found.as_array().cloned().unwrap_or_default();
            if list.is_empty() {
                say("no endpoints");
                return Ok(());
            }
            let row = |e: &Value| {
                let paths = [
                    "name",
                    "state",
                    "revision",
                    "traffic.requests",
                    "traffic.errors",
                    "traffic.rps",
                    "traffic.p99_ms",
                ];
                paths.iter().map(|path| cell(e, path)).collect()
            };
            let headings = ["name", "state", "revision", "requests", "errors", "per second", "p99 ms"];
            say(table(&headings, &list.iter().map(row).collect::<Vec<_>>()));
        }
        Endpoints::Show { endpoint, json } => {
            let found = api.get(&format!("endpoints/{}", segment(&endpoint))).await?;
            if json {
                say(pretty(&found));
                return Ok(());
            }
            say(format!("{} ({}), revision {}", endpoint, cell(&found, "state"), cell(&found, "revision")));
            if found["reason"].is_string() {
                say(format!("because: {}", cell(&found, "reason")));
            }
            say(format!("\n{}", shown(&found["variants"])));
            let traffic = found["by_variant"].as_array().cloned().unwrap_or_default();
            let row = |v: &Value| {
                let paths = [
                    "variant",
                    "traffic.requests",
                    "traffic.errors",
                    "traffic.rps",
                    "traffic.p50_ms",
                    "traffic.p99_ms",
                ];
                paths.iter().map(|path| cell(v, path)).collect()
            };
            let headings = ["variant", "requests", "errors", "per second", "p50 ms", "p99 ms"];
            say(format!("\n{}", table(&headings, &traffic.iter().map(row).collect::<Vec<_>>())));
            if found["rollout"].is_object() {
                say(format!(
                    "\nrollout of {}: {}",
                    cell(&found, "rollout.candidate"),
                    cell(&found, "rollout.state")
                ));
            }
            if found["settings"].as_object().is_some_and(|settings| !settings.is_empty()) {
                say(format!("\nsettings: {}", cell(&found, "settings")));
            }
        }
        Endpoints::Settings { endpoint, set } => {
            let path = format!("endpoints/{}/settings", segment(&endpoint));
            let settings = match set {
                None => api.get(&path).await?,
                Some(file) => {
                    let text = if file.as_os_str() == "-" {
                        let mut text = String::new();
                        std::io::stdin()
                            .read_to_string(&mut text)
                            .map_err(|e| Failure::new(format!("standard input cannot be read: {e}")))?;
                        text
                    } else {
                        types::io::read_to_string(&file)?
                    };
                    let wish: Value = serde_json::from_str(&text)
                        .map_err(|e| Failure::new(format!("the settings are no JSON: {e}")).hint(EXAMPLE))?;
                    api.put(&path, wish).await?
                }
            };
            say(pretty(&settings));
        }
        Endpoints::Features { endpoint, dataset, key, columns, missing, defaults, remove } => {
            let path = format!("endpoints/{}/settings", segment(&endpoint));
            let mut settings = api.get(&path).await?;
            if let (Some(dataset), Some(key)) = (dataset, key) {
                settings["features"] = features(&dataset, &key, columns, &missing, &defaults)?;
                settings = api.put(&path, settings).await?;
            } else if remove {
                if let Some(settings) = settings.as_object_mut() {
                    settings.remove("features");
                }
                settings = api.put(&path, settings).await?;
            }
            match settings.get("features") {
                Some(features) => say(pretty(features)),
                None => say(format!("callers send {endpoint} all of its inputs")),
            }
        }
        Endpoints::Openapi { endpoint } => {
            say(pretty(&api.get(&format!("endpoints/{}/openapi", segment(&endpoint))).await?));
        }
        Endpoints::Delete { endpoint } => {
            if confirm(&format!("Stop serving {endpoint}?")) {
                api.delete(&format!("endpoints/{}", segment(&endpoint))).await?;
                say(format!("{endpoint} is gone; its revisions and predictions stay"));
            }
        }
    }
    Ok(())
}

/// What the settings say of features. Values are as JSON has them; what is no JSON is a text.
fn features(
    dataset: &str,
    key: &str,
    columns: Vec<String>,
    missing: &str,
    defaults: &[String],
) -> Result<Value, Failure> {
    let (dataset, version) = match dataset.rsplit_once('/').map(|(name, n)| (name, n.parse::<i64>())) {
        Some((name, Ok(number))) => (name, Some(number)),
        _ => (dataset, None),
    };
    let mut values = Map::new();
    for default in defaults {
        let (column, value) = default.split_once('=').ok_or_else(|| {
            Failure::new(format!("`{default}` is no default")).hint("such as --default age=40")
        })?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        values.insert(column.to_owned(), value);
    }
    let mut made = json!({
        "key": key, "dataset": dataset, "columns": columns, "missing": missing, "defaults": values,
    });
    if let Some(number) = version {
        made["version"] = json!(number);
    }
    Ok(made)
}

const EXAMPLE: &str = "such as {\"rate_per_caller\": {\"per_second\": 50, \"burst\": 100}, \"callers\": [\"user:ann\"], \
     \"cache\": {\"seconds\": 60, \"entries\": 10000}, \"batching\": {\"most_rows\": 64, \"longest_wait_ms\": 5}}";

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_as_people_write_them() {
        let defaults = ["age=40".to_owned(), "town=Bonn".to_owned(), "name=\"7\"".to_owned()];
        let made = features("team/people/3", "id", vec!["age".into()], "default", &defaults).unwrap();
        assert_eq!((&made["dataset"], &made["version"]), (&json!("team/people"), &json!(3)));
        assert_eq!(made["defaults"], json!({ "age": 40, "town": "Bonn", "name": "7" }));
        let newest = features("people", "id", Vec::new(), "error", &[]).unwrap();
        assert_eq!((&newest["dataset"], newest.get("version")), (&json!("people"), None));
        assert!(features("people", "id", Vec::new(), "default", &["age".into()]).is_err());
    }
}
