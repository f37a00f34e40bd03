//! A run that failed or was cancelled goes on: what succeeded stays, everything else starts again.

use ledger::Tx;
use serde_json::json;
use types::Uid;

use crate::advance::{self, Advance};
use crate::store::tree::{self, Node};
use crate::{Error, PipelineRun, RunState, Shape, StepState, store};

/// Errors: `RunNotFound`, `RunState` unless it failed or was cancelled.
pub(crate) fn resume(tx: &mut Tx<'_>, run: Uid) -> Result<PipelineRun, Error> {
    let missing = || Error::RunNotFound(run.to_string());
    advance::lock(tx, run)?;
    let found = store::runs::find(tx, run)?.ok_or_else(missing)?;
    if !matches!(found.state, RunState::Failed | RunState::Cancelled) {
        return Err(Error::RunState { run, state: found.state.name(), what: "retried" });
    }
    let mut advance = Advance::open(tx, run)?;
    store::runs::reopen(advance.tx(), run)?;
    advance.allow();
    let root = tree::find(advance.tx(), run)?.ok_or_else(missing)?;
    go_on(&mut advance, &root)?;
    advance.go()?;
    store::runs::find(tx, run)?.ok_or_else(missing)
}

#[derive(Default)]
struct Reopened {
    waiting: Vec<Uid>,
    running: Vec<Uid>,
    /// Nothing that they need is left.
    free: Vec<Node>,
    /// Graphs and loops of which everything has succeeded, though they were ended otherwise.
    complete: Vec<Node>,
}

/// Reopens a graph, loop or iteration that was unfolded and did not succeed, and starts what is free in it.
pub(crate) fn go_on(advance: &mut Advance<'_, '_>, node: &Node) -> Result<(), Error> {
    let mut reopened = Reopened::default();
    open(advance, node, &mut reopened)?;
    let run = advance.run();
    let subject = format!("pipeline_run:{run}");
    let pieces = reopened.waiting.chunks(500).map(|piece| ("waiting", piece));
    for (state, steps) in pieces.chain(reopened.running.chunks(500).map(|piece| ("running", piece))) {
        let payload = json!({ "run": run, "state": state, "steps": steps });
        advance.tx().event("pipeline.run_retried", &subject, payload)?;
    }
    for node in reopened.free {
        advance.arrived(node);
    }
    for node in reopened.complete {
        advance.conclude(&node)?;
    }
    Ok(())
}

fn open(advance: &mut Advance<'_, '_>, node: &Node, reopened: &mut Reopened) -> Result<(), Error> {
    let children = tree::children(advance.tx(), node.uid)?;
    let (done, open): (Vec<Node>, Vec<Node>) =
        children.into_iter().partition(|child| child.state == StepState::Succeeded);
    let plan = advance.plan().clone();
    let mut next = None;
    if node.shape == Shape::Loop {
        let graph = tree::graph_of(advance.tx(), node)?;
        let each = plan.task(graph.as_deref(), &node.task)?.each.as_ref();
        let limit = each.and_then(|each| each.limit).filter(|limit| *limit > 0);
        let first = limit.map_or(advance::WINDOW, |limit| (limit as usize).min(advance::WINDOW));
        // As many start as may go on at the same time; their ends start the rest.
        next = Some(open.get(first).and_then(|child| child.iteration).or(node.children).unwrap_or(0));
    }
    tree::reopen(advance.tx(), node.uid, StepState::Running, 0, Some((open.len() as i64, next)))?;
    reopened.running.push(node.uid);
    if open.is_empty() {
        let mut node = node.clone();
        (node.children_failed, node.children_cancelled, node.message) = (0, 0, None);
        reopened.complete.push(node);
        return Ok(());
    }
    for mut child in open {
        let later = child.iteration.is_some() && child.iteration >= next;
        if child.children.is_some_and(|children| children > 0) && !later {
            self::open(advance, &child, reopened)?;
            continue;
        }
        let mut needs_left = 0;
        if child.iteration.is_none() {
            let graph = plan.graph(node.component.as_deref())?;
            let place = graph.graph.tasks.iter().position(|task| task.name == child.task);
            let needs = place.map_or(&[][..], |place| graph.needs(place));
            needs_left = needs.iter().filter(|need| !done.iter().any(|done| done.task == **need)).count();
        }
        tree::reopen(advance.tx(), child.uid, StepState::Waiting, needs_left, None)?;
        reopened.waiting.push(child.uid);
        if needs_left == 0 && !later {
            child.state = StepState::Waiting;
            (child.children_failed, child.children_cancelled, child.message) = (0, 0, None);
            child.attempts_before = child.attempt;
            reopened.free.push(child);
        }
    }
    Ok(())
}
