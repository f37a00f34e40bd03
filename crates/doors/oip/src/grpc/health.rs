use runtimes::TensorSpec;
use serving::Select;
use types::Permission;
use wire_grpc::{Call, Status};
use wire_inference::datatype;

use super::wire::*;
use super::{given, told};
use crate::{State, about};

pub async fn server_live(_: State, _: Call, _: ServerLiveRequest) -> Result<ServerLiveResponse, Status> {
    Ok(ServerLiveResponse { live: true })
}

pub async fn server_ready(_: State, _: Call, _: ServerReadyRequest) -> Result<ServerReadyResponse, Status> {
    Ok(ServerReadyResponse { ready: true })
}

/// A model that cannot serve is not ready; one that nobody knows is an error, as Triton has it.
pub async fn model_ready(
    state: State,
    call: Call,
    request: ModelReadyRequest,
) -> Result<ModelReadyResponse, Status> {
    let actor = call.require(Permission::Read)?;
    let found = state.serving.target(actor, &request.name, Select::version(given(&request.version)));
    match found {
        Ok(_) => Ok(ModelReadyResponse { ready: true }),
        Err(
            serving::Error::NotServing { .. }
            | serving::Error::NoEndpoint(_)
            | serving::Error::NoVersion { .. },
        ) => Ok(ModelReadyResponse { ready: false }),
        Err(error) => Err(told(error.into())),
    }
}

pub async fn server_metadata(
    _: State,
    _: Call,
    _: ServerMetadataRequest,
) -> Result<ServerMetadataResponse, Status> {
    Ok(ServerMetadataResponse {
        name: "mlwright".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        extensions: about::EXTENSIONS.iter().map(|e| (*e).to_owned()).collect(),
    })
}

pub async fn model_metadata(
    state: State,
    call: Call,
    request: ModelMetadataRequest,
) -> Result<ModelMetadataResponse, Status> {
    let actor = call.require(Permission::Read)?;
    let about = about::model(&state, actor, &request.name, given(&request.version)).map_err(told)?;
    let tensors = |specs: &[TensorSpec]| -> Vec<ModelMetadataResponseTensorMetadata> {
        let one = |s: &TensorSpec| ModelMetadataResponseTensorMetadata {
            name: s.name.clone(),
            datatype: datatype::name(s.element).to_owned(),
            shape: s.shape.clone(),
        };
        specs.iter().map(one).collect()
    };
    Ok(ModelMetadataResponse {
        name: about.name,
        versions: about.versions,
        platform: about.platform.to_owned(),
        inputs: tensors(&about.inputs),
        outputs: tensors(&about.outputs),
    })
}
