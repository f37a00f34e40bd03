// Under the names that the rest of the house knows them by.
extern crate mlwright_review as review;

use ::predictions::{Batch, Log, LogConfig};
use blobs::{BlobConfig, Blobs};
use ledger::{Component, Ledger};
use review::{Collector, Error, ItemStatus, PredictionQuery};
use runtimes::{Column, Frame, Values};
use serde_json::json;
use types::{Actor, ActorKind, Class, Fault as _, Uid, WorkspaceId, new_id};

const COMPONENTS: [Component; 3] = [tracking::COMPONENT, ::predictions::COMPONENT, review::COMPONENT];

struct House {
    ledger: Ledger,
    log: Log,
    collector: Collector,
    _dir: tempfile::TempDir,
}

fn person(name: &str) -> Actor {
    Actor { kind: ActorKind::User, name: name.into(), ..Actor::system("x") }
}

impl House {
    async fn new(ledger: Ledger) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().join("blobs"))).await.unwrap();
        let config = LogConfig { dir: dir.path().join("log"), ..LogConfig::default() };
        let log = Log::open(config, &ledger, &blobs).await.unwrap();
        Self { collector: Collector::new(&ledger, &log), ledger, log, _dir: dir }
    }

    /// A prediction for each list of flags.
    fn predict(&self, endpoint: &str, flags: &[&[&str]]) -> Vec<Uid> {
        let at = self.ledger.clock().now();
        let ids: Vec<Uid> = flags.iter().map(|_| new_id(at)).collect();
        let frame = |name: &str| {
            let values = Values::Float(flags.iter().map(|_| 0.5).collect());
            Frame::new(vec![Column { name: name.into(), values }]).unwrap()
        };
        assert!(self.log.record(Batch {
            workspace: WorkspaceId::DEFAULT,
            endpoint: endpoint.into(),
            revision: Uid::from_u128(7),
            variant: "v".into(),
            model: "m".into(),
            version: 1,
            model_version: Uid::from_u128(9),
            model_digest: None,
            at,
            latency_us: 5,
            ids: ids.clone(),
            principal: "user:client".into(),
            flags: flags.iter().map(|f| f.iter().map(|f| (*f).to_owned()).collect()).collect(),
            params: runtimes::Params::default(),
            inputs: frame("age"),
            outputs: frame("probability"),
        }));
        ids
    }

    async fn waiting(&self, endpoint: Option<&str>) -> Vec<Uid> {
        let query = PredictionQuery {
            endpoint: endpoint.map(str::to_owned),
            status: Some(ItemStatus::Pending),
            limit: 100,
            offset: 0,
        };
        let page = review::prediction_items(&self.ledger, &person("ann"), query).await.unwrap();
        page.items.iter().map(|i| i.prediction).collect()
    }
}

ledger::db_test! {
    components: COMPONENTS;

    async fn flagged_predictions_wait_once_whatever_happens_between(ledger: Ledger) {
        let house = House::new(ledger).await;
        assert_eq!(house.collector.collect().await.unwrap(), 0);
        let first = house.predict("e", &[&[], &["range:age", "review"], &["novelty"]]);
        let other = house.predict("E", &[&["review"]]);
        assert_eq!(house.collector.collect().await.unwrap(), 2);
        assert_eq!(house.collector.collect().await.unwrap(), 0, "they are there already");
        // Sealed while nobody looked: found in the segment.
        let second = house.predict("e", &[&["sampled", "review"]]);
        house.log.seal(&person("ann"), "e").await.unwrap();
        let third = house.predict("e", &[&["review"]]);
        let again = Collector::new(&house.ledger, &house.log);
        assert_eq!(again.collect().await.unwrap(), 2);
        assert_eq!(house.waiting(Some("e")).await, [first[1], second[0], third[0]]);
        assert_eq!(house.waiting(Some("E")).await, other, "endpoints differ by case");
        let item = review::prediction_item(&house.ledger, &person("ann"), first[1]).await.unwrap();
        assert_eq!(item.reasons, ["range:age"]);
        let queues = review::prediction_queues(&house.ledger, &person("ann")).await.unwrap();
        let pending = |name: &str| queues.iter().find(|q| q.endpoint == name).unwrap().pending;
        assert_eq!((pending("e"), pending("E")), (3, 1));
    }

    async fn a_verdict_becomes_the_label_with_its_event_and_edges(ledger: Ledger) {
        let house = House::new(ledger).await;
        let (ledger, ann) = (&house.ledger, person("ann"));
        let ids = house.predict("e", &[&["novelty", "review"], &["review"]]);
        house.collector.collect().await.unwrap();
        // As serving and the registry leave them.
        let made = ledger.write(&ann, |tx| {
            tx.node("endpoint_revision", &Uid::from_u128(7).hex(), json!({}))?;
            tx.node("model_version", &Uid::from_u128(9).hex(), json!({}))?;
            tx.event("test.made", "test:1", json!({}))?;
            Ok::<_, ledger::Error>(())
        });
        made.await.unwrap();
        let taken = review::take_next(ledger, &ann, Some("e".into())).await.unwrap().unwrap();
        assert_eq!((taken.prediction, taken.taken_by.as_deref()), (ids[0], Some("user:ann")));
        let done = review::answer(ledger, &house.log, &ann, ids[0], json!(1), Some("seen it".into())).await.unwrap();
        assert_eq!((done.status, done.verdict, done.taken_by), (ItemStatus::Complete, Some(json!(1)), None));
        let found = house.log.find(&ann, ids[0]).await.unwrap().unwrap();
        let label = found.label.unwrap();
        assert_eq!((label.label, label.recorded_by.as_str()), (json!(1), "user:ann"));
        let skipped = review::skip(ledger, &ann, ids[1], None).await.unwrap();
        assert_eq!((skipped.status, skipped.completed_by.as_deref()), (ItemStatus::Declined, Some("user:ann")));
        assert!(house.log.find(&ann, ids[1]).await.unwrap().unwrap().label.is_none());
        assert_eq!(review::take_next(ledger, &ann, None).await.unwrap(), None);

        let graph = ledger
            .lineage(ann.workspace, "review_verdict", &ids[0].hex(), ledger::Direction::Causes, 1)
            .await
            .unwrap();
        let mut kinds: Vec<&str> = graph.nodes.iter().map(|n| n.kind.as_str()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["endpoint_revision", "model_version", "review_verdict"]);
        let events = ledger::testing::events(ledger).await;
        let told: Vec<&str> =
            events.iter().map(|e| e.kind.as_str()).filter(|k| k.starts_with("review")).collect();
        assert_eq!(
            told,
            ["review_queue.created", "review_queue.items_added", "review.taken", "review.answered", "review.skipped"]
        );
    }

    async fn what_one_person_works_on_is_not_anothers(ledger: Ledger) {
        let house = House::new(ledger).await;
        let (ledger, ann, bob) = (&house.ledger, person("ann"), person("bob"));
        let ids = house.predict("e", &[&["review"], &["review"]]);
        house.collector.collect().await.unwrap();
        let anns = review::take_next(ledger, &ann, None).await.unwrap().unwrap();
        assert_eq!(review::take_next(ledger, &ann, None).await.unwrap().unwrap().prediction, anns.prediction, "still hers");
        let bobs = review::take_next(ledger, &bob, None).await.unwrap().unwrap();
        assert_eq!((anns.prediction, bobs.prediction), (ids[0], ids[1]));
        let hers = review::answer(ledger, &house.log, &bob, ids[0], json!(0), None).await.unwrap_err();
        assert!(matches!(&hers, Error::TakenBy { by, .. } if by == "user:ann"), "{hers}");
        assert_eq!(hers.class(), Class::Conflict);
        assert!(house.log.find(&bob, ids[0]).await.unwrap().unwrap().label.is_none(), "no label by the way");
        review::release(ledger, &ann, ids[0]).await.unwrap();
        review::answer(ledger, &house.log, &bob, ids[0], json!(0), None).await.unwrap();
        // Whoever said it may correct it; others may not.
        assert!(matches!(
            review::answer(ledger, &house.log, &ann, ids[0], json!(1), None).await,
            Err(Error::Judged { .. })
        ));
        review::answer(ledger, &house.log, &bob, ids[0], json!(1), None).await.unwrap();
        assert_eq!(house.log.find(&bob, ids[0]).await.unwrap().unwrap().label.unwrap().label, json!(1));
    }

    async fn anybody_may_send_a_prediction_and_odd_requests_are_told_so(ledger: Ledger) {
        let house = House::new(ledger).await;
        let (ledger, ann) = (&house.ledger, person("ann"));
        let ids = house.predict("e", &[&[]]);
        let sent = review::send(ledger, &house.log, &ann, ids[0], Some("looks odd".into())).await.unwrap();
        assert_eq!((sent.status, sent.reasons.as_slice()), (ItemStatus::Pending, &["looks odd".to_owned()][..]));
        review::send(ledger, &house.log, &ann, ids[0], None).await.unwrap();
        assert_eq!(house.waiting(None).await, ids, "once");
        let nobody = Uid::from_u128(1);
        assert!(matches!(review::send(ledger, &house.log, &ann, nobody, None).await, Err(Error::NoPrediction(_))));
        assert!(matches!(review::take(ledger, &ann, nobody).await, Err(Error::NotWaiting(_))));
        let list = review::answer(ledger, &house.log, &ann, ids[0], json!([1]), None).await.unwrap_err();
        assert_eq!(list.class(), Class::Invalid, "{list}");
        assert_eq!(house.waiting(None).await, ids, "it waits still");
    }
}
