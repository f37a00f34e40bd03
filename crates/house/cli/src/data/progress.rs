use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::size;

/// How far a transfer is, on one line of a terminal; nothing where there is none.
pub struct Progress {
    verb: &'static str,
    files: u64,
    bytes: u64,
    started: Instant,
    state: Mutex<State>,
    shown: bool,
}

struct State {
    files: u64,
    bytes: u64,
    drawn: Instant,
}

impl Progress {
    /// `files` and `bytes` are what there is to do.
    pub fn new(verb: &'static str, files: u64, bytes: u64) -> Self {
        let started = Instant::now();
        let state = Mutex::new(State { files: 0, bytes: 0, drawn: started });
        Self { verb, files, bytes, started, state, shown: std::io::stderr().is_terminal() }
    }

    pub fn add(&self, files: u64, bytes: u64) {
        let Ok(mut state) = self.state.lock() else { return };
        (state.files, state.bytes) = (state.files + files, state.bytes + bytes);
        let last = state.files == self.files;
        if self.shown && (last || state.drawn.elapsed() > Duration::from_millis(100)) {
            state.drawn = Instant::now();
            self.draw(state.files, state.bytes);
        }
    }

    fn draw(&self, files: u64, bytes: u64) {
        let share = if self.bytes == 0 { 1.0 } else { bytes as f64 / self.bytes as f64 };
        let filled = (share * 24.0).min(24.0) as usize;
        let bar = format!("{}{}", "█".repeat(filled), "░".repeat(24 - filled));
        let rate = bytes as f64 / self.started.elapsed().as_secs_f64().max(0.001);
        let line = format!(
            "\r\x1b[K{} {bar} {files}/{} files, {} of {}, {}/s",
            self.verb,
            self.files,
            size(bytes),
            size(self.bytes),
            size(rate as u64)
        );
        drop(std::io::stderr().lock().write_all(line.as_bytes()));
    }

    /// Ends the line; files and bytes that were done.
    pub fn end(self) -> (u64, u64) {
        if self.shown && self.files > 0 {
            drop(std::io::stderr().lock().write_all(b"\n"));
        }
        self.state.lock().map_or((0, 0), |state| (state.files, state.bytes))
    }
}
