// Under the names that the rest of the house knows them by.
extern crate mlwright_review as review;

use std::fmt::Write as _;

use blobs::{BlobConfig, Blobs};
use datasets::{Import, Source, SourceFile, Version};
use ledger::{Component, Ledger};
use review::{Error, ItemStatus, LabelItem, LabelPlan, LabelQuery, LabelVerdict};
use types::{Actor, ActorKind, Class, Fault as _};

const COMPONENTS: [Component; 4] =
    [datasets::COMPONENT, tracking::COMPONENT, ::predictions::COMPONENT, review::COMPONENT];
/// Rows, from 1 over both files, whose label is the other one.
const FLIPPED: [i64; 11] = [5, 42, 79, 116, 153, 190, 227, 264, 301, 338, 375];

struct House {
    ledger: Ledger,
    blobs: Blobs,
    version: Version,
    _dir: tempfile::TempDir,
}

fn person(name: &str) -> Actor {
    Actor { kind: ActorKind::User, name: name.into(), ..Actor::system("x") }
}

fn right(row: i64) -> i64 {
    row % 2
}

fn given(row: i64) -> i64 {
    if FLIPPED.contains(&row) { 1 - right(row) } else { right(row) }
}

impl House {
    /// Two files of 200 rows, two heaps far apart.
    async fn new(ledger: Ledger) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().join("blobs"))).await.unwrap();
        let file = |from: i64| {
            let mut text = String::from("x,y,sick\n");
            for row in from..from + 200 {
                let x = right(row) as f64 * 50.0 + (row * 13 % 40) as f64 / 4.0;
                let y = (row * 7 % 30) as f64 / 10.0;
                writeln!(text, "{x:.3},{y:.3},{}", given(row)).unwrap();
            }
            SourceFile::new(format!("from{from}.csv"), Source::Bytes(text.into()))
        };
        let import = Import::new("visits", vec![file(1), file(201)]);
        let version = datasets::import(&ledger, &blobs, &person("ann"), import).await.unwrap();
        Self { ledger, blobs, version, _dir: dir }
    }

    async fn find(&self) -> Result<review::LabelReview, Error> {
        let plan = LabelPlan { label: "sick".into(), ..LabelPlan::default() };
        review::find_label_errors(&self.ledger, &self.blobs, &person("ann"), &self.version, plan).await
    }

    async fn items(&self, status: Option<ItemStatus>) -> Vec<LabelItem> {
        let query = LabelQuery { version: self.version.uid, status, limit: 100, offset: 0 };
        review::label_items(&self.ledger, &person("ann"), query).await.unwrap().items
    }

    async fn judge(&self, by: &str, row: i64, verdict: LabelVerdict) -> Result<LabelItem, Error> {
        review::judge_label(&self.ledger, &person(by), &self.version, row, verdict, None).await
    }
}

ledger::db_test! {
    components: COMPONENTS;

    async fn wrong_labels_wait_and_become_a_version_once_corrected(ledger: Ledger) {
        let house = House::new(ledger).await;
        let found = house.find().await.unwrap();
        assert_eq!((found.pending, found.column.as_str()), (11, "sick"));
        let mut waiting = house.items(Some(ItemStatus::Pending)).await;
        waiting.sort_by_key(|item| item.row);
        assert_eq!(waiting.iter().map(|item| item.row).collect::<Vec<_>>(), FLIPPED);
        let first = &waiting[0];
        assert_eq!((first.given.as_str(), first.likely.as_str()), ("0", "1"));
        assert_eq!((&first.values["sick"], first.values.get("_row_id")), (&serde_json::json!(0), None));

        let none = review::correct_labels(&house.ledger, &house.blobs, &person("ann"), &house.version, None).await;
        assert_eq!(none.unwrap_err().class(), Class::Conflict);
        house.judge("ann", 5, LabelVerdict::Correct("1".into())).await.unwrap();
        house.judge("ann", 42, LabelVerdict::Keep).await.unwrap();
        house.judge("ann", 338, LabelVerdict::Skip).await.unwrap();
        let made =
            review::correct_labels(&house.ledger, &house.blobs, &person("ann"), &house.version, None).await.unwrap();
        assert_eq!((made.number, made.rows, &made.schema), (2, 400, &house.version.schema));
        let names: Vec<&str> = made.parts.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["from1.parquet", "from201.csv"], "the file without a correction is the same");
        assert_eq!(made.parts[1].source_digest, house.version.parts[1].source_digest);
        let table = datasets::table(&house.blobs, &made).await.unwrap();
        let labels = table.numbers("sick").unwrap();
        let wanted = |row: i64| if row == 5 { 1 } else { given(row) } as f64;
        assert!((1..=400).all(|row| labels[row as usize - 1] == Some(wanted(row))));

        let graph = house
            .ledger
            .lineage(types::WorkspaceId::DEFAULT, "dataset_version", &made.uid.hex(), ledger::Direction::Causes, 1)
            .await
            .unwrap();
        assert!(graph.nodes.iter().any(|n| n.key == house.version.uid.hex()), "it was made of the other");
        let events = ledger::testing::events(&house.ledger).await;
        let told: Vec<&str> =
            events.iter().map(|e| e.kind.as_str()).filter(|k| k.starts_with("review")).collect();
        let judged = "review.label_judged";
        assert_eq!(told, ["review.labels_found", judged, judged, judged, "review.labels_corrected"]);
    }

    async fn looking_again_keeps_what_was_judged(ledger: Ledger) {
        let house = House::new(ledger).await;
        house.find().await.unwrap();
        house.judge("ann", 5, LabelVerdict::Keep).await.unwrap();
        let again = house.find().await.unwrap();
        assert_eq!((again.pending, again.complete, again.corrected), (10, 1, 0));
        let reviews = review::label_reviews(&house.ledger, &person("ann")).await.unwrap();
        assert_eq!(reviews, [again]);
    }

    async fn a_verdict_is_its_givers_and_fits_the_column(ledger: Ledger) {
        let house = House::new(ledger).await;
        house.find().await.unwrap();
        let bad = house.judge("ann", 5, LabelVerdict::Correct("ill".into())).await.unwrap_err();
        assert!(matches!(&bad, Error::BadLabel { label, .. } if label == "ill"), "{bad}");
        assert!(matches!(house.judge("ann", 6, LabelVerdict::Keep).await, Err(Error::LabelNotWaiting(6))));
        house.judge("ann", 5, LabelVerdict::Correct(" 1 ".into())).await.unwrap();
        let others = house.judge("bob", 5, LabelVerdict::Keep).await.unwrap_err();
        assert!(matches!(&others, Error::LabelJudged { by, .. } if by == "user:ann"), "{others}");
        let open = house.judge("ann", 5, LabelVerdict::Reopen).await.unwrap();
        assert_eq!((open.status, open.verdict), (ItemStatus::Pending, None));
        let kept = house.judge("bob", 5, LabelVerdict::Keep).await.unwrap();
        assert_eq!((kept.correction(), kept.verdict.as_deref()), (None, Some("0")));
    }

    async fn a_version_without_that_column_is_told_so(ledger: Ledger) {
        let house = House::new(ledger).await;
        let plan = LabelPlan { label: "ill".into(), ..LabelPlan::default() };
        let found =
            review::find_label_errors(&house.ledger, &house.blobs, &person("ann"), &house.version, plan).await;
        assert_eq!(found.unwrap_err().class(), Class::Invalid);
    }
}
