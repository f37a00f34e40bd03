use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use types::io;

/// A log of bounded size: the first half of the limit goes to `log` as it comes; after that, two segment files
/// of a quarter each take turns, so that the last bytes are always there. [`seal`] puts the pieces together.
/// Disk use never exceeds the limit (plus one line that says what was cut).
pub struct CappedLog {
    dir: PathBuf,
    limit: u64,
    head: File,
    tail: Option<Tail>,
    /// Bytes that the step printed.
    pub seen: u64,
    /// The first write error; output is read and dropped after it, so that the step never blocks on its log.
    pub error: Option<String>,
}

struct Tail {
    file: File,
    /// Which of the two segments is written to.
    segment: usize,
    written: u64,
}

pub const LOG: &str = "log";
const SEGMENTS: [&str; 2] = ["log.tail.0", "log.tail.1"];
const SEEN: &str = "log.seen";

impl CappedLog {
    pub fn create(dir: &Path, limit: u64) -> Result<Self, io::Error> {
        let head = io::create(dir.join(LOG))?;
        Ok(Self { dir: dir.to_owned(), limit: limit.max(1024), head, tail: None, seen: 0, error: None })
    }

    pub fn append(&mut self, bytes: &[u8]) {
        let before = self.seen;
        self.seen += bytes.len() as u64;
        if self.error.is_some() {
            return;
        }
        let room = (self.limit / 2).saturating_sub(before).min(bytes.len() as u64) as usize;
        let (head, tail) = bytes.split_at(room);
        let written = self.head.write_all(head).map_err(|e| io::Error::new("write", self.dir.join(LOG), e));
        if let Err(error) = written.and_then(|()| self.append_tail(tail)) {
            self.error = Some(error.to_string());
        }
    }

    fn append_tail(&mut self, mut bytes: &[u8]) -> Result<(), io::Error> {
        let most = self.limit / 4;
        while !bytes.is_empty() {
            let full = self.tail.as_ref().is_none_or(|tail| tail.written >= most);
            if full {
                let segment = self.tail.as_ref().map_or(0, |tail| 1 - tail.segment);
                let file = io::create(self.dir.join(SEGMENTS[segment]))?;
                self.tail = Some(Tail { file, segment, written: 0 });
            }
            let Some(tail) = &mut self.tail else { return Ok(()) };
            let room = (most - tail.written).min(bytes.len() as u64) as usize;
            let (now, later) = bytes.split_at(room);
            tail.file
                .write_all(now)
                .map_err(|e| io::Error::new("write", self.dir.join(SEGMENTS[tail.segment]), e))?;
            tail.written += room as u64;
            bytes = later;
        }
        Ok(())
    }

    /// Ends the log. Returns how many bytes were cut.
    pub fn finish(mut self) -> Result<u64, io::Error> {
        let newest = self.tail.as_ref().map(|tail| tail.segment);
        // Sealing starts from what is on disk, so that it can also be done after a crash.
        if let Some(segment) = newest {
            io::write(self.dir.join(SEEN), format!("{} {segment}", self.seen))?;
            self.tail = None;
        }
        drop(self.head);
        seal(&self.dir)
    }
}

/// The last line of an ended log that is not empty, of at most `most` bytes; its control characters are gone.
pub(crate) fn last_line(dir: &Path, most: usize) -> Option<String> {
    let mut file = io::open(dir.join(LOG)).ok()?;
    let size = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(4 * most as u64))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    let end = (0..=most.min(line.len())).rev().find(|end| line.is_char_boundary(*end))?;
    let cut = if end < line.len() { "…" } else { "" };
    Some(format!("{}{cut}", &line[..end]))
}

/// Appends the tail segments of `dir` to its log, after a line that says how many bytes were cut, and removes
/// them. Does nothing when there are none. Returns how many bytes were cut, 0 if that is not known.
pub fn seal(dir: &Path) -> Result<u64, io::Error> {
    let paths = SEGMENTS.map(|name| dir.join(name));
    let present: Vec<&PathBuf> = paths.iter().filter(|path| path.exists()).collect();
    if present.is_empty() {
        return Ok(0);
    }
    let noted = io::read_to_string(dir.join(SEEN)).unwrap_or_default();
    let mut words = noted.split(' ');
    let seen: Option<u64> = words.next().and_then(|w| w.parse().ok());
    let newest: Option<usize> = words.next().and_then(|w| w.parse().ok());
    let mut order: Vec<&PathBuf> = present.clone();
    match newest {
        Some(newest) => order.sort_by_key(|path| **path == paths[newest & 1]),
        None => order.sort_by_key(|path| std::fs::metadata(path).and_then(|m| m.modified()).ok()),
    }
    let log = dir.join(LOG);
    let mut out = std::fs::File::options()
        .append(true)
        .create(true)
        .open(&log)
        .map_err(|e| io::Error::new("open", &log, e))?;
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |m| m.len());
    let kept = size(&log) + order.iter().map(|path| size(path)).sum::<u64>();
    let cut = seen.map_or(0, |seen| seen.saturating_sub(kept));
    if cut > 0 || seen.is_none() {
        let what = if seen.is_some() { format!("{cut} bytes") } else { "an unknown number of bytes".into() };
        let line =
            format!("\n[mlwright: {what} of output were cut here; the beginning and the end are kept]\n");
        out.write_all(line.as_bytes()).map_err(|e| io::Error::new("write", &log, e))?;
    }
    for path in order {
        let mut segment = io::open(path)?;
        std::io::copy(&mut segment, &mut out).map_err(|e| io::Error::new("write", &log, e))?;
        // Freed at once, so that the disk holds one segment twice at most.
        std::fs::remove_file(path).map_err(|e| io::Error::new("remove", path, e))?;
    }
    let _ = std::fs::remove_file(dir.join(SEEN));
    Ok(cut)
}
