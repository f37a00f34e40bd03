//! Transitions without a process, on SQLite with fsync: the engine against a raw group commit, side by side in one run.
//!
//! A transition ends one task of a chain and frees the next, acknowledged. The engine's side is the public one: 64 clients
//! answer the approvals of 64 runs, one after the other. The raw side is what one would write by hand: one thread that owns
//! the connection, takes what waits, updates the two rows and appends the event with prepared statements, commits, and
//! acknowledges; it looks nothing up, counts nothing, and chains no hash.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use blobs::{BlobConfig, Blobs};
use crossbeam_channel::{Receiver, Sender, bounded};
use ledger::{Ledger, Options, Place};
use mlwright_pipelines as pipelines;
use pipelines::{Approval, Component, Graph, Plan, StepState, SubmitPlan, Task};
use tokio::sync::oneshot;
use types::{Actor, Clock, SystemClock, Uid};

/// Runs, and clients: each has one.
const RUNS: usize = 64;
/// Tasks of a run.
const CHAIN: usize = 60;
const ROUNDS: usize = 9;
const COMPONENTS: [ledger::Component; 4] =
    [datasets::COMPONENT, tracking::COMPONENT, models::COMPONENT, pipelines::COMPONENT];
const END: &str = "UPDATE step_run SET state = 'succeeded', ended_at = ?2, message = ?3 WHERE workspace_id = 1 AND uid = ?1";
const FREE: &str =
    "UPDATE step_run SET state = 'running', started_at = ?2 WHERE workspace_id = 1 AND uid = ?1";
const EVENT: &str = "INSERT INTO event (position, workspace_id, at, actor, kind, version, subject, payload, hash) \
     VALUES (?1, 1, ?2, 'local', 'step.finished', 1, ?3, ?4, ?5)";

struct Transition {
    ended: Uid,
    freed: Option<Uid>,
    done: oneshot::Sender<()>,
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let blobs = runtime.block_on(Blobs::open(&BlobConfig::Local(folder.path().join("blobs")))).unwrap();
    println!("{RUNS} clients, chains of {CHAIN}, {ROUNDS} rounds, in {}", folder.path().display());
    println!("round  raw/s  engine/s  ratio");
    let mut rates = Vec::new();
    for round in 0..=ROUNDS {
        let (raw_path, own_path) =
            (folder.path().join(format!("raw{round}")), folder.path().join(format!("own{round}")));
        let prepared = open(&raw_path);
        let chains = runtime.block_on(submit(&prepared, &blobs));
        drop(prepared);
        // The writer thread of the dropped ledger ends by itself; its last lock goes with it.
        std::thread::sleep(Duration::from_millis(200));
        let raw = raw(&raw_path);
        let raw_rate =
            runtime.block_on(rate(chains, move |ended, freed| transit_raw(raw.clone(), ended, freed)));
        let ledger = open(&own_path);
        let chains = runtime.block_on(submit(&ledger, &blobs));
        let own_rate = runtime.block_on(rate(chains, move |ended, _| answer(ledger.clone(), ended)));
        let label = if round == 0 { "warm".to_owned() } else { round.to_string() };
        let ratio = own_rate / raw_rate;
        println!("{label:>5} {raw_rate:6.0} {own_rate:9.0} {ratio:6.2}");
        if round > 0 {
            rates.push((ratio, raw_rate, own_rate));
        }
    }
    rates.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, raw_rate, own_rate) = rates[rates.len() / 2];
    println!("median ratio {ratio:.2} (raw {raw_rate:.0}/s, engine {own_rate:.0}/s)");
}

fn open(path: &Path) -> Ledger {
    let options = Options { place: Place::Sqlite(path.to_owned()), readers: 1 };
    Ledger::open(options, Arc::new(SystemClock), &COMPONENTS).unwrap()
}

/// One run after the other; gives the tasks of each in the order of its chain.
async fn submit(ledger: &Ledger, blobs: &Blobs) -> Vec<Vec<Uid>> {
    let name = |place: usize| format!("task-{place:04}");
    let tasks: Vec<Task> = (0..CHAIN)
        .map(|place| {
            let needs: Vec<String> = place.checked_sub(1).map(name).into_iter().collect();
            serde_json::from_value(
                serde_json::json!({ "name": name(place), "component": "ask", "needs": needs }),
            )
            .unwrap()
        })
        .collect();
    let ask = Component::Approval(Approval { question: "go on?".into() });
    let plan = Plan {
        name: "chain".into(),
        root: Graph { tasks, ..Graph::default() },
        components: BTreeMap::from([("ask".to_owned(), ask)]),
        deadline_ms: None,
    };
    let mut chains = Vec::new();
    for run in 0..RUNS {
        let request = SubmitPlan {
            plan: plan.clone(),
            inputs: BTreeMap::new(),
            name: format!("chain {run}"),
            pipeline: "chain".into(),
            trigger: serde_json::Value::Null,
            use_cache: false,
            pipeline_root: None,
            labels: serde_json::Value::Null,
        };
        let run = pipelines::submit_plan(ledger, blobs, &Actor::local(), request).await.unwrap();
        let mut steps = pipelines::steps(ledger, &Actor::local(), run.uid).await.unwrap();
        steps.retain(|step| step.name.starts_with("task-"));
        steps.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(steps.len(), CHAIN);
        chains.push(steps.iter().map(|step| step.uid).collect());
    }
    chains
}

/// Acknowledged transitions a second, over all clients.
async fn rate<F, R>(chains: Vec<Vec<Uid>>, transit: F) -> f64
where
    F: Fn(Uid, Option<Uid>) -> R + Clone + Send + 'static,
    R: Future<Output = ()> + Send,
{
    let total: usize = chains.iter().map(Vec::len).sum();
    let start = Instant::now();
    let clients: Vec<_> = chains
        .into_iter()
        .map(|chain| {
            let transit = transit.clone();
            tokio::spawn(async move {
                for (place, task) in chain.iter().enumerate() {
                    transit(*task, chain.get(place + 1).copied()).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    total as f64 / start.elapsed().as_secs_f64()
}

async fn answer(ledger: Ledger, task: Uid) {
    let ended = pipelines::answer(&ledger, &Actor::local(), task, true, None).await.unwrap();
    assert_eq!(ended.state, StepState::Succeeded);
}

async fn transit_raw(writer: Sender<Transition>, ended: Uid, freed: Option<Uid>) {
    let (done, acknowledged) = oneshot::channel();
    writer.send(Transition { ended, freed, done }).unwrap();
    acknowledged.await.unwrap();
}

/// The group commit that one would write by hand.
fn raw(path: &Path) -> Sender<Transition> {
    let mut connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; \
             PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;",
        )
        .unwrap();
    let (sender, queue): (Sender<Transition>, Receiver<Transition>) = bounded(8192);
    std::thread::spawn(move || {
        let mut position: i64 = 1 << 40;
        let hash = "0".repeat(64);
        while let Ok(first) = queue.recv() {
            let group: Vec<Transition> = std::iter::once(first).chain(queue.try_iter().take(511)).collect();
            let transaction = connection.transaction().unwrap();
            for transition in &group {
                position += 1;
                let at = SystemClock.now().0;
                let ended = transition.ended.to_string();
                let changed = transaction
                    .prepare_cached(END)
                    .unwrap()
                    .execute(rusqlite::params![ended, at, "approved"]);
                assert_eq!(changed.unwrap(), 1);
                if let Some(freed) = transition.freed {
                    let values = rusqlite::params![freed.to_string(), at];
                    assert_eq!(transaction.prepare_cached(FREE).unwrap().execute(values).unwrap(), 1);
                }
                let (subject, payload) = (
                    format!("step_run:{ended}"),
                    format!("{{\"step_run\":\"{ended}\",\"state\":\"succeeded\"}}"),
                );
                let values = rusqlite::params![position, at, subject, payload, hash];
                transaction.prepare_cached(EVENT).unwrap().execute(values).unwrap();
            }
            transaction.commit().unwrap();
            for transition in group {
                transition.done.send(()).unwrap();
            }
        }
    });
    sender
}
