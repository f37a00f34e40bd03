//! One process that serves one model.

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::frame::{self, Call, Frame};
use crate::sandbox::{NOT_BUILT, OUT_OF_MEMORY, Policy};
use crate::{Answer, Error};

/// Bytes of its last words that are kept.
const KEPT_OUTPUT: usize = 16 << 10;
/// From letting go of the socket to ending what is still there.
const GRACE: Duration = Duration::from_millis(500);

/// What a worker says of itself when it is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What opened the model, such as `mlflow.pyfunc`.
    pub loader: String,
    pub methods: Vec<String>,
    pub python: String,
    pub numpy: String,
}

pub(crate) struct Worker {
    stream: UnixStream,
    child: Child,
    output: Arc<Mutex<Vec<u8>>>,
    next: u64,
    work: PathBuf,
    pub about: About,
    pub used_at: Instant,
}

impl Worker {
    /// Of the outermost of its processes.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Starts one and waits until its model is open. Blocks.
    pub fn start(entry: &[std::ffi::OsString], policy: &Policy, patience: Duration) -> Result<Self, Error> {
        let at = |action, path: &PathBuf| {
            let path = path.clone();
            move |e| types::io::Error::new(action, path, e)
        };
        types::io::create_dir_all(&policy.work)?;
        let (ours, theirs) = UnixStream::pair().map_err(at("connect", &policy.work))?;
        let text = serde_json::to_string(policy).map_err(|e| Error::Protocol(e.to_string()))?;
        let (program, words) =
            entry.split_first().ok_or_else(|| Error::NoSandbox("there is no program for it".into()))?;
        let mut child = Command::new(program)
            .args(words)
            .arg(text)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| types::io::Error::new("start", program, e))?;
        let output = Arc::<Mutex<Vec<u8>>>::default();
        if let Some(stderr) = child.stderr.take() {
            listen(stderr, Arc::clone(&output)).map_err(at("listen to", &policy.work))?;
        }
        let (work, used_at) = (policy.work.clone(), Instant::now());
        let mut worker =
            Self { stream: ours, child, output, next: 0, work, about: About::default(), used_at };
        let ready = match frame::receive(&worker.stream, Instant::now() + patience) {
            Ok(ready) => ready,
            Err(error) => return Err(worker.lost(&error, patience)),
        };
        frame::failure(&ready.header)?;
        worker.about = serde_json::from_value(ready.header)
            .map_err(|e| Error::Protocol(format!("it did not say that it is ready: {e}")))?;
        Ok(worker)
    }

    /// One request. After any error but [`Error::Run`] the worker is of no more use.
    pub fn call(&mut self, call: &Call<'_>, patience: Duration) -> Result<Answer, Error> {
        self.next += 1;
        self.used_at = Instant::now();
        let deadline = self.used_at + patience;
        let request = Frame::request(self.next, call);
        let answer = frame::send(&self.stream, &request, deadline)
            .and_then(|()| frame::receive(&self.stream, deadline))
            .map_err(|error| self.lost(&error, patience))?;
        answer.into_answer(self.next)
    }

    /// One request whose answer comes in parts, each within `patience`. `false` if `part` wanted no more before the end: then,
    /// and after any error but [`Error::Run`], the worker is of no more use.
    pub fn stream(
        &mut self,
        call: &Call<'_>,
        patience: Duration,
        part: &mut dyn FnMut(Answer) -> bool,
    ) -> Result<bool, Error> {
        self.next += 1;
        let request = Frame::request(self.next, call);
        let sent = frame::send(&self.stream, &request, Instant::now() + patience);
        sent.map_err(|error| self.lost(&error, patience))?;
        loop {
            self.used_at = Instant::now();
            let received = frame::receive(&self.stream, self.used_at + patience);
            let frame = received.map_err(|error| self.lost(&error, patience))?;
            let more = frame.header["more"] == true;
            let answer = frame.into_answer(self.next)?;
            if !more {
                return Ok(true);
            }
            if !part(answer) {
                return Ok(false);
            }
        }
    }

    /// Why nothing came back.
    fn lost(&mut self, error: &io::Error, patience: Duration) -> Error {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                return Error::Timeout { seconds: patience.as_secs() };
            }
            io::ErrorKind::InvalidData => return Error::Protocol(error.to_string()),
            _ => {}
        }
        let status = self.ended(GRACE);
        let code = status.and_then(|status| status.code());
        let words = String::from_utf8_lossy(&self.output.lock()).trim().to_owned();
        let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
        if code == Some(i32::from(NOT_BUILT)) {
            return Error::NoSandbox(last.trim_start_matches("sandbox: ").to_owned());
        }
        if code == Some(i32::from(OUT_OF_MEMORY)) {
            return Error::Died(last.trim_start_matches("sandbox: ").to_owned());
        }
        let status = match code {
            Some(code) if code > 128 => format!("signal {}", code - 128),
            Some(code) => format!("exit code {code}"),
            None => error.to_string(),
        };
        Error::Died(if last.is_empty() { status } else { format!("{status}: {last}") })
    }

    fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + within;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
                _ => return None,
            }
        }
    }
}

impl Drop for Worker {
    /// The cage ends with its socket; if it does not, it is ended.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        if self.ended(GRACE).is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.work);
    }
}

/// Keeps the last of what is printed, so that nobody blocks on a full pipe.
fn listen(mut from: std::process::ChildStderr, into: Arc<Mutex<Vec<u8>>>) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("python-output".into());
    thread.spawn(move || {
        let mut part = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut part) {
            let mut kept = into.lock();
            kept.extend_from_slice(&part[..read]);
            let excess = kept.len().saturating_sub(KEPT_OUTPUT);
            kept.drain(..excess);
        }
    })?;
    Ok(())
}
