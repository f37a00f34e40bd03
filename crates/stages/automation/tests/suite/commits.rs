//! Data that were committed start a retraining, and are what it takes.

use automation::{CommitRule, Policy, Recipe, State, Trigger, Triggers};
use mlwright_automation as automation;
use serde_json::json;
use types::{Class, Fault as _};

use crate::house::{COMPONENTS, House, pipeline};

fn rule(prefix: &str, settle: i64) -> CommitRule {
    CommitRule { repository: "clinic".into(), branch: "main".into(), prefix: prefix.into(), settle }
}

async fn policy(house: &House, rule: CommitRule, label: Option<&str>, cooldown: Option<i64>) {
    let recipe = Recipe { label: label.map(str::to_owned), ..house.recipe(0.5) };
    let triggers = Triggers { data_commit: Some(rule), ..Default::default() };
    let policy = Policy {
        name: "again".into(),
        on: String::new(),
        triggers,
        labels: None,
        cooldown,
        budget: None,
        recipe,
    };
    automation::define(&house.ledger, &house.actor, policy).await.unwrap();
}

/// So many rows of the data set, as a CSV file.
fn rows(from: usize, count: usize) -> Vec<u8> {
    let text = types::io::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../conformance/vectors/evaluation/cancer.csv"
    ));
    let text = String::from_utf8(text.unwrap()).unwrap();
    let mut lines = text.lines();
    let head = lines.next().unwrap();
    let body: Vec<&str> = lines.skip(from).take(count).collect();
    format!("{head}\n{}\n", body.join("\n")).into_bytes()
}

ledger::db_test! {
    components: COMPONENTS;

    async fn the_files_of_a_commit_become_the_data_of_the_training(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let automation = house.automation();
        house.create_repository("clinic").await;
        policy(&house, rule("visits/", 0), Some("benign"), None).await;
        let ids = house.predict(20).await;
        house.label(&ids[..7]).await;
        house.commit("clinic", "main", "visits/README.md", b"about".to_vec()).await;
        house.commit("clinic", "main", "visits/1.csv", rows(0, 60)).await;
        let commit = house.commit("clinic", "main", "visits/2.csv", rows(60, 40)).await;
        assert!(automation.turn().await.unwrap());
        let found = house.retrainings().await;
        assert_eq!(found.len(), 1, "{found:?}");
        let Trigger::DataCommit { repository, commit: pinned, commits, .. } = &found[0].trigger else {
            unreachable!("{found:?}")
        };
        assert_eq!((repository.as_str(), pinned, *commits), ("clinic", &commit, 3));

        // What is committed later is not in it.
        house.commit("clinic", "main", "visits/3.csv", rows(100, 50)).await;
        let uid = found[0].uid;
        let found = house.until(uid, State::Training).await;
        let version = datasets::get(&house.ledger, &house.actor, found.dataset_version.unwrap()).await.unwrap();
        assert_eq!((version.number, version.rows), (2, 60 + 40 + 7));
        let names: Vec<_> = version.parts.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["visits/1.csv", "visits/2.csv", "predictions-cancer.parquet"]);
        let said = format!("cancer version 2: 2 files of clinic@{}, 7 labelled predictions added", &commit[..12]);
        let details: Vec<_> = found.history.iter().filter_map(|s| s.detail.clone()).collect();
        assert!(details.contains(&said), "{details:?}");

        for (kind, key) in [("retraining", uid.hex()), ("dataset_version", version.uid.hex())] {
            let graph = house
                .ledger
                .lineage(house.actor.workspace, kind, &key, ledger::Direction::Causes, 1)
                .await
                .unwrap();
            assert!(graph.nodes.iter().any(|n| n.kind == "commit" && n.key == commit), "{kind}: {graph:?}");
        }
        house.until(uid, State::Failed).await;
        assert!(automation.turn().await.unwrap());
        let found = house.retrainings().await;
        assert_eq!(found.len(), 2, "the later commit is answered next");
        house.until(found[0].uid, State::Failed).await;
    }

    async fn commits_are_answered_once_they_have_settled(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let automation = house.automation();
        house.create_repository("clinic").await;
        house.create_repository("other").await;
        policy(&house, rule("visits/", 3600), None, None).await;
        house.repositories.create_branch(&house.actor, "clinic", "work", "main", false, false).await.unwrap();
        for (repository, branch, path) in
            [("other", "main", "visits/1.csv"), ("clinic", "work", "visits/1.csv"), ("clinic", "main", "notes/1.csv")]
        {
            house.commit(repository, branch, path, rows(0, 30)).await;
        }
        assert!(automation.turn().await.unwrap());
        let view = async || mlwright_automation::policies(&house.ledger, &house.actor).await.unwrap().remove(0);
        assert_eq!(view().await.pending, None, "another repository, branch or prefix is not meant");
        house.commit("clinic", "main", "visits/1.csv", rows(0, 30)).await;
        assert!(automation.turn().await.unwrap());
        let newest = house.commit("clinic", "main", "visits/2.csv", rows(30, 30)).await;
        assert!(automation.turn().await.unwrap());
        let pending = view().await.pending.unwrap();
        assert_eq!((&pending.commit, pending.commits), (&newest, 2));
        assert!(pending.due > house.ledger.clock().now());
        assert!(house.retrainings().await.is_empty());

        policy(&house, rule("visits/", 0), None, None).await;
        assert!(automation.turn().await.unwrap());
        let found = house.retrainings().await;
        assert_eq!(found.len(), 1);
        assert!(matches!(&found[0].trigger, Trigger::DataCommit { commit, commits: 2, .. } if *commit == newest));
        assert_eq!(view().await.pending, None);
        house.until(found[0].uid, State::Failed).await;
        assert!(automation.turn().await.unwrap());
        assert_eq!(house.retrainings().await.len(), 1, "the same commits start nothing again");
    }

    async fn what_stands_against_it_delays_it_and_the_newest_commit_counts_then(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let automation = house.automation();
        house.create_repository("clinic").await;
        policy(&house, rule("", 0), None, Some(3600)).await;
        house.commit("clinic", "main", "1.csv", rows(0, 30)).await;
        assert!(automation.turn().await.unwrap());
        let first = house.retrainings().await.remove(0);
        house.until(first.uid, State::Failed).await;
        house.commit("clinic", "main", "2.csv", rows(30, 30)).await;
        let newest = house.commit("clinic", "main", "3.csv", rows(60, 30)).await;
        assert!(automation.turn().await.unwrap());
        assert_eq!(house.retrainings().await.len(), 1, "the cool-down lasts, and nothing is lost by it");
        policy(&house, rule("", 0), None, None).await;
        assert!(automation.turn().await.unwrap());
        let second = house.retrainings().await.remove(0);
        assert!(matches!(&second.trigger, Trigger::DataCommit { commit, commits: 2, .. } if *commit == newest));
        house.until(second.uid, State::Failed).await;
    }

    async fn a_pipeline_with_the_parameter_commit_reads_it_itself(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let automation = house.automation();
        house.create_repository("clinic").await;
        let mut spec = pipeline("exit 3", &house.dir.path().join("go"));
        spec["params"]["commit"] = json!("main");
        spec["params"]["repository"] = json!("");
        pipelines::define(&house.ledger, &house.actor, serde_json::from_value(spec).unwrap()).await.unwrap();
        policy(&house, rule("", 0), None, None).await;
        let commit = house.commit("clinic", "main", "1.csv", rows(0, 30)).await;
        assert!(automation.turn().await.unwrap());
        let uid = house.retrainings().await.remove(0).uid;
        let ended = house.until(uid, State::Failed).await;
        assert_eq!(ended.dataset_version, Some(house.base.uid), "the data set stays as it is");
        let run = pipelines::get_run(&house.ledger, &house.actor, ended.pipeline_run.unwrap()).await.unwrap();
        assert_eq!((&run.params["commit"], &run.params["repository"]), (&json!(commit), &json!("clinic")));
    }

    async fn committed_data_that_its_expectations_refuse_trains_nothing(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let automation = house.automation();
        house.create_repository("clinic").await;
        let asked = json!({ "columns": { "mean radius": { "between": [1, 100] } } });
        let recipe = Recipe {
            expectations: Some(curation::Expectations::parse(&asked).unwrap()),
            label: None,
            ..house.recipe(0.5)
        };
        let triggers = Triggers { data_commit: Some(rule("", 0)), ..Default::default() };
        let policy =
            Policy { name: "again".into(), on: String::new(), triggers, labels: None, cooldown: None, budget: None, recipe };
        mlwright_automation::define(&house.ledger, &house.actor, policy).await.unwrap();
        let poisoned = String::from_utf8(rows(0, 1)).unwrap().replacen("17.98", "917.98", 1);
        house.commit("clinic", "main", "1.csv", poisoned.into_bytes()).await;
        assert!(automation.turn().await.unwrap());
        let uid = house.retrainings().await.remove(0).uid;
        let ended = house.until(uid, State::Refused).await;
        assert_eq!(ended.state, State::Refused);
        let reason = ended.reason.unwrap();
        assert!(reason.starts_with("the new data was refused: "), "{reason}");
        assert_eq!(ended.pipeline_run, None);

        // A commit without rows says so.
        policy_of_empty(&house, &automation).await;
    }

    async fn a_pipeline_that_the_data_cannot_get_into_is_refused(ledger: ledger::Ledger) {
        let house = House::new(ledger, true).await;
        let triggers = Triggers { data_commit: Some(rule("", 0)), ..Default::default() };
        let recipe = Recipe { dataset: None, label: None, ..house.recipe(0.5) };
        let policy =
            Policy { name: "again".into(), on: String::new(), triggers, labels: None, cooldown: None, budget: None, recipe };
        let error = mlwright_automation::define(&house.ledger, &house.actor, policy).await.unwrap_err();
        assert_eq!(error.class(), Class::Invalid);
        assert!(error.to_string().ends_with("has neither a dataset nor the parameter `commit`"), "{error}");
    }
}

async fn policy_of_empty(house: &House, automation: &automation::Automation) {
    policy(house, rule("empty/", 0), None, None).await;
    house.commit("clinic", "main", "empty/README.md", b"about".to_vec()).await;
    assert!(automation.turn().await.unwrap());
    let uid = house.retrainings().await.remove(0).uid;
    let ended = house.until(uid, State::Failed).await;
    assert!(ended.reason.unwrap().contains("has no .csv, .parquet or .jsonl file"));
}
