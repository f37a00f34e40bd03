//! Work that gives way to requests.

/// How much a thread in the background gives way (its nice value): beside one that wants the whole processor it gets a tenth of it.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Runs `work` on a thread of its own that gives way to all others of the process; for computing that nobody waits for. Where the
/// system has no priorities of threads (they are Linux's), it is one like the others. `None` if the thread could not start, or panicked.
pub async fn in_background<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (answer, done) = tokio::sync::oneshot::channel();
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        give_way();
        // Whoever asked may have gone away.
        let _ = answer.send(work());
    });
    if let Err(error) = started {
        tracing::error!(%error, name, "a thread could not be started");
        return None;
    }
    done.await.ok()
}

/// This thread alone: Linux keeps priorities by thread.
#[cfg(target_os = "linux")]
fn give_way() {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "a thread in the background has the priority of the others");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_thread_in_the_background_gives_way_and_no_other_does() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        let name = || std::thread::current().name().map(str::to_owned);
        let there = in_background("quiet", move || (name(), nice())).await;
        assert_eq!(there, Some((Some("quiet".to_owned()), 10.max(before))));
        assert_eq!(nice(), before);
    }

    #[tokio::test]
    async fn one_that_panics_has_no_answer() {
        assert_eq!(in_background("broken", || -> i32 { panic!("as it should") }).await, None);
    }
}
