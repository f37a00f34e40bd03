//! Messages as upstream names them (`mlflow/protos/service.proto`, `model_registry.proto`).

pub(crate) mod artifacts;
pub(crate) mod registry;
pub(crate) mod service;

use serde::{Serialize, Serializer};

/// A double: NaN and infinities travel as texts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Double(pub f64);

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            v if v.is_nan() => serializer.serialize_str("NaN"),
            v if v == f64::INFINITY => serializer.serialize_str("Infinity"),
            v if v == f64::NEG_INFINITY => serializer.serialize_str("-Infinity"),
            v => serializer.serialize_f64(v),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct KeyValue {
    pub key: String,
    pub value: String,
}
