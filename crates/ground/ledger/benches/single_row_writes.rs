//! Single-row acknowledged writes with their event from 64 clients, on SQLite with fsync: the ledger against a raw
//! group commit of the same rows, side by side in one run. `benches/run.sh` runs it and says where the figures go.
//!
//! The raw side is what one would write by hand: one thread that owns the connection, takes what waits, inserts the
//! row and its (unchained) event with prepared statements, commits, and acknowledges. Both sides have the same tables
//! and indexes, journal mode and durability; the ledger adds actor, savepoint, checks, and the chained hash.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use mlwright_ledger as ledger;

use ledger::{Component, Ledger, Migration, Options, Place, params};
use tokio::sync::oneshot;
use types::{Actor, Clock, SystemClock};

const CLIENTS: usize = 64;
const ROUNDS: usize = 21;
const SECONDS: u64 = 1;

const BENCH: Component = Component {
    name: "bench",
    migrations: &[Migration { version: 1, sql: include_str!("migrations/0001_bench.sql") }],
    facts: &[],
};
const ROW: &str = "INSERT INTO bench_row (workspace_id, uid, name, value, at) VALUES ($1, $2, $3, $4, $5)";
const EVENT: &str = "INSERT INTO event (position, workspace_id, at, actor, kind, version, subject, payload, hash) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

struct Write {
    uid: String,
    name: String,
    value: f64,
    at: i64,
    done: oneshot::Sender<()>,
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    // Both sides start from the same tables: the raw side opens a database that the ledger has made.
    let ledger = open(&folder.path().join("ledger.sqlite"));
    drop(open(&folder.path().join("raw.sqlite")));
    // The writer thread of the dropped ledger ends by itself; its last lock goes with it.
    std::thread::sleep(Duration::from_millis(200));
    let raw = raw(&folder.path().join("raw.sqlite"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();

    println!("{CLIENTS} clients, {ROUNDS} rounds of {SECONDS} s each, in {}", folder.path().display());
    println!("round  raw/s  ledger/s  ratio");
    let mut rates = Vec::new();
    for round in 0..=ROUNDS {
        let (queue, opened) = (raw.clone(), ledger.clone());
        let raw_rate = runtime.block_on(rate(move |client, count| write_raw(queue.clone(), client, count)));
        let ledger_rate =
            runtime.block_on(rate(move |client, count| write_ledger(opened.clone(), client, count)));
        let ratio = ledger_rate / raw_rate;
        // The first round warms caches and files up.
        let label = if round == 0 { "warm".to_owned() } else { round.to_string() };
        println!("{label:>5} {raw_rate:6.0} {ledger_rate:9.0} {ratio:6.2}");
        if round > 0 {
            rates.push((ratio, raw_rate, ledger_rate));
        }
    }
    rates.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, raw_rate, ledger_rate) = rates[rates.len() / 2];
    println!("median ratio {ratio:.2} (raw {raw_rate:.0}/s, ledger {ledger_rate:.0}/s)");
    assert!(runtime.block_on(ledger.verify_chain()).is_ok(), "the chain of events does not verify");
}

fn open(path: &Path) -> Ledger {
    let options = Options { place: Place::Sqlite(path.to_owned()), readers: 1 };
    Ledger::open(options, Arc::new(SystemClock), &[BENCH]).unwrap()
}

/// Acknowledged writes a second, over all clients.
async fn rate<F, R>(write: F) -> f64
where
    F: Fn(usize, usize) -> R + Clone + Send + 'static,
    R: Future<Output = ()> + Send,
{
    let start = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let write = write.clone();
            tokio::spawn(async move {
                let mut count = 0;
                while start.elapsed() < Duration::from_secs(SECONDS) {
                    write(client, count).await;
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut total = 0;
    for client in clients {
        total += client.await.unwrap();
    }
    total as f64 / start.elapsed().as_secs_f64()
}

async fn write_ledger(ledger: Ledger, client: usize, count: usize) {
    let actor = Actor::local();
    ledger
        .write(&actor, move |tx| -> Result<(), ledger::Error> {
            let (uid, at) = (tx.new_id(), tx.now());
            let name = format!("client {client}");
            tx.execute(ROW, &params![tx.workspace(), uid, name, count as f64, at])?;
            tx.event("bench.written", &format!("bench:{uid}"), serde_json::json!({"uid": uid.to_string()}))
        })
        .await
        .unwrap();
}

async fn write_raw(writer: Sender<Write>, client: usize, count: usize) {
    let at = SystemClock.now();
    let (done, acknowledged) = oneshot::channel();
    let uid = types::new_id(at).to_string();
    let write = Write { uid, name: format!("client {client}"), value: count as f64, at: at.0, done };
    writer.send(write).unwrap();
    acknowledged.await.unwrap();
}

/// The group commit that one would write by hand.
fn raw(path: &Path) -> Sender<Write> {
    let mut connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000; \
             PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;",
        )
        .unwrap();
    let (sender, queue): (Sender<Write>, Receiver<Write>) = bounded(8192);
    std::thread::spawn(move || {
        let mut position: i64 = 0;
        let hash = "0".repeat(64);
        while let Ok(first) = queue.recv() {
            let group: Vec<Write> = std::iter::once(first).chain(queue.try_iter().take(511)).collect();
            let transaction = connection.transaction().unwrap();
            for write in &group {
                position += 1;
                let mut row = transaction.prepare_cached(ROW).unwrap();
                row.execute(rusqlite::params![1, write.uid, write.name, write.value, write.at]).unwrap();
                let mut event = transaction.prepare_cached(EVENT).unwrap();
                let (subject, payload) =
                    (format!("bench:{}", write.uid), format!("{{\"uid\":\"{}\"}}", write.uid));
                let values = rusqlite::params![
                    position,
                    1,
                    write.at,
                    "local",
                    "bench.written",
                    1,
                    subject,
                    payload,
                    hash
                ];
                event.execute(values).unwrap();
            }
            transaction.commit().unwrap();
            for write in group {
                // A client that no longer waits has stopped at the end of its round.
                let _ = write.done.send(());
            }
        }
    });
    sender
}
