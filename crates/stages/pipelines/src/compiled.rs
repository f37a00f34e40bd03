//! A plan that was checked, with what the engine looks up in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use types::Digest;

use crate::{Binding, Component, Each, Error, From, Graph, Plan, Port, Source, Task, Work, expression};

/// Graphs within graphs.
const DEEPEST: usize = 50;
/// Characters of a name.
const LONGEST: usize = 200;

#[derive(Debug)]
pub(crate) struct Compiled {
    pub plan: Plan,
    /// Of the plan as JSON.
    pub digest: Digest,
    pub text: String,
    root: Index,
    graphs: HashMap<String, Index>,
}

/// Look-ups in a graph.
#[derive(Debug, Default)]
pub(crate) struct Index {
    by_name: HashMap<String, usize>,
    /// By task: what must end first.
    needs: Vec<Vec<String>>,
    /// By task: those that need it.
    dependents: Vec<Vec<usize>>,
    /// Inputs of the graph that its tasks read.
    pub reads: BTreeSet<String>,
}

/// A graph with its look-ups.
#[derive(Clone, Copy)]
pub(crate) struct GraphRef<'p> {
    pub graph: &'p Graph,
    pub index: &'p Index,
}

impl<'p> GraphRef<'p> {
    pub fn task(&self, name: &str) -> Option<&'p Task> {
        self.graph.tasks.get(*self.index.by_name.get(name)?)
    }

    pub fn needs(&self, place: usize) -> &'p [String] {
        self.index.needs.get(place).map_or(&[], Vec::as_slice)
    }

    pub fn dependents(&self, name: &str) -> impl Iterator<Item = &'p Task> + use<'p> {
        let places = self.index.by_name.get(name).and_then(|place| self.index.dependents.get(*place));
        let tasks = &self.graph.tasks;
        places.into_iter().flatten().filter_map(move |place| tasks.get(*place))
    }
}

impl Compiled {
    /// Errors: `Plan` if it could never run, with the graph and the task.
    pub fn new(plan: Plan) -> Result<Self, Error> {
        let invalid = |what: String| Error::Plan { plan: plan.name.clone(), what };
        if plan.root.tasks.is_empty() {
            return Err(invalid("it has no tasks".into()));
        }
        let root = index(&plan, &plan.root, "").map_err(invalid)?;
        let mut graphs = HashMap::new();
        for (name, component) in &plan.components {
            if let Component::Graph(graph) = component {
                graphs.insert(name.clone(), index(&plan, graph, name).map_err(invalid)?);
            }
        }
        nesting(&plan).map_err(invalid)?;
        let text = serde_json::to_string(&plan).map_err(|e| invalid(e.to_string()))?;
        Ok(Self { digest: Digest::of(&text), text, root, graphs, plan })
    }

    /// One that was checked before.
    pub fn read(text: &str) -> Result<Arc<Self>, Error> {
        let plan: Plan = serde_json::from_str(text)
            .map_err(|e| Error::Plan { plan: "stored".into(), what: format!("it cannot be read: {e}") })?;
        Self::new(plan).map(Arc::new)
    }

    pub fn component(&self, name: &str) -> Result<&Component, Error> {
        self.plan.components.get(name).ok_or_else(|| self.lacks("component", name))
    }

    /// The graph of a component; of the root if `None`.
    pub fn graph(&self, component: Option<&str>) -> Result<GraphRef<'_>, Error> {
        let Some(name) = component else {
            return Ok(GraphRef { graph: &self.plan.root, index: &self.root });
        };
        match (self.plan.components.get(name), self.graphs.get(name)) {
            (Some(Component::Graph(graph)), Some(index)) => Ok(GraphRef { graph, index }),
            _ => Err(self.lacks("graph", name)),
        }
    }

    pub fn task(&self, graph: Option<&str>, name: &str) -> Result<&Task, Error> {
        self.graph(graph)?.task(name).ok_or_else(|| self.lacks("task", name))
    }

    pub fn work(&self, component: &str) -> Result<&Work, Error> {
        match self.plan.components.get(component) {
            Some(Component::Work(work)) => Ok(work),
            _ => Err(self.lacks("work", component)),
        }
    }

    fn lacks(&self, what: &str, name: &str) -> Error {
        Error::Plan { plan: self.plan.name.clone(), what: format!("it has no {what} `{name}`") }
    }
}

impl Component {
    pub(crate) fn inputs(&self) -> Option<&BTreeMap<String, Port>> {
        match self {
            Component::Graph(graph) => Some(&graph.inputs),
            Component::Work(work) => Some(&work.inputs),
            Component::Import(import) => Some(&import.inputs),
            Component::Approval(_) => None,
        }
    }
}

/// Errors name the graph and the task.
fn index(plan: &Plan, graph: &Graph, name: &str) -> Result<Index, String> {
    let place = |what: String| if name.is_empty() { what } else { format!("graph `{name}`: {what}") };
    let mut index = Index::default();
    for (at, task) in graph.tasks.iter().enumerate() {
        if !is_name(&task.name) {
            return Err(place(format!("`{}` is not a usable name for a task", task.name)));
        }
        if index.by_name.insert(task.name.clone(), at).is_some() {
            return Err(place(format!("two tasks are called `{}`", task.name)));
        }
    }
    index.dependents = vec![Vec::new(); graph.tasks.len()];
    for (at, task) in graph.tasks.iter().enumerate() {
        let needs =
            check_task(plan, task, &index).map_err(|what| place(format!("task `{}`: {what}", task.name)))?;
        for need in &needs {
            if let Some(up) = index.by_name.get(need) {
                index.dependents[*up].push(at);
            }
        }
        index.needs.push(needs);
        for binding in bindings(task) {
            if let From::Input(input) = &binding.from {
                index.reads.insert(input.clone());
            }
        }
    }
    no_cycle(graph, &index).map_err(place)?;
    for (output, source) in &graph.outputs {
        let tasks: Vec<&String> = match source {
            Source::Output { task, .. } => vec![task],
            Source::FirstOf(list) => list.iter().map(|(task, _)| task).collect(),
        };
        if let Some(gone) = tasks.into_iter().find(|task| !index.by_name.contains_key(*task)) {
            return Err(place(format!("output `{output}` comes from `{gone}`, which is no task of it")));
        }
    }
    Ok(index)
}

fn bindings(task: &Task) -> impl Iterator<Item = &Binding> {
    task.inputs.values().chain(task.each.as_ref().map(|each| &each.items))
}

/// What the task needs: what it says, and every task that it reads from.
fn check_task(plan: &Plan, task: &Task, index: &Index) -> Result<Vec<String>, String> {
    let Some(component) = plan.components.get(&task.component) else {
        return Err(format!("component `{}` does not exist", task.component));
    };
    let mut needs: Vec<String> = Vec::new();
    let sources = bindings(task).filter_map(|binding| match &binding.from {
        From::Output { task, .. } | From::Status { task } => Some(task),
        From::Constant(_) | From::Input(_) => None,
    });
    for need in task.needs.iter().chain(sources) {
        if !index.by_name.contains_key(need) {
            return Err(format!("it needs `{need}`, which is no task of this graph"));
        }
        if !needs.contains(need) {
            needs.push(need.clone());
        }
    }
    for text in task.when.iter().chain(bindings(task).filter_map(|binding| binding.select.as_ref())) {
        expression::check(text)?;
    }
    if let Some(Each { item, .. }) = &task.each
        && component.inputs().is_none_or(|ports| !ports.contains_key(item))
    {
        return Err(format!("component `{}` has no input `{item}` for the item of the loop", task.component));
    }
    if task.retry.factor.is_nan() || task.retry.factor < 0.0 {
        return Err("the factor of its retries is no positive number".into());
    }
    if let Component::Work(work) = component {
        let given = |name: &String| {
            task.inputs.contains_key(name) || task.each.as_ref().is_some_and(|each| each.item == *name)
        };
        let missing =
            work.inputs.iter().find(|(name, port)| !port.optional && port.default.is_none() && !given(name));
        if let Some((name, _)) = missing {
            return Err(format!("input `{name}` of `{}` is not given", task.component));
        }
    }
    Ok(needs)
}

fn no_cycle(graph: &Graph, index: &Index) -> Result<(), String> {
    let mut left: Vec<usize> = index.needs.iter().map(Vec::len).collect();
    let mut free: Vec<usize> = (0..left.len()).filter(|at| left[*at] == 0).collect();
    let mut done = 0;
    while let Some(at) = free.pop() {
        done += 1;
        for down in &index.dependents[at] {
            left[*down] -= 1;
            if left[*down] == 0 {
                free.push(*down);
            }
        }
    }
    if done == left.len() {
        return Ok(());
    }
    let stuck =
        graph.tasks.iter().zip(&left).filter(|(_, left)| **left > 0).map(|(task, _)| task.name.as_str());
    Err(format!("tasks wait for each other: {}", stuck.collect::<Vec<_>>().join(", ")))
}

/// No component holds itself, and the tree is not too deep.
fn nesting(plan: &Plan) -> Result<(), String> {
    fn depth<'p>(
        plan: &'p Plan,
        name: &'p str,
        way: &mut Vec<&'p str>,
        known: &mut HashMap<&'p str, usize>,
    ) -> Result<usize, String> {
        let Some(Component::Graph(graph)) = plan.components.get(name) else { return Ok(0) };
        if let Some(depth) = known.get(name) {
            return Ok(*depth);
        }
        if way.contains(&name) {
            return Err(format!("component `{name}` contains itself"));
        }
        if way.len() >= DEEPEST {
            return Err(format!("graphs are nested deeper than {DEEPEST}"));
        }
        way.push(name);
        let mut deepest = 0;
        for task in &graph.tasks {
            deepest = deepest.max(depth(plan, &task.component, way, known)?);
        }
        way.pop();
        known.insert(name, deepest + 1);
        Ok(deepest + 1)
    }
    let mut known = HashMap::new();
    for task in &plan.root.tasks {
        if depth(plan, &task.component, &mut Vec::new(), &mut known)? > DEEPEST {
            return Err(format!("graphs are nested deeper than {DEEPEST}"));
        }
    }
    Ok(())
}

/// Names become parts of paths and of log addresses.
fn is_name(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && !text.starts_with('.')
        && !text.chars().any(|c| c == '/' || c == '\\' || c.is_control())
}
