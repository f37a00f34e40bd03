//! The real binary, running: started on a free port with a data folder of its own.

use crate::http;
use crate::python::Python;
use crate::shell;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Server {
    process: Option<Child>,
    pub port: u16,
    pub log: PathBuf,
}

/// The root access key of every server that is started here: that of lakeFS's quickstart, which some suites have built in.
pub const KEY_ID: &str = "AKIAIOSFOLQUICKSTART";
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

pub struct Start<'a> {
    pub binary: &'a Path,
    pub python: &'a Python,
    pub data: &'a Path,
    pub port: u16,
    /// PostgreSQL instead of SQLite.
    pub database: Option<String>,
    /// A configuration file.
    pub config: Option<&'a Path>,
}

impl Server {
    /// Starts it and waits until `/readyz` answers 200.
    pub fn start(start: &Start) -> Result<Server, String> {
        std::fs::create_dir_all(start.data).map_err(|e| format!("{}: {e}", start.data.display()))?;
        let log = start.data.with_extension("log");
        let file = std::fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let errors = file.try_clone().map_err(|e| format!("{}: {e}", log.display()))?;
        let mut command = Command::new(start.binary);
        command.args(["serve", "--port", &start.port.to_string(), "--data-dir"]).arg(start.data);
        if let Some(url) = &start.database {
            command.args(["--database-url", url]);
        }
        if let Some(config) = start.config {
            command.arg("--config").arg(config);
        }
        if let Some(page) = start.python.mlflow_page() {
            command.arg("--mlflow-ui").arg(page);
        }
        command.env("PATH", start.python.path()).env("MLWRIGHT_ONNXRUNTIME", start.python.onnxruntime()?);
        command.env("MLWRIGHT_ROOT_ACCESS_KEY_ID", KEY_ID).env("MLWRIGHT_ROOT_SECRET_ACCESS_KEY", SECRET_KEY);
        command.stdin(Stdio::null()).stdout(file).stderr(errors).current_dir(std::env::temp_dir());
        let process = command.spawn().map_err(|e| format!("cannot start {}: {e}", start.binary.display()))?;
        let mut server = Server { process: Some(process), port: start.port, log };
        server.wait_until_ready()?;
        Ok(server)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn id(&self) -> u32 {
        self.process.as_ref().map_or(0, Child::id)
    }

    /// Leaves it running when xtask ends.
    pub fn leave_running(mut self) {
        self.process = None;
    }

    /// The end of what the server said.
    pub fn said(&self) -> String {
        shell::tail(&std::fs::read_to_string(&self.log).unwrap_or_default(), 30)
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if http::get(self.port, "/readyz").is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            if let Some(Ok(Some(status))) = self.process.as_mut().map(Child::try_wait) {
                return Err(format!("the server ended at start ({status}):\n{}", self.said()));
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        Err(format!("the server was not ready within 30 seconds:\n{}", self.said()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(process) = &mut self.process else { return };
        // SIGTERM first, as a service supervisor does; std can only kill.
        let _ = shell::quiet(&mut shell::command("kill", &["-TERM", &process.id().to_string()]));
        let deadline = Instant::now() + Duration::from_secs(15);
        while Instant::now() < deadline {
            if matches!(process.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = process.kill();
        let _ = process.wait();
    }
}
