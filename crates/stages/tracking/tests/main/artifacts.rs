use proptest::prelude::*;
use tracking::Error;
use tracking::artifacts::{self, ArtifactPath};
use types::Digest;

use crate::me;

fn path(text: &str) -> ArtifactPath {
    ArtifactPath::parse(text).unwrap()
}

ledger::db_test! {
    components: [tracking::COMPONENT];

    async fn folders_appear_with_their_files_and_go_with_them(ledger: ledger::Ledger) {
        let digest = Digest::of("x");
        for file in ["0/run/a.txt", "0/run/sub/b.txt", "0/run/sub/c/d.txt", "0/running"] {
            artifacts::put(&ledger, &me(), path(file), digest, 1).await.unwrap();
        }
        let names = |entries: Vec<artifacts::Entry>| entries.into_iter().map(|e| (e.name, e.digest.is_none())).collect::<Vec<_>>();
        let top = artifacts::list(&ledger, &me(), path("0/run")).await.unwrap();
        assert_eq!(names(top), [("a.txt".to_owned(), false), ("sub".to_owned(), true)]);
        let tree: Vec<_> = artifacts::tree(&ledger, &me(), path("0/run")).await.unwrap().into_iter().map(|f| f.path).collect();
        assert_eq!(tree, ["a.txt", "sub/b.txt", "sub/c/d.txt"]);
        assert_eq!(artifacts::delete(&ledger, &me(), path("0/run/sub")).await.unwrap(), 2);
        let left: Vec<_> = artifacts::tree(&ledger, &me(), path("")).await.unwrap().into_iter().map(|f| f.path).collect();
        assert_eq!(left, ["0/run/a.txt", "0/running"]);
        assert!(matches!(
            artifacts::delete(&ledger, &me(), path("0/run/sub")).await,
            Err(Error::ArtifactNotFound(_))
        ));
    }

    async fn a_file_is_replaced_but_never_becomes_a_folder(ledger: ledger::Ledger) {
        artifacts::put(&ledger, &me(), path("a/b"), Digest::of("1"), 1).await.unwrap();
        artifacts::put(&ledger, &me(), path("a/b"), Digest::of("2"), 1).await.unwrap();
        let found = artifacts::find(&ledger, &me(), path("a/b")).await.unwrap().unwrap();
        assert_eq!(found.digest, Some(Digest::of("2")));
        for taken in ["a/b/c", "a"] {
            let refused = artifacts::put(&ledger, &me(), path(taken), Digest::of("3"), 1).await;
            assert!(matches!(refused, Err(Error::PathTaken { .. })), "{taken}");
        }
    }
}

proptest! {
    #[test]
    fn a_checked_path_never_climbs(text in "[a-z./\\\\\u{0}]{0,12}") {
        if let Ok(path) = ArtifactPath::parse(&text) {
            prop_assert!(!path.as_str().starts_with('/'));
            prop_assert!(path.as_str().is_empty() || path.as_str().split('/').all(|s| !s.is_empty() && s != "." && s != ".."));
        }
    }
}
