use std::sync::Arc;

use ledger::{Direction, Graph, Ledger};
use repositories::{GateError, Readers, Repositories};
use serde_json::json;
use tasks::CancellationToken;
use types::{Actor, Reader, Uid};

use crate::{ALL, House, house, me};

/// A run of the graph.
async fn run(ledger: &Ledger) -> Reader {
    let uid = types::new_id(ledger.clock().now());
    ledger
        .write(&me(), move |tx| {
            tx.node("run", &uid.hex(), json!({}))?;
            tx.event("run.created", "run", json!({}))
        })
        .await
        .unwrap();
    Reader::Run(uid)
}

async fn causes(ledger: &Ledger, reader: &Reader) -> Graph {
    let (kind, key) = reader.node();
    ledger.lineage(me().workspace, kind, &key, Direction::Causes, 1).await.unwrap()
}

/// Keys of the nodes of a kind that a reader has edges to, sorted.
async fn read(ledger: &Ledger, reader: &Reader, kind: &str) -> Vec<String> {
    let graph = causes(ledger, reader).await;
    let mut keys: Vec<String> =
        graph.nodes.iter().filter(|n| n.kind == kind).map(|n| n.key.clone()).collect();
    keys.sort();
    keys
}

async fn look(house: &House, reader: &Reader, reference: &str, path: &str) {
    let (_, seen) = house.stage.look(&me(), "repo", reference, path).await.unwrap();
    house.stage.note_read(&me(), reader, seen).await;
}

async fn data_events(ledger: &Ledger) -> usize {
    ledger::testing::events(ledger).await.iter().filter(|e| e.kind.starts_with("data.read")).count()
}

struct Nobody;

#[async_trait::async_trait]
impl Readers for Nobody {
    async fn may_read_for(&self, _: &Actor, _: &Reader) -> Result<bool, GateError> {
        Ok(false)
    }
}

ledger::db_test! {
    components: ALL;

    async fn a_read_leads_from_the_run_to_the_commit_and_to_the_content_of_the_folder(ledger: Ledger) {
        let house = house(&ledger).await;
        for path in ["train/a.csv", "train/b.csv", "test/a.csv"] {
            house.put("main", path, path).await;
        }
        let first = house.commit("main", "first").await;
        let reader = run(&ledger).await;
        for path in ["train/a.csv", "train/b.csv", "train/a.csv"] {
            look(&house, &reader, "main", path).await;
        }
        assert_eq!(read(&ledger, &reader, "commit").await, [first.id.hex()]);
        let data = read(&ledger, &reader, "data").await;
        assert_eq!(data.len(), 1);
        assert_eq!(data_events(&ledger).await, 1);
        // Another folder changes: the data of this one is the same, in a commit of its own.
        house.put("main", "test/a.csv", "other").await;
        let second = house.commit("main", "second").await;
        let later = run(&ledger).await;
        look(&house, &later, "main", "train/b.csv").await;
        assert_eq!(read(&ledger, &later, "commit").await, [second.id.hex()]);
        assert_eq!(read(&ledger, &later, "data").await, data);
        let touched = ledger.lineage(me().workspace, "data", &data[0], Direction::Effects, 3).await.unwrap();
        let runs: Vec<&str> = touched.nodes.iter().filter(|n| n.kind == "run").map(|n| n.key.as_str()).collect();
        assert_eq!(runs, [reader.node().1, later.node().1]);
    }

    async fn folders_about_a_path_have_the_digests_that_readers_have_edges_to(ledger: Ledger) {
        let house = house(&ledger).await;
        for path in ["a/b/1", "a/b/c/2", "a/d/3", "e/4"] {
            house.put("main", path, path).await;
        }
        house.commit("main", "first").await;
        let reader = run(&ledger).await;
        look(&house, &reader, "main", "a/b/c/2").await;
        let data = read(&ledger, &reader, "data").await;
        for (path, expected) in [("a/b/", vec!["", "a/", "a/b/", "a/b/c/"]), ("a/b/1", vec!["", "a/", "a/b/"])] {
            let found = house.stage.folders(&me(), "repo", "main", path).await.unwrap();
            assert_eq!(found.folders.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), expected);
            assert!(!found.truncated);
            let has_read = found.folders.iter().any(|folder| folder.digest.to_string() == data[0]);
            assert_eq!(has_read, path == "a/b/");
        }
        let all = house.stage.folders(&me(), "repo", "main", "").await.unwrap();
        assert_eq!(all.folders.len(), 6);
    }

    async fn what_is_only_staged_has_no_digest_yet(ledger: Ledger) {
        let house = house(&ledger).await;
        house.put("main", "a.csv", "staged").await;
        let reader = run(&ledger).await;
        look(&house, &reader, "main", "a.csv").await;
        assert_eq!(read(&ledger, &reader, "commit").await.len(), 1);
        assert!(read(&ledger, &reader, "data").await.is_empty());
    }

    async fn a_folder_that_is_staged_in_part_has_no_digest_yet(ledger: Ledger) {
        let house = house(&ledger).await;
        for path in ["a/x", "b/x"] {
            house.put("main", path, path).await;
        }
        let commit = house.commit("main", "first").await.id.hex();
        house.put("main", "b/y", "staged").await;
        for (reference, folder, count) in
            [("main", "a/", 1), ("main", "b/", 0), ("main", "", 0), (commit.as_str(), "b/", 1), ("main@", "b/", 1)]
        {
            let reader = run(&ledger).await;
            let seen = house.stage.see(&me(), "repo", reference, folder).await.unwrap();
            house.stage.note_read(&me(), &reader, seen).await;
            assert_eq!(read(&ledger, &reader, "commit").await, std::slice::from_ref(&commit));
            assert_eq!(read(&ledger, &reader, "data").await.len(), count, "{reference}:{folder}");
        }
    }

    async fn many_folders_become_the_whole_commit(ledger: Ledger) {
        let house = house(&ledger).await;
        for folder in 0..120 {
            house.put("main", &format!("part={folder:03}/a"), "x").await;
            house.put("main", &format!("part={folder:03}/b"), &folder.to_string()).await;
        }
        let commit = house.commit("main", "parts").await;
        let reader = run(&ledger).await;
        for folder in 0..120 {
            look(&house, &reader, "main", &format!("part={folder:03}/b")).await;
        }
        let data = read(&ledger, &reader, "data").await;
        assert_eq!(data.len(), 101);
        assert!(data.contains(&commit.root.to_string()));
    }

    async fn runs_that_there_are_not_and_those_of_others_leave_nothing(ledger: Ledger) {
        let house = house(&ledger).await;
        house.put("main", "a.csv", "x").await;
        house.commit("main", "first").await;
        let stranger = Reader::Run(Uid::from_u128(7));
        look(&house, &stranger, "main", "a.csv").await;
        house.stage.set_readers(Arc::new(Nobody));
        let reader = run(&ledger).await;
        look(&house, &reader, "main", "a.csv").await;
        assert!(causes(&ledger, &stranger).await.nodes.is_empty());
        assert_eq!(causes(&ledger, &reader).await.nodes.len(), 1);
        assert_eq!(data_events(&ledger).await, 0);
    }

    async fn nothing_is_lost_when_the_server_stops(ledger: Ledger) {
        let house = house(&ledger).await;
        house.put("main", "a/x", "x").await;
        house.put("main", "b/x", "y").await;
        house.commit("main", "first").await;
        let (stop, stage): (_, Repositories) = (CancellationToken::new(), house.stage.clone());
        let supervisor = tasks::Supervisor::new();
        let token = stop.clone();
        supervisor.spawn_restarting("reads", tasks::OnStop::Wait, move || stage.clone().follow_reads(token.clone()));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let reader = run(&ledger).await;
        look(&house, &reader, "main", "a/x").await;
        stop.cancel();
        supervisor.shutdown(std::time::Duration::from_secs(10)).await;
        assert_eq!(read(&ledger, &reader, "data").await.len(), 1);
        // A request that ends after the task keeps its read itself.
        look(&house, &reader, "main", "b/x").await;
        assert_eq!(read(&ledger, &reader, "data").await.len(), 2);
    }
}
