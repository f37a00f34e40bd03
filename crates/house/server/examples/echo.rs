//! The floor of `benches/serving`: axum reads a body and gives it back, and nothing else. `echo <port>` on 127.0.0.1.

#![allow(clippy::unwrap_used, reason = "a benchmark")]

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};

#[tokio::main]
async fn main() {
    let port: u16 = std::env::args().nth(1).unwrap().parse().unwrap();
    let routes =
        Router::new().route("/", get(|| async { "ok" })).route("/echo", post(|body: Bytes| async { body }));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    axum::serve(listener, routes).await.unwrap();
}
