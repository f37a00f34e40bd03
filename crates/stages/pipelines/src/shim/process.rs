//! Finding and ending every process of a step, also those that left its process group.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::{Pid, Signal};

/// The variable that marks each process of a step attempt. It is inherited, so that a process which went its own
/// way (a daemon in a session of its own) is still known for one of the step's.
pub const MARK: &str = "MLWRIGHT_STEP_ATTEMPT";

/// A process, whatever becomes of its id.
#[cfg(target_os = "linux")]
pub fn open(pid: u32) -> Option<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

/// Elsewhere there is no such thing.
#[cfg(not(target_os = "linux"))]
pub fn open(_pid: u32) -> Option<OwnedFd> {
    None
}

/// Waits until the process has ended, for `most` at most. Without a process it looks again after a moment.
pub fn wait_for_end(process: Option<&OwnedFd>, most: Duration) {
    let Some(process) = process else {
        return std::thread::sleep(most.min(Duration::from_millis(5)));
    };
    let timeout = rustix::event::Timespec { tv_sec: most.as_secs() as _, tv_nsec: most.subsec_nanos() as _ };
    let mut fds = [rustix::event::PollFd::new(process, rustix::event::PollFlags::IN)];
    if rustix::event::poll(&mut fds, Some(&timeout)).is_err() {
        std::thread::sleep(most.min(Duration::from_millis(5)));
    }
}

/// Whether this process has children, running or ended. An orphan below it is its child too: see [`adopt_orphans`].
#[cfg(target_os = "linux")]
pub fn has_children() -> bool {
    let looked = rustix::process::wait(rustix::process::WaitOptions::NOHANG);
    !matches!(looked, Err(rustix::io::Errno::CHILD))
}

/// Elsewhere orphans are nobody's.
#[cfg(not(target_os = "linux"))]
pub fn has_children() -> bool {
    true
}

/// Sends `signal` to the process group `group`, as far as it exists.
pub fn signal_group(group: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}

/// Sends `signal` to every process that carries `MARK=<mark>`, and to every descendant of `ancestor`. Returns how
/// many were found. A process is opened before it is looked at, so that a reused id is never hit.
#[cfg(target_os = "linux")]
pub fn signal_marked(mark: &str, ancestor: Option<u32>, signal: Signal) -> usize {
    let processes = processes();
    let descendants = ancestor.map(|pid| descendants(pid, &processes)).unwrap_or_default();
    let mut found = 0;
    for (pid, _) in &processes {
        if *pid == std::process::id() || !(descendants.contains(pid) || carries(*pid, mark)) {
            continue;
        }
        let Some(raw) = i32::try_from(*pid).ok().and_then(Pid::from_raw) else { continue };
        let Ok(handle) = rustix::process::pidfd_open(raw, rustix::process::PidfdFlags::empty()) else {
            continue;
        };
        if descendants.contains(pid) || carries(*pid, mark) {
            found += 1;
            let _ = rustix::process::pidfd_send_signal(handle, signal);
        }
    }
    found
}

/// Elsewhere only the process group is known.
#[cfg(not(target_os = "linux"))]
pub fn signal_marked(_mark: &str, _ancestor: Option<u32>, _signal: Signal) -> usize {
    0
}

/// Makes orphaned descendants children of this process, so that `signal_marked` finds them by descent.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

#[cfg(target_os = "linux")]
fn carries(pid: u32, mark: &str) -> bool {
    let Ok(environ) = types::io::read(format!("/proc/{pid}/environ")) else { return false };
    let wanted = format!("{MARK}={mark}");
    environ.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
}

/// Process and parent ids of everything that runs (zombies left out: they have ended).
#[cfg(target_os = "linux")]
fn processes() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let stat = types::io::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The command stands in parentheses and may hold spaces and parentheses itself.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        (state != "Z" && state != "X").then_some((pid, parent))
    })
    .collect()
}

#[cfg(target_os = "linux")]
fn descendants(ancestor: u32, processes: &[(u32, u32)]) -> std::collections::BTreeSet<u32> {
    let mut found = std::collections::BTreeSet::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        for (pid, _) in processes.iter().filter(|(_, its)| *its == parent) {
            if found.insert(*pid) {
                parents.push(*pid);
            }
        }
    }
    found
}
