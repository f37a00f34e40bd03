//! Messages of `tensorflow_serving/apis/*.proto`, and of `tensorflow/core/{framework,example,protobuf}` those that they use.
//! Fields that no handler reads are left out; a message with more of them is read all the same.

use std::collections::BTreeMap;

use bytes::Bytes;

macro_rules! message {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field:meta])* $ident:ident: $kind:ty,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, prost::Message)]
        pub struct $name { $($(#[$field])* pub $ident: $kind,)* }
    )*};
}

message! {
    TensorShapeProtoDim {
        #[prost(int64, tag = "1")]
        size: i64,
        #[prost(string, tag = "2")]
        name: String,
    }
    TensorShapeProto {
        #[prost(message, repeated, tag = "2")]
        dim: Vec<TensorShapeProtoDim>,
        #[prost(bool, tag = "3")]
        unknown_rank: bool,
    }
    TensorProto {
        #[prost(int32, tag = "1")]
        dtype: i32,
        #[prost(message, optional, tag = "2")]
        tensor_shape: Option<TensorShapeProto>,
        #[prost(bytes = "bytes", tag = "4")]
        tensor_content: Bytes,
        #[prost(float, repeated, tag = "5")]
        float_val: Vec<f32>,
        #[prost(double, repeated, tag = "6")]
        double_val: Vec<f64>,
        #[prost(int32, repeated, tag = "7")]
        int_val: Vec<i32>,
        #[prost(bytes = "bytes", repeated, tag = "8")]
        string_val: Vec<Bytes>,
        #[prost(int64, repeated, tag = "10")]
        int64_val: Vec<i64>,
        #[prost(bool, repeated, tag = "11")]
        bool_val: Vec<bool>,
        #[prost(int32, repeated, tag = "13")]
        half_val: Vec<i32>,
        #[prost(uint32, repeated, tag = "16")]
        uint32_val: Vec<u32>,
        #[prost(uint64, repeated, tag = "17")]
        uint64_val: Vec<u64>,
    }
    Int64Value {
        #[prost(int64, tag = "1")]
        value: i64,
    }
    ModelSpec {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "3")]
        signature_name: String,
        #[prost(oneof = "ModelSpecVersionChoice", tags = "2, 4")]
        version_choice: Option<ModelSpecVersionChoice>,
    }
    PredictRequest {
        #[prost(message, optional, tag = "1")]
        model_spec: Option<ModelSpec>,
        #[prost(btree_map = "string, message", tag = "2")]
        inputs: BTreeMap<String, TensorProto>,
        #[prost(string, repeated, tag = "3")]
        output_filter: Vec<String>,
    }
    PredictResponse {
        #[prost(btree_map = "string, message", tag = "1")]
        outputs: BTreeMap<String, TensorProto>,
        #[prost(message, optional, tag = "2")]
        model_spec: Option<ModelSpec>,
    }
    BytesList {
        #[prost(bytes = "bytes", repeated, tag = "1")]
        value: Vec<Bytes>,
    }
    FloatList {
        #[prost(float, repeated, tag = "1")]
        value: Vec<f32>,
    }
    Int64List {
        #[prost(int64, repeated, tag = "1")]
        value: Vec<i64>,
    }
    Feature {
        #[prost(oneof = "FeatureKind", tags = "1, 2, 3")]
        kind: Option<FeatureKind>,
    }
    Features {
        #[prost(btree_map = "string, message", tag = "1")]
        feature: BTreeMap<String, Feature>,
    }
    Example {
        #[prost(message, optional, tag = "1")]
        features: Option<Features>,
    }
    ExampleList {
        #[prost(message, repeated, tag = "1")]
        examples: Vec<Example>,
    }
    ExampleListWithContext {
        #[prost(message, repeated, tag = "1")]
        examples: Vec<Example>,
        #[prost(message, optional, tag = "2")]
        context: Option<Example>,
    }
    Input {
        #[prost(oneof = "InputKind", tags = "1, 2")]
        kind: Option<InputKind>,
    }
    Class {
        #[prost(string, tag = "1")]
        label: String,
        #[prost(float, tag = "2")]
        score: f32,
    }
    Classifications {
        #[prost(message, repeated, tag = "1")]
        classes: Vec<Class>,
    }
    ClassificationResult {
        #[prost(message, repeated, tag = "1")]
        classifications: Vec<Classifications>,
    }
    ClassificationRequest {
        #[prost(message, optional, tag = "1")]
        model_spec: Option<ModelSpec>,
        #[prost(message, optional, tag = "2")]
        input: Option<Input>,
    }
    ClassificationResponse {
        #[prost(message, optional, tag = "1")]
        result: Option<ClassificationResult>,
        #[prost(message, optional, tag = "2")]
        model_spec: Option<ModelSpec>,
    }
    Regression {
        #[prost(float, tag = "1")]
        value: f32,
    }
    RegressionResult {
        #[prost(message, repeated, tag = "1")]
        regressions: Vec<Regression>,
    }
    RegressionRequest {
        #[prost(message, optional, tag = "1")]
        model_spec: Option<ModelSpec>,
        #[prost(message, optional, tag = "2")]
        input: Option<Input>,
    }
    RegressionResponse {
        #[prost(message, optional, tag = "1")]
        result: Option<RegressionResult>,
        #[prost(message, optional, tag = "2")]
        model_spec: Option<ModelSpec>,
    }
    InferenceTask {
        #[prost(message, optional, tag = "1")]
        model_spec: Option<ModelSpec>,
        #[prost(string, tag = "2")]
        method_name: String,
    }
    InferenceResult {
        #[prost(message, optional, tag = "1")]
        model_spec: Option<ModelSpec>,
        #[prost(oneof = "InferenceResultResult", tags = "2, 3")]
        result: Option<InferenceResultResult>,
    }
    MultiInferenceRequest {
        #[prost(message, repeated, tag = "1")]
        tasks: Vec<InferenceTask>,
        #[prost(message, optional, tag = "2")]
        input: Option<Input>,
    }
    MultiInferenceResponse {
        #[prost(message, repeated, tag = "1")]
        results: Vec<InferenceResult>,
    }
    GetModelMetadataRequest {
        #[prost(message, optional, tag = "1")]
        model_spec: Option<ModelSpec>,
        #[prost(string, repeated, tag = "2")]
        metadata_field: Vec<String>,
    }
    /// `google.protobuf.Any`.
    Any {
        #[prost(string, tag = "1")]
        type_url: String,
        #[prost(bytes = "bytes", tag = "2")]
        value: Bytes,
    }
    GetModelMetadataResponse {
        #[prost(message, optional, tag = "1")]
        model_spec: Option<ModelSpec>,
        #[prost(btree_map = "string, message", tag = "2")]
        metadata: BTreeMap<String, Any>,
    }
    TensorInfo {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(int32, tag = "2")]
        dtype: i32,
        #[prost(message, optional, tag = "3")]
        tensor_shape: Option<TensorShapeProto>,
    }
    SignatureDef {
        #[prost(btree_map = "string, message", tag = "1")]
        inputs: BTreeMap<String, TensorInfo>,
        #[prost(btree_map = "string, message", tag = "2")]
        outputs: BTreeMap<String, TensorInfo>,
        #[prost(string, tag = "3")]
        method_name: String,
    }
    SignatureDefMap {
        #[prost(btree_map = "string, message", tag = "1")]
        signature_def: BTreeMap<String, SignatureDef>,
    }
    StatusProto {
        #[prost(int32, tag = "1")]
        error_code: i32,
        #[prost(string, tag = "2")]
        error_message: String,
    }
    GetModelStatusRequest {
        #[prost(message, optional, tag = "1")]
        model_spec: Option<ModelSpec>,
    }
    ModelVersionStatus {
        #[prost(int64, tag = "1")]
        version: i64,
        #[prost(int32, tag = "2")]
        state: i32,
        #[prost(message, optional, tag = "3")]
        status: Option<StatusProto>,
    }
    GetModelStatusResponse {
        #[prost(message, repeated, tag = "1")]
        model_version_status: Vec<ModelVersionStatus>,
    }
    ReloadConfigRequest {}
    ReloadConfigResponse {
        #[prost(message, optional, tag = "1")]
        status: Option<StatusProto>,
    }
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ModelSpecVersionChoice {
    #[prost(message, tag = "2")]
    Version(Int64Value),
    #[prost(string, tag = "4")]
    VersionLabel(String),
}

#[derive(Clone, PartialEq, prost::Oneof)]
#[allow(clippy::enum_variant_names, reason = "the names of upstream's messages")]
pub enum FeatureKind {
    #[prost(message, tag = "1")]
    BytesList(BytesList),
    #[prost(message, tag = "2")]
    FloatList(FloatList),
    #[prost(message, tag = "3")]
    Int64List(Int64List),
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum InputKind {
    #[prost(message, tag = "1")]
    ExampleList(ExampleList),
    #[prost(message, tag = "2")]
    ExampleListWithContext(ExampleListWithContext),
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum InferenceResultResult {
    #[prost(message, tag = "2")]
    ClassificationResult(ClassificationResult),
    #[prost(message, tag = "3")]
    RegressionResult(RegressionResult),
}
