//! Compiled pipelines become plans. `sample_all_features.yaml` is what kfp 2.17.0 made of a pipeline with every feature.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use mlwright_door_kfp::ir::{Converted, Document, convert};
use pipelines::{Component, From, Kind, Rule, Source, Task};
use serde_json::json;

const SAMPLE: &[u8] = include_bytes!("data/sample_all_features.yaml");

fn sample() -> Converted {
    convert(&Document::read(SAMPLE).unwrap()).unwrap()
}

fn graph<'a>(converted: &'a Converted, name: &str) -> &'a pipelines::Graph {
    match &converted.plan.components[name] {
        Component::Graph(graph) => graph,
        other => panic!("{name} is no graph: {other:?}"),
    }
}

fn task<'a>(graph: &'a pipelines::Graph, name: &str) -> &'a Task {
    graph.tasks.iter().find(|task| task.name == name).unwrap()
}

#[test]
fn every_feature_of_the_sdk_has_its_place_in_the_plan() {
    let converted = sample();
    let plan = &converted.plan;
    assert_eq!(
        (plan.name.as_str(), converted.info.display_name.as_deref()),
        ("all-features", Some("All features"))
    );
    let n = &plan.root.inputs["n"];
    assert_eq!((&n.of, n.optional, &n.default), (&Kind::Integer, true, &Some(json!(5.0))));
    assert_eq!(plan.root.outputs["Output"], Source::Output { task: "say-8".into(), port: "Output".into() });

    let notify = task(&plan.root, "notify");
    assert_eq!(
        (notify.rule, notify.needs.as_slice()),
        (Rule::AllDone, ["exit-handler-1".to_owned()].as_slice())
    );
    assert_eq!(notify.inputs["status"].from, From::Status { task: "exit-handler-1".into() });
    assert_eq!(task(&plan.root, "exit-handler-1").display_name.as_deref(), Some("guard"));

    let guard = graph(&converted, "comp-exit-handler-1");
    assert_eq!(task(guard, "say-7").rule, Rule::AllDone);
    let make = task(guard, "make-data");
    assert_eq!((make.cache, make.cache_key.as_deref()), (true, Some("k1")));
    let over = task(guard, "for-loop-2").each.as_ref().unwrap();
    assert_eq!((over.limit, over.item.as_str()), (Some(2), "pipelinechannel--lrs-loop-item"));
    assert_eq!(over.items.from, From::Input("pipelinechannel--lrs".into()));
    let raw = task(guard, "for-loop-4").each.as_ref().unwrap();
    assert_eq!(raw.items.from, From::Constant(json!([{ "a": "p", "b": "x" }, { "a": "q", "b": "y" }])));
    let say = task(graph(&converted, "comp-for-loop-4"), "say");
    assert_eq!(say.inputs["msg"].select.as_deref(), Some("parseJson(string_value)[\"b\"]"));

    let branches = graph(&converted, "comp-condition-branches-6");
    let when = task(branches, "condition-7").when.as_deref();
    assert_eq!(when, Some("inputs.parameter_values['pipelinechannel--flip-Output'] == 'heads'"));
    let Source::FirstOf(choices) = &branches.outputs["pipelinechannel--condition-branches-6-oneof-1"] else {
        panic!("not a choice")
    };
    assert_eq!(choices.len(), 3);

    let retry = &task(graph(&converted, "comp-inner"), "fail-some").retry;
    assert_eq!(
        (retry.max, retry.backoff_ms, retry.factor, retry.max_backoff_ms),
        (2, 1000, 2.0, Some(10_000))
    );
    let Component::Import(import) = &plan.components["comp-importer"] else { panic!("no import") };
    assert_eq!((import.output.as_str(), &import.uri.from), ("artifact", &From::Input("uri".into())));
    assert_eq!(import.metadata, json!({ "k": "v" }));
}

#[test]
fn an_input_that_no_parent_has_is_left_out() {
    let converted = sample();
    let guard = task(&converted.plan.root, "exit-handler-1");
    let name = "pipelinechannel--loop-item-param-3-subvar-b";
    assert!(!guard.inputs.contains_key(name));
    assert!(graph(&converted, "comp-exit-handler-1").inputs[name].optional);
}

#[test]
fn inputs_that_only_placeholders_name_become_ports() {
    let converted = sample();
    let Component::Work(say) = &converted.plan.components["comp-say-6"] else { panic!("no work") };
    assert_eq!(say.inputs["pipelinechannel--n"].of, Kind::Integer);
    assert!(say.inputs["pipelinechannel--flip-Output"].optional);
}

/// The sample with one thing replaced.
fn changed(from: &str, to: &str) -> String {
    let text = std::str::from_utf8(SAMPLE).unwrap();
    assert!(text.contains(from), "{from}");
    let document = Document::read(text.replacen(from, to, 1).as_bytes());
    document.and_then(|document| convert(&document)).map(|_| String::new()).unwrap_or_else(|e| e.to_string())
}

#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    let refused = changed("    executorLabel: exec-best\n", "    executorLabel: exec-worst\n");
    assert_eq!(refused, "components.comp-best: there is no executor `exec-worst`");
    let refused = changed("      parallelismLimit: 2", "      parallelismLimits: 2");
    assert!(refused.contains("iteratorPolicy: unknown field `parallelismLimits`"), "{refused}");
    let refused = changed("outputArtifactKey: data\n", "outputArtifactKey: dota\n");
    assert!(refused.contains("task `make-data` has no output `dota`"), "{refused}");
    let refused = changed("parameterType: LIST", "parameterType: TUPLE");
    assert!(refused.contains("`TUPLE` is no type of parameter"), "{refused}");
    let refused = changed("schemaVersion: 2.1.0", "schemaVersion: 3.0.0");
    assert!(refused.starts_with("schemaVersion: it is `3.0.0`"), "{refused}");
    let refused = changed(
        "          dependentTasks:\n          - flip\n",
        "          dependentTasks:\n          - flop\n",
    );
    assert!(refused.contains("depends on `flop`"), "{refused}");
    let refused = changed("      notify:\n", "      notify:\n        dependsOn: []\n");
    assert!(refused.contains("root.dag.tasks.notify: unknown field `dependsOn`"), "{refused}");
    let refused = changed("backoffDuration: 1s", "backoffDuration: soon");
    assert!(refused.contains("a duration such as `30s`"), "{refused}");
}

#[test]
fn graphs_that_go_in_circles_are_refused() {
    let of = |text: &str| {
        let document = Document::read(text.as_bytes()).unwrap();
        convert(&document).unwrap_err().to_string()
    };
    let head = "pipelineInfo: {name: p}\nschemaVersion: 2.1.0\n";
    let circle = format!(
        "{head}components:\n  comp-a: {{dag: {{tasks: {{}}}}}}\nroot:\n  dag:\n    tasks:\n      \
         x: {{componentRef: {{name: comp-a}}, dependentTasks: [y]}}\n      \
         y: {{componentRef: {{name: comp-a}}, dependentTasks: [x]}}\n"
    );
    assert_eq!(of(&circle), "root.dag: tasks wait for each other: x, y");
    let inside = format!(
        "{head}components:\n  comp-a: {{dag: {{tasks: {{x: {{componentRef: {{name: comp-a}}}}}}}}}}\n\
         root: {{dag: {{tasks: {{}}}}}}\n"
    );
    assert_eq!(of(&inside), "components.comp-a: it contains itself");
    let vertex = format!(
        "{head}deploymentSpec: {{executors: {{e: {{customJob: {{}}}}}}}}\n\
         components: {{comp-a: {{executorLabel: e}}}}\nroot: {{dag: {{tasks: {{}}}}}}\n"
    );
    assert!(of(&vertex).contains("Vertex AI"), "{}", of(&vertex));
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.extension().and_then(|e| e.to_str()) {
            _ if path.is_dir() => files(&path, found),
            Some("yaml" | "json") => found.push(path),
            _ => {}
        }
    }
}

/// Every compiled pipeline of a checkout of kubeflow/pipelines.
#[test]
#[ignore = "needs KFP_CHECKOUT"]
fn every_pipeline_of_upstream_is_converted() {
    let checkout = PathBuf::from(std::env::var("KFP_CHECKOUT").unwrap());
    let mut found = Vec::new();
    files(&checkout.join("test_data/sdk_compiled_pipelines/valid"), &mut found);
    let mut refused = Vec::new();
    for path in &found {
        let bytes = types::io::read(path).unwrap();
        if let Err(error) = Document::read(&bytes).and_then(|document| convert(&document)) {
            refused.push(format!("{}: {error}", path.display()));
        }
    }
    assert!(refused.is_empty(), "{} of {}:\n{}", refused.len(), found.len(), refused.join("\n"));
}
