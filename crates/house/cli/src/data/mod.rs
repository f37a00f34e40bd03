//! Data sets, and versioned data in repositories.

mod datasets;
mod download;
mod frames;
mod history;
mod objects;
mod place;
mod progress;
mod repos;
mod rules;
mod tables;
mod touched;
mod upload;

use serde_json::Value;

use crate::api::{Api, segment};
use crate::args::Data;
use crate::failure::Failure;

pub use datasets::digest;
use place::Place;

pub async fn run(api: &Api, command: Data) -> Result<(), Failure> {
    match command {
        Data::List => datasets::list(api).await,
        Data::Import { dataset, files, key, message } => match Place::parse(&dataset) {
            Ok(place) => rules::import(api, &place, &files, message).await,
            Err(_) => datasets::import(api, &dataset, &files, key).await,
        },
        Data::Repo(command) => repos::repo(api, command).await,
        Data::Branch(command) => repos::refs(api, "branches", command).await,
        Data::Tag(command) => repos::refs(api, "tags", command).await,
        Data::Commit { place, message, metadata, allow_empty } => {
            history::commit(api, &Place::parse(&place)?, message, &metadata, allow_empty).await
        }
        Data::Log { place, limit, json } => history::log(api, &Place::parse(&place)?, limit, json).await,
        Data::Diff { refs, prefix, limit, json } => history::diff(api, &refs, &prefix, limit, json).await,
        Data::Status { place, limit, json } => {
            history::status(api, &Place::parse(&place)?, limit, json).await
        }
        Data::Merge { source, into, message, strategy, squash } => {
            history::merge(api, &Place::parse(&source)?, into, message, strategy, squash).await
        }
        Data::Reset { place, to, yes } => history::reset(api, &Place::parse(&place)?, to, yes).await,
        Data::Revert { place, commit, parent } => {
            history::again(api, &Place::parse(&place)?, "revert", commit, parent).await
        }
        Data::CherryPick { place, commit, parent } => {
            history::again(api, &Place::parse(&place)?, "cherry-pick", commit, parent).await
        }
        Data::Ls { place, recursive, limit, json } => {
            objects::ls(api, &Place::parse(&place)?, recursive, limit, json).await
        }
        Data::Stat { place, json } => objects::stat(api, &Place::object(&place)?, json).await,
        Data::Cat { place } => objects::cat(api, &Place::object(&place)?).await,
        Data::Rm { place, recursive } => objects::rm(api, &Place::object(&place)?, recursive).await,
        Data::Upload { from, to, transfer, message } => {
            upload::upload(api, &from, &Place::parse(&to)?, &transfer, message).await
        }
        Data::Download { from, to, transfer } => {
            download::download(api, &Place::parse(&from)?, &to, &transfer).await
        }
        Data::Query { sql, limit, form } => tables::query(api, &sql, limit, &form).await,
        Data::Preview { table, limit, offset, columns, form } => {
            tables::preview(api, &Place::parse(&table)?, limit, offset, &columns, &form).await
        }
        Data::Profile { table, json } => tables::profile(api, &Place::parse(&table)?, json).await,
        Data::DiffRows { left, right, key, only, limit, json } => {
            let left = Place::parse(&left)?;
            let right = Place::parse(&right).unwrap_or(Place { reference: right, ..left.clone() });
            tables::diff(api, &left, &right, &key, &only, limit, json).await
        }
        Data::Protect { repo, pattern, commits, remove } => {
            rules::protect(api, &repo, pattern, commits, remove).await
        }
        Data::Gc { grace } => rules::collect_garbage(api, grace).await,
        Data::Touched { place, json } => touched::touched(api, &place, json).await,
        Data::Gates { repo, run, json } => rules::gates(api, &repo, run, json).await,
    }
}

/// `?key=value&…` of what has a value.
fn query(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{key}={}", segment(value)))
        .collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// Up to `limit` items of a listing, page by page.
async fn pages(
    api: &Api,
    path: &str,
    name: &str,
    pairs: &[(&str, &str)],
    limit: usize,
) -> Result<Vec<Value>, Failure> {
    let (mut items, mut after) = (Vec::new(), String::new());
    while items.len() < limit {
        let most = (limit - items.len()).min(1_000).to_string();
        let mut asked = pairs.to_vec();
        asked.extend([("after", after.as_str()), ("limit", most.as_str())]);
        let mut answer = api.get(&format!("{path}{}", query(&asked))).await?;
        if let Value::Array(found) = answer[name].take() {
            items.extend(found);
        }
        match answer["next"].as_str() {
            Some(next) if !next.is_empty() => after = next.to_owned(),
            _ => break,
        }
    }
    items.truncate(limit);
    Ok(items)
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1_000.0 && unit + 1 < units.len() {
        value /= 1_000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", units[unit]) }
}
