//! The model registry: whose files a version may claim, and clients that race.

use futures::future::join_all;

use super::*;

async fn create(client: &Client, body: Value) -> (StatusCode, Value) {
    client.call("POST", "mlflow/model-versions/create", body).await
}

ledger::db_test! {
    components: [tracking::COMPONENT, models::COMPONENT];

    async fn a_version_claims_files_of_its_run_or_model_only(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        client.post("registered-models/create", json!({ "name": "m" })).await;
        client.post("registered-models/create", json!({ "name": "p", "tags": [{ "key": "mlflow.prompt.is_prompt", "value": "true" }] })).await;
        let (run, other) = (client.run().await, client.run().await);
        let model = client.post("logged-models", json!({ "experiment_id": "0", "source_run_id": run })).await;
        let model = model["model"]["info"]["model_id"].as_str().unwrap().to_owned();
        let own = format!("mlflow-artifacts:/0/{run}/artifacts/model");
        let outside = "request parameter must identify the resource that contains the source";
        let climbs = "an absolute path must be provided without relative path references present";
        let local = "the local path has to be contained within the artifact directory";
        let cases = [
            (json!({ "source": own, "run_id": run }), 200, ""),
            (json!({ "source": format!("runs:/{run}/model"), "run_id": run }), 200, ""),
            (json!({ "source": format!("models:/{model}"), "model_id": model }), 200, ""),
            (json!({ "source": format!("mlflow-artifacts:/0/models/{model}/artifacts"), "model_id": model }), 200, ""),
            (json!({ "source": "models:/m/1" }), 200, ""),
            (json!({ "source": "models:/m/latest" }), 200, ""),
            (json!({ "source": "s3://bucket/model" }), 200, ""),
            (json!({ "source": own }), 400, outside),
            (json!({ "source": own, "run_id": other }), 400, outside),
            (json!({ "source": format!("runs:/{run}/model") }), 400, outside),
            (json!({ "source": format!("models:/{model}") }), 400, outside),
            (json!({ "source": format!("{own}/../.."), "run_id": run }), 400, climbs),
            (json!({ "source": format!("{own}/..%252f"), "run_id": run }), 400, climbs),
            (json!({ "source": "s3://bucket/a/./b" }), 400, climbs),
            (json!({ "source": "s3://bucket" }), 400, climbs),
            (json!({ "source": "http://host/model" }), 400, "'source' cannot use the 'http' scheme"),
            (json!({ "source": "mlflow-artifacts://host:9/0", "run_id": run }), 400, "'source' cannot use the 'mlflow-artifacts' scheme"),
            (json!({ "source": "/etc/passwd", "run_id": run }), 400, local),
            (json!({ "source": "file:///etc/passwd" }), 400, local),
            (json!({ "source": "file://host/share", "run_id": run }), 500, "is not a valid remote uri"),
            (json!({ "source": "models:/p/1" }), 400, "Prompt versions cannot be used"),
            (json!({ "source": "models:/m/1", "run_id": other }), 400, "must match the referenced model version"),
            (json!({ "source": "models:/m/Nowhere" }), 400, "Invalid Model Version stage: Nowhere"),
            (json!({ "source": own, "model_id": "m-gone" }), 404, "Logged model with ID 'm-gone' not found."),
        ];
        for (mut body, status, words) in cases {
            body["name"] = json!("m");
            let answer = create(&client, body.clone()).await;
            let (found, _, text) = message(&answer);
            assert!(found == status && text.contains(words), "{body}: {found} {text}");
        }
    }

    async fn a_local_folder_is_a_source_only_within_the_local_folder_of_its_run(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        client.post("registered-models/create", json!({ "name": "m" })).await;
        let made = client.post("experiments/create", json!({ "name": "e", "artifact_location": "file:///data/e" })).await;
        let run = client.post("runs/create", json!({ "experiment_id": made["experiment_id"] })).await;
        let (id, uri) = (&run["run"]["info"]["run_id"], run["run"]["info"]["artifact_uri"].as_str().unwrap());
        assert_eq!(uri, format!("file:///data/e/{}/artifacts", id.as_str().unwrap()));
        for (source, status) in [
            (uri.to_owned(), 200),
            (format!("{uri}/model/.."), 200),
            (uri["file://".len()..].to_owned(), 200),
            (format!("{uri}/.."), 400),
            (format!("{uri}x"), 400),
            ("/data/e".into(), 400),
        ] {
            let answer = create(&client, json!({ "name": "m", "source": source, "run_id": id })).await;
            assert_eq!(answer.0.as_u16(), status, "{source}: {}", answer.1);
        }
    }

    async fn clients_that_register_at_once_get_numbers_of_their_own(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        client.post("registered-models/create", json!({ "name": "m" })).await;
        let body = || json!({ "name": "m", "source": "s3://b/x" });
        let answers = join_all((0..16).map(|_| create(&client, body()))).await;
        let mut numbers: Vec<u32> = answers
            .iter()
            .map(|(status, answer)| {
                assert_eq!(*status, StatusCode::OK, "{answer}");
                answer["model_version"]["version"].as_str().unwrap().parse().unwrap()
            })
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
        // A name goes to one of those that ask for it at once.
        let make = || client.call("POST", "mlflow/registered-models/create", json!({ "name": "n" }));
        let answers = join_all((0..8).map(|_| make())).await;
        assert_eq!(answers.iter().filter(|(status, _)| *status == StatusCode::OK).count(), 1);
        assert!(answers.iter().all(|a| a.0 == StatusCode::OK || message(a).1 == "RESOURCE_ALREADY_EXISTS"));
    }

    async fn an_alias_that_many_move_at_once_names_one_version(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        client.post("registered-models/create", json!({ "name": "m" })).await;
        for _ in 0..4 {
            create(&client, json!({ "name": "m", "source": "s3://b/x" })).await;
        }
        let moves = (0..24).map(|i| {
            let body = json!({ "name": "m", "alias": "champion", "version": (i % 4 + 1).to_string() });
            let client = &client;
            async move {
                let answer = client.call("POST", "mlflow/registered-models/alias", body).await;
                assert_eq!(answer.0, StatusCode::OK, "{}", answer.1);
                // Whoever reads in between sees the alias on exactly one version.
                let (_, seen) = client.call("GET", "mlflow/model-versions/search", Value::Null).await;
                let holders = seen["model_versions"].as_array().unwrap().iter().filter(|v| v.get("aliases").is_some());
                assert_eq!(holders.count(), 1, "{seen}");
            }
        });
        join_all(moves).await;
        let (_, model) = client.call("GET", "mlflow/registered-models/get?name=m", Value::Null).await;
        assert_eq!(model["registered_model"]["aliases"].as_array().unwrap().len(), 1);
        let (_, found) = client.call("GET", "mlflow/registered-models/alias?name=m&alias=champion", Value::Null).await;
        assert_eq!(found["model_version"]["version"], model["registered_model"]["aliases"][0]["version"]);
    }
}
