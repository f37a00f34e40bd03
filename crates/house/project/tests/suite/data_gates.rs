//! Gates that repositories declare in their data, with real stages.

use std::sync::Arc;

use blobs::{BlobConfig, Blobs};
use bytes::Bytes;
use futures::StreamExt as _;
use ledger::Ledger;
use mlwright_project as project;
use repositories::{
    Commit, Condition, Error, MergeOptions, Metadata, NewCommit, NewRepository, Object, Options, Paging,
    Repositories,
};
use types::Actor;

const GATE: &str = "_mlwright/gates/visits.yaml";
const RULES: &str = "name: clean visits\nbranches: [main]\nfiles: \"visits/*.csv\"\nexpectations:\n  columns:\n    \
    age: {type: integer, not_null: true, between: [0, 120]}\n";

struct House {
    stage: Repositories,
    blobs: Blobs,
    _home: tempfile::TempDir,
}

fn me() -> Actor {
    Actor::local()
}

async fn house(ledger: &Ledger) -> House {
    let home = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&BlobConfig::Local(home.path().into())).await.unwrap();
    let stage = Repositories::open(ledger.clone(), blobs.clone(), Options::default());
    stage.add_gate(Arc::new(project::DataGate::new(&stage, ledger, &blobs)));
    let new = NewRepository {
        name: "hospital".to_owned(),
        storage_namespace: "local://hospital".to_owned(),
        default_branch: "main".to_owned(),
        read_only: false,
        metadata: Metadata::new(),
    };
    stage.create_repository(&me(), new).await.unwrap();
    House { stage, blobs, _home: home }
}

impl House {
    async fn put(&self, branch: &str, path: &str, content: &str) {
        let chunk = Bytes::copy_from_slice(content.as_bytes());
        let received = self.stage.receive(futures::stream::iter([Ok(chunk)]).boxed(), &[]).await.unwrap();
        let object = Object {
            etag: received.etag(),
            physical: received.physical,
            size: received.size,
            modified_at: self.stage.ledger().clock().now(),
            content_type: None,
            metadata: Metadata::new(),
            checksums: Metadata::new(),
            headers: Metadata::new(),
        };
        self.stage.stage(&me(), "hospital", branch, path, object, Condition::default()).await.unwrap();
    }

    async fn commit(&self, branch: &str) -> Result<Commit, Error> {
        let new = NewCommit { message: "x".to_owned(), ..NewCommit::default() };
        self.stage.commit(&me(), "hospital", branch, new).await
    }

    /// Summary and report of a refusal.
    async fn refused(&self, made: Result<Commit, Error>) -> (String, String) {
        let Err(Error::Refused { summary, run }) = made else { panic!("it was not refused: {made:?}") };
        let paging = Paging { limit: 10, ..Paging::default() };
        let hooks = self.stage.hook_runs(&me(), "hospital", &run, paging).await.unwrap().items;
        let report = self.stage.hook_output(&me(), "hospital", &run, &hooks[0].id).await.unwrap();
        (summary, report)
    }
}

ledger::db_test! {
    components: [repositories::COMPONENT, datasets::COMPONENT, pipelines::COMPONENT];

    async fn bad_rows_are_refused_with_file_and_line_where_a_gate_stands(ledger: Ledger) {
        let house = house(&ledger).await;
        house.put("main", GATE, RULES).await;
        house.put("main", "visits/1.csv", "id,age\n1,30\n2,40\n").await;
        house.commit("main").await.unwrap();
        house.stage.create_branch(&me(), "hospital", "dev", "main", false, false).await.unwrap();
        let bad = "id,age\n3,50\n4,300\n";
        house.put("main", "visits/2.csv", bad).await;
        let (summary, report) = house.refused(house.commit("main").await).await;
        for said in [&summary, &report] {
            assert!(said.contains("visits/2.csv") && said.contains("line 3") && said.contains("300"), "{said}");
        }
        assert!(report.contains("clean visits") && !report.contains("visits/1.csv"), "{report}");
        // No gate stands on that branch, but on the way to main.
        house.put("dev", "visits/2.csv", bad).await;
        house.commit("dev").await.unwrap();
        house.stage.reset(&me(), "hospital", "main", repositories::Reset::Everything).await.unwrap();
        let merged = house.stage.merge(&me(), "hospital", "dev", "main", MergeOptions::default()).await;
        assert!(house.refused(merged).await.0.contains("line 3"));
        let picked =
            house.stage.cherry_pick(&me(), "hospital", "main", "dev", None, NewCommit::default()).await;
        assert!(house.refused(picked).await.0.contains("line 3"));
        house.put("dev", "visits/2.csv", "id,age\n3,50\n4,30\n").await;
        house.commit("dev").await.unwrap();
        house.stage.merge(&me(), "hospital", "dev", "main", MergeOptions::default()).await.unwrap();
    }

    async fn a_gate_that_is_new_looks_at_every_file_and_one_that_is_removed_still_holds(ledger: Ledger) {
        let house = house(&ledger).await;
        house.put("main", "visits/1.csv", "id,age\n1,-1\n").await;
        house.commit("main").await.unwrap();
        house.put("main", GATE, RULES).await;
        assert!(house.refused(house.commit("main").await).await.0.contains("visits/1.csv"));
        house.put("main", "visits/1.csv", "id,age\n1,1\n").await;
        house.commit("main").await.unwrap();
        house.stage.delete(&me(), "hospital", "main", GATE, Condition::default()).await.unwrap();
        house.put("main", "visits/1.csv", "id,age\n1,-1\n").await;
        house.refused(house.commit("main").await).await;
        house.put("main", "visits/1.csv", "id,age\n1,1\n").await;
        house.commit("main").await.unwrap();
        house.put("main", "visits/1.csv", "id,age\n1,-1\n").await;
        house.commit("main").await.unwrap();
    }

    async fn what_cannot_be_checked_is_refused(ledger: Ledger) {
        let house = house(&ledger).await;
        house.put("main", GATE, "name: x\nfiles: a.csv\nexpectation: {}\n").await;
        let (summary, report) = house.refused(house.commit("main").await).await;
        assert!(summary.contains("_mlwright/gates/visits.yaml:3:1"), "{summary}");
        assert!(report.contains("did you mean `expectations`?"), "{report}");
        house.put("main", GATE, RULES).await;
        house.put("main", "visits/1.csv", "id,age\n1,old\n").await;
        let (summary, _) = house.refused(house.commit("main").await).await;
        assert!(summary.contains("line 2") && summary.contains("`old` is not an integer"), "{summary}");
        house.put("main", "visits/1.csv", "id,age\n1,1\n").await;
        house.put("main", "_mlwright/gates/run.yaml", "name: deep\npipeline: check\n").await;
        let (summary, _) = house.refused(house.commit("main").await).await;
        assert!(summary.contains("gate `deep`") && summary.contains("check"), "{summary}");
    }

    async fn a_pipeline_that_does_not_succeed_in_time_refuses(ledger: Ledger) {
        let house = house(&ledger).await;
        let spec = |params: serde_json::Value| {
            serde_json::from_value::<pipelines::PipelineSpec>(serde_json::json!({
                "name": "check", "params": params, "steps": [{ "name": "look", "run": "true" }],
            }))
            .unwrap()
        };
        house.put("main", "_mlwright/gates/run.yaml", "name: deep\npipeline: check\ntimeout: 1s\n").await;
        pipelines::define(&ledger, &me(), spec(serde_json::json!({}))).await.unwrap();
        let (summary, _) = house.refused(house.commit("main").await).await;
        assert!(summary.contains("no parameter `candidate`"), "{summary}");
        pipelines::define(&ledger, &me(), spec(serde_json::json!({ "candidate": "main" }))).await.unwrap();
        let (summary, _) = house.refused(house.commit("main").await).await;
        assert!(summary.contains("has never run"), "{summary}");
        let digest = house.blobs.put_bytes("code").await.unwrap();
        let first = pipelines::Submit {
            pipeline: "check".to_owned(),
            params: Default::default(),
            dataset_version: None,
            code: pipelines::CodeSnapshot { digest, git_commit: None, git_diff_digest: None },
            trigger: serde_json::Value::Null,
            use_cache: false,
            executor: None,
        };
        pipelines::submit(&ledger, &house.blobs, &me(), first).await.unwrap();
        let (summary, report) = house.refused(house.commit("main").await).await;
        assert!(summary.contains("did not end within 1s"), "{summary}");
        let run = pipelines::list_runs(&ledger, &me(), Some("check".to_owned()), 1).await.unwrap().remove(0);
        assert!(report.contains(&run.uid.hex()) && run.state == pipelines::RunState::Cancelled);
        assert!(run.params["candidate"].as_str().unwrap().starts_with("candidate:"));
        assert_eq!(run.trigger["gate"], "deep");
    }
}
