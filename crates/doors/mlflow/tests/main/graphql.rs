//! `/graphql` on the wire, as upstream's page and tests use it.

use serde_json::{Value, json};

use crate::Client;

impl Client {
    async fn graphql(&self, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables, "operationName": null }).to_string();
        let (status, answer) = self.raw("POST", "/graphql", Some("application/json"), body).await;
        assert_eq!(status, 200, "{query}");
        serde_json::from_slice(&answer).unwrap()
    }
}

ledger::db_test! {
    components: [tracking::COMPONENT, models::COMPONENT];

    async fn a_run_answers_with_its_experiment_and_what_it_left_unset(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let id = client.run().await;
        let metrics = json!([{ "key": "nan", "value": "NaN", "timestamp": 1, "step": 9007199254740993_i64 }]);
        client.post("runs/log-batch", json!({ "run_id": id, "metrics": metrics })).await;
        let query = "query GetRun($data: MlflowGetRunInput!) @component(name: \"MLflow.ExperimentRunTracking\") {
            mlflowGetRun(input: $data) { apiError { code } run {
                info { runUuid status endTime startTime userId } experiment { name workspace __typename }
                modelVersions { name } data { metrics { key value step timestamp } }
                inputs { datasetInputs { dataset { name } } } outputs { modelOutputs { step } }
        } } }";
        let answer = client.graphql(query, json!({ "data": { "runId": id }, "unknown": 1 })).await;
        let expected = json!({ "errors": null, "data": { "mlflowGetRun": { "apiError": null, "run": {
            "info": { "runUuid": id, "status": "RUNNING", "endTime": "0", "startTime": "7", "userId": "" },
            "experiment": { "name": "Default", "workspace": "default", "__typename": "MlflowExperiment" },
            "modelVersions": [],
            "data": { "metrics": [{ "key": "nan", "value": null, "step": "9007199254740993", "timestamp": "1" }] },
            "inputs": { "datasetInputs": [] }, "outputs": { "modelOutputs": [] },
        } } } });
        assert_eq!(answer, expected);
        let below = client.raw("POST", "/mlflow/graphql", Some("application/json"), json!({ "query": "{ test(inputString: \"a\") { output } }" }).to_string()).await;
        assert_eq!(serde_json::from_slice::<Value>(&below.1).unwrap()["data"], json!({ "test": { "output": "a" } }));
        let runs = "mutation { mlflowSearchRuns(input: { experimentIds: [\"0\"], runViewType: ALL, maxResults: 5 }) { runs { info { runId } } nextPageToken } }";
        let answer = client.graphql(runs, Value::Null).await;
        assert_eq!(answer["data"]["mlflowSearchRuns"], json!({ "runs": [{ "info": { "runId": id } }], "nextPageToken": "" }));
    }

    async fn errors_are_texts_and_too_much_at_once_is_refused(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let many = format!("{{ {} }}", (0..11).map(|i| format!("k{i}: test(inputString: \"a\") {{ output }}")).collect::<Vec<_>>().join(" "));
        let deep = format!("{{ mlflowGetExperiment(input: {{}}) {{ {} name {} }} }}", "experiment { ".repeat(12), "}".repeat(12));
        let cases = [
            ("{ mlflowGetRun(input: { runId: \"nope\" }) { run { info { runId } } } }".to_owned(), "Run with id=nope not found"),
            ("{ nope }".to_owned(), "Cannot query field 'nope' on type 'Query'."),
            (many, "GraphQL queries should have at most 10 root fields, got 11 root fields. To increase the limit, set the MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS environment variable."),
            (deep, "Query exceeds maximum depth of 10"),
        ];
        for (query, message) in cases {
            assert_eq!(client.graphql(&query, Value::Null).await["errors"], json!([message]), "{query}");
        }
        let plain = client.raw("POST", "/graphql", Some("text/plain"), "{}").await;
        assert_eq!(plain.0, 400);
    }
}
