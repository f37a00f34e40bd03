//! What a task is given, and what a graph or loop gives.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use types::Uid;

use super::Advance;
use crate::datum::{collected, fit, fit_all, items};
use crate::store::tree::{self, Node, Outcome, Scope};
use crate::{
    Binding, Component, Datum, Each, Error, From, Kind, Port, Shape, Source, StepState, Task, expression,
    resource_name,
};

/// What became of a task's bindings.
pub(super) enum Given {
    Inputs(BTreeMap<String, Datum>),
    /// A loop: what all iterations share, the port of the item, the items.
    Items {
        shared: BTreeMap<String, Datum>,
        item: String,
        items: Vec<Datum>,
    },
    Skip(String),
    Wrong(String),
}

impl Advance<'_, '_> {
    pub(super) fn resolve(
        &mut self,
        graph: Uid,
        scope: &Scope,
        task: &Task,
        component: &Component,
    ) -> Result<Given, Error> {
        let sources = sources(task);
        let outcomes = tree::outcomes(self.tx, graph, &sources)?;
        let run = resource_name(&self.plan.plan.name, self.run);
        let bound = Bound { run: &run, scope, outcomes: &outcomes };
        let given = match bound.all(task, component) {
            Ok(given) => given,
            Err(why) => return Ok(Given::Wrong(why)),
        };
        if let Some(when) = &task.when {
            match expression::condition(when, &given) {
                Ok(true) => {}
                Ok(false) => return Ok(Given::Skip(format!("its condition does not hold: {when}"))),
                Err(why) => return Ok(Given::Wrong(why)),
            }
        }
        let item = task.each.as_ref().map(|each| each.item.as_str());
        if let Some(missing) = missing(component, &given, item) {
            return Ok(Given::Wrong(format!("input `{missing}` has no value")));
        }
        let Some(each) = &task.each else { return Ok(Given::Inputs(given)) };
        Ok(match bound.items(each, component) {
            Ok(items) => {
                let shared = self.shared(task, component, given)?;
                Given::Items { shared, item: each.item.clone(), items }
            }
            Err(why) => Given::Wrong(format!("the loop cannot start: {why}")),
        })
    }

    /// What a graph does not read is not kept with the loop: it is the list of the items, as a rule.
    fn shared(
        &self,
        task: &Task,
        component: &Component,
        mut given: BTreeMap<String, Datum>,
    ) -> Result<BTreeMap<String, Datum>, Error> {
        if let Component::Graph(_) = component {
            let reads = &self.plan.graph(Some(&task.component))?.index.reads;
            given.retain(|name, _| reads.contains(name));
        }
        Ok(given)
    }

    /// What a graph or loop gives, once everything in it has ended well.
    pub(super) fn outputs(&mut self, node: &Node) -> Result<BTreeMap<String, Datum>, Error> {
        if node.shape == Shape::Loop {
            return self.loop_outputs(node);
        }
        let plan = std::sync::Arc::clone(&self.plan);
        let graph = plan.graph(node.component.as_deref())?.graph;
        let mut tasks: Vec<&str> = Vec::new();
        for source in graph.outputs.values() {
            match source {
                Source::Output { task, .. } => tasks.push(task),
                Source::FirstOf(list) => tasks.extend(list.iter().map(|(task, _)| task.as_str())),
            }
        }
        tasks.sort_unstable();
        tasks.dedup();
        let outcomes = tree::outcomes(self.tx, node.uid, &tasks)?;
        let of = |task: &str, port: &str| outcomes.get(task).and_then(|found| found.outputs.get(port));
        let ran = |task: &str| outcomes.get(task).is_some_and(|found| found.state != StepState::Skipped);
        let mut outputs = BTreeMap::new();
        for (name, source) in &graph.outputs {
            let datum = match source {
                Source::Output { task, port } => of(task, port),
                Source::FirstOf(list) => {
                    list.iter().find(|(task, _)| ran(task)).and_then(|(task, port)| of(task, port))
                }
            };
            if let Some(datum) = datum {
                outputs.insert(name.clone(), datum.clone());
            }
        }
        Ok(outputs)
    }

    fn loop_outputs(&mut self, node: &Node) -> Result<BTreeMap<String, Datum>, Error> {
        let plan = std::sync::Arc::clone(&self.plan);
        let Some(component) = node.component.as_deref() else { return Ok(BTreeMap::new()) };
        let component = plan.component(component)?;
        let mut lists: BTreeMap<String, Vec<Datum>> = BTreeMap::new();
        match component {
            Component::Graph(graph) => {
                lists.extend(graph.outputs.keys().map(|name| (name.clone(), Vec::new())))
            }
            Component::Work(work) => lists.extend(work.outputs.keys().map(|name| (name.clone(), Vec::new()))),
            Component::Import(import) => drop(lists.insert(import.output.clone(), Vec::new())),
            Component::Approval(_) => {}
        }
        for outcome in tree::iterations(self.tx, node.uid)? {
            for (name, datum) in outcome.outputs {
                lists.entry(name).or_default().push(datum);
            }
        }
        let ports = match component {
            Component::Work(work) => work.outputs.clone(),
            _ => BTreeMap::new(),
        };
        Ok(lists
            .into_iter()
            .map(|(name, given)| {
                let datum = match ports.get(&name) {
                    Some(port) => collected(port, given),
                    None => collected(&like(given.first()), given),
                };
                (name, datum)
            })
            .collect())
    }
}

/// A port that the first of several data would fit.
fn like(first: Option<&Datum>) -> Port {
    let of = match first {
        Some(Datum::Artifact(_) | Datum::Artifacts(_)) => {
            Kind::Artifact { schema: String::new(), list: true }
        }
        _ => Kind::List,
    };
    Port { of, optional: false, default: None, allowed: Vec::new() }
}

/// Tasks that the bindings read from.
fn sources(task: &Task) -> Vec<&str> {
    let bindings = task.inputs.values().chain(task.each.as_ref().map(|each| &each.items));
    let mut sources: Vec<&str> = bindings
        .filter_map(|binding| match &binding.from {
            From::Output { task, .. } | From::Status { task } => Some(task.as_str()),
            From::Constant(_) | From::Input(_) => None,
        })
        .collect();
    sources.sort_unstable();
    sources.dedup();
    sources
}

/// A graph is given what there is; only what a process or an import wants must be there.
fn missing(component: &Component, given: &BTreeMap<String, Datum>, item: Option<&str>) -> Option<String> {
    if let Component::Graph(_) = component {
        return None;
    }
    let wanted = component.inputs()?.iter().find(|(name, port)| {
        !port.optional && port.default.is_none() && !given.contains_key(*name) && item != Some(name.as_str())
    });
    wanted.map(|(name, _)| name.clone())
}

/// Where bindings are looked up.
struct Bound<'s> {
    /// See [`resource_name`].
    run: &'s str,
    scope: &'s Scope,
    outcomes: &'s BTreeMap<String, Outcome>,
}

impl Bound<'_> {
    /// Errors name the input.
    fn all(&self, task: &Task, component: &Component) -> Result<BTreeMap<String, Datum>, String> {
        let mut given = BTreeMap::new();
        for (name, binding) in &task.inputs {
            let bound = self.one(binding).map_err(|what| format!("input `{name}`: {what}"))?;
            if let Some(datum) = bound {
                given.insert(name.clone(), datum);
            }
        }
        let Some(ports) = component.inputs() else { return Ok(given) };
        match &task.each {
            Some(each) if ports.contains_key(&each.item) => {
                let mut ports = ports.clone();
                ports.remove(&each.item);
                given.remove(&each.item);
                fit_all(&ports, given)
            }
            _ => fit_all(ports, given),
        }
        .map_err(|(name, what)| format!("input `{name}`: {what}"))
    }

    fn items(&self, each: &Each, component: &Component) -> Result<Vec<Datum>, String> {
        let Some(list) = self.one(&each.items)? else { return Err("there is no list of items".into()) };
        let mut items = items(list)?;
        if let Some(port) = component.inputs().and_then(|ports| ports.get(&each.item)) {
            for (at, item) in items.iter_mut().enumerate() {
                let fitted = fit(port, Some(item.clone())).map_err(|what| format!("item {at}: {what}"))?;
                *item = fitted.unwrap_or(Datum::Value(Value::Null));
            }
        }
        Ok(items)
    }

    fn one(&self, binding: &Binding) -> Result<Option<Datum>, String> {
        let found = match &binding.from {
            From::Constant(value) => Some(Datum::Value(value.clone())),
            From::Input(name) => self.scope.inputs.get(name).cloned(),
            From::Output { task, port } => {
                self.outcomes.get(task).and_then(|outcome| outcome.outputs.get(port)).cloned()
            }
            From::Status { task } => {
                let outcome = self.outcomes.get(task);
                outcome.map(|outcome| Datum::Value(status(self.run, task, outcome)))
            }
        };
        match (found, &binding.select) {
            (Some(Datum::Value(value)), Some(select)) => {
                expression::select(select, &value).map(|value| Some(Datum::Value(value)))
            }
            (Some(_), Some(select)) => Err(format!("`{select}` picks from a value, and this is an artifact")),
            (found, _) => Ok(found),
        }
    }
}

/// How a task ended, as Kubeflow's `PipelineTaskFinalStatus` says it.
fn status(run: &str, task: &str, outcome: &Outcome) -> Value {
    let state = match outcome.state {
        StepState::Succeeded => "SUCCEEDED",
        StepState::Failed => "FAILED",
        StepState::Skipped => "SKIPPED",
        StepState::Cancelled => "CANCELLED",
        StepState::Waiting | StepState::Ready => "PENDING",
        StepState::Running => "RUNNING",
    };
    let mut status = json!({
        "state": state, "pipelineJobResourceName": run, "pipelineTaskName": task,
    });
    if outcome.state != StepState::Succeeded {
        let message = outcome.message.as_deref().unwrap_or("no reason known");
        status["error"] = json!({ "code": 9, "message": message });
    }
    status
}
