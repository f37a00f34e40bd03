//! Messages of `backend/api/v2beta1/*.proto`, in their order of fields. Times are RFC 3339.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// `experiment.proto`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Experiment {
    pub experiment_id: String,
    pub display_name: String,
    pub description: String,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    pub namespace: String,
    #[serde(skip_deserializing)]
    pub storage_state: &'static str,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub last_run_created_at: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct ListExperimentsResponse {
    pub experiments: Vec<Experiment>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next_page_token: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub total_size: usize,
}

/// `pipeline.proto`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Pipeline {
    pub pipeline_id: String,
    pub display_name: String,
    pub name: String,
    pub description: String,
    #[serde(skip_deserializing)]
    pub created_at: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

#[derive(Serialize)]
pub(crate) struct ListPipelinesResponse {
    pub pipelines: Vec<Pipeline>,
    #[serde(skip_serializing_if = "is_zero")]
    pub total_size: usize,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next_page_token: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PipelineVersion {
    pub pipeline_id: String,
    pub pipeline_version_id: String,
    pub display_name: String,
    pub name: String,
    pub description: String,
    #[serde(skip_deserializing)]
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_url: Option<Url>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code_source_url: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub pipeline_spec: Value,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Url {
    pub pipeline_url: String,
}

#[derive(Serialize)]
pub(crate) struct ListPipelineVersionsResponse {
    pub pipeline_versions: Vec<PipelineVersion>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next_page_token: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub total_size: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CreatePipelineAndVersionRequest {
    pub pipeline: Pipeline,
    pub pipeline_version: PipelineVersion,
}

/// `run.proto`
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub(crate) struct PipelineVersionReference {
    pub pipeline_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pipeline_version_id: String,
}

/// `runtime_config.proto`
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub(crate) struct RuntimeConfig {
    pub parameters: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pipeline_root: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Run {
    pub experiment_id: String,
    pub run_id: String,
    pub display_name: String,
    #[serde(skip_deserializing)]
    pub storage_state: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pipeline_version_id: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub pipeline_spec: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_version_reference: Option<PipelineVersionReference>,
    pub runtime_config: RuntimeConfig,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_account: String,
    #[serde(skip_deserializing)]
    pub created_at: String,
    #[serde(skip_deserializing)]
    pub scheduled_at: String,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    #[serde(skip_deserializing)]
    pub state: &'static str,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub error: Option<Status>,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub run_details: Option<RunDetails>,
    #[serde(skip_deserializing, skip_serializing_if = "String::is_empty")]
    pub recurring_run_id: String,
    #[serde(skip_deserializing)]
    pub state_history: Vec<RuntimeStatus>,
}

/// `google.rpc.Status`
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Status {
    pub code: i32,
    pub message: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct RuntimeStatus {
    pub update_time: String,
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Status>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct RunDetails {
    pub task_details: Vec<PipelineTaskDetail>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct PipelineTaskDetail {
    pub run_id: String,
    pub task_id: String,
    pub display_name: String,
    pub create_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_task_id: Option<String>,
    pub state_history: Vec<RuntimeStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub child_tasks: Vec<ChildTask>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ChildTask {
    pub task_id: String,
}

#[derive(Serialize)]
pub(crate) struct ListRunsResponse {
    pub runs: Vec<Run>,
    #[serde(skip_serializing_if = "is_zero")]
    pub total_size: usize,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next_page_token: String,
}

/// `recurring_run.proto`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RecurringRun {
    pub recurring_run_id: String,
    pub display_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pipeline_version_id: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub pipeline_spec: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_version_reference: Option<PipelineVersionReference>,
    pub runtime_config: RuntimeConfig,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_account: String,
    /// An `int64`: a text in answers, either in requests.
    pub max_concurrency: Value,
    pub trigger: Trigger,
    pub mode: String,
    #[serde(skip_deserializing)]
    pub created_at: String,
    #[serde(skip_deserializing)]
    pub updated_at: String,
    #[serde(skip_deserializing)]
    pub status: &'static str,
    pub no_catchup: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    pub experiment_id: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Trigger {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron_schedule: Option<CronSchedule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub periodic_schedule: Option<PeriodicSchedule>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CronSchedule {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    pub cron: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PeriodicSchedule {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    pub interval_second: Value,
}

/// The key of the list is spelt as in the `.proto` file.
#[derive(Serialize)]
pub(crate) struct ListRecurringRunsResponse {
    #[serde(rename = "recurringRuns")]
    pub recurring_runs: Vec<RecurringRun>,
    #[serde(skip_serializing_if = "is_zero")]
    pub total_size: usize,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next_page_token: String,
}
