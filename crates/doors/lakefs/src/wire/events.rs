use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
pub struct ActionRun {
    pub run_id: String,
    pub branch: String,
    pub start_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    pub event_type: String,
    pub status: &'static str,
    pub commit_id: String,
}

#[derive(Debug, Serialize)]
pub struct HookRun {
    pub hook_run_id: String,
    pub action: String,
    pub hook_id: String,
    pub start_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    pub status: &'static str,
}

#[derive(Debug, Deserialize)]
pub struct StatsEventsList {
    pub events: Vec<StatsEvent>,
}

/// Read to be checked; nothing is counted.
#[derive(Debug, Deserialize)]
pub struct StatsEvent {
    pub class: String,
    pub name: String,
    pub count: i64,
}
