use crate::{ALL, house, me};
use repositories::{Entry, Listing};

ledger::db_test! {
    components: ALL;

    async fn delimiters_fold_in_staged_and_committed_objects_alike(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        for path in ["a/1", "a/2", "a/b/1", "b", "c/1", "d//x", "d/"] {
            house.put("main", path, "1").await;
        }
        house.commit("main", "half").await;
        for path in ["a/0", "bb", "c/2", "e/1"] {
            house.put("main", path, "1").await;
        }
        house.delete("main", "c/1").await;
        house.delete("main", "c/2").await;
        assert_eq!(house.paths("main", "", "/").await, ["a/", "b", "bb", "d/", "e/"]);
        assert_eq!(house.paths("main", "a/", "/").await, ["a/0", "a/1", "a/2", "a/b/"]);
        assert_eq!(house.paths("main", "d/", "/").await, ["d/", "d//"]);
        assert_eq!(house.paths("main", "", "b").await, ["a/0", "a/1", "a/2", "a/b", "b", "d/", "d//x", "e/1"]);
        assert_eq!(house.paths("main", "a", "").await, ["a/0", "a/1", "a/2", "a/b/1"]);
        assert_eq!(house.paths("main", "", "//").await, ["a/0", "a/1", "a/2", "a/b/1", "b", "bb", "d/", "d//", "e/1"]);
        assert_eq!(house.paths("main@", "", "/").await, ["a/", "b", "c/", "d/"]);
        assert_eq!(house.paths("main$", "", "/").await, ["a/", "bb", "e/"]);
        assert!(house.paths("main", "nothing", "/").await.is_empty());
    }

    async fn pages_agree_with_one_long_listing(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        let object = house.object(b"x").await;
        let many = |from: usize| {
            let object = object.clone();
            (from..600).step_by(2).map(move |n| (format!("p{}/{n:04}", n % 7), object.clone())).collect::<Vec<_>>()
        };
        house.stage.stage_many(&me(), "repo", "main", many(0)).await.unwrap();
        house.commit("main", "even").await;
        house.stage.stage_many(&me(), "repo", "main", many(1)).await.unwrap();
        let mut expected: Vec<String> = (0..600).map(|n| format!("p{}/{n:04}", n % 7)).collect();
        expected.sort();
        for limit in [1000, 100, 7] {
            let mut listing = Listing { limit, ..Listing::default() };
            let mut found = Vec::new();
            loop {
                let page = house.stage.list(&me(), "repo", "main", listing.clone()).await.unwrap();
                found.extend(page.items.into_iter().map(|entry| match entry {
                    Entry::Object { path, .. } | Entry::Prefix(path) => path,
                }));
                match page.next {
                    Some(next) => listing.after = next,
                    None => break,
                }
            }
            assert_eq!(found, expected, "{limit}");
        }
        assert_eq!(house.paths("main", "", "/").await.len(), 7);
    }

    async fn a_listing_begins_behind_after(ledger: ledger::Ledger) {
        let house = house(&ledger).await;
        for path in ["a", "b/1", "b/2", "c"] {
            house.put("main", path, "1").await;
        }
        let list = async |after: &str, delimiter: &str| {
            let listing = Listing {
                after: after.into(), delimiter: delimiter.into(), limit: 10, prefix: String::new(),
            };
            let page = house.stage.list(&me(), "repo", "main", listing).await.unwrap();
            page.items
                .into_iter()
                .map(|entry| match entry {
                    Entry::Object { path, .. } | Entry::Prefix(path) => path,
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(list("a", "/").await, ["b/", "c"]);
        assert_eq!(list("b/", "/").await, ["c"]);
        assert_eq!(list("b/1", "/").await, ["b/", "c"]);
        assert_eq!(list("b/", "").await, ["b/1", "b/2", "c"]);
        assert_eq!(list("zzz", "").await, Vec::<String>::new());
    }
}
