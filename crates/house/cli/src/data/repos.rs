//! Repositories, branches and tags.

use serde_json::{Value, json};

use super::place::root;
use super::{Place, pages};
use crate::api::{Api, segment};
use crate::args::{Ref, Repo};
use crate::failure::Failure;
use crate::screen::{confirm, say};
use crate::tracking::{show, text};

pub async fn repo(api: &Api, command: Repo) -> Result<(), Failure> {
    match command {
        Repo::Create { name, storage, default_branch, read_only } => {
            let body = json!({
                "name": name, "storage_namespace": storage, "default_branch": default_branch, "read_only": read_only,
            });
            let made = api.post("data/repositories", body).await?;
            say(format!("repository {name} with branch {}", text(&made, "default_branch")));
        }
        Repo::List { json } => {
            let found = pages(api, "data/repositories", "repositories", &[], usize::MAX).await?;
            let row = |r: &Value| {
                ["name", "default_branch", "storage_namespace", "created_at"].map(|n| text(r, n)).to_vec()
            };
            let rows: Vec<_> = found.iter().map(row).collect();
            show(json, &found, "repositories", &["name", "default branch", "storage", "created"], &rows);
        }
        Repo::Delete { name, yes, force } => {
            if !yes && !confirm(&format!("delete repository {name} with all its branches and commits?")) {
                return Err(Failure::new("nothing was deleted"));
            }
            let force = if force { "?force=true" } else { "" };
            api.delete(&format!("{}{force}", root(&name))).await?;
            say(format!("repository {name} is deleted"));
        }
    }
    Ok(())
}

/// `kind` is `branches` or `tags`.
pub async fn refs(api: &Api, kind: &str, command: Ref) -> Result<(), Failure> {
    let one = if kind == "tags" { "tag" } else { "branch" };
    match command {
        Ref::Create { place, from } => {
            let place = Place::parse(&place)?;
            let body = json!({ "name": place.reference, "source": from });
            let made = api.post(&format!("{}/{kind}", place.repository()), body).await?;
            let commit: String = text(&made, "commit").chars().take(12).collect();
            say(format!("{one} {} at {commit}", place.reference));
        }
        Ref::List { repo, json } => {
            let found = pages(api, &format!("{}/{kind}", root(&repo)), kind, &[], usize::MAX).await?;
            let row = |r: &Value| vec![text(r, "name"), text(r, "commit").chars().take(12).collect()];
            let rows: Vec<_> = found.iter().map(row).collect();
            show(json, &found, kind, &["name", "commit"], &rows);
        }
        Ref::Delete { place } => {
            let place = Place::parse(&place)?;
            api.delete(&format!("{}/{kind}/{}", place.repository(), segment(&place.reference))).await?;
            say(format!("{one} {} is deleted", place.reference));
        }
    }
    Ok(())
}
