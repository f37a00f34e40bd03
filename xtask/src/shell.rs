//! Starting commands: show what runs, pass the output through, keep it where a result is read from it.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Whether what cargo builds is looked at by clippy on the way.
static LINTS_WHILE_BUILDING: AtomicBool = AtomicBool::new(false);

/// From here on, every cargo that this starts builds with clippy's driver, which is the compiler with more to say: what
/// was built once is built neither for clippy nor for the tests again. A warning is an error then.
pub fn lint_while_building(whether: bool) {
    LINTS_WHILE_BUILDING.store(whether, Ordering::Relaxed);
}

thread_local! {
    static LABEL: Cell<&'static str> = const { Cell::new("") };
}

/// What this thread starts says in front of each line that it is of `label`, while others speak too.
pub fn labelled<T>(label: &str, work: impl FnOnce() -> T) -> T {
    // A few a run; they live to its end.
    LABEL.set(String::leak(format!("[{label}] ")));
    let done = work();
    LABEL.set("");
    done
}

/// The repository, where every command runs unless it says otherwise.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    forget_outer_cargo(&mut command);
    command
}

/// For a command that runs cargo. The cargo that runs xtask sets variables (also CFLAGS from .cargo/config.toml, which the
/// inner one reads again) that build scripts look at: they would make the inner cargo build everything again.
pub fn forget_outer_cargo(command: &mut Command) {
    let outer = std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    });
    for name in outer.chain(["CFLAGS".into(), "RUSTC_WORKSPACE_WRAPPER".into(), "CLIPPY_ARGS".into()]) {
        command.env_remove(name);
    }
    if LINTS_WHILE_BUILDING.load(Ordering::Relaxed) {
        // As `cargo clippy -- -D warnings` starts it.
        command.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver");
        command.env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
    }
}

pub fn command(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).args(arguments);
    command
}

/// `cargo nextest run …`, as a person would type it.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs it with its output passed through.
pub fn run(command: &mut Command) -> Result<(), String> {
    println!("  $ {}", shown(command));
    let status = command.status().map_err(|e| format!("cannot start {}: {e}", shown(command)))?;
    ended(command, status)
}

/// Runs it silently; the error carries the end of what it said.
pub fn quiet(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|e| format!("cannot start {}: {e}", shown(command)))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let all = format!("{said}{}", String::from_utf8_lossy(&output.stderr));
    Err(format!("{} failed ({}):\n{}", shown(command), output.status, tail(&all, 30)))
}

/// Runs it with its output passed through line by line; what it said, and whether it succeeded.
pub fn heard(command: &mut Command) -> Result<(String, bool), String> {
    let label = LABEL.get();
    println!("  {label}$ {}", shown(command));
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.map_err(|e| format!("cannot start {}: {e}", shown(command)))?;
    let said = Arc::new(Mutex::new(String::new()));
    let streams: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
        child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
    ];
    let readers: Vec<_> = streams
        .into_iter()
        .flatten()
        .map(|stream| {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream);
                let mut line = Vec::new();
                while matches!(lines.read_until(b'\n', &mut line), Ok(length) if length > 0) {
                    let text = String::from_utf8_lossy(&line);
                    print!("    {label}{text}");
                    if let Ok(mut said) = said.lock() {
                        said.push_str(&text);
                    }
                    line.clear();
                }
            })
        })
        .collect();
    let status = child.wait().map_err(|e| format!("lost {}: {e}", shown(command)))?;
    for reader in readers {
        let _ = reader.join();
    }
    let said = said.lock().map(|said| said.clone()).unwrap_or_default();
    Ok((said, status.success()))
}

fn ended(command: &Command, status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("{} failed ({status})", shown(command))) }
}

/// The last `count` lines.
pub fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Where the program is found on PATH.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The user id of this process is 0.
pub fn is_root() -> bool {
    quiet(&mut command("id", &["-u"])).is_ok_and(|said| said.trim() == "0")
}

/// A port of 127.0.0.1 that nobody listens on now.
pub fn free_port() -> Result<u16, String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(|e| format!("no free port: {e}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|e| e.to_string())
}

/// A fresh folder below the system's temporary one, named by purpose, process and count.
pub fn fresh_folder(purpose: &str) -> Result<PathBuf, String> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("mlwright-{purpose}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|e| format!("cannot create {}: {e}", folder.display()))?;
    Ok(folder)
}
