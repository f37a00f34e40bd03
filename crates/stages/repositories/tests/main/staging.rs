use crate::{ALL, house, me};
use repositories::{Condition, Error, Match, Protection, Reset};

ledger::db_test! {
    components: ALL;

    async fn what_is_staged_is_read_listed_and_deleted_at_once(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.put("main", "a/b.txt", "one").await;
        house.put("main", "a/b.txt", "two").await;
        assert_eq!(house.read("main", "a/b.txt").await.unwrap(), "two");
        assert_eq!(house.paths("main", "", "").await, ["a/b.txt"]);
        assert!(house.read("main@", "a/b.txt").await.is_err());
        assert_eq!(house.read("main$", "a/b.txt").await.unwrap(), "two");
        assert!(house.delete("main", "a/b.txt").await);
        assert!(!house.delete("main", "a/b.txt").await);
        assert!(matches!(house.read("main", "a/b.txt").await, Err(Error::ObjectNotFound { .. })));
        assert!(house.paths("main", "", "").await.is_empty());
    }

    async fn odd_paths_are_kept_as_they_are(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let long = format!("l/{}", "x".repeat(1022));
        let odd = [
            "..", "../a", "a//b", "/a", "a/", "a/./b", "ü/é.txt", "日本/語", "a b+c%20", "💾", "a\u{301}", "$x@y~z^",
            "a\0b", long.as_str(), "_", "\u{7f}", "a\u{10ffff}b",
        ];
        for path in odd {
            house.put("main", path, path).await;
        }
        for staged in [true, false] {
            for path in odd {
                assert_eq!(house.read("main", path).await.unwrap(), path, "{path:?}");
            }
            let mut sorted: Vec<String> = odd.iter().map(|p| (*p).to_owned()).collect();
            sorted.sort();
            assert_eq!(house.paths("main", "", "").await, sorted);
            if staged {
                house.commit("main", "odd").await;
            }
        }
        let object = house.object(b"x").await;
        for bad in [String::new(), "x".repeat(1025)] {
            let staged =
                house.stage.stage(&me(), "repo", "main", &bad, object.clone(), Condition::default()).await;
            assert!(matches!(staged, Err(Error::BadPath(..))));
        }
    }

    async fn conditions_are_checked_against_staged_and_committed_objects(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let absent = Condition { none_match: Some(Match::Any), matches: None };
        let put = async |path: &str, text: &str, condition: Condition| {
            let object = house.object(text.as_bytes()).await;
            house.stage.stage(&me(), "repo", "main", path, object, condition).await
        };
        put("a", "1", absent.clone()).await.unwrap();
        assert!(matches!(put("a", "2", absent.clone()).await, Err(Error::Precondition)));
        house.commit("main", "a is there").await;
        assert!(matches!(put("a", "2", absent.clone()).await, Err(Error::Precondition)));
        let etag = house.stage.stat(&me(), "repo", "main", "a").await.unwrap().etag;
        let same = |etag: &str| Condition { none_match: None, matches: Some(Match::ETags(vec![etag.to_owned()])) };
        assert!(matches!(put("a", "2", same("0")).await, Err(Error::Precondition)));
        put("a", "2", same(&format!("\"{etag}\""))).await.unwrap();
        assert!(matches!(put("a", "3", same(&etag)).await, Err(Error::Precondition)));
        let there = Condition { none_match: None, matches: Some(Match::Any) };
        assert!(matches!(put("b", "1", there.clone()).await, Err(Error::Precondition)));
        assert!(house.delete("main", "a").await);
        assert!(matches!(put("a", "1", there).await, Err(Error::Precondition)));
        put("a", "1", absent).await.unwrap();
    }

    async fn of_a_hundred_writers_that_want_to_be_first_one_is(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.put("main", "other", "x").await;
        let object = house.object(b"x").await;
        let condition = Condition { none_match: Some(Match::Any), matches: None };
        let writers = (0..100).map(|_| {
            house.stage.clone().stage_owned("main", "a", object.clone(), condition.clone())
        });
        let commits = async {
            for _ in 0..5 {
                let _ = house.stage.commit(&me(), "repo", "main", crate::message_only("x")).await;
            }
        };
        let (won, ()) = futures::join!(futures::future::join_all(writers), commits);
        assert_eq!(won.iter().filter(|result| result.is_ok()).count(), 1);
        let lost = won.iter().filter(|result| matches!(result, Err(Error::Precondition))).count();
        assert_eq!(lost, 99);
    }

    async fn protected_and_read_only_branches_take_no_writes(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let rule = Protection { pattern: "ma*".into(), staging: true, commits: true };
        house.stage.set_protections(&me(), "repo", vec![rule]).await.unwrap();
        let object = house.object(b"x").await;
        let put = async |branch: &str| {
            house.stage.stage(&me(), "repo", branch, "a", object.clone(), Condition::default()).await
        };
        assert!(matches!(put("main").await, Err(Error::Protected { .. })));
        let deleted = house.stage.delete(&me(), "repo", "main", "a", Condition::default()).await;
        assert!(matches!(deleted, Err(Error::Protected { .. })));
        let reset = house.stage.reset(&me(), "repo", "main", Reset::Everything).await;
        assert!(matches!(reset, Err(Error::Protected { .. })));
        let commit = house.stage.commit(&me(), "repo", "main", crate::message_only("x")).await;
        assert!(matches!(commit, Err(Error::Protected { .. })));
        house.branch("dev", "main").await;
        put("dev").await.unwrap();
        house.commit("dev", "x").await;
        house.stage.merge(&me(), "repo", "dev", "main", Default::default()).await.unwrap();
        assert_eq!(house.read("main", "a").await.unwrap(), "x");
    }

    async fn a_reset_drops_everything_a_prefix_or_one_object(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.put("main", "keep", "1").await;
        house.commit("main", "keep").await;
        for path in ["a/1", "a/2", "b", "keep"] {
            house.put("main", path, "new").await;
        }
        house.stage.reset(&me(), "repo", "main", Reset::Prefix("a/".into())).await.unwrap();
        assert_eq!(house.paths("main", "", "").await, ["b", "keep"]);
        house.stage.reset(&me(), "repo", "main", Reset::Object("keep".into())).await.unwrap();
        assert_eq!(house.read("main", "keep").await.unwrap(), "1");
        house.stage.reset(&me(), "repo", "main", Reset::Everything).await.unwrap();
        assert_eq!(house.paths("main", "", "").await, ["keep"]);
    }

    async fn deleting_many_says_what_could_not_be(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.put("main", "a", "1").await;
        house.commit("main", "a").await;
        house.put("main", "b", "1").await;
        let paths = vec!["a".into(), "b".into(), "missing".into(), "x".repeat(2000)];
        let failed = house.stage.delete_many(&me(), "repo", "main", paths).await.unwrap();
        assert_eq!(failed.len(), 1);
        assert!(house.paths("main", "", "").await.is_empty());
    }

    async fn user_metadata_is_replaced_in_one_step(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.put("main", "a", "1").await;
        house.commit("main", "a").await;
        let new = repositories::Metadata::from([("k".into(), "v".into())]);
        house.stage.set_object_metadata(&me(), "repo", "main", "a", new.clone()).await.unwrap();
        assert_eq!(house.stage.stat(&me(), "repo", "main", "a").await.unwrap().metadata, new);
        assert_eq!(house.read("main", "a").await.unwrap(), "1");
        let missing = house.stage.set_object_metadata(&me(), "repo", "main", "b", new).await;
        assert!(matches!(missing, Err(Error::ObjectNotFound { .. })));
    }
}

/// A write that owns what it needs, so that many can be under way.
trait StageOwned {
    async fn stage_owned(
        self,
        branch: &'static str,
        path: &'static str,
        object: repositories::Object,
        condition: Condition,
    ) -> Result<(), Error>;
}

impl StageOwned for repositories::Repositories {
    async fn stage_owned(
        self,
        branch: &'static str,
        path: &'static str,
        object: repositories::Object,
        condition: Condition,
    ) -> Result<(), Error> {
        self.stage(&me(), "repo", branch, path, object, condition).await.map(drop)
    }
}
