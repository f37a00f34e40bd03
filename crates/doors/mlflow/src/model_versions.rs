use std::collections::BTreeMap;

use models::{CreateVersion, VersionQuery};

use crate::call::{Answer, Cx, empty, reply};
use crate::convert;
use crate::errors::{Code, Failure};
use crate::filters::{self, IS_PROMPT};
use crate::paging::Pages;
use crate::request::Fields;
use crate::wire::registry as wr;
use crate::{guard, limits, sources};

/// `mlflow/entities/model_registry/model_version_stages.py`
pub(crate) const STAGES: [&str; 4] = ["None", "Staging", "Production", "Archived"];
const ACTIVE: [&str; 2] = ["Staging", "Production"];
/// Where prompts, which have no files, say that they come from.
const PROMPT_SOURCES: [&str; 2] = ["prompt-template", "dummy-source"];
/// The tag of a logged model that lists the versions made of it.
const MODEL_VERSIONS: &str = "mlflow.modelVersions";

/// A stage in its canonical spelling.
pub(crate) fn stage(given: &str) -> Result<&'static str, Failure> {
    STAGES.into_iter().find(|s| s.eq_ignore_ascii_case(given)).ok_or_else(|| {
        Failure::invalid(format!(
            "Invalid Model Version stage: {given}. Value must be one of {}.",
            STAGES.join(", ")
        ))
    })
}

fn target(f: &Fields) -> Result<(String, i64), Failure> {
    let (name, version) = (f.required_text("name")?, f.required_text("version")?);
    limits::model_name(&name)?;
    Ok((name, limits::model_version(&version)?))
}

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let name = f.required_text("name")?;
    let source = f.required_text("source")?;
    limits::model_name(&name)?;
    let tags = f.pairs("tags")?;
    for (key, value) in &tags {
        limits::version_tag(key, value)?;
    }
    let filled =
        |name: &str| -> Result<Option<String>, Failure> { Ok(f.text(name)?.filter(|t| !t.is_empty())) };
    let is_prompt = tags.iter().rev().find(|(key, _)| key == IS_PROMPT);
    let is_prompt = is_prompt.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"));
    let mut version = CreateVersion {
        model: name.clone(),
        location: source.clone(),
        source,
        folder: None,
        run: filled("run_id")?,
        run_link: filled("run_link")?,
        logged_model: filled("model_id")?,
        description: f.text("description")?,
        tags: tags.into_iter().collect(),
    };
    if !is_prompt {
        sources::resolve(&cx, &mut version, f.has("run_id"), f.has("model_id")).await?;
    } else if !PROMPT_SOURCES.contains(&version.source.as_str()) {
        return Err(Failure::invalid(format!(
            "Invalid prompt source: '{}'. Prompt sources must use an MLflow placeholder.",
            version.source
        )));
    }
    let logged_model = version.logged_model.clone().filter(|_| !is_prompt);
    let created = models::create_version(&cx.state.ledger, &cx.actor, version).await?;
    if let Some(id) = logged_model {
        note_on_logged_model(&cx, id, &name, created.number).await?;
    }
    reply(&wr::ModelVersionResponse { model_version: convert::model_version(created) })
}

/// Adds the version to the logged model's list of versions.
async fn note_on_logged_model(cx: &Cx, id: String, name: &str, number: i64) -> Result<(), Failure> {
    let model = tracking::logged_model(&cx.state.ledger, &cx.actor, id.clone(), false).await?;
    let before = model.tags.get(MODEL_VERSIONS).and_then(|text| serde_json::from_str(text).ok());
    let mut versions: Vec<serde_json::Value> = before.unwrap_or_default();
    versions.push(serde_json::json!({ "name": name, "version": number }));
    let tag = (MODEL_VERSIONS.to_owned(), convert::python_json(&versions.into()));
    tracking::set_logged_model_tags(&cx.state.ledger, &cx.actor, id, [tag].into()).await?;
    Ok(())
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    let (name, number) = target(&f)?;
    let found = models::version(&cx.state.ledger, &cx.actor, name, number).await?;
    reply(&wr::ModelVersionResponse { model_version: convert::model_version(found) })
}

pub(crate) async fn update(cx: Cx, f: Fields) -> Answer {
    let (name, number) = target(&f)?;
    let description = f.text("description")?;
    let found = models::update_version(&cx.state.ledger, &cx.actor, name, number, description).await?;
    reply(&wr::ModelVersionResponse { model_version: convert::model_version(found) })
}

pub(crate) async fn transition_stage(cx: Cx, f: Fields) -> Answer {
    let (name, number) = target(&f)?;
    let given = f.required_text("stage")?;
    let archive = f.boolean("archive_existing_versions")?.unwrap_or(false);
    let stage = stage(&given)?;
    if archive && !ACTIVE.contains(&stage) {
        return Err(Failure::new(
            Code::InternalError,
            format!(
                "Model version transition cannot archive existing model versions because '{given}' is not an Active \
                 stage. Valid stages are ['Staging', 'Production']"
            ),
        ));
    }
    let others = archive.then_some("Archived");
    let found = models::set_stage(&cx.state.ledger, &cx.actor, name, number, stage, others).await?;
    reply(&wr::ModelVersionResponse { model_version: convert::model_version(found) })
}

pub(crate) async fn delete(cx: Cx, f: Fields) -> Answer {
    let (name, number) = target(&f)?;
    models::delete_version(&cx.state.ledger, &cx.actor, name, number).await?;
    empty()
}

pub(crate) async fn get_download_uri(cx: Cx, f: Fields) -> Answer {
    let (name, number) = target(&f)?;
    let found = models::version(&cx.state.ledger, &cx.actor, name, number).await?;
    reply(&wr::DownloadUriResponse { artifact_uri: found.location })
}

pub(crate) async fn search(cx: Cx, f: Fields) -> Answer {
    let limit = f.integer("max_results")?.unwrap_or(200_000);
    if limit < 1 {
        return Err(Failure::invalid(format!(
            "Invalid value for max_results. It must be a positive integer, but got {limit}"
        )));
    }
    if limit > 200_000 {
        return Err(Failure::invalid(format!(
            "Invalid value {limit} for parameter 'max_results' supplied. See the API docs for more information about \
             request parameters."
        )));
    }
    let filter = filters::version_filter(&f.text_or_empty("filter")?)?;
    let order = f.texts("order_by")?;
    let order = if order.is_empty() { vec!["last_updated_timestamp DESC".to_owned()] } else { order };
    let order = filters::version_order(&order)?;
    let search = (&filter.clauses, filter.prompts, &order);
    let mut pages = Pages::of(&search, f.text("page_token")?.as_deref())?;
    let query = VersionQuery {
        without_tag: (!filter.prompts).then(|| (IS_PROMPT.to_owned(), "true".to_owned())),
        filter: filter.clauses,
        order,
        limit,
        after: pages.after.take(),
    };
    let mut page = models::search_versions(&cx.state.ledger, &cx.actor, query).await?;
    let mut seen: BTreeMap<String, bool> = BTreeMap::new();
    for version in &page.items {
        if !seen.contains_key(&version.model) {
            seen.insert(version.model.clone(), guard::sees_versions(&cx, &version.model).await?);
        }
    }
    page.items.retain(|version| seen.get(&version.model).copied().unwrap_or_default());
    reply(&wr::ModelVersionsResponse {
        next_page_token: pages.next(page.next, page.items.len()),
        model_versions: page.items.into_iter().map(convert::model_version).collect(),
    })
}

pub(crate) async fn set_tag(cx: Cx, f: Fields) -> Answer {
    let (name, number) = target(&f)?;
    let (key, value) = (f.required_text("key")?, f.text_or_empty("value")?);
    limits::version_tag(&key, &value)?;
    models::set_version_tag(&cx.state.ledger, &cx.actor, name, number, key, value).await?;
    empty()
}

pub(crate) async fn delete_tag(cx: Cx, f: Fields) -> Answer {
    let (name, number) = target(&f)?;
    let key = f.required_text("key")?;
    limits::key("key", &key)?;
    models::delete_version_tag(&cx.state.ledger, &cx.actor, name, number, key).await?;
    empty()
}
