//! Conditions of a search as SQL.

use std::collections::BTreeMap;

use ledger::Value;

use crate::search::{Clause, Comparison, RunField, Test};
use crate::statement::Statement;

pub(super) fn key_of(field: &RunField) -> Option<&str> {
    match field {
        RunField::Metric(key) | RunField::Param(key) | RunField::Tag(key) => Some(key),
        _ => None,
    }
}

pub(super) fn table(field: &RunField) -> &'static str {
    match field {
        RunField::Metric(_) => "run_metric",
        RunField::Param(_) => "run_param",
        _ => "run_tag",
    }
}

pub(super) fn column(field: &RunField) -> &'static str {
    match field {
        RunField::Name => "r.name",
        RunField::Status => "r.status",
        RunField::Owner => "r.owner",
        RunField::StartedAt => "r.started_at",
        RunField::EndedAt => "r.ended_at",
        RunField::Duration => "(r.ended_at - r.started_at)",
        RunField::Experiment => "e.name",
        _ => "r.uid",
    }
}

/// [`RunField::Artifacts`] as an expression; runs without a location of their own have `number/uid/artifacts`.
pub(super) fn artifacts(own_store: &str) -> String {
    let own_store = own_store.replace('\'', "''");
    format!("COALESCE(r.artifact_location, '{own_store}' || e.number || '/' || r.uid || '/artifacts')")
}

/// Ends a subquery that must find something. EXISTS would say the same, but both databases may turn it into a join and
/// the order of a walk with it, and PostgreSQL takes minutes to plan hundreds of joins.
const THERE: &str = " LIMIT 1) IS NOT NULL";

pub(super) fn condition(s: &mut Statement, clause: &Clause<RunField>, keys: &BTreeMap<String, i64>) {
    let Clause { field, test } = clause;
    match field {
        RunField::Metric(_) | RunField::Param(_) | RunField::Tag(_) => {
            let Some(id) = key_of(field).and_then(|key| keys.get(key)) else {
                // No run has a key that was never logged.
                s.push(if *test == Test::Missing { "1 = 1" } else { "1 = 0" });
                return;
            };
            s.push("(SELECT 1 FROM ").push(table(field));
            s.push(" v WHERE v.workspace_id = r.workspace_id AND v.run_id = r.id AND v.key_id = ").bind(*id);
            if !matches!(test, Test::Missing | Test::Present) {
                s.push(" AND ");
                held(s, "v", field, test);
            }
            s.push(if *test == Test::Missing { " LIMIT 1) IS NULL" } else { THERE });
        }
        RunField::DatasetName | RunField::DatasetDigest => {
            s.push("(SELECT 1 FROM run_input i JOIN run_dataset d ON d.id = i.dataset_id");
            s.push(" WHERE i.workspace_id = r.workspace_id AND i.run_id = r.id AND ");
            s.test(if *field == RunField::DatasetName { "d.name" } else { "d.digest" }, test).push(THERE);
        }
        RunField::DatasetTag(name) => {
            s.push("(SELECT 1 FROM run_input_tag t WHERE t.workspace_id = r.workspace_id");
            s.push(" AND t.run_id = r.id AND t.name = ").bind(name).push(" AND ");
            s.test("t.value", test).push(THERE);
        }
        RunField::Artifacts { own_store } => {
            s.test(&artifacts(own_store), test);
        }
        field => {
            s.test(column(field), test);
        }
    }
}

/// The test of a value in the row `alias` of the field's table. A NaN, which is kept as 0, is unequal to everything.
pub(super) fn held(s: &mut Statement, alias: &str, field: &RunField, test: &Test) {
    match (field, test) {
        (RunField::Metric(_), Test::Number(Comparison::NotEqual, value)) => {
            s.push(&format!("({alias}.is_nan = TRUE OR {alias}.last_value <> ")).bind(Value::Float(*value));
            s.push(")");
        }
        (RunField::Metric(_), test) => {
            s.push(&format!("{alias}.is_nan = FALSE AND ")).test(&format!("{alias}.last_value"), test);
        }
        (_, test) => {
            s.test(&format!("{alias}.value"), test);
        }
    }
}
