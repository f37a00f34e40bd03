//! Endpoints with real ONNX models, on both databases.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod checks;
mod deploy;
mod features;
mod graph;
mod house;
mod params;
mod record;
mod rollout;
mod settings;
mod spans;
mod swap;
