//! What survives when the work stops between two steps, as if the process had been killed there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{ALL, House, house_with, me, message_only, open};
use repositories::{Error, FailPoint, MergeOptions, Step};

/// Stops at a step, once it is armed.
fn trap(step: Step) -> (Arc<AtomicBool>, FailPoint) {
    let armed = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&armed);
    (armed, FailPoint::new(move |at| at == step && seen.load(Ordering::SeqCst)))
}

/// The same data, opened by a server that starts anew.
async fn again(ledger: &ledger::Ledger, house: House) -> House {
    let blobs = house.blobs.path().to_owned();
    let stage = open(ledger, blobs, house.folder.path().to_owned(), FailPoint::default()).await;
    House { stage, ..house }
}

const STEPS: [Step; 3] = [Step::Sealed, Step::Kept, Step::Moved];

ledger::db_test! {
    components: ALL;

    async fn a_commit_that_stops_at_any_step_loses_nothing(ledger: ledger::Ledger) {
        for step in STEPS {
            let (armed, fail) = trap(step);
            let house = house_with(&ledger, fail).await;
            house.put("main", "before", "1").await;
            house.commit("main", "before").await;
            house.put("main", "staged", "1").await;
            house.delete("main", "before").await;
            armed.store(true, Ordering::SeqCst);
            let stopped = house.stage.commit(&me(), "repo", "main", message_only("x")).await;
            assert!(matches!(stopped, Err(Error::Stopped(_))), "{step:?}");
            let house = again(&ledger, house).await;
            // Readers see it, writers go on, and the next commit takes it along.
            assert_eq!(house.paths("main", "", "").await, ["staged"], "{step:?}");
            house.put("main", "later", "1").await;
            house.put("main", "staged", "2").await;
            assert_eq!(house.paths("main", "", "").await, ["later", "staged"], "{step:?}");
            let moved = house.stage.get_commit(&me(), "repo", "main").await.unwrap().message == "x";
            assert_eq!(moved, step == Step::Moved);
            house.commit("main", "after").await;
            assert_eq!(house.paths("main@", "", "").await, ["later", "staged"], "{step:?}");
            assert_eq!(house.read("main@", "staged").await.unwrap(), "2");
            assert!(house.paths("main$", "", "").await.is_empty());
            house.stage.delete_repository(&me(), "repo", false).await.unwrap();
        }
    }

    async fn a_merge_that_stops_at_any_step_can_be_made_again(ledger: ledger::Ledger) {
        for step in STEPS {
            let (armed, fail) = trap(step);
            let house = house_with(&ledger, fail).await;
            house.branch("dev", "main").await;
            house.put("dev", "theirs", "1").await;
            house.commit("dev", "theirs").await;
            house.put("main", "ours", "1").await;
            house.commit("main", "ours").await;
            armed.store(true, Ordering::SeqCst);
            let stopped = house.stage.merge(&me(), "repo", "dev", "main", MergeOptions::default()).await;
            assert!(matches!(stopped, Err(Error::Stopped(_))), "{step:?}");
            let house = again(&ledger, house).await;
            let merged = house.stage.merge(&me(), "repo", "dev", "main", MergeOptions::default()).await;
            match step {
                Step::Moved => assert!(matches!(merged, Err(Error::NoChanges))),
                _ => assert!(merged.is_ok(), "{step:?}"),
            }
            assert_eq!(house.paths("main", "", "").await, ["ours", "theirs"], "{step:?}");
            house.stage.delete_repository(&me(), "repo", false).await.unwrap();
        }
    }

    async fn what_a_stopped_commit_sealed_is_dirt_to_a_merge_and_can_be_reset(ledger: ledger::Ledger) {
        let (armed, fail) = trap(Step::Sealed);
        let house = house_with(&ledger, fail).await;
        house.branch("dev", "main").await;
        house.put("dev", "theirs", "1").await;
        house.commit("dev", "theirs").await;
        house.put("main", "staged", "1").await;
        armed.store(true, Ordering::SeqCst);
        assert!(house.stage.commit(&me(), "repo", "main", message_only("x")).await.is_err());
        let house = again(&ledger, house).await;
        let merged = house.stage.merge(&me(), "repo", "dev", "main", MergeOptions::default()).await;
        assert!(matches!(merged, Err(Error::DirtyBranch(_))));
        assert!(house.delete("main", "staged").await);
        house.stage.merge(&me(), "repo", "dev", "main", MergeOptions::default()).await.unwrap();
        assert_eq!(house.paths("main", "", "").await, ["theirs"]);
    }
}
