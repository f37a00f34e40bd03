//! Access keys, which sign the requests of S3 and lakeFS clients.

use serde_json::{Value, json};

use crate::api::{Api, segment};
use crate::args::Key;
use crate::failure::Failure;
use crate::screen::{note, say};
use crate::table::{cell, table};

pub async fn run(api: &Api, command: Key) -> Result<(), Failure> {
    match command {
        Key::Create { user } => {
            let made = api.post("keys", json!({ "user": user })).await?;
            note("the secret is shown this once:");
            say(format!(
                "AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}",
                cell(&made, "id"),
                cell(&made, "secret")
            ));
        }
        Key::List { user } => {
            let query = user.map(|user| format!("?user={}", segment(&user))).unwrap_or_default();
            let answer = api.get(&format!("keys{query}")).await?;
            let keys = answer["keys"].as_array().cloned().unwrap_or_default();
            let row = |key: &Value| ["id", "user", "created_at"].map(|path| cell(key, path)).to_vec();
            say(table(&["id", "user", "created"], &keys.iter().map(row).collect::<Vec<_>>()));
        }
        Key::Revoke { id } => {
            api.delete(&format!("keys/{}", segment(&id))).await?;
            say(format!("key {id} no longer works"));
        }
    }
    Ok(())
}
