use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use kit::{Door, Routes};
use tower_http::decompression::RequestDecompressionLayer;

use crate::{State, endpoints, predict};

const MOST: usize = 64 << 20;

/// The verb follows the endpoint's id, after a colon.
pub fn routes(state: State) -> Door {
    ["v1", "v1beta1"]
        .into_iter()
        .fold(Routes::new(), |routes, version| {
            let base = format!("/{version}/projects/{{project}}/locations/{{location}}/endpoints");
            routes
                .route(&base, get(endpoints::list))
                .route(&format!("{base}/{{endpoint}}"), get(endpoints::get).post(predict::verb))
        })
        .map(|router| router.layer(DefaultBodyLimit::max(MOST)).layer(RequestDecompressionLayer::new()))
        .door("vertex", state)
}
