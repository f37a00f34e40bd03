//! What plans are made of in these tests, and an adapter whose work is a shell command.

use std::collections::BTreeMap;
use std::sync::Arc;

use mlwright_pipelines as pipelines;
use pipelines::{
    Adapter, Artifact, Binding, Call, Component, Datum, Each, From, Graph, Kind, Launch, Plan, Port,
    RunState, Source, StepRun, SubmitPlan, Task, Wanted, WantedFolder, WantedSecret, Work,
};
use serde_json::{Value, json};
use types::Uid;

use crate::house::House;

/// `spec.run` is a command; `spec.secrets` are secrets by variable, `spec.folder` the beginning of their names in `$SECRETS`. Values are variables `IN_<port>`, artifacts too, as paths; outputs are files `$OUT/<port>`: JSON
/// for values.
pub struct Shell;

impl Adapter for Shell {
    fn kind(&self) -> &'static str {
        "sh"
    }

    fn launch(&self, call: &Call) -> Result<Launch, String> {
        let run = call.work.spec["run"].as_str().ok_or("there is no command")?;
        let mut env = BTreeMap::from([("OUT".to_owned(), call.dir.join("outputs").display().to_string())]);
        for (name, datum) in &call.inputs {
            let text = match datum {
                Datum::Value(Value::String(text)) => text.clone(),
                Datum::Value(value) => value.to_string(),
                Datum::Artifact(artifact) => artifact.uri.clone(),
                Datum::Artifacts(list) => list.iter().map(|a| a.uri.clone()).collect::<Vec<_>>().join(" "),
            };
            env.insert(format!("IN_{}", name.replace('-', "_")), text);
        }
        let argv = ["sh", "-c", run].map(str::to_owned).to_vec();
        let mut wanted = Wanted::default();
        for (variable, name) in call.work.spec["secrets"].as_object().into_iter().flatten() {
            let (name, optional) = (name.as_str().unwrap_or_default(), variable.starts_with("MAYBE"));
            let secret = WantedSecret { name: name.into(), optional, is_open: variable.ends_with("OPEN") };
            wanted.variables.insert(variable.clone(), secret);
        }
        if let Some(prefix) = call.work.spec["folder"].as_str() {
            let path = std::path::Path::new(pipelines::SECRETS).join("0");
            env.insert("SECRETS".into(), call.dir.join(&path).display().to_string());
            wanted.folders.push(WantedFolder { path, prefix: prefix.into(), ..WantedFolder::default() });
        }
        let notes = if wanted == Wanted::default() { Vec::new() } else { vec!["with secrets".to_owned()] };
        Ok(Launch { argv, env, wanted, notes, ..Launch::default() })
    }

    fn collect(&self, call: &Call) -> Result<BTreeMap<String, Datum>, String> {
        let mut outputs = BTreeMap::new();
        for (name, port) in &call.work.outputs {
            let path = call.dir.join("outputs").join(name);
            let datum = match &port.of {
                Kind::Artifact { schema, .. } => Datum::Artifact(Artifact {
                    name: name.clone(),
                    schema: schema.clone(),
                    uri: path.display().to_string(),
                    metadata: BTreeMap::from([("made_by".to_owned(), json!(call.task_name))]),
                    digest: None,
                    bytes: 0,
                    is_dir: false,
                }),
                _ => match types::io::read_to_string(&path) {
                    Ok(text) => {
                        Datum::Value(serde_json::from_str(&text).map_err(|e| format!("{name}: {e}"))?)
                    }
                    Err(_) => continue,
                },
            };
            outputs.insert(name.clone(), datum);
        }
        Ok(outputs)
    }
}

pub fn port(of: Kind) -> Port {
    Port { of, optional: false, default: None, allowed: Vec::new() }
}

pub fn ports(of: &[(&str, Kind)]) -> BTreeMap<String, Port> {
    of.iter().map(|(name, of)| ((*name).to_owned(), port(of.clone()))).collect()
}

pub fn file() -> Kind {
    Kind::Artifact { schema: "system.Dataset".into(), list: false }
}

pub fn work(run: &str, inputs: &[(&str, Kind)], outputs: &[(&str, Kind)]) -> Component {
    Component::Work(Work {
        kind: "sh".into(),
        spec: json!({ "run": run }),
        inputs: ports(inputs),
        outputs: ports(outputs),
    })
}

pub fn graph(inputs: &[(&str, Kind)], tasks: Vec<Task>, outputs: &[(&str, Source)]) -> Graph {
    let outputs = outputs.iter().map(|(name, source)| ((*name).to_owned(), source.clone()));
    Graph { inputs: ports(inputs), tasks, outputs: outputs.collect() }
}

pub fn task(name: &str, component: &str) -> Task {
    serde_json::from_value(json!({ "name": name, "component": component })).unwrap()
}

pub fn needs(mut task: Task, needs: &[&str]) -> Task {
    task.needs = needs.iter().map(|need| (*need).to_owned()).collect();
    task
}

pub fn given(mut task: Task, inputs: &[(&str, From)]) -> Task {
    for (name, from) in inputs {
        task.inputs.insert((*name).to_owned(), Binding { from: from.clone(), select: None });
    }
    task
}

pub fn each(mut task: Task, item: &str, items: From, limit: Option<u32>) -> Task {
    task.each = Some(Each { items: Binding { from: items, select: None }, item: item.into(), limit });
    task
}

pub fn when(mut task: Task, condition: &str) -> Task {
    task.when = Some(condition.into());
    task
}

pub fn constant(value: Value) -> From {
    From::Constant(value)
}

pub fn output(task: &str, port: &str) -> From {
    From::Output { task: task.into(), port: port.into() }
}

pub fn source(task: &str, port: &str) -> Source {
    Source::Output { task: task.into(), port: port.into() }
}

pub fn plan(root: Graph, components: &[(&str, Component)]) -> Plan {
    let components = components.iter().map(|(name, component)| ((*name).to_owned(), component.clone()));
    Plan { name: "p".into(), root, components: components.collect(), deadline_ms: None }
}

pub fn request(plan: Plan) -> SubmitPlan {
    SubmitPlan {
        plan,
        inputs: BTreeMap::new(),
        name: "a run".into(),
        pipeline: "p".into(),
        trigger: json!({ "by": "test" }),
        use_cache: true,
        pipeline_root: None,
        labels: Value::Null,
    }
}

impl House {
    pub async fn with_shell(ledger: ledger::Ledger) -> Self {
        Self::with(ledger, |config| config.adapters = vec![Arc::new(Shell)]).await
    }

    pub async fn run_plan(&self, plan: Plan) -> (pipelines::PipelineRun, BTreeMap<String, StepRun>) {
        let run = self.submit_plan(request(plan)).await;
        self.finished(run).await
    }

    pub async fn submit_plan(&self, request: SubmitPlan) -> Uid {
        pipelines::submit_plan(&self.ledger, &self.blobs, &self.actor, request).await.unwrap().uid
    }

    pub async fn outputs(&self, run: Uid) -> Value {
        let outputs = pipelines::run_outputs(&self.ledger, &self.actor, run).await.unwrap();
        let plain = outputs.into_iter().map(|(name, datum)| {
            let value = match datum {
                Datum::Value(value) => value,
                other => json!(other),
            };
            (name, value)
        });
        Value::Object(plain.collect())
    }
}

/// Names and states, for a look at a whole run.
pub fn states(steps: &BTreeMap<String, StepRun>) -> Vec<(&str, &'static str)> {
    steps.iter().map(|(name, step)| (name.as_str(), step.state.name())).collect()
}

pub fn succeeded(run: &pipelines::PipelineRun, steps: &BTreeMap<String, StepRun>) {
    assert_eq!(run.state, RunState::Succeeded, "{:?} {:#?}", run.message, messages(steps));
}

pub fn messages(steps: &BTreeMap<String, StepRun>) -> Vec<(&str, &'static str, Option<&str>)> {
    steps.iter().map(|(name, step)| (name.as_str(), step.state.name(), step.message.as_deref())).collect()
}
