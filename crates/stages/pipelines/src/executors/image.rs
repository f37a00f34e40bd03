//! A task that is an image of its own: how it is noted, and how its container is followed to its end.
//!
//! The image runs as it is, with its command, in a pod of three containers that share a folder: one of ours goes before it and puts
//! there what it reads, one beside it waits and gives back what it made (`guest.py`). What it printed and how it ended is asked of
//! the cluster, so that the image need hold nothing of ours, not even a shell.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use types::{Clock as _, SystemClock, io};

use super::cluster::{Cluster, Container, MOST, PRINTED, Trouble};
use super::guest::{ENDED, Ended};
use super::printed::Printed;
use crate::error::blocking;
use crate::shim::{self, CappedLog, Cause, Mask};
use crate::{Error, Image};

/// An image, and what it gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImageTask {
    pub image: Image,
    pub env: BTreeMap<String, String>,
    /// Variables with secrets, which whoever may look at jobs need not see.
    #[serde(default)]
    pub hidden: BTreeMap<String, String>,
}

impl ImageTask {
    pub fn new(image: Image, env: BTreeMap<String, String>) -> Self {
        Self { image, env, hidden: BTreeMap::new() }
    }

    /// Adds what the workspace gives; `mask` holds the values that nobody should see.
    pub fn give(&mut self, given: &BTreeMap<String, String>, mask: &[String]) {
        for (name, value) in given {
            let into = if mask.contains(value) { &mut self.hidden } else { &mut self.env };
            into.insert(name.clone(), value.clone());
        }
    }

    /// With the paths of `root` in place of this machine's.
    pub fn moved(&self, folders: &[(String, PathBuf)], root: &str) -> Self {
        let mut pairs: Vec<(String, String)> = folders
            .iter()
            .map(|(name, path)| {
                (path.display().to_string(), format!("{}/{name}", root.trim_end_matches('/')))
            })
            .collect();
        // One below another is not cut in two.
        pairs.sort_by_key(|(here, _)| std::cmp::Reverse(here.len()));
        let moved = |text: &String| {
            pairs.iter().fold(text.clone(), |text, (here, there)| text.replace(here.as_str(), there))
        };
        let Image { name, command, args } = &self.image;
        let words = |words: &[String]| words.iter().map(moved).collect();
        let image = Image { name: name.clone(), command: words(command), args: words(args) };
        let env = self.env.iter().map(|(name, value)| (name.clone(), moved(value))).collect();
        Self { image, env, hidden: self.hidden.clone() }
    }
}

/// The container of an image as this server follows it.
pub(super) struct Followed {
    dir: PathBuf,
    mask: Mask,
    notes: Vec<String>,
    limit: u64,
    timeout: Option<Duration>,
    printed: Printed,
    /// `None` until something was asked of it.
    log: Option<CappedLog>,
    /// Whether this server has seen it not running yet, and since when it runs.
    seen_before: bool,
    since: Option<Instant>,
    /// How it ended has been noted.
    is_told: bool,
    /// All that it printed was taken in.
    is_read: bool,
}

impl Followed {
    /// `None` if the attempt has no task any more.
    pub fn of(dir: &Path) -> Option<Self> {
        let task = shim::task_of(dir)?;
        Some(Self {
            dir: dir.to_owned(),
            mask: Mask::new(&task.mask),
            notes: task.notes,
            limit: task.log_limit,
            timeout: task.timeout_ms.map(Duration::from_millis),
            printed: Printed::default(),
            log: None,
            seen_before: false,
            since: None,
            is_told: dir.join(ENDED).exists(),
            is_read: false,
        })
    }

    /// Takes in what was printed, and notes the end for the container beside it. True if its time is over.
    pub async fn look(&mut self, cluster: &dyn Cluster, handle: &str) -> Result<bool, Trouble> {
        if self.is_read {
            return Ok(false);
        }
        let container = cluster.container(handle).await?;
        let Some(container) = container.filter(|found| found.started_at.is_some() || found.ended.is_some())
        else {
            self.seen_before = true;
            return Ok(false);
        };
        self.take_lines(cluster, &container).await?;
        let Some(ended) = &container.ended else { return Ok(self.is_late(&container) && !self.is_told) };
        let mut ended = ended.clone();
        if let Some(log) = self.log.take() {
            ended.output_bytes = log.seen;
            ended.cut_bytes = blocking(move || Ok(log.finish()?)).await.map_err(trouble)?;
        }
        self.is_read = true;
        self.note(ended).await.map_err(trouble)?;
        Ok(false)
    }

    /// It is made to end, whatever its cluster will say of that.
    pub async fn stop(&mut self, cause: Cause) -> Result<(), Error> {
        let ended = Ended { cause, code: None, signal: None, error: None, output_bytes: 0, cut_bytes: 0 };
        self.note(ended).await
    }

    async fn note(&mut self, ended: Ended) -> Result<(), Error> {
        if std::mem::replace(&mut self.is_told, true) {
            return Ok(());
        }
        let path = self.dir.join(ENDED);
        let noted = blocking(move || {
            let bytes = serde_json::to_vec(&ended).map_err(|e| io::Error::new("write", &path, e.into()))?;
            Ok(shim::write_whole(&path, &bytes)?)
        });
        noted.await
    }

    /// By this server's own clock, unless it comes late.
    fn is_late(&mut self, container: &Container) -> bool {
        let seen_before = self.seen_before;
        let since = *self.since.get_or_insert_with(|| {
            let now = Instant::now();
            let before = container.started_at.filter(|_| !seen_before);
            let ran = before.map_or(0, |at| SystemClock.now().0.saturating_sub(at.0).max(0));
            now.checked_sub(Duration::from_micros(ran as u64)).unwrap_or(now)
        });
        self.timeout.is_some_and(|timeout| since.elapsed() >= timeout)
    }

    /// A cluster that does not show the log keeps nobody from ending.
    async fn take_lines(&mut self, cluster: &dyn Cluster, container: &Container) -> Result<(), Trouble> {
        let mut limit = PRINTED;
        loop {
            let (bytes, why) = match cluster.lines(container, self.printed.since(), limit).await {
                Ok(bytes) => (bytes, None),
                Err(Trouble::Refused(why)) => (Vec::new(), Some(why)),
                Err(passing) => return Err(passing),
            };
            let is_full = bytes.len() as u64 >= limit;
            let is_last = container.ended.is_some() && !is_full;
            let mut taken = self.printed.take(&bytes, is_last);
            drop(bytes);
            // Two seconds with more than an answer holds, of which one cannot ask for the latter half alone.
            if is_full && taken.is_empty() {
                if limit < MOST {
                    limit *= 2;
                    continue;
                }
                taken.extend_from_slice(self.printed.pass_over());
            }
            let mut fresh = self.mask.pass(&taken);
            if is_last {
                fresh.extend(self.mask.rest());
            }
            if let Some(why) = why.filter(|_| is_last) {
                fresh.extend_from_slice(
                    format!("[mlwright] what it printed cannot be read: {why}\n").as_bytes(),
                );
            }
            self.write(fresh).await.map_err(trouble)?;
            if !is_full {
                return Ok(());
            }
        }
    }

    async fn write(&mut self, fresh: Vec<u8>) -> Result<(), Error> {
        let (dir, limit, notes) = (self.dir.clone(), self.limit, std::mem::take(&mut self.notes));
        let log = self.log.take();
        let written = blocking(move || {
            let mut log = match log {
                Some(log) => log,
                None => begin(&dir, limit, &notes, fresh.len())?,
            };
            log.append(&fresh);
            Ok(log)
        });
        self.log = Some(written.await?);
        Ok(())
    }
}

/// A server before this one may have written more than the cluster still has.
fn begin(dir: &Path, limit: u64, notes: &[String], fresh: usize) -> Result<CappedLog, Error> {
    let before = io::read(dir.join(shim::LOG)).unwrap_or_default();
    let mut log = CappedLog::create(dir, limit)?;
    let notes: String = notes.iter().map(|note| format!("[mlwright] {note}\n")).collect();
    if before.len() > notes.len() + fresh {
        log.append(&before);
        log.append(b"\n[mlwright] the server was started anew; what the cluster has kept follows\n");
    } else {
        log.append(notes.as_bytes());
    }
    Ok(log)
}

/// Trouble of this server: worth another try.
fn trouble(error: Error) -> Trouble {
    Trouble::Passing(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn paths_of_this_machine_become_those_of_the_pod() {
        let (command, args) =
            (texts(&["cp"]), texts(&["/d/1/in", "/d/1/deep/x", "--to=/d/1/outputs/x", "/e"]));
        let image = Image { name: "alpine".into(), command, args };
        let task = ImageTask::new(image, BTreeMap::from([("AT".to_owned(), "/d/1/work".to_owned())]));
        let folders = [("attempt", "/d/1"), ("carried-0", "/d/1/deep")];
        let folders = folders.map(|(name, path)| (name.to_owned(), PathBuf::from(path)));
        let moved = task.moved(&folders, "/pod/");
        let expected = ["/pod/attempt/in", "/pod/carried-0/x", "--to=/pod/attempt/outputs/x", "/e"];
        assert_eq!(moved.image.args, texts(&expected));
        assert_eq!(moved.env["AT"], "/pod/attempt/work");
    }

    #[test]
    fn secrets_are_apart_from_settings() {
        let given =
            BTreeMap::from([("A".to_owned(), "secret".to_owned()), ("B".to_owned(), "level".to_owned())]);
        let mut task = ImageTask::default();
        task.give(&given, &texts(&["secret"]));
        assert_eq!(
            (task.hidden.len(), task.hidden["A"].as_str(), task.env["B"].as_str()),
            (1, "secret", "level")
        );
    }
}
