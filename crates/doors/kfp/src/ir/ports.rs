//! `ComponentInputsSpec` and `ComponentOutputsSpec` as ports.

use std::collections::BTreeMap;

use pipelines::{Kind, Port};

use super::node::{Fields, IrError, Node};

/// `inputDefinitions` of a component.
pub(crate) fn inputs(component: &Fields<'_>) -> Result<BTreeMap<String, Port>, IrError> {
    let Some(node) = component.opt("inputDefinitions") else { return Ok(BTreeMap::new()) };
    let fields = node.fields(&["parameters", "artifacts"])?;
    let mut ports = BTreeMap::new();
    for (name, node) in fields.entries("parameters")? {
        let spec =
            node.fields(&["parameterType", "type", "defaultValue", "isOptional", "description", "literals"])?;
        let default = spec.opt("defaultValue").map(|n| n.value.clone());
        let of = parameter_kind(&spec)?;
        let port = Port {
            of,
            optional: spec.flag("isOptional")? || default.is_some(),
            default,
            allowed: spec.items("literals")?.into_iter().map(|n| n.value.clone()).collect(),
        };
        ports.insert(name.to_owned(), port);
    }
    for (name, node) in fields.entries("artifacts")? {
        let spec = node.fields(&["artifactType", "isArtifactList", "isOptional", "description"])?;
        let port = Port {
            of: artifact_kind(&spec)?,
            optional: spec.flag("isOptional")?,
            default: None,
            allowed: Vec::new(),
        };
        if ports.insert(name.to_owned(), port).is_some() {
            return Err(node.error("a parameter and an artifact have the same name"));
        }
    }
    Ok(ports)
}

/// `outputDefinitions` of a component.
pub(crate) fn outputs(component: &Fields<'_>) -> Result<BTreeMap<String, Port>, IrError> {
    let Some(node) = component.opt("outputDefinitions") else { return Ok(BTreeMap::new()) };
    let fields = node.fields(&["parameters", "artifacts"])?;
    let mut ports = BTreeMap::new();
    let port = |of| Port { of, optional: true, default: None, allowed: Vec::new() };
    for (name, node) in fields.entries("parameters")? {
        let spec = node.fields(&["parameterType", "type", "description", "isOptional"])?;
        ports.insert(name.to_owned(), port(parameter_kind(&spec)?));
    }
    for (name, node) in fields.entries("artifacts")? {
        let spec = node.fields(&[
            "artifactType",
            "isArtifactList",
            "metadata",
            "properties",
            "customProperties",
            "description",
        ])?;
        if ports.insert(name.to_owned(), port(artifact_kind(&spec)?)).is_some() {
            return Err(node.error("a parameter and an artifact have the same name"));
        }
    }
    Ok(ports)
}

fn parameter_kind(spec: &Fields<'_>) -> Result<Kind, IrError> {
    let node = spec.opt("parameterType").or_else(|| spec.opt("type"));
    let node = node.ok_or_else(|| spec.error("`parameterType` is missing"))?;
    Ok(match node.text()? {
        "NUMBER_INTEGER" | "INT" => Kind::Integer,
        "NUMBER_DOUBLE" | "DOUBLE" => Kind::Number,
        "STRING" => Kind::Text,
        "BOOLEAN" => Kind::Boolean,
        "LIST" => Kind::List,
        "STRUCT" | "TASK_CONFIG" => Kind::Map,
        "TASK_FINAL_STATUS" => Kind::Status,
        other => return Err(node.error(format!("`{other}` is no type of parameter"))),
    })
}

fn artifact_kind(spec: &Fields<'_>) -> Result<Kind, IrError> {
    let schema = spec.opt("artifactType").map(|node| schema(&node)).transpose()?;
    Ok(Kind::Artifact {
        schema: schema.unwrap_or_else(|| "system.Artifact".to_owned()),
        list: spec.flag("isArtifactList")?,
    })
}

/// `ArtifactTypeSchema`: its title, or what stands for one.
pub(crate) fn schema(node: &Node<'_>) -> Result<String, IrError> {
    let fields = node.fields(&["schemaTitle", "schemaUri", "instanceSchema", "schemaVersion"])?;
    for name in ["schemaTitle", "instanceSchema", "schemaUri"] {
        if let Some(text) = fields.text(name)?.filter(|text| !text.is_empty()) {
            return Ok(text.to_owned());
        }
    }
    Ok("system.Artifact".to_owned())
}
