//! `PipelineTaskSpec` as a task of a graph.

use std::collections::{BTreeMap, BTreeSet};

use pipelines::{Binding, Each, From, Kind, Retry, Rule, Task};
use serde_json::Value;

use super::executors::value_holds_placeholder;
use super::node::{Fields, IrError, Node};

const KNOWN: [&str; 11] = [
    "taskInfo",
    "inputs",
    "dependentTasks",
    "cachingOptions",
    "componentRef",
    "triggerPolicy",
    "artifactIterator",
    "parameterIterator",
    "retryPolicy",
    "iteratorPolicy",
    "outputs",
];

/// A task, and what its conversion found out.
pub(crate) struct Read {
    pub task: Task,
    /// Inputs with a constant that the adapter has to resolve.
    pub placeholders: bool,
    /// Where each input stands in the document.
    pub places: BTreeMap<String, String>,
}

pub(crate) fn read(name: &str, node: &Node<'_>) -> Result<Read, IrError> {
    let fields = node.fields(&KNOWN)?;
    let component = fields.need("componentRef")?.fields(&["name"])?.need("name")?.text()?.to_owned();
    let mut places = BTreeMap::new();
    let mut inputs = bindings(&fields, &mut places)?;
    let placeholders = inputs.values().any(|binding| match &binding.from {
        From::Constant(value) => value_holds_placeholder(value),
        _ => false,
    });
    let each = iterator(&fields, &mut inputs)?;
    let (rule, when) = trigger(&fields)?;
    let (cache, cache_key) = caching(&fields)?;
    let needs = needs(&fields, &inputs, each.as_ref())?;
    let info = fields.opt("taskInfo").map(|n| n.fields(&["name"])).transpose()?;
    let shown = info.map(|info| info.text("name")).transpose()?.flatten();
    let task = Task {
        name: name.to_owned(),
        display_name: shown.filter(|shown| !shown.is_empty() && *shown != name).map(str::to_owned),
        component,
        inputs,
        needs,
        rule,
        when,
        each,
        retry: retry(&fields)?,
        timeout_ms: None,
        cache,
        cache_key,
        pool: None,
        priority: 0,
        executor: None,
        secrets: std::collections::BTreeMap::new(),
        resources: None,
    };
    Ok(Read { task, placeholders, places })
}

fn bindings(
    task: &Fields<'_>,
    places: &mut BTreeMap<String, String>,
) -> Result<BTreeMap<String, Binding>, IrError> {
    let Some(node) = task.opt("inputs") else { return Ok(BTreeMap::new()) };
    let fields = node.fields(&["parameters", "artifacts"])?;
    let mut bindings = BTreeMap::new();
    for (name, node) in fields.entries("parameters")? {
        places.insert(name.to_owned(), node.path.clone());
        bindings.insert(name.to_owned(), parameter(&node)?);
    }
    for (name, node) in fields.entries("artifacts")? {
        places.insert(name.to_owned(), node.path.clone());
        bindings.insert(name.to_owned(), artifact(&node)?);
    }
    Ok(bindings)
}

/// An `InputParameterSpec`.
pub(crate) fn parameter(node: &Node<'_>) -> Result<Binding, IrError> {
    let fields = node.fields(&[
        "taskOutputParameter",
        "runtimeValue",
        "componentInputParameter",
        "taskFinalStatus",
        "parameterExpressionSelector",
    ])?;
    let select = fields.text("parameterExpressionSelector")?.filter(|text| !text.is_empty());
    let from = if let Some(output) = fields.opt("taskOutputParameter") {
        output_of(&output, "outputParameterKey")?
    } else if let Some(value) = fields.opt("runtimeValue") {
        From::Constant(constant(&value)?)
    } else if let Some(name) = fields.text("componentInputParameter")? {
        From::Input(name.to_owned())
    } else if let Some(status) = fields.opt("taskFinalStatus") {
        let task = status.fields(&["producerTask"])?.need("producerTask")?.text()?.to_owned();
        From::Status { task }
    } else {
        return Err(node.error("it is not said where the value comes from"));
    };
    Ok(Binding { from, select: select.map(str::to_owned) })
}

fn artifact(node: &Node<'_>) -> Result<Binding, IrError> {
    let fields = node.fields(&["taskOutputArtifact", "componentInputArtifact"])?;
    let from = if let Some(output) = fields.opt("taskOutputArtifact") {
        output_of(&output, "outputArtifactKey")?
    } else if let Some(name) = fields.text("componentInputArtifact")? {
        From::Input(name.to_owned())
    } else {
        return Err(node.error("it is not said where the artifact comes from"));
    };
    Ok(Binding { from, select: None })
}

fn output_of(node: &Node<'_>, key: &str) -> Result<From, IrError> {
    let fields = node.fields(&["producerTask", key])?;
    let task = fields.need("producerTask")?.text()?.to_owned();
    Ok(From::Output { task, port: fields.need(key)?.text()?.to_owned() })
}

/// `ValueOrRuntimeParameter` with a value.
fn constant(node: &Node<'_>) -> Result<Value, IrError> {
    let fields = node.fields(&["constant", "constantValue", "runtimeParameter"])?;
    if fields.opt("runtimeParameter").is_some() {
        return Err(node.error("`runtimeParameter` is of no use here: give `componentInputParameter`"));
    }
    if let Some(old) = fields.opt("constantValue") {
        let old = old.fields(&["intValue", "doubleValue", "stringValue"])?;
        if let Some(text) = old.text("stringValue")? {
            return Ok(Value::String(text.to_owned()));
        }
        let number = old.opt("intValue").or_else(|| old.opt("doubleValue"));
        return number.map_or(Ok(Value::Null), |number| Ok(number.number()?.into()));
    }
    Ok(fields.opt("constant").map_or(Value::Null, |node| node.value.clone()))
}

/// The iterator takes the binding of the input over which it goes; the item has an input of its own.
fn iterator(task: &Fields<'_>, inputs: &mut BTreeMap<String, Binding>) -> Result<Option<Each>, IrError> {
    let (parameter, artifact) = (task.opt("parameterIterator"), task.opt("artifactIterator"));
    let (node, key) = match (&parameter, &artifact) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(task.error("it has two iterators")),
        (Some(node), None) => (node, "inputParameter"),
        (None, Some(node)) => (node, "inputArtifact"),
    };
    let fields = node.fields(&["items", "itemInput"])?;
    let items = fields.need("items")?;
    let of = items.fields(&["raw", key])?;
    let binding = if let Some(raw) = of.text("raw")? {
        let list: Value = serde_json::from_str(raw)
            .map_err(|e| items.error(format!("`raw` is not the JSON of a list: {e}")))?;
        if !list.is_array() {
            return Err(items.error("`raw` is not the JSON of a list"));
        }
        Binding { from: From::Constant(list), select: None }
    } else {
        let name = of.need(key)?.text()?;
        let missing = || items.error(format!("the task has no input `{name}` to go over"));
        inputs.get(name).cloned().ok_or_else(missing)?
    };
    let item = fields.need("itemInput")?.text()?.to_owned();
    let policy = task.opt("iteratorPolicy").map(|n| n.fields(&["parallelismLimit"])).transpose()?;
    let limit = policy.and_then(|policy| policy.opt("parallelismLimit")).map(|n| n.count()).transpose()?;
    inputs.remove(&item);
    Ok(Some(Each { items: binding, item, limit: limit.filter(|limit| *limit > 0) }))
}

fn trigger(task: &Fields<'_>) -> Result<(Rule, Option<String>), IrError> {
    let Some(node) = task.opt("triggerPolicy") else { return Ok((Rule::AllSucceeded, None)) };
    let fields = node.fields(&["condition", "strategy"])?;
    let rule = match fields.opt("strategy") {
        None => Rule::AllSucceeded,
        Some(strategy) => match strategy.text()? {
            "TRIGGER_STRATEGY_UNSPECIFIED" | "ALL_UPSTREAM_TASKS_SUCCEEDED" => Rule::AllSucceeded,
            "ALL_UPSTREAM_TASKS_COMPLETED" => Rule::AllDone,
            other => return Err(strategy.error(format!("`{other}` is no strategy of triggers"))),
        },
    };
    let when = fields.text("condition")?.filter(|text| !text.trim().is_empty());
    Ok((rule, when.map(str::to_owned)))
}

fn caching(task: &Fields<'_>) -> Result<(bool, Option<String>), IrError> {
    let Some(node) = task.opt("cachingOptions") else { return Ok((false, None)) };
    let fields = node.fields(&["enableCache", "cacheKey"])?;
    let key = fields.text("cacheKey")?.filter(|key| !key.is_empty());
    Ok((fields.flag("enableCache")?, key.map(str::to_owned)))
}

fn retry(task: &Fields<'_>) -> Result<Retry, IrError> {
    let Some(node) = task.opt("retryPolicy") else { return Ok(Retry::default()) };
    let fields = node.fields(&["maxRetryCount", "backoffDuration", "backoffFactor", "backoffMaxDuration"])?;
    Ok(Retry {
        max: fields.opt("maxRetryCount").map(|n| n.count()).transpose()?.unwrap_or(0),
        backoff_ms: fields.opt("backoffDuration").map(|n| milliseconds(&n)).transpose()?.unwrap_or(0),
        factor: fields.opt("backoffFactor").map(|n| n.number()).transpose()?.unwrap_or(0.0),
        max_backoff_ms: fields
            .opt("backoffMaxDuration")
            .map(|n| milliseconds(&n))
            .transpose()?
            .filter(|most| *most > 0),
    })
}

/// A `google.protobuf.Duration` in JSON: seconds and `s`.
pub(crate) fn milliseconds(node: &Node<'_>) -> Result<u64, IrError> {
    let wrong = || node.error("a duration such as `30s` is expected here");
    let seconds: f64 = node.text()?.strip_suffix('s').ok_or_else(wrong)?.parse().map_err(|_| wrong())?;
    if !(0.0..1e12).contains(&seconds) {
        return Err(wrong());
    }
    Ok((seconds * 1000.0).round() as u64)
}

/// `dependentTasks` and whoever an input comes from.
fn needs(
    task: &Fields<'_>,
    inputs: &BTreeMap<String, Binding>,
    each: Option<&Each>,
) -> Result<Vec<String>, IrError> {
    let mut needs: BTreeSet<String> = task.texts("dependentTasks")?.into_iter().collect();
    for binding in inputs.values().chain(each.map(|each| &each.items)) {
        match &binding.from {
            From::Output { task, .. } | From::Status { task } => {
                needs.insert(task.clone());
            }
            From::Constant(_) | From::Input(_) => {}
        }
    }
    Ok(needs.into_iter().collect())
}

/// What a constant is, if a port has to be made for it.
pub(crate) fn kind_of(value: &Value) -> Kind {
    match value {
        Value::Bool(_) => Kind::Boolean,
        Value::Number(_) => Kind::Number,
        Value::Array(_) => Kind::List,
        Value::Object(_) => Kind::Map,
        Value::String(_) | Value::Null => Kind::Text,
    }
}
