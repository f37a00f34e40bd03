//! `PipelineDeploymentConfig`: what the `kfp` adapter is given for a piece of work, and importers.

use std::collections::BTreeMap;

use pipelines::{Binding, From, Import, Port};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::node::{Fields, IrError, Node};
use super::ports;

/// The spec of a work of the kind `kfp`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Executor {
    Container(Container),
    Importer(Importer),
}

/// `PipelineContainerSpec`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Container {
    pub image: String,
    pub command: Vec<String>,
    pub args: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Requests and limits; a local process has what the machine has.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub resources: Value,
    /// What the platform document says about it for Kubernetes.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub kubernetes: Value,
    /// The `input` that is told the task's settings, and by field of `TaskConfigPassthroughType` whether the task keeps them.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub task_config: Value,
}

/// `ImporterSpec`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Importer {
    pub output: String,
    pub schema: String,
    pub uri: Uri,
    pub metadata: Value,
    pub reimport: bool,
    pub download_to_workspace: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uri {
    Constant(String),
    Input(String),
}

impl Executor {
    /// From the spec of a work.
    pub fn of(spec: &Value) -> Result<Self, String> {
        Self::deserialize(spec).map_err(|e| format!("the spec of this work is not one of Kubeflow's: {e}"))
    }
}

impl Importer {
    /// Whether nothing in it has to be resolved by the adapter.
    pub fn is_plain(&self) -> bool {
        let constant = matches!(&self.uri, Uri::Constant(text) if holds_placeholder(text));
        !constant && !value_holds_placeholder(&self.metadata)
    }

    pub fn import(&self, inputs: BTreeMap<String, Port>) -> Import {
        let from = match &self.uri {
            Uri::Constant(text) => From::Constant(Value::String(text.clone())),
            Uri::Input(name) => From::Input(name.clone()),
        };
        Import {
            output: self.output.clone(),
            artifact_type: self.schema.clone(),
            uri: Binding { from, select: None },
            metadata: self.metadata.clone(),
            reimport: self.reimport,
            inputs,
        }
    }
}

pub(crate) fn holds_placeholder(text: &str) -> bool {
    text.contains("{{$")
}

pub(crate) fn value_holds_placeholder(value: &Value) -> bool {
    match value {
        Value::String(text) => holds_placeholder(text),
        Value::Array(items) => items.iter().any(value_holds_placeholder),
        Value::Object(map) => map.iter().any(|(k, v)| holds_placeholder(k) || value_holds_placeholder(v)),
        _ => false,
    }
}

/// An `ExecutorSpec`. `output` is the component's artifact, for importers.
pub(crate) fn read(node: &Node<'_>, kubernetes: Value, output: Option<&str>) -> Result<Executor, IrError> {
    let fields = node.fields(&["container", "importer", "resolver", "customJob"])?;
    if let Some(node) = fields.opt("container") {
        return Ok(Executor::Container(container(&node, kubernetes)?));
    }
    if let Some(node) = fields.opt("importer") {
        return Ok(Executor::Importer(importer(&node, output)?));
    }
    for name in ["resolver", "customJob"] {
        if fields.opt(name).is_some() {
            return Err(
                node.error(format!("executors of the kind `{name}` run on Vertex AI only, as upstream says"))
            );
        }
    }
    Err(node.error("neither `container` nor `importer` is given"))
}

fn container(node: &Node<'_>, kubernetes: Value) -> Result<Container, IrError> {
    let fields = node.fields(&["image", "command", "args", "env", "resources", "lifecycle"])?;
    let mut env = BTreeMap::new();
    for item in fields.items("env")? {
        let pair = item.fields(&["name", "value"])?;
        let name = pair.need("name")?.text()?.to_owned();
        env.insert(name, pair.text("value")?.unwrap_or_default().to_owned());
    }
    Ok(Container {
        image: fields.need("image")?.text()?.to_owned(),
        command: fields.texts("command")?,
        args: fields.texts("args")?,
        env,
        resources: fields.opt("resources").map_or(Value::Null, |node| node.value.clone()),
        kubernetes,
        task_config: Value::Null,
    })
}

fn importer(node: &Node<'_>, output: Option<&str>) -> Result<Importer, IrError> {
    let fields = node.fields(&[
        "artifactUri",
        "typeSchema",
        "properties",
        "customProperties",
        "reimport",
        "metadata",
        "downloadToWorkspace",
    ])?;
    let uri = fields.need("artifactUri")?;
    Ok(Importer {
        output: output.ok_or_else(|| node.error("its component declares no output artifact"))?.to_owned(),
        schema: fields
            .opt("typeSchema")
            .map_or_else(|| Ok("system.Artifact".into()), |n| ports::schema(&n))?,
        uri: read_uri(&uri.fields(&["constant", "constantValue", "runtimeParameter"])?)?,
        metadata: fields
            .opt("metadata")
            .map_or_else(|| Value::Object(Default::default()), |n| n.value.clone()),
        reimport: fields.flag("reimport")?,
        download_to_workspace: fields.flag("downloadToWorkspace")?,
    })
}

fn read_uri(uri: &Fields<'_>) -> Result<Uri, IrError> {
    if let Some(name) = uri.text("runtimeParameter")? {
        return Ok(Uri::Input(name.to_owned()));
    }
    if let Some(text) = uri.text("constant")? {
        return Ok(Uri::Constant(text.to_owned()));
    }
    let old = uri.need("constantValue")?;
    let text = old.fields(&["stringValue"])?.need("stringValue")?.text()?.to_owned();
    Ok(Uri::Constant(text))
}
