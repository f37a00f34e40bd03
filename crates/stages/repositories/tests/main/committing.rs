use crate::{ALL, house, me, message_only};
use repositories::{ChangeKind, DiffOptions, Error, LogOptions, NewCommit, Paging};
use types::Timestamp;

pub fn differences(delimiter: &str) -> DiffOptions {
    DiffOptions { paging: Paging { limit: 1000, ..Paging::default() }, delimiter: delimiter.to_owned() }
}

ledger::db_test! {
    components: ALL;

    async fn a_commit_holds_what_was_staged_and_nothing_else_changes(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.put("main", "a", "1").await;
        house.put("main", "b", "1").await;
        let first = house.commit("main", "two files").await;
        house.put("main", "b", "2").await;
        house.delete("main", "a").await;
        house.put("main", "c", "3").await;
        let second = house.commit("main", "more").await;
        assert_eq!(second.parents, [first.id]);
        assert_eq!((first.generation, second.generation), (2, 3));
        assert_eq!(house.paths("main@", "", "").await, ["b", "c"]);
        assert_eq!(house.paths(&first.id.hex(), "", "").await, ["a", "b"]);
        assert_eq!(house.read(&first.id.hex(), "b").await.unwrap(), "1");
        assert_eq!(house.read("main~1", "a").await.unwrap(), "1");
        assert!(house.paths("main$", "", "").await.is_empty());
    }

    async fn nothing_changed_is_no_commit_unless_it_may_be_empty(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let commit = async |new: NewCommit| house.stage.commit(&me(), "repo", "main", new).await;
        assert!(matches!(commit(message_only("x")).await, Err(Error::NoChanges)));
        house.put("main", "a", "1").await;
        let first = house.commit("main", "a").await;
        // The same content again, something that came and went, and a deletion of what is not there.
        house.put("main", "a", "1").await;
        house.put("main", "b", "1").await;
        house.delete("main", "b").await;
        assert!(matches!(commit(message_only("x")).await, Err(Error::NoChanges)));
        let diff = house.stage.uncommitted(&me(), "repo", "main", differences("")).await.unwrap();
        assert!(diff.items.is_empty());
        let empty = commit(NewCommit { allow_empty: true, ..message_only("empty") }).await.unwrap();
        assert_eq!((empty.root, empty.parents), (first.root, vec![first.id]));
    }

    async fn the_same_content_is_the_same_tree_however_it_came(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.branch("one", "main").await;
        house.branch("two", "main").await;
        let objects = [house.object(b"1").await, house.object(b"2").await];
        let put = async |branch: &str, path: &str, which: usize| {
            let object = objects[which].clone();
            house.stage.stage(&me(), "repo", branch, path, object, Default::default()).await.unwrap();
        };
        put("one", "a", 0).await;
        put("one", "b", 1).await;
        let one = house.commit("one", "both").await;
        put("two", "b", 1).await;
        put("two", "c", 0).await;
        house.commit("two", "b").await;
        put("two", "a", 0).await;
        house.delete("two", "c").await;
        let two = house.commit("two", "a").await;
        assert_eq!(one.root, two.root);
        assert_ne!(one.id, two.id);
    }

    async fn a_commit_takes_its_date_committer_and_metadata(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.put("main", "a", "1").await;
        let new = NewCommit {
            message: "m".into(),
            metadata: [("k".to_owned(), "v".to_owned())].into(),
            date: Some(Timestamp(1_600_000_000_123_456)),
            committer: Some("somebody".into()),
            ..NewCommit::default()
        };
        let made = house.stage.commit(&me(), "repo", "main", new).await.unwrap();
        let found = house.stage.get_commit(&me(), "repo", "main").await.unwrap();
        assert_eq!(found, made);
        assert_eq!(found.created_at, Timestamp(1_600_000_000_000_000));
        assert_eq!((found.committer.as_str(), found.metadata["k"].as_str()), ("somebody", "v"));
    }

    async fn a_hundred_commits_at_once_lose_nothing(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let work = (0..100).map(|n| {
            let (stage, object) = (house.stage.clone(), house.object(b"x"));
            async move {
                let object = object.await;
                stage.stage(&me(), "repo", "main", &format!("f{n:03}"), object, Default::default()).await.unwrap();
                match stage.commit(&me(), "repo", "main", message_only("x")).await {
                    // Another commit took it along.
                    Ok(_) | Err(Error::NoChanges) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
        futures::future::join_all(work).await;
        assert_eq!(house.paths("main@", "", "").await.len(), 100);
        assert!(house.paths("main$", "", "").await.is_empty());
    }

    async fn the_log_goes_back_from_a_ref(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let mut ids = vec![house.stage.get_commit(&me(), "repo", "main").await.unwrap().id];
        for n in 0..5 {
            house.put("main", &format!("d{}/f", n % 2), &n.to_string()).await;
            ids.push(house.commit("main", &format!("c{n}")).await.id);
        }
        ids.reverse();
        let log = async |options: LogOptions| {
            let page = house.stage.log(&me(), "repo", "main", options).await.unwrap();
            (page.items.iter().map(|c| c.id).collect::<Vec<_>>(), page.next)
        };
        let options = LogOptions { limit: 100, ..LogOptions::default() };
        assert_eq!(log(options.clone()).await, (ids.clone(), None));
        let (two, next) = log(LogOptions { limit: 2, ..options.clone() }).await;
        assert_eq!((two.as_slice(), next.as_deref()), (&ids[..2], Some(ids[1].hex().as_str())));
        let (rest, _) = log(LogOptions { after: ids[1].hex(), ..options.clone() }).await;
        assert_eq!(rest, ids[2..]);
        let (stopped, _) = log(LogOptions { stop_at: Some("main~2".into()), ..options.clone() }).await;
        assert_eq!(stopped, ids[..3]);
        let (touched, _) = log(LogOptions { paths: vec!["d1/".into()], ..options.clone() }).await;
        assert_eq!(touched, [ids[1], ids[3]]);
        let (touched, _) = log(LogOptions { paths: vec!["d0/f".into()], ..options.clone() }).await;
        assert_eq!(touched, [ids[0], ids[2], ids[4]]);
        let future = ledger.clock().now().plus_seconds(100);
        let (none, _) = log(LogOptions { since: Some(future), ..options }).await;
        assert!(none.is_empty());
    }

    async fn what_is_staged_differs_from_the_commit(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        for path in ["a", "b", "d/1", "d/2"] {
            house.put("main", path, "1").await;
        }
        house.commit("main", "all").await;
        house.put("main", "a", "2").await;
        house.delete("main", "b").await;
        house.put("main", "c", "3").await;
        house.delete("main", "d/1").await;
        house.put("main", "d/3", "3").await;
        let kinds = async |delimiter: &str| {
            let page = house.stage.uncommitted(&me(), "repo", "main", differences(delimiter)).await.unwrap();
            page.items.into_iter().map(|d| (d.path, d.kind, d.is_prefix)).collect::<Vec<_>>()
        };
        let all = |pairs: &[(&str, ChangeKind, bool)]| {
            pairs.iter().map(|(p, k, f)| ((*p).to_owned(), *k, *f)).collect::<Vec<_>>()
        };
        use ChangeKind::{Added, Changed, Removed};
        assert_eq!(
            kinds("").await,
            all(&[("a", Changed, false), ("b", Removed, false), ("c", Added, false), ("d/1", Removed, false), ("d/3", Added, false)])
        );
        assert_eq!(
            kinds("/").await,
            all(&[("a", Changed, false), ("b", Removed, false), ("c", Added, false), ("d/", Changed, true)])
        );
        let against = house.stage.diff(&me(), "repo", "main", "main$", false, differences("")).await.unwrap();
        assert_eq!(against.items.len(), 5);
        let committed = house.stage.diff(&me(), "repo", "main", "main", false, differences("")).await.unwrap();
        assert!(committed.items.is_empty());
    }

    async fn events_and_the_graph_know_every_commit(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.put("main", "a", "1").await;
        let commit = house.commit("main", "a").await;
        let graph = ledger
            .lineage(me().workspace, "commit", &commit.id.hex(), ledger::Direction::Causes, 5)
            .await
            .unwrap();
        let edges: Vec<&str> = graph.edges.iter().map(|edge| edge.kind.as_str()).collect();
        assert_eq!(edges.iter().filter(|kind| **kind == "parent").count(), 1);
        assert_eq!(edges.iter().filter(|kind| **kind == "holds").count(), 2);
    }
}
