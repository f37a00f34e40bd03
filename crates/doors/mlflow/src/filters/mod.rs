//! What filters and orderings mean: from upstream's grammar (`mlflow/utils/search_utils.py` and
//! `search_logged_model_utils.py` at 3.17.2) to the house's queries.

mod experiments;
mod genai;
mod logged_models;
mod order;
mod python;
mod reading;
mod registry;
mod runs;
mod tests_of;
pub(crate) mod traces;

use tracking::search::{Comparison, Order};

use crate::errors::Failure;

pub(crate) use experiments::{experiment_filter, experiment_order};
pub(crate) use genai::{dataset_filter, dataset_order, issue_filter};
pub(crate) use logged_models::{logged_model_filter, logged_model_order};
pub(crate) use registry::{model_query, version_filter, version_order};
pub(crate) use runs::run_query;

/// The tag that makes a registered model a prompt.
pub(crate) const IS_PROMPT: &str = "mlflow.prompt.is_prompt";
/// The tag of a run's dataset input that says what it was used for.
pub(crate) const DATASET_CONTEXT: &str = "mlflow.data.context";

/// What a field is held against.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// `IS NULL` and `IS NOT NULL` have none.
    Nothing,
    Text(String),
    Integer(i64),
    Float(f64),
    List(Vec<String>),
}

fn comparison(comparator: &str) -> Comparison {
    match comparator {
        "!=" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessOrEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        _ => Comparison::Equal,
    }
}

/// Each ordering by what runs logged is a join, of which a database takes few.
const MOST_ORDERS: usize = 30;

/// Orderings with no field twice.
fn distinct<F: PartialEq>(orders: Vec<Order<F>>, given: &[String]) -> Result<Vec<Order<F>>, Failure> {
    if orders.len() > MOST_ORDERS {
        return Err(Failure::invalid(format!("`order_by` may have at most {MOST_ORDERS} fields.")));
    }
    let repeated =
        |(place, order): (usize, &Order<F>)| orders[..place].iter().any(|o| o.field == order.field);
    if orders.iter().enumerate().any(repeated) {
        return Err(Failure::invalid(format!(
            "`order_by` contains duplicate fields: {}",
            python::repr_list(given)
        )));
    }
    Ok(orders)
}
