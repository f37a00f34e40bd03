//! `data touched`: who used data, and what came of it.

use serde_json::Value;

use super::place::root;
use super::{Place, query};
use crate::api::Api;
use crate::failure::Failure;
use crate::screen::{note, say};
use crate::tracking::{show, text};

/// Folders that are named of those that one reader used.
const NAMED: usize = 3;

pub async fn touched(api: &Api, given: &str, json: bool) -> Result<(), Failure> {
    let place = place(api, given).await?;
    let address = format!("{}/touched{}", place.reference(), query(&[("path", &place.path)]));
    let answer = api.get(&address).await?;
    if json {
        say(serde_json::to_string_pretty(&answer).unwrap_or_default());
        return Ok(());
    }
    let empty = Vec::new();
    let found = answer["touched"].as_array().unwrap_or(&empty);
    let row = |item: &Value| {
        let live = if item["live"] == Value::Bool(true) { " (live)" } else { "" };
        let name = format!("{}{live}", text(item, "title"));
        vec![text(item, "kind").replace('_', " "), name, text(item, "id"), how(item), text(item, "at")]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    show(false, found, &format!("uses of {place} are known"), &["what", "name", "id", "how", "at"], &rows);
    if answer["truncated"] == Value::Bool(true) {
        note("… and more: name a folder further down");
    }
    Ok(())
}

/// Of the default branch where no ref is given.
async fn place(api: &Api, given: &str) -> Result<Place, Failure> {
    let (repository, path) = given.split_once(':').unwrap_or((given, ""));
    if repository.is_empty() || repository.contains('@') {
        return Place::parse(given);
    }
    let reference = text(&api.get(&root(repository)).await?, "default_branch");
    Ok(Place { repository: repository.to_owned(), reference, path: path.to_owned() })
}

fn how(item: &Value) -> String {
    let through = item["through"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<String> = through.iter().take(NAMED).map(|cause| text(cause, "title")).collect();
    if through.len() > NAMED {
        names.push("…".to_owned());
    }
    let names = names.join(", ");
    let kind = through.first().map(|cause| text(cause, "kind").replace('_', " ")).unwrap_or_default();
    match kind.as_str() {
        "data" => format!("used {names}"),
        "commit" => format!("read {names}"),
        _ => format!("through {kind} {names}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn how_something_came_about_is_one_line() {
        let cause = |kind: &str, title: &str| json!({ "kind": kind, "title": title });
        let item = |through: Vec<Value>| json!({ "through": through });
        let folders = ["a", "b", "c", "d"].map(|folder| cause("data", &format!("sales/{folder}/")));
        assert_eq!(how(&item(folders.to_vec())), "used sales/a/, sales/b/, sales/c/, …");
        assert_eq!(how(&item(vec![cause("commit", "sales@0123")])), "read sales@0123");
        assert_eq!(
            how(&item(vec![cause("model_version", "churn version 3")])),
            "through model version churn version 3"
        );
    }
}
