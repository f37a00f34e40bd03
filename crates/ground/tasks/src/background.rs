//! Work that gives way to requests.

/// How much a thread gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A tenth of a processor that another thread wants (nice 10), a few milliseconds at a time.
    Low,
    /// What nobody else wants (`SCHED_IDLE`): whoever wakes up for a request goes first, at once. On a machine that is never
    /// idle it hardly goes on at all: for work that can be done in another way when it piles up.
    Idle,
}

/// Runs `work` on a thread of its own that gives way to others; for computing that nobody waits for. Where the
/// system has no such priorities (they are Linux's), it is a thread like the others. `None` if the thread could not start, or panicked.
pub async fn in_background<T: Send + 'static>(
    name: &str,
    priority: Priority,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (answer, done) = tokio::sync::oneshot::channel();
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        if let Err(error) = give_way(priority) {
            tracing::debug!(error, "a thread in the background has the priority of the others");
        }
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
fn give_way(priority: Priority) -> Result<(), String> {
    use thread_priority::{NormalThreadSchedulePolicy as Normal, ThreadPriority, ThreadSchedulePolicy};
    match priority {
        Priority::Low => rustix::process::setpriority_process(None, 10).map_err(|error| error.to_string()),
        Priority::Idle => {
            let policy = ThreadSchedulePolicy::Normal(Normal::Idle);
            let thread = thread_priority::thread_native_id();
            thread_priority::set_thread_priority_and_policy(thread, ThreadPriority::Min, policy)
                .map_err(|error| format!("{error:?}"))
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way(_: Priority) -> Result<(), String> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use thread_priority::{
        NormalThreadSchedulePolicy as Normal, ThreadSchedulePolicy, thread_schedule_policy,
    };

    use super::*;

    fn nice() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[tokio::test]
    async fn a_thread_in_the_background_gives_way_and_no_other_does() {
        let before = nice();
        let name = || std::thread::current().name().map(str::to_owned);
        let low = in_background("low", Priority::Low, move || (name(), nice())).await;
        assert_eq!(low, Some((Some("low".to_owned()), 10)));
        let idle = in_background("idle", Priority::Idle, || thread_schedule_policy().unwrap()).await;
        assert_eq!(idle, Some(ThreadSchedulePolicy::Normal(Normal::Idle)));
        assert_eq!(nice(), before);
        assert_eq!(thread_schedule_policy().unwrap(), ThreadSchedulePolicy::Normal(Normal::Other));
    }

    #[tokio::test]
    async fn one_that_panics_has_no_answer() {
        assert_eq!(in_background("broken", Priority::Low, || -> i32 { panic!("as it should") }).await, None);
    }
}
