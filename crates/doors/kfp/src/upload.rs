//! `pipelines/upload` and `pipelines/upload_version`: a form with the file, everything else in the query
//! (`backend/src/apiserver/server/pipeline_upload_server.go`).

use axum::extract::{Request, State as Shared};
use futures::StreamExt as _;
use http::header;

use crate::archive;
use crate::call::{Answer, Params, Writer, ok};
use crate::errors::Failure;
use crate::ir::{Document, convert};
use crate::{State, pipelines, versions, wire};

/// Largest upload, as upstream's (`common.MaxFileLength`).
const MOST: usize = 32 << 20;

pub(crate) async fn pipeline(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    params: Params,
    request: Request,
) -> Answer {
    let (file, document) = document(request).await?;
    // Nothing is kept of a pipeline that cannot run.
    convert(&document)?;
    let text = |name: &str| params.get(name).unwrap_or_default().to_owned();
    let (mut name, shown) = (text("name"), text("display_name"));
    if name.is_empty() && shown.is_empty() {
        name = file;
    }
    let new = wire::Pipeline {
        name,
        display_name: shown,
        description: text("description"),
        tags: tags(&params)?,
        ..wire::Pipeline::default()
    };
    let made = pipelines::publish(&state, &actor, &new).await?;
    let version = wire::PipelineVersion {
        name: made.name.clone(),
        display_name: new.display_name,
        description: new.description,
        code_source_url: text("code_source_url"),
        ..wire::PipelineVersion::default()
    };
    versions::add(&state, &actor, made.uid, &version, &document).await?;
    ok(&pipelines::view(&made))
}

pub(crate) async fn version(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    params: Params,
    request: Request,
) -> Answer {
    let missing = || Failure::invalid("the query has no `pipelineid`");
    let id = params.get("pipelineid").ok_or_else(missing)?;
    let found = pipelines::find(&state, &actor, id).await?;
    let (file, document) = document(request).await?;
    let text = |name: &str| params.get(name).unwrap_or_default().to_owned();
    let (mut name, shown) = (text("name"), text("display_name"));
    if name.is_empty() && shown.is_empty() {
        name = file;
    }
    let new = wire::PipelineVersion {
        name,
        display_name: shown,
        description: text("description"),
        code_source_url: text("code_source_url"),
        tags: tags(&params)?,
        ..wire::PipelineVersion::default()
    };
    let made = versions::add(&state, &actor, found.uid, &new, &document).await?;
    versions::shown(&state, &made).await
}

/// `tags` is a JSON object of texts.
fn tags(params: &Params) -> Result<std::collections::BTreeMap<String, String>, Failure> {
    let Some(text) = params.get("tags") else { return Ok(Default::default()) };
    serde_json::from_str(text)
        .map_err(|e| Failure::invalid(format!("`tags` is not a JSON object of texts: {e}")))
}

/// The name of the file, and the pipeline in it.
async fn document(request: Request) -> Result<(String, Document), Failure> {
    let wrong = |error: multer::Error| Failure::invalid(format!("the form cannot be read: {error}"));
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(kind.unwrap_or_default()).map_err(wrong)?;
    let stream = request.into_body().into_data_stream();
    let mut parts = multer::Multipart::new(stream, boundary);
    while let Some(mut part) = parts.next_field().await.map_err(wrong)? {
        if part.name() != Some("uploadfile") {
            continue;
        }
        let file = part.file_name().unwrap_or("pipeline").to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = part.next().await {
            bytes.extend_from_slice(&chunk.map_err(wrong)?);
            if bytes.len() > MOST {
                return Err(Failure::invalid(format!("the file has more than {MOST} bytes")));
            }
        }
        let read = tokio::task::spawn_blocking(move || {
            let text = archive::pipeline(bytes)?;
            Ok::<_, Failure>(Document::read(&text)?)
        });
        let document =
            read.await.map_err(|e| Failure::new(crate::errors::Code::Internal, e.to_string()))??;
        return Ok((base_name(&file), document));
    }
    Err(Failure::invalid("the form has no part `uploadfile`"))
}

/// Without folders, which the client may not choose.
fn base_name(file: &str) -> String {
    file.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}
