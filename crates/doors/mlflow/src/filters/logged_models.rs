//! Logged models have a parser of their own upstream (`mlflow/utils/search_logged_model_utils.py`).

use tracking::search::{Clause, LoggedModelField, Test};

use super::{number, text, whole};
use crate::errors::Failure;
use crate::grammar::{self, Condition, plain};

fn logged_model_attribute(key: &str) -> Option<LoggedModelField> {
    Some(match key {
        "model_id" => LoggedModelField::Uid,
        "name" => LoggedModelField::Name,
        "model_type" => LoggedModelField::ModelType,
        "status" => LoggedModelField::Status,
        "source_run_id" => LoggedModelField::SourceRun,
        "creation_timestamp" | "creation_time" | "creation_timestamp_ms" => LoggedModelField::CreatedAt,
        "last_updated_timestamp" | "last_updated_time" | "last_updated_timestamp_ms" => {
            LoggedModelField::UpdatedAt
        }
        _ => return None,
    })
}

/// `mlflow/utils/search_logged_model_utils.py`: only the plural names of entities, and lists everywhere.
pub(crate) fn logged_model_filter(filter: &str) -> Result<Vec<Clause<LoggedModelField>>, Failure> {
    let conditions = grammar::filter(filter).map_err(|_| {
        Failure::invalid(format!(
            "Invalid filter string: '{filter}'. Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > \
             0.1 AND params.lr = 0.01')."
        ))
    })?;
    conditions.iter().map(logged_model_clause).collect()
}

fn logged_model_clause(condition: &Condition) -> Result<Clause<LoggedModelField>, Failure> {
    let (kind, key) = match condition.identifier.split_once('.') {
        None => ("attributes", plain(&condition.identifier)),
        Some((kind, key)) => (kind, plain(key)),
    };
    let (field, test) = match kind {
        "metrics" => (LoggedModelField::Metric(key.to_owned()), number(condition, "metric")?),
        "params" => (LoggedModelField::Param(key.to_owned()), text(condition, "parameter", true, false)?),
        "tags" => (LoggedModelField::Tag(key.to_owned()), text(condition, "tag", true, false)?),
        "attributes" => {
            let field = logged_model_attribute(key)
                .ok_or_else(|| Failure::invalid(format!("Invalid logged model search key '{key}'")))?;
            let test = match &field {
                LoggedModelField::CreatedAt | LoggedModelField::UpdatedAt => whole(condition, key, 1_000)?,
                LoggedModelField::Status => lower(text(condition, "attributes", true, false)?),
                _ => text(condition, "attributes", true, false)?,
            };
            (field, test)
        }
        other => {
            return Err(Failure::invalid(format!(
                "Invalid entity type: '{other}'. Expected one of ['attributes', 'metrics', 'params', 'tags']."
            )));
        }
    };
    Ok(Clause { field, test })
}

fn lower(test: Test) -> Test {
    match test {
        Test::Text(comparison, value) => Test::Text(comparison, value.to_lowercase()),
        Test::In(values) => Test::In(values.iter().map(|v| v.to_lowercase()).collect()),
        Test::NotIn(values) => Test::NotIn(values.iter().map(|v| v.to_lowercase()).collect()),
        other => other,
    }
}

/// One element of `order_by` of a logged-model search.
pub(crate) fn logged_model_order(
    field: &str,
    dataset: Option<(String, Option<String>)>,
) -> Result<LoggedModelField, Failure> {
    match (field.split_once('.'), dataset) {
        (Some(("metrics", key)), None) => Ok(LoggedModelField::Metric(plain(key).to_owned())),
        (Some(("metrics", key)), Some((name, digest))) => {
            Ok(LoggedModelField::MetricOn(plain(key).to_owned(), name, digest))
        }
        (Some((other, _)), _) => Err(Failure::invalid(format!(
            "Invalid order by field name: {other}, only `metrics.<name>` is allowed."
        ))),
        (None, _) => logged_model_attribute(field.trim())
            .ok_or_else(|| Failure::invalid(format!("Invalid order by field name: {field}."))),
    }
}
