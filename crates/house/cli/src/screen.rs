//! Writing to the terminal. A reader that went away (`mlwright list runs | head`) is no error.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use crate::failure::Failure;

pub fn say(text: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{}", text.as_ref()).and_then(|()| out.flush());
    ignore(written);
}

/// Without a line end.
pub fn put(text: &str) {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    ignore(written);
}

/// To standard error: what goes on, beside the answer.
pub fn note(text: impl AsRef<str>) {
    ignore(writeln!(std::io::stderr().lock(), "{}", text.as_ref()));
}

pub fn error(failure: &Failure) {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (red, cyan, plain) = if colour { ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m") } else { ("", "", "") };
    note(format!("{red}error{plain}: {}", failure.message));
    if let Some(hint) = &failure.hint {
        note(format!("{cyan}hint{plain}: {hint}"));
    }
}

/// Asks a person; yes where nobody can be asked.
pub fn confirm(question: &str) -> bool {
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return true;
    }
    put(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

fn ignore(written: std::io::Result<()>) {
    // There is no other place to complain to.
    drop(written);
}
