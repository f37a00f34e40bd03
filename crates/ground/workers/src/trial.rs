//! This program again, in a process of its own, for a trial whose outcome it prints as JSON.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Error;

/// Bytes of an outcome.
const MOST: u64 = 4 << 20;

/// Runs `program` with `words` and gives what it prints; its processes end with it, after `patience`, or soon after
/// `stop` is set. Blocks.
///
/// Errors: `Timeout`, `Died` with its last words, `Protocol` if it prints something else than JSON.
pub fn run(program: &Path, words: &[&str], patience: Duration, stop: &AtomicBool) -> Result<Value, Error> {
    use std::os::unix::process::CommandExt as _;
    let at = |action| move |e| types::io::Error::new(action, program, e);
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(at("start"))?;
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Error::Protocol("it has no output".into()));
    };
    // Two pipes are read at once, so that neither fills up.
    let words = std::thread::Builder::new()
        .name("trial-log".into())
        .spawn(move || {
            let mut text = String::new();
            let _ = err.take(MOST).read_to_string(&mut text);
            text
        })
        .map_err(at("listen to"))?;
    let said = std::thread::Builder::new()
        .name("trial-outcome".into())
        .spawn(move || {
            let mut text = Vec::new();
            let _ = out.take(MOST).read_to_end(&mut text);
            text
        })
        .map_err(at("listen to"))?;
    let until = Instant::now() + patience;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(at("wait for"))? {
            break Some(status);
        }
        if Instant::now() > until || stop.load(Ordering::Relaxed) {
            let _ = child.kill();
            let _ = child.wait();
            break None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let Some(status) = status else { return Err(Error::Timeout { seconds: patience.as_secs() }) };
    let (said, words) = (said.join().unwrap_or_default(), words.join().unwrap_or_default());
    if let Ok(outcome) = serde_json::from_slice(&said) {
        return Ok(outcome);
    }
    let last: Vec<&str> = words.trim().lines().rev().take(3).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    Err(Error::Died(format!("{status}: {}", last.join(" | "))))
}
