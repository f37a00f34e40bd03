//! Components, and the graphs among them.

use std::collections::{BTreeMap, BTreeSet};

use pipelines::{Binding, Component, From, Graph, Kind, Port, Source, Task};
use serde_json::Value;

use super::executors::{self, Executor, value_holds_placeholder};
use super::node::{Fields, IrError, Node};
use super::{platform, ports, tasks};

/// A component before its tasks have been looked at.
struct Part<'a> {
    inputs: BTreeMap<String, Port>,
    outputs: BTreeMap<String, Port>,
    body: Body<'a>,
    path: String,
    /// A task gives it a constant that its adapter has to resolve.
    placeholders: bool,
    /// `activeDeadlineSeconds` of its executor, in milliseconds.
    deadline: Option<u64>,
    /// What the platform document wants to be told, by input.
    platform: Vec<(String, Binding)>,
}

enum Body<'a> {
    Dag(Node<'a>),
    Work(Executor),
}

/// The name under which the root stands among the parts.
const ROOT: &str = "";

pub(crate) struct Conversion<'a> {
    parts: BTreeMap<String, Part<'a>>,
    graphs: BTreeMap<String, Graph>,
}

/// Executors by label, and what the platform document says of them.
pub(crate) struct Executors<'a> {
    pub specs: BTreeMap<String, Node<'a>>,
    pub kubernetes: BTreeMap<String, Value>,
}

impl<'a> Conversion<'a> {
    pub fn read(
        root: Node<'a>,
        components: Vec<(&'a str, Node<'a>)>,
        executors: &Executors<'a>,
    ) -> Result<Self, IrError> {
        let mut this = Self { parts: BTreeMap::new(), graphs: BTreeMap::new() };
        let root = Self::part(&root, executors)?;
        if matches!(root.body, Body::Work(_)) {
            return Err(IrError::new("root", "a pipeline is a `dag`, this is an executor"));
        }
        this.parts.insert(ROOT.to_owned(), root);
        for (name, node) in components {
            let part = Self::part(&node, executors)?;
            this.parts.insert(name.to_owned(), part);
        }
        Ok(this)
    }

    fn part(node: &Node<'a>, executors: &Executors<'a>) -> Result<Part<'a>, IrError> {
        let fields = node.fields(&[
            "inputDefinitions",
            "outputDefinitions",
            "dag",
            "executorLabel",
            "singlePlatformSpecs",
            "taskConfigPassthroughs",
        ])?;
        let inputs = ports::inputs(&fields)?;
        let outputs = ports::outputs(&fields)?;
        let body = match (fields.opt("dag"), fields.text("executorLabel")?) {
            (Some(dag), None) => Body::Dag(dag),
            (None, Some(label)) => {
                let missing = || fields.error(format!("there is no executor `{label}`"));
                let spec = executors.specs.get(label).ok_or_else(missing)?;
                let platform = executors.kubernetes.get(label).cloned().unwrap_or(Value::Null);
                let artifact = |(_, port): &(&String, &Port)| matches!(port.of, Kind::Artifact { .. });
                let output = outputs.iter().find(artifact).map(|(name, _)| name.as_str());
                let mut executor = executors::read(spec, platform, output)?;
                if let Executor::Container(container) = &mut executor {
                    container.task_config = task_config(&fields)?;
                }
                Body::Work(executor)
            }
            _ => return Err(fields.error("either `dag` or `executorLabel` is expected")),
        };
        let (mut deadline, mut platform) = (None, Vec::new());
        if let Body::Work(Executor::Container(container)) = &body {
            let config = &container.kubernetes;
            let place = || Node::new(format!("{}.kubernetes", node.path), config);
            let seconds = match platform::field(config, "activeDeadlineSeconds") {
                Value::Null => 0.0,
                seconds => Node::new(format!("{}.activeDeadlineSeconds", place().path), seconds).number()?,
            };
            deadline = (seconds > 0.0).then_some((seconds * 1000.0) as u64);
            platform = platform::bindings(config, &place().path)?;
        }
        Ok(Part { inputs, outputs, body, path: node.path.clone(), placeholders: false, deadline, platform })
    }

    /// The root, and every component that it reaches or not.
    pub fn finish(mut self) -> Result<(Graph, BTreeMap<String, Component>), IrError> {
        let names: Vec<String> = self.parts.keys().cloned().collect();
        for name in &names {
            let part = self.parts.get(name);
            if let Some(Part { body: Body::Dag(dag), .. }) = part {
                let dag = dag.clone();
                let graph = self.graph(name, &dag)?;
                self.graphs.insert(name.clone(), graph);
            }
        }
        self.check_depth()?;
        let mut root = Graph::default();
        let mut components = BTreeMap::new();
        for (name, part) in self.parts {
            let component = match part.body {
                Body::Dag(_) => {
                    let mut graph = self.graphs.remove(&name).unwrap_or_default();
                    graph.inputs = part.inputs;
                    if name == ROOT {
                        root = graph;
                        continue;
                    }
                    Component::Graph(graph)
                }
                Body::Work(executor) => work(executor, part.inputs, part.outputs, part.placeholders)?,
            };
            components.insert(name, component);
        }
        Ok((root, components))
    }

    fn graph(&mut self, name: &str, dag: &Node<'a>) -> Result<Graph, IrError> {
        let fields = dag.fields(&["tasks", "outputs"])?;
        let entries = fields.entries("tasks")?;
        let mut read = Vec::with_capacity(entries.len());
        for (task, node) in &entries {
            let found = tasks::read(task, node)?;
            if !self.parts.contains_key(&found.task.component) || found.task.component == ROOT {
                let what = format!("there is no component `{}`", found.task.component);
                return Err(IrError::new(format!("{}.componentRef.name", node.path), what));
            }
            read.push((found, node.path.clone()));
        }
        let of_task: BTreeMap<String, (String, bool)> = read
            .iter()
            .map(|(r, _)| (r.task.name.clone(), (r.task.component.clone(), r.task.each.is_some())))
            .collect();
        let mut converted = Vec::with_capacity(read.len());
        for (mut found, path) in read {
            self.connect(name, &mut found, &path, &of_task)?;
            converted.push(found.task);
        }
        let outputs = self.outputs(&fields, &of_task)?;
        Ok(Graph { inputs: BTreeMap::new(), tasks: in_order(converted, &dag.path)?, outputs })
    }

    /// Checks where a task's inputs come from, and gives its component the ports that it lacks.
    fn connect(
        &mut self,
        graph: &str,
        found: &mut tasks::Read,
        path: &str,
        of_task: &BTreeMap<String, (String, bool)>,
    ) -> Result<(), IrError> {
        let task = &mut found.task;
        let platform = self.parts.get(&task.component).map(|part| part.platform.clone()).unwrap_or_default();
        for (name, binding) in platform {
            if let From::Output { task: producer, .. } = &binding.from
                && !task.needs.contains(producer)
            {
                task.needs.push(producer.clone());
            }
            task.inputs.entry(name).or_insert(binding);
        }
        for need in &task.needs {
            if !of_task.contains_key(need) {
                let what = format!("it depends on `{need}`, which is no task of the same dag");
                return Err(IrError::new(path, what));
            }
        }
        let mut ports = Vec::new();
        let mut gone = Vec::new();
        for (name, binding) in &task.inputs {
            let place = found.places.get(name).map_or(path, String::as_str);
            match self.source_kind(graph, binding, of_task) {
                Ok(Some(kind)) => ports.push((name.clone(), kind)),
                // Kubeflow's compiler leaves such behind: the value is never there.
                Ok(None) => gone.push(name.clone()),
                Err(what) => return Err(IrError::new(place, what)),
            }
        }
        for name in &gone {
            task.inputs.remove(name);
        }
        let items = task.each.as_ref().map(|each| (each.item.clone(), each.items.clone()));
        if let Some((_, items)) = &items {
            match self.source_kind(graph, items, of_task) {
                Ok(Some(_)) => {}
                Ok(None) => return Err(IrError::new(path, "what it iterates over is never there")),
                Err(what) => return Err(IrError::new(path, what)),
            }
        }
        let Some(part) = self.parts.get_mut(&task.component) else { return Ok(()) };
        part.placeholders |= found.placeholders;
        for (name, kind) in ports {
            part.inputs.entry(name).or_insert(Port {
                of: kind,
                optional: true,
                default: None,
                allowed: Vec::new(),
            });
        }
        for name in gone {
            if let Some(port) = part.inputs.get_mut(&name) {
                port.optional = true;
            }
        }
        if let Some((item, _)) = items
            && !part.inputs.contains_key(&item)
        {
            return Err(IrError::new(path, format!("its component has no input `{item}` for the item")));
        }
        task.timeout_ms = part.deadline;
        Ok(())
    }

    /// What a binding gives; `None` if nothing ever.
    fn source_kind(
        &self,
        graph: &str,
        binding: &Binding,
        of_task: &BTreeMap<String, (String, bool)>,
    ) -> Result<Option<Kind>, String> {
        Ok(match &binding.from {
            _ if binding.select.is_some() && matches!(binding.from, From::Output { .. }) => Some(Kind::Text),
            From::Constant(value) => Some(tasks::kind_of(value)),
            From::Status { .. } => Some(Kind::Status),
            From::Input(name) => {
                let port = self.parts.get(graph).and_then(|part| part.inputs.get(name));
                port.map(|port| if binding.select.is_some() { Kind::Text } else { port.of.clone() })
            }
            From::Output { task, port } => {
                let Some((component, _)) = of_task.get(task) else {
                    return Err(format!("there is no task `{task}` in the same dag"));
                };
                let found = self.parts.get(component).and_then(|part| part.outputs.get(port));
                let found = found.ok_or_else(|| format!("task `{task}` has no output `{port}`"))?;
                Some(found.of.clone())
            }
        })
    }

    fn outputs(
        &self,
        dag: &Fields<'_>,
        of_task: &BTreeMap<String, (String, bool)>,
    ) -> Result<BTreeMap<String, Source>, IrError> {
        let Some(node) = dag.opt("outputs") else { return Ok(BTreeMap::new()) };
        let fields = node.fields(&["parameters", "artifacts"])?;
        let mut outputs = BTreeMap::new();
        for (name, node) in fields.entries("parameters")? {
            let spec = node.fields(&["valueFromParameter", "valueFromOneof"])?;
            let source = if let Some(one) = spec.opt("valueFromParameter") {
                let (task, port) = self.selector(&one, "outputParameterKey", of_task)?;
                Source::Output { task, port }
            } else {
                let one_of = spec.need("valueFromOneof")?.fields(&["parameterSelectors"])?;
                let choices = one_of.items("parameterSelectors")?;
                let choices = choices.iter().map(|n| self.selector(n, "outputParameterKey", of_task));
                Source::FirstOf(choices.collect::<Result<_, _>>()?)
            };
            outputs.insert(name.to_owned(), source);
        }
        for (name, node) in fields.entries("artifacts")? {
            let selectors = node.fields(&["artifactSelectors"])?.items("artifactSelectors")?;
            let choices = selectors.iter().map(|n| self.selector(n, "outputArtifactKey", of_task));
            let mut choices: Vec<(String, String)> = choices.collect::<Result<_, _>>()?;
            let source = match choices.len() {
                0 => return Err(node.error("no artifact is selected")),
                1 => {
                    let (task, port) = choices.remove(0);
                    Source::Output { task, port }
                }
                _ => Source::FirstOf(choices),
            };
            outputs.insert(name.to_owned(), source);
        }
        Ok(outputs)
    }

    fn selector(
        &self,
        node: &Node<'_>,
        key: &str,
        of_task: &BTreeMap<String, (String, bool)>,
    ) -> Result<(String, String), IrError> {
        let fields = node.fields(&["producerSubtask", key])?;
        let task = fields.need("producerSubtask")?.text()?;
        let port = fields.need(key)?.text()?;
        let Some((component, _)) = of_task.get(task) else {
            return Err(node.error(format!("there is no task `{task}` in the same dag")));
        };
        if !self.parts.get(component).is_some_and(|part| part.outputs.contains_key(port)) {
            return Err(node.error(format!("task `{task}` has no output `{port}`")));
        }
        Ok((task.to_owned(), port.to_owned()))
    }

    /// Errors: a component that contains itself.
    fn check_depth(&self) -> Result<(), IrError> {
        let mut done = BTreeSet::new();
        for name in self.graphs.keys() {
            self.visit(name, &mut Vec::new(), &mut done)?;
        }
        Ok(())
    }

    fn visit<'b>(
        &'b self,
        name: &'b str,
        above: &mut Vec<&'b str>,
        done: &mut BTreeSet<&'b str>,
    ) -> Result<(), IrError> {
        if above.contains(&name) {
            let path = self.parts.get(name).map_or("root", |part| &part.path);
            return Err(IrError::new(path, "it contains itself"));
        }
        if !done.contains(name)
            && let Some(graph) = self.graphs.get(name)
        {
            above.push(name);
            for task in &graph.tasks {
                self.visit(&task.component, above, done)?;
            }
            above.pop();
            done.insert(name);
        }
        Ok(())
    }
}

/// What a component with `taskConfigPassthroughs` wants to be told of its task.
fn task_config(component: &Fields<'_>) -> Result<Value, IrError> {
    let mut asked = serde_json::Map::new();
    for item in component.items("taskConfigPassthroughs")? {
        let one = item.fields(&["field", "applyToTask"])?;
        asked.insert(one.need("field")?.text()?.to_owned(), one.flag("applyToTask")?.into());
    }
    let Some(inputs) = component.opt("inputDefinitions") else { return Ok(Value::Null) };
    for (name, node) in inputs.fields(&["parameters", "artifacts"])?.entries("parameters")? {
        if node.value["parameterType"] == "TASK_CONFIG" && !asked.is_empty() {
            return Ok(serde_json::json!({ "input": name, "fields": asked }));
        }
    }
    Ok(Value::Null)
}

fn work(
    executor: Executor,
    inputs: BTreeMap<String, Port>,
    outputs: BTreeMap<String, Port>,
    placeholders: bool,
) -> Result<Component, IrError> {
    if let Executor::Importer(importer) = &executor
        && importer.is_plain()
        && !placeholders
        && !inputs.values().filter_map(|port| port.default.as_ref()).any(value_holds_placeholder)
    {
        return Ok(Component::Import(importer.import(inputs)));
    }
    let spec = serde_json::to_value(&executor).unwrap_or(Value::Null);
    Ok(Component::Work(pipelines::Work { kind: crate::KIND.to_owned(), spec, inputs, outputs }))
}

/// Tasks, each after what it needs; free ones in the order of their names. Errors: a cycle.
fn in_order(mut tasks: Vec<Task>, path: &str) -> Result<Vec<Task>, IrError> {
    let mut done: BTreeSet<String> = BTreeSet::new();
    let mut order = Vec::with_capacity(tasks.len());
    while !tasks.is_empty() {
        let (ready, rest): (Vec<Task>, Vec<Task>) =
            tasks.into_iter().partition(|task| task.needs.iter().all(|need| done.contains(need)));
        if ready.is_empty() {
            let names: Vec<&str> = rest.iter().map(|task| task.name.as_str()).collect();
            return Err(IrError::new(path, format!("tasks wait for each other: {}", names.join(", "))));
        }
        done.extend(ready.iter().map(|task| task.name.clone()));
        order.extend(ready);
        tasks = rest;
    }
    Ok(order)
}
