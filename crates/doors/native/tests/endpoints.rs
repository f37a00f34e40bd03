use http::StatusCode;
use serde_json::{Value, json};
use types::Role;

use crate::{COMPONENTS, Client, error, with_role};

ledger::db_test! {
    components: COMPONENTS;

    async fn without_deployments_the_list_is_empty(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        assert_eq!(client.get("endpoints").await, json!({ "endpoints": [] }));
    }

    async fn an_unknown_endpoint_is_not_found_and_says_what_to_do(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        for method in ["GET", "DELETE"] {
            let (status, body) = client.call(method, "endpoints/none", Value::Null).await;
            assert_eq!((status, error(&body)), (StatusCode::NOT_FOUND, ("not_found", true)), "{body}");
        }
    }

    async fn only_who_may_deploy_deploys(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let wish = json!({ "variants": [{ "model": "visits", "version": 1 }] });
        for role in [Role::Viewer, Role::Client, Role::Editor] {
            let (status, body) = client.call_as(with_role(role), "PUT", "endpoints/visits", wish.clone()).await;
            assert_eq!((status, error(&body)), (StatusCode::FORBIDDEN, ("forbidden", true)), "{body}");
        }
        let (status, body) = client.call_as(with_role(Role::Operator), "PUT", "endpoints/visits", wish).await;
        assert_eq!((status, error(&body).0), (StatusCode::NOT_FOUND, "not_found"), "no such model: {body}");
    }

    async fn a_variant_names_its_version_in_exactly_one_way(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        for variant in [json!({ "model": "m" }), json!({ "model": "m", "version": 1, "alias": "champion" })] {
            let (status, body) = client.call("PUT", "endpoints/m", json!({ "variants": [variant] })).await;
            assert_eq!((status, error(&body)), (StatusCode::BAD_REQUEST, ("invalid", true)), "{body}");
        }
        let (status, body) = client.call("PUT", "endpoints/m", json!({ "variants": [] })).await;
        assert_eq!((status, error(&body).0), (StatusCode::BAD_REQUEST, "invalid"), "{body}");
        let (status, body) = client.call("PUT", "endpoints/m", json!({ "variant": [] })).await;
        assert_eq!((status, error(&body)), (StatusCode::BAD_REQUEST, ("invalid", true)), "{body}");
    }
}
