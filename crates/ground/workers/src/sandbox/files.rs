//! Landlock: which files may be touched, also by what the file system alone would allow.

use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr as _, RulesetCreated,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};

use super::Policy;

/// The newest that is asked for; an older kernel gives what it has.
const NEWEST: ABI = ABI::V6;

/// Outside of a file system of its own these may be read.
const SYSTEM: [&str; 9] = [
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/nix/store",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/urandom",
    "/proc/self",
];

fn ruleset() -> Result<RulesetCreated, String> {
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|r| r.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|r| r.scope(Scope::from_all(NEWEST)))
        .and_then(|r| r.create());
    ruleset.map_err(|e| e.to_string())
}

fn allow(
    ruleset: RulesetCreated,
    paths: &[PathBuf],
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, String> {
    ruleset.add_rules(path_beneath_rules(paths, access)).map_err(|e| e.to_string())
}

/// From here on this process and its children reach what the policy names, and no TCP port, no process outside.
pub fn restrict(policy: &Policy, separate: bool) -> Result<(), String> {
    let (read, write): (Vec<PathBuf>, Vec<PathBuf>) = if separate {
        // Only what was allowed is there at all.
        (vec!["/".into()], ["/tmp", "/dev/shm", "/dev/null", "/dev/zero"].map(PathBuf::from).to_vec())
    } else {
        // What drivers of devices tell about themselves.
        let drivers: &[&str] =
            if policy.devices.is_empty() { &[] } else { &["/proc/driver", "/proc/devices", "/sys"] };
        let system = SYSTEM.iter().chain(drivers).map(PathBuf::from);
        (policy.read.iter().cloned().chain(system).collect(), vec![policy.work.clone(), "/dev/null".into()])
    };
    let ruleset = allow(ruleset()?, &read, AccessFs::from_read(NEWEST))?;
    let using = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::IoctlDev;
    let mut ruleset = allow(ruleset, &policy.devices, using)?;
    if !policy.devices.is_empty() {
        // NVIDIA's driver writes about its threads, and does not start where it may not. In a namespace these are the
        // worker's own processes.
        let own = PathBuf::from(if separate { "/proc" } else { "/proc/self" });
        ruleset = allow(ruleset, &[own], AccessFs::WriteFile | AccessFs::Truncate)?;
    }
    // No devices, sockets or pipes are made; nothing that is written is run.
    let writing = AccessFs::from_all(NEWEST)
        & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let status = allow(ruleset, &write, writing)?.restrict_self().map_err(|e| e.to_string())?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err("this kernel has no Landlock".into());
    }
    Ok(())
}

/// Whether the kernel has it; nothing is restricted.
pub fn probe() -> Result<(), String> {
    // Only a restriction tells for sure: a thread that ends with it is restricted, nobody else.
    std::thread::spawn(|| {
        let status = ruleset()?.restrict_self().map_err(|e| e.to_string())?;
        if status.ruleset == RulesetStatus::NotEnforced {
            Err("this kernel has none".to_owned())
        } else {
            Ok(())
        }
    })
    .join()
    .map_err(|_| "the trial failed".to_owned())?
}
