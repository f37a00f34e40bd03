//! The rows of a run as a tree, as transitions read and write it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ledger::{Row, Tx, Value, params};
use types::Uid;

use super::runs::Head;
use super::{Reads, Result, json_opt, text};
use crate::{Datum, Shape, StepState};

/// Rows of one insert.
pub(super) const PIECE: usize = 64;

/// A row, without what it was given and gave.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub uid: Uid,
    /// `None` for the root, whose uid is that of the run.
    pub parent: Option<Uid>,
    pub name: String,
    pub task: String,
    /// `None` for the root.
    pub component: Option<String>,
    pub shape: Shape,
    pub iteration: Option<i64>,
    pub state: StepState,
    pub attempt: i64,
    pub attempts_before: i64,
    /// Attempts since then that were lost with their server.
    pub lost: i64,
    /// `None` before it was expanded.
    pub children: Option<i64>,
    pub priority: i64,
    pub pool: Option<String>,
    pub message: Option<String>,
    /// Only of a new one.
    pub display_name: Option<String>,
}

const NODE: &str = "uid, parent, name, task, component, shape, iteration, state, attempt, attempts_before, lost, children, \
     priority, pool, message";

fn node(row: &Row) -> Result<Node> {
    let name: String = row.get("name")?;
    let task: Option<String> = row.get("task")?;
    Ok(Node {
        uid: row.get("uid")?,
        parent: row.get("parent")?,
        task: task.unwrap_or_else(|| name.clone()),
        name,
        component: row.get("component")?,
        shape: row.get::<String>("shape")?.parse()?,
        iteration: row.get("iteration")?,
        state: row.get::<String>("state")?.parse()?,
        attempt: row.get("attempt")?,
        attempts_before: row.get("attempts_before")?,
        lost: row.get("lost")?,
        children: row.get("children")?,
        priority: row.get("priority")?,
        pool: row.get("pool")?,
        message: row.get("message")?,
        display_name: None,
    })
}

impl Node {
    /// A new one that waits.
    pub fn below(parent: &Node, uid: Uid, task: &str, shape: Shape) -> Self {
        let name = if parent.name.is_empty() { task.to_owned() } else { format!("{}/{task}", parent.name) };
        Self { parent: Some(parent.uid), name, task: task.to_owned(), ..Self::new(uid, shape) }
    }

    /// The root of a run, which goes on from the beginning.
    pub fn root(run: Uid) -> Self {
        let mut root = Self::new(run, Shape::Graph);
        root.state = StepState::Running;
        root
    }

    fn new(uid: Uid, shape: Shape) -> Self {
        Self {
            uid,
            parent: None,
            name: String::new(),
            task: String::new(),
            component: None,
            shape,
            iteration: None,
            state: StepState::Waiting,
            attempt: 0,
            attempts_before: 0,
            lost: 0,
            children: None,
            priority: 0,
            pool: None,
            message: None,
            display_name: None,
        }
    }
}

/// A row to insert, with what it needs and what it is given already.
pub(crate) struct New<'a> {
    pub node: &'a Node,
    pub needs: &'a [String],
    pub inputs: Option<&'a BTreeMap<String, Datum>>,
}

pub(crate) fn insert(tx: &mut Tx<'_>, run: Uid, rows: &[New<'_>]) -> Result<()> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let run_id = super::runs::place(tx, run)?;
    for (piece, chunk) in rows.chunks(PIECE).enumerate() {
        let mut sql = "INSERT INTO step_run (workspace_id, uid, run_uid, name, place, needs, needs_left, state, attempt, \
             cached, shape, parent, task, component, iteration, inputs, priority, pool, display_name, created_at, run_id) \
             VALUES "
            .to_owned();
        let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 19);
        for (at, row) in chunk.iter().enumerate() {
            let first = at * 19 + 1;
            let place = |offset: usize| format!("${}", first + offset);
            let list = |from: usize, to: usize| (from..to).map(place).collect::<Vec<_>>().join(", ");
            sql.push_str(if at == 0 { "(" } else { ", (" });
            sql.push_str(&format!("{}, 0, FALSE, {})", list(0, 8), list(8, 19)));
            let node = row.node;
            values.extend(params![
                workspace,
                node.uid,
                run,
                &node.name,
                piece * PIECE + at,
                text(&row.needs)?,
                row.needs.len(),
                node.state.name(),
                node.shape.name(),
                node.parent,
                &node.task,
                node.component.as_deref(),
                node.iteration,
                row.inputs.map(text).transpose()?,
                node.priority,
                node.pool.as_deref(),
                node.display_name.as_deref(),
                now,
                run_id
            ]);
        }
        tx.execute(&sql, &values)?;
    }
    Ok(())
}

pub(crate) fn find(r: &mut impl Reads, uid: Uid) -> Result<Option<Node>> {
    let workspace = r.workspace();
    let sql = format!("SELECT {NODE} FROM step_run WHERE workspace_id = $1 AND uid = $2");
    r.rows(&sql, &params![workspace, uid])?.first().map(node).transpose()
}

/// A row with its run, and with what transitions ask of that.
pub(crate) struct WithHead {
    pub run: Uid,
    pub node: Node,
    pub head: Head,
}

/// In one statement.
pub(crate) fn find_with_head(r: &mut impl Reads, uid: Uid) -> Result<Option<WithHead>> {
    static SQL: LazyLock<String> = LazyLock::new(|| with_head(NODE));
    let workspace = r.workspace();
    r.rows(&SQL, &params![workspace, uid])?.first().map(WithHead::read).transpose()
}

/// The statement for [`WithHead::read`] with these columns of the row, [`NODE`]'s among them.
pub(super) fn with_head(columns: &str) -> String {
    let columns: Vec<String> = columns.split(", ").map(|column| format!("s.{}", column.trim())).collect();
    format!(
        "SELECT {}, s.run_uid, r.plan_digest, r.cancel_requested, r.state = 'queued' AS is_queued FROM step_run s \
         JOIN pipeline_run r ON r.workspace_id = s.workspace_id AND r.uid = s.run_uid \
         WHERE s.workspace_id = $1 AND s.uid = $2",
        columns.join(", ")
    )
}

impl WithHead {
    pub(super) fn read(row: &Row) -> Result<Self> {
        Ok(Self { run: row.get("run_uid")?, node: node(row)?, head: Head::read(row)? })
    }
}

/// Every row of a run, in the order in which they came to be.
pub(crate) fn all(r: &mut impl Reads, run: Uid) -> Result<Vec<Node>> {
    let workspace = r.workspace();
    let sql = format!("SELECT {NODE} FROM step_run WHERE workspace_id = $1 AND run_uid = $2 ORDER BY id");
    r.rows(&sql, &params![workspace, run])?.iter().map(node).collect()
}

/// What tasks of a graph may refer to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub inputs: BTreeMap<String, Datum>,
}

/// What a graph was given; an iteration also has what its loop was given.
pub(crate) fn scope(r: &mut impl Reads, uid: Uid) -> Result<Option<Scope>> {
    let workspace = r.workspace();
    let sql = "SELECT inputs, iteration, parent FROM step_run WHERE workspace_id = $1 AND uid = $2";
    let rows = r.rows(sql, &params![workspace, uid])?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut inputs: BTreeMap<String, Datum> = json_opt(row, "inputs")?.unwrap_or_default();
    if row.get::<Option<i64>>("iteration")?.is_some()
        && let Some(above) = row.get::<Option<Uid>>("parent")?
    {
        let rows = r.rows(sql, &params![workspace, above])?;
        let shared: Option<BTreeMap<String, Datum>> =
            rows.first().map(|row| json_opt(row, "inputs")).transpose()?.flatten();
        for (name, datum) in shared.unwrap_or_default() {
            inputs.entry(name).or_insert(datum);
        }
    }
    Ok(Some(Scope { inputs }))
}

/// How a task ended, and what it gave.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub state: StepState,
    pub message: Option<String>,
    pub outputs: BTreeMap<String, Datum>,
}

/// Of tasks of one graph, by name.
pub(crate) fn outcomes(r: &mut impl Reads, parent: Uid, tasks: &[&str]) -> Result<BTreeMap<String, Outcome>> {
    let workspace = r.workspace();
    let mut found = BTreeMap::new();
    for piece in tasks.chunks(PIECE) {
        let (list, values) = in_tasks(params![workspace, parent].to_vec(), piece);
        let sql = format!(
            "SELECT task, state, message, outputs FROM step_run \
             WHERE workspace_id = $1 AND parent = $2 AND task IN ({list})"
        );
        for row in r.rows(&sql, &values)? {
            found.insert(row.get("task")?, outcome(&row)?);
        }
    }
    Ok(found)
}

/// Of the iterations of a loop, in order.
pub(crate) fn iterations(r: &mut impl Reads, parent: Uid) -> Result<Vec<Outcome>> {
    let workspace = r.workspace();
    let rows = r.rows(
        "SELECT state, message, outputs FROM step_run WHERE workspace_id = $1 AND parent = $2 \
         ORDER BY iteration",
        &params![workspace, parent],
    )?;
    rows.iter().map(outcome).collect()
}

fn outcome(row: &Row) -> Result<Outcome> {
    Ok(Outcome {
        state: row.get::<String>("state")?.parse()?,
        message: row.get("message")?,
        outputs: json_opt(row, "outputs")?.unwrap_or_default(),
    })
}

/// `$n, …` for tasks behind the values that are there already.
fn in_tasks(mut values: Vec<Value>, tasks: &[&str]) -> (String, Vec<Value>) {
    let list: Vec<String> = (0..tasks.len()).map(|i| format!("${}", values.len() + 1 + i)).collect();
    values.extend(tasks.iter().map(|task| Value::from(*task)));
    (list.join(", "), values)
}

/// One of their needs has ended well enough. Gives those that wait for nothing else now: they begin or end next, and
/// what begins has no needs left.
pub(crate) fn need_met(tx: &mut Tx<'_>, parent: Uid, tasks: &[&str]) -> Result<Vec<Node>> {
    let workspace = tx.workspace();
    let (mut free, mut others) = (Vec::new(), Vec::new());
    for piece in tasks.chunks(PIECE) {
        let (list, values) = in_tasks(params![workspace, parent].to_vec(), piece);
        let sql = format!(
            "SELECT needs_left, {NODE} FROM step_run WHERE workspace_id = $1 AND parent = $2 AND task IN ({list})"
        );
        for row in tx.query(&sql, &values)? {
            let found = node(&row)?;
            match row.get::<i64>("needs_left")? {
                ..=1 if found.state == StepState::Waiting => free.push(found),
                ..=1 => {}
                _ => others.push(found.task),
            }
        }
    }
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    for piece in others.chunks(PIECE) {
        let (list, values) = in_tasks(params![workspace, parent].to_vec(), piece);
        let sql = format!(
            "UPDATE step_run SET needs_left = needs_left - 1 \
             WHERE workspace_id = $1 AND parent = $2 AND task IN ({list})"
        );
        tx.execute(&sql, &values)?;
    }
    Ok(free)
}

/// Those among tasks of a graph that still wait.
pub(crate) fn waiting(r: &mut impl Reads, parent: Uid, tasks: &[&str]) -> Result<Vec<Node>> {
    let workspace = r.workspace();
    let mut found = Vec::new();
    for piece in tasks.chunks(PIECE) {
        let (list, values) = in_tasks(params![workspace, parent].to_vec(), piece);
        let sql = format!(
            "SELECT {NODE} FROM step_run \
             WHERE workspace_id = $1 AND parent = $2 AND state = 'waiting' AND task IN ({list})"
        );
        for row in r.rows(&sql, &values)? {
            found.push(node(&row)?);
        }
    }
    Ok(found)
}

/// From here on any server may take it.
pub(crate) fn ready(tx: &mut Tx<'_>, uid: Uid, inputs: Option<&BTreeMap<String, Datum>>) -> Result<()> {
    let (workspace, inputs) = (tx.workspace(), inputs.map(text).transpose()?);
    tx.execute(
        "UPDATE step_run SET state = 'ready', needs_left = 0, inputs = COALESCE($1, inputs) \
         WHERE workspace_id = $2 AND uid = $3",
        &params![inputs, workspace, uid],
    )?;
    Ok(())
}

/// A graph, loop or approval begins. `children` is what a graph or loop holds; `next` the iteration that starts after
/// those that start at once.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    uid: Uid,
    inputs: Option<&BTreeMap<String, Datum>>,
    children: Option<usize>,
    next: Option<i64>,
) -> Result<()> {
    let (workspace, now, inputs) = (tx.workspace(), tx.now(), inputs.map(text).transpose()?);
    tx.execute(
        "UPDATE step_run SET state = 'running', needs_left = 0, started_at = $1, inputs = COALESCE($2, inputs), \
         children = $3 WHERE workspace_id = $4 AND uid = $5",
        &params![now, inputs, children, workspace, uid],
    )?;
    children.map_or(Ok(()), |children| super::children::set(tx, uid, children, next))
}

/// Ends a row that no process works on. False if it has ended before.
pub(crate) fn end(
    tx: &mut Tx<'_>,
    uid: Uid,
    state: StepState,
    message: Option<&str>,
    outputs: Option<&BTreeMap<String, Datum>>,
) -> Result<bool> {
    let (workspace, now, outputs) = (tx.workspace(), tx.now(), outputs.map(text).transpose()?);
    let changed = tx.execute(
        "UPDATE step_run SET state = $1, message = $2, outputs = $3, ended_at = $4, due_at = NULL \
         WHERE workspace_id = $5 AND uid = $6 AND owner IS NULL AND state IN ('waiting', 'ready', 'running')",
        &params![state.name(), message, outputs, now, workspace, uid],
    )?;
    Ok(changed == 1)
}

/// Why what one holds did not succeed: the first message stays.
pub(crate) fn keep_message(tx: &mut Tx<'_>, of: Uid, message: &str) -> Result<()> {
    let workspace = tx.workspace();
    tx.execute(
        "UPDATE step_run SET message = COALESCE(message, $1) WHERE workspace_id = $2 AND uid = $3",
        &params![message, workspace, of],
    )?;
    Ok(())
}

/// The first iteration from `at` on that still waits, if there is one; the one after it is next.
pub(crate) fn next_iteration(tx: &mut Tx<'_>, of: Uid, at: i64) -> Result<Option<Node>> {
    let workspace = tx.workspace();
    let sql = format!(
        "SELECT {NODE} FROM step_run WHERE workspace_id = $1 AND parent = $2 AND iteration >= $3 \
         AND state = 'waiting' ORDER BY iteration LIMIT 1"
    );
    let found = tx.query(&sql, &params![workspace, of, at])?.first().map(node).transpose()?;
    let next = found.as_ref().and_then(|found| found.iteration).map(|iteration| iteration + 1);
    super::children::set_next(tx, of, next)?;
    Ok(found)
}

/// The rows that one holds, in the order in which they came to be.
pub(crate) fn children(r: &mut impl Reads, parent: Uid) -> Result<Vec<Node>> {
    let workspace = r.workspace();
    let sql = format!("SELECT {NODE} FROM step_run WHERE workspace_id = $1 AND parent = $2 ORDER BY id");
    r.rows(&sql, &params![workspace, parent])?.iter().map(node).collect()
}

/// Ends everything of a run that no process works on and that holds nothing. Gives uid and parent of each.
pub(crate) fn cancel_unstarted(tx: &mut Tx<'_>, run: Uid, message: &str) -> Result<Vec<(Uid, Option<Uid>)>> {
    let (workspace, now) = (tx.workspace(), tx.now());
    let rows = tx.query(
        "UPDATE step_run SET state = 'cancelled', message = $1, ended_at = $2, due_at = NULL \
         WHERE workspace_id = $3 AND run_uid = $4 \
         AND (state IN ('waiting', 'ready') OR (state = 'running' AND shape = 'approval')) RETURNING uid, parent",
        &params![message, now, workspace, run],
    )?;
    rows.iter().map(|row| Ok((row.get("uid")?, row.get("parent")?))).collect()
}

/// The component of a row; `None` for the root, or if there is no such row.
pub(crate) fn component(r: &mut impl Reads, uid: Uid) -> Result<Option<String>> {
    let workspace = r.workspace();
    let sql = "SELECT component FROM step_run WHERE workspace_id = $1 AND uid = $2";
    r.rows(sql, &params![workspace, uid])?.first().map_or(Ok(None), |row| row.get("component"))
}

/// The component of the graph that holds the task of a row: for an iteration, of the graph that holds its loop.
pub(crate) fn graph_of(r: &mut impl Reads, node: &Node) -> Result<Option<String>> {
    let Some(mut above) = node.parent else { return Ok(None) };
    if node.iteration.is_some() {
        let Some(graph) = find(r, above)?.and_then(|found| found.parent) else { return Ok(None) };
        above = graph;
    }
    Ok(find(r, above)?.and_then(|graph| graph.component))
}
