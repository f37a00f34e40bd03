//! Running a model: one trait, the native engine and ONNX. Serving, evaluation and curation share it, so that a number computed
//! behind an endpoint is the number that the gate computed.
//!
//! `libonnxruntime` is loaded at run time (see [`library`]); nothing is linked, and a server without it starts,
//! and says what to install when the first model is loaded.

mod cell;
mod error;
pub mod explain;
pub mod json;
pub mod library;
pub mod mlmodel;
mod model;
pub mod native;
mod onnx;
mod outputs;
pub mod params;
mod resident;
pub mod tabular;
pub mod tensor;

pub use error::Error;
pub use mlmodel::{ColumnSpec, ColumnType, InputSchema, MlModel};
pub use model::{Model, TensorSpec, check_inputs};
pub use onnx::{Runtime, RuntimeConfig};
pub use params::{ParamKind, ParamSchema, ParamSpec, Params};
pub use tabular::{Column, Frame, Tabular, Values};
pub use tensor::{ElementType, Tensor, TensorData};
