//! How much the process grows while something is loaded by a library that does not say what it takes.

use std::path::Path;

use parking_lot::{Mutex, MutexGuard};

/// One measurement at a time: two loads that overlap would each count the other.
static MEASURING: Mutex<()> = Mutex::new(());

pub(crate) struct Growth {
    before: Option<u64>,
    /// `None` while another one measures.
    turn: Option<MutexGuard<'static, ()>>,
}

impl Growth {
    pub fn begin() -> Self {
        let turn = MEASURING.try_lock();
        Self { before: turn.as_ref().and_then(|_| resident()), turn }
    }

    /// Bytes by which the process grew; 0 where that is not known. What requests allocate meanwhile is counted, too.
    pub fn end(self) -> u64 {
        let grown = self.before.zip(resident()).map_or(0, |(before, after)| after.saturating_sub(before));
        drop(self.turn);
        grown
    }
}

/// Bytes of the process in memory (`VmRSS` of proc(5)); `None` where the system does not say.
fn resident() -> Option<u64> {
    let status = types::io::read_to_string(Path::new("/proc/self/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_and_written_is_measured() {
        let first = Growth::begin();
        // Another one at the same time does not count.
        assert_eq!(Growth::begin().end(), 0);
        let held = vec![1_u8; 64 << 20];
        let grown = first.end();
        assert!((48 << 20..512 << 20).contains(&grown), "{grown}");
        assert_eq!(held[12345], 1);
    }
}
