//! Endpoints and what they serve.

pub mod deploy;
pub mod endpoints;
mod label_reviews;
pub mod predict;
pub mod reviews;
pub mod rollout;
