use std::collections::BTreeSet;

use tracking::search::Lifecycle;
use tracking::{ExperimentQuery, ExperimentRef, Location};

use crate::call::{Answer, Cx, empty, reply};
use crate::convert::{self, experiment_number};
use crate::errors::{Code, Failure};
use crate::paging::Pages;
use crate::request::Fields;
use crate::wire::service as ws;
use crate::{filters, limits};

/// `ViewType` of `service.proto`.
pub(crate) const VIEWS: [(&str, i64, Lifecycle); 3] = [
    ("ACTIVE_ONLY", 1, Lifecycle::Active),
    ("DELETED_ONLY", 2, Lifecycle::Deleted),
    ("ALL", 3, Lifecycle::All),
];

pub(crate) async fn create(cx: Cx, f: Fields) -> Answer {
    let name = f.required_text("name")?;
    limits::experiment_name(&name)?;
    let location = f.text("artifact_location")?.filter(|l| !l.is_empty());
    let location = match (location, &cx.state.artifact_root) {
        (Some(location), root) => Location::At(crate::locations::checked(location, root.as_deref())?),
        (None, Some(root)) => Location::Below(root.clone()),
        (None, None) => Location::Own,
    };
    let tags = f.pairs("tags")?;
    for (key, value) in &tags {
        limits::experiment_tag(key, value)?;
    }
    let views: BTreeSet<_> = tags.iter().filter(|(key, _)| is_view(key)).map(|(key, _)| key).collect();
    if views.len() > limits::CUSTOM_VIEWS {
        return Err(limits::too_many_views(None));
    }
    let number = tracking::create_experiment(&cx.state.ledger, &cx.actor, name, location, tags).await?;
    reply(&ws::ExperimentIdResponse { experiment_id: number.to_string() })
}

/// Views of upstream's web app, which it keeps as tags of the experiment.
fn is_view(key: &str) -> bool {
    key.starts_with("mlflow.customView.view")
}

pub(crate) async fn get(cx: Cx, f: Fields) -> Answer {
    let number = experiment_number(&f.required_text("experiment_id")?)?;
    let found = tracking::experiment(&cx.state.ledger, &cx.actor, ExperimentRef::Number(number)).await?;
    reply(&ws::ExperimentResponse { experiment: convert::experiment(found) })
}

pub(crate) async fn get_by_name(cx: Cx, f: Fields) -> Answer {
    let name = f.required_text("experiment_name")?;
    match tracking::experiment(&cx.state.ledger, &cx.actor, ExperimentRef::Name(name)).await {
        Ok(found) => reply(&ws::ExperimentResponse { experiment: convert::experiment(found) }),
        Err(tracking::Error::ExperimentNotFound(name)) => {
            Err(Failure::missing(format!("Could not find experiment with name '{name}'")))
        }
        Err(other) => Err(other.into()),
    }
}

pub(crate) async fn delete(cx: Cx, f: Fields) -> Answer {
    let number = experiment_number(&f.required_text("experiment_id")?)?;
    tracking::delete_experiment(&cx.state.ledger, &cx.actor, number).await.map_err(unseen)?;
    empty()
}

pub(crate) async fn restore(cx: Cx, f: Fields) -> Answer {
    let number = experiment_number(&f.required_text("experiment_id")?)?;
    tracking::restore_experiment(&cx.state.ledger, &cx.actor, number).await.map_err(unseen)?;
    empty()
}

/// Upstream looks among the experiments of the other state only, and finds nothing.
fn unseen(error: tracking::Error) -> Failure {
    match error {
        tracking::Error::ExperimentState { number, .. } => {
            tracking::Error::ExperimentNotFound(number.to_string()).into()
        }
        other => other.into(),
    }
}

pub(crate) async fn update(cx: Cx, f: Fields) -> Answer {
    let number = experiment_number(&f.required_text("experiment_id")?)?;
    let name = f.required_text("new_name")?;
    limits::experiment_name(&name)?;
    match tracking::rename_experiment(&cx.state.ledger, &cx.actor, number, name).await {
        Ok(()) => empty(),
        Err(tracking::Error::ExperimentState { .. }) => {
            Err(Failure::new(Code::InvalidState, "Cannot rename a non-active experiment."))
        }
        Err(other) => Err(other.into()),
    }
}

pub(crate) async fn set_tag(cx: Cx, f: Fields) -> Answer {
    let number = experiment_number(&f.required_text("experiment_id")?)?;
    let (key, value) = (f.required_text("key")?, f.text_or_empty("value")?);
    if is_view(&key) {
        let there = tracking::experiment(&cx.state.ledger, &cx.actor, ExperimentRef::Number(number)).await?;
        let views = there.tags.keys().filter(|k| is_view(k)).count();
        if !there.tags.contains_key(&key) && views >= limits::CUSTOM_VIEWS {
            return Err(limits::too_many_views(Some(number)));
        }
    }
    limits::experiment_tag(&key, &value)?;
    tracking::set_experiment_tag(&cx.state.ledger, &cx.actor, number, key, value).await?;
    empty()
}

pub(crate) async fn delete_tag(cx: Cx, f: Fields) -> Answer {
    let number = experiment_number(&f.required_text("experiment_id")?)?;
    let key = f.required_text("key")?;
    tracking::delete_experiment_tag(&cx.state.ledger, &cx.actor, number, key).await?;
    empty()
}

pub(crate) async fn search(cx: Cx, f: Fields) -> Answer {
    let limit = limits::max_results(f.integer("max_results")?.unwrap_or(0))?;
    let filter = filters::experiment_filter(&f.text_or_empty("filter")?)?;
    let order = filters::experiment_order(&f.texts("order_by")?)?;
    let lifecycle = f.choice("view_type", &VIEWS)?.unwrap_or_default();
    let mut pages = Pages::of(&(lifecycle, &filter, &order), f.text("page_token")?.as_deref())?;
    let after = pages.after.take();
    let query = ExperimentQuery { lifecycle, filter, order, limit, after };
    let page = tracking::search_experiments(&cx.state.ledger, &cx.actor, query).await?;
    reply(&ws::SearchExperimentsResponse {
        next_page_token: pages.next(page.next, page.items.len()),
        experiments: page.items.into_iter().map(convert::experiment).collect(),
    })
}

pub(crate) async fn search_datasets(cx: Cx, f: Fields) -> Answer {
    let ids = f.texts("experiment_ids")?;
    if ids.is_empty() {
        return Err(Failure::invalid("SearchDatasets request must specify at least one experiment_id."));
    }
    if ids.len() > 20 {
        return Err(Failure::invalid(format!(
            "SearchDatasets request cannot specify more than 20 experiment_ids. Received {} experiment_ids.",
            ids.len()
        )));
    }
    let numbers = ids.iter().map(|id| experiment_number(id)).collect::<Result<Vec<_>, _>>()?;
    let found =
        tracking::dataset_summaries(&cx.state.ledger, &cx.actor, numbers, filters::DATASET_CONTEXT).await?;
    let dataset_summaries = found
        .into_iter()
        .map(|d| ws::DatasetSummary {
            experiment_id: d.experiment.to_string(),
            name: d.name,
            digest: d.digest,
            context: d.context,
        })
        .collect();
    reply(&ws::SearchDatasetsResponse { dataset_summaries })
}
