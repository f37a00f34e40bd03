//! Searching runs. The page's ids are found first, by walking an index wherever one fits, and then what those runs
//! logged is read.
//!
//! How ids are found:
//! - Few rows satisfy one of the conditions (a capped count says so): start from those rows and sort what is left.
//! - Ordered by a metric, parameter or tag: walk the index of its values; then runs whose value is NaN; then those
//!   that have none. Each is a query of its own, since no index holds all three in order.
//! - Ordered by start: walk the index of starts.
//! - Else: sort.
//!
//! A walk is in order within one experiment (and one lifecycle); several are walked side by side and merged.

mod conditions;
mod drivers;
mod terms;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use ledger::{Row, Value};
use types::WorkspaceId;

use super::{PIECE, Reads, Result, keyset, met_keys, runs};
use crate::model::Run;
use crate::search::{Cursor, Found, Lifecycle, RunField, RunQuery, SortValue};
use crate::statement::Statement;
use drivers::Driver;
use terms::{Phase, Term};

/// As many experiments are walked one by one; more are searched in one go and sorted.
const MERGED: usize = 64;

/// What a search needs to know while it makes its statements.
struct Plan<'a> {
    query: &'a RunQuery,
    /// Ids of the keys that the query names and that exist.
    keys: BTreeMap<String, i64>,
    terms: Vec<Term>,
    /// Ids of the experiments.
    experiments: Vec<i64>,
    /// At most so many hits are wanted.
    limit: i64,
}

/// A run that was found, and what it is sorted by.
struct Hit {
    id: i64,
    cursor: Cursor,
}

/// A page of runs with everything they logged.
pub(crate) fn runs(on: &mut impl Reads, query: &RunQuery) -> Result<Found<Run>> {
    let plan = plan(on, query)?;
    let hits = if plan.experiments.is_empty() { Vec::new() } else { find(on, &plan)? };
    let page = Found::cut(hits.into_iter().map(|hit| (hit.id, hit.cursor)).collect(), query.limit);
    Ok(Found { items: of_ids(on, &page.items)?, next: page.next })
}

/// Runs by id, in this order.
fn of_ids(on: &mut impl Reads, ids: &[i64]) -> Result<Vec<Run>> {
    let mut found = BTreeMap::new();
    for piece in ids.chunks(PIECE) {
        let mut s = Statement::default();
        s.push("SELECT ").push(runs::COLUMNS).push(" FROM ").push(runs::FROM);
        // The plus keeps an index that begins with the workspace out: a handful of ids is looked up by id.
        s.push(" WHERE +r.workspace_id = ").bind(on.workspace());
        s.push(" AND r.id IN ").list(piece.iter().copied());
        for row in on.rows(&s.sql, &s.values)? {
            let stored = runs::stored(&row)?;
            found.insert(stored.id, stored);
        }
    }
    let mut found: Vec<_> = ids.iter().filter_map(|id| found.remove(id)).collect();
    runs::load(on, &mut found)?;
    Ok(found.into_iter().map(|stored| stored.run).collect())
}

/// The statement of a whole query with a select list of the caller's, and the joins that this list needs.
pub(crate) fn select(
    on: &mut impl Reads,
    query: &RunQuery,
    columns: &str,
    joins: impl FnOnce(&mut Statement),
) -> Result<Statement> {
    let plan = plan(on, query)?;
    let mut s = Statement::default();
    s.push("SELECT ").push(columns);
    terms::columns(&mut s, &plan.terms, Phase::All);
    s.push(" FROM ").push(runs::FROM);
    joins(&mut s);
    terms::joins(&mut s, &plan.terms, Phase::All);
    restrict(&mut s, &plan, &everywhere(&plan), Phase::All, None, on.workspace());
    if let Some(cursor) = &query.after {
        terms::after(&mut s, &plan.terms, Phase::All, cursor);
    }
    s.push(" ORDER BY ");
    terms::order(&mut s, &plan.terms, Phase::All);
    s.push("r.uid LIMIT ").bind(plan.limit);
    Ok(s)
}

fn plan<'a>(on: &mut impl Reads, query: &'a RunQuery) -> Result<Plan<'a>> {
    let fields = query.filter.iter().map(|c| &c.field).chain(query.order.iter().map(|o| &o.field));
    let names: Vec<&str> = fields.filter_map(conditions::key_of).collect();
    let keys = met_keys(on, &names)?;
    let mut s = Statement::default();
    s.push("SELECT id FROM experiment WHERE workspace_id = ").bind(on.workspace());
    match &query.experiments {
        Some(numbers) => s.push(" AND number IN ").list(numbers.iter().copied()),
        None => s.push(" AND deleted = FALSE"),
    };
    s.push(" ORDER BY id");
    let rows = on.rows(&s.sql, &s.values)?;
    let experiments = rows.iter().map(|row| row.get("id")).collect::<Result<Vec<i64>>>()?;
    let terms = terms::of(&query.order, &keys);
    Ok(Plan { query, keys, terms, experiments, limit: query.limit.saturating_add(1) })
}

fn find(on: &mut impl Reads, plan: &Plan<'_>) -> Result<Vec<Hit>> {
    if let Some(driver) = drivers::selective(on, plan)? {
        return fetch(on, plan, &everywhere(plan), Phase::All, Some(&driver));
    }
    let scopes = scopes(plan);
    let mut found = Vec::new();
    for phase in terms::phases(plan) {
        let mut merged = Vec::new();
        for scope in &scopes {
            merged.append(&mut fetch(on, plan, scope, phase, None)?);
        }
        if scopes.len() > 1 {
            merged.sort_by(|a, b| compare(plan, &a.cursor, &b.cursor));
        }
        found.append(&mut merged);
        let limit = usize::try_from(plan.limit).unwrap_or(0);
        if found.len() >= limit {
            found.truncate(limit);
            break;
        }
    }
    Ok(found)
}

/// Runs among which one walk is in order.
struct Scope {
    experiments: Vec<i64>,
    /// `None` for both.
    deleted: Option<bool>,
}

fn deleted(plan: &Plan<'_>) -> Option<bool> {
    match plan.query.lifecycle {
        Lifecycle::Active => Some(false),
        Lifecycle::Deleted => Some(true),
        Lifecycle::All => None,
    }
}

fn everywhere(plan: &Plan<'_>) -> Scope {
    Scope { experiments: plan.experiments.clone(), deleted: deleted(plan) }
}

fn scopes(plan: &Plan<'_>) -> Vec<Scope> {
    let lifecycles = match deleted(plan) {
        None if terms::walks_starts(&plan.terms) => vec![Some(false), Some(true)],
        one => vec![one],
    };
    let starts = plan.query.experiments.is_none() && terms::walks_starts(&plan.terms);
    let experiments = if plan.experiments.len() <= MERGED && terms::walks(plan) && !starts {
        plan.experiments.iter().map(|id| vec![*id]).collect()
    } else {
        vec![plan.experiments.clone()]
    };
    let pairs = experiments.into_iter().flat_map(|experiments: Vec<i64>| {
        let of = move |deleted: &Option<bool>| Scope { experiments: experiments.clone(), deleted: *deleted };
        lifecycles.iter().map(of).collect::<Vec<_>>()
    });
    pairs.collect()
}

/// The first hits of one walk after the query's cursor, in order.
fn fetch(
    on: &mut impl Reads,
    plan: &Plan<'_>,
    scope: &Scope,
    phase: Phase,
    driver: Option<&Driver>,
) -> Result<Vec<Hit>> {
    let mut s = Statement::default();
    s.push("SELECT r.id, r.uid");
    terms::columns(&mut s, &plan.terms, phase);
    s.push(" FROM ");
    match driver.and_then(|d| d.table) {
        // CROSS JOIN keeps SQLite from turning the order of the tables round.
        Some(table) => {
            s.push(table).push(" d CROSS JOIN run r");
        }
        None => terms::source(&mut s, &plan.terms, phase),
    }
    if plan.needs_experiment() {
        s.push(" JOIN experiment e ON e.id = r.experiment_id");
    }
    terms::joins(&mut s, &plan.terms, phase);
    restrict(&mut s, plan, scope, phase, driver, on.workspace());
    if let Some(cursor) = &plan.query.after
        && !terms::after(&mut s, &plan.terms, phase, cursor)
    {
        return Ok(Vec::new());
    }
    s.push(" ORDER BY ");
    terms::order(&mut s, &plan.terms, phase);
    s.push("r.uid LIMIT ").bind(plan.limit);
    on.rows(&s.sql, &s.values)?.iter().map(|row| hit(plan, row)).collect()
}

/// ` WHERE …`: the scope, the phase and the filter.
fn restrict(
    s: &mut Statement,
    plan: &Plan<'_>,
    scope: &Scope,
    phase: Phase,
    driver: Option<&Driver>,
    workspace: WorkspaceId,
) {
    s.push(" WHERE r.workspace_id = ").bind(workspace);
    if plan.query.experiments.is_none() && terms::walks_starts(&plan.terms) {
        // The plus keeps the index of one experiment's starts out: that of all starts is in order.
        s.push(" AND +r.experiment_id IN ").list(scope.experiments.iter().copied());
    } else {
        in_experiments(s, "r", &scope.experiments);
    }
    if let Some(deleted) = scope.deleted {
        s.push(" AND r.deleted = ").push(if deleted { "TRUE" } else { "FALSE" });
    }
    let driver = driver.filter(|d| d.table.is_some());
    if let Some(driver) = driver {
        s.push(" AND d.run_id = r.id");
        driver.narrow(s, plan, workspace);
    }
    terms::narrow(s, &plan.terms, phase, workspace, &scope.experiments);
    for (place, clause) in plan.query.filter.iter().enumerate() {
        if driver.is_some_and(|d| d.place == place) {
            continue;
        }
        s.push(" AND ");
        if terms::holds(plan, phase, clause) {
            conditions::held(s, "o0", &clause.field, &clause.test);
        } else {
            conditions::condition(s, clause, &plan.keys);
        }
    }
}

fn in_experiments(s: &mut Statement, alias: &str, ids: &[i64]) {
    s.push(" AND ").push(alias).push(".experiment_id");
    match ids {
        [one] => s.push(" = ").bind(*one),
        many => s.push(" IN ").list(many.iter().copied()),
    };
}

fn hit(plan: &Plan<'_>, row: &Row) -> Result<Hit> {
    let mut values = Vec::with_capacity(plan.terms.len() + 1);
    for place in 0..plan.terms.len() {
        let rank = row.get(format!("r{place}").as_str())?;
        let value: Value = row.get(keyset::column(place).as_str())?;
        values.push(terms::sort_value(rank, value));
    }
    values.push(SortValue::Text(row.get("uid")?));
    Ok(Hit { id: row.get("id")?, cursor: Cursor { values } })
}

fn compare(plan: &Plan<'_>, a: &Cursor, b: &Cursor) -> Ordering {
    let directions = plan.terms.iter().map(|term| term.descending).chain([false]);
    let pairs = a.values.iter().zip(&b.values).zip(directions);
    pairs.map(|((a, b), down)| a.compare(b, down)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

impl Plan<'_> {
    /// For its name, and its number, of which addresses in the server's own store are made.
    fn needs_experiment(&self) -> bool {
        let fields =
            self.query.filter.iter().map(|c| &c.field).chain(self.query.order.iter().map(|o| &o.field));
        let mut fields = fields;
        fields.any(|field| matches!(field, RunField::Artifacts { .. } | RunField::Experiment))
    }
}
