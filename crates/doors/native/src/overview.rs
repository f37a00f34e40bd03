//! The overview: the state of each stage of the loop, what needs somebody, and what happened last.

mod data;
mod gates;
mod monitoring;
mod serving;
mod training;

use axum::Json;
use axum::extract::State as Shared;
use kit::Caller;
use serde::Serialize;
use serde_json::{Value, json};
use types::Permission;

use crate::{Failure, State, view};

/// Events that `recent` has.
const RECENT: i64 = 20;
/// Attention items that are worth listing.
const ATTENTION: usize = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum StageState {
    Ok,
    Running,
    Attention,
    Idle,
}

#[derive(Clone, Debug, Serialize)]
struct Stage {
    name: &'static str,
    state: StageState,
    headline: String,
    detail: String,
    href: String,
}

/// Something that waits for a person, with what to do next.
#[derive(Clone, Debug, Serialize)]
struct Attention {
    what: String,
    #[serde(rename = "where")]
    place: String,
    action: String,
    href: String,
}

/// `GET overview`
pub async fn get(Shared(state): Shared<State>, caller: Caller) -> Result<Json<Value>, Failure> {
    let actor = caller.require(Permission::Read)?;
    let mut attention = Vec::new();
    let stages = [
        data::stage(&state, actor, &mut attention).await?,
        training::stage(&state, actor, &mut attention).await?,
        gates::stage(&state, actor, &mut attention).await?,
        serving::stage(&state, actor, &mut attention),
        monitoring::stage(&state, actor, &mut attention).await?,
    ];
    attention.truncate(ATTENTION);
    let recent = state.ledger.events_before(actor.workspace, None, "", RECENT).await?;
    Ok(Json(json!({
        "project": project(&state, actor).await,
        "stages": stages,
        "attention": attention,
        "recent": recent.iter().map(view::event).collect::<Vec<_>>(),
    })))
}

/// The project's name, if exactly one is applied.
async fn project(state: &State, actor: &types::Actor) -> Value {
    match state.projects.status(actor, None).await {
        Ok(status) => status.get("project").cloned().unwrap_or(Value::Null),
        // No project was applied; what was logged without one is shown all the same.
        Err(_) => Value::Null,
    }
}

/// `1 row`, `2 rows`, `12,345 rows`.
fn count(n: i64, one: &str) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    let plural = if n == 1 { "" } else { "s" };
    format!("{text} {one}{plural}")
}

fn href(folder: &str, name: &str) -> String {
    format!("/{folder}/{}", encode(name))
}

/// A path segment; names may hold anything.
fn encode(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_well() {
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(999, "row"), "999 rows");
        assert_eq!(count(1_234_567, "row"), "1,234,567 rows");
    }

    #[test]
    fn a_name_stays_one_segment_of_an_address() {
        assert_eq!(href("endpoints", "a b/ü"), "/endpoints/a%20b%2F%C3%BC");
    }
}
