//! Outside: makes the namespaces, watches, ends.

use std::os::fd::AsFd as _;
use std::process::{Child, Command, ExitCode};
use std::time::Duration;

use namespaces::event::{PollFd, PollFlags, poll};
use namespaces::process::{Pid, Signal, getegid, geteuid, kill_process, kill_process_group, setsid};
use namespaces::thread::{UnshareFlags, unshare};

use crate::family::family;

use super::{COMMAND, INNER, NOT_BUILT, OUT_OF_MEMORY, Policy, Protection, complain, files, filter};

/// How often memory is looked at.
const WATCH_MS: i32 = 100;

pub fn main(policy: &Policy) -> ExitCode {
    // A group of its own, so that a signal to the server's terminal does not reach it.
    let _ = setsid();
    let _ = namespaces::process::set_child_subreaper(Some(namespaces::process::getpid()));
    let separate = !policy.unsandboxed && separate().is_ok();
    let mut child = match inner(policy, separate) {
        Ok(child) => child,
        Err(error) => return complain(&format!("it cannot start its inner process: {error}")),
    };
    let code = watch(policy, &mut child);
    end(&mut child);
    code
}

/// What of this works here, as JSON on standard output.
pub fn probe() -> ExitCode {
    use std::io::Write as _;
    let mut reasons = Vec::new();
    let mut tell = |what: &str, result: Result<(), String>| {
        let works = result.is_ok();
        if let Err(reason) = result {
            reasons.push(format!("{what}: {reason}"));
        }
        works
    };
    let (landlock, seccomp) = (tell("Landlock", files::probe()), tell("seccomp", filter::probe()));
    let namespaces = tell("namespaces", separate().and_then(|()| trial()));
    let protection = Protection { namespaces, landlock, seccomp, reason: reasons.join("; ") };
    let text = serde_json::to_string(&protection).unwrap_or_default();
    if writeln!(std::io::stdout(), "{text}").is_ok() { ExitCode::SUCCESS } else { ExitCode::from(NOT_BUILT) }
}

/// A process can be started in the new namespaces, and may mount there.
fn trial() -> Result<(), String> {
    unshare(UnshareFlags::NEWNS).map_err(|e| format!("a mount namespace: {e}"))?;
    super::root::private().map_err(|e| format!("mounting: {e}"))
}

/// New namespaces for what is started next. With privileges they are made directly, without them in a user namespace.
fn separate() -> Result<(), String> {
    let others = UnshareFlags::NEWPID | UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    if uid == 0 && unshare(others).is_ok() {
        return Ok(());
    }
    // A thread that was waited for may need a moment to be gone, and there must be one only.
    let made = (0..50).find_map(|_| match unshare(UnshareFlags::NEWUSER | others) {
        Err(namespaces::io::Errno::INVAL) => {
            std::thread::sleep(Duration::from_millis(2));
            None
        }
        other => Some(other),
    });
    made.unwrap_or(Err(namespaces::io::Errno::INVAL)).map_err(|e| e.to_string())?;
    let write = |file: &str, text: String| {
        types::io::write(format!("/proc/self/{file}"), text).map_err(|e| e.to_string())
    };
    write("setgroups", "deny".into())?;
    write("uid_map", format!("0 {uid} 1"))?;
    write("gid_map", format!("0 {gid} 1"))
}

fn inner(policy: &Policy, separate: bool) -> Result<Child, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let text = serde_json::to_string(policy).map_err(|e| e.to_string())?;
    // Standard input is the socket; it is handed on.
    Command::new(program)
        .args([COMMAND, INNER, &text, if separate { "true" } else { "false" }])
        // Its own id inside is 1, as everybody's.
        .arg(std::process::id().to_string())
        .env_clear()
        .spawn()
        .map_err(|e| e.to_string())
}

/// Until it ends, uses too much memory, or the server lets go.
fn watch(policy: &Policy, child: &mut Child) -> ExitCode {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                use std::os::unix::process::ExitStatusExt as _;
                let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
                return ExitCode::from(u8::try_from(code).unwrap_or(1));
            }
            Ok(None) => {}
            Err(error) => return complain(&format!("it cannot wait for its inner process: {error}")),
        }
        let used: u64 = family(child.id()).into_iter().map(private_memory).sum();
        if used > policy.memory {
            complain(&format!(
                "{} MiB of memory are in use, {} MiB are allowed",
                used >> 20,
                policy.memory >> 20
            ));
            return ExitCode::from(OUT_OF_MEMORY);
        }
        let stdin = std::io::stdin();
        let mut fds = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::RDHUP)];
        match poll(&mut fds, WATCH_MS) {
            Ok(0) | Err(namespaces::io::Errno::INTR) => {}
            Ok(_) if fds[0].revents().intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR) => {
                return ExitCode::SUCCESS;
            }
            Ok(_) | Err(_) => std::thread::sleep(Duration::from_millis(WATCH_MS as u64)),
        }
    }
}

/// In a process namespace the end of its first process is the end of all.
fn end(child: &mut Child) {
    let family = family(child.id());
    let _ = child.kill();
    let _ = child.wait();
    for pid in family.into_iter().filter_map(raw) {
        let _ = kill_process(pid, Signal::Kill);
        let _ = kill_process_group(pid, Signal::Kill);
    }
}

fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Bytes that belong to a process: its proportional share where the kernel tells, else resident without shared.
fn private_memory(pid: u32) -> u64 {
    if let Ok(text) = types::io::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
        let kib = text.lines().find_map(|line| line.strip_prefix("Pss_Anon:"));
        let kib = kib.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
        if let Some(kib) = kib {
            return kib << 10;
        }
    }
    let Ok(text) = types::io::read_to_string(format!("/proc/{pid}/statm")) else { return 0 };
    let pages: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let page = namespaces::param::page_size() as u64;
    pages.get(1).copied().unwrap_or(0).saturating_sub(pages.get(2).copied().unwrap_or(0)) * page
}
