//! Users with passwords. Works beside a running server (through it) and without one (on the data directory), so that the
//! first user can be made before a server may listen beyond loopback. Passwords come from standard input: arguments
//! are read by everybody on the machine.

use std::io::{BufRead as _, IsTerminal as _};

use ledger::Ledger;
use serde_json::{Value, json};
use types::Actor;

use crate::api::{Api, segment};
use crate::args::{Connection, DataDir, User};
use crate::failure::Failure;
use crate::screen::{note, say};
use crate::table::{cell, table};

/// Where a command is carried out.
enum Place {
    Server(Api),
    Directory(Ledger),
}

impl Place {
    fn find(connection: &Connection, data: &DataDir) -> Result<Self, Failure> {
        if connection.server.is_some() {
            return Ok(Self::Server(Api::new(connection)?));
        }
        match server::admin::open_ledger(&data.data_dir, data.database_url.as_deref()) {
            Ok(ledger) => Ok(Self::Directory(ledger)),
            Err(server::Error::Ledger(ledger::Error::InUse { .. })) => {
                Ok(Self::Server(Api::new(connection)?))
            }
            Err(error) => Err(error.into()),
        }
    }
}

pub async fn run(connection: &Connection, command: User) -> Result<(), Failure> {
    let actor = Actor::local();
    match command {
        User::Create { name, role, data } => {
            let place = Place::find(connection, &data)?;
            let password = password(&name)?;
            match place {
                Place::Directory(ledger) => {
                    ledger.create_account(&actor, &name, role, &password).await?;
                }
                Place::Server(api) => {
                    api.post("users", json!({ "name": name, "role": role, "password": password })).await?;
                }
            }
            say(format!("user {name} ({role}) can sign in"));
        }
        User::List { data } => {
            let users = match Place::find(connection, &data)? {
                Place::Directory(ledger) => json!({ "users": ledger.accounts().await? }),
                Place::Server(api) => api.get("users").await?,
            };
            let users = users["users"].as_array().cloned().unwrap_or_default();
            let row = |user: &Value| ["name", "role", "has_password"].map(|path| cell(user, path)).to_vec();
            say(table(&["name", "role", "password"], &users.iter().map(row).collect::<Vec<_>>()));
        }
        User::SetPassword { name, data } => {
            let place = Place::find(connection, &data)?;
            let password = password(&name)?;
            match place {
                Place::Directory(ledger) => ledger.set_password(&actor, &name, &password).await?,
                Place::Server(api) => {
                    api.post(&format!("users/{}", segment(&name)), json!({ "password": password })).await?;
                }
            }
            say(format!("user {name} has a new password"));
        }
        User::SetRole { name, role, data } => {
            match Place::find(connection, &data)? {
                Place::Directory(ledger) => ledger.set_role(&actor, &name, role).await?,
                Place::Server(api) => {
                    api.post(&format!("users/{}", segment(&name)), json!({ "role": role })).await?;
                }
            }
            say(format!("user {name} is {role}"));
        }
        User::Delete { name, data } => {
            match Place::find(connection, &data)? {
                Place::Directory(ledger) => ledger.delete_account(&actor, &name).await?,
                Place::Server(api) => {
                    api.delete(&format!("users/{}", segment(&name))).await?;
                }
            }
            say(format!("user {name} can no longer sign in"));
        }
    }
    Ok(())
}

/// The first line of standard input; at a terminal it is asked for, and not shown.
fn password(name: &str) -> Result<String, Failure> {
    let failed = |e: std::io::Error| Failure::new(format!("the password cannot be read: {e}"));
    let terminal = std::io::stdin().is_terminal();
    let hidden = if terminal {
        note(format!("password of {name} (it is not shown):"));
        Some(Hidden::new().map_err(failed)?)
    } else {
        None
    };
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
    drop(hidden);
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        return Err(
            Failure::new("no password was given").hint("write it to standard input: `… < password.txt`")
        );
    }
    Ok(password)
}

/// The terminal does not show what is typed until this is dropped.
struct Hidden(rustix::termios::Termios);

impl Hidden {
    fn new() -> std::io::Result<Self> {
        let before = rustix::termios::tcgetattr(std::io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(rustix::termios::LocalModes::ECHO);
        rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nothing more can be done for a terminal that does not listen.
        let _ =
            rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Flush, &self.0);
    }
}
