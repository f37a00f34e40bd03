use std::collections::BTreeMap;

use tracking::search::Order;
use tracking::{CreateLoggedModel, LoggedModelQuery};

use crate::call::{Answer, Cx, empty, reply};
use crate::convert::{self, MODEL_STATUSES, experiment_number, next_token, offset};
use crate::errors::Failure;
use crate::filters;
use crate::request::Fields;
use crate::wire::service as ws;

/// `SEARCH_LOGGED_MODEL_MAX_RESULTS_DEFAULT` of `mlflow/store/tracking/__init__.py`.
const DEFAULT_PAGE: i64 = 100;

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let experiment = experiment_number(&f.required_text("experiment_id")?)?;
    let name = f.text("name")?.filter(|n| !n.is_empty());
    if let Some(name) = &name {
        check_name(name)?;
    }
    let request = CreateLoggedModel {
        experiment,
        name,
        model_type: f.text_or_empty("model_type")?,
        source_run: f.text("source_run_id")?.filter(|r| !r.is_empty()),
        params: f.pairs("params")?.into_iter().collect(),
        tags: f.pairs("tags")?.into_iter().collect(),
    };
    let model = tracking::create_logged_model(&cx.state.ledger, &cx.actor, request).await?;
    reply(&ws::LoggedModelResponse { model: convert::logged_model(model) })
}

/// `_validate_logged_model_name`.
fn check_name(name: &str) -> Result<(), Failure> {
    if name.contains(['/', ':', '.', '%', '"', '\'']) {
        return Err(Failure::invalid(format!(
            "Invalid model name ('{name}') provided. Model name must be a non-empty string and cannot contain the \
             following characters: ('/', ':', '.', '%', '\"', \"'\")"
        )));
    }
    Ok(())
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    let id = f.required_text("model_id")?;
    let deleted_too = f.boolean("allow_deleted")?.unwrap_or(false);
    let model = tracking::logged_model(&cx.state.ledger, &cx.actor, id, deleted_too).await?;
    reply(&ws::LoggedModelResponse { model: convert::logged_model(model) })
}

pub(crate) async fn finalize(cx: Cx, f: Fields) -> Answer {
    let id = f.required_text("model_id")?;
    let status = f.choice("status", &MODEL_STATUSES)?.ok_or_else(|| f.missing("status"))?;
    let model = tracking::set_logged_model_status(&cx.state.ledger, &cx.actor, id, status).await?;
    reply(&ws::LoggedModelResponse { model: convert::logged_model(model) })
}

pub(crate) async fn delete(cx: Cx, f: Fields) -> Answer {
    tracking::delete_logged_model(&cx.state.ledger, &cx.actor, f.required_text("model_id")?).await?;
    empty()
}

pub(crate) async fn log_params(cx: Cx, f: Fields) -> Answer {
    let params: BTreeMap<_, _> = f.pairs("params")?.into_iter().collect();
    tracking::log_model_params(&cx.state.ledger, &cx.actor, f.required_text("model_id")?, params).await?;
    empty()
}

pub(crate) async fn set_tags(cx: Cx, f: Fields) -> Answer {
    let tags: BTreeMap<_, _> = f.pairs("tags")?.into_iter().collect();
    tracking::set_logged_model_tags(&cx.state.ledger, &cx.actor, f.required_text("model_id")?, tags).await?;
    empty()
}

pub(crate) async fn delete_tag(cx: Cx, f: Fields) -> Answer {
    let (id, key) = (f.required_text("model_id")?, f.required_text("tag_key")?);
    tracking::delete_logged_model_tag(&cx.state.ledger, &cx.actor, id, key).await?;
    empty()
}

pub(crate) async fn search(cx: Cx, f: Fields) -> Answer {
    let ids = f.body_texts("experiment_ids")?;
    if ids.is_empty() {
        return Err(f.missing("experiment_ids"));
    }
    let experiments = ids.iter().map(|id| experiment_number(id)).collect::<Result<_, _>>()?;
    let mut datasets = Vec::new();
    for dataset in f.messages("datasets")? {
        let name = dataset
            .text("dataset_name")?
            .filter(|n| !n.is_empty())
            .ok_or_else(|| Failure::invalid("`dataset_name` in the `datasets` clause must be specified."))?;
        datasets.push((name, dataset.text("dataset_digest")?.filter(|d| !d.is_empty())));
    }
    let mut order = Vec::new();
    for by in f.messages("order_by")? {
        let field = by
            .text("field_name")?
            .ok_or_else(|| Failure::invalid("`field_name` in the `order_by` clause must be specified."))?;
        let name = by.text("dataset_name")?.filter(|n| !n.is_empty());
        let digest = by.text("dataset_digest")?.filter(|d| !d.is_empty());
        if digest.is_some() && name.is_none() {
            return Err(Failure::invalid(
                "`dataset_digest` can only be specified if `dataset_name` is also specified.",
            ));
        }
        order.push(Order {
            field: filters::logged_model_order(&field, name.map(|name| (name, digest)))?,
            descending: !by.boolean("ascending")?.unwrap_or(true),
        });
    }
    let limit = f.integer("max_results")?.filter(|n| *n > 0).unwrap_or(DEFAULT_PAGE);
    let offset = offset(f.text("page_token")?.as_deref())?;
    let filter = filters::logged_model_filter(&f.text_or_empty("filter")?)?;
    let query = LoggedModelQuery { experiments, filter, datasets, order, limit, offset };
    let page = tracking::search_logged_models(&cx.state.ledger, &cx.actor, query).await?;
    reply(&ws::SearchLoggedModelsResponse {
        next_page_token: next_token(page.more, offset, limit),
        models: page.items.into_iter().map(convert::logged_model).collect(),
    })
}
