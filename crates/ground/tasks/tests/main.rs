use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mlwright_tasks::{OnError, OnStop, Supervisor, TaskKind};
use tokio::time::{sleep, timeout};

fn kind(on_error: OnError, on_stop: OnStop) -> TaskKind {
    TaskKind { name: "test", on_error, on_stop }
}

#[tokio::test]
async fn a_failure_that_is_only_logged_stops_nothing() {
    let supervisor = Supervisor::new();
    supervisor.spawn(kind(OnError::Log, OnStop::Abort), async { Err::<(), _>("broken") });
    sleep(Duration::from_millis(50)).await;
    assert!(!supervisor.token().is_cancelled());
    assert!(supervisor.running().is_empty());
    assert_eq!(supervisor.shutdown(Duration::from_secs(1)).await.failed, None);
}

#[tokio::test]
async fn the_failure_of_a_vital_task_cancels_the_token_and_is_told() {
    let supervisor = Supervisor::new();
    supervisor.spawn(kind(OnError::Shutdown, OnStop::Abort), async { Err::<(), _>("no disk") });
    timeout(Duration::from_secs(5), supervisor.token().cancelled()).await.unwrap();
    let stopped = supervisor.shutdown(Duration::from_secs(1)).await;
    assert_eq!(stopped.failed.as_deref(), Some("task `test` failed: no disk"));
}

#[tokio::test]
async fn a_panic_counts_as_an_error() {
    async fn breaks() {
        panic!("cannot be");
    }
    let supervisor = Supervisor::new();
    supervisor.spawn(kind(OnError::Shutdown, OnStop::Wait), breaks());
    timeout(Duration::from_secs(5), supervisor.token().cancelled()).await.unwrap();
    let stopped = supervisor.shutdown(Duration::from_secs(1)).await;
    assert_eq!(stopped.failed.as_deref(), Some("task `test` failed: panicked: cannot be"));
}

#[tokio::test]
async fn a_restarting_task_starts_again_until_it_ends_well() {
    let supervisor = Supervisor::new();
    let starts = Arc::new(AtomicU32::new(0));
    let seen = starts.clone();
    supervisor.spawn_restarting("test", OnStop::Abort, move || {
        let start = seen.fetch_add(1, Ordering::SeqCst);
        async move {
            match start {
                0 => Err("first"),
                1 => panic!("second"),
                _ => Ok(()),
            }
        }
    });
    timeout(Duration::from_secs(10), async {
        while !supervisor.running().is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(starts.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn shutdown_waits_for_tasks_that_asked_for_it_and_drops_the_others() {
    let supervisor = Supervisor::new();
    let finished = Arc::new(AtomicU32::new(0));
    let (token, count) = (supervisor.token(), finished.clone());
    supervisor.spawn(kind(OnError::Log, OnStop::Wait), async move {
        token.cancelled().await;
        sleep(Duration::from_millis(100)).await;
        count.fetch_add(1, Ordering::SeqCst);
    });
    let count = finished.clone();
    supervisor.spawn(kind(OnError::Log, OnStop::Abort), async move {
        sleep(Duration::from_secs(3600)).await;
        count.fetch_add(100, Ordering::SeqCst);
    });
    let stopped = timeout(Duration::from_secs(5), supervisor.shutdown(Duration::from_secs(3))).await.unwrap();
    assert!(stopped.aborted.is_empty());
    assert_eq!(finished.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_task_that_outlives_the_grace_period_is_dropped_and_named() {
    let supervisor = Supervisor::new();
    supervisor.spawn(kind(OnError::Log, OnStop::Wait), sleep(Duration::from_secs(3600)));
    sleep(Duration::from_millis(10)).await;
    let stopped =
        timeout(Duration::from_secs(5), supervisor.shutdown(Duration::from_millis(50))).await.unwrap();
    assert_eq!(stopped.aborted, ["test"]);
    assert!(supervisor.running().is_empty());
}
