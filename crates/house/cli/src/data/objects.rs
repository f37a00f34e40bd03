use std::os::unix::fs::DirBuilderExt as _;

use serde_json::{Value, json};
use types::io;

use super::{Place, pages, query, size};
use crate::api::Api;
use crate::failure::Failure;
use crate::screen::say;
use crate::tracking::{facts, show, text};

pub async fn ls(api: &Api, place: &Place, recursive: bool, limit: usize, json: bool) -> Result<(), Failure> {
    let delimiter = if recursive { "" } else { "/" };
    let asked = [("prefix", place.path.as_str()), ("delimiter", delimiter)];
    let found = pages(api, &format!("{}/objects", place.reference()), "objects", &asked, limit + 1).await?;
    let shown = &found[..limit.min(found.len())];
    let row = |o: &Value| {
        let bytes = o["size"].as_u64().map_or_else(|| "folder".to_owned(), size);
        vec![text(o, "path"), bytes, text(o, "modified_at")]
    };
    let rows: Vec<_> = shown.iter().map(row).collect();
    show(json, shown, "objects", &["path", "size", "modified"], &rows);
    if found.len() > limit && !json {
        say("… and more: raise --limit, or give a prefix");
    }
    Ok(())
}

pub async fn stat(api: &Api, place: &Place, json: bool) -> Result<(), Failure> {
    let address = format!("{}/stat{}", place.reference(), query(&[("path", &place.path)]));
    let found = api.get(&address).await?;
    if json {
        say(serde_json::to_string_pretty(&found).unwrap_or_default());
        return Ok(());
    }
    let metadata = found["metadata"].as_object().cloned().unwrap_or_default();
    let metadata: Vec<String> =
        metadata.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    facts(&[
        ("path", text(&found, "path")),
        ("size", found["size"].as_u64().map_or_else(String::new, |n| format!("{} ({n} bytes)", size(n)))),
        ("etag", text(&found, "etag")),
        ("type", text(&found, "content_type")),
        ("modified", text(&found, "modified_at")),
        ("address", text(&found, "address")),
        ("metadata", metadata.join(", ")),
    ]);
    Ok(())
}

pub async fn cat(api: &Api, place: &Place) -> Result<(), Failure> {
    let address = format!("/api/v1/{}/object{}", place.reference(), query(&[("path", &place.path)]));
    // By way of a file, since an object may be larger than memory; in a folder that is new and nobody else's.
    let folder = std::env::temp_dir().join(format!("mlwright-cat-{}", std::process::id()));
    let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
    made.map_err(|e| io::Error::new("make", &folder, e))?;
    let part = folder.join("object");
    let there = api.download(&address, &part).await;
    let shown = match there {
        Ok(true) => io::open(&part).map(|mut file| {
            // A reader that went away is no error.
            drop(std::io::copy(&mut file, &mut std::io::stdout().lock()));
        }),
        _ => Ok(()),
    };
    drop(std::fs::remove_dir_all(&folder));
    shown?;
    if there? { Ok(()) } else { Err(Failure::new(format!("there is no object {place}"))) }
}

pub async fn rm(api: &Api, place: &Place, recursive: bool) -> Result<(), Failure> {
    if !recursive {
        let address = format!("{}/object{}", place.branch(), query(&[("path", &place.path)]));
        let answer = api.delete(&address).await?;
        if answer["deleted"] != Value::Bool(true) {
            return Err(Failure::new(format!("there is no object {place}"))
                .hint("to delete all below a prefix, give -r"));
        }
        say(format!("{place} is deleted; commit to keep that"));
        return Ok(());
    }
    let mut count = 0;
    loop {
        // What is deleted is not listed any more, so the first page is always the next one.
        let asked = [("prefix", place.path.as_str())];
        let found = pages(api, &format!("{}/objects", place.reference()), "objects", &asked, 1_000).await?;
        if found.is_empty() {
            break;
        }
        let paths: Vec<String> = found.iter().map(|o| text(o, "path")).collect();
        let answer = api.post(&format!("{}/delete", place.branch()), json!({ "paths": paths })).await?;
        if let Some(failed) = answer["failed"].as_array().and_then(|failed| failed.first()) {
            let message = format!("cannot delete `{}`: {}", text(failed, "path"), text(failed, "message"));
            return Err(Failure::new(message));
        }
        count += paths.len();
    }
    say(format!("{count} objects are deleted; commit to keep that"));
    Ok(())
}
