//! Messages of configuration, statistics, repository, trace and log settings.
//! <https://github.com/triton-inference-server/common/blob/main/protobuf/grpc_service.proto>, which extends
//! <https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_grpc.proto>.

use std::collections::BTreeMap;

#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelConfigRequest {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelConfigResponse {
    #[prost(message, optional, tag = "1")]
    pub config: Option<ModelConfig>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelConfig {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub platform: String,
    #[prost(string, tag = "17")]
    pub backend: String,
    #[prost(int32, tag = "4")]
    pub max_batch_size: i32,
    #[prost(message, repeated, tag = "5")]
    pub input: Vec<ModelInput>,
    #[prost(message, repeated, tag = "6")]
    pub output: Vec<ModelOutput>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelInput {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(int32, tag = "3")]
    pub format: i32,
    #[prost(int64, repeated, tag = "4")]
    pub dims: Vec<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelOutput {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(int64, repeated, tag = "3")]
    pub dims: Vec<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelStatisticsRequest {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelStatisticsResponse {
    #[prost(message, repeated, tag = "1")]
    pub model_stats: Vec<ModelStatistics>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelStatistics {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub version: String,
    #[prost(uint64, tag = "3")]
    pub last_inference: u64,
    #[prost(uint64, tag = "4")]
    pub inference_count: u64,
    #[prost(uint64, tag = "5")]
    pub execution_count: u64,
    #[prost(message, optional, tag = "6")]
    pub inference_stats: Option<InferStatistics>,
    #[prost(message, repeated, tag = "7")]
    pub batch_stats: Vec<InferBatchStatistics>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct InferStatistics {
    #[prost(message, optional, tag = "1")]
    pub success: Option<StatisticDuration>,
    #[prost(message, optional, tag = "2")]
    pub fail: Option<StatisticDuration>,
    #[prost(message, optional, tag = "3")]
    pub queue: Option<StatisticDuration>,
    #[prost(message, optional, tag = "4")]
    pub compute_input: Option<StatisticDuration>,
    #[prost(message, optional, tag = "5")]
    pub compute_infer: Option<StatisticDuration>,
    #[prost(message, optional, tag = "6")]
    pub compute_output: Option<StatisticDuration>,
    #[prost(message, optional, tag = "7")]
    pub cache_hit: Option<StatisticDuration>,
    #[prost(message, optional, tag = "8")]
    pub cache_miss: Option<StatisticDuration>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct StatisticDuration {
    #[prost(uint64, tag = "1")]
    pub count: u64,
    #[prost(uint64, tag = "2")]
    pub ns: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct InferBatchStatistics {
    #[prost(uint64, tag = "1")]
    pub batch_size: u64,
    #[prost(message, optional, tag = "2")]
    pub compute_input: Option<StatisticDuration>,
    #[prost(message, optional, tag = "3")]
    pub compute_infer: Option<StatisticDuration>,
    #[prost(message, optional, tag = "4")]
    pub compute_output: Option<StatisticDuration>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RepositoryIndexRequest {
    #[prost(string, tag = "1")]
    pub repository_name: String,
    #[prost(bool, tag = "2")]
    pub ready: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RepositoryIndexResponse {
    #[prost(message, repeated, tag = "1")]
    pub models: Vec<RepositoryIndexResponseModelIndex>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RepositoryIndexResponseModelIndex {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub version: String,
    #[prost(string, tag = "3")]
    pub state: String,
    #[prost(string, tag = "4")]
    pub reason: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RepositoryModelLoadRequest {
    #[prost(string, tag = "1")]
    pub repository_name: String,
    #[prost(string, tag = "2")]
    pub model_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RepositoryModelLoadResponse {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RepositoryModelUnloadRequest {
    #[prost(string, tag = "1")]
    pub repository_name: String,
    #[prost(string, tag = "2")]
    pub model_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RepositoryModelUnloadResponse {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct SystemSharedMemoryStatusRequest {
    #[prost(string, tag = "1")]
    pub name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct SystemSharedMemoryStatusResponse {
    #[prost(btree_map = "string, message", tag = "1")]
    pub regions: BTreeMap<String, SystemSharedMemoryStatusResponseRegionStatus>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct SystemSharedMemoryStatusResponseRegionStatus {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub key: String,
    #[prost(uint64, tag = "3")]
    pub offset: u64,
    #[prost(uint64, tag = "4")]
    pub byte_size: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CudaSharedMemoryStatusRequest {
    #[prost(string, tag = "1")]
    pub name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CudaSharedMemoryStatusResponse {
    #[prost(btree_map = "string, message", tag = "1")]
    pub regions: BTreeMap<String, CudaSharedMemoryStatusResponseRegionStatus>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CudaSharedMemoryStatusResponseRegionStatus {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(uint64, tag = "2")]
    pub device_id: u64,
    #[prost(uint64, tag = "3")]
    pub byte_size: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TraceSettingRequest {
    #[prost(btree_map = "string, message", tag = "1")]
    pub settings: BTreeMap<String, TraceSettingRequestSettingValue>,
    #[prost(string, tag = "2")]
    pub model_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TraceSettingRequestSettingValue {
    #[prost(string, repeated, tag = "1")]
    pub value: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TraceSettingResponse {
    #[prost(btree_map = "string, message", tag = "1")]
    pub settings: BTreeMap<String, TraceSettingResponseSettingValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TraceSettingResponseSettingValue {
    #[prost(string, repeated, tag = "1")]
    pub value: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct LogSettingsRequest {
    #[prost(btree_map = "string, message", tag = "1")]
    pub settings: BTreeMap<String, LogSettingsRequestSettingValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct LogSettingsRequestSettingValue {
    #[prost(oneof = "LogSettingsRequestSettingValueParameterChoice", tags = "1, 2, 3")]
    pub parameter_choice: Option<LogSettingsRequestSettingValueParameterChoice>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
#[allow(clippy::enum_variant_names, reason = "the names of upstream's messages")]
pub enum LogSettingsRequestSettingValueParameterChoice {
    #[prost(bool, tag = "1")]
    BoolParam(bool),
    #[prost(uint32, tag = "2")]
    Uint32Param(u32),
    #[prost(string, tag = "3")]
    StringParam(String),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct LogSettingsResponse {
    #[prost(btree_map = "string, message", tag = "1")]
    pub settings: BTreeMap<String, LogSettingsResponseSettingValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct LogSettingsResponseSettingValue {
    #[prost(oneof = "LogSettingsResponseSettingValueParameterChoice", tags = "1, 2, 3")]
    pub parameter_choice: Option<LogSettingsResponseSettingValueParameterChoice>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
#[allow(clippy::enum_variant_names, reason = "the names of upstream's messages")]
pub enum LogSettingsResponseSettingValueParameterChoice {
    #[prost(bool, tag = "1")]
    BoolParam(bool),
    #[prost(uint32, tag = "2")]
    Uint32Param(u32),
    #[prost(string, tag = "3")]
    StringParam(String),
}
