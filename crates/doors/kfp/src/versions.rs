//! `PipelineService`, the versions of its pipelines. Their document is kept as it was given.

use axum::extract::{Path, State as Shared};
use pipelines::PipelineVersion;
use serde_json::{Value, json};
use types::{Actor, Digest, Uid};

use crate::call::{Answer, Body, Params, Reader, Writer, empty, id, ok};
use crate::errors::{Code, Failure};
use crate::filters::Field;
use crate::ir::{Document, convert};
use crate::listing::{Listed, page};
use crate::pipelines::{Change, DISPLAY_NAME, TAGS, names, tags, text_label};
use crate::{State, wire};

const CODE_SOURCE: &str = "code_source_url";

pub(crate) async fn list(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(pipeline_id): Path<String>,
    params: Params,
) -> Answer {
    let found = crate::pipelines::find(&state, &actor, &pipeline_id).await?;
    let all = pipelines::versions(&state.ledger, &actor, found.uid).await?;
    let page = page(all.into_iter().map(Row).collect(), &params)?;
    let mut pipeline_versions = Vec::with_capacity(page.items.len());
    for Row(version) in &page.items {
        pipeline_versions.push(view(&state, version).await?);
    }
    ok(&wire::ListPipelineVersionsResponse {
        pipeline_versions,
        next_page_token: page.next,
        total_size: page.total,
    })
}

pub(crate) async fn create(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(pipeline_id): Path<String>,
    Body(new): Body<wire::PipelineVersion>,
) -> Answer {
    let pipeline = crate::pipelines::find(&state, &actor, &pipeline_id).await?;
    let document = document(&new)?;
    let made = add(&state, &actor, pipeline.uid, &new, &document).await?;
    ok(&view(&state, &made).await?)
}

pub(crate) async fn get(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path((pipeline_id, version_id)): Path<(String, String)>,
) -> Answer {
    let found = find(&state, &actor, &pipeline_id, &version_id).await?;
    ok(&view(&state, &found).await?)
}

pub(crate) async fn update(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((pipeline_id, version_id)): Path<(String, String)>,
    Body(change): Body<Change>,
) -> Answer {
    let found = find(&state, &actor, &pipeline_id, &version_id).await?;
    let (description, labels) = change.onto(&found.description, &found.labels);
    let changed = pipelines::update_version(&state.ledger, &actor, found.uid, description, labels).await?;
    ok(&view(&state, &changed).await?)
}

pub(crate) async fn delete(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path((pipeline_id, version_id)): Path<(String, String)>,
) -> Answer {
    let found = find(&state, &actor, &pipeline_id, &version_id).await?;
    pipelines::delete_version(&state.ledger, &actor, found.uid).await?;
    empty()
}

/// What a version is made of. A URL would have to be fetched, and the server does not reach out for a caller.
pub(crate) fn document(new: &wire::PipelineVersion) -> Result<Document, Failure> {
    if !new.pipeline_spec.is_null() {
        return Ok(Document::of_body(&new.pipeline_spec)?);
    }
    match &new.package_url {
        Some(_) => Err(Failure::new(
            Code::Unimplemented,
            "pipelines are not fetched from `package_url`: upload the file, or give `pipeline_spec`",
        )),
        None => Err(Failure::invalid("the version has no `pipeline_spec`")),
    }
}

/// Errors: the document cannot be converted, or the pipeline has a version of that name.
pub(crate) async fn add(
    state: &State,
    actor: &Actor,
    pipeline: Uid,
    new: &wire::PipelineVersion,
    document: &Document,
) -> Result<PipelineVersion, Failure> {
    convert(document)?;
    let (name, shown) = names("version", &new.name, &new.display_name)?;
    let source = keep(state, document).await?;
    let labels = json!({ DISPLAY_NAME: shown, TAGS: new.tags, CODE_SOURCE: new.code_source_url });
    let description = new.description.clone();
    Ok(pipelines::add_version(&state.ledger, actor, pipeline, name, description, source, labels).await?)
}

/// Puts a document where documents are kept.
pub(crate) async fn keep(state: &State, document: &Document) -> Result<Digest, Failure> {
    Ok(state.blobs.put_bytes(document.body().to_string()).await?)
}

/// The document of a version or a run.
pub(crate) async fn source(state: &State, digest: &Digest) -> Result<Value, Failure> {
    let bytes = state.blobs.get_bytes(digest).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        tracing::error!(%digest, %error, "a kept pipeline is not JSON");
        Failure::new(Code::Internal, "the pipeline's document cannot be read")
    })
}

pub(crate) async fn find(
    state: &State,
    actor: &Actor,
    pipeline_id: &str,
    version_id: &str,
) -> Result<PipelineVersion, Failure> {
    let found = pipelines::get_version(&state.ledger, actor, id("pipeline version", version_id)?).await?;
    if !pipeline_id.is_empty() && found.pipeline != id("pipeline", pipeline_id)? {
        return Err(Failure::not_found("pipeline version", version_id));
    }
    Ok(found)
}

async fn view(state: &State, version: &PipelineVersion) -> Result<wire::PipelineVersion, Failure> {
    let shown = text_label(&version.labels, DISPLAY_NAME);
    Ok(wire::PipelineVersion {
        pipeline_id: version.pipeline.to_string(),
        pipeline_version_id: version.uid.to_string(),
        display_name: if shown.is_empty() { version.name.clone() } else { shown },
        name: version.name.clone(),
        description: version.description.clone(),
        created_at: version.created_at.rfc3339(),
        package_url: None,
        code_source_url: text_label(&version.labels, CODE_SOURCE),
        pipeline_spec: source(state, &version.source).await?,
        tags: tags(&version.labels),
    })
}

pub(crate) async fn shown(state: &State, version: &PipelineVersion) -> Answer {
    ok(&view(state, version).await?)
}

struct Row(PipelineVersion);

impl Listed for Row {
    const KEYS: &'static [&'static str] = &[
        "pipeline_version_id",
        "id",
        "name",
        "display_name",
        "created_at",
        "description",
        "pipeline_id",
        "code_source_url",
    ];

    fn id(&self) -> String {
        self.0.uid.to_string()
    }

    fn field(&self, key: &str) -> Option<Field> {
        let Row(found) = self;
        Some(match key {
            "pipeline_version_id" | "id" => Field::Text(found.uid.to_string()),
            "name" => Field::Text(found.name.clone()),
            "display_name" => {
                let shown = text_label(&found.labels, DISPLAY_NAME);
                Field::Text(if shown.is_empty() { found.name.clone() } else { shown })
            }
            "created_at" => Field::Time(found.created_at),
            "description" => Field::Text(found.description.clone()),
            "pipeline_id" => Field::Text(found.pipeline.to_string()),
            "code_source_url" => Field::Text(text_label(&found.labels, CODE_SOURCE)),
            _ => return None,
        })
    }
}
