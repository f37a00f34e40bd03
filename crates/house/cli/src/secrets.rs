//! Secrets that pipeline steps get by name.

use std::io::Read as _;

use outbound::{Body, Method};
use serde_json::{Value, json};

use crate::api::{Api, segment};
use crate::args::Secrets;
use crate::failure::Failure;
use crate::screen::say;
use crate::table::cell;
use crate::tracking::show;

pub async fn run(api: &Api, command: Secrets) -> Result<(), Failure> {
    match command {
        Secrets::Set { name } => {
            let mut value = String::new();
            std::io::stdin()
                .read_to_string(&mut value)
                .map_err(|error| Failure::new(format!("the value cannot be read: {error}")))?;
            // A terminal and `echo` end with one.
            let value = value.strip_suffix('\n').unwrap_or(&value);
            let value = value.strip_suffix('\r').unwrap_or(value);
            let path = format!("secrets/{}", segment(&name));
            api.ask(Method::Put, &path, Body::Json(json!({ "value": value }))).await?;
            say(format!("secret {name} is kept"));
        }
        Secrets::List { json } => {
            let answer = api.get("secrets").await?;
            let items = answer["secrets"].as_array().cloned().unwrap_or_default();
            let row = |s: &Value| ["name", "updated_at", "updated_by"].map(|path| cell(s, path)).to_vec();
            let rows: Vec<_> = items.iter().map(row).collect();
            show(json, &items, "secrets", &["name", "changed", "by"], &rows);
        }
        Secrets::Delete { name } => {
            api.delete(&format!("secrets/{}", segment(&name))).await?;
            say(format!("secret {name} is gone"));
        }
    }
    Ok(())
}
