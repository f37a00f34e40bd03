//! `tensorflow_serving/apis/prediction_service.proto` and `model_service.proto`.

use std::collections::BTreeMap;

use prost::Message as _;
use serving::Select;
use types::Permission;
use wire_grpc::{Call, Status};
use wire_inference::scoring::routing_key;

use crate::errors::Failure;
use crate::metadata::{METHOD, SIGNATURE, versions};
use crate::predict::{Asked, check_signature, input, run};
use crate::tensors::{of_proto, shape, to_proto, type_of};
use crate::wire::*;
use crate::{State, examples, results};

/// Name and choice of a specification. Errors: it names no model, or a version that cannot be one.
struct Spec {
    model: String,
    version: Option<String>,
    label: Option<String>,
    signature: String,
}

impl Spec {
    fn of(spec: Option<ModelSpec>) -> Result<Self, Failure> {
        let spec = spec.filter(|s| !s.name.is_empty()).ok_or_else(|| Failure::bad("Missing ModelSpec"))?;
        let (version, label) = match spec.version_choice {
            Some(ModelSpecVersionChoice::Version(version)) => (Some(version.value.to_string()), None),
            Some(ModelSpecVersionChoice::VersionLabel(label)) => (None, Some(label)),
            None => (None, None),
        };
        check_signature(&spec.signature_name)?;
        Ok(Self { model: spec.name, version, label, signature: spec.signature_name })
    }

    fn select(&self) -> Select<'_> {
        match (&self.version, &self.label) {
            (Some(version), _) => Select::Version(version),
            (None, label) => Select::label(label.as_deref()),
        }
    }

    fn asked<'a>(&'a self, call: &'a Call) -> Asked<'a> {
        Asked {
            endpoint: &self.model,
            select: self.select(),
            routing_key: routing_key(&call.headers),
            deadline: call.deadline,
        }
    }

    /// With the version that answered.
    fn answered(&self, version: i64) -> ModelSpec {
        ModelSpec {
            name: self.model.clone(),
            signature_name: self.signature.clone(),
            version_choice: Some(ModelSpecVersionChoice::Version(Int64Value { value: version })),
        }
    }
}

pub async fn predict(state: State, call: Call, request: PredictRequest) -> Result<PredictResponse, Status> {
    let actor = call.require(Permission::Predict)?;
    let spec = Spec::of(request.model_spec)?;
    let target = state.serving.target(actor, &spec.model, spec.select()).map_err(Failure::from)?;
    let tensors = request.inputs.iter().map(|(name, proto)| of_proto(name, proto));
    let input = input(&target, tensors.collect::<Result<_, _>>()?)?;
    drop(target);
    let answer = run(&state, actor, &spec.asked(&call), input, &request.output_filter).await?;
    Ok(PredictResponse {
        model_spec: Some(ModelSpec {
            signature_name: signature(&spec.signature),
            ..spec.answered(answer.version)
        }),
        outputs: answer.outputs.iter().map(|o| (o.name.clone(), to_proto(o))).collect(),
    })
}

fn signature(asked: &str) -> String {
    if asked.is_empty() { SIGNATURE.to_owned() } else { asked.to_owned() }
}

async fn of_examples(
    state: &State,
    call: &Call,
    spec: &Spec,
    rows: &[examples::Row],
) -> Result<serving::Answer, Status> {
    let actor = call.require(Permission::Predict)?;
    let target = state.serving.target(actor, &spec.model, spec.select()).map_err(Failure::from)?;
    let input = examples::input(&target, rows)?;
    drop(target);
    Ok(run(state, actor, &spec.asked(call), input, &[]).await?)
}

pub async fn classify(
    state: State,
    call: Call,
    request: ClassificationRequest,
) -> Result<ClassificationResponse, Status> {
    let spec = Spec::of(request.model_spec)?;
    let rows = examples::of_proto(request.input)?;
    let answer = of_examples(&state, &call, &spec, &rows).await?;
    Ok(ClassificationResponse {
        result: Some(classification(&answer)?),
        model_spec: Some(spec.answered(answer.version)),
    })
}

fn classification(answer: &serving::Answer) -> Result<ClassificationResult, Failure> {
    let row = |classes: Vec<(String, f32)>| Classifications {
        classes: classes.into_iter().map(|(label, score)| Class { label, score }).collect(),
    };
    Ok(ClassificationResult { classifications: results::classes(answer)?.into_iter().map(row).collect() })
}

pub async fn regress(
    state: State,
    call: Call,
    request: RegressionRequest,
) -> Result<RegressionResponse, Status> {
    let spec = Spec::of(request.model_spec)?;
    let rows = examples::of_proto(request.input)?;
    let answer = of_examples(&state, &call, &spec, &rows).await?;
    Ok(RegressionResponse {
        result: Some(regression(&answer)?),
        model_spec: Some(spec.answered(answer.version)),
    })
}

fn regression(answer: &serving::Answer) -> Result<RegressionResult, Failure> {
    let values = results::regressions(answer)?;
    Ok(RegressionResult { regressions: values.into_iter().map(|value| Regression { value }).collect() })
}

/// Several tasks over the same examples.
pub async fn multi_inference(
    state: State,
    call: Call,
    request: MultiInferenceRequest,
) -> Result<MultiInferenceResponse, Status> {
    let rows = examples::of_proto(request.input)?;
    let mut told = Vec::with_capacity(request.tasks.len());
    for task in request.tasks {
        let spec = Spec::of(task.model_spec)?;
        let answer = of_examples(&state, &call, &spec, &rows).await?;
        let result = match task.method_name.as_str() {
            "tensorflow/serving/classify" => {
                InferenceResultResult::ClassificationResult(classification(&answer)?)
            }
            "tensorflow/serving/regress" => InferenceResultResult::RegressionResult(regression(&answer)?),
            other => return Err(Failure::bad(format!("Unrecognized signature method_name: {other}")).into()),
        };
        told.push(InferenceResult { model_spec: Some(spec.answered(answer.version)), result: Some(result) });
    }
    Ok(MultiInferenceResponse { results: told })
}

pub async fn get_model_metadata(
    state: State,
    call: Call,
    request: GetModelMetadataRequest,
) -> Result<GetModelMetadataResponse, Status> {
    let actor = call.require(Permission::Read)?;
    let spec = Spec::of(request.model_spec)?;
    if let Some(other) = request.metadata_field.iter().find(|field| *field != "signature_def") {
        return Err(Failure::bad(format!("Metadata field {other} is not supported")).into());
    }
    if request.metadata_field.is_empty() {
        return Err(Failure::bad("GetModelMetadataRequest must specify at least one metadata_field").into());
    }
    let target = state.serving.target(actor, &spec.model, spec.select()).map_err(Failure::from)?;
    let info = |s: &runtimes::TensorSpec| {
        let tensor = TensorInfo {
            name: format!("{}:0", s.name),
            dtype: type_of(s.element).0,
            tensor_shape: Some(shape(&s.shape)),
        };
        (s.name.clone(), tensor)
    };
    let definition = SignatureDef {
        inputs: target.model.model.inputs().iter().map(info).collect(),
        outputs: target.model.model.outputs().iter().map(info).collect(),
        method_name: METHOD.to_owned(),
    };
    let map = SignatureDefMap { signature_def: BTreeMap::from([(SIGNATURE.to_owned(), definition)]) };
    let any = Any {
        type_url: "type.googleapis.com/tensorflow.serving.SignatureDefMap".to_owned(),
        value: map.encode_to_vec().into(),
    };
    Ok(GetModelMetadataResponse {
        model_spec: Some(spec.answered(target.model.number)),
        metadata: BTreeMap::from([("signature_def".to_owned(), any)]),
    })
}

/// `AVAILABLE` and `END` of `ModelVersionStatus.State`.
const AVAILABLE: i32 = 30;
const END: i32 = 50;

pub async fn get_model_status(
    state: State,
    call: Call,
    request: GetModelStatusRequest,
) -> Result<GetModelStatusResponse, Status> {
    let actor = call.require(Permission::Read)?;
    let spec = Spec::of(request.model_spec)?;
    let found = versions(&state, actor, &spec.model, spec.select())?;
    let one = |v: crate::metadata::VersionStatus| ModelVersionStatus {
        version: v.version,
        state: if v.available { AVAILABLE } else { END },
        status: Some(StatusProto {
            error_code: if v.available { 0 } else { wire_grpc::Code::Unavailable as i32 },
            error_message: v.reason,
        }),
    };
    Ok(GetModelStatusResponse { model_version_status: found.into_iter().map(one).collect() })
}

/// What is served is deployed, with an event: no file of a client's says it.
pub async fn handle_reload_config_request(
    _: State,
    call: Call,
    _: ReloadConfigRequest,
) -> Result<ReloadConfigResponse, Status> {
    call.require(Permission::Deploy)?;
    Ok(ReloadConfigResponse {
        status: Some(StatusProto {
            error_code: wire_grpc::Code::Unimplemented as i32,
            error_message:
                "models are deployed through mlwright (`mlwright deploy`), not by a configuration file"
                    .to_owned(),
        }),
    })
}
