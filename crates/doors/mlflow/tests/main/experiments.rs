//! Experiments: where their files lie, and what their tags may say.

use super::*;

ledger::db_test! {
    components: [repositories::COMPONENT, tracking::COMPONENT, models::COMPONENT];

    async fn files_lie_where_the_experiment_says(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let here = std::env::current_dir().unwrap();
        let here = here.to_str().unwrap();
        let cases = [
            ("my place", Ok(format!("{here}/my place"))),
            ("/data", Ok("/data".into())),
            ("file:rel", Ok(format!("file://{here}/rel"))),
            ("s3://b/x?region=eu", Ok("s3://b/x?region=eu".into())),
            ("mlflow-artifacts:/x", Ok("mlflow-artifacts:/x".into())),
            ("/data#a", Err("'artifact_location' URL can't include fragments or params.")),
            ("/data;a", Err("'artifact_location' URL can't include fragments or params.")),
            ("s3://b/x?a=%252e%252e", Err("Invalid query string")),
            ("ftp://host/x", Err("'artifact_location' cannot use the 'ftp' scheme")),
            ("runs:/a/b", Err("Artifact location cannot be a runs:/ URI. Given: 'runs:/a/b'")),
            (&"a".repeat(2_049), Err("Invalid artifact path length.")),
        ];
        for (at, (given, expected)) in cases.into_iter().enumerate() {
            let body = json!({ "name": format!("e{at}"), "artifact_location": given });
            let answer = client.call("POST", "mlflow/experiments/create", body).await;
            match expected {
                Ok(place) => {
                    let id = answer.1["experiment_id"].as_str().unwrap();
                    let (_, found) = client.call("GET", &format!("mlflow/experiments/get?experiment_id={id}"), Value::Null).await;
                    assert_eq!(found["experiment"]["artifact_location"], json!(place));
                }
                Err(words) => assert!(message(&answer).0 == 400 && message(&answer).2.contains(words), "{given}: {answer:?}"),
            }
        }
        let made = client.post("experiments/create", json!({ "name": "q", "artifact_location": "s3://b/x?region=eu" })).await;
        let run = client.post("runs/create", json!({ "experiment_id": made["experiment_id"] })).await;
        let id = run["run"]["info"]["run_id"].as_str().unwrap();
        assert_eq!(run["run"]["info"]["artifact_uri"], json!(format!("s3://b/x/{id}/artifacts?region=eu")));
    }

    async fn new_experiments_go_below_the_configured_root(ledger: ledger::Ledger) {
        let root = "file:///shared/root";
        tracking::prepare_default_experiment(&ledger, &Actor::local(), Some(root.into())).await.unwrap();
        let client = Client::rooted(ledger, Some(root.into())).await;
        let run = client.post("runs/create", json!({ "experiment_id": "0" })).await;
        assert!(run["run"]["info"]["artifact_uri"].as_str().unwrap().starts_with("file:///shared/root/0/"));
        let made = client.post("experiments/create", json!({ "name": "e" })).await;
        let path = format!("mlflow/experiments/get?experiment_id={}", made["experiment_id"].as_str().unwrap());
        let (_, found) = client.call("GET", &path, Value::Null).await;
        let place = format!("{root}/{}", found["experiment"]["experiment_id"].as_str().unwrap());
        assert_eq!(found["experiment"]["artifact_location"], json!(place));
    }

    async fn some_tags_of_experiments_have_rules(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let set = |key: String, value: &str| {
            let body = json!({ "experiment_id": "0", "key": key, "value": value });
            let client = &client;
            async move { client.call("POST", "mlflow/experiments/set-experiment-tag", body).await }
        };
        for view in 0..50 {
            assert_eq!(set(format!("mlflow.customView.view{view}"), "{}").await.0, StatusCode::OK);
        }
        let answer = set("mlflow.customView.view50".into(), "{}").await;
        assert!(message(&answer).2.contains("the maximum number of custom views per experiment is 50"), "{answer:?}");
        assert_eq!(set("mlflow.customView.view7".into(), "{\"a\":1}").await.0, StatusCode::OK);
        let keep = "mlflow.trace.archivalRetention";
        for (value, good) in [
            (r#"{"type":"duration","value":"30d"}"#, true),
            (r#"{"type":"duration","value":"030d"}"#, false),
            (r#"{"type":"duration","value":"d"}"#, false),
            (r#"{"value":"30d"}"#, false),
            ("30d", false),
        ] {
            assert_eq!(set(keep.into(), value).await.0.is_success(), good, "{value}");
        }
    }

    async fn datasets_have_longest_names_and_may_lack_parts(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let id = client.run().await;
        let log = |dataset: Value| {
            let body = json!({ "run_id": id, "datasets": [{ "tags": [], "dataset": dataset }] });
            let client = &client;
            async move { client.call("POST", "mlflow/runs/log-inputs", body).await }
        };
        assert_eq!(log(json!({ "name": "n", "digest": "d" })).await.0, StatusCode::OK);
        let answer = log(json!({ "name": "n".repeat(501), "digest": "d" })).await;
        assert_eq!(message(&answer), (400, "INVALID_PARAMETER_VALUE", "'name' exceeds the maximum length of 500 characters"));
        let answer = log(json!({ "name": "n", "digest": "d".repeat(37) })).await;
        assert_eq!(message(&answer).2, "'digest' exceeds the maximum length of 36 characters");
    }

    async fn a_logged_dataset_of_a_repository_leads_to_the_commit_that_it_names(ledger: ledger::Ledger) {
        let client = Client::new(ledger.clone()).await;
        let id = client.run().await;
        let new = repositories::NewRepository {
            name: "hospital".into(),
            storage_namespace: "local://hospital".into(),
            default_branch: "main".into(),
            read_only: false,
            metadata: Default::default(),
        };
        client.repositories.create_repository(&Actor::local(), new).await.unwrap();
        let sources = [r#"{"uri": "s3://hospital/main/visits/"}"#, "lakefs://hospital/gone/visits/", "s3://other/main/x"];
        for source in sources {
            let dataset = json!({ "name": source, "digest": "d", "source_type": "s3", "source": source });
            let body = json!({ "run_id": id, "datasets": [{ "tags": [], "dataset": dataset }] });
            let (status, _) = client.call("POST", "mlflow/runs/log-inputs", body).await;
            assert_eq!(status, StatusCode::OK);
        }
        let workspace = Actor::local().workspace;
        let graph = ledger.lineage(workspace, "run", &id, ledger::Direction::Causes, 1).await.unwrap();
        let of_run = graph.edges.iter().filter(|edge| edge.from == graph.nodes[0].id);
        assert_eq!(of_run.map(|edge| edge.kind.as_str()).collect::<Vec<_>>(), ["read", "used"]);
    }
}
