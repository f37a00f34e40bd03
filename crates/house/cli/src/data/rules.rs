//! Protected branches, gates, and imports in place.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::place::root;
use super::{Place, pages};
use crate::api::{Api, segment};
use crate::failure::Failure;
use crate::screen::{note, say};
use crate::tracking::{show, text};

pub async fn protect(
    api: &Api,
    repo: &str,
    pattern: Option<String>,
    commits: bool,
    remove: bool,
) -> Result<(), Failure> {
    let path = format!("{}/protections", root(repo));
    let mut answer = api.get(&path).await?;
    let mut rules = match answer["protections"].take() {
        Value::Array(rules) => rules,
        _ => Vec::new(),
    };
    if let Some(pattern) = pattern {
        let before = rules.len();
        rules.retain(|rule| text(rule, "pattern") != pattern);
        if remove && rules.len() == before {
            return Err(Failure::new(format!("no rule of {repo} protects `{pattern}`")));
        }
        if !remove {
            rules.push(json!({ "pattern": pattern, "staging": true, "commits": commits }));
        }
        api.put(&path, json!({ "protections": rules })).await?;
    }
    let word = |flag: &Value| if *flag == Value::Bool(true) { "refused" } else { "allowed" }.to_owned();
    let row = |r: &Value| vec![text(r, "pattern"), word(&r["staging"]), word(&r["commits"])];
    let rows: Vec<_> = rules.iter().map(row).collect();
    show(false, &rules, "protected branches", &["branches", "uploads", "commits"], &rows);
    Ok(())
}

pub async fn collect_garbage(api: &Api, grace: u64) -> Result<(), Failure> {
    let answer = api.post("data/gc", json!({ "grace_hours": grace })).await?;
    let of = &answer["collected"];
    if of.is_null() {
        say("another server is at it");
        return Ok(());
    }
    say(format!(
        "removed {} blobs ({}), {} nodes and {} commits; {} blobs wait for a later pass",
        text(of, "blobs"),
        super::size(of["bytes"].as_u64().unwrap_or(0)),
        text(of, "nodes"),
        text(of, "commits"),
        text(of, "condemned")
    ));
    Ok(())
}

pub async fn gates(api: &Api, repo: &str, run: Option<String>, json: bool) -> Result<(), Failure> {
    let path = format!("{}/gates", root(repo));
    let word = |v: &Value| if v["passed"] == Value::Bool(true) { "passed" } else { "refused" }.to_owned();
    let Some(run) = run else {
        let found = pages(api, &path, "gates", &[], 100).await?;
        let row = |g: &Value| {
            vec![text(g, "id"), text(g, "event"), text(g, "branch"), word(g), text(g, "started_at")]
        };
        let rows: Vec<_> = found.iter().map(row).collect();
        show(json, &found, "gates were asked", &["run", "event", "branch", "", "at"], &rows);
        return Ok(());
    };
    let found = api.get(&format!("{path}/{}", segment(&run))).await?;
    if json {
        say(serde_json::to_string_pretty(&found).unwrap_or_default());
        return Ok(());
    }
    say(format!("{} on {}: {}", text(&found, "event"), text(&found, "branch"), word(&found)));
    for check in found["checks"].as_array().into_iter().flatten() {
        let said = if check["skipped"] == Value::Bool(true) { "skipped".to_owned() } else { word(check) };
        say(format!(
            "\n{} / {}: {said}\n{}",
            text(check, "action"),
            text(check, "hook"),
            text(check, "output")
        ));
    }
    Ok(())
}

pub async fn import(
    api: &Api,
    place: &Place,
    from: &[PathBuf],
    message: Option<String>,
) -> Result<(), Failure> {
    let path = |source: &PathBuf| {
        let source = source.to_string_lossy();
        // A folder ends with a slash, or is a bucket.
        let object =
            !source.ends_with('/') && source.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
        json!({ "source": source, "destination": place.path, "object": object })
    };
    let paths: Vec<Value> = from.iter().map(path).collect();
    let message = message.unwrap_or_else(|| format!("Import to {place}"));
    let body = json!({ "paths": paths, "message": message });
    let id = text(&api.post(&format!("{}/imports", place.branch()), body).await?, "id");
    loop {
        let state = api.get(&format!("{}/imports/{}", place.repository(), segment(&id))).await?;
        if state["completed"] != Value::Bool(true) {
            note(format!("  {} objects", text(&state, "objects")));
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        }
        if let Some(error) = state["error"].as_str() {
            return Err(Failure::new(format!("the import failed: {error}")));
        }
        let commit: String = text(&state["commit"], "id").chars().take(12).collect();
        say(format!("{} objects in commit {commit}", text(&state, "objects")));
        return Ok(());
    }
}
