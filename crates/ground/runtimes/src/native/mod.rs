//! Models of scikit-learn, XGBoost, LightGBM and CatBoost, run without Python: their files are read as data, and their
//! arithmetic is done in each library's own types and order, so that the numbers are the library's.
//! What is not known to be the same is refused ([`Error::Unsupported`]), never approximated.
//!
//! The parts: a file becomes an estimator ([`sklearn`], [`xgboost`], [`lightgbm`], [`catboost`]), which takes a
//! [`matrix::Block`] and gives outputs; [`model::NativeModel`] stands between those and tensors.

mod catboost;
mod categories;
mod codes;
mod document;
mod lightgbm;
mod matrix;
mod model;
mod outputs;
pub(crate) mod parts;
mod sklearn;
mod skops;
mod source;
mod tree;
mod ubjson;
mod xgboost;

pub(crate) use categories::Test;
pub use model::load;
pub use source::{Format, Source};
