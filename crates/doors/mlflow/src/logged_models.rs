use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tracking::search::{Cursor, Order};
use tracking::{CreateLoggedModel, LoggedModelQuery};

use crate::call::{Answer, Cx, empty, reply};
use crate::convert::{self, MODEL_STATUSES, experiment_number};
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
    if !f.has("experiment_ids") {
        return Err(f.missing("experiment_ids"));
    }
    let ids = f.body_texts("experiment_ids")?;
    if ids.is_empty() {
        return Err(f.missing("experiment_ids"));
    }
    let experiments = ids.iter().map(|id| experiment_number(id)).collect::<Result<_, _>>()?;
    let mut datasets: Vec<(String, Option<String>)> = Vec::new();
    for dataset in f.messages("datasets")? {
        let name = dataset
            .text("dataset_name")?
            .filter(|n| !n.is_empty())
            .ok_or_else(|| Failure::invalid("`dataset_name` in the `datasets` clause must be specified."))?;
        datasets.push((name, dataset.text("dataset_digest")?.filter(|d| !d.is_empty())));
    }
    let (mut order, mut asked) = (Vec::new(), Vec::new());
    for by in f.messages("order_by")? {
        let field = by
            .text("field_name")?
            .ok_or_else(|| Failure::invalid("`field_name` in the `order_by` clause must be specified."))?;
        let name = by.text("dataset_name")?.filter(|n| !n.is_empty());
        let digest = by.text("dataset_digest")?.filter(|d| !d.is_empty());
        let ascending = by.boolean("ascending")?.unwrap_or(true);
        asked.push(json!({
            "field_name": field, "ascending": ascending, "dataset_name": name, "dataset_digest": digest,
        }));
        order.push(Order {
            field: filters::logged_model_order(&field, (name, digest))?,
            descending: !ascending,
        });
    }
    let limit = f.integer("max_results")?.filter(|n| *n > 0).unwrap_or(DEFAULT_PAGE);
    let text = f.text("filter")?.filter(|text| !text.is_empty());
    let asked = Asked { experiment_ids: ids, filter_string: text.clone(), order_by: asked };
    let (offset, after) = asked.place(f.text("page_token")?.as_deref())?;
    let filter = filters::logged_model_filter(&text.unwrap_or_default())?;
    let query = LoggedModelQuery { experiments, filter, datasets, order, limit, after };
    let page = tracking::search_logged_models(&cx.state.ledger, &cx.actor, query).await?;
    reply(&ws::SearchLoggedModelsResponse {
        next_page_token: page.next.as_ref().map(|end| asked.token(offset + page.items.len() as i64, end)),
        models: page.items.into_iter().map(convert::logged_model).collect(),
    })
}

/// What a page token of this search carries beside its place (`SearchLoggedModelsPaginationToken`): it continues the same
/// search only.
struct Asked {
    experiment_ids: Vec<String>,
    filter_string: Option<String>,
    order_by: Vec<Value>,
}

impl Asked {
    fn parts(&self) -> [(&'static str, &'static str, Value); 3] {
        let order = if self.order_by.is_empty() { Value::Null } else { json!(self.order_by) };
        [
            (
                "experiment_ids",
                "Experiment IDs in the page token do not match the requested experiment IDs",
                json!(self.experiment_ids),
            ),
            (
                "filter_string",
                "Filter string in the page token does not match the requested filter string",
                json!(self.filter_string),
            ),
            ("order_by", "Order by in the page token does not match the requested order by", order),
        ]
    }

    fn token(&self, offset: i64, end: &Cursor) -> String {
        let mut token = serde_json::Map::new();
        for (name, _, value) in self.parts() {
            token.insert(name.to_owned(), value);
        }
        token.insert("offset".into(), offset.into());
        token.insert("after".into(), json!(end));
        STANDARD.encode(Value::Object(token).to_string())
    }

    /// How many models were shown, and where that ended.
    fn place(&self, token: Option<&str>) -> Result<(i64, Option<Cursor>), Failure> {
        let Some(token) = token.filter(|t| !t.is_empty()) else { return Ok((0, None)) };
        let read = STANDARD.decode(token).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let invalid = || Failure::invalid(format!("Invalid page token: {token}."));
        let read = read.ok_or_else(invalid)?;
        for (name, words, asked) in self.parts() {
            let found = &read[name];
            if *found != asked {
                return Err(Failure::invalid(format!(
                    "{words}. Expected: {}. Found: {}",
                    convert::python_json(&asked),
                    convert::python_json(found)
                )));
            }
        }
        let after = serde_json::from_value(read["after"].clone()).map_err(|_| invalid())?;
        Ok((read["offset"].as_i64().unwrap_or(0).max(0), Some(after)))
    }
}
