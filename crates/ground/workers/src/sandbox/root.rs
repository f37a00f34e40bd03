//! The file system inside: what was allowed, read-only at its own place, and memory for what is written.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use namespaces::fs::{StatVfsMountFlags, statvfs};
use namespaces::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, mount_recursive_bind,
    mount_remount, unmount,
};
use namespaces::process::pivot_root;

use super::Policy;

/// Libraries of the system, as far as they are there. Some are links on some systems.
const SYSTEM: [&str; 11] = [
    "/usr",
    "/lib",
    "/lib64",
    "/lib32",
    "/bin",
    "/sbin",
    "/nix/store",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
];
const DEVICES: [&str; 4] = ["null", "zero", "random", "urandom"];

/// Keeps what is mounted from here on to this namespace.
pub fn private() -> Result<(), namespaces::io::Errno> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
}

/// Puts the file system together at the policy's work folder, and moves into it.
pub fn build(policy: &Policy) -> Result<(), String> {
    let root = policy.work.as_path();
    let failed = |what: &str, place: &Path| {
        let text = format!("{what} `{}`", place.display());
        move |e: namespaces::io::Errno| format!("{text}: {e}")
    };
    private().map_err(failed("separate", Path::new("/")))?;
    memory(root, 16 << 20, 0o755)?;
    for path in SYSTEM.iter().map(Path::new) {
        match std::fs::read_link(path) {
            Ok(target) => {
                let place = within(root, path);
                folder(place.parent().unwrap_or(root))?;
                symlink(target, &place).map_err(|e| format!("link `{}`: {e}", path.display()))?;
            }
            Err(_) if path.exists() => show(root, path)?,
            Err(_) => {}
        }
    }
    let dev = root.join("dev");
    folder(&dev)?;
    for name in DEVICES {
        let (host, place) = (Path::new("/dev").join(name), dev.join(name));
        touch(&place)?;
        mount_bind(&host, &place).map_err(failed("show", &host))?;
    }
    for device in &policy.devices {
        mount_recursive_bind(device, stand_in(root, device)?).map_err(failed("show", device))?;
    }
    for (name, size) in [("tmp", policy.scratch), ("dev/shm", policy.scratch)] {
        let place = root.join(name);
        folder(&place)?;
        memory(&place, size, 0o1777)?;
    }
    // After the memory, since they may lie in `/tmp`. A folder within another that is shown already is there.
    let mut read: Vec<PathBuf> = policy.read.clone();
    read.sort();
    for (index, path) in read.iter().enumerate() {
        let shown = read[..index].iter().map(PathBuf::as_path).chain(SYSTEM.iter().map(Path::new));
        if !shown.into_iter().any(|shown| path.starts_with(shown)) {
            show(root, path)?;
        }
    }
    let passwd = root.join("etc/passwd");
    folder(&root.join("etc"))?;
    types::io::write(&passwd, "worker:x:0:0::/tmp:/bin/false\n").map_err(|e| e.to_string())?;
    let proc = root.join("proc");
    folder(&proc)?;
    // Inside some containers it may not be mounted anew; then there is none.
    let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let _ = mount("proc", &proc, "proc", quiet, "");
    let old = root.join("old");
    folder(&old)?;
    pivot_root(root, &old).map_err(failed("move into", root))?;
    std::env::set_current_dir("/").map_err(|e| format!("enter `/`: {e}"))?;
    unmount("/old", UnmountFlags::DETACH).map_err(failed("leave", Path::new("/old")))?;
    let _ = std::fs::remove_dir("/old");
    let locked = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    mount_remount("/", locked, "").map_err(failed("lock", Path::new("/")))
}

fn within(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// An empty file or folder inside, for what is at `path` outside to be mounted on.
fn stand_in(root: &Path, path: &Path) -> Result<PathBuf, String> {
    let place = within(root, path);
    if path.is_dir() {
        folder(&place)?;
    } else {
        folder(place.parent().unwrap_or(root))?;
        touch(&place)?;
    }
    Ok(place)
}

/// Shows a file or folder of the host, read-only, at its own place.
fn show(root: &Path, path: &Path) -> Result<(), String> {
    let place = stand_in(root, path)?;
    let failed = |e: namespaces::io::Errno| format!("show `{}`: {e}", path.display());
    // With what is mounted below it: drivers, for one, are put into containers file by file.
    let below: Vec<PathBuf> = mounts()?.into_iter().filter(|at| at.starts_with(path) && at != path).collect();
    mount_recursive_bind(path, &place).map_err(failed)?;
    lock(&place).map_err(failed)?;
    for at in below {
        let place = within(root, &at);
        match lock(&place) {
            // Something else is mounted above it.
            Ok(()) | Err(namespaces::io::Errno::NOENT | namespaces::io::Errno::NOTDIR) => {}
            // What cannot be made read-only is not shown.
            Err(_) => unmount(&place, UnmountFlags::DETACH).map_err(failed)?,
        }
    }
    Ok(())
}

/// Where something is mounted, as this process sees it; what lies deeper comes later.
/// Errors: the kernel does not say; then nothing may come along that would stay writable.
fn mounts() -> Result<Vec<PathBuf>, String> {
    let text = types::io::read_to_string("/proc/self/mountinfo").map_err(|e| e.to_string())?;
    let mut found: Vec<PathBuf> =
        text.lines().filter_map(|line| line.split(' ').nth(4)).map(unescaped).collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// A path as the kernel lists it: blanks and backslashes are `\\` and three octal digits.
fn unescaped(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = octal.filter(|_| *first == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[3..] } else { tail };
    }
    std::ffi::OsString::from_vec(bytes).into()
}

/// Makes what is mounted at `place` read-only. Flags that the host's mount has may not be taken away without privileges.
fn lock(place: &Path) -> Result<(), namespaces::io::Errno> {
    let mut flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    let host = statvfs(place)?.f_flag;
    for (theirs, ours) in [
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        if host.contains(theirs) {
            flags |= ours;
        }
    }
    mount_remount(place, flags, "")
}

fn memory(place: &Path, bytes: u64, mode: u32) -> Result<(), String> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    let data = format!("size={bytes},mode={mode:o}");
    mount("tmpfs", place, "tmpfs", flags, data).map_err(|e| format!("memory at `{}`: {e}", place.display()))
}

fn folder(place: &Path) -> Result<(), String> {
    types::io::create_dir_all(place).map_err(|e| e.to_string())
}

fn touch(place: &Path) -> Result<(), String> {
    types::io::create(place).map(drop).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_paths_are_read() {
        assert_eq!(unescaped(r"/mnt/my\040disk\134x"), PathBuf::from(r"/mnt/my disk\x"));
        assert_eq!(unescaped(r"/a\9\04"), PathBuf::from(r"/a\9\04"));
        assert!(mounts().unwrap().contains(&PathBuf::from("/")));
    }
}
