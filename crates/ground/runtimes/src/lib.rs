//! running a model: one trait, ONNX first
