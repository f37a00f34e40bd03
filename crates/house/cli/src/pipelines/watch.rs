//! Following a run: a tree that is drawn again at a terminal, one line a change where there is none.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use super::{one, steps, tree};
use crate::api::Api;
use crate::failure::Failure;
use crate::screen::{put, say};
use crate::table::cell;

const PAUSE: Duration = Duration::from_millis(200);
/// Lines that a terminal has if it does not say.
const HEIGHT: usize = 24;

pub async fn watch(api: &Api, run: &str) -> Result<ExitCode, Failure> {
    let live = std::io::stdout().is_terminal();
    let colour = live && std::env::var_os("NO_COLOR").is_none();
    let mut drawn = 0;
    let mut told = BTreeMap::new();
    say(format!("run {run}: {}/pipeline-runs/{run}", api.url));
    loop {
        let found = one(api, run).await?;
        let state = cell(&found, "state");
        let ended = !matches!(state.as_str(), "queued" | "running");
        if live {
            drawn = draw(&found, drawn, colour, ended);
        } else {
            changes(&found, &mut told);
        }
        if ended {
            let took = tree::took(&found);
            say(format!("{state}{}{took}", if took.is_empty() { "" } else { " in " }));
            if state == "succeeded" {
                return Ok(ExitCode::SUCCESS);
            }
            return Err(Failure::new(cell(&found, "message"))
                .hint(format!("`mlwright pipelines logs {run}` shows what its tasks printed")));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Draws over what was drawn before; how many lines that were. All but the last time the terminal cuts lines at its margin: one
/// that went on in the next row would move everything that is drawn over it.
fn draw(run: &Value, before: usize, colour: bool, last: bool) -> usize {
    let lines = tree::lines(run, height().saturating_sub(3).max(3), colour);
    let up = if before > 0 { format!("\x1b[{before}A") } else { String::new() };
    let body: String = lines.iter().map(|line| format!("\x1b[2K{line}\n")).collect();
    let (cut, wrap) = if last { ("", "") } else { ("\x1b[?7l", "\x1b[?7h") };
    put(&format!("{up}\x1b[J{cut}{body}{wrap}"));
    lines.len()
}

fn height() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout()).map_or(HEIGHT, |size| usize::from(size.ws_row))
}

fn changes(run: &Value, told: &mut BTreeMap<String, String>) {
    for step in steps(run) {
        let (id, state) = (cell(step, "id"), cell(step, "state"));
        if matches!(state.as_str(), "waiting" | "ready") || told.get(&id) == Some(&state) {
            continue;
        }
        let cached = if step["cached"] == Value::Bool(true) { " (cached)" } else { "" };
        let why = match step["message"].as_str() {
            Some(message) if state != "succeeded" => format!(": {message}"),
            _ => String::new(),
        };
        say(format!("  {:40} {state}{cached}{why}", cell(step, "name")));
        told.insert(id, state);
    }
}
