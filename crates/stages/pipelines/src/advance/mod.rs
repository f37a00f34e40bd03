//! What follows from a change in a run, in the transaction of that change: tasks whose needs have ended start or are
//! skipped, graphs and loops unfold and end, and at last the run.
//!
//! Counters stand in the rows, so that the end of one of ten thousand iterations looks at no other.

mod enter;
mod resolve;

pub(crate) use enter::WINDOW;

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ledger::Tx;
use serde_json::json;
use types::{Digest, Uid};

use crate::compiled::Compiled;
use crate::finish::start_run;
use crate::store::children::{self, Counts, Ends};
use crate::store::tree::{self, Node, Scope, WithHead};
use crate::{Error, Rule, RunState, Shape, Span, StepRun, StepState, adopt, store};

/// Plans that the writer keeps.
const PLANS: usize = 64;
/// Graphs whose components the writer keeps.
const COMPONENTS: usize = 4096;

/// Plans by digest, for the transactions of this server.
#[derive(Default)]
struct Plans(HashMap<Digest, Arc<Compiled>>);

/// Components of graphs, by their rows.
#[derive(Default)]
struct Components(HashMap<Uid, Option<String>>);

enum Todo {
    /// Nothing that it needs is left.
    Arrive(Node),
    Ended(Node, StepState, Option<String>),
}

/// The work on one run within one transaction.
pub(crate) struct Advance<'t, 'a> {
    tx: &'t mut Tx<'a>,
    run: Uid,
    plan: Arc<Compiled>,
    /// Nothing starts any more.
    cancelling: bool,
    /// Nothing of the run has started.
    is_queued: bool,
    todo: VecDeque<Todo>,
    scopes: HashMap<Uid, Rc<Scope>>,
}

impl<'t, 'a> Advance<'t, 'a> {
    /// From here to the end of the transaction no other server changes the run. Errors: `RunNotFound`.
    pub fn open(tx: &'t mut Tx<'a>, run: Uid) -> Result<Self, Error> {
        lock(tx, run)?;
        let head = store::runs::head(tx, run)?.ok_or_else(|| Error::RunNotFound(run.to_string()))?;
        Self::opened(tx, run, &head)
    }

    /// [`Self::open`] at a task; `None` if there is no such task.
    pub fn open_at(tx: &'t mut Tx<'a>, task: Uid) -> Result<Option<(Self, Node)>, Error> {
        let find = |tx: &mut Tx<'a>| Ok(tree::find_with_head(tx, task)?.map(|found| ((), found)));
        Ok(Self::open_found(tx, find)?.map(|(this, node, ())| (this, node)))
    }

    /// [`Self::open_at`] with the whole task, without its kept outputs.
    pub fn open_task(tx: &'t mut Tx<'a>, task: Uid) -> Result<Option<(Self, Node, StepRun)>, Error> {
        Self::open_found(tx, |tx| store::steps::find_with_head(tx, task))
    }

    fn open_found<T>(
        tx: &'t mut Tx<'a>,
        find: impl Fn(&mut Tx<'a>) -> Result<Option<(T, WithHead)>, ledger::Error>,
    ) -> Result<Option<(Self, Node, T)>, Error> {
        let Some(mut found) = find(tx)? else { return Ok(None) };
        if lock(tx, found.1.run)? {
            let Some(again) = find(tx)? else { return Ok(None) };
            found = again;
        }
        let (more, WithHead { run, mut node, head }) = found;
        let this = Self::opened(tx, run, &head)?;
        if head.plan.is_none()
            && let Some(adopted) = tree::find(this.tx, node.uid)?
        {
            node = adopted;
        }
        Ok(Some((this, node, more)))
    }

    fn opened(tx: &'t mut Tx<'a>, run: Uid, head: &store::runs::Head) -> Result<Self, Error> {
        let plan = match head.plan {
            Some(digest) => plan(tx, digest)?,
            None => adopt::adopt(tx, run)?,
        };
        let (todo, scopes) = (VecDeque::new(), HashMap::new());
        let (cancelling, is_queued) = (head.cancel_requested, head.is_queued);
        Ok(Self { tx, run, plan, cancelling, is_queued, todo, scopes })
    }

    /// Starts the root of a run whose row stands.
    pub fn start(
        tx: &'t mut Tx<'a>,
        run: Uid,
        plan: Arc<Compiled>,
        inputs: &std::collections::BTreeMap<String, crate::Datum>,
    ) -> Result<(), Error> {
        let root = Node::root(run);
        let new = tree::New { node: &root, needs: &[], inputs: Some(inputs) };
        tree::insert(tx, run, &[new])?;
        let (todo, scopes) = (VecDeque::new(), HashMap::new());
        let mut this = Self { tx, run, plan, cancelling: false, is_queued: true, todo, scopes };
        this.begin_graph(&root, None, Some(inputs))?;
        this.go()
    }

    pub fn plan(&self) -> &Arc<Compiled> {
        &self.plan
    }

    pub fn run(&self) -> Uid {
        self.run
    }

    /// Whether the run was asked to end.
    pub fn is_cancelling(&self) -> bool {
        self.cancelling
    }

    /// The component of the graph that holds the task of a row: for an iteration, of the graph that holds its loop.
    pub fn graph_of(&mut self, node: &Node) -> Result<Option<String>, Error> {
        match (node.parent, node.iteration) {
            (Some(graph), None) => self.component_of(graph),
            _ => Ok(tree::graph_of(self.tx, node)?),
        }
    }

    /// The component of a graph's row, which never changes.
    fn component_of(&mut self, graph: Uid) -> Result<Option<String>, Error> {
        if graph == self.run {
            return Ok(None);
        }
        let mut known: Components = self.tx.memo().take();
        let found = match known.0.get(&graph) {
            Some(found) => found.clone(),
            None => {
                let found = tree::component(self.tx, graph)?;
                if known.0.len() >= COMPONENTS {
                    known.0.clear();
                }
                known.0.insert(graph, found.clone());
                found
            }
        };
        self.tx.memo().put(known);
        Ok(found)
    }

    /// A person is asked: that begins a run, too.
    fn asked(&mut self) -> Result<(), Error> {
        if self.is_queued {
            start_run(self.tx, self.run)?;
            self.is_queued = false;
        }
        Ok(())
    }

    /// The run goes on, though it was cancelled once.
    pub fn allow(&mut self) {
        self.cancelling = false;
    }

    pub fn tx(&mut self) -> &mut Tx<'a> {
        self.tx
    }

    /// A row that was ended in this transaction.
    pub fn ended(&mut self, node: Node, state: StepState, message: Option<String>) {
        self.todo.push_back(Todo::Ended(node, state, message));
    }

    /// A row that may start now.
    pub fn arrived(&mut self, node: Node) {
        self.todo.push_back(Todo::Arrive(node));
    }

    /// Until nothing follows any more.
    pub fn go(&mut self) -> Result<(), Error> {
        while let Some(todo) = self.todo.pop_front() {
            match todo {
                Todo::Arrive(node) => self.arrive(&node)?,
                Todo::Ended(node, state, message) => self.after(&node, state, message)?,
            }
        }
        Ok(())
    }

    /// Nothing of the run starts any more; what runs is ended by the servers that started it.
    pub fn cancel(&mut self) -> Result<(), Error> {
        const WHY: &str = "the run was cancelled";
        self.cancelling = true;
        let ended = tree::cancel_unstarted(self.tx, self.run, WHY)?;
        let mut parents: HashMap<Uid, i64> = HashMap::new();
        for (_, parent) in &ended {
            if let Some(parent) = parent {
                *parents.entry(*parent).or_default() += 1;
            }
        }
        for piece in ended.chunks(500) {
            let steps: Vec<Uid> = piece.iter().map(|(uid, _)| *uid).collect();
            let payload = json!({ "run": self.run, "steps": steps });
            self.tx.event("step.cancelled", &format!("pipeline_run:{}", self.run), payload)?;
        }
        let mut parents: Vec<_> = parents.into_iter().collect();
        parents.sort_unstable();
        for (parent, ended) in parents {
            let ends = Ends { all: ended, failed: 0, cancelled: ended };
            self.count(parent, ends)?;
        }
        self.go()
    }

    /// A person has answered.
    pub fn answer(
        &mut self,
        node: &Node,
        step: StepRun,
        approved: bool,
        message: String,
    ) -> Result<StepRun, Error> {
        let state = if approved { StepState::Succeeded } else { StepState::Failed };
        let ended = store::steps::answer(self.tx, step, state, message.clone())?;
        self.say_ended(node, state, Some(message))?;
        self.go()?;
        Ok(ended)
    }

    fn after(&mut self, node: &Node, state: StepState, message: Option<String>) -> Result<(), Error> {
        let Some(parent) = node.parent else {
            return self.finish_run(state, message);
        };
        if node.iteration.is_none() {
            self.release(parent, node, state)?;
        }
        let why = (state == StepState::Failed).then(|| match (node.shape, message) {
            (Shape::Graph | Shape::Loop, Some(message)) => message,
            (_, Some(message)) => format!("step `{}` failed: {message}", node.name),
            (_, None) => format!("step `{}` failed", node.name),
        });
        let (failed, cancelled) =
            (i64::from(state == StepState::Failed), i64::from(state == StepState::Cancelled));
        if let Some(why) = why {
            tree::keep_message(self.tx, parent, &why)?;
        }
        let next = self.count(parent, Ends { all: 1, failed, cancelled })?;
        if node.iteration.is_some()
            && !self.cancelling
            && let Some(next) = next
            && let Some(next) = tree::next_iteration(self.tx, parent, next)?
        {
            self.todo.push_back(Todo::Arrive(next));
        }
        Ok(())
    }

    /// Some of what a graph or loop holds have ended; the last of them ends it. Gives the iteration that starts next.
    fn count(&mut self, parent: Uid, ends: Ends) -> Result<Option<i64>, Error> {
        let Some(counts) = children::count(self.tx, parent, ends)? else { return Ok(None) };
        if counts.left == 0
            && let Some(parent) = tree::find(self.tx, parent)?
        {
            self.conclude(&parent, counts)?;
        }
        Ok(counts.next_iteration)
    }

    /// Tells the tasks that need `node`.
    fn release(&mut self, graph: Uid, node: &Node, state: StepState) -> Result<(), Error> {
        let component = self.component_of(graph)?;
        let plan = Arc::clone(&self.plan);
        let dependents = plan.graph(component.as_deref())?.dependents(&node.task);
        let (mut met, mut lost) = (Vec::new(), Vec::new());
        for task in dependents {
            let fine = state == StepState::Succeeded || task.rule == Rule::AllDone;
            if fine { &mut met } else { &mut lost }.push(task.name.as_str());
        }
        let mut free = tree::need_met(self.tx, graph, &met)?;
        free.sort_by_key(|node| met.iter().position(|name| *name == node.task));
        self.todo.extend(free.into_iter().map(Todo::Arrive));
        let (end, message) = match state {
            StepState::Skipped => (StepState::Skipped, format!("step `{}` was skipped", node.name)),
            StepState::Cancelled => (StepState::Cancelled, format!("step `{}` was cancelled", node.name)),
            _ => (StepState::Skipped, format!("step `{}` did not succeed", node.name)),
        };
        for below in tree::waiting(self.tx, graph, &lost)? {
            self.end(&below, end, Some(message.clone()), None)?;
        }
        Ok(())
    }

    /// Ends a row that no process works on.
    fn end(
        &mut self,
        node: &Node,
        state: StepState,
        message: Option<String>,
        outputs: Option<&std::collections::BTreeMap<String, crate::Datum>>,
    ) -> Result<(), Error> {
        if !tree::end(self.tx, node.uid, state, message.as_deref(), outputs)? {
            return Ok(());
        }
        self.say_ended(node, state, message)
    }

    fn say_ended(&mut self, node: &Node, state: StepState, message: Option<String>) -> Result<(), Error> {
        if node.parent.is_some() {
            let kind = if state == StepState::Skipped { "step.skipped" } else { "step.finished" };
            let payload = json!({
                "step_run": node.uid, "run": self.run, "step": node.name, "state": state.name(),
                "attempt": node.attempt,
            });
            self.tx.event(kind, &format!("step_run:{}", node.uid), payload)?;
        }
        self.todo.push_back(Todo::Ended(node.clone(), state, message));
        Ok(())
    }

    /// Ends a graph or loop of which nothing is left.
    pub(crate) fn conclude(&mut self, node: &Node, counts: Counts) -> Result<(), Error> {
        if counts.failed > 0 {
            return self.end(node, StepState::Failed, node.message.clone(), None);
        }
        if counts.cancelled > 0 {
            return self.end(node, StepState::Cancelled, Some("the run was cancelled".into()), None);
        }
        let outputs = self.outputs(node)?;
        self.end(node, StepState::Succeeded, None, Some(&outputs))
    }

    fn finish_run(&mut self, state: StepState, message: Option<String>) -> Result<(), Error> {
        let (uid, tx) = (self.run, &mut *self.tx);
        let Some(run) = store::runs::find(tx, uid)?.filter(|run| !run.state.is_final()) else {
            return Ok(());
        };
        let (state, message) = match state {
            StepState::Failed => (RunState::Failed, message),
            StepState::Cancelled => match store::runs::missed_deadline(tx, uid)? {
                Some(ms) => {
                    let most = Span(Duration::from_millis(ms.unsigned_abs()));
                    (RunState::Failed, Some(format!("it was ended at its deadline of {most}")))
                }
                None => (RunState::Cancelled, Some("cancelled on request".to_owned())),
            },
            _ => (RunState::Succeeded, None),
        };
        store::runs::finish(tx, uid, state, message.as_deref())?;
        let payload = json!({
            "run": uid, "pipeline": run.pipeline, "state": state.name(), "dataset_version": run.dataset_version,
            "replay_of": run.replay_of, "cached_steps": store::steps::count_cached(tx, uid)?,
        });
        Ok(tx.event("pipeline.run_finished", &format!("pipeline_run:{uid}"), payload)?)
    }

    fn scope(&mut self, graph: Uid) -> Result<Rc<Scope>, Error> {
        if let Some(scope) = self.scopes.get(&graph) {
            return Ok(Rc::clone(scope));
        }
        let missing = || Error::NotFound { what: "graph", name: graph.to_string() };
        let scope = Rc::new(tree::scope(self.tx, graph)?.ok_or_else(missing)?);
        self.scopes.insert(graph, Rc::clone(&scope));
        Ok(scope)
    }
}

/// Makes this transaction the only one on the run. Gives whether another server may have changed it just before.
pub(crate) fn lock(tx: &mut Tx<'_>, run: Uid) -> Result<bool, Error> {
    let hex = run.hex();
    let key = hex.get(20..).and_then(|tail| i64::from_str_radix(tail, 16).ok()).unwrap_or_default();
    Ok(tx.lock("pipeline_run", &[key])?)
}

/// A stored plan. Errors: `Plan` if there is none.
pub(crate) fn plan(tx: &mut Tx<'_>, digest: Digest) -> Result<Arc<Compiled>, Error> {
    let mut plans: Plans = tx.memo().take();
    if let Some(plan) = plans.0.get(&digest).cloned() {
        tx.memo().put(plans);
        return Ok(plan);
    }
    let text = store::runs::plan(tx, digest)?;
    let text = text.ok_or_else(|| Error::NotFound { what: "plan", name: digest.to_string() })?;
    let plan = Compiled::read(&text)?;
    if plans.0.len() >= PLANS {
        plans.0.clear();
    }
    plans.0.insert(digest, Arc::clone(&plan));
    tx.memo().put(plans);
    Ok(plan)
}
