//! Objects as files of one directory: `objects/ab/<digest>`, `named/<path>` and `uploads/` for what is not
//! whole yet. All three lie on one file system, so that a rename is atomic.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use types::{Clock as _, Digest, SystemClock, Timestamp, io};

use crate::spool::{Spooled, TempFile};
use crate::{Error, NamedObject, NamedPath, StoredObject};

/// What a crashed upload left is removed after this long: another process may still be writing it before.
pub(crate) const UPLOAD_AGE: Duration = Duration::from_secs(24 * 3600);

pub(crate) struct Local {
    root: PathBuf,
    /// Directories whose own entry is known to be on disk. Only a saving of syncs: it may forget.
    durable_dirs: Mutex<HashSet<PathBuf>>,
}

impl Local {
    pub fn open(root: PathBuf) -> Result<Self, Error> {
        if root.exists() && !root.is_dir() {
            return Err(Error::NotADirectory { path: root });
        }
        let root = std::path::absolute(&root).map_err(|e| io::Error::new("resolve", &root, e))?;
        for dir in ["objects", "named", "uploads", "removing"] {
            io::create_dir_all(root.join(dir))?;
        }
        io::sync_dir(&root)?;
        let local = Self { root, durable_dirs: Mutex::default() };
        local.sweep();
        local.restore()?;
        Ok(local)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    pub fn object(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join("objects").join(&hex[..2]).join(&hex)
    }

    pub fn named(&self, path: &NamedPath) -> PathBuf {
        self.root.join("named").join(path.as_str())
    }

    /// Makes a spooled upload the object of its digest, durably. Twice the same is one object.
    pub fn keep(&self, spooled: &Spooled) -> Result<(), Error> {
        let target = self.object(&spooled.digest);
        if self.renew(&target, Some(spooled.size))? {
            // Renamed by somebody who may not have synced the directory yet.
            return self.sync_parent(&target);
        }
        let path = spooled.temp.path();
        let mut permissions =
            fs::metadata(path).map_err(|e| io::Error::new("inspect", path, e))?.permissions();
        permissions.set_readonly(true);
        fs::set_permissions(path, permissions).map_err(|e| io::Error::new("protect", path, e))?;
        self.place(&spooled.temp, &target)
    }

    /// Makes a spooled upload the object of that name, replacing an older one in one step, durably.
    pub fn keep_named(&self, spooled: &Spooled, name: &NamedPath) -> Result<(), Error> {
        let target = self.named(name);
        self.place(&spooled.temp, &target).map_err(|error| match &error {
            Error::Io(e) if is_collision(&e.source) => match self.collision(name) {
                Some(other) => Error::NameTaken { path: name.to_string(), other },
                None => error,
            },
            _ => error,
        })
    }

    pub fn remove_named(&self, name: &NamedPath) -> Result<bool, Error> {
        let path = self.named(name);
        match fs::symlink_metadata(&path) {
            Ok(m) if m.is_file() => {}
            _ => return Ok(false),
        }
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(io::Error::new("remove", path, e).into()),
        }
        self.sync_parent(&path)?;
        self.prune(path.parent());
        Ok(true)
    }

    /// Named objects below `prefix`, recursive, sorted by path. Links are not followed.
    pub fn list_named(&self, prefix: Option<&NamedPath>) -> Result<Vec<NamedObject>, Error> {
        let base = self.root.join("named");
        let start = prefix.map_or_else(|| base.clone(), |p| self.named(p));
        let mut found = Vec::new();
        let mut pending = vec![start];
        while let Some(dir) = pending.pop() {
            let entries = match fs::read_dir(&dir) {
                Ok(entries) => entries,
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
                Err(e) => return Err(io::Error::new("list", dir, e).into()),
            };
            for entry in entries {
                let entry = entry.map_err(|e| io::Error::new("list", &dir, e))?;
                let path = entry.path();
                let meta = match fs::symlink_metadata(&path) {
                    Ok(meta) => meta,
                    Err(e) if e.kind() == ErrorKind::NotFound => continue,
                    Err(e) => return Err(io::Error::new("inspect", path, e).into()),
                };
                if meta.is_dir() {
                    pending.push(path);
                } else if meta.is_file()
                    && let Some(name) = path.strip_prefix(&base).ok().and_then(Path::to_str)
                {
                    let modified = modified(&meta);
                    found.push(NamedObject { path: name.to_owned(), size: meta.len(), modified });
                }
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    pub fn remove_object(&self, digest: &Digest) -> Result<bool, Error> {
        let path = self.object(digest);
        match fs::remove_file(&path) {
            Ok(()) => self.sync_parent(&path).map(|()| true),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
            Err(e) => Err(io::Error::new("remove", path, e).into()),
        }
    }

    /// Makes the file new, if it is there and has that size.
    pub fn renew(&self, path: &Path, size: Option<u64>) -> Result<bool, Error> {
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(io::Error::new("open", path, e).into()),
        };
        let failed = |e| io::Error::new("renew", path, e);
        if size.is_some_and(|size| file.metadata().is_ok_and(|meta| meta.len() != size)) {
            return Ok(false);
        }
        let now = Duration::from_micros(SystemClock.now().0.unsigned_abs());
        let times = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH + now);
        file.set_times(times).and_then(|()| file.sync_all()).map_err(failed)?;
        // Moved aside before it was new: that removal may have its way.
        Ok(path.exists())
    }

    pub fn list_objects(&self, first: u8) -> Result<Vec<StoredObject>, Error> {
        let dir = self.root.join("objects").join(format!("{first:02x}"));
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(io::Error::new("list", dir, e).into()),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| io::Error::new("list", &dir, e))?;
            let digest = entry.file_name().to_str().and_then(|name| name.parse::<Digest>().ok());
            // One that is gone meanwhile is none.
            if let (Some(digest), Ok(meta)) = (digest, entry.metadata()) {
                found.push(StoredObject { digest, size: meta.len(), renewed_at: modified(&meta) });
            }
        }
        Ok(found)
    }

    pub fn remove_old(&self, digest: &Digest, before: Timestamp) -> Result<bool, Error> {
        let path = self.object(digest);
        let is_old = |path: &Path| fs::metadata(path).is_ok_and(|meta| modified(&meta) < before);
        if !is_old(&path) {
            return Ok(false);
        }
        let aside = self.root.join("removing").join(digest.hex());
        match fs::rename(&path, &aside) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(io::Error::new("move aside", path, e).into()),
        }
        if !is_old(&aside) {
            self.put_back(&aside, &path)?;
            return Ok(false);
        }
        fs::remove_file(&aside).map_err(|e| io::Error::new("remove", &aside, e))?;
        self.sync_parent(&path)?;
        Ok(true)
    }

    /// What a removal left aside when it was killed is an object again.
    fn restore(&self) -> Result<(), Error> {
        let dir = self.root.join("removing");
        for entry in fs::read_dir(&dir).map_err(|e| io::Error::new("list", &dir, e))? {
            let entry = entry.map_err(|e| io::Error::new("list", &dir, e))?;
            let name = entry.file_name();
            if let Some(digest) = name.to_str().and_then(|name| name.parse::<Digest>().ok()) {
                self.put_back(&entry.path(), &self.object(&digest))?;
            }
        }
        Ok(())
    }

    fn put_back(&self, aside: &Path, path: &Path) -> Result<(), Error> {
        self.make_dir(path.parent().unwrap_or(&self.root))?;
        match fs::hard_link(aside, path) {
            // Somebody has put it again meanwhile.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            // Another process has put it back.
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|e| io::Error::new("put back", path, e))?,
        }
        self.sync_parent(path)?;
        match fs::remove_file(aside) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(io::Error::new("remove", aside, e).into()),
            _ => Ok(()),
        }
    }

    fn place(&self, temp: &TempFile, target: &Path) -> Result<(), Error> {
        temp.sync()?;
        let parent = target.parent().unwrap_or(&self.root);
        // A delete may prune the directory, or one above it, between its making and the rename.
        for attempt in 0.. {
            let placed = self.make_dir(parent).and_then(|()| {
                fs::rename(temp.path(), target).map_err(|e| io::Error::new("place", target, e).into())
            });
            match placed {
                Ok(()) => break,
                Err(Error::Io(e))
                    if matches!(e.source.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists)
                        && attempt < 8 =>
                {
                    self.forget(parent);
                }
                Err(error) => return Err(error),
            }
        }
        self.sync_parent(target)
    }

    /// Makes `dir` and its parents, each entry synced.
    fn make_dir(&self, dir: &Path) -> Result<(), Error> {
        if dir == self.root || self.durable().contains(dir) {
            return Ok(());
        }
        let parent = dir.parent().unwrap_or(&self.root);
        self.make_dir(parent)?;
        match fs::create_dir(dir) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists && dir.is_dir() => {}
            Err(e) => return Err(io::Error::new("create directory", dir, e).into()),
        }
        io::sync_dir(parent)?;
        let mut durable = self.durable();
        if durable.len() > 10_000 {
            durable.clear();
        }
        durable.insert(dir.to_owned());
        Ok(())
    }

    fn forget(&self, dir: &Path) {
        self.durable().retain(|d| !dir.starts_with(d));
    }

    fn durable(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.durable_dirs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sync_parent(&self, path: &Path) -> Result<(), Error> {
        match io::sync_dir(path.parent().unwrap_or(&self.root)) {
            Err(e) if e.source.kind() == ErrorKind::NotFound => Ok(()),
            other => Ok(other?),
        }
    }

    /// Removes directories that a delete left empty.
    fn prune(&self, mut dir: Option<&Path>) {
        let base = self.root.join("named");
        while let Some(d) = dir.filter(|d| *d != base && d.starts_with(&base)) {
            self.durable().remove(d);
            if fs::remove_dir(d).is_err() {
                return; // not empty
            }
            dir = d.parent();
        }
    }

    /// What stands in the way of `name`: an object that is its folder, or a folder of that name.
    fn collision(&self, name: &NamedPath) -> Option<String> {
        if self.named(name).is_dir() {
            return Some(format!("{name}/"));
        }
        let text = name.as_str();
        text.match_indices('/')
            .map(|(at, _)| &text[..at])
            .find(|ancestor| self.root.join("named").join(ancestor).is_file())
            .map(str::to_owned)
    }

    /// Removes what was left of uploads; failing to only costs space.
    pub fn sweep(&self) {
        let Ok(entries) = fs::read_dir(self.uploads()) else { return };
        for entry in entries.flatten() {
            let age = entry.metadata().and_then(|m| m.modified()).ok().and_then(|t| t.elapsed().ok());
            if age.is_some_and(|age| age > UPLOAD_AGE) {
                let _ = match entry.file_type().is_ok_and(|t| t.is_dir()) {
                    true => fs::remove_dir_all(entry.path()),
                    false => fs::remove_file(entry.path()),
                };
            }
        }
    }
}

fn is_collision(e: &std::io::Error) -> bool {
    matches!(
        e.kind(),
        ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::AlreadyExists
            | ErrorKind::DirectoryNotEmpty
    )
}

pub(crate) fn modified(meta: &fs::Metadata) -> Timestamp {
    let since = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    Timestamp(since.map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
}
