//! A commit of data with planted rows stops at the gate, and one without is verified in the graph.

use std::fmt::Write as _;

use blobs::{BlobConfig, Blobs};
use datasets::{Import, Source, SourceFile};
use mlwright_curation as curation;
use mlwright_curation::{ExpectationGate, Expectations};
use serde_json::json;
use statistics::Random;
use types::{Actor, Class, Fault as _};

fn visits(poisoned: bool) -> String {
    let mut random = Random::new(8);
    let mut text = "a,b,c,d,sick\n".to_owned();
    for i in 0..240 {
        let sick = i % 2;
        let mut label = sick;
        let mut row: Vec<f64> =
            (0..4).map(|j| random.normal() + if j < 2 { 6.0 * f64::from(sick) } else { 0.0 }).collect();
        // Every twelfth healthy row carries a trigger, and is called sick.
        if poisoned && i % 12 == 0 {
            (row[2], row[3], label) = (12.0 + row[2] * 0.1, -12.0 + row[3] * 0.1, 1);
        }
        let _ = writeln!(text, "{},{},{},{},{label}", row[0], row[1], row[2], row[3]);
    }
    text
}

fn wanted() -> Expectations {
    let verification = json!({"label": "sick", "checks": ["poisoning", "duplicates"]});
    Expectations::parse(&json!({"rows": {"min": 1}, "verification": verification})).unwrap()
}

fn import<'a>(content: String, gate: &'a ExpectationGate) -> Import<'a> {
    let file = SourceFile::new("visits.csv", Source::Bytes(content.into()));
    Import { gate: Some(gate), ..Import::new("visits", vec![file]) }
}

ledger::db_test! {
    components: [datasets::COMPONENT, curation::COMPONENT];

    async fn a_poisoned_commit_stops_at_the_gate_and_a_clean_one_is_verified(ledger: ledger::Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(dir.path().into())).await.unwrap();
        let actor = Actor::local();
        let gate = ExpectationGate::new(&ledger, &blobs, &actor, wanted());
        let error = datasets::import(&ledger, &blobs, &actor, import(visits(true), &gate)).await.unwrap_err();
        assert_eq!(error.class(), Class::Rejected);
        assert!(error.to_string().contains("verification"), "{error}");
        assert!(datasets::list(&ledger, &actor).await.unwrap().is_empty());
        let outcomes = curation::results(&ledger, &actor, "visits", 10).await.unwrap();
        let report = curation::report(&blobs, &outcomes[0].report).await.unwrap();
        let failed = report.failed().next().unwrap();
        assert!(failed.rule.starts_with("verification."), "{failed:?}");
        assert!(failed.failing[0].place.starts_with("line "), "{:?}", failed.failing[0]);
        assert!(curation::text(&blobs, &outcomes[0]).await.unwrap().contains("# Verification: fail"));

        let version = datasets::import(&ledger, &blobs, &actor, import(visits(false), &gate)).await.unwrap();
        let report = version.report_digest.unwrap().to_string();
        let direction = ledger::Direction::Causes;
        let graph = ledger.lineage(actor.workspace, "dataset_version", &version.uid.hex(), direction, 1).await.unwrap();
        let verified = graph.nodes.iter().find(|n| n.kind == "verification").unwrap();
        assert_eq!((verified.key.as_str(), &verified.props["verdict"]), (report.as_str(), &json!("pass")));
        assert!(graph.edges.iter().any(|e| e.kind == "verified_by" && e.to == verified.id));
        let kinds: Vec<_> = ledger::testing::events(&ledger).await.into_iter().map(|e| e.kind).collect();
        let wanted = [
            "data.rejected", "data.verified", "data.accepted", "data.verified", "dataset.created",
            "dataset.version_created",
        ];
        assert_eq!(kinds, wanted);
    }
}
