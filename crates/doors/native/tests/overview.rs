use serde_json::{Value, json};

use crate::{COMPONENTS, Client};

ledger::db_test! {
    components: COMPONENTS;

    async fn an_empty_server_has_five_idle_stages_that_say_what_to_do(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let overview = client.get("overview").await;
        let stages = overview["stages"].as_array().unwrap();
        let names: Vec<&Value> = stages.iter().map(|s| &s["name"]).collect();
        assert_eq!(names, ["data", "training", "gates", "serving", "monitoring"]);
        for stage in stages {
            assert_eq!(stage["state"], "idle", "{stage}");
            assert!(!stage["headline"].as_str().unwrap().is_empty() && stage["detail"].as_str().unwrap().len() > 20);
            assert!(stage["href"].as_str().unwrap().starts_with('/'));
        }
        assert_eq!(overview["attention"], json!([]));
        assert_eq!(overview["project"], Value::Null);
    }

    async fn a_monitor_waits_for_its_first_window(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        crate::monitors::watch(&client).await;
        let overview = client.get("overview").await;
        let monitoring = &overview["stages"][4];
        assert_eq!(monitoring["state"], "idle");
        assert_eq!(monitoring["detail"], "0 rows of 10 for the first window");
        assert_eq!(monitoring["href"], "/monitors/visits-drift");
        let recent = overview["recent"].as_array().unwrap();
        assert_eq!(recent[0]["kind"], "monitor.defined");
        assert_eq!(recent[0]["actor"], types::Actor::local().to_string());
    }
}
