//! A process and everything that it started, as Linux tells; alone where it does not.

/// A process and everything below it.
pub fn family(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() && found.len() < 10_000 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", found[next])).into_iter().flatten().flatten();
        for task in tasks {
            let Ok(children) = types::io::read_to_string(task.path().join("children")) else { continue };
            found.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        next += 1;
    }
    found
}

/// Bytes of memory that are resident for a process and everything below it (what several share counts for each of them); 0
/// where the system does not say.
pub fn resident(root: u32) -> u64 {
    let kib = |pid: u32| {
        let status = types::io::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    family(root).into_iter().filter_map(kib).sum::<u64>() << 10
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_memory_of_a_process_is_known() {
        let bytes = super::resident(std::process::id());
        assert!((1 << 20..1 << 40).contains(&bytes), "{bytes}");
    }
}
