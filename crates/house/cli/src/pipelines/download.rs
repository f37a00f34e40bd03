//! What a task made, as a file or a folder.

use std::path::Path;

use super::{one, step};
use crate::api::{Api, segment};
use crate::failure::Failure;
use crate::screen::say;
use crate::table::cell;

pub async fn download(
    api: &Api,
    run: &str,
    task: &str,
    output: &str,
    index: usize,
    to: &Path,
) -> Result<(), Failure> {
    let found = one(api, run).await?;
    let id = if task == "-" { cell(&found, "id") } else { cell(&step(&found, task)?, "id") };
    let query = format!("step={}&port={}&index={index}", segment(&id), segment(output));
    let base = format!("pipeline-runs/{}", segment(run));
    let listed = api.get(&format!("{base}/files?{query}")).await?;
    let files = listed["artifacts"].as_array().cloned().unwrap_or_default();
    for file in &files {
        let path = cell(file, "path");
        // Names come from what a step wrote.
        let inside =
            Path::new(&path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !inside {
            return Err(Failure::new(format!(
                "`{path}` does not lie in the folder that it should be written to"
            )));
        }
        let target = to.join(&path);
        if let Some(parent) = target.parent() {
            types::io::create_dir_all(parent)?;
        }
        let from = format!("/api/v1/{base}/artifact?{query}&path={}", segment(&path));
        if !api.download(&from, &target).await? {
            return Err(Failure::new(format!("{task} has no {output}")));
        }
        say(target.display().to_string());
    }
    Ok(())
}
