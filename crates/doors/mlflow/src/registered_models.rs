use models::{ModelQuery, ModelVersion};
use types::ResourceKind;

use crate::call::{Answer, Cx, empty, reply};
use crate::convert;
use crate::errors::{Code, Failure};
use crate::filters::{self, IS_PROMPT};
use crate::guard;
use crate::limits;
use crate::model_versions::STAGES;
use crate::paging::Pages;
use crate::request::Fields;
use crate::wire::registry as wr;

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let name = f.required_text("name")?;
    limits::model_name(&name)?;
    let tags = f.pairs("tags")?;
    for (key, value) in &tags {
        limits::registry_tag(key, value)?;
    }
    let is_prompt = tags.iter().any(|(key, value)| key == IS_PROMPT && value.eq_ignore_ascii_case("true"));
    let description = f.text("description")?;
    let tags = tags.into_iter().collect();
    let kind = if is_prompt { ResourceKind::Prompt } else { ResourceKind::Model };
    match models::create_kind(&cx.state.ledger, &cx.actor, kind, name.clone(), description, tags).await {
        Ok(model) => {
            reply(&wr::RegisteredModelResponse { registered_model: convert::registered_model(model) })
        }
        Err(models::Error::ModelExists { name }) => Err(taken(&cx, name, is_prompt).await?),
        Err(other) => Err(other.into()),
    }
}

/// `mlflow/prompt/registry_utils.py: handle_resource_already_exist_error`
async fn taken(cx: &Cx, name: String, new_is_prompt: bool) -> Result<Failure, Failure> {
    let there = models::model(&cx.state.ledger, &cx.actor, name.clone()).await?;
    let old_is_prompt = there.tags.get(IS_PROMPT).is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let kind = |prompt: bool| if prompt { "Prompt" } else { "Registered Model" };
    let message = if old_is_prompt == new_is_prompt {
        format!("{} (name={name}) already exists.", kind(new_is_prompt))
    } else {
        format!(
            "Tried to create a {} with name '{name}', but the name is already taken by a {}. MLflow does not allow \
             creating a model and a prompt with the same name.",
            kind(new_is_prompt).to_lowercase(),
            kind(old_is_prompt).to_lowercase()
        )
    };
    Ok(Failure::new(Code::ResourceAlreadyExists, message))
}

fn name(f: &Fields) -> Result<String, Failure> {
    let name = f.required_text("name")?;
    limits::model_name(&name)?;
    Ok(name)
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    let model = models::model(&cx.state.ledger, &cx.actor, name(&f)?).await?;
    reply(&wr::RegisteredModelResponse { registered_model: convert::registered_model(model) })
}

pub(crate) async fn update(cx: Cx, f: Fields) -> Answer {
    let description = Some(f.text_or_empty("description")?);
    let model = models::update_model(&cx.state.ledger, &cx.actor, name(&f)?, description).await?;
    reply(&wr::RegisteredModelResponse { registered_model: convert::registered_model(model) })
}

pub(crate) async fn rename(cx: Cx, f: Fields) -> Answer {
    let (name, new_name) = (name(&f)?, f.required_text("new_name")?);
    if new_name.trim().is_empty() {
        return Err(Failure::invalid("Missing value for required parameter 'new_name'."));
    }
    limits::model_name(&new_name)?;
    let model = models::rename_model(&cx.state.ledger, &cx.actor, name, new_name).await?;
    reply(&wr::RegisteredModelResponse { registered_model: convert::registered_model(model) })
}

pub(crate) async fn delete(cx: Cx, f: Fields) -> Answer {
    models::delete_model(&cx.state.ledger, &cx.actor, name(&f)?).await?;
    empty()
}

pub(crate) async fn search(cx: Cx, f: Fields) -> Answer {
    let limit = f.integer("max_results")?.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        return Err(Failure::invalid(format!(
            "Invalid value {limit} for parameter 'max_results' supplied. See the API docs for more information about \
             request parameters."
        )));
    }
    let (filter, order) = filters::model_query(&f.text_or_empty("filter")?, &f.texts("order_by")?)?;
    let search = (&filter.clauses, filter.prompts, &order);
    let mut pages = Pages::of(&search, f.text("page_token")?.as_deref())?;
    let query = ModelQuery {
        without_tag: (!filter.prompts).then(|| (IS_PROMPT.to_owned(), "true".to_owned())),
        filter: filter.clauses,
        order,
        limit,
        after: pages.after.take(),
    };
    let page = models::search_models(&cx.state.ledger, &cx.actor, query).await?;
    reply(&wr::SearchRegisteredModelsResponse {
        next_page_token: pages.next(page.next, page.items.len()),
        registered_models: page
            .items
            .into_iter()
            .filter(|m| {
                guard::sees_model(&cx.actor, &m.name, m.tags.get(IS_PROMPT).is_some_and(|v| v == "true"))
            })
            .map(convert::registered_model)
            .collect(),
    })
}

pub(crate) async fn get_latest_versions(cx: Cx, f: Fields) -> Answer {
    let wanted = f
        .texts("stages")?
        .iter()
        .map(|stage| crate::model_versions::stage(stage))
        .collect::<Result<Vec<_>, _>>()?;
    let wanted = if wanted.is_empty() { STAGES.to_vec() } else { wanted };
    let model = models::model(&cx.state.ledger, &cx.actor, name(&f)?).await?;
    let model_versions = model
        .latest
        .into_iter()
        .filter(|v| wanted.contains(&v.stage.as_str()))
        .map(convert::model_version)
        .collect();
    reply(&wr::ModelVersionsResponse { model_versions, next_page_token: None })
}

pub(crate) async fn set_tag(cx: Cx, f: Fields) -> Answer {
    let (key, value) = (f.required_text("key")?, f.text_or_empty("value")?);
    limits::registry_tag(&key, &value)?;
    models::set_model_tag(&cx.state.ledger, &cx.actor, name(&f)?, key, value).await?;
    empty()
}

pub(crate) async fn delete_tag(cx: Cx, f: Fields) -> Answer {
    let key = f.required_text("key")?;
    limits::key("key", &key)?;
    models::delete_model_tag(&cx.state.ledger, &cx.actor, name(&f)?, key).await?;
    empty()
}

pub(crate) async fn set_alias(cx: Cx, f: Fields) -> Answer {
    let alias = f.required_text("alias")?;
    let number = limits::model_version(&f.required_text("version")?)?;
    limits::alias(&alias)?;
    limits::alias_not_reserved(&alias)?;
    models::set_alias(&cx.state.ledger, &cx.actor, name(&f)?, alias, number).await?;
    empty()
}

pub(crate) async fn delete_alias(cx: Cx, f: Fields) -> Answer {
    let alias = f.required_text("alias")?;
    limits::alias(&alias)?;
    models::delete_alias(&cx.state.ledger, &cx.actor, name(&f)?, alias).await?;
    empty()
}

pub(crate) async fn get_by_alias(cx: Cx, f: Fields) -> Answer {
    let (name, alias) = (name(&f)?, f.required_text("alias")?);
    limits::alias(&alias)?;
    let found = by_alias(&cx, name, alias).await?;
    reply(&wr::ModelVersionResponse { model_version: convert::model_version(found) })
}

/// The version that an alias names; `latest` is the newest one.
pub(crate) async fn by_alias(cx: &Cx, name: String, alias: String) -> Result<ModelVersion, Failure> {
    if alias.eq_ignore_ascii_case("latest") {
        let model = models::model(&cx.state.ledger, &cx.actor, name.clone()).await?;
        let newest = model.latest.into_iter().max_by_key(|v| v.number);
        return newest.ok_or_else(|| Failure::missing(format!("Latest version not found for model {name}.")));
    }
    let found = models::version_by_alias(&cx.state.ledger, &cx.actor, name, alias.clone()).await?;
    found.ok_or_else(|| Failure::invalid(format!("Registered model alias {alias} not found.")))
}
