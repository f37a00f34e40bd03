//! Conditions that few rows satisfy, by a capped count: cheaper to start from than any walk.

use types::WorkspaceId;

use super::conditions::{held, key_of, table};
use super::{Plan, in_experiments};
use crate::search::{Comparison, RunField, Test};
use crate::statement::Statement;
use crate::store::{Reads, Result};

/// The rows to start from: those that satisfy the query's clause at `place`.
pub(super) struct Driver {
    pub place: usize,
    /// `None` for ids of runs, which need no table but the runs' own.
    pub table: Option<&'static str>,
}

/// As many characters of a value are indexed.
const HEAD: usize = 128;
/// Counting stops here, whatever the number of runs: it must stay a small part of a search.
const MOST: i64 = 20_000;
const LEAST: i64 = 500;

/// The clause that the fewest rows satisfy, if starting from those is cheaper than a walk.
/// A walk that looks for `limit` of `matches` among `runs` reads about `limit · runs / matches` of them, starting from
/// the matches reads those: they meet at `√(limit · runs)`.
pub(super) fn selective(on: &mut impl Reads, plan: &Plan<'_>) -> Result<Option<Driver>> {
    let filter = &plan.query.filter;
    let by_id = |test: &Test| matches!(test, Test::Text(Comparison::Equal, _) | Test::In(_));
    if let Some(place) = filter.iter().position(|c| c.field == RunField::Uid && by_id(&c.test)) {
        return Ok(Some(Driver { place, table: None }));
    }
    let indexed: Vec<usize> = (0..filter.len()).filter(|place| is_indexed(plan, *place)).collect();
    let own = plan.terms.first().map(|term| &term.field);
    if indexed.iter().all(|place| Some(&filter[*place].field) == own) {
        return Ok(None);
    }
    let row = on.row("SELECT COALESCE(MAX(id), 0) AS n FROM run", &[])?;
    let runs: i64 = row.map_or(Ok(0), |row| row.get("n"))?;
    let mut least = ((plan.limit as f64 * runs as f64).sqrt() as i64).clamp(LEAST, MOST);
    let mut best = None;
    for place in indexed {
        let driver = Driver { place, table: Some(table(&filter[place].field)) };
        let mut s = Statement::default();
        s.push("SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM ").push(table(&filter[place].field));
        s.push(" d WHERE 1 = 1");
        driver.narrow(&mut s, plan, on.workspace());
        s.push(" LIMIT ").bind(least).push(") AS few");
        let row = on.row(&s.sql, &s.values)?;
        let count: i64 = row.map_or(Ok(0), |row| row.get("n"))?;
        if count < least {
            least = count;
            best = Some(driver);
        }
    }
    Ok(best)
}

fn is_indexed(plan: &Plan<'_>, place: usize) -> bool {
    let clause = &plan.query.filter[place];
    let known = key_of(&clause.field).is_some_and(|key| plan.keys.contains_key(key));
    known
        && match (&clause.field, &clause.test) {
            (RunField::Metric(_), Test::Number(comparison, _)) => *comparison != Comparison::NotEqual,
            (RunField::Param(_) | RunField::Tag(_), Test::Text(Comparison::Equal, _)) => true,
            _ => false,
        }
}

impl Driver {
    /// ` AND …` on the driver's row `d`.
    pub fn narrow(&self, s: &mut Statement, plan: &Plan<'_>, workspace: WorkspaceId) {
        let clause = &plan.query.filter[self.place];
        let Some(key) = key_of(&clause.field).and_then(|key| plan.keys.get(key)) else { return };
        s.push(" AND d.workspace_id = ").bind(workspace).push(" AND d.key_id = ").bind(*key);
        if matches!(clause.field, RunField::Metric(_)) {
            in_experiments(s, "d", &plan.experiments);
        }
        if let (RunField::Param(_) | RunField::Tag(_), Test::Text(Comparison::Equal, value)) =
            (&clause.field, &clause.test)
        {
            // The index holds the heads of values; a short head is the value. `d.value = …` beside it would not do: SQLite
            // puts that value into the expression and then finds no index for it.
            let head: String = value.chars().take(HEAD).collect();
            let whole = value.chars().count() < HEAD;
            s.push(" AND substr(d.value, 1, 128) = ").bind(head);
            if !whole {
                s.push(" AND d.value >= ").bind(value).push(" AND d.value <= ").bind(value);
            }
            return;
        }
        s.push(" AND ");
        held(s, "d", &clause.field, &clause.test);
    }
}
