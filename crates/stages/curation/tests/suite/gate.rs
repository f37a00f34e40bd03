use blobs::{BlobConfig, Blobs};
use datasets::{Import, Source, SourceFile};
use mlwright_curation as curation;
use mlwright_curation::{ExpectationGate, Expectations};
use serde_json::json;
use types::{Actor, Class, Fault as _};

const BAD: &str = "id,age,note\na1,40,\"two\nlines\"\na2,430,\"a | b\"\na3,,x\n";
const GOOD: &str = "id,age,note\na1,40,x\n";

fn wanted() -> Expectations {
    Expectations::parse(&json!({
        "rows": {"min": 1},
        "columns": {
            "id": {"type": "string", "unique": true},
            "age": {"type": "float", "not_null": true, "between": [0, 120]},
            "note": {"regex": "[a-z\\n ]*"}
        },
        "unknown_columns": "reject"
    }))
    .unwrap()
}

fn import<'a>(content: &'static str, gate: &'a ExpectationGate) -> Import<'a> {
    let file = SourceFile::new("visits.csv", Source::Bytes(content.into()));
    Import { gate: Some(gate), types: wanted().types(), ..Import::new("visits", vec![file]) }
}

ledger::db_test! {
    components: [datasets::COMPONENT, curation::COMPONENT];

    async fn bad_data_is_refused_with_a_report_and_nothing_becomes_visible(ledger: ledger::Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().into())).await.unwrap();
        let actor = Actor::local();
        let gate = ExpectationGate::new(&ledger, &blobs, &actor, wanted());
        let error = datasets::import(&ledger, &blobs, &actor, import(BAD, &gate)).await.unwrap_err();
        assert_eq!(error.class(), Class::Rejected);
        assert_eq!(
            error.to_string(),
            "the data for `visits` was refused: 3 of 8 expectations failed; age is never missing: it is missing in 1 of 3 rows (first: null in `visits.csv`, line 5)"
        );
        assert!(datasets::list(&ledger, &actor).await.unwrap().is_empty());

        let outcomes = curation::results(&ledger, &actor, "visits", 10).await.unwrap();
        let [outcome] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!((outcome.passed, outcome.checks, outcome.failed, outcome.rows), (false, 8, 3, 3));
        let report = curation::report(&blobs, &outcome.report).await.unwrap();
        let between = report.checks.iter().find(|c| c.rule == "between").unwrap();
        assert_eq!(between.failing[0].place, "line 4");
        assert_eq!(between.failing[0].value, json!(430.0));
        let text = curation::text(&blobs, outcome).await.unwrap();
        assert_eq!(text, include_str!("refused.md").replace("{digest}", &types::Digest::of(BAD).short()));

        let events = ledger::testing::events(&ledger).await;
        let [event] = &events[..] else { panic!("{events:?}") };
        assert_eq!((event.kind.as_str(), event.subject.as_str()), ("data.rejected", "dataset:visits"));
        assert!(!event.payload.to_string().contains("430"), "an event holds no values: {}", event.payload);
    }

    async fn good_data_is_accepted_and_the_version_names_its_report(ledger: ledger::Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().into())).await.unwrap();
        let actor = Actor::local();
        let gate = ExpectationGate::new(&ledger, &blobs, &actor, wanted());
        let version = datasets::import(&ledger, &blobs, &actor, import(GOOD, &gate)).await.unwrap();
        let outcome = curation::result(&ledger, &actor, "visits", version.digest).await.unwrap().unwrap();
        assert_eq!(Some(outcome.report), version.report_digest);
        assert!(outcome.passed);
        assert_eq!(outcome.summary, "all 8 expectations hold for 1 rows");
        let kinds: Vec<_> = ledger::testing::events(&ledger).await.into_iter().map(|e| e.kind).collect();
        assert_eq!(kinds, ["data.accepted", "dataset.created", "dataset.version_created"]);
        assert!(curation::result(&ledger, &actor, "other", version.digest).await.unwrap().is_none());
    }

    async fn expectations_that_cannot_be_judged_refuse(ledger: ledger::Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().into())).await.unwrap();
        let actor = Actor::local();
        let mut broken = wanted();
        broken.columns.get_mut("note").unwrap().regex = Some("(".into());
        let gate = ExpectationGate::new(&ledger, &blobs, &actor, broken);
        let error = datasets::import(&ledger, &blobs, &actor, import(GOOD, &gate)).await.unwrap_err();
        assert!(matches!(error, datasets::Error::Gate { .. }), "{error}");
        assert!(error.to_string().starts_with("the gate of `visits` could not judge the data: expectation `regex`"));
        assert!(datasets::list(&ledger, &actor).await.unwrap().is_empty());
    }
}
