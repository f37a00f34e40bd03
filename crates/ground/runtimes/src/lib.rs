//! Running a model: one trait, ONNX first. Serving, evaluation and curation share it, so that a number computed
//! behind an endpoint is the number that the gate computed.
//!
//! `libonnxruntime` is loaded at run time (see [`library`]); nothing is linked, and a server without it starts,
//! and says what to install when the first model is loaded.

mod error;
pub mod library;
pub mod mlmodel;
mod model;
mod onnx;
mod outputs;
pub mod tabular;
mod tensor;

pub use error::Error;
pub use mlmodel::{ColumnSpec, ColumnType, InputSchema, MlModel};
pub use model::{Model, TensorSpec};
pub use onnx::{Runtime, RuntimeConfig};
pub use tabular::{Column, Frame, Tabular, Values};
pub use tensor::{ElementType, Tensor, TensorData};
