//! Endpoints and what they serve.

pub mod deploy;
pub mod endpoints;
pub mod predict;
pub mod reviews;
pub mod rollout;
