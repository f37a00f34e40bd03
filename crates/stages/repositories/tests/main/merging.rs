use crate::committing::differences;
use crate::{ALL, House, house, me, message_only};
use repositories::{ChangeKind, Commit, Error, MergeOptions, NewCommit, Strategy};

async fn merge(
    house: &House,
    source: &str,
    destination: &str,
    options: MergeOptions,
) -> Result<Commit, Error> {
    house.stage.merge(&me(), "repo", source, destination, options).await
}

async fn patch(house: &House, reference: &str, parent: usize) -> Result<Commit, Error> {
    house.stage.revert(&me(), "repo", "main", reference, parent, NewCommit::default()).await
}

fn by(strategy: Strategy) -> MergeOptions {
    MergeOptions { strategy, ..MergeOptions::default() }
}

/// `main` and `dev` parted at a commit of `both`, `ours` and `theirs`; each changed and deleted something.
async fn parted(house: &House) -> Commit {
    for path in ["both", "ours", "theirs", "gone-ours", "gone-theirs"] {
        house.put("main", path, "0").await;
    }
    let base = house.commit("main", "base").await;
    house.branch("dev", "main").await;
    house.put("main", "ours", "main").await;
    house.delete("main", "gone-ours").await;
    house.put("main", "new-ours", "main").await;
    house.put("main", "same", "same").await;
    house.commit("main", "ours").await;
    house.put("dev", "theirs", "dev").await;
    house.delete("dev", "gone-theirs").await;
    house.put("dev", "new-theirs", "dev").await;
    house.put("dev", "same", "same").await;
    house.commit("dev", "theirs").await;
    base
}

ledger::db_test! {
    components: ALL;

    async fn a_merge_has_what_both_sides_did(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let base = parted(&house).await;
        assert_eq!(house.stage.merge_base(&me(), "repo", "main", "dev").await.unwrap(), Some(base.id));
        let (main, dev) = (
            house.stage.get_commit(&me(), "repo", "main").await.unwrap(),
            house.stage.get_commit(&me(), "repo", "dev").await.unwrap(),
        );
        let merged = merge(&house, "dev", "main", MergeOptions::default()).await.unwrap();
        assert_eq!(merged.parents, [main.id, dev.id]);
        assert_eq!(merged.message, "Merge 'dev' into 'main'");
        assert_eq!(house.paths("main", "", "").await, ["both", "new-ours", "new-theirs", "ours", "same", "theirs"]);
        assert_eq!(house.read("main", "ours").await.unwrap(), "main");
        assert_eq!(house.read("main", "theirs").await.unwrap(), "dev");
        assert!(matches!(merge(&house, "dev", "main", MergeOptions::default()).await, Err(Error::NoChanges)));
        let empty = MergeOptions { allow_empty: true, ..MergeOptions::default() };
        assert_eq!(merge(&house, "dev", "main", empty).await.unwrap().root, merged.root);
        let forward = merge(&house, "main", "dev", MergeOptions::default()).await.unwrap();
        assert_eq!(forward.root, merged.root);
    }

    async fn conflicts_are_listed_and_decided_by_strategy(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        for path in ["changed", "deleted", "kept"] {
            house.put("main", path, "0").await;
        }
        house.commit("main", "base").await;
        house.branch("dev", "main").await;
        house.put("main", "changed", "main").await;
        house.put("main", "added", "main").await;
        house.delete("main", "deleted").await;
        house.commit("main", "ours").await;
        house.put("dev", "changed", "dev").await;
        house.put("dev", "added", "dev").await;
        house.put("dev", "deleted", "dev").await;
        house.put("dev", "fine", "dev").await;
        house.commit("dev", "theirs").await;
        let Err(Error::Conflict(paths)) = merge(&house, "dev", "main", MergeOptions::default()).await else {
            panic!("no conflict")
        };
        assert_eq!(paths, ["added", "changed", "deleted"]);
        let diff = house.stage.diff(&me(), "repo", "main", "dev", true, differences("")).await.unwrap();
        let kinds: Vec<_> = diff.items.iter().map(|d| (d.path.as_str(), d.kind)).collect();
        use ChangeKind::{Added, Conflict};
        assert_eq!(kinds, [("added", Conflict), ("changed", Conflict), ("deleted", Conflict), ("fine", Added)]);
        house.branch("ours", "main").await;
        house.branch("theirs", "main").await;
        merge(&house, "dev", "ours", by(Strategy::DestinationWins)).await.unwrap();
        assert_eq!(house.read("ours", "changed").await.unwrap(), "main");
        assert_eq!(house.paths("ours", "", "").await, ["added", "changed", "fine", "kept"]);
        merge(&house, "dev", "theirs", by(Strategy::SourceWins)).await.unwrap();
        assert_eq!(house.read("theirs", "changed").await.unwrap(), "dev");
        assert_eq!(house.read("theirs", "deleted").await.unwrap(), "dev");
    }

    async fn a_squashed_merge_has_one_parent(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        parted(&house).await;
        let squash = MergeOptions { squash: true, ..MergeOptions::default() };
        let merged = merge(&house, "dev", "main", squash).await.unwrap();
        assert_eq!(merged.parents.len(), 1);
        assert_eq!(house.read("main", "theirs").await.unwrap(), "dev");
    }

    async fn nothing_is_merged_over_what_is_staged(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        parted(&house).await;
        house.put("main", "staged", "x").await;
        assert!(matches!(merge(&house, "dev", "main", MergeOptions::default()).await, Err(Error::DirtyBranch(_))));
        assert!(matches!(patch(&house, "main", 0).await, Err(Error::DirtyBranch(_))));
        let moved = house.stage.hard_reset(&me(), "repo", "main", "main~1", false).await;
        assert!(matches!(moved, Err(Error::DirtyBranch(_))));
        assert_eq!(house.read("main", "staged").await.unwrap(), "x");
        // What is staged but changes nothing does not hold a merge up, and is not left over it.
        house.delete("main", "staged").await;
        house.put("main", "theirs", "0").await;
        merge(&house, "dev", "main", MergeOptions::default()).await.unwrap();
        assert_eq!(house.read("main", "theirs").await.unwrap(), "dev");
        assert!(house.paths("main$", "", "").await.is_empty());
    }

    async fn refused_merges_do_not_pile_up_layers(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        parted(&house).await;
        for round in 0..40 {
            house.put("main", "again", &round.to_string()).await;
            house.put("main", &format!("once{round:02}"), "x").await;
            if round % 3 == 0 {
                house.delete("main", &format!("once{:02}", round / 2)).await;
            }
            let refused = merge(&house, "dev", "main", MergeOptions::default()).await;
            assert!(matches!(refused, Err(Error::DirtyBranch(_))));
        }
        let before = house.paths("main", "", "").await;
        assert_eq!(house.read("main", "again").await.unwrap(), "39");
        house.commit("main", "all").await;
        assert_eq!(house.paths("main@", "", "").await, before);
        assert_eq!(house.read("main@", "again").await.unwrap(), "39");
    }

    async fn a_hundred_merges_at_once_lose_nothing(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        for n in 0..100 {
            let name = format!("b{n:03}");
            house.branch(&name, "main").await;
            house.put(&name, &format!("f{n:03}"), "x").await;
            house.commit(&name, "x").await;
        }
        let work = (0..100).map(|n| {
            let stage = house.stage.clone();
            async move {
                let source = format!("b{n:03}");
                stage.merge(&me(), "repo", &source, "main", MergeOptions::default()).await.unwrap()
            }
        });
        let merged = futures::future::join_all(work).await;
        assert_eq!(house.paths("main", "", "").await.len(), 100);
        let mut heads: Vec<_> = merged.iter().map(|commit| commit.parents[0]).collect();
        heads.sort();
        heads.dedup();
        assert_eq!(heads.len(), 100, "each merge is on top of another");
    }

    async fn a_commit_is_reverted_and_picked(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.put("main", "a", "1").await;
        house.commit("main", "a").await;
        house.put("main", "b", "1").await;
        let second = house.commit("main", "b").await;
        house.put("main", "c", "1").await;
        house.commit("main", "c").await;
        let reverted = patch(&house, &second.id.hex(), 0).await.unwrap();
        assert_eq!(reverted.message, format!("Revert {}", second.id.hex()));
        assert_eq!(house.paths("main", "", "").await, ["a", "c"]);
        assert!(matches!(patch(&house, &second.id.hex(), 0).await, Err(Error::NoChanges)));
        house.branch("dev", "main~3").await;
        assert_eq!(house.paths("dev", "", "").await, ["a"]);
        let picked = house
            .stage
            .cherry_pick(&me(), "repo", "dev", "main~1", None, NewCommit::default())
            .await
            .unwrap();
        assert_eq!(picked.message, "c");
        assert_eq!(picked.metadata["cherry-pick-origin"], house.stage.resolve(&me(), "repo", "main~1").await.unwrap().commit.hex());
        assert_eq!(house.paths("dev", "", "").await, ["a", "c"]);
    }

    async fn of_a_merge_the_parent_must_be_named(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        parted(&house).await;
        merge(&house, "dev", "main", MergeOptions::default()).await.unwrap();
        assert!(matches!(patch(&house, "main", 0).await, Err(Error::BadParent { .. })));
        assert!(matches!(patch(&house, "main", 3).await, Err(Error::BadParent { .. })));
        let before = house.stage.resolve(&me(), "repo", "main~1").await.unwrap();
        let reverted = patch(&house, "main", 1).await.unwrap();
        assert_eq!(reverted.root, before.root);
        let pick = house.stage.cherry_pick(&me(), "repo", "dev", "main~1", None, NewCommit::default()).await;
        assert!(matches!(pick, Err(Error::BadParent { .. })));
    }

    async fn a_hard_reset_moves_the_head(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.put("main", "a", "1").await;
        let first = house.commit("main", "a").await;
        house.put("main", "b", "1").await;
        house.commit("main", "b").await;
        house.stage.hard_reset(&me(), "repo", "main", "main~1", false).await.unwrap();
        assert_eq!(house.stage.branch(&me(), "repo", "main").await.unwrap().commit, first.id);
        assert_eq!(house.paths("main", "", "").await, ["a"]);
    }

    async fn refs_are_compared_by_two_and_three_dots(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        parted(&house).await;
        let diff = async |from_base: bool| {
            let page = house.stage.diff(&me(), "repo", "main", "dev", from_base, differences("")).await.unwrap();
            page.items.into_iter().map(|d| (d.path, d.kind)).collect::<Vec<_>>()
        };
        use ChangeKind::{Added, Changed, Removed};
        let named = |pairs: &[(&str, ChangeKind)]| {
            pairs.iter().map(|(path, kind)| ((*path).to_owned(), *kind)).collect::<Vec<_>>()
        };
        assert_eq!(
            diff(false).await,
            named(&[
                ("gone-ours", Added), ("gone-theirs", Removed), ("new-ours", Removed), ("new-theirs", Added),
                ("ours", Changed), ("theirs", Changed),
            ])
        );
        assert_eq!(diff(true).await, named(&[("gone-theirs", Removed), ("new-theirs", Added), ("theirs", Changed)]));
    }

    async fn pages_of_differences_go_on_and_fold(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.branch("dev", "main").await;
        for path in ["a", "d/1", "d/2", "d/3", "e/1", "f"] {
            house.put("dev", path, "1").await;
        }
        house.commit("dev", "all").await;
        for (from_base, right) in [(false, "dev"), (true, "dev"), (false, "dev$")] {
            for (delimiter, wanted) in [("", vec!["a", "d/1", "d/2", "d/3", "e/1", "f"]), ("/", vec!["a", "d/", "e/", "f"])] {
                let mut options = differences(delimiter);
                options.paging.limit = 2;
                let mut found = Vec::new();
                loop {
                    let page =
                        house.stage.diff(&me(), "repo", "main", right, from_base, options.clone()).await.unwrap();
                    found.extend(page.items.into_iter().map(|d| d.path));
                    match page.next {
                        Some(next) => options.paging.after = next,
                        None => break,
                    }
                }
                assert_eq!(found, wanted, "{right} {delimiter}");
            }
        }
    }

    async fn pull_requests_are_merged_once(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        parted(&house).await;
        let (stage, me) = (&house.stage, me());
        let pull = stage.create_pull(&me, "repo", "t", "d", "dev", "main").await.unwrap();
        assert!(matches!(stage.create_pull(&me, "repo", "t", "d", "dev", "main").await, Err(Error::PullExists(_))));
        assert!(stage.create_pull(&me, "repo", "t", "d", "dev", "dev").await.is_err());
        let merged = stage.merge_pull(&me, "repo", &pull.id).await.unwrap();
        assert_eq!(merged.merged_commit, Some(stage.resolve(&me, "repo", "main").await.unwrap().commit.hex()));
        assert!(stage.merge_pull(&me, "repo", &pull.id).await.is_err());
        assert_eq!(stage.pulls(&me, "repo", Some(true), Default::default()).await.unwrap().items.len(), 0);
        assert_eq!(stage.pulls(&me, "repo", None, Default::default()).await.unwrap().items.len(), 1);
    }
}

ledger::db_test! {
    components: ALL;

    async fn commits_and_merges_on_one_branch_at_once_lose_nothing(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        for n in 0..30 {
            let name = format!("b{n:03}");
            house.branch(&name, "main").await;
            house.put(&name, &format!("merged{n:03}"), "x").await;
            house.commit(&name, "x").await;
        }
        let object = house.object(b"x").await;
        let work = (0..60).map(|n| {
            let (stage, object) = (house.stage.clone(), object.clone());
            async move {
                if n % 2 == 0 {
                    let path = format!("committed{n:03}");
                    stage.stage(&me(), "repo", "main", &path, object, Default::default()).await.unwrap();
                    let done = stage.commit(&me(), "repo", "main", message_only("x")).await;
                    assert!(matches!(done, Ok(_) | Err(Error::NoChanges)), "{done:?}");
                    return;
                }
                // A branch with something staged takes no merge: then somebody commits it first.
                loop {
                    let source = format!("b{:03}", n / 2);
                    match stage.merge(&me(), "repo", &source, "main", MergeOptions::default()).await {
                        Ok(_) => return,
                        Err(Error::DirtyBranch(_)) => {
                            let _ = stage.commit(&me(), "repo", "main", message_only("x")).await;
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
        futures::future::join_all(work).await;
        let _ = house.stage.commit(&me(), "repo", "main", message_only("rest")).await;
        assert_eq!(house.paths("main@", "committed", "").await.len(), 30);
        assert_eq!(house.paths("main@", "merged", "").await.len(), 30);
    }
}

/// Two servers on one database: only PostgreSQL takes more than one.
#[test]
fn two_servers_on_one_branch_lose_nothing() {
    ledger::testing::run(ledger::testing::Engine::Postgres, &ALL, two_servers);
}

async fn two_servers(ledger: ledger::Ledger) {
    let house = house(&ledger).await;
    let options = ledger::Options { place: ledger.place().clone(), readers: 2 };
    let clock = ledger.clock().clone();
    let other = tokio::task::spawn_blocking(move || ledger::Ledger::open(options, clock, &ALL));
    let other = other.await.unwrap().unwrap();
    let (blobs, folder) = (house.blobs.path().to_owned(), house.folder.path().to_owned());
    let second = crate::open(&other, blobs, folder, repositories::FailPoint::default()).await;
    let stages = [house.stage.clone(), second];
    let object = house.object(b"x").await;
    let work = (0..80).map(|n| {
        let (stage, object) = (stages[n % 2].clone(), object.clone());
        async move {
            let path = format!("f{n:03}");
            stage.stage(&me(), "repo", "main", &path, object, Default::default()).await.unwrap();
            match stage.commit(&me(), "repo", "main", message_only("x")).await {
                Ok(_) | Err(Error::NoChanges) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    futures::future::join_all(work).await;
    let _ = house.stage.commit(&me(), "repo", "main", message_only("rest")).await;
    assert_eq!(house.paths("main@", "", "").await.len(), 80);
    let options = repositories::LogOptions { limit: 1000, ..Default::default() };
    let log = stages[1].log(&me(), "repo", "main", options).await.unwrap().items;
    assert!(log.iter().all(|commit| commit.parents.len() <= 1));
    assert_eq!(log.len() as i64, log[0].generation, "one chain");
}
