//! SQL of scorers.

use ledger::{Error, Row, Rx, Tx, params};
use tracking::search::Statement;
use types::Uid;

use crate::scorers::{OnlineScoring, ScorerVersion};

pub(crate) fn find(tx: &mut Tx<'_>, experiment: i64, name: &str) -> Result<Option<Uid>, Error> {
    let key = params![tx.workspace(), experiment, name];
    let sql = "SELECT uid FROM scorer WHERE workspace_id = $1 AND experiment = $2 AND name = $3";
    tx.query_opt(sql, &key)?.map(|row| row.get("uid")).transpose()
}

pub(crate) fn insert(tx: &mut Tx<'_>, uid: Uid, experiment: i64, name: &str) -> Result<(), Error> {
    let values = params![tx.workspace(), uid, experiment, name];
    tx.execute("INSERT INTO scorer (workspace_id, uid, experiment, name) VALUES ($1, $2, $3, $4)", &values)?;
    Ok(())
}

/// The number of the new version.
pub(crate) fn insert_version(tx: &mut Tx<'_>, scorer: Uid, definition: &str) -> Result<i64, Error> {
    let key = params![tx.workspace(), scorer];
    let sql = "SELECT max(number) AS last FROM scorer_version WHERE workspace_id = $1 AND scorer = $2";
    let last: Option<i64> = tx.query_one(sql, &key)?.get("last")?;
    let number = last.unwrap_or(0) + 1;
    let values = params![tx.workspace(), scorer, number, definition, tx.now()];
    tx.execute(
        "INSERT INTO scorer_version (workspace_id, scorer, number, definition, created_at) VALUES ($1, $2, $3, $4, $5)",
        &values,
    )?;
    Ok(number)
}

const VERSION: &str = "SELECT s.uid, s.experiment, s.name, v.number, v.definition, v.created_at FROM scorer s \
                       JOIN scorer_version v ON v.workspace_id = s.workspace_id AND v.scorer = s.uid";

fn version(row: &Row) -> Result<ScorerVersion, Error> {
    Ok(ScorerVersion {
        scorer: row.get("uid")?,
        experiment: row.get("experiment")?,
        name: row.get("name")?,
        number: row.get("number")?,
        definition: row.get("definition")?,
        created_at: row.get("created_at")?,
    })
}

pub(crate) fn versions(rx: &mut Rx<'_>, experiment: i64, name: &str) -> Result<Vec<ScorerVersion>, Error> {
    let sql = format!(
        "{VERSION} WHERE s.workspace_id = $1 AND s.experiment = $2 AND s.name = $3 ORDER BY v.number"
    );
    rx.query(&sql, &params![rx.workspace(), experiment, name])?.iter().map(version).collect()
}

pub(crate) fn latest(rx: &mut Rx<'_>, experiments: &[i64]) -> Result<Vec<ScorerVersion>, Error> {
    let mut s = Statement::default();
    s.push(VERSION).push(" WHERE s.workspace_id = ").bind(rx.workspace());
    s.push(
        " AND v.number = (SELECT max(l.number) FROM scorer_version l WHERE l.workspace_id = s.workspace_id",
    );
    s.push(" AND l.scorer = s.uid) AND s.experiment IN ").list(experiments.iter().copied());
    s.push(" ORDER BY s.experiment, s.name");
    rx.query(&s.sql, &s.values)?.iter().map(version).collect()
}

pub(crate) fn delete_versions(tx: &mut Tx<'_>, scorer: Uid, version: Option<i64>) -> Result<u64, Error> {
    let mut s = Statement::default();
    s.push("DELETE FROM scorer_version WHERE workspace_id = ").bind(tx.workspace());
    s.push(" AND scorer = ").bind(scorer);
    if let Some(number) = version {
        s.push(" AND number = ").bind(number);
    }
    tx.execute(&s.sql, &s.values)
}

pub(crate) fn delete(tx: &mut Tx<'_>, scorer: Uid) -> Result<(), Error> {
    let key = params![tx.workspace(), scorer];
    tx.execute("DELETE FROM scorer_online WHERE workspace_id = $1 AND scorer = $2", &key)?;
    tx.execute("DELETE FROM scorer WHERE workspace_id = $1 AND uid = $2", &key)?;
    Ok(())
}

pub(crate) fn set_online(tx: &mut Tx<'_>, o: &OnlineScoring) -> Result<(), Error> {
    let values = params![tx.workspace(), o.scorer, o.uid, o.experiment, o.sample_rate, o.filter.as_ref()];
    tx.execute(
        "INSERT INTO scorer_online (workspace_id, scorer, uid, experiment, sample_rate, filter) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, scorer) DO UPDATE SET uid = excluded.uid, \
         experiment = excluded.experiment, sample_rate = excluded.sample_rate, filter = excluded.filter",
        &values,
    )?;
    Ok(())
}

pub(crate) fn online(rx: &mut Rx<'_>, scorers: &[Uid]) -> Result<Vec<OnlineScoring>, Error> {
    let mut s = Statement::default();
    s.push("SELECT scorer, uid, experiment, sample_rate, filter FROM scorer_online WHERE workspace_id = ");
    s.bind(rx.workspace()).push(" AND scorer IN ").list(scorers.iter().copied()).push(" ORDER BY uid");
    rx.query(&s.sql, &s.values)?
        .iter()
        .map(|row| {
            Ok(OnlineScoring {
                uid: row.get("uid")?,
                scorer: row.get("scorer")?,
                experiment: row.get("experiment")?,
                sample_rate: row.get("sample_rate")?,
                filter: row.get("filter")?,
            })
        })
        .collect()
}
