use ledger::Ledger;
use repositories::{Error, NewCommit};
use serde_json::json;
use types::{Actor, Reader, WorkspaceId};

use crate::{ALL, House, house, me};

/// A node that came about through others.
async fn made(
    ledger: &Ledger,
    kind: &'static str,
    through: &[(&'static str, &'static str, String)],
) -> String {
    let (key, through) = (types::new_id(ledger.clock().now()).hex(), through.to_vec());
    ledger
        .write(&me(), move |tx| {
            let node = tx.node(kind, &key, json!({}))?;
            for (edge, kind, cause) in &through {
                let cause = tx.node(kind, cause, json!({}))?;
                tx.edge(node, edge, cause)?;
            }
            tx.event("test.made", &format!("{kind}:{key}"), json!({}))?;
            Ok::<_, ledger::Error>(key.clone())
        })
        .await
        .unwrap()
}

/// A run that has read these objects.
async fn run(house: &House, reference: &str, paths: &[&str]) -> String {
    let key = made(house.stage.ledger(), "run", &[]).await;
    let reader = Reader::Run(key.parse().unwrap());
    for path in paths {
        let (_, seen) = house.stage.look(&me(), "repo", reference, path).await.unwrap();
        house.stage.note_read(&me(), &reader, seen).await;
    }
    key
}

/// Keys of all that came about through the data, nearest first.
async fn touched(house: &House, reference: &str, path: &str) -> Vec<String> {
    let found = house.stage.touched(&me(), "repo", reference, path).await.unwrap();
    assert!(!found.truncated);
    let is_start = |kind: &str| kind == "data" || kind == "commit";
    found.graph.nodes.into_iter().filter(|n| !is_start(&n.kind)).map(|n| n.key).collect()
}

ledger::db_test! {
    components: ALL;

    async fn data_leads_to_runs_and_on_to_models_and_endpoints(ledger: Ledger) {
        let house = house(&ledger).await;
        for path in ["train/a.csv", "train/deep/b.csv", "test/a.csv", "readme"] {
            house.put("main", path, path).await;
        }
        let first = house.commit("main", "first").await.id.hex();
        let trained = run(&house, "main", &["train/a.csv"]).await;
        let model = made(&ledger, "model_version", &[("produced_by", "run", trained.clone())]).await;
        let deployed = made(&ledger, "endpoint_revision", &[("deployed", "model_version", model.clone())]).await;
        // What was predicted is a later turn of the loop.
        made(&ledger, "segment", &[("served_by", "endpoint_revision", deployed.clone())]).await;
        let tested = run(&house, "main", &["test/a.csv"]).await;
        let whole = [trained.clone(), tested.clone(), model.clone(), deployed.clone()];
        let train = [trained.clone(), model, deployed];
        for path in ["train/", "train", "train/a.csv"] {
            assert_eq!(touched(&house, "main", path).await, train, "{path}");
        }
        // A reader of `train/` has perhaps read what is below it.
        assert_eq!(touched(&house, "main", "train/deep/b.csv").await, train);
        assert_eq!(touched(&house, "main", "test/").await, std::slice::from_ref(&tested));
        let mut all = touched(&house, &first, "").await;
        all.sort();
        let mut expected = whole.to_vec();
        expected.sort();
        assert_eq!(all, expected);
        let read = run(&house, "main", &["readme"]).await;
        assert_eq!(touched(&house, "main", "test/").await, [tested, read]);
    }

    async fn the_same_data_in_another_commit_counts_and_other_data_does_not(ledger: Ledger) {
        let house = house(&ledger).await;
        for path in ["train/a.csv", "test/a.csv"] {
            house.put("main", path, path).await;
        }
        let first = house.commit("main", "first").await.id.hex();
        house.put("main", "test/a.csv", "other").await;
        let second = house.commit("main", "second").await.id.hex();
        let same = run(&house, "main", &["train/a.csv"]).await;
        let other = run(&house, "main", &["test/a.csv"]).await;
        assert_eq!(touched(&house, &first, "train/").await, std::slice::from_ref(&same));
        assert!(touched(&house, &first, "test/").await.is_empty());
        assert_eq!(touched(&house, &first, "").await, [same]);
        assert_eq!(touched(&house, &second, "test/").await, [other]);
    }

    async fn who_read_what_was_only_staged_is_found_by_the_commit(ledger: Ledger) {
        let house = house(&ledger).await;
        house.put("main", "a/x", "x").await;
        house.commit("main", "first").await;
        house.put("main", "b/x", "y").await;
        let reader = run(&house, "main", &["b/x"]).await;
        assert_eq!(touched(&house, "main", "").await, [reader]);
        assert!(touched(&house, "main", "a/").await.is_empty());
        for path in ["b/x", "b", "nothing/"] {
            let found = house.stage.touched(&me(), "repo", "main", path).await;
            assert!(matches!(&found, Err(Error::ObjectNotFound { reference, .. }) if reference == "main"), "{found:?}");
        }
    }

    async fn nothing_is_the_same_as_nothing_elsewhere_and_other_workspaces_are_theirs(ledger: Ledger) {
        let house = house(&ledger).await;
        house.put("main", "a/x", "x").await;
        let new = NewCommit { message: "first".into(), ..NewCommit::default() };
        house.stage.commit(&me(), "repo", "main", new).await.unwrap();
        house.create("empty").await;
        run(&house, "main", &["a/x"]).await;
        let found = house.stage.touched(&me(), "empty", "main", "").await.unwrap();
        assert_eq!((found.folders.len(), found.graph.nodes.len()), (0, 1));
        let other = Actor { workspace: WorkspaceId(7), ..me() };
        let found = house.stage.touched(&other, "repo", "main", "").await;
        assert!(matches!(found, Err(Error::RepositoryNotFound(_))), "{found:?}");
    }
}
