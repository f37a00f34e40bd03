use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};
use kit::{Door, Routes};

use crate::{State, predict, schema, tasks};

const MOST: usize = 64 << 20;

/// `/readyz`, `/healthz` and `/metrics` are the server's own.
pub fn routes(state: State) -> Door {
    let routes = Routes::new()
        .route("/schema.json", get(schema::get))
        .route("/docs.json", get(schema::docs))
        .route("/livez", get(|| async { "" }))
        .route("/predict", post(predict::only))
        .route("/bentoml/{endpoint}", post(predict::named))
        .route("/predict/submit", post(tasks::submit_only))
        .route("/bentoml/{endpoint}/submit", post(tasks::submit));
    ["/predict", "/bentoml/{endpoint}"]
        .into_iter()
        .fold(routes, |routes, base| {
            routes
                .route(&format!("{base}/status"), get(tasks::status))
                .route(&format!("{base}/get"), get(tasks::result))
                .route(&format!("{base}/retry"), post(tasks::retry))
                .route(&format!("{base}/cancel"), put(tasks::cancel))
        })
        .map(|router| router.layer(DefaultBodyLimit::max(MOST)))
        .door("bentoml", state)
}
