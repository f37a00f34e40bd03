//! Warm Pythons: one process for each environment and module that steps begin with, of which their processes are forked.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use types::{Digest, io};

use crate::Error;

const SCRIPT: &str = include_str!("zygote.py");
/// What the address of a Unix socket may be long, with room for the process id that `zygote.py` appends.
const LONGEST_ADDRESS: usize = 92;

/// They outlive the server as the steps do, and end by themselves when nobody has asked for a while.
pub(crate) struct Zygotes {
    folder: PathBuf,
    script: PathBuf,
    /// Those that are on their way.
    starting: Mutex<BTreeSet<PathBuf>>,
}

impl Zygotes {
    pub fn new(folder: PathBuf) -> Result<Self, Error> {
        io::create_dir_all(&folder)?;
        // Whoever can connect runs code as this user.
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&folder, private).map_err(|e| io::Error::new("protect", &folder, e))?;
        let script = folder.join("zygote.py");
        if io::read_to_string(&script).ok().as_deref() != Some(SCRIPT) {
            io::write_atomic(&script, SCRIPT)?;
        }
        Ok(Self { folder, script, starting: Mutex::default() })
    }

    /// The socket of the warm process for `python3 -m <module> …`, if it is ready; if not, one is started for those that come
    /// later, and this step starts by itself. `python` is the interpreter of an environment that never changes. Blocks a little.
    pub fn find(&self, python: &Path, argv: &[String], env: &BTreeMap<String, String>) -> Option<PathBuf> {
        let module = module_of(argv)?;
        let path = env.get("PYTHONPATH").map_or("", String::as_str);
        let key = Digest::of(format!("{SCRIPT}\0{}\0{module}\0{path}", python.display()));
        let socket = self.folder.join(format!("{}.sock", &key.hex()[..16]));
        if cfg!(not(target_os = "linux")) || socket.as_os_str().len() > LONGEST_ADDRESS {
            return None;
        }
        let mut starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if UnixStream::connect(&socket).is_ok() {
            starting.remove(&socket);
            return Some(socket);
        }
        if starting.insert(socket.clone())
            && let Err(error) = self.start(python, module, path, &socket)
        {
            tracing::warn!(python = %python.display(), %error, "cannot start a warm Python; steps start cold");
        }
        None
    }

    fn start(&self, python: &Path, module: &str, path: &str, socket: &Path) -> Result<(), Error> {
        let log = io::create(socket.with_extension("log"))?;
        let mut command = Command::new(python);
        command.arg(&self.script).arg(socket).arg(module).current_dir(&self.folder).env_clear();
        for name in ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if !path.is_empty() {
            command.env("PYTHONPATH", path);
        }
        // As the steps have it: a hash seed cannot be changed after the start.
        command.env("PYTHONHASHSEED", "0").process_group(0);
        let error = log.try_clone().map_err(|e| io::Error::new("open", socket, e))?;
        command.stdin(Stdio::null()).stdout(log).stderr(error);
        let mut child = command.spawn().map_err(|e| io::Error::new("start", python, e))?;
        // Waited for, so that it never stays behind as a zombie of this process.
        std::thread::Builder::new()
            .name("warm-python".into())
            .spawn(move || drop(child.wait()))
            .map_err(|e| io::Error::new("wait for", python, e))?;
        Ok(())
    }
}

/// Of `python3 -m <module> …`.
pub(crate) fn module_of(argv: &[String]) -> Option<&str> {
    match argv {
        [python, flag, module, ..] if python == "python3" && flag == "-m" => Some(module),
        _ => None,
    }
}
