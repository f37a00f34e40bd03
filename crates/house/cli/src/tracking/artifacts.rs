use std::path::{Path, PathBuf};

use serde_json::Value;
use types::io;

use super::{get, show, text};
use crate::api::{Api, segment};
use crate::args::Artifacts;
use crate::failure::Failure;
use crate::screen::{note, say};

pub async fn run(api: &Api, command: Artifacts) -> Result<(), Failure> {
    match command {
        Artifacts::List { run, path, json } => {
            let found = folder(api, &run, &path).await?;
            let row = |file: &Value| {
                let kind = file["is_dir"].as_bool().unwrap_or_default();
                let size = if kind { "folder".to_owned() } else { text(file, "file_size") };
                vec![text(file, "path"), size]
            };
            let rows: Vec<_> = found.iter().map(row).collect();
            show(json, &found, "artifacts", &["path", "bytes"], &rows);
        }
        Artifacts::Download { run, path, to } => download(api, &run, &path, &to).await?,
        Artifacts::Upload { run, file, path } => upload(api, &run, &file, &path).await?,
    }
    Ok(())
}

async fn folder(api: &Api, run: &str, path: &str) -> Result<Vec<Value>, Failure> {
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let mut query = vec![("run_id", run)];
        for (name, value) in [("path", path), ("page_token", &token)] {
            if !value.is_empty() {
                query.push((name, value));
            }
        }
        let mut answer = get(api, "artifacts/list", &query).await?;
        if let Value::Array(files) = answer["files"].take() {
            found.extend(files);
        }
        token = text(&answer, "next_page_token");
        if token.is_empty() {
            return Ok(found);
        }
    }
}

/// A file, or a folder with all below it, into the folder `to`. A file is there whole or not at all.
async fn download(api: &Api, run: &str, path: &str, to: &Path) -> Result<(), Failure> {
    let (mut open, mut files) = (vec![path.to_owned()], Vec::new());
    while let Some(place) = open.pop() {
        let found = folder(api, run, &place).await?;
        if found.is_empty() && place == path && !path.is_empty() {
            files.push(path.to_owned());
        }
        for file in found {
            let inside = text(&file, "path");
            if file["is_dir"].as_bool().unwrap_or_default() { open.push(inside) } else { files.push(inside) }
        }
    }
    files.sort();
    for file in &files {
        let target = to.join(file);
        io::create_dir_all(target.parent().unwrap_or(to))?;
        let part = target.with_extension("part");
        let address = format!("/get-artifact?run_id={}&path={}", segment(run), segment(file));
        if !api.download(&address, &part).await? {
            drop(std::fs::remove_file(&part));
            return Err(Failure::new(format!("run {run} has no artifact `{file}`"))
                .hint(format!("`mlwright artifacts list {run}` shows what there is")));
        }
        std::fs::rename(&part, &target).map_err(|e| io::Error::new("replace", &target, e))?;
        note(format!("  {file}"));
    }
    say(format!("{} files in {}", files.len(), to.display()));
    Ok(())
}

async fn upload(api: &Api, run: &str, file: &Path, path: &str) -> Result<(), Failure> {
    let info = get(api, "runs/get", &[("run_id", run)]).await?;
    let root = text(&info["run"]["info"], "artifact_uri");
    let Some(own) = root.strip_prefix("mlflow-artifacts:/") else {
        return Err(Failure::new(format!("run {run} keeps its artifacts at {root}, outside of the server"))
            .hint("put the file there"));
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let place: PathBuf =
        [own.trim_matches('/'), path, &name].iter().filter(|part| !part.is_empty()).collect();
    let place: Vec<String> = place.iter().map(|part| segment(&part.to_string_lossy())).collect();
    api.upload(&format!("/api/2.0/mlflow-artifacts/artifacts/{}", place.join("/")), file).await?;
    say(format!(
        "stored {}",
        [path, &name].iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join("/")
    ));
    Ok(())
}
