//! Asking a warm Python (`zygote.py`) for a process instead of starting one.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long the zygote may take to fork.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct Request<'a> {
    module: &'a str,
    arguments: &'a [String],
    directory: &'a Path,
    env: &'a BTreeMap<String, String>,
    /// Opened for writing by the zygote.
    output: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    pid: Option<u32>,
    parent: Option<u32>,
    code: Option<i32>,
    signal: Option<i32>,
    refused: Option<String>,
}

/// A child of the zygote, in a session of its own. It is killed when this is dropped before its end.
pub(super) struct Forked {
    pub pid: u32,
    /// The zygote, which adopts what the child leaves behind.
    pub parent: u32,
    answers: BufReader<UnixStream>,
    line: String,
    /// The zygote has ended.
    orphaned: bool,
}

/// Exit code and signal, as far as known.
pub(super) type Ended = (Option<i32>, Option<i32>);

/// Errors: the zygote is not there or refuses; nothing was started then.
pub(super) fn fork(
    socket: &Path,
    module: &str,
    arguments: &[String],
    directory: &Path,
    env: &BTreeMap<String, String>,
    output: &std::io::PipeWriter,
) -> std::io::Result<Forked> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let output = format!("/proc/{}/fd/{}", std::process::id(), output.as_raw_fd());
    let request = serde_json::to_vec(&Request { module, arguments, directory, env, output })?;
    let length = u32::try_from(request.len()).map_err(std::io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], &request].concat())?;
    let mut answers = BufReader::new(stream);
    let mut line = String::new();
    answers.read_line(&mut line)?;
    let answer: Answer = serde_json::from_str(&line)?;
    let (Some(pid), Some(parent)) = (answer.pid, answer.parent) else {
        return Err(std::io::Error::other(answer.refused.unwrap_or_else(|| "no process".into())));
    };
    answers.get_ref().set_nonblocking(true)?;
    Ok(Forked { pid, parent, answers, line: String::new(), orphaned: false })
}

impl Forked {
    /// What is readable once it has ended; `None` if nothing tells any more.
    pub fn end(&self) -> Option<BorrowedFd<'_>> {
        (!self.orphaned).then(|| self.answers.get_ref().as_fd())
    }

    /// `None` while it runs. A zygote that is gone took its knowledge with it: then the process itself is looked for.
    pub fn try_wait(&mut self) -> std::io::Result<Option<Ended>> {
        match self.answers.read_line(&mut self.line) {
            Ok(0) => self.orphaned = true,
            Ok(_) => {
                let answer: Answer = serde_json::from_str(&self.line)?;
                return Ok(Some((answer.code, answer.signal)));
            }
            // What came of a line stays in it.
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(None),
            Err(_) => self.orphaned = true,
        }
        if Path::new("/proc").join(self.pid.to_string()).exists() {
            return Ok(None);
        }
        Err(std::io::Error::other("the warm Python that started it is gone, and with it how it ended"))
    }
}
