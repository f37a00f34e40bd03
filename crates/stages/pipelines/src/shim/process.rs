//! Finding and ending every process of a step, also those that left its process group.

use rustix::process::{Pid, Signal};

/// The variable that marks each process of a step attempt. It is inherited, so that a process which went its own
/// way (a daemon in a session of its own) is still known for one of the step's.
pub const MARK: &str = "MLWRIGHT_STEP_ATTEMPT";

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
