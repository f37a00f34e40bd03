//! What MLflow keeps for applications of language models: evaluation datasets, scorers, issues, label schemas, review
//! queues, prompt-lab runs.

mod datasets;
mod failures;
mod issues;
mod labels;
mod page;
mod promptlab;
mod queues;
mod scorer_definition;
mod scorers;

use axum::routing::MethodRouter;
use serde_json::Value;
use tracking::ExperimentRef;
use types::Permission::{Read, Write};
use types::Uid;

use crate::State;
use crate::call::{Cx, json};
use crate::convert::experiment_number;
use crate::errors::Failure;
use crate::routes::{DELETE, GET, GET_POST, PATCH, POST, PUT, join};

/// `datasets.proto`, `issues.proto`, `label_schemas.proto`, `review_queues.proto`, and the scorers of `service.proto`.
pub(crate) fn routes(add: &mut impl FnMut(&str, MethodRouter<State>)) {
    let mut v3 = |path: &str, route: MethodRouter<State>| add(&format!("/3.0/mlflow/{path}"), route);
    v3("datasets/create", json(POST, Write, datasets::create));
    v3("datasets/search", json(GET_POST, Read, datasets::search));
    v3(
        "datasets/{dataset_id}",
        join([json(GET, Read, datasets::get), json(DELETE, Write, datasets::delete)]),
    );
    v3("datasets/{dataset_id}/tags", json(PATCH, Write, datasets::set_tags));
    v3("datasets/{dataset_id}/tags/{key}", json(DELETE, Write, datasets::delete_tag));
    v3(
        "datasets/{dataset_id}/records",
        join([
            json(GET, Read, datasets::records),
            json(POST, Write, datasets::upsert_records),
            json(DELETE, Write, datasets::delete_records),
        ]),
    );
    v3("datasets/{dataset_id}/experiment-ids", json(GET, Read, datasets::experiment_ids));
    v3("datasets/{dataset_id}/add-experiments", json(POST, Write, datasets::add_experiments));
    v3("datasets/{dataset_id}/remove-experiments", json(POST, Write, datasets::remove_experiments));

    v3("scorers/register", json(POST, Write, scorers::register));
    v3("scorers/list", json(GET, Read, scorers::list));
    v3("scorers/versions", json(GET, Read, scorers::versions));
    v3("scorers/get", json(GET, Read, scorers::get));
    v3("scorers/delete", json(DELETE, Write, scorers::delete));
    v3("scorers/online-configs", json(GET, Read, scorers::online_configs));
    v3("scorers/online-config", json(PUT, Write, scorers::set_online_config));

    v3("issues", json(POST, Write, issues::create));
    v3("issues/search", json(POST, Read, issues::search));
    v3("issues/{issue_id}", join([json(GET, Read, issues::get), json(PATCH, Write, issues::update)]));

    v3("label-schemas/create", json(POST, Write, labels::create));
    v3("label-schemas/get", json(GET, Read, labels::get));
    v3("label-schemas/get-by-name", json(GET, Read, labels::get_by_name));
    v3("label-schemas/list", json(GET, Read, labels::list));
    v3("label-schemas/update", json(PATCH, Write, labels::update));
    v3("label-schemas/delete", json(DELETE, Write, labels::delete));

    v3("review-queues/create", json(POST, Write, queues::create));
    v3("review-queues/get-or-create-user", json(POST, Write, queues::get_or_create_user_queue));
    v3("review-queues/get", json(GET, Read, queues::get));
    v3("review-queues/get-by-name", json(GET, Read, queues::get_by_name));
    v3("review-queues/list", json(GET, Read, queues::list));
    v3("review-queues/update", json(POST, Write, queues::update));
    v3("review-queues/delete", json(POST, Write, queues::delete));
    v3("review-queues/items/add", json(POST, Write, queues::add_items));
    v3("review-queues/items/remove", json(POST, Write, queues::remove_items));
    v3("review-queues/items/list", json(GET, Read, queues::list_items));
    v3("review-queues/items/set-status", json(POST, Write, queues::set_item_status));
}

/// What upstream's own page asks for.
pub(crate) fn page_routes(add: &mut impl FnMut(&str, MethodRouter<State>)) {
    add("/ajax-api/2.0/mlflow/runs/create-promptlab-run", json(POST, Write, promptlab::create));
    let telemetry = join([json(GET, Read, page::telemetry), json(POST, Read, page::drop_telemetry)]);
    add("/ajax-api/3.0/mlflow/ui-telemetry", telemetry);
}

/// Protobuf leaves out what is unset: a message without its null fields.
pub(crate) fn message(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null() && *field != Value::Array(Vec::new()));
    }
    value
}

/// The id inside of `<prefix><32 hexadecimal digits>`.
pub(crate) fn uid(prefix: &str, text: &str) -> Option<Uid> {
    text.strip_prefix(prefix)?.parse().ok()
}

/// An experiment that exists and is not deleted.
pub(crate) async fn active_experiment(cx: &Cx, id: &str) -> Result<i64, Failure> {
    let number = experiment_number(id)?;
    let found = tracking::experiment(&cx.state.ledger, &cx.actor, ExperimentRef::Number(number)).await?;
    if found.deleted {
        return Err(tracking::Error::ExperimentState { number, deleted: true }.into());
    }
    Ok(number)
}

/// [`active_experiment`] for messages that do not tell a deleted one from one that never was.
pub(crate) async fn existing_experiment(cx: &Cx, id: &str) -> Result<i64, Failure> {
    match active_experiment(cx, id).await {
        Err(failure) if failure.message.contains("must be in the 'active' state") => {
            Err(tracking::Error::ExperimentNotFound(id.to_owned()).into())
        }
        other => other,
    }
}

/// An empty text is an unset one.
pub(crate) fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
