//! A run that has ended goes on: what succeeded stays, everything else starts again, and what is named with all that
//! needs it.

use std::collections::{BTreeSet, HashSet};

use ledger::Tx;
use serde_json::json;
use types::Uid;

use crate::advance::{self, Advance};
use crate::store::anew;
use crate::store::children::Counts;
use crate::store::tree::{self, Node};
use crate::{Error, PipelineRun, RunState, Shape, StepState, store};

/// Errors: `RunNotFound`, `StepNotFound`, `RunState` unless it failed or was cancelled, or has ended and `from` names
/// what starts again.
pub(crate) fn resume(tx: &mut Tx<'_>, run: Uid, from: &BTreeSet<String>) -> Result<PipelineRun, Error> {
    let missing = || Error::RunNotFound(run.to_string());
    advance::lock(tx, run)?;
    let found = store::runs::find(tx, run)?.ok_or_else(missing)?;
    let well = found.state == RunState::Succeeded && !from.is_empty();
    if !well && !matches!(found.state, RunState::Failed | RunState::Cancelled) {
        return Err(Error::RunState { run, state: found.state.name(), what: "retried" });
    }
    for name in from {
        store::steps::find_name(tx, run, name)?
            .ok_or_else(|| Error::StepNotFound { run, step: name.clone() })?;
    }
    let mut advance = Advance::open(tx, run)?;
    store::runs::reopen(advance.tx(), run)?;
    advance.allow();
    let root = tree::find(advance.tx(), run)?.ok_or_else(missing)?;
    go_on(&mut advance, &root, from)?;
    advance.go()?;
    store::runs::find(tx, run)?.ok_or_else(missing)
}

#[derive(Default)]
struct Reopened {
    removed: Vec<Uid>,
    waiting: Vec<Uid>,
    running: Vec<Uid>,
    /// Nothing that they need is left.
    free: Vec<Node>,
    /// Graphs and loops of which everything has succeeded, though they were ended otherwise.
    complete: Vec<Node>,
}

/// Reopens a graph, loop or iteration that was unfolded, and starts what is free in it.
pub(crate) fn go_on(
    advance: &mut Advance<'_, '_>,
    node: &Node,
    from: &BTreeSet<String>,
) -> Result<(), Error> {
    let mut reopened = Reopened::default();
    open(advance, node, from, &mut reopened)?;
    let run = advance.run();
    let subject = format!("pipeline_run:{run}");
    for (state, steps) in
        [("removed", &reopened.removed), ("waiting", &reopened.waiting), ("running", &reopened.running)]
    {
        for piece in steps.chunks(500) {
            let payload = json!({ "run": run, "state": state, "steps": piece });
            advance.tx().event("pipeline.run_retried", &subject, payload)?;
        }
    }
    for node in reopened.free {
        advance.arrived(node);
    }
    for node in reopened.complete {
        advance.conclude(&node, Counts::default())?;
    }
    Ok(())
}

fn open(
    advance: &mut Advance<'_, '_>,
    node: &Node,
    from: &BTreeSet<String>,
    reopened: &mut Reopened,
) -> Result<(), Error> {
    let children = tree::children(advance.tx(), node.uid)?;
    let again = again(advance, node, &children, from)?;
    let stays = |child: &Node| {
        child.state == StepState::Succeeded && !again.contains(&child.uid) && !holds(from, &child.name)
    };
    let (done, open): (Vec<Node>, Vec<Node>) = children.into_iter().partition(stays);
    let plan = advance.plan().clone();
    let mut next = None;
    if node.shape == Shape::Loop {
        let graph = tree::graph_of(advance.tx(), node)?;
        let each = plan.task(graph.as_deref(), &node.task)?.each.as_ref();
        let limit = each.and_then(|each| each.limit).filter(|limit| *limit > 0);
        let first = limit.map_or(advance::WINDOW, |limit| (limit as usize).min(advance::WINDOW));
        // As many start as may go on at the same time; their ends start the rest.
        next = open.get(first).and_then(|child| child.iteration);
    }
    anew::reopen(advance.tx(), node.uid, StepState::Running, 0, Some((open.len(), next)))?;
    reopened.running.push(node.uid);
    if open.is_empty() {
        let mut node = node.clone();
        node.message = None;
        reopened.complete.push(node);
        return Ok(());
    }
    for mut child in open {
        let later = next.is_some() && child.iteration >= next;
        if again.contains(&child.uid) && child.children.is_some() {
            reopened.removed.extend(anew::remove_below(advance.tx(), child.uid)?);
            child.children = None;
        }
        if child.children.is_some_and(|children| children > 0) && !later {
            self::open(advance, &child, from, reopened)?;
            continue;
        }
        let mut needs_left = 0;
        if child.iteration.is_none() {
            let graph = plan.graph(node.component.as_deref())?;
            let place = graph.graph.tasks.iter().position(|task| task.name == child.task);
            let needs = place.map_or(&[][..], |place| graph.needs(place));
            needs_left = needs.iter().filter(|need| !done.iter().any(|done| done.task == **need)).count();
        }
        anew::reopen(advance.tx(), child.uid, StepState::Waiting, needs_left, None)?;
        reopened.waiting.push(child.uid);
        if needs_left == 0 && !later {
            child.state = StepState::Waiting;
            (child.attempts_before, child.lost, child.message) = (child.attempt, 0, None);
            reopened.free.push(child);
        }
    }
    Ok(())
}

/// Those that start again whatever became of them: what is named, and everything that needs it or what holds it.
fn again(
    advance: &Advance<'_, '_>,
    node: &Node,
    children: &[Node],
    from: &BTreeSet<String>,
) -> Result<HashSet<Uid>, Error> {
    let mut again: HashSet<Uid> =
        children.iter().filter(|child| from.contains(&child.name)).map(|child| child.uid).collect();
    if from.is_empty() || node.shape == Shape::Loop {
        return Ok(again);
    }
    let graph = advance.plan().graph(node.component.as_deref())?;
    let named = |child: &&Node| again.contains(&child.uid) || holds(from, &child.name);
    let mut tasks: Vec<&str> = children.iter().filter(named).map(|child| child.task.as_str()).collect();
    while let Some(task) = tasks.pop() {
        for below in graph.dependents(task) {
            let found = children.iter().find(|child| child.task == below.name);
            if let Some(found) = found
                && again.insert(found.uid)
            {
                tasks.push(&found.task);
            }
        }
    }
    Ok(again)
}

/// Whether one of the paths leads into what is called `name`.
fn holds(from: &BTreeSet<String>, name: &str) -> bool {
    let inside = format!("{name}/");
    from.range(inside.clone()..).next().is_some_and(|path| path.starts_with(&inside))
}
