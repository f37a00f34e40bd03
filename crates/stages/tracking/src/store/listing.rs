use std::collections::BTreeMap;

use types::Uid;

use super::{PIECE, Reads, Result, met_keys, runs, search};
use crate::listing::{Group, Keys, Listed};
use crate::model::Run;
use crate::search::{RunField, RunQuery};
use crate::statement::Statement;

/// Up to `limit` + 1 runs of a query.
pub(crate) fn list(on: &mut impl Reads, query: &RunQuery, group: Option<&Group>) -> Result<Vec<Listed>> {
    let (column, joined) = match group {
        None => ("NULL", None),
        Some(Group::Experiment) => ("e.name", None),
        Some(Group::Field(field)) => match field {
            RunField::Name => ("r.name", None),
            RunField::Status => ("r.status", None),
            RunField::Owner => ("r.owner", None),
            RunField::Param(key) => ("g.value", Some(("run_param", key))),
            RunField::Tag(key) => ("g.value", Some(("run_tag", key))),
            // Numbers and datasets make no groups.
            _ => ("NULL", None),
        },
    };
    let key = match joined {
        Some((table, key)) => met_keys(on, &[key])?.into_values().next().map(|id| (table, id)),
        None => None,
    };
    let column = if joined.is_some() && key.is_none() { "NULL" } else { column };
    let s = search::select(on, query, &format!("r.uid, {column} AS grouped"), |s| {
        if let Some((table, id)) = key {
            s.push(" LEFT JOIN ")
                .push(table)
                .push(" g ON g.workspace_id = r.workspace_id AND g.run_id = r.id");
            s.push(" AND g.key_id = ").bind(id);
        }
    })?;
    on.rows(&s.sql, &s.values)?
        .iter()
        .map(|row| Ok(Listed { uid: row.get("uid")?, group: row.get("grouped")? }))
        .collect()
}

/// In no order.
pub(crate) fn runs(on: &mut impl Reads, uids: &[Uid], only: Option<&Keys>) -> Result<Vec<Run>> {
    let mut found = Vec::with_capacity(uids.len());
    for piece in uids.chunks(PIECE) {
        let mut s = Statement::default();
        s.push("SELECT ").push(runs::COLUMNS).push(" FROM ").push(runs::FROM);
        s.push(" WHERE r.workspace_id = ").bind(on.workspace());
        s.push(" AND r.uid IN ").list(piece.iter().copied());
        for row in on.rows(&s.sql, &s.values)? {
            found.push(runs::stored(&row)?);
        }
    }
    match only {
        Some(keys) => load(on, &mut found, keys)?,
        None => runs::load(on, &mut found)?,
    }
    Ok(found.into_iter().map(|r| r.run).collect())
}

/// Fills in what the runs logged under some keys.
fn load(on: &mut impl Reads, found: &mut [runs::Stored], keys: &Keys) -> Result<()> {
    const METRICS: &str = "last_value, v.is_nan, v.last_step, v.last_at, v.min_value, v.max_value, v.points";
    let places: BTreeMap<i64, usize> = found.iter().enumerate().map(|(place, r)| (r.id, place)).collect();
    for (table, columns, names) in [
        ("run_metric", METRICS, &keys.metrics),
        ("run_param", "value", &keys.params),
        ("run_tag", "value", &keys.tags),
    ] {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let ids: BTreeMap<i64, String> =
            met_keys(on, &names)?.into_iter().map(|(name, id)| (id, name)).collect();
        if ids.is_empty() || places.is_empty() {
            continue;
        }
        let mut s = Statement::default();
        s.push("SELECT v.run_id, v.key_id, v.").push(columns).push(" FROM ").push(table);
        s.push(" v WHERE v.workspace_id = ").bind(on.workspace());
        s.push(" AND v.run_id IN ").list(places.keys().copied());
        s.push(" AND v.key_id IN ").list(ids.keys().copied());
        for row in on.rows(&s.sql, &s.values)? {
            let (Some(place), Some(name)) = (places.get(&row.get("run_id")?), ids.get(&row.get("key_id")?))
            else {
                continue;
            };
            let run = &mut found[*place].run;
            match table {
                "run_metric" => {
                    run.metrics.insert(name.clone(), runs::summary(&row)?);
                }
                "run_param" => {
                    run.params.insert(name.clone(), row.get("value")?);
                }
                _ => {
                    run.tags.insert(name.clone(), row.get("value")?);
                }
            }
        }
    }
    Ok(())
}

pub(crate) fn keys(on: &mut impl Reads, experiments: Option<&[i64]>, limit: i64) -> Result<Keys> {
    let mut names = |table: &str, experiments: Option<&[i64]>, of_experiment: bool| -> Result<Vec<String>> {
        let mut s = Statement::default();
        s.push("SELECT k.name FROM attribute_key k WHERE k.workspace_id = ").bind(on.workspace());
        if of_experiment {
            // By experiment, because the index over metrics starts with it.
            s.push(" AND EXISTS (SELECT 1 FROM experiment e JOIN run_metric v ON v.workspace_id = e.workspace_id");
            s.push(" AND v.experiment_id = e.id AND v.key_id = k.id WHERE e.workspace_id = k.workspace_id");
            match experiments {
                Some(numbers) => s.push(" AND e.number IN ").list(numbers.iter().copied()),
                None => s.push(" AND e.deleted = FALSE"),
            };
        } else {
            s.push(" AND EXISTS (SELECT 1 FROM ").push(table);
            s.push(" v WHERE v.workspace_id = k.workspace_id AND v.key_id = k.id");
        }
        s.push(") ORDER BY k.name LIMIT ").bind(limit);
        on.rows(&s.sql, &s.values)?.iter().map(|row| row.get("name")).collect()
    };
    Ok(Keys {
        metrics: names("run_metric", experiments, true)?,
        params: names("run_param", None, false)?,
        tags: names("run_tag", None, false)?,
    })
}
