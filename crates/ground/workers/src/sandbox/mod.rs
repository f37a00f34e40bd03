//! A cage for code that somebody registered: namespaces of its own for files, processes, network and users; Landlock and
//! seccomp beneath; no privileges; limits on memory, processes, files. It has no network, sees the model and its Python
//! read-only, and writes into a small memory file system that vanishes with it.
//!
//! The program enters the cage by starting itself twice: `<program> internal-sandbox <policy>` makes the namespaces, watches
//! memory, and ends everything when the server lets go of the socket; its child, the first process inside, builds the file
//! system, gives up everything and becomes Python.

#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod inner;
#[cfg(target_os = "linux")]
mod outer;
#[cfg(target_os = "linux")]
mod root;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// The hidden command, as the program's first word.
pub const COMMAND: &str = "internal-sandbox";
const INNER: &str = "inner";
const PROBE: &str = "probe";

/// It ended because it used more memory than it may.
pub(crate) const OUT_OF_MEMORY: u8 = 81;
/// The cage could not be built.
pub(crate) const NOT_BUILT: u8 = 82;

/// What runs inside, and what it may.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// Files and folders that it may read and run, beside the system's own libraries. Nothing else is there.
    pub read: Vec<PathBuf>,
    /// Device files and folders of them that it may use, such as those of a GPU: see [`crate::devices`].
    pub devices: Vec<PathBuf>,
    /// An empty folder of its own, where its file system is put together. Without namespaces it is its scratch space.
    pub work: PathBuf,
    /// Bytes of all its processes together.
    pub memory: u64,
    pub processes: u64,
    /// Bytes that it may write.
    pub scratch: u64,
    /// No cage: the machine offers none, and the configuration allows it.
    pub unsandboxed: bool,
}

/// What this machine offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Files, processes, network and users of its own.
    pub namespaces: bool,
    pub landlock: bool,
    pub seccomp: bool,
    /// Why something is not there.
    pub reason: String,
}

impl Protection {
    /// Whether foreign code may run here: its files and its network must be kept apart by one means or another.
    pub fn suffices(&self) -> bool {
        self.namespaces || self.landlock && self.seccomp
    }
}

/// The command line of the cage: the program and its hidden command, such as `["/usr/bin/mlwright", "internal-sandbox"]`.
pub type Entry = Vec<OsString>;

/// Tries out what this machine offers. Blocks for some milliseconds.
pub fn probe(entry: &[OsString]) -> Protection {
    let absent = |reason: String| Protection { reason, ..Protection::default() };
    let Some((program, words)) = entry.split_first() else {
        return absent("there is no such command".into());
    };
    let output = std::process::Command::new(program)
        .args(words)
        .arg(PROBE)
        .stdin(std::process::Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| absent(format!("the trial said nothing useful: {e}"))),
        Ok(output) => absent(format!("the trial ended with {}", output.status)),
        Err(error) => absent(format!("the trial did not start: {error}")),
    }
}

/// Becomes the cage. `words` follow the program's name. It must be called before any thread is started.
#[cfg(target_os = "linux")]
pub fn main(words: &[OsString]) -> ExitCode {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    match words.as_slice() {
        [COMMAND, PROBE] => outer::probe(),
        [COMMAND, INNER, text, namespaces, number] => match policy(text) {
            Ok(policy) => inner::main(&policy, *namespaces == "true", number.parse().unwrap_or(0)),
            Err(error) => complain(&error),
        },
        [COMMAND, text] => match policy(text) {
            Ok(policy) => outer::main(&policy),
            Err(error) => complain(&error),
        },
        _ => complain("it is started by the server only"),
    }
}

#[cfg(not(target_os = "linux"))]
pub fn main(_words: &[OsString]) -> ExitCode {
    complain("there is no sandbox for this system")
}

#[cfg(target_os = "linux")]
fn policy(text: &str) -> Result<Policy, String> {
    serde_json::from_str(text).map_err(|e| format!("its policy cannot be read: {e}"))
}

/// Standard error is read by the server.
fn complain(text: &str) -> ExitCode {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "sandbox: {text}");
    ExitCode::from(NOT_BUILT)
}
