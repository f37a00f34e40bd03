//! Finding and ending every process of a step, also those that left its process group.

use std::os::fd::{BorrowedFd, OwnedFd};
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

/// Where memory runs out, this process and what it starts go before the server and its databases.
pub fn offer(pid: u32) {
    let _ = types::io::write(format!("/proc/{pid}/oom_score_adj"), OFFERED);
}

/// Of 1000: as if it used so much more of the machine's memory than it does.
const OFFERED: &str = "300";

/// Waits until the process has ended, for `most` at most. Without a process it looks again after a moment.
pub fn wait_for_end(process: Option<BorrowedFd<'_>>, most: Duration) {
    let Some(process) = process else {
        return std::thread::sleep(most.min(Duration::from_millis(5)));
    };
    let timeout = rustix::event::Timespec { tv_sec: most.as_secs() as _, tv_nsec: most.subsec_nanos() as _ };
    let mut fds = [rustix::event::PollFd::from_borrowed_fd(process, rustix::event::PollFlags::IN)];
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

/// Lets go of children that have ended and that nobody waits for any more.
pub fn reap() {
    while let Ok(Some(_)) = rustix::process::wait(rustix::process::WaitOptions::NOHANG) {}
}

/// Sends `signal` to the process group `group`, as far as it exists.
pub fn signal_group(group: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}

/// Sends `signal` to every process that carries `MARK=<mark>`, and to every descendant of `ancestor`. Returns how
/// many were found.
#[cfg(target_os = "linux")]
pub fn signal_marked(mark: &str, ancestor: Option<u32>, signal: Signal) -> usize {
    let processes = processes();
    let descendants = ancestor.map(|pid| descendants(pid, &processes)).unwrap_or_default();
    let pids = processes.iter().map(|process| process.pid);
    send(pids, signal, |pid| pid != std::process::id() && (descendants.contains(&pid) || carries(pid, mark)))
}

/// Sends `signal` to what a process that leads the session `session` has left: children of `parent`, which adopts them, of
/// that session or with the mark, and everything below them. Returns how many were found.
#[cfg(target_os = "linux")]
pub fn signal_left(parent: u32, session: u32, mark: &str, signal: Signal) -> usize {
    let left = |pid: u32| {
        pid == session || look_at(pid).is_some_and(|found| found.session == session) || carries(pid, mark)
    };
    let roots: Vec<u32> = children_of(parent).into_iter().filter(|pid| left(*pid)).collect();
    if roots.is_empty() {
        return 0;
    }
    let processes = processes();
    let below: Vec<u32> = roots.iter().flat_map(|root| descendants(*root, &processes)).collect();
    send(below.into_iter(), signal, |_| true) + send(roots.into_iter(), signal, left)
}

#[cfg(not(target_os = "linux"))]
pub fn signal_left(_parent: u32, _session: u32, _mark: &str, _signal: Signal) -> usize {
    0
}

/// A process is opened before it is looked at, so that a reused id is never hit.
#[cfg(target_os = "linux")]
fn send(pids: impl Iterator<Item = u32>, signal: Signal, wanted: impl Fn(u32) -> bool) -> usize {
    let mut found = 0;
    for pid in pids.filter(|pid| wanted(*pid)) {
        let Some(handle) = open(pid) else { continue };
        if wanted(pid) {
            found += 1;
            let _ = rustix::process::pidfd_send_signal(handle, signal);
        }
    }
    found
}

#[cfg(target_os = "linux")]
fn children_of(parent: u32) -> Vec<u32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{parent}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().filter_map(|thread| types::io::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>())
        .collect()
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

/// A process that runs (a zombie has ended).
#[cfg(target_os = "linux")]
#[derive(Clone, Copy)]
struct Found {
    pid: u32,
    parent: u32,
    session: u32,
}

#[cfg(target_os = "linux")]
fn processes() -> Vec<Found> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(look_at).collect()
}

#[cfg(target_os = "linux")]
fn look_at(pid: u32) -> Option<Found> {
    let stat = types::io::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command stands in parentheses and may hold spaces and parentheses itself.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    (state != "Z" && state != "X").then_some(Found { pid, parent, session })
}

#[cfg(target_os = "linux")]
fn descendants(ancestor: u32, processes: &[Found]) -> std::collections::BTreeSet<u32> {
    let mut found = std::collections::BTreeSet::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        for process in processes.iter().filter(|process| process.parent == parent) {
            if found.insert(process.pid) {
                parents.push(process.pid);
            }
        }
    }
    found
}
