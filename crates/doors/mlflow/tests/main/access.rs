//! Users, roles and grants, and what they let a caller do.

use http::StatusCode;
use ledger::Ledger;
use serde_json::{Value, json};
use types::{Actor, Level, Role};

use crate::Client;

struct House {
    client: Client,
    ledger: Ledger,
}

impl House {
    /// With an admin and two members, ada and bob.
    async fn new(ledger: Ledger) -> Self {
        let admin = Actor::system("test");
        ledger.create_account(&admin, "root", Role::Admin, "correct horse battery").await.unwrap();
        for name in ["ada", "bob"] {
            ledger.create_account(&admin, name, Role::Member, "correct horse battery").await.unwrap();
        }
        Self { client: Client::new(ledger.clone()).await, ledger }
    }

    /// The answer to a user, as of the grants of this moment.
    async fn ask(&mut self, name: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.client.actor = self.ledger.act_as(name).await.unwrap();
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, body) = self.client.raw(method, path, Some("application/json"), text).await;
        (status.as_u16(), serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn status(&mut self, name: &str, method: &str, path: &str, body: Value) -> u16 {
        self.ask(name, method, path, body).await.0
    }
}

const V2: &str = "/api/2.0/mlflow";
const V3: &str = "/api/3.0/mlflow";

ledger::db_test! {
    components: [tracking::COMPONENT, models::COMPONENT, traces::COMPONENT];

    async fn members_manage_what_they_made_and_read_the_rest(ledger: ledger::Ledger) {
        let mut house = House::new(ledger).await;
        let (status, made) = house.ask("ada", "POST", &format!("{V2}/experiments/create"), json!({ "name": "e" })).await;
        assert_eq!(status, 200, "{made}");
        let e = made["experiment_id"].as_str().unwrap().to_owned();
        let create = |start: i64| json!({ "experiment_id": e, "start_time": start });
        let (status, run) = house.ask("ada", "POST", &format!("{V2}/runs/create"), create(1)).await;
        assert_eq!(status, 200, "{run}");
        let run = run["run"]["info"]["run_id"].as_str().unwrap().to_owned();
        let metric = json!({ "run_id": run, "metrics": [{ "key": "m", "value": 1, "timestamp": 1, "step": 0 }] });
        let cases = [
            ("GET", format!("{V2}/runs/get?run_id={run}"), Value::Null, 200, 200),
            ("POST", format!("{V2}/runs/log-batch"), metric, 200, 403),
            ("POST", format!("{V2}/runs/create"), create(2), 200, 403),
            ("POST", format!("{V2}/runs/set-tag"), json!({ "run_id": run, "key": "k", "value": "v" }), 200, 403),
            ("PUT", format!("/api/2.0/mlflow-artifacts/artifacts/{e}/{run}/artifacts/a"), json!("x"), 200, 403),
            ("GET", format!("/api/2.0/mlflow-artifacts/artifacts/{e}/{run}/artifacts/a"), Value::Null, 200, 200),
            ("POST", format!("{V2}/experiments/set-experiment-tag"), json!({ "experiment_id": e, "key": "k", "value": "v" }), 200, 403),
            ("POST", format!("{V2}/runs/delete"), json!({ "run_id": run }), 200, 403),
            ("POST", format!("{V2}/experiments/delete"), json!({ "experiment_id": e }), 200, 403),
        ];
        for (method, path, body, ada, bob) in cases {
            assert_eq!(house.status("bob", method, &path, body.clone()).await, bob, "bob {method} {path}");
            assert_eq!(house.status("ada", method, &path, body).await, ada, "ada {method} {path}");
        }
    }

    async fn a_grant_opens_and_a_revocation_shuts(ledger: ledger::Ledger) {
        let mut house = House::new(ledger).await;
        house.ask("ada", "POST", &format!("{V2}/registered-models/create"), json!({ "name": "churn" })).await;
        let tag = || json!({ "name": "churn", "key": "k", "value": "v" });
        let path = format!("{V2}/registered-models/set-tag");
        assert_eq!(house.status("bob", "POST", &path, tag()).await, 403);
        let grant = json!({ "username": "bob", "resource_type": "registered_model", "resource_id": "churn", "permission": "EDIT" });
        let granting = format!("{V3}/users/permissions/grant");
        assert_eq!(house.status("bob", "POST", &granting, grant.clone()).await, 403, "nobody helps himself");
        assert_eq!(house.status("ada", "POST", &granting, grant.clone()).await, 200);
        let (status, again) = house.ask("ada", "POST", &granting, grant.clone()).await;
        assert_eq!((status, again["error_code"].as_str()), (400, Some("RESOURCE_ALREADY_EXISTS")));
        assert_eq!(house.status("bob", "POST", &path, tag()).await, 200);
        let (_, found) = house.ask("bob", "GET", &format!("{V3}/users/permissions/get?username=bob&resource_type=registered_model&resource_id=churn"), Value::Null).await;
        assert_eq!(found, json!({ "allowed": true, "permission": "EDIT" }));
        let renamed = json!({ "name": "churn", "new_name": "leave" });
        assert_eq!(house.status("ada", "POST", &format!("{V2}/registered-models/rename"), renamed).await, 200);
        assert_eq!(house.status("bob", "POST", &path, json!({ "name": "leave", "key": "k", "value": "v" })).await, 200);
        let mut revoke = grant;
        revoke["resource_id"] = "leave".into();
        assert_eq!(house.status("ada", "POST", &format!("{V3}/users/permissions/revoke"), revoke).await, 200);
        assert_eq!(house.status("bob", "POST", &path, json!({ "name": "leave", "key": "k", "value": "v" })).await, 403);
    }

    async fn searches_show_what_may_be_read(ledger: ledger::Ledger) {
        ledger.set_member_level(Level::None);
        let mut house = House::new(ledger).await;
        for (user, name) in [("ada", "a1"), ("bob", "b1"), ("ada", "a2")] {
            house.ask(user, "POST", &format!("{V2}/experiments/create"), json!({ "name": name })).await;
            house.ask(user, "POST", &format!("{V2}/registered-models/create"), json!({ "name": name })).await;
        }
        let (_, found) = house.ask("ada", "POST", &format!("{V2}/experiments/search"), json!({ "max_results": 2 })).await;
        let names: Vec<_> = found["experiments"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a2", "a1"], "pages are filled with what may be read");
        let (_, found) = house.ask("bob", "GET", &format!("{V2}/registered-models/search"), Value::Null).await;
        let names: Vec<_> = found["registered_models"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["b1"]);
        assert_eq!(house.status("bob", "GET", &format!("{V2}/experiments/get-by-name?experiment_name=a1"), Value::Null).await, 403);
        let all = json!({ "experiment_ids": ["0", "1", "2", "3"] });
        let (status, runs) = house.ask("bob", "POST", &format!("{V2}/runs/search"), all).await;
        assert_eq!((status, runs["runs"].as_array().map_or(0, Vec::len)), (200, 0));
    }

    async fn roles_carry_grants_to_their_members(ledger: ledger::Ledger) {
        let mut house = House::new(ledger).await;
        let role = json!({ "name": "editors", "workspace": "default" });
        assert_eq!(house.status("ada", "POST", &format!("{V3}/roles/create"), role.clone()).await, 403);
        let (_, made) = house.ask("root", "POST", &format!("{V3}/roles/create"), role).await;
        let id = made["role"]["id"].as_i64().unwrap();
        assert_eq!(made["role"], json!({ "id": id, "name": "editors", "workspace": "default", "description": null, "permissions": [] }));
        let add = json!({ "role_id": id, "resource_type": "experiment", "resource_pattern": "*", "permission": "EDIT" });
        let (_, added) = house.ask("root", "POST", &format!("{V3}/roles/permissions/add"), add).await;
        assert_eq!(added["role_permission"]["permission"], "EDIT", "{added}");
        let wrong = json!({ "role_id": id, "resource_type": "run", "resource_pattern": "7", "permission": "EDIT" });
        let (status, answer) = house.ask("root", "POST", &format!("{V3}/roles/permissions/add"), wrong).await;
        assert_eq!(status, 400, "{answer}");
        let tag = || json!({ "experiment_id": "0", "key": "k", "value": "v" });
        let path = format!("{V2}/experiments/set-experiment-tag");
        assert_eq!(house.status("ada", "POST", &path, tag()).await, 403);
        let assign = json!({ "username": "ada", "role_id": id });
        assert_eq!(house.status("root", "POST", &format!("{V3}/roles/assign"), assign.clone()).await, 200);
        assert_eq!(house.status("ada", "POST", &path, tag()).await, 200);
        let (_, listed) = house.ask("ada", "GET", &format!("{V3}/users/current/permissions"), Value::Null).await;
        assert_eq!(listed["permissions"][0]["role_name"], "editors", "{listed}");
        assert_eq!(house.status("root", "DELETE", &format!("{V3}/roles/unassign"), assign).await, 200);
        assert_eq!(house.status("ada", "POST", &path, tag()).await, 403);
    }

    async fn what_is_denied_is_not_found_by_any_search(ledger: ledger::Ledger) {
        let mut house = House::new(ledger).await;
        house.ask("ada", "POST", &format!("{V2}/registered-models/create"), json!({ "name": "m" })).await;
        house.ask("ada", "POST", &format!("{V2}/model-versions/create"), json!({ "name": "m", "source": "s3://b/m" })).await;
        let count = |answer: &Value, name: &str| answer[name].as_array().map_or(0, Vec::len);
        let (models, versions) = (format!("{V2}/registered-models/search"), format!("{V2}/model-versions/search"));
        let (_, found) = house.ask("bob", "GET", &models, Value::Null).await;
        assert_eq!(count(&found, "registered_models"), 1);
        let deny = json!({ "username": "bob", "resource_type": "registered_model", "resource_id": "*", "permission": "DENY" });
        assert_eq!(house.status("root", "POST", &format!("{V3}/users/permissions/grant"), deny).await, 200);
        let (_, found) = house.ask("bob", "GET", &models, Value::Null).await;
        assert_eq!(count(&found, "registered_models"), 0, "{found}");
        let (_, found) = house.ask("bob", "GET", &versions, Value::Null).await;
        assert_eq!(count(&found, "model_versions"), 0, "{found}");
    }

    async fn users_change_their_own_password_and_nothing_else(ledger: ledger::Ledger) {
        let mut house = House::new(ledger).await;
        let create = json!({ "username": "eve", "password": "correct horse battery" });
        assert_eq!(house.status("ada", "POST", &format!("{V2}/users/create"), create.clone()).await, 403);
        let (status, made) = house.ask("root", "POST", &format!("{V2}/users/create"), create.clone()).await;
        assert_eq!((status, made["user"]["username"].as_str()), (200, Some("eve")), "{made}");
        let (status, again) = house.ask("root", "POST", &format!("{V2}/users/create"), create).await;
        assert_eq!((status, again["error_code"].as_str()), (400, Some("RESOURCE_ALREADY_EXISTS")));
        let set = |old: Option<&str>| json!({ "username": "ada", "password": "another long one", "current_password": old });
        let path = format!("{V2}/users/update-password");
        assert_eq!(house.status("bob", "PATCH", &path, set(Some("correct horse battery"))).await, 403);
        assert_eq!(house.status("ada", "PATCH", &path, set(None)).await, 400);
        assert_eq!(house.status("ada", "PATCH", &path, set(Some("correct horse battery"))).await, 200);
        assert!(house.ledger.check_password("ada", "another long one").await.is_ok());
        assert_eq!(house.status("ada", "PATCH", &format!("{V2}/users/update-admin"), json!({ "username": "ada", "is_admin": true })).await, 403);
        assert_eq!(house.status("root", "DELETE", &format!("{V2}/users/delete"), json!({ "username": "root" })).await, 400);
        assert_eq!(house.status("root", "DELETE", &format!("{V2}/users/delete"), json!({ "username": "bob" })).await, 200);
    }

    async fn clients_before_3_17_set_permissions_on_one_resource(ledger: ledger::Ledger) {
        let mut house = House::new(ledger).await;
        let path = |base: &str, what: &str| format!("{base}/{what}");
        for (base, key, field, id) in [
            (format!("{V2}/experiments/permissions"), "experiment_permission", "experiment_id", "0"),
            (format!("{V2}/registered-models/permissions"), "registered_model_permission", "name", "m/x"),
            (format!("{V3}/gateway/secrets/permissions"), "gateway_secret_permission", "secret_id", "s"),
        ] {
            let of = |permission: &str| json!({ field: id, "username": "bob", "permission": permission });
            let asked = format!("{}?{field}={id}&username=bob", path(&base, "get"));
            assert_eq!(house.status("bob", "POST", &path(&base, "create"), of("READ")).await, 403);
            assert_eq!(house.status("root", "GET", &asked, Value::Null).await, 404);
            assert_eq!(house.status("root", "POST", &path(&base, "create"), of("WRITE")).await, 400);
            let (status, made) = house.ask("root", "POST", &path(&base, "create"), of("EDIT")).await;
            assert_eq!((status, &made[key]["permission"], &made[key][field]), (200, &json!("EDIT"), &json!(id)));
            assert_eq!(house.status("root", "POST", &path(&base, "create"), of("READ")).await, 400);
            assert_eq!(house.status("root", "PATCH", &path(&base, "update"), of("NO_PERMISSIONS")).await, 200);
            let (_, found) = house.ask("root", "GET", &asked, Value::Null).await;
            assert_eq!(found[key]["permission"], "NO_PERMISSIONS");
        }
        assert_eq!(house.status("bob", "GET", &format!("{V2}/experiments/get?experiment_id=0"), Value::Null).await, 403);
        let (_, user) = house.ask("root", "GET", &format!("{V2}/users/get?username=bob"), Value::Null).await;
        assert_eq!(user["user"]["experiment_permissions"][0]["permission"], "NO_PERMISSIONS");
        assert_eq!(user["user"]["registered_model_permissions"][0]["name"], "m/x");
        assert_eq!(user["user"]["scorer_permissions"], json!([]));
        let gone = json!({ "experiment_id": "0", "username": "bob" });
        let delete = format!("{V2}/experiments/permissions/delete");
        assert_eq!(house.status("root", "DELETE", &delete, gone.clone()).await, 200);
        assert_eq!(house.status("root", "DELETE", &delete, gone).await, 404);
        assert_eq!(house.status("bob", "GET", &format!("{V2}/experiments/get?experiment_id=0"), Value::Null).await, 200);
    }

    async fn nothing_of_one_workspace_is_seen_from_another(ledger: ledger::Ledger) {
        let mut house = House::new(ledger).await;
        let (status, made) = house.ask("root", "POST", &format!("{V3}/workspaces"), json!({ "name": "team-a" })).await;
        assert_eq!((status, made), (201, json!({ "workspace": { "name": "team-a" } })));
        house.client.actor = house.ledger.act_as("root").await.unwrap();
        house.client.workspace = Some("team-a".into());
        let made = house.client.post("experiments/create", json!({ "name": "secret" })).await;
        let e = made["experiment_id"].as_str().unwrap().to_owned();
        let run = house.client.post("runs/create", json!({ "experiment_id": e, "start_time": 1 })).await;
        let run = run["run"]["info"]["run_id"].as_str().unwrap().to_owned();
        house.client.post("registered-models/create", json!({ "name": "m" })).await;
        let zero = house.client.call("GET", "mlflow/experiments/get?experiment_id=0", Value::Null).await;
        assert_eq!(zero.0, StatusCode::OK, "{zero:?}");

        house.client.workspace = None;
        for path in [
            "mlflow/experiments/get-by-name?experiment_name=secret".to_owned(),
            format!("mlflow/runs/get?run_id={run}"),
            "mlflow/registered-models/get?name=m".to_owned(),
            format!("mlflow/artifacts/list?run_id={run}"),
        ] {
            let answer = house.client.call("GET", &path, Value::Null).await;
            assert_eq!(answer.0, StatusCode::NOT_FOUND, "{path}: {answer:?}");
        }
        let points = format!("mlflow/metrics/get-history?run_id={run}&metric_key=k");
        let none = house.client.call("GET", &points, Value::Null).await;
        assert_eq!(none, (StatusCode::OK, json!({})), "as of a run that does not exist");
        // Whoever was granted nothing there is told that there is no such workspace.
        house.client.workspace = Some("team-a".into());
        house.client.actor = house.ledger.act_as("ada").await.unwrap();
        let shut = house.client.call("GET", "mlflow/experiments/get?experiment_id=0", Value::Null).await;
        assert_eq!(shut.0, StatusCode::NOT_FOUND, "{shut:?}");
        house.client.actor = house.ledger.act_as("root").await.unwrap();
        let (status, _) = house.client.raw("DELETE", "/api/3.0/mlflow/workspaces/team-a", None, "").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "it is not empty");
    }
}
