//! Upstream's own web page, from the folder of its wheel that has it built (`mlflow/server/js/build`): at `/mlflow/`,
//! where everything that it asks for, relative to itself, is this door again.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use kit::Door;
use tower_http::services::{ServeDir, ServeFile};

/// Where the door answers a second time, and the page is.
pub(crate) const BELOW: &str = "/mlflow";

/// Scripts of the page compile templates and WebAssembly, and put styles into the document; everything comes from
/// here all the same. Upstream sends no such header.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval' blob:; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; \
     worker-src 'self' blob:; connect-src 'self' data: blob:; frame-src 'self' data: blob:; object-src 'none'; \
     base-uri 'self'; form-action 'self'; frame-ancestors 'self'";

/// How long a browser may keep a file of the page, as upstream says it; their names change with their content.
const KEEP: &str = "public, max-age=2419200";

/// What is at `/mlflow/` without a page.
const ABSENT: &str = "MLflow's API is here, its web page is not: the page is part of MLflow's own wheel.\n\
    Start with `mlwright serve --mlflow-ui DIR`, where DIR is the folder mlflow/server/js/build of an installed mlflow:\n\
    python -c \"import mlflow.server, os; print(os.path.join(os.path.dirname(mlflow.server.__file__), 'js', 'build'))\"\n\
    mlwright's own app is at /.\n";

/// Why a folder is not the page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` has no index.html, so it is not MLflow's web page", .0.display())]
pub struct NotThePage(pub PathBuf);

/// The door with the page of `folder`, or with a word on how to get it.
///
/// Errors: [`NotThePage`].
pub fn with_page(mut door: Door, folder: Option<&Path>) -> Result<Door, NotThePage> {
    let home = format!("{BELOW}/");
    let to_home = get(|| async { Redirect::temporary("/mlflow/") });
    let pages = match folder {
        None => Router::new().route(&home, get(|| async { (StatusCode::NOT_FOUND, ABSENT).into_response() })),
        Some(folder) => {
            let index = folder.join("index.html");
            if !index.is_file() {
                return Err(NotThePage(folder.to_owned()));
            }
            let files = format!("{BELOW}/static-files");
            Router::new()
                .route_service(&home, ServeFile::new(index))
                .nest_service(&files, ServeDir::new(folder).append_index_html_on_directories(false))
                .layer(map_response(with_headers))
        }
    };
    door.router = door.router.merge(pages.route(BELOW, to_home));
    door.paths.extend([BELOW.to_owned(), home, format!("{BELOW}/{{*rest}}")]);
    Ok(door)
}

async fn with_headers(mut response: Response) -> Response {
    let html = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/html"));
    let keep = if html { "no-cache" } else { KEEP };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    response
}
