//! Access tokens. Making one works beside a running server (through it) and without one (on the data directory), so
//! that the first user can be made before a server may listen beyond loopback.

use std::path::Path;

use ledger::NewToken;
use serde_json::{Value, json};
use types::{Actor, Role};

use crate::api::{Api, segment};
use crate::args::{Connection, Token};
use crate::failure::Failure;
use crate::screen::{note, say};
use crate::table::{cell, table};

pub async fn run(connection: &Connection, command: Token) -> Result<(), Failure> {
    match command {
        Token::Create { user, role, name, data_dir, database_url } => {
            let offline = if connection.server.is_some() {
                None
            } else {
                create_offline(&data_dir, database_url.as_deref(), &user, role, &name).await?
            };
            let token = match offline {
                Some(token) => token,
                None => {
                    let body = json!({ "user": user, "role": role, "name": name });
                    cell(&Api::new(connection)?.post("tokens", body).await?, "token")
                }
            };
            note(format!("token of {user} ({role}); it is shown this once:"));
            say(token);
        }
        Token::List => {
            let answer = Api::new(connection)?.get("tokens").await?;
            let tokens = answer["tokens"].as_array().cloned().unwrap_or_default();
            let columns = ["id", "user", "role", "name", "created_at", "revoked_at"];
            let row = |token: &Value| columns.map(|path| cell(token, path)).to_vec();
            say(table(
                &["id", "user", "role", "name", "created", "revoked"],
                &tokens.iter().map(row).collect::<Vec<_>>(),
            ));
        }
        Token::Revoke { id } => {
            Api::new(connection)?.delete(&format!("tokens/{}", segment(&id))).await?;
            say(format!("token {id} no longer works"));
        }
    }
    Ok(())
}

/// `None` while a server has the data directory.
async fn create_offline(
    data: &Path,
    database: Option<&str>,
    user: &str,
    role: Role,
    name: &str,
) -> Result<Option<String>, Failure> {
    let ledger = match server::admin::open_ledger(data, database) {
        Ok(ledger) => ledger,
        Err(server::Error::Ledger(ledger::Error::InUse { .. })) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let actor = Actor::local();
    ledger.set_account(&actor, user, role).await?;
    let new = NewToken { label: name.to_owned(), scopes: None, expires_at: None };
    let (token, _) = ledger.create_token(&actor, user, new).await?;
    Ok(Some(token))
}
