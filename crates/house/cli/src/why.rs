//! `why`: from one prediction back to everything that made it what it is.

use serde_json::Value;

use crate::api::{Api, segment};
use crate::failure::Failure;
use crate::screen::say;
use crate::table::short;

pub async fn why(api: &Api, prediction: &str) -> Result<(), Failure> {
    let answer = api.get(&format!("why/{}", segment(prediction))).await?;
    for (depth, link) in answer["chain"].as_array().into_iter().flatten().enumerate() {
        let kind = link["kind"].as_str().unwrap_or_default().replace('_', " ");
        let arrow = if depth == 0 { "" } else { "because of " };
        say(format!("{arrow}{kind}: {}", link["title"].as_str().unwrap_or_default()));
        let facts: Vec<(&String, &Value)> = link["facts"].as_object().into_iter().flatten().collect();
        let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_null()) {
            say(format!("    {name:width$}  {}", short(value)));
        }
    }
    say(format!("\n{}/why/{}", api.url, segment(prediction)));
    Ok(())
}
