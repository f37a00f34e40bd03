//! Commits, and what differs between them.

use serde_json::{Map, Value, json};

use super::place::root;
use super::{Place, pages, size};
use crate::api::Api;
use crate::failure::Failure;
use crate::screen::{confirm, say};
use crate::tracking::{show, text};

fn short(commit: &str) -> String {
    commit.chars().take(12).collect()
}

fn made(commit: &Value) {
    say(format!("commit {} {}", short(&text(commit, "id")), text(commit, "message")));
}

pub async fn commit(
    api: &Api,
    place: &Place,
    message: String,
    metadata: &[String],
    allow_empty: bool,
) -> Result<(), Failure> {
    let mut given = Map::new();
    for pair in metadata {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            Failure::new(format!("`{pair}` is no metadata")).hint("write it as --meta key=value")
        })?;
        given.insert(key.to_owned(), value.into());
    }
    let body = json!({ "message": message, "metadata": given, "allow_empty": allow_empty });
    made(&api.post(&format!("{}/commits", place.branch()), body).await?);
    Ok(())
}

pub async fn log(api: &Api, place: &Place, limit: usize, json: bool) -> Result<(), Failure> {
    let path = format!("{}/log", place.reference());
    let found = pages(api, &path, "commits", &[("path", &place.path)], limit).await?;
    let row = |c: &Value| {
        let line = text(c, "message").lines().next().unwrap_or_default().to_owned();
        vec![short(&text(c, "id")), text(c, "created_at"), text(c, "committer"), line]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    show(json, &found, "commits", &["commit", "at", "by", "message"], &rows);
    Ok(())
}

fn differences(found: &[Value], json: bool, more: bool) {
    let row = |d: &Value| {
        let bytes = |side: &str| d[side]["size"].as_u64().map_or_else(|| "-".to_owned(), size);
        vec![text(d, "kind"), text(d, "path"), bytes("left"), bytes("right")]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    show(json, found, "differences", &["", "path", "before", "after"], &rows);
    if more && !json {
        say("… and more: raise --limit, or give a prefix");
    }
}

pub async fn diff(api: &Api, refs: &str, prefix: &str, limit: usize, json: bool) -> Result<(), Failure> {
    let bad = || {
        Failure::new(format!("`{refs}` names no two refs"))
            .hint("write them as repository@left..right, or with three dots from their merge base")
    };
    let (repository, pair) = refs.split_once('@').ok_or_else(bad)?;
    let (left, right, from_base) = match pair.split_once("...") {
        Some((left, right)) => (left, right, "true"),
        None => pair.split_once("..").map(|(left, right)| (left, right, "")).ok_or_else(bad)?,
    };
    if left.is_empty() || right.is_empty() {
        return Err(bad());
    }
    let asked = [("left", left), ("right", right), ("from_base", from_base), ("prefix", prefix)];
    let found = pages(api, &format!("{}/diff", root(repository)), "differences", &asked, limit + 1).await?;
    differences(&found[..limit.min(found.len())], json, found.len() > limit);
    Ok(())
}

pub async fn status(api: &Api, place: &Place, limit: usize, json: bool) -> Result<(), Failure> {
    let path = format!("{}/uncommitted", place.branch());
    let found = pages(api, &path, "differences", &[("prefix", &place.path)], limit + 1).await?;
    differences(&found[..limit.min(found.len())], json, found.len() > limit);
    Ok(())
}

pub async fn merge(
    api: &Api,
    source: &Place,
    into: String,
    message: String,
    strategy: Option<String>,
    squash: bool,
) -> Result<(), Failure> {
    let place = Place { reference: into, ..source.clone() };
    let body =
        json!({ "source": source.reference, "message": message, "strategy": strategy, "squash": squash });
    made(&api.post(&format!("{}/merge", place.branch()), body).await?);
    Ok(())
}

pub async fn reset(api: &Api, place: &Place, to: Option<String>, yes: bool) -> Result<(), Failure> {
    let what = match (&to, place.path.as_str()) {
        (Some(to), _) => format!("move {}@{} to {to}?", place.repository, place.reference),
        (None, _) => format!("drop what is staged at {place}?"),
    };
    if !yes && !confirm(&what) {
        return Err(Failure::new("nothing was changed"));
    }
    let body = match (to, place.path.as_str()) {
        (Some(to), _) => json!({ "reference": to }),
        (None, "") => json!({}),
        (None, path) if path.ends_with('/') => json!({ "prefix": path }),
        (None, path) => json!({ "path": path }),
    };
    api.post(&format!("{}/reset", place.branch()), body).await?;
    say("done");
    Ok(())
}

/// `verb` is `revert` or `cherry-pick`.
pub async fn again(
    api: &Api,
    place: &Place,
    verb: &str,
    commit: String,
    parent: Option<usize>,
) -> Result<(), Failure> {
    let body = json!({ "reference": commit, "parent": parent });
    made(&api.post(&format!("{}/{verb}", place.branch()), body).await?);
    Ok(())
}
