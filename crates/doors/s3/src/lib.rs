//! S3 over repositories: the bucket is the repository, the first part of the key the ref, the rest the path.
//!
//! Not every request of the port is S3's, and S3's have no paths of their own: [`S3::answers`] tells them by their
//! signature or their host, before any other door sees them.

mod attributes;
mod buckets;
mod call;
mod checksums;
mod completion;
mod conditions;
mod copy;
mod delete;
mod errors;
mod get;
mod keys;
mod list;
mod metadata;
mod multipart;
mod put;
mod range;
mod reply;
mod routes;

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::Request;
use http::request::Parts;
use kit::AccessKeys;
use repositories::Repositories;
use types::Clock;
use wire_aws::{Signature, host};

/// Requests that are signed for it go to their own door.
const SAGEMAKER: &str = "sagemaker";

/// The door. Cheap to clone.
#[derive(Clone)]
pub struct S3(Arc<Inner>);

struct Inner {
    repositories: Repositories,
    keys: AccessKeys,
    clock: Arc<dyn Clock>,
    domains: Vec<String>,
}

impl S3 {
    /// `domains` are host names below which each repository has a name of its own: `<repository>.<domain>`.
    pub fn new(
        repositories: Repositories,
        keys: AccessKeys,
        clock: Arc<dyn Clock>,
        domains: Vec<String>,
    ) -> Self {
        let domains = domains.into_iter().map(|d| d.trim_matches('.').to_ascii_lowercase());
        let domains = domains.filter(|d| !d.is_empty()).collect();
        Self(Arc::new(Inner { repositories, keys, clock, domains }))
    }

    /// Whether a request is S3's: it is signed by AWS's rules, or sent to one of the domains.
    pub fn answers(&self, parts: &Parts) -> bool {
        let others = Signature::service_on(parts).is_some_and(|service| service == SAGEMAKER);
        !others && (Signature::is_on(parts) || keys::is_below(host(parts), &self.0.domains))
    }

    /// Answers it; the signature is all that it needs to sign in.
    pub async fn answer(&self, request: Request<Body>) -> Response {
        Box::pin(routes::answer(self, request)).await
    }
}
