use std::path::Path;

use serde_json::{Value, json};

use crate::api::{Api, segment};
use crate::args::{Deploy, ModelRef, model_ref};
use crate::failure::Failure;
use crate::screen::say;
use crate::table::{cell, table};

pub async fn run(api: &Api, wanted: Deploy) -> Result<(), Failure> {
    let mut variants = Vec::with_capacity(wanted.models.len());
    for text in &wanted.models {
        let (name, weight) = match text.rsplit_once('=') {
            Some((name, weight)) => {
                let weight: f64 = weight.trim_end_matches('%').parse().map_err(|_| {
                    Failure::new(format!("`{weight}` is no weight")).hint("such as churn/3=90 churn/4=10")
                })?;
                (name, weight)
            }
            None => (text.as_str(), 1.0),
        };
        variants.push(variant(&model_ref(name).map_err(Failure::new)?, weight, false));
    }
    if let Some(file) = &wanted.graph {
        variants.push(json!({ "name": "graph", "graph": graph_of(file)? }));
    }
    variants.extend(wanted.shadow.iter().map(|model| variant(model, 0.0, true)));
    let path = format!("endpoints/{}", segment(&wanted.endpoint));
    let deployed = api.put(&path, json!({ "variants": variants })).await?;
    say(format!("{} serves revision {}:\n", wanted.endpoint, cell(&deployed, "number")));
    say(shown(&deployed["variants"]));
    say(format!("\n{}/endpoints/{}", api.url, segment(&wanted.endpoint)));
    Ok(())
}

pub fn variant(of: &ModelRef, weight: f64, shadow: bool) -> Value {
    json!({ "model": of.model, "version": of.version, "alias": of.alias, "weight": weight, "shadow": shadow })
}

/// The steps of a graph, from a file.
pub fn graph_of(file: &Path) -> Result<Value, Failure> {
    serde_json::from_slice(&types::io::read(file)?)
        .map_err(|e| Failure::new(format!("{}: {e}", file.display())))
}

/// Variants as a table.
pub fn shown(variants: &Value) -> String {
    let list = variants.as_array().cloned().unwrap_or_default();
    let answering = || list.iter().filter(|v| v["shadow"] != true);
    let total: f64 = answering().filter_map(|v| v["weight"].as_f64()).sum();
    let row = |v: &Value| {
        let weight = v["weight"].as_f64().unwrap_or(0.0);
        let traffic = match v["shadow"] == true {
            true => "shadow".to_owned(),
            false if total > 0.0 => format!("{:.1} %", weight / total * 100.0),
            false => "-".to_owned(),
        };
        let (model, version) = match v["graph"].as_array() {
            Some(steps) => (steps.iter().map(step).collect::<Vec<_>>().join(" → "), "-".to_owned()),
            None => (cell(v, "model"), cell(v, "version")),
        };
        vec![cell(v, "name"), model, version, traffic, cell(v, "labels")]
    };
    table(&["variant", "model", "version", "traffic", "labels"], &list.iter().map(row).collect::<Vec<_>>())
}

/// A step of a graph: `scale 1`, `mean(a 1, b 2)`.
fn step(step: &Value) -> String {
    let one = |of: &Value| format!("{} {}", cell(of, "model"), cell(of, "version"));
    match step["members"].as_array() {
        Some(members) => {
            format!("{}({})", cell(step, "combine"), members.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        None => one(step),
    }
}
