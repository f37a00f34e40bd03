//! A PostgreSQL of the test run's own: fresh, on a free port of 127.0.0.1, gone when the run ends.

use crate::shell::{self, command};
use crate::tools;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Postgres {
    server: Child,
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    /// None if the machine has no PostgreSQL server binaries.
    pub fn start() -> Result<Option<Postgres>, String> {
        let Some(bin) = tools::postgres_bin() else { return Ok(None) };
        let folder = shell::fresh_folder("postgres")?;
        let data = folder.join("data");
        if shell::is_root() {
            shell::quiet(&mut command("chown", &["postgres", &folder.to_string_lossy()]))?;
        }
        let initdb = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D"];
        shell::quiet(as_owner(&bin.join("initdb"), &folder).args(initdb).arg(&data))?;
        let port = shell::free_port()?;
        // Nothing here has to survive a crash, so nothing waits for the disk.
        let settings = [
            format!("port={port}"),
            "listen_addresses=127.0.0.1".into(),
            format!("unix_socket_directories={}", folder.display()),
            "fsync=off".into(),
            "synchronous_commit=off".into(),
            "full_page_writes=off".into(),
            "max_connections=300".into(),
        ];
        let log =
            std::fs::File::create(folder.join("log")).map_err(|e| format!("{}: {e}", folder.display()))?;
        let errors = log.try_clone().map_err(|e| e.to_string())?;
        let mut start = as_owner(&bin.join("postgres"), &folder);
        start.arg("-D").arg(&data).args(settings.iter().flat_map(|setting| ["-c", setting.as_str()]));
        let started = start.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        let server = started.map_err(|e| format!("cannot start postgres: {e}"))?;
        let mut postgres = Postgres { server, bin, folder, port };
        postgres.wait_until_ready()?;
        Ok(Some(postgres))
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    pub fn create_database(&self, name: &str) -> Result<String, String> {
        let port = self.port.to_string();
        let mut create =
            command(self.bin.join("createdb"), &["-h", "127.0.0.1", "-p", &port, "-U", "postgres", name]);
        shell::quiet(&mut create)?;
        Ok(self.url(name))
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let port = self.port.to_string();
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            let ask = ["-q", "-h", "127.0.0.1", "-p", &port, "-U", "postgres"];
            if shell::quiet(&mut command(self.bin.join("pg_isready"), &ask)).is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.server.try_wait() {
                let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(format!("postgres ended at start ({status}):\n{}", shell::tail(&log, 20)));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err("postgres was not ready within a minute".into())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = as_owner(&self.bin.join("pg_ctl"), &self.folder);
        let _ = shell::quiet(stop.args(["stop", "-m", "immediate", "-D"]).arg(self.folder.join("data")));
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// PostgreSQL refuses to run as root: there, its own user runs it.
fn as_owner(program: &Path, folder: &Path) -> Command {
    let mut command = if shell::is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder);
    command
}
