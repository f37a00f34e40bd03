use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mlwright_serving::Select;

use crate::house::{COMPONENTS, House};

ledger::db_test! {
    components: COMPONENTS;

    async fn two_hundred_swaps_under_load_fail_no_request(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let house = Arc::new(house);
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let two = house.version("cancer", "cancer_logreg_2.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();

        let stop = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU64::new(0));
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (house, stop, sent) = (Arc::clone(&house), Arc::clone(&stop), Arc::clone(&sent));
            clients.spawn(async move {
                let mut last = 0;
                let mut revisions = std::collections::HashSet::new();
                while !stop.load(Ordering::Relaxed) {
                    let answer = house.ask("e").await.unwrap();
                    // The revision's id grows with each deployment: a client never goes back.
                    let revision = u128::from_str_radix(&answer.revision.hex(), 16).unwrap();
                    assert!(revision >= last, "an old revision answered after a new one");
                    last = revision;
                    revisions.insert(revision);
                    assert_eq!((answer.outputs.len(), answer.ids.len()), (2, 1));
                    sent.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
                revisions.len()
            });
        }
        for round in 0..200 {
            let next = if round % 2 == 0 { two } else { one };
            house.deploy("e", &[(next, 1.0)]).await.unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        while let Some(seen) = clients.join_next().await {
            assert!(seen.unwrap() > 10, "a client saw too few revisions for the test to mean anything");
        }
        let sent = sent.load(Ordering::Relaxed);
        assert!(sent > 1000, "{sent} requests");
        let traffic = house.serving.traffic(&house.actor, "e");
        assert_eq!((traffic.requests, traffic.errors), (sent, 0));
        assert_eq!(house.serving.revisions(&house.actor, "e").await.unwrap()[0].number, 201);
        assert_eq!(house.log.total(&house.actor, "e").await.unwrap(), i64::try_from(sent).unwrap());
    }

    async fn a_replaced_model_is_freed_and_a_kept_one_is_not_loaded_again(ledger: ledger::Ledger) {
        let Some(house) = House::new(ledger).await else { return };
        let one = house.version("cancer", "cancer_logreg.onnx").await;
        let two = house.version("cancer", "cancer_logreg_2.onnx").await;
        house.deploy("e", &[(one, 1.0)]).await.unwrap();
        let first = Arc::downgrade(&house.serving.target(&house.actor, "e", Select::Any).unwrap().model);
        house.deploy("e", &[(one, 9.0), (two, 1.0)]).await.unwrap();
        let kept = house.serving.target(&house.actor, "e", Select::Version("1")).unwrap().model;
        assert!(Arc::ptr_eq(&kept, &first.upgrade().unwrap()), "only the weight changed");
        drop(kept);
        house.deploy("e", &[(two, 1.0)]).await.unwrap();
        assert!(first.upgrade().is_none(), "the old model is still in memory");
    }
}
