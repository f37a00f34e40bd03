//! Tasks begin: works come in line, graphs and loops unfold.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use types::Uid;

use super::resolve::Given;
use super::{Advance, Todo};
use crate::store::children::Counts;
use crate::store::tree::{self, New, Node, Scope};
use crate::{Artifact, Component, Datum, Error, Import, Shape, StepState, Task, resume, store};

/// Iterations of a loop that go on at the same time at most, so that no transaction unfolds thousands.
pub(crate) const WINDOW: usize = 256;
/// Rows that one event names.
const NAMED: usize = 500;

impl Advance<'_, '_> {
    /// Nothing that the task needs is left: it begins, or ends at once.
    pub(super) fn arrive(&mut self, node: &Node) -> Result<(), Error> {
        if self.cancelling {
            return self.end(node, StepState::Cancelled, Some("the run was cancelled".into()), None);
        }
        let (Some(parent), Some(component)) = (node.parent, node.component.as_deref()) else { return Ok(()) };
        if node.iteration.is_some() {
            // One that was unfolded before its run was retried goes on.
            return match node.children {
                Some(1..) => resume::go_on(self, node, &BTreeSet::new()),
                _ => self.enter(node, component, None),
            };
        }
        let plan = Arc::clone(&self.plan);
        let graph = self.component_of(parent)?;
        let task = plan.task(graph.as_deref(), &node.task)?;
        // What takes nothing need not be told what there is.
        let takes = !task.inputs.is_empty() || task.each.is_some() || task.when.is_some();
        let scope = if takes { self.scope(parent)? } else { Rc::new(Scope::default()) };
        match self.resolve(parent, &scope, task, plan.component(component)?)? {
            Given::Skip(why) => self.end(node, StepState::Skipped, Some(why), None),
            Given::Wrong(why) => self.end(node, StepState::Failed, Some(why), None),
            Given::Inputs(inputs) => self.enter(node, component, Some(inputs)),
            Given::Items { shared, item, items } => self.begin_loop(node, task, shared, &item, items),
        }
    }

    /// `inputs` is `None` where they stand in the row already.
    fn enter(
        &mut self,
        node: &Node,
        component: &str,
        inputs: Option<BTreeMap<String, Datum>>,
    ) -> Result<(), Error> {
        let plan = Arc::clone(&self.plan);
        match plan.component(component)? {
            Component::Work(_) => Ok(tree::ready(self.tx, node.uid, inputs.as_ref())?),
            Component::Graph(_) => self.begin_graph(node, Some(component), inputs.as_ref()),
            Component::Import(import) => {
                let given = match inputs {
                    Some(inputs) => inputs,
                    None => self.scope(node.uid)?.inputs.clone(),
                };
                match imported(import, &given) {
                    Ok(mut artifact) => {
                        self.take_over(&mut artifact)?;
                        let outputs = BTreeMap::from([(import.output.clone(), Datum::Artifact(artifact))]);
                        self.end(node, StepState::Succeeded, None, Some(&outputs))
                    }
                    Err(why) => self.end(node, StepState::Failed, Some(why), None),
                }
            }
            Component::Approval(_) => {
                self.asked()?;
                tree::begin(self.tx, node.uid, inputs.as_ref(), None, None)?;
                let payload = json!({ "step_run": node.uid, "run": self.run, "step": node.name });
                Ok(self.tx.event("step.asked", &format!("step_run:{}", node.uid), payload)?)
            }
        }
    }

    /// An artifact that a run of this house made is that artifact.
    fn take_over(&mut self, artifact: &mut Artifact) -> Result<(), Error> {
        let Some(path) = artifact.uri.strip_prefix("mlwright://pipelines/") else { return Ok(()) };
        let mut parts = path.splitn(4, '/');
        let (Some(_), Some(task), Some(port)) = (parts.next(), parts.next(), parts.next()) else {
            return Ok(());
        };
        let Some(found) =
            task.parse().ok().map(|task| store::steps::find(self.tx, task)).transpose()?.flatten()
        else {
            return Ok(());
        };
        let at = parts.next().and_then(|at| at.parse().ok()).unwrap_or(0_usize);
        let source = match found.results.get(port) {
            Some(Datum::Artifact(source)) => Some(source),
            Some(Datum::Artifacts(list)) => list.get(at),
            _ => None,
        };
        if let Some(source) = source {
            (artifact.digest, artifact.bytes, artifact.is_dir) = (source.digest, source.bytes, source.is_dir);
        }
        Ok(())
    }

    pub(super) fn begin_graph(
        &mut self,
        node: &Node,
        component: Option<&str>,
        inputs: Option<&BTreeMap<String, Datum>>,
    ) -> Result<(), Error> {
        let plan = Arc::clone(&self.plan);
        let graph = plan.graph(component)?;
        let mut children = Vec::with_capacity(graph.graph.tasks.len());
        for task in &graph.graph.tasks {
            let shape = match &task.each {
                Some(_) => Shape::Loop,
                None => shape(plan.component(&task.component)?),
            };
            let mut child = Node::below(node, self.tx.new_id(), &task.name, shape);
            child.component = Some(task.component.clone());
            (child.priority, child.pool) = (task.priority, task.pool.clone());
            child.display_name.clone_from(&task.display_name);
            children.push(child);
        }
        let rows: Vec<New<'_>> = children
            .iter()
            .enumerate()
            .map(|(place, node)| New { node, needs: graph.needs(place), inputs: None })
            .collect();
        tree::insert(self.tx, self.run, &rows)?;
        tree::begin(self.tx, node.uid, inputs, Some(children.len()), None)?;
        self.say_expanded(node, &children)?;
        if children.is_empty() {
            return self.conclude(node, Counts::default());
        }
        for (place, child) in children.into_iter().enumerate() {
            if graph.needs(place).is_empty() {
                self.todo.push_back(Todo::Arrive(child));
            }
        }
        Ok(())
    }

    fn begin_loop(
        &mut self,
        node: &Node,
        task: &Task,
        shared: BTreeMap<String, Datum>,
        item: &str,
        items: Vec<Datum>,
    ) -> Result<(), Error> {
        let plan = Arc::clone(&self.plan);
        let shape = shape(plan.component(&task.component)?);
        let mut children = Vec::with_capacity(items.len());
        let mut given = Vec::with_capacity(items.len());
        for (at, datum) in items.into_iter().enumerate() {
            let mut child = Node::below(node, self.tx.new_id(), &at.to_string(), shape);
            child.task.clone_from(&node.task);
            child.component = Some(task.component.clone());
            child.iteration = Some(at as i64);
            (child.priority, child.pool) = (task.priority, task.pool.clone());
            children.push(child);
            given.push(BTreeMap::from([(item.to_owned(), datum)]));
        }
        let rows: Vec<New<'_>> = children
            .iter()
            .zip(&given)
            .map(|(node, inputs)| New { node, needs: &[], inputs: Some(inputs) })
            .collect();
        tree::insert(self.tx, self.run, &rows)?;
        let limit = task.each.as_ref().and_then(|each| each.limit).filter(|limit| *limit > 0);
        let first = limit.map_or(WINDOW, |limit| (limit as usize).min(WINDOW)).min(children.len());
        let next = (first < children.len()).then_some(first as i64);
        tree::begin(self.tx, node.uid, Some(&shared), Some(children.len()), next)?;
        self.say_expanded(node, &children)?;
        if children.is_empty() {
            return self.conclude(node, Counts::default());
        }
        self.todo.extend(children.into_iter().take(first).map(Todo::Arrive));
        Ok(())
    }

    /// Which rows there are from now on.
    fn say_expanded(&mut self, node: &Node, children: &[Node]) -> Result<(), Error> {
        let subject = match node.parent {
            Some(_) => format!("step_run:{}", node.uid),
            None => format!("pipeline_run:{}", self.run),
        };
        let uids: Vec<Uid> = children.iter().map(|child| child.uid).collect();
        for (piece, uids) in uids.chunks(NAMED).enumerate() {
            let mut payload = json!({
                "step_run": node.uid, "run": self.run, "shape": node.shape.name(), "children": uids,
                "first": piece * NAMED,
            });
            if node.shape != Shape::Loop {
                let named = &children[piece * NAMED..][..uids.len()];
                payload["tasks"] = named.iter().map(|child| Value::from(child.task.clone())).collect();
            }
            self.tx.event("step.expanded", &subject, payload)?;
        }
        if uids.is_empty() && node.parent.is_some() {
            let payload = json!({
                "step_run": node.uid, "run": self.run, "shape": node.shape.name(), "children": [], "first": 0,
            });
            self.tx.event("step.expanded", &subject, payload)?;
        }
        Ok(())
    }
}

fn shape(component: &Component) -> Shape {
    match component {
        Component::Graph(_) => Shape::Graph,
        Component::Work(_) => Shape::Work,
        Component::Import(_) => Shape::Import,
        Component::Approval(_) => Shape::Approval,
    }
}

fn imported(import: &Import, inputs: &BTreeMap<String, Datum>) -> Result<Artifact, String> {
    use crate::From;
    let uri = match &import.uri.from {
        From::Constant(value) => Some(value.clone()),
        From::Input(name) => match inputs.get(name) {
            Some(Datum::Value(value)) => Some(value.clone()),
            _ => None,
        },
        From::Output { .. } | From::Status { .. } => None,
    };
    let Some(Value::String(uri)) = uri else { return Err("the address to import from is missing".into()) };
    let metadata: Map<String, Value> = match &import.metadata {
        Value::Object(entries) => entries.clone(),
        _ => Map::new(),
    };
    Ok(Artifact {
        name: import.output.clone(),
        schema: import.artifact_type.clone(),
        uri,
        metadata: metadata.into_iter().collect(),
        digest: None,
        bytes: 0,
        is_dir: false,
    })
}
