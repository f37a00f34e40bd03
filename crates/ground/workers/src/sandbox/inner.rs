//! Inside: the first process builds its file system, gives up everything, and becomes the program.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use namespaces::fs::Mode;
use namespaces::process::{
    Resource, Rlimit, Signal, geteuid, set_parent_process_death_signal, setrlimit, umask,
};
use namespaces::thread::{
    CapabilitiesSecureBits, UnshareFlags, set_capabilities_secure_bits, set_no_new_privs, unshare,
};

use super::{Policy, complain, files, filter, root};

/// Users that nobody is: one for each worker, so that limits on processes are each its own.
const FIRST_USER: u32 = 2_100_000_000;
const NOBODY: u32 = 65_534;

pub fn main(policy: &Policy, separate: bool, number: u32) -> ExitCode {
    match enter(policy, separate, number) {
        Ok(never) => match never {},
        Err(error) => complain(&error),
    }
}

enum Never {}

fn enter(policy: &Policy, separate: bool, number: u32) -> Result<Never, String> {
    let failed = |what: &'static str| move |e: namespaces::io::Errno| format!("{what}: {e}");
    let mut command = Command::new(&policy.program);
    command.args(&policy.args).env_clear().envs(&policy.env);
    limits(policy).map_err(failed("limits"))?;
    if policy.unsandboxed {
        set_parent_process_death_signal(Some(Signal::Kill)).map_err(failed("following its parent"))?;
        command.current_dir(&policy.work);
        return Err(format!("cannot start `{}`: {}", policy.program.display(), command.exec()));
    }
    // Before the file system is exchanged: it is read from the old one.
    let user = user(number);
    umask(Mode::from_raw_mode(0o022));
    let scratch = if separate {
        unshare(UnshareFlags::NEWNS).map_err(failed("a mount namespace"))?;
        root::build(policy)?;
        "/tmp".into()
    } else {
        policy.work.clone()
    };
    command.current_dir(&scratch).env("HOME", &scratch).env("TMPDIR", &scratch);
    set_no_new_privs(true).map_err(failed("giving up new privileges"))?;
    // An unprivileged user namespace makes this process its root; what is started from here has no capability, ever.
    let bits = CapabilitiesSecureBits::NO_ROOT | CapabilitiesSecureBits::NO_ROOT_LOCKED;
    let locked = set_capabilities_secure_bits(bits);
    if separate {
        locked.map_err(failed("giving up capabilities"))?;
    }
    if let Some(user) = user {
        // The change clears the signal below; the worker's program asks for it again.
        command.uid(user).gid(user);
    }
    set_parent_process_death_signal(Some(Signal::Kill)).map_err(failed("following its parent"))?;
    let landlock = files::restrict(policy, separate);
    if !separate {
        landlock?;
    }
    filter::apply(separate)?;
    Err(format!("cannot start `{}`: {}", policy.program.display(), command.exec()))
}

/// Whom a privileged server becomes; `None` where the user namespace has one user only.
fn user(number: u32) -> Option<u32> {
    if !geteuid().is_root() {
        return None;
    }
    let map = types::io::read_to_string("/proc/self/uid_map").ok()?;
    let ranges: Vec<Vec<u64>> = map
        .lines()
        .map(|line| line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
        .collect();
    let own = FIRST_USER + number % 1_000_000;
    [own, NOBODY].into_iter().find(|user| {
        let user = u64::from(*user);
        ranges
            .iter()
            .any(|range| matches!(range[..], [first, _, count] if (first..first + count).contains(&user)))
    })
}

fn limits(policy: &Policy) -> Result<(), namespaces::io::Errno> {
    let set = |resource, most: u64| {
        let now = namespaces::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let most = most.min(now);
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
    };
    set(Resource::Core, 0)?;
    set(Resource::Nofile, 1024)?;
    // Private memory of one process; all together are watched from outside.
    set(Resource::Data, policy.memory)?;
    if policy.unsandboxed {
        // The count is of all processes of this user, so it would limit the server as well.
        return Ok(());
    }
    set(Resource::Fsize, policy.scratch)?;
    set(Resource::Nproc, policy.processes)
}
