//! Seccomp: system calls that a model never needs, and by which cages were broken before.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

/// Refused whatever their arguments are.
const REFUSED: &[i64] = &[
    // Other processes, and the kernel itself.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_fanotify_init,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
    // Namespaces, mounts, roots.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // Time and names of the machine.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // It makes the calls of others, beside this filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[i64] =
    &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt, libc::SYS_kexec_file_load];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[];

fn bad(error: impl std::fmt::Display) -> String {
    format!("system call filter: {error}")
}

fn only_if(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, String> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value).map_err(bad)?;
    SeccompRule::new(vec![condition]).map_err(bad)
}

fn program(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> Result<BpfProgram, String> {
    let architecture = std::env::consts::ARCH.try_into().map_err(bad)?;
    let refused = SeccompAction::Errno(u32::try_from(errno).map_err(bad)?);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, architecture).map_err(bad)?;
    filter.try_into().map_err(bad)
}

fn programs(separate: bool) -> Result<[BpfProgram; 2], String> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().chain(REFUSED_HERE).map(|call| (*call, Vec::new())).collect();
    // Of the network only sockets between its own processes.
    let unix = libc::AF_UNIX as u64;
    rules.insert(libc::SYS_socket, vec![only_if(0, SeccompCmpOp::Ne, unix)?]);
    let user = libc::CLONE_NEWUSER as u64;
    rules.insert(libc::SYS_clone, vec![only_if(0, SeccompCmpOp::MaskedEq(user), user)?]);
    if !separate {
        // Without a network of its own, the sockets of the machine are within reach.
        rules.insert(libc::SYS_connect, Vec::new());
        rules.insert(libc::SYS_bind, Vec::new());
    }
    // Its flags lie in memory, where no filter can look; the C library falls back to `clone`.
    let unknown = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    Ok([program(rules, libc::EPERM)?, program(unknown, libc::ENOSYS)?])
}

pub fn apply(separate: bool) -> Result<(), String> {
    for program in programs(separate)? {
        apply_filter(&program).map_err(bad)?;
    }
    Ok(())
}

/// Whether the kernel takes a filter. The thread that tried ends.
pub fn probe() -> Result<(), String> {
    std::thread::spawn(|| apply(true)).join().map_err(|_| "the trial failed".to_owned())?
}
