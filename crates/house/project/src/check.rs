//! What needs the whole file: names that must exist elsewhere, cycles, sections that contradict each other.
//! An empty name was reported when it was read.

use std::collections::{BTreeMap, BTreeSet};

use crate::reader::{Reader, did_you_mean};
use crate::{Bound, OutputRef, Pipeline, Project, Step};

pub(crate) fn references(reader: &mut Reader, project: &Project) {
    for (name, pipeline) in &project.pipelines {
        check_pipeline(reader, project, &format!("pipelines.{name}"), pipeline);
    }
    gates(reader, project);
    for (name, endpoint) in &project.endpoints {
        registered(reader, project, &format!("endpoints.{name}.model"), &endpoint.model);
    }
    for (name, monitor) in &project.monitors {
        let path = format!("monitors.{name}");
        exists(reader, &format!("{path}.endpoint"), "endpoint", &monitor.endpoint, &project.endpoints);
        output(reader, project, &format!("{path}.baseline"), &monitor.baseline);
    }
    retraining(reader, project);
}

fn known(names: Vec<&str>, what: &str, given: &str) -> Option<String> {
    let all = names.join(", ");
    let none = format!("no {what} is declared");
    Some(did_you_mean(given, &names).unwrap_or(if names.is_empty() {
        none
    } else {
        format!("there are: {all}")
    }))
}

fn exists<T>(reader: &mut Reader, path: &str, what: &str, name: &str, all: &BTreeMap<String, T>) {
    if !name.is_empty() && !all.contains_key(name) {
        let hint = known(all.keys().map(String::as_str).collect(), what, name);
        reader.error_at(path, format!("there is no {what} `{name}`"), hint);
    }
}

fn check_executor(reader: &mut Reader, project: &Project, path: &str, name: Option<&str>) {
    let Some(name) = name else { return };
    let built_in = [pipelines::PROCESS, pipelines::ZYGOTE];
    if built_in.contains(&name) || project.executors.contains_key(name) {
        return;
    }
    let all = built_in.into_iter().chain(project.executors.keys().map(String::as_str)).collect();
    let hint = known(all, "executor", name);
    reader.error_at(path, format!("there is no executor `{name}`"), hint);
}

fn check_pipeline(reader: &mut Reader, project: &Project, path: &str, pipeline: &Pipeline) {
    exists(reader, &format!("{path}.dataset"), "dataset", &pipeline.dataset, &project.datasets);
    check_executor(reader, project, &format!("{path}.executor"), pipeline.executor.as_deref());
    let names: Vec<&str> = pipeline.steps.iter().map(|s| s.name.as_str()).filter(|n| !n.is_empty()).collect();
    let mut seen = BTreeSet::new();
    for (i, step) in pipeline.steps.iter().enumerate() {
        let path = format!("{path}.steps[{i}]");
        if !step.name.is_empty() && !seen.insert(step.name.as_str()) {
            let hint = Some("give each step of a pipeline a name of its own".to_owned());
            reader.error_at(
                &format!("{path}.name"),
                format!("the step `{}` is declared twice", step.name),
                hint,
            );
        }
        check_executor(reader, project, &format!("{path}.executor"), step.executor.as_deref());
        if let Some(environment) = &step.environment {
            exists(reader, &format!("{path}.environment"), "environment", environment, &project.environments);
        }
        if let Some(model) = step.registers.as_ref().filter(|_| step.experiment.is_none()) {
            let message = "`registers` needs `experiment`: a model version comes from a tracking run";
            reader.error_at(
                &format!("{path}.registers"),
                message,
                Some(format!("add `experiment: {model}`")),
            );
        }
        for (j, need) in step.needs.iter().enumerate() {
            if !names.contains(&need.as_str()) {
                let hint = known(names.clone(), "step", need);
                reader.error_at(&format!("{path}.needs[{j}]"), format!("there is no step `{need}`"), hint);
            }
        }
        let mut outputs = BTreeSet::new();
        for (j, output) in step.outputs.iter().enumerate().filter(|(_, o)| !outputs.insert(o.as_str())) {
            reader.error_at(
                &format!("{path}.outputs[{j}]"),
                format!("the output `{output}` is named twice"),
                None,
            );
        }
    }
    for name in pipeline.params.keys().filter(|n| !is_identifier(n)) {
        let hint = Some("use letters, digits and `_`, not starting with a digit".to_owned());
        let message = format!("the parameter `{name}` cannot become an environment variable");
        reader.error_at(&format!("{path}.params.{name}"), message, hint);
    }
    if let Some(cycle) = find_cycle(&pipeline.steps) {
        let first = pipeline.steps.iter().position(|s| s.name == cycle[0]).unwrap_or(0);
        let message = format!("these steps wait for each other: {}", cycle.join(" → "));
        let hint = Some("remove one of these needs".to_owned());
        reader.error_at(&format!("{path}.steps[{first}].needs"), message, hint);
    }
}

fn is_identifier(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// The names around the first cycle, with the first one again at the end.
fn find_cycle(steps: &[Step]) -> Option<Vec<&str>> {
    let needs: BTreeMap<&str, &[String]> =
        steps.iter().map(|s| (s.name.as_str(), s.needs.as_slice())).collect();
    let mut done = BTreeSet::new();
    for step in steps {
        if let Some(cycle) = walk(&step.name, &needs, &mut Vec::new(), &mut done) {
            return Some(cycle);
        }
    }
    None
}

fn walk<'s>(
    name: &'s str,
    needs: &BTreeMap<&'s str, &'s [String]>,
    way: &mut Vec<&'s str>,
    done: &mut BTreeSet<&'s str>,
) -> Option<Vec<&'s str>> {
    if let Some(start) = way.iter().position(|n| *n == name) {
        let mut cycle = way[start..].to_vec();
        cycle.push(name);
        return Some(cycle);
    }
    if done.contains(name) {
        return None;
    }
    way.push(name);
    for need in needs.get(name).into_iter().flat_map(|n| n.iter()) {
        if let Some(cycle) = walk(need, needs, way, done) {
            return Some(cycle);
        }
    }
    way.pop();
    done.insert(name);
    None
}

fn output(reader: &mut Reader, project: &Project, path: &str, reference: &OutputRef) {
    exists(reader, &format!("{path}.pipeline"), "pipeline", &reference.pipeline, &project.pipelines);
    let Some(pipeline) = project.pipelines.get(&reference.pipeline) else { return };
    let Some(step) = pipeline.steps.iter().find(|s| s.name == reference.step) else {
        if !reference.step.is_empty() {
            let names = pipeline.steps.iter().map(|s| s.name.as_str()).collect();
            let message = format!("the pipeline `{}` has no step `{}`", reference.pipeline, reference.step);
            let hint = known(names, "step", &reference.step);
            reader.error_at(&format!("{path}.step"), message, hint);
        }
        return;
    };
    if !reference.output.is_empty() && !step.outputs.contains(&reference.output) {
        let names = step.outputs.iter().map(String::as_str).collect();
        let message = format!("the step `{}` has no output `{}`", step.name, reference.output);
        let hint = known(names, "output", &reference.output);
        reader.error_at(&format!("{path}.output"), message, hint);
    }
}

fn registered_models(project: &Project) -> Vec<&str> {
    let steps = project.pipelines.values().flat_map(|p| &p.steps);
    let models: BTreeSet<&str> = steps.filter_map(|s| s.registers.as_deref()).collect();
    models.into_iter().collect()
}

/// A project whose pipelines register no model may serve one that was registered by other means.
fn registered(reader: &mut Reader, project: &Project, path: &str, model: &str) {
    let models = registered_models(project);
    if !model.is_empty() && !models.is_empty() && !models.contains(&model) {
        let hint = known(models, "model", model);
        reader.error_at(path, format!("no step registers the model `{model}`"), hint);
    }
}

/// What `evaluation` computes: of two classes, of several, of numbers.
const METRICS: [&str; 16] = [
    "accuracy",
    "brier",
    "f1",
    "log_loss",
    "macro_f1",
    "macro_precision",
    "macro_recall",
    "mae",
    "positive_rate",
    "precision",
    "predicted_positive_rate",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "weighted_f1",
];

fn metric(reader: &mut Reader, path: &str, name: &str) {
    if !name.is_empty() && !METRICS.contains(&name) {
        let hint = known(METRICS.to_vec(), "metric", name);
        reader.error_at(path, format!("there is no metric `{name}`"), hint);
    }
}

fn gates(reader: &mut Reader, project: &Project) {
    for (name, gate) in &project.gates {
        let path = format!("gates.{name}");
        registered(reader, project, &format!("{path}.model"), &gate.model);
        output(reader, project, &format!("{path}.data"), &gate.data);
        let bounds = |key: &str, all: &BTreeMap<String, Bound>| -> Vec<(String, String)> {
            all.keys().map(|m| (format!("{path}.{key}.{m}"), m.clone())).collect()
        };
        for (path, name) in
            [bounds("metrics", &gate.metrics), bounds("slice_metrics", &gate.slice_metrics)].concat()
        {
            metric(reader, &path, &name);
        }
        if let Some(champion) = &gate.champion {
            metric(reader, &format!("{path}.champion.metric"), &champion.metric);
        }
        if gate.metrics.is_empty() && gate.slice_metrics.is_empty() && gate.champion.is_none() {
            let hint = Some("add metrics:, slice_metrics: or champion:".to_owned());
            reader.error_at(&path, format!("the gate `{name}` checks nothing"), hint);
        }
        if !gate.slice_metrics.is_empty() && gate.slices.is_empty() {
            let hint = Some("add slices: with the columns to slice by".to_owned());
            reader.error_at(
                &format!("{path}.slice_metrics"),
                "`slice_metrics` without `slices` checks nothing",
                hint,
            );
        }
    }
}

fn retraining(reader: &mut Reader, project: &Project) {
    for (name, retrain) in &project.retrain {
        let path = format!("retrain.{name}");
        exists(reader, &format!("{path}.on"), "monitor", &retrain.on, &project.monitors);
        if let Some(rule) = retrain.triggers.as_ref().and_then(|t| t.performance.as_ref()) {
            let path = format!("{path}.triggers.performance");
            exists(reader, &format!("{path}.monitor"), "monitor", &rule.monitor, &project.monitors);
            metric(reader, &format!("{path}.metric"), &rule.metric);
        }
        exists(reader, &format!("{path}.pipeline"), "pipeline", &retrain.pipeline, &project.pipelines);
        exists(reader, &format!("{path}.gate"), "gate", &retrain.gate, &project.gates);
        let endpoint_path = format!("{path}.promote.endpoint");
        exists(reader, &endpoint_path, "endpoint", &retrain.promote.endpoint, &project.endpoints);
        let gate = project.gates.get(&retrain.gate);
        let pipeline = project.pipelines.get(&retrain.pipeline);
        if let (Some(gate), Some(pipeline)) = (gate, pipeline)
            && !gate.model.is_empty()
            && !pipeline.steps.iter().any(|s| s.registers.as_deref() == Some(&gate.model))
        {
            let message = format!(
                "the gate `{}` checks the model `{}`, which the pipeline `{}` does not register",
                retrain.gate, gate.model, retrain.pipeline
            );
            let hint = Some(format!("add registers: {} to the step that trains it", gate.model));
            reader.error_at(&format!("{path}.gate"), message, hint);
        }
        let Some(endpoint) = project.endpoints.get(&retrain.promote.endpoint) else { continue };
        if let Some(gate) = gate.filter(|g| !g.model.is_empty() && g.model != endpoint.model) {
            let message = format!(
                "the endpoint `{}` serves the model `{}`, but the gate `{}` checks `{}`",
                retrain.promote.endpoint, endpoint.model, retrain.gate, gate.model
            );
            reader.error_at(&endpoint_path, message, None);
        }
        if !retrain.promote.alias.is_empty() && retrain.promote.alias != endpoint.alias {
            let message = format!(
                "the endpoint `{}` follows the alias `{}`, not `{}`",
                retrain.promote.endpoint, endpoint.alias, retrain.promote.alias
            );
            let hint = Some(format!("write alias: {}", endpoint.alias));
            reader.error_at(&format!("{path}.promote.alias"), message, hint);
        }
    }
}
