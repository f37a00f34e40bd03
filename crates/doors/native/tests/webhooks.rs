use http::StatusCode;
use serde_json::{Value, json};
use types::Role;

use crate::{COMPONENTS, Client, error, with_role};

ledger::db_test! {
    components: COMPONENTS;

    async fn webhooks_of_monitors_are_made_listed_and_deleted_by_administrators(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let wanted = json!({"name": "pager", "url": "https://example.org/hook", "secret": "s3cret"});
        let (status, made) = client.call("POST", "webhooks", wanted.clone()).await;
        assert_eq!(status, StatusCode::OK, "{made}");
        assert_eq!(made["topics"].as_array().unwrap().len(), door_native::TOPICS.len());
        assert!(made.get("secret").is_none());
        let listed = client.get("webhooks").await;
        assert_eq!(listed["webhooks"][0]["id"], made["id"]);
        let path = format!("webhooks/{}", made["id"].as_str().unwrap());
        assert_eq!(client.call("DELETE", &path, Value::Null).await.0, StatusCode::OK);
        assert_eq!(client.get("webhooks").await["webhooks"], json!([]));

        let (status, refused) = client.call_as(with_role(Role::Member), "POST", "webhooks", wanted).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{refused}");
        for bad in [
            json!({"name": "x", "url": "file:///etc/passwd"}),
            json!({"name": "x", "url": "https://example.org", "topics": ["everything"]}),
        ] {
            let (status, refused) = client.call("POST", "webhooks", bad).await;
            assert_eq!((status, error(&refused)), (StatusCode::BAD_REQUEST, ("invalid", true)), "{refused}");
        }
    }
}
