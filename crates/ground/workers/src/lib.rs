//! Models that need Python: pickles, MLflow's pyfunc, PyTorch, TensorFlow, transformers. Each runs in processes of its own,
//! with an environment of its own, behind a sandbox; the server holds one end of a socket and a deadline.
//!
//! A model is code that somebody registered. Nothing here trusts what comes back: lengths are checked, a process that
//! does not answer in time is ended with everything it started, and its request alone fails.

pub mod devices;
pub mod environment;
mod error;
pub mod family;
mod frame;
pub mod home;
mod pool;
mod python;
pub mod sandbox;
pub mod trial;
mod worker;

pub use error::Error;
pub use frame::{Answer, Call, Form};
pub use pool::{Limits, Pool, PoolConfig, State};
pub use python::{PythonModel, Settings, inputs_of};
pub use sandbox::Protection;
pub use worker::About;
