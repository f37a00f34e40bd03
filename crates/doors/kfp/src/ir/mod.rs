//! The intermediate representation that Kubeflow's SDK compiles to (`PipelineSpec` 2.1.0,
//! `api/v2alpha1/pipeline_spec.proto`), and its conversion into a plan.
//!
//! What is not understood is refused with the path where it stands: a field that would be dropped silently might be the
//! one that matters.

mod document;
mod executors;
mod graphs;
mod node;
pub(crate) mod platform;
mod ports;
mod tasks;

use std::collections::BTreeMap;

use pipelines::Plan;
use serde_json::Value;

pub use document::{Document, Info};
pub use executors::{Container, Executor, Importer, Uri};
pub use node::IrError;

use graphs::{Conversion, Executors};
use node::Node;

/// The only version of the schema that upstream's server takes.
const SCHEMA: &str = "2.1.0";

/// A document converted.
#[derive(Clone, Debug, PartialEq)]
pub struct Converted {
    pub info: Info,
    pub plan: Plan,
    pub pipeline_root: Option<String>,
}

/// Errors: what is unknown, missing or contradicts itself, with its place.
pub fn convert(document: &Document) -> Result<Converted, IrError> {
    let info = document.info()?;
    let top = Node::new("", &document.spec);
    let fields = top.fields(&[
        "pipelineInfo",
        "deploymentSpec",
        "sdkVersion",
        "schemaVersion",
        "components",
        "root",
        "defaultPipelineRoot",
    ])?;
    let version = fields.text("schemaVersion")?.unwrap_or_default();
    if version != SCHEMA {
        return Err(IrError::new(
            "schemaVersion",
            format!("it is `{version}`: only {SCHEMA} is known, as compiled by kfp 2"),
        ));
    }
    let deployment = fields.opt("deploymentSpec").map(|node| node.fields(&["executors"])).transpose()?;
    let specs = deployment.map(|fields| fields.entries("executors")).transpose()?.unwrap_or_default();
    let executors = Executors {
        specs: specs.into_iter().map(|(name, node)| (name.to_owned(), node)).collect(),
        kubernetes: kubernetes(document.platform.as_ref())?,
    };
    let deadline_ms = deadline(document.platform.as_ref());
    let root = fields.need("root")?;
    let (root, components) = Conversion::read(root, fields.entries("components")?, &executors)?.finish()?;
    Ok(Converted {
        plan: Plan { name: info.name.clone(), root, components, deadline_ms },
        pipeline_root: fields.text("defaultPipelineRoot")?.filter(|t| !t.is_empty()).map(str::to_owned),
        info,
    })
}

/// `activeDeadlineSeconds` of the whole run, in milliseconds. How long a cluster keeps what ran (`resourceTtlOn…`) means nothing here,
/// and a workspace needs no size.
fn deadline(platform: Option<&Value>) -> Option<u64> {
    let config = platform::field(&platform?["platforms"]["kubernetes"], "pipelineConfig");
    let seconds = platform::field(config, "activeDeadlineSeconds");
    let seconds = seconds.as_f64().or_else(|| seconds.as_str()?.parse().ok())?;
    (seconds > 0.0).then_some((seconds * 1000.0) as u64)
}

/// What the platform document says about each executor.
fn kubernetes(platform: Option<&Value>) -> Result<BTreeMap<String, Value>, IrError> {
    let Some(platform) = platform else { return Ok(BTreeMap::new()) };
    let fields = Node::new("", platform).fields(&["platforms"])?;
    let mut found = BTreeMap::new();
    for (name, node) in fields.entries("platforms")? {
        if name != "kubernetes" {
            return Err(node.error(format!("the platform `{name}` is not known, only `kubernetes`")));
        }
        let spec = node.fields(&["deploymentSpec", "platform", "config", "pipelineConfig"])?;
        if let Some(deployment) = spec.opt("deploymentSpec") {
            for (label, node) in deployment.fields(&["executors"])?.entries("executors")? {
                found.insert(label.to_owned(), node.value.clone());
            }
        }
    }
    Ok(found)
}
