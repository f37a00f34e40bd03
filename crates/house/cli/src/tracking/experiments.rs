use serde_json::{Value, json};

use super::{experiment_id, named, pages, post, show, text, time};
use crate::api::Api;
use crate::args::Experiments;
use crate::failure::Failure;
use crate::screen::say;

pub async fn run(api: &Api, command: Experiments) -> Result<(), Failure> {
    match command {
        Experiments::List { filter, deleted, limit, json } => {
            let view = if deleted { "DELETED_ONLY" } else { "ACTIVE_ONLY" };
            let found = pages(limit, 1_000, "experiments", |token, most| {
                let body =
                    json!({ "filter": filter, "view_type": view, "max_results": most, "page_token": token });
                async move { post(api, "experiments/search", body).await }
            })
            .await?;
            let row = |e: &Value| {
                vec![
                    text(e, "experiment_id"),
                    text(e, "name"),
                    time(e, "creation_time"),
                    time(e, "last_update_time"),
                ]
            };
            let rows: Vec<_> = found.iter().map(row).collect();
            show(json, &found, "experiments", &["id", "name", "created", "updated"], &rows);
        }
        Experiments::Create { name, artifact_location } => {
            let body = json!({ "name": name, "artifact_location": artifact_location });
            say(text(&post(api, "experiments/create", body).await?, "experiment_id"));
        }
        Experiments::Rename { experiment, name } => {
            let id = experiment_id(api, &experiment).await?;
            post(api, "experiments/update", json!({ "experiment_id": id, "new_name": name })).await?;
            say(format!("experiment {id} is `{name}`"));
        }
        Experiments::Delete { experiment } => {
            let id = experiment_id(api, &experiment).await?;
            post(api, "experiments/delete", named("experiment_id", &id)).await?;
            say(format!("experiment {id} is deleted; `mlwright experiments restore {id}` brings it back"));
        }
        Experiments::Restore { experiment } => {
            let id = experiment_id(api, &experiment).await?;
            post(api, "experiments/restore", named("experiment_id", &id)).await?;
            say(format!("experiment {id} is back, with its runs"));
        }
    }
    Ok(())
}
