//! What a browser gets. The cases hold whether or not the web app was built before this test.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{body::Body, http::Request, http::StatusCode, http::header, response::Response};
use http_body_util::BodyExt;
use tower::ServiceExt;

async fn get(path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    mlwright_assets::router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn every_page_address_answers_with_html_that_may_only_load_from_here() {
    for path in ["/", "/runs", "/models/visits", "/lineage?node=run:1", "/pipelines/a.b/c"] {
        let response = get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}

#[tokio::test]
async fn an_absent_app_says_which_command_builds_it() {
    let body = text(get("/", &[]).await).await;
    assert_eq!(mlwright_assets::is_built(), !body.contains("cargo xtask ui"), "{body}");
}

#[tokio::test]
async fn a_wrong_api_path_is_json_and_never_a_page() {
    for path in ["/api/v1/nothing", "/v2/models/x/y", "/api/\\\"quoted"] {
        let response = get(&path.replace('"', "%22").replace('\\', "%5C"), &[]).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        assert!(text(response).await.contains(r#""code":"not_found""#));
    }
}

#[tokio::test]
async fn a_missing_asset_is_missing() {
    for path in ["/assets/gone-1234.js", "/favicon.ico"] {
        assert_eq!(get(path, &[]).await.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_page_is_not_posted_to() {
    let request = Request::post("/runs").body(Body::empty()).unwrap();
    let response = mlwright_assets::router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn hashed_files_are_kept_for_ever_and_the_page_is_asked_for_again() {
    if !mlwright_assets::is_built() {
        return; // nothing to cache; the page above says so
    }
    let page = get("/", &[]).await;
    assert_eq!(page.headers()[header::CACHE_CONTROL], "no-cache");
    let tag = page.headers()[header::ETAG].to_str().unwrap().to_owned();
    let weak = format!("W/{tag}");
    for sent in [tag.as_str(), weak.as_str()] {
        let again = get("/", &[("if-none-match", sent)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }

    let body = text(page).await;
    let script = body.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js")).unwrap();
    let response = get(script, &[]).await;
    assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
}
