//! `PipelineService`, its pipelines. The stage calls a pipeline that was uploaded *published*.

use std::collections::BTreeMap;

use axum::extract::{Path, State as Shared};
use pipelines::Published;
use serde_json::{Value, json};
use types::{Actor, Uid};

use crate::call::{Answer, Body, Params, Reader, Writer, empty, id, ok};
use crate::errors::Failure;
use crate::filters::Field;
use crate::listing::{Listed, page};
use crate::{State, versions, wire};

/// Longest name, as upstream's table has it.
const LONGEST_NAME: usize = 128;

pub(crate) async fn list(Shared(state): Shared<State>, Reader(actor): Reader, params: Params) -> Answer {
    let all = pipelines::published(&state.ledger, &actor).await?;
    let page = page(all.into_iter().map(Row).collect(), &params)?;
    let pipelines = page.items.iter().map(|Row(found)| view(found)).collect();
    ok(&wire::ListPipelinesResponse { pipelines, total_size: page.total, next_page_token: page.next })
}

pub(crate) async fn create(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Body(new): Body<wire::Pipeline>,
) -> Answer {
    ok(&view(&publish(&state, &actor, &new).await?))
}

pub(crate) async fn create_with_version(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Body(new): Body<wire::CreatePipelineAndVersionRequest>,
) -> Answer {
    let document = versions::document(&new.pipeline_version)?;
    let made = publish(&state, &actor, &new.pipeline).await?;
    let mut version = new.pipeline_version;
    if version.name.is_empty() && version.display_name.is_empty() {
        version.name = made.name.clone();
    }
    versions::add(&state, &actor, made.uid, &version, &document).await?;
    ok(&view(&made))
}

pub(crate) async fn get(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(pipeline_id): Path<String>,
) -> Answer {
    ok(&view(&find(&state, &actor, &pipeline_id).await?))
}

pub(crate) async fn by_name(
    Shared(state): Shared<State>,
    Reader(actor): Reader,
    Path(name): Path<String>,
) -> Answer {
    ok(&view(&pipelines::find_published(&state.ledger, &actor, &name).await?))
}

pub(crate) async fn update(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(pipeline_id): Path<String>,
    Body(change): Body<Change>,
) -> Answer {
    let found = find(&state, &actor, &pipeline_id).await?;
    let (description, labels) = change.onto(&found.description, &found.labels);
    ok(&view(&pipelines::update_published(&state.ledger, &actor, found.uid, description, labels).await?))
}

pub(crate) async fn delete(
    Shared(state): Shared<State>,
    Writer(actor): Writer,
    Path(pipeline_id): Path<String>,
    params: Params,
) -> Answer {
    let found = find(&state, &actor, &pipeline_id).await?;
    let versions = pipelines::versions(&state.ledger, &actor, found.uid).await?;
    if let Some(version) = versions.first()
        && !params.flag("cascade")
    {
        return Err(Failure::invalid(format!(
            "pipeline {} has versions, such as {}: delete them first, or say cascade=true",
            found.uid, version.uid
        )));
    }
    pipelines::unpublish(&state.ledger, &actor, found.uid).await?;
    empty()
}

/// What a `PATCH` may change; what it does not name stays.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Change {
    display_name: Option<String>,
    description: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

impl Change {
    pub fn onto(self, description: &str, labels: &Value) -> (String, Value) {
        let mut labels = labels.clone();
        if let Value::Object(map) = &mut labels {
            map.extend(self.display_name.map(|name| (DISPLAY_NAME.to_owned(), json!(name))));
            map.extend(self.tags.map(|tags| (TAGS.to_owned(), json!(tags))));
        }
        (self.description.unwrap_or_else(|| description.to_owned()), labels)
    }
}

/// Keys in the labels of what is published.
pub(crate) const DISPLAY_NAME: &str = "display_name";
pub(crate) const TAGS: &str = "tags";

pub(crate) async fn find(state: &State, actor: &Actor, pipeline_id: &str) -> Result<Published, Failure> {
    let uid: Uid = id("pipeline", pipeline_id)?;
    Ok(pipelines::get_published(&state.ledger, actor, uid).await?)
}

/// Errors: it has no name, or another pipeline has it.
pub(crate) async fn publish(
    state: &State,
    actor: &Actor,
    new: &wire::Pipeline,
) -> Result<Published, Failure> {
    let (name, shown) = names("pipeline", &new.name, &new.display_name)?;
    let labels = json!({ DISPLAY_NAME: shown, TAGS: new.tags });
    let description = new.description.clone();
    Ok(pipelines::publish(&state.ledger, actor, name, description, labels).await?)
}

/// The name and what is shown: each stands for the other if it is missing.
pub(crate) fn names(what: &str, name: &str, shown: &str) -> Result<(String, String), Failure> {
    let name = if name.is_empty() { shown } else { name };
    let shown = if shown.is_empty() { name } else { shown };
    if name.trim().is_empty() {
        return Err(Failure::invalid(format!("the {what} has no name")));
    }
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Failure::invalid(format!(
            "the name of the {what} has more than {LONGEST_NAME} characters, or such as cannot be shown"
        )));
    }
    Ok((name.to_owned(), shown.to_owned()))
}

pub(crate) fn text_label(labels: &Value, key: &str) -> String {
    labels.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(crate) fn tags(labels: &Value) -> BTreeMap<String, String> {
    labels.get(TAGS).and_then(|tags| serde_json::from_value(tags.clone()).ok()).unwrap_or_default()
}

pub(crate) fn view(found: &Published) -> wire::Pipeline {
    let shown = text_label(&found.labels, DISPLAY_NAME);
    wire::Pipeline {
        pipeline_id: found.uid.to_string(),
        display_name: if shown.is_empty() { found.name.clone() } else { shown },
        name: found.name.clone(),
        description: found.description.clone(),
        created_at: found.created_at.rfc3339(),
        namespace: String::new(),
        tags: tags(&found.labels),
    }
}

struct Row(Published);

impl Listed for Row {
    const KEYS: &'static [&'static str] =
        &["pipeline_id", "id", "name", "display_name", "created_at", "description", "namespace"];

    fn id(&self) -> String {
        self.0.uid.to_string()
    }

    fn field(&self, key: &str) -> Option<Field> {
        let Row(found) = self;
        Some(match key {
            "pipeline_id" | "id" => Field::Text(found.uid.to_string()),
            "name" => Field::Text(found.name.clone()),
            "display_name" => Field::Text(view(found).display_name),
            "created_at" => Field::Time(found.created_at),
            "description" => Field::Text(found.description.clone()),
            _ => return None,
        })
    }
}
