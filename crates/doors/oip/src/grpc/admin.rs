use std::collections::BTreeMap;

use serde_json::Value;
use serving::VariantTraffic;
use types::Permission;
use wire_grpc::{Call, Status};

use super::admin_wire::*;
use super::{given, told};
use crate::{State, about, settings};

pub async fn model_config(
    state: State,
    call: Call,
    request: ModelConfigRequest,
) -> Result<ModelConfigResponse, Status> {
    let actor = call.require(Permission::Read)?;
    let about = about::model(&state, actor, &request.name, given(&request.version)).map_err(told)?;
    let input = about.inputs.iter().map(|s| ModelInput {
        name: s.name.clone(),
        data_type: about::config_type(s).1,
        format: 0,
        dims: s.shape.clone(),
    });
    let output = about.outputs.iter().map(|s| ModelOutput {
        name: s.name.clone(),
        data_type: about::config_type(s).1,
        dims: s.shape.clone(),
    });
    Ok(ModelConfigResponse {
        config: Some(ModelConfig {
            name: about.name,
            platform: about.platform.to_owned(),
            backend: about.backend.to_owned(),
            max_batch_size: i32::try_from(about.most_rows).unwrap_or(i32::MAX),
            input: input.collect(),
            output: output.collect(),
        }),
    })
}

pub async fn model_statistics(
    state: State,
    call: Call,
    request: ModelStatisticsRequest,
) -> Result<ModelStatisticsResponse, Status> {
    let actor = call.require(Permission::Read)?;
    let found = about::statistics(&state, actor, given(&request.name), given(&request.version));
    Ok(ModelStatisticsResponse { model_stats: found.map_err(told)?.iter().map(counted).collect() })
}

fn counted(of: &VariantTraffic) -> ModelStatistics {
    let traffic = &of.traffic;
    let good = traffic.requests - traffic.errors;
    let took = Some(StatisticDuration { count: good, ns: traffic.busy_ns });
    let none = Some(StatisticDuration::default());
    let last = traffic.series.last().map_or(0, |p| p.0);
    ModelStatistics {
        name: of.endpoint.clone(),
        version: of.variant.version.to_string(),
        last_inference: u64::try_from(last).unwrap_or(0),
        inference_count: good,
        execution_count: good,
        inference_stats: Some(InferStatistics {
            success: took.clone(),
            fail: Some(StatisticDuration { count: traffic.errors, ns: 0 }),
            queue: none.clone(),
            compute_input: none.clone(),
            compute_infer: took,
            compute_output: none.clone(),
            cache_hit: none.clone(),
            cache_miss: none,
        }),
        batch_stats: Vec::new(),
    }
}

pub async fn repository_index(
    state: State,
    call: Call,
    request: RepositoryIndexRequest,
) -> Result<RepositoryIndexResponse, Status> {
    let actor = call.require(Permission::Read)?;
    let listed = about::index(&state, actor, request.ready);
    let one = |m: about::Listed| RepositoryIndexResponseModelIndex {
        name: m.name,
        version: m.version,
        state: m.state.to_owned(),
        reason: m.reason,
    };
    Ok(RepositoryIndexResponse { models: listed.into_iter().map(one).collect() })
}

pub async fn repository_model_load(
    state: State,
    call: Call,
    request: RepositoryModelLoadRequest,
) -> Result<RepositoryModelLoadResponse, Status> {
    let actor = call.require(Permission::Deploy)?;
    about::load(&state, actor, &request.model_name).await.map_err(told)?;
    Ok(RepositoryModelLoadResponse {})
}

pub async fn repository_model_unload(
    state: State,
    call: Call,
    request: RepositoryModelUnloadRequest,
) -> Result<RepositoryModelUnloadResponse, Status> {
    let actor = call.require(Permission::Deploy)?;
    about::unload(&state, actor, &request.model_name).await.map_err(told)?;
    Ok(RepositoryModelUnloadResponse {})
}

/// No region is registered.
pub async fn system_shared_memory_status(
    _: State,
    call: Call,
    _: SystemSharedMemoryStatusRequest,
) -> Result<SystemSharedMemoryStatusResponse, Status> {
    call.require(Permission::Read)?;
    Ok(SystemSharedMemoryStatusResponse::default())
}

pub async fn cuda_shared_memory_status(
    _: State,
    call: Call,
    _: CudaSharedMemoryStatusRequest,
) -> Result<CudaSharedMemoryStatusResponse, Status> {
    call.require(Permission::Read)?;
    Ok(CudaSharedMemoryStatusResponse::default())
}

pub async fn trace_setting(
    state: State,
    call: Call,
    request: TraceSettingRequest,
) -> Result<TraceSettingResponse, Status> {
    let actor = call.require(Permission::Read)?;
    if let Some(model) = given(&request.model_name) {
        state.serving.target(actor, model, serving::Select::Any).map_err(|e| told(e.into()))?;
    }
    let current: BTreeMap<String, Vec<String>> = settings::trace_settings()
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), texts(value)))
        .collect();
    let same = |(name, wish): (&String, &TraceSettingRequestSettingValue)| {
        wish.value.is_empty() || current.get(name) == Some(&wish.value)
    };
    if !request.settings.iter().all(same) {
        return Err(Status::invalid_argument(settings::TRACES));
    }
    let settings =
        current.into_iter().map(|(name, value)| (name, TraceSettingResponseSettingValue { value }));
    Ok(TraceSettingResponse { settings: settings.collect() })
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

pub async fn log_settings(
    _: State,
    call: Call,
    request: LogSettingsRequest,
) -> Result<LogSettingsResponse, Status> {
    use LogSettingsRequestSettingValueParameterChoice as Wish;
    use LogSettingsResponseSettingValueParameterChoice as Now;
    call.require(Permission::Read)?;
    let current = settings::log_settings();
    let same = |(name, wish): (&String, &LogSettingsRequestSettingValue)| match &wish.parameter_choice {
        None => true,
        Some(Wish::BoolParam(b)) => current[name] == *b,
        Some(Wish::Uint32Param(n)) => current[name] == *n,
        Some(Wish::StringParam(text)) => current[name] == **text,
    };
    if !request.settings.iter().all(same) {
        return Err(Status::invalid_argument(settings::LOGS));
    }
    let told = |value: &Value| match value {
        Value::Bool(b) => Now::BoolParam(*b),
        Value::Number(n) => Now::Uint32Param(n.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0)),
        other => Now::StringParam(other.as_str().unwrap_or_default().to_owned()),
    };
    let each = current.as_object().into_iter().flatten();
    let settings = each.map(|(name, value)| {
        (name.clone(), LogSettingsResponseSettingValue { parameter_choice: Some(told(value)) })
    });
    Ok(LogSettingsResponse { settings: settings.collect() })
}
