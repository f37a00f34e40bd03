//! Files on the wire: ranges, uploads in parts, addresses that carry their own permission, paths that climb.

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::Client;

const FILES: &str = "/api/2.0/mlflow-artifacts/artifacts";

impl Client {
    /// With headers both ways; `as_actor` is false for a client that is not signed in.
    async fn send(
        &self,
        as_actor: bool,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "house:1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if as_actor {
            request = request.extension(self.actor.clone());
        }
        let answer = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, String) {
        let (status, headers, body) = self.send(true, "GET", path, headers, Body::empty()).await;
        (status.as_u16(), headers, String::from_utf8(body).unwrap())
    }

    async fn json(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let headers = [("content-type", "application/json")];
        let (status, _, body) = self.send(true, method, path, &headers, body.to_string()).await;
        (status.as_u16(), serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn store(&self, path: &str, content: &str) {
        let (status, ..) = self.send(true, "PUT", &format!("{FILES}/{path}"), &[], content.to_owned()).await;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
}

/// The path of an address on this server.
fn local(url: &Value) -> &str {
    url.as_str().unwrap().strip_prefix("http://house:1").unwrap()
}

ledger::db_test! {
    components: [tracking::COMPONENT, models::COMPONENT];

    async fn a_download_resumes_where_it_stopped_and_only_of_the_same_bytes(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        client.store("x/h.txt", "hello").await;
        let path = format!("{FILES}/x/h.txt");
        let (status, headers, body) = client.get(&path, &[]).await;
        assert_eq!((status, body.as_str()), (200, "hello"));
        assert_eq!(headers["content-type"], "text/plain");
        assert_eq!(headers["content-disposition"], "attachment; filename=h.txt");
        assert_eq!((&headers["accept-ranges"], &headers["x-content-type-options"]), (&"bytes".parse().unwrap(), &"nosniff".parse().unwrap()));
        let tag = headers["etag"].to_str().unwrap().to_owned();
        let (status, headers, body) = client.get(&path, &[("range", "bytes=1-2")]).await;
        assert_eq!((status, body.as_str(), headers["content-range"].to_str().unwrap()), (206, "el", "bytes 1-2/5"));
        assert_eq!(headers["content-length"], "2");
        let (status, headers, body) = client.get(&path, &[("range", "bytes=9-")]).await;
        assert_eq!((status, body.as_str(), headers["content-range"].to_str().unwrap()), (416, "", "bytes */5"));
        let resumed = client.get(&path, &[("range", "bytes=3-"), ("if-range", tag.as_str())]).await;
        assert_eq!((resumed.0, resumed.2.as_str()), (206, "lo"));
        assert_eq!(client.get(&path, &[("if-none-match", tag.as_str())]).await.0, 304);
        let (status, headers, body) = client.send(true, "HEAD", &path, &[], Body::empty()).await;
        assert_eq!((status.as_u16(), headers["content-length"].to_str().unwrap(), body.len()), (200, "5", 0));
        client.store("x/h.txt", "other").await;
        let changed = client.get(&path, &[("range", "bytes=3-"), ("if-range", tag.as_str())]).await;
        assert_eq!((changed.0, changed.2.as_str()), (200, "other"));
        assert_eq!(client.get(&format!("{FILES}/x"), &[]).await.0, 400);
    }

    async fn an_upload_in_parts_appears_when_it_is_completed(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let mpu = |what: &str| format!("/api/2.0/mlflow-artifacts/mpu/{what}/0/r/artifacts");
        let create = json!({ "path": "/home/me/big file.bin", "num_parts": 3 });
        let (status, created) = client.json("POST", &mpu("create"), create.clone()).await;
        assert_eq!(status, 200, "{created}");
        let credentials = created["credentials"].as_array().unwrap();
        let mut parts = Vec::new();
        for (content, credential) in ["a-", "b-", "c"].iter().zip(credentials).rev() {
            // Nobody is signed in here: the address is the permission.
            let (status, headers, _) = client.send(false, "PUT", local(&credential["url"]), &[], *content).await;
            assert_eq!(status, StatusCode::OK);
            let tag = headers["etag"].to_str().unwrap().to_owned();
            parts.insert(0, json!({ "part_number": credential["part_number"], "etag": tag, "url": credential["url"] }));
        }
        let path = format!("{FILES}/0/r/artifacts/big%20file.bin");
        assert_eq!(client.get(&path, &[]).await.0, 404);
        let complete = json!({ "path": "/home/me/big file.bin", "upload_id": created["upload_id"], "parts": parts });
        let elsewhere = client.json("POST", "/api/2.0/mlflow-artifacts/mpu/complete/1/other", complete.clone()).await;
        assert_eq!(elsewhere.0, 404);
        let mut backwards = complete.clone();
        backwards["parts"].as_array_mut().unwrap().reverse();
        assert_eq!(client.json("POST", &mpu("complete"), backwards).await.0, 400);
        let mut wrong = complete.clone();
        wrong["parts"][1]["etag"] = wrong["parts"][0]["etag"].clone();
        assert_eq!(client.json("POST", &mpu("complete"), wrong).await.0, 400);
        assert_eq!(client.json("POST", &mpu("complete"), complete.clone()).await, (200, json!({})));
        assert_eq!(client.json("POST", &mpu("complete"), complete).await, (200, json!({})));
        assert_eq!(client.get(&path, &[]).await.2, "a-b-c");

        let (_, created) = client.json("POST", &mpu("create"), create).await;
        let url = local(&created["credentials"][0]["url"]);
        assert_eq!(client.send(false, "PUT", url, &[], "x").await.0, StatusCode::OK);
        let abort = json!({ "path": "big file.bin", "upload_id": created["upload_id"] });
        assert_eq!(client.json("POST", &mpu("abort"), abort).await, (200, json!({})));
        assert_eq!(client.get(&path, &[]).await.2, "a-b-c");
        let too_many = client.json("POST", &mpu("create"), json!({ "path": "x", "num_parts": 10_001 })).await;
        assert_eq!(too_many.0, 400);
        let (_, told) = client.json("GET", "/api/3.0/mlflow/server-info", Value::Null).await;
        assert_eq!((&told["multipart_uploads_enabled"], &told["multipart_downloads_enabled"]), (&json!(true), &json!(true)));
    }

    async fn a_signed_address_gives_one_file_and_nothing_else(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        client.store("x/日.md", "hello").await;
        let (status, given) = client.json("GET", "/api/2.0/mlflow-artifacts/presigned/x/%E6%97%A5.md", Value::Null).await;
        assert_eq!((status, &given["file_size"], &given["headers"]), (200, &json!(5), &json!({})));
        let url = local(&given["url"]);
        client.store("x/日.md", "later").await;
        let (status, headers, body) = client.send(false, "GET", url, &[("range", "bytes=0-1")], Body::empty()).await;
        assert_eq!((status.as_u16(), body.as_slice()), (206, &b"he"[..]));
        assert!(headers["content-disposition"].to_str().unwrap().ends_with("filename*=UTF-8''%E6%97%A5.md"));
        assert_eq!(client.send(false, "PUT", url, &[], "x").await.0, StatusCode::FORBIDDEN);
        let touched = format!("{url}x");
        assert_eq!(client.send(false, "GET", &touched, &[], Body::empty()).await.0, StatusCode::FORBIDDEN);
        let absent = client.json("GET", "/api/2.0/mlflow-artifacts/presigned/x/y", Value::Null).await;
        assert_eq!((absent.0, absent.1["message"].as_str().unwrap()), (404, "No such artifact: 'x/y'"));

        let id = client.run().await;
        let ask = json!({ "run_id": id, "path": "m/w.bin" });
        let (status, given) = client.json("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", ask.clone()).await;
        assert_eq!(status, 200, "{given}");
        assert_eq!(client.send(false, "PUT", local(&given["presigned_url"]), &[], "weights").await.0, StatusCode::OK);
        let (_, given) = client.json("POST", "/api/2.0/mlflow/artifacts/presigned-download-url", ask.clone()).await;
        let (_, _, body) = client.send(false, "GET", local(&given["presigned_url"]), &[], Body::empty()).await;
        assert_eq!(body, b"weights");
        for (field, value, words) in [
            ("expiration", json!(604_801), "expiration must be between 1 and 604800 seconds (got 604801)."),
            ("model_id", json!("m-1"), "Exactly one of run_id and model_id must be provided."),
            ("path", json!("../x"), "Invalid path"),
        ] {
            let mut ask = ask.clone();
            ask[field] = value;
            let (status, answer) = client.json("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", ask).await;
            assert_eq!((status, answer["message"].as_str().unwrap()), (400, words));
        }
    }

    async fn no_path_climbs_and_deleting_what_is_not_there_is_fine(ledger: ledger::Ledger) {
        let client = Client::new(ledger).await;
        let id = client.run().await;
        for path in ["x/%2e%2e/y", "x/%252e%252e%252fy", "..%2Fx", "%2Fetc%2Fpasswd", "file:%2F%2F%2Fetc%2Fpasswd", "a%5C..%5Cb", "C%3A%2Fx", "x%23y"] {
            let places = [
                ("PUT", format!("{FILES}/{path}")),
                ("GET", format!("{FILES}/{path}")),
                ("DELETE", format!("{FILES}/{path}")),
                ("GET", format!("{FILES}?path={path}")),
                ("GET", format!("/get-artifact?run_id={id}&path={path}")),
                ("GET", format!("/api/2.0/mlflow/artifacts/list?run_id={id}&path={path}")),
                ("GET", format!("/api/2.0/mlflow-artifacts/presigned/{path}")),
                ("POST", format!("/ajax-api/2.0/mlflow/upload-artifact?run_uuid={id}&path={path}")),
            ];
            for (method, place) in places {
                let content = if method.starts_with('P') { "x" } else { "" };
                let (status, _, body) = client.send(true, method, &place, &[], content).await;
                let answer: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
                assert_eq!((status.as_u16(), &answer["message"]), (400, &json!("Invalid path")), "{method} {place}");
            }
        }
        assert_eq!(client.json("DELETE", &format!("{FILES}/nothing/here"), json!({})).await, (200, json!({})));
        let large = vec![b'x'; (10 << 20) + 1];
        let place = format!("/ajax-api/2.0/mlflow/upload-artifact?run_uuid={id}&path=a.bin");
        let chunks = futures::stream::iter(large.chunks(1 << 16).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect::<Vec<_>>());
        for body in [Body::from(large.clone()), Body::from_stream(chunks)] {
            let (status, _, body) = client.send(true, "POST", &place, &[], body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST);
            assert!(String::from_utf8(body).unwrap().contains("Artifact size is too large. Max size is 10MB."));
        }
        let (status, _, body) = client.send(true, "POST", &place, &[], "small").await;
        assert_eq!((status, body.len()), (StatusCode::OK, 0));
        assert_eq!(client.get(&format!("/get-artifact?run_uuid={id}&path=a.bin"), &[]).await.2, "small");
    }
}
