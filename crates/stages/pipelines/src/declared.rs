//! A declared pipeline as a plan: one piece of work for each step.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Component, Graph, Kind, PipelineSpec, Plan, Port, Retry, Rule, Task, Work};

/// The kind of work that the engine starts itself.
pub(crate) const STEP: &str = "step";

pub(crate) fn plan(spec: &PipelineSpec) -> Plan {
    let artifact = || Port {
        of: Kind::Artifact { schema: "system.Artifact".into(), list: false },
        optional: false,
        default: None,
        allowed: Vec::new(),
    };
    let mut components = BTreeMap::new();
    let mut tasks = Vec::with_capacity(spec.steps.len());
    for step in &spec.steps {
        let outputs = step.outputs.iter().map(|name| (name.clone(), artifact())).collect();
        let work = Work {
            kind: STEP.into(),
            spec: serde_json::to_value(step).unwrap_or(Value::Null),
            inputs: BTreeMap::new(),
            outputs,
        };
        components.insert(step.name.clone(), Component::Work(work));
        tasks.push(Task {
            name: step.name.clone(),
            display_name: None,
            component: step.name.clone(),
            inputs: BTreeMap::new(),
            needs: step.needs.clone(),
            rule: Rule::AllSucceeded,
            when: None,
            each: None,
            retry: Retry { max: step.retries, ..Retry::default() },
            timeout_ms: step.timeout.map(|timeout| timeout.0.as_millis() as u64),
            cache: true,
            cache_key: None,
            pool: None,
            priority: 0,
            secrets: step.secrets.clone(),
            executor: step.executor.clone().or_else(|| spec.executor.clone()),
            resources: step.resources.clone(),
        });
    }
    let deadline_ms = spec.deadline.map(|deadline| deadline.0.as_millis() as u64);
    Plan { name: spec.name.clone(), root: Graph { tasks, ..Graph::default() }, components, deadline_ms }
}
