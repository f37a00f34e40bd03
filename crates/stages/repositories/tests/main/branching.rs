use crate::{ALL, house, me, message_only};
use repositories::{Error, NewRepository, Paging};

fn page(limit: usize, after: &str) -> Paging {
    Paging { prefix: String::new(), after: after.to_owned(), limit }
}

ledger::db_test! {
    components: ALL;

    async fn a_repository_begins_with_one_commit_of_nothing(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let commit = house.stage.get_commit(&me(), "repo", "main").await.unwrap();
        assert_eq!(commit.message, "Repository created");
        assert_eq!((commit.parents.len(), commit.generation), (0, 1));
        assert_eq!(commit.id.hex().len(), 64);
        assert!(house.paths("main", "", "").await.is_empty());
        let again = NewRepository {
            name: "repo".into(),
            storage_namespace: "local://other".into(),
            default_branch: "main".into(),
            read_only: false,
            metadata: Default::default(),
        };
        let made = house.stage.create_repository(&me(), again).await;
        assert!(matches!(made, Err(Error::RepositoryExists(_))));
        let same = NewRepository {
            name: "other".into(),
            storage_namespace: "local://repo".into(),
            default_branch: "main".into(),
            read_only: false,
            metadata: Default::default(),
        };
        let made = house.stage.create_repository(&me(), same).await;
        assert!(matches!(made, Err(Error::NamespaceTaken(_))));
    }

    async fn two_repositories_share_nothing(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.create("other").await;
        house.put("main", "a", "1").await;
        let commit = house.commit("main", "a").await;
        let stat = house.stage.stat(&me(), "other", "main", "a").await;
        assert!(matches!(stat, Err(Error::ObjectNotFound { .. })));
        let stat = house.stage.stat(&me(), "other", &commit.id.hex(), "a").await;
        assert!(matches!(stat, Err(Error::RefNotFound(_))));
        let first = async |repo: &str, reference: &str| {
            house.stage.get_commit(&me(), repo, reference).await.unwrap().id
        };
        assert_ne!(first("other", "main").await, first("repo", "main~").await);
        house.stage.delete_repository(&me(), "repo", false).await.unwrap();
        assert!(matches!(house.stage.repository(&me(), "repo").await, Err(Error::RepositoryNotFound(_))));
        assert_eq!(house.stage.branches(&me(), "other", page(10, ""), true).await.unwrap().items.len(), 1);
        house.create("repo").await;
        assert!(house.paths("main", "", "").await.is_empty());
    }

    async fn refs_lead_where_their_modifiers_say(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let first = house.stage.get_commit(&me(), "repo", "main").await.unwrap();
        house.put("main", "a", "1").await;
        let second = house.commit("main", "a").await;
        house.branch("dev", "main~1").await;
        house.put("dev", "b", "1").await;
        let dev = house.commit("dev", "b").await;
        let merge = house.stage.merge(&me(), "repo", "dev", "main", Default::default()).await.unwrap();
        house.stage.create_tag(&me(), "repo", "v1.0", "main", false).await.unwrap();
        let lead = async |expression: &str| {
            house.stage.resolve(&me(), "repo", expression).await.map(|resolved| resolved.commit)
        };
        for (expression, commit) in [
            ("main", merge.id), ("main@", merge.id), ("main$", merge.id), ("v1.0", merge.id), ("main~0", merge.id),
            ("main^0", merge.id), ("main~", second.id), ("main^", second.id), ("main^1", second.id),
            ("main^2", dev.id), ("main^2~", first.id), ("v1.0~2", first.id), ("main^2^", first.id),
        ] {
            assert_eq!(lead(expression).await.unwrap(), commit, "{expression}");
        }
        let hex = dev.id.hex();
        assert_eq!(lead(&hex).await.unwrap(), dev.id);
        assert_eq!(lead(&hex[..12]).await.unwrap(), dev.id);
        for bad in ["nothing", "main~9", "main^3", "main@~1", "v1.0$", "v1.0@", "~1", ""] {
            assert!(lead(bad).await.is_err(), "{bad}");
        }
    }

    async fn names_of_branches_tags_and_commits_never_clash(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.branch("dev", "main").await;
        let (stage, me) = (&house.stage, me());
        assert!(matches!(stage.create_branch(&me, "repo", "dev", "main", false, false).await, Err(Error::BranchExists(_))));
        assert!(matches!(stage.create_tag(&me, "repo", "dev", "main", false).await, Err(Error::NameTaken(..))));
        stage.create_tag(&me, "repo", "v1", "main", false).await.unwrap();
        assert!(matches!(stage.create_tag(&me, "repo", "v1", "main", false).await, Err(Error::TagExists(_))));
        assert!(matches!(stage.create_branch(&me, "repo", "v1", "main", false, false).await, Err(Error::NameTaken(..))));
        let hex = stage.branch(&me, "repo", "main").await.unwrap().commit.hex();
        assert!(matches!(stage.create_branch(&me, "repo", &hex, "main", false, false).await, Err(Error::NameTaken(..))));
        assert!(matches!(stage.create_branch(&me, "repo", "a/b", "main", false, false).await, Err(Error::BadName(..))));
        assert!(matches!(stage.create_branch(&me, "repo", "x", "nothing", false, false).await, Err(Error::RefNotFound(_))));
        assert!(matches!(stage.create_branch(&me, "repo", "x", "main$", false, false).await, Err(Error::BadRef(..))));
    }

    async fn the_default_branch_stays(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let deleted = house.stage.delete_branch(&me(), "repo", "main", false).await;
        assert!(matches!(deleted, Err(Error::DefaultBranch(_))));
        house.branch("dev", "main").await;
        house.stage.delete_branch(&me(), "repo", "dev", false).await.unwrap();
        let deleted = house.stage.delete_branch(&me(), "repo", "dev", false).await;
        assert!(matches!(deleted, Err(Error::BranchNotFound(_))));
    }

    async fn what_was_staged_on_a_deleted_branch_does_not_come_back(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.branch("dev", "main").await;
        house.put("dev", "a", "1").await;
        house.stage.delete_branch(&me(), "repo", "dev", false).await.unwrap();
        house.branch("dev", "main").await;
        assert!(house.paths("dev", "", "").await.is_empty());
        let committed = house.stage.commit(&me(), "repo", "dev", message_only("x")).await;
        assert!(matches!(committed, Err(Error::NoChanges)));
    }

    async fn a_branch_can_be_deleted_while_it_is_written(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        house.branch("dev", "main").await;
        let object = house.object(b"x").await;
        let writes = (0..60).map(|n| {
            let (stage, object) = (house.stage.clone(), object.clone());
            async move {
                let path = format!("a{n}");
                let done = stage.stage(&crate::me(), "repo", "dev", &path, object, Default::default()).await;
                let committed = stage.commit(&crate::me(), "repo", "dev", message_only("x")).await;
                (done.map(drop), committed.map(drop))
            }
        });
        let me = me();
        let (results, deleted) = futures::join!(
            futures::future::join_all(writes),
            house.stage.delete_branch(&me, "repo", "dev", false)
        );
        deleted.unwrap();
        for (staged, committed) in results {
            assert!(matches!(staged, Ok(()) | Err(Error::BranchNotFound(_))), "{staged:?}");
            assert!(matches!(committed, Ok(()) | Err(Error::NoChanges | Error::BranchNotFound(_))), "{committed:?}");
        }
        assert!(house.stage.branch(&me, "repo", "dev").await.is_err());
    }

    async fn pages_of_names_go_on_where_the_last_ended(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        for name in ["a1", "a2", "a3", "b1"] {
            house.branch(name, "main").await;
            house.stage.create_tag(&me(), "repo", &format!("t-{name}"), "main", false).await.unwrap();
        }
        house.stage.create_branch(&me(), "repo", "hidden", "main", true, false).await.unwrap();
        let paging = Paging { prefix: "a".into(), after: String::new(), limit: 2 };
        let first = house.stage.branches(&me(), "repo", paging.clone(), false).await.unwrap();
        assert_eq!(first.items.iter().map(|b| b.name.as_str()).collect::<Vec<_>>(), ["a1", "a2"]);
        assert_eq!(first.next.as_deref(), Some("a2"));
        let after = Paging { after: "a2".into(), ..paging };
        let rest = house.stage.branches(&me(), "repo", after, false).await.unwrap();
        assert_eq!((rest.items.len(), rest.next), (1, None));
        let shown = house.stage.branches(&me(), "repo", page(100, ""), false).await.unwrap().items.len();
        let all = house.stage.branches(&me(), "repo", page(100, ""), true).await.unwrap().items.len();
        assert_eq!((shown, all), (5, 6));
        let tags = house.stage.tags(&me(), "repo", page(3, "t-a1")).await.unwrap();
        assert_eq!(tags.items.len(), 3);
        house.stage.delete_tag(&me(), "repo", "t-b1", false).await.unwrap();
        assert!(matches!(house.stage.tag(&me(), "repo", "t-b1").await, Err(Error::TagNotFound(_))));
    }

    async fn a_read_only_repository_takes_nothing_without_force(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let new = NewRepository {
            name: "frozen".into(),
            storage_namespace: "local://frozen".into(),
            default_branch: "main".into(),
            read_only: true,
            metadata: Default::default(),
        };
        house.stage.create_repository(&me(), new).await.unwrap();
        let object = house.object(b"x").await;
        let stage = &house.stage;
        let staged = stage.stage(&me(), "frozen", "main", "a", object, Default::default()).await;
        assert!(matches!(staged, Err(Error::ReadOnly(_))));
        let branch = stage.create_branch(&me(), "frozen", "dev", "main", false, false).await;
        assert!(matches!(branch, Err(Error::ReadOnly(_))));
        stage.create_branch(&me(), "frozen", "dev", "main", false, true).await.unwrap();
        let forced = repositories::NewCommit { allow_empty: true, force: true, ..message_only("x") };
        stage.commit(&me(), "frozen", "main", forced).await.unwrap();
        assert!(matches!(stage.delete_repository(&me(), "frozen", false).await, Err(Error::ReadOnly(_))));
        stage.delete_repository(&me(), "frozen", true).await.unwrap();
    }
}
