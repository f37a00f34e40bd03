//! The door in front of real repositories, by requests without a client.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::Router;
use axum::body::Body;
use blobs::{BlobConfig, Blobs};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use kit::AccessKeys;
use ledger::Ledger;
use mlwright_door_lakefs::{State, routes};
use repositories::{Options, Repositories};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use types::{Actor, Grant, Level, ResourceKind, Role};
use vault::Vault;

struct House {
    router: Router,
    ledger: Ledger,
    keys: AccessKeys,
    _home: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Whom the house let in, if anybody.
fn root() -> Option<Actor> {
    Some(Actor::system("root"))
}

const BASE: &str = "/lakefs/api/v1";

impl House {
    async fn new(ledger: Ledger) -> Self {
        let home = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&BlobConfig::Local(home.path().join("blobs"))).await.unwrap();
        let vault = Vault::open(home.path(), None).unwrap();
        let keys = AccessKeys::new(&ledger, &vault);
        let state = State {
            repositories: Repositories::open(ledger.clone(), blobs, Options::default()),
            ledger: ledger.clone(),
            vault,
            keys: keys.clone(),
            presign: true,
        };
        Self { router: routes(state).router, ledger, keys, _home: home }
    }

    async fn with_data(ledger: Ledger) -> Self {
        let house = Self::new(ledger).await;
        let made =
            house.post("/repositories", json!({"name": "data", "storage_namespace": "local://data"})).await;
        assert_eq!(made.status, 201, "{}", made.json());
        house
    }

    async fn send(&self, actor: Option<Actor>, request: Request<Body>) -> Answer {
        let mut request = request;
        if let Some(actor) = actor {
            request.extensions_mut().insert(actor);
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn call(&self, actor: Option<Actor>, method: Method, path: &str, body: &[u8]) -> Answer {
        let request = Request::builder().method(method).uri(path).header(header::HOST, "data.test");
        self.send(actor, request.body(Body::from(body.to_vec())).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(root(), Method::GET, &format!("{BASE}{path}"), b"").await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(root(), Method::POST, &format!("{BASE}{path}"), body.to_string().as_bytes()).await
    }

    async fn put_object(&self, path: &str, bytes: &[u8]) -> Answer {
        let path = format!("{BASE}/repositories/data/branches/main/objects?path={path}");
        self.call(root(), Method::POST, &path, bytes).await
    }
}

ledger::db_test! {
    components: [repositories::COMPONENT];

    async fn an_object_goes_in_and_comes_out_below_both_bases(ledger: ledger::Ledger) {
        let house = House::with_data(ledger).await;
        let put = house.put_object("a/b", b"hello").await;
        assert_eq!((put.status, put.json()["checksum"].as_str().unwrap().len()), (StatusCode::CREATED, 32));
        for base in ["/lakefs/api/v1", "/api/v1"] {
            let path = format!("{base}/repositories/data/refs/main/objects?path=a/b");
            let got = house.call(root(), Method::GET, &path, b"").await;
            assert_eq!((got.status, &got.body[..]), (StatusCode::OK, &b"hello"[..]));
            let head = house.call(root(), Method::HEAD, &path, b"").await;
            assert_eq!((head.status, head.header(header::CONTENT_LENGTH), head.body.len()), (StatusCode::OK, "5", 0));
        }
        let gone = house.call(root(), Method::HEAD, &format!("{BASE}/repositories/data/refs/main/objects?path=x"), b"").await;
        assert_eq!((gone.status, gone.body.len()), (StatusCode::NOT_FOUND, 0));
    }

    async fn what_is_refused_says_so_in_a_message(ledger: ledger::Ledger) {
        let house = House::with_data(ledger).await;
        let message = |answer: &Answer| answer.json()["message"].as_str().unwrap_or_default().to_owned();
        let none = house.get("/no/such/thing").await;
        assert_eq!((none.status, message(&none).as_str()), (StatusCode::BAD_REQUEST, "no matching operation was found"));
        let method = house.call(root(), Method::PATCH, &format!("{BASE}/repositories"), b"").await;
        assert_eq!((method.status, message(&method).as_str()), (StatusCode::METHOD_NOT_ALLOWED, "method not allowed"));
        let body = house.post("/repositories", json!({"name": "x"})).await;
        assert_eq!(body.status, 400);
        assert!(message(&body).contains("storage_namespace"), "{}", message(&body));
        let missing = house.get("/repositories/data/refs/main/objects/stat").await;
        assert!(missing.status == 400 && message(&missing).contains("\"path\""), "{}", message(&missing));
        let unknown = house.call(None, Method::GET, &format!("{BASE}/repositories"), b"").await;
        assert_eq!((unknown.status, message(&unknown).as_str()), (StatusCode::UNAUTHORIZED, "error authenticating request"));
        let bad = house.post("/repositories/data/branches/main/commits", json!({"message": "none"})).await;
        assert_eq!((bad.status, message(&bad).as_str()), (StatusCode::BAD_REQUEST, "commit: no changes"));
    }

    async fn a_level_on_a_repository_is_what_counts(ledger: ledger::Ledger) {
        let house = House::with_data(ledger).await;
        house.put_object("a", b"1").await;
        let other = json!({"name": "other", "storage_namespace": "local://other"});
        assert_eq!(house.post("/repositories", other).await.status, 201);
        let admin = Actor::system("test");
        house.ledger.create_account(&admin, "ada", Role::Member, "correct horse").await.unwrap();
        let get = format!("{BASE}/repositories/data/refs/main/objects?path=a");
        let post = format!("{BASE}/repositories/data/branches/main/objects?path=b");
        let rules = format!("{BASE}/repositories/data/settings/gc_rules");
        let mut seen = Vec::new();
        for level in [None, Some(Level::Read), Some(Level::Edit), Some(Level::Manage)] {
            let rule = Grant { kind: ResourceKind::Repository, pattern: "data".into(), level };
            house.ledger.grant(&admin, "ada", rule, true).await.unwrap();
            let ada = house.ledger.act_as("ada").await.unwrap();
            let read = house.call(Some(ada.clone()), Method::GET, &get, b"").await.status.as_u16();
            let write = house.call(Some(ada.clone()), Method::POST, &post, b"x").await.status.as_u16();
            let decide = house.call(Some(ada.clone()), Method::DELETE, &rules, b"").await.status.as_u16();
            let listed = house.call(Some(ada), Method::GET, &format!("{BASE}/repositories"), b"").await.json();
            let names: Vec<&str> =
                listed["results"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
            seen.push((read, write, decide, names.contains(&"data")));
        }
        let expected =
            [(401, 401, 401, false), (200, 401, 401, true), (200, 201, 401, true), (200, 201, 204, true)];
        assert_eq!(seen, expected);
    }

    async fn a_login_holds_as_long_as_its_key(ledger: ledger::Ledger) {
        let house = House::with_data(ledger).await;
        let admin = Actor::system("test");
        let key = house.keys.first(&admin).await.unwrap().unwrap();
        let wrong = json!({"access_key_id": key.id, "secret_access_key": "another secret"});
        let path = format!("{BASE}/auth/login");
        let refused = house.call(None, Method::POST, &path, wrong.to_string().as_bytes()).await;
        assert_eq!(refused.status, 401);
        let right = json!({"access_key_id": key.id, "secret_access_key": key.secret});
        let login = house.call(None, Method::POST, &path, right.to_string().as_bytes()).await;
        assert_eq!(login.status, 200);
        let token = login.json()["token"].as_str().unwrap().to_owned();
        let cookie = login.header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
        let ask = async |name: header::HeaderName, value: &str| {
            let request = Request::builder().uri(format!("{BASE}/repositories")).header(name, value);
            house.send(None, request.body(Body::empty()).unwrap()).await.status.as_u16()
        };
        assert_eq!(ask(header::AUTHORIZATION, &format!("Bearer {token}")).await, 200);
        assert_eq!(ask(header::COOKIE, &cookie).await, 200);
        assert_eq!(ask(header::AUTHORIZATION, &format!("Bearer {token}x")).await, 401);
        house.keys.revoke(&admin, &key.id).await.unwrap();
        assert_eq!(ask(header::AUTHORIZATION, &format!("Bearer {token}")).await, 401);
        assert_eq!(ask(header::COOKIE, &cookie).await, 401);
    }

    async fn a_signed_address_gives_the_bytes_that_it_was_made_for(ledger: ledger::Ledger) {
        let house = House::with_data(ledger).await;
        house.put_object("a", b"first").await;
        let moved = house.get("/repositories/data/refs/main/objects?path=a&presign=true").await;
        assert_eq!(moved.status, 302);
        let address = moved.header(header::LOCATION).strip_prefix("http://data.test").unwrap().to_owned();
        house.put_object("a", b"second").await;
        let got = house.call(None, Method::GET, &address, b"").await;
        assert_eq!((got.status, &got.body[..]), (StatusCode::OK, &b"first"[..]));
        let forged = house.call(None, Method::GET, &format!("{address}x"), b"").await;
        assert_eq!(forged.status, 403);
        assert_eq!(house.call(None, Method::PUT, &address, b"x").await.status, 403, "it is one to read");
    }

    async fn bytes_are_linked_where_they_were_promised_and_nowhere_else(ledger: ledger::Ledger) {
        let house = House::with_data(ledger).await;
        let backing = "/repositories/data/branches/main/staging/backing";
        let place = house.get(&format!("{backing}?path=a&presign=true")).await.json();
        let address = place["presigned_url"].as_str().unwrap().strip_prefix("http://data.test").unwrap();
        let brought = house.call(None, Method::PUT, address, b"hello").await;
        assert_eq!(brought.header(header::ETAG), "\"5d41402abc4b2a76b9719d911017c592\"");
        let body = json!({"staging": place, "checksum": "x", "size_bytes": 5});
        let link = async |path: &str, body: &Value| {
            let path = format!("{BASE}{backing}?path={path}");
            house.call(root(), Method::PUT, &path, body.to_string().as_bytes()).await.status.as_u16()
        };
        assert_eq!(link("other", &body).await, 400);
        assert_eq!(link("a", &json!({"staging": place, "checksum": "x", "size_bytes": 6})).await, 400);
        assert_eq!(link("a", &body).await, 200);
        let kept = house.get("/repositories/data/refs/main/objects/stat?path=a").await.json();
        let stolen = json!({"staging": {"physical_address": kept["physical_address"]}, "checksum": "x", "size_bytes": 5});
        assert_eq!(link("b", &stolen).await, 400, "an address that was read is none that was promised");
        let outside = json!({"staging": {"physical_address": "local:///etc/hostname"}, "checksum": "x", "size_bytes": 5});
        assert_eq!(link("b", &outside).await, 400, "no folder of this machine is open for imports");
    }

    async fn pages_say_where_the_next_begins(ledger: ledger::Ledger) {
        let house = House::with_data(ledger).await;
        for name in ["b1", "b2", "b3"] {
            let made = house.post("/repositories/data/branches", json!({"name": name, "source": "main"})).await;
            assert_eq!((made.status, made.body.len()), (StatusCode::CREATED, 64));
        }
        let page = house.get("/repositories/data/branches?amount=2&prefix=b").await.json();
        let expected = json!({"has_more": true, "next_offset": "b2", "results": 2, "max_per_page": 1000});
        assert_eq!(page["pagination"], expected);
        let page = house.get("/repositories/data/branches?amount=2&prefix=b&after=b2").await.json();
        let expected = json!({"has_more": false, "next_offset": "", "results": 1, "max_per_page": 1000});
        assert_eq!((&page["pagination"], &page["results"][0]["id"]), (&expected, &json!("b3")));
    }

    async fn people_get_keys_of_their_own(ledger: ledger::Ledger) {
        let house = House::with_data(ledger).await;
        assert_eq!(house.post("/auth/users", json!({"id": "ada"})).await.status, 201);
        assert_eq!(house.post("/auth/users", json!({"id": "ada"})).await.status, 409);
        assert_eq!(house.post("/auth/users", json!({"id": "bob"})).await.status, 201);
        let ada = house.ledger.act_as("ada").await.unwrap();
        let keys = format!("{BASE}/auth/users/ada/credentials");
        let made = house.call(Some(ada.clone()), Method::POST, &keys, b"").await;
        assert_eq!(made.status, 201, "{}", made.json());
        let id = made.json()["access_key_id"].as_str().unwrap().to_owned();
        assert_eq!(house.keys.find(&id).await.unwrap().unwrap().0.name, "ada");
        let others = house.call(Some(ada.clone()), Method::POST, &format!("{BASE}/auth/users/bob/credentials"), b"").await;
        assert_eq!(others.status, 401);
        let listed = house.call(Some(ada.clone()), Method::GET, &keys, b"").await.json();
        assert_eq!(listed["results"][0]["access_key_id"], json!(id));
        let gone = house.call(Some(ada), Method::DELETE, &format!("{keys}/{id}"), b"").await;
        assert_eq!(gone.status, 204);
        assert!(house.keys.find(&id).await.unwrap().is_none());
        let users = house.get("/auth/users").await.json();
        assert_eq!(users["results"].as_array().unwrap().len(), 2);
        assert_eq!(house.post("/auth/groups", json!({"id": "team"})).await.status, 201);
        let join = format!("{BASE}/auth/groups/team/members/ada");
        assert_eq!(house.call(root(), Method::PUT, &join, b"").await.status, 201);
        assert_eq!(house.get("/auth/groups/team/members").await.json()["results"][0]["id"], json!("ada"));
        assert_eq!(house.get("/auth/users/ada/groups").await.json()["results"][0]["id"], json!("team"));
        assert_eq!(house.call(root(), Method::DELETE, &join, b"").await.status, 204);
        assert_eq!(house.get("/auth/policies").await.status, 501);
    }
}
