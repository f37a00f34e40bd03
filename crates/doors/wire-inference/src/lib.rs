//! What inference protocols share: tensors by their OIP names, data frames out of JSON, CSV and
//! Parquet, and MLflow's scoring forms, which Databricks, SageMaker and others carry as they are.

pub mod datatype;
mod errors;
mod fault;
mod forms;
pub mod frames;
pub mod openapi;
pub mod scoring;
pub mod stream;

pub use runtimes::json;

pub use errors::ScoringError;
pub use fault::{log_internal, status, with_hint};
pub use forms::{Media, Read, Reply, instances, media_type, nested, read, write_reply};
