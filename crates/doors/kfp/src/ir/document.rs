//! What is uploaded, as two values: a `PipelineSpec` and, if there is one, a `PlatformSpec`
//! (`api/v2alpha1/pipeline_spec.proto`), kept as they were given.

use serde_json::{Value, json};

use super::node::{IrError, Node};

/// Deepest nesting of a document.
const DEPTH: usize = 100;

/// A compiled pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub spec: Value,
    pub platform: Option<Value>,
}

impl Document {
    /// From YAML with one or two documents, or from JSON.
    pub fn read(bytes: &[u8]) -> Result<Self, IrError> {
        let text = std::str::from_utf8(bytes).map_err(|_| whole("it is not UTF-8 text"))?;
        let text = text.trim_start_matches('\u{feff}');
        let values: Vec<Value> = if text.trim_start().starts_with('{') && !text.contains("\n---") {
            vec![serde_json::from_str(text).or_else(|_| yaml_one(text))?]
        } else {
            serde_saphyr::from_multiple_with_options(text, options())
                .map_err(|e| whole(format!("it is not YAML: {e}")))?
        };
        Self::of(values.into_iter().filter(|value| !value.is_null()).collect())
    }

    /// From the body of a request: the spec itself, or `{"pipeline_spec": …, "platform_spec": …}`.
    pub fn of_body(value: &Value) -> Result<Self, IrError> {
        let part = |snake: &str, camel: &str| value.get(snake).or_else(|| value.get(camel));
        match part("pipeline_spec", "pipelineSpec") {
            None => Self::of(vec![value.clone()]),
            Some(spec) => {
                let platform = part("platform_spec", "platformSpec").filter(has_platforms);
                Self::of(std::iter::once(spec).chain(platform).cloned().collect())
            }
        }
    }

    /// As `pipeline_spec` is shown in answers.
    pub fn body(&self) -> Value {
        match &self.platform {
            None => self.spec.clone(),
            Some(platform) => json!({ "pipeline_spec": self.spec, "platform_spec": platform }),
        }
    }

    fn of(values: Vec<Value>) -> Result<Self, IrError> {
        let (mut spec, mut platform) = (None, None);
        for value in values {
            if depth(&value) > DEPTH {
                return Err(whole(format!("it is nested more than {DEPTH} levels deep")));
            }
            let (place, what) = if value.get("pipelineInfo").is_some() || value.get("pipeline_info").is_some()
            {
                (&mut spec, "pipeline spec")
            } else if value.get("platforms").is_some() {
                (&mut platform, "platform spec")
            } else {
                return Err(whole(
                    "it is neither a pipeline spec (with `pipelineInfo`) nor a platform spec (with `platforms`)",
                ));
            };
            if place.replace(value).is_some() {
                return Err(whole(format!("there is more than one {what}")));
            }
        }
        let spec = spec.ok_or_else(|| whole("there is no pipeline spec in it"))?;
        Ok(Self { spec, platform })
    }

    /// `pipelineInfo`: name, display name, description.
    pub fn info(&self) -> Result<Info, IrError> {
        let spec = Node::new("pipelineInfo", self.spec.get("pipelineInfo").unwrap_or(&Value::Null));
        let fields = spec.fields(&["name", "displayName", "description"])?;
        let text = |name| Ok::<_, IrError>(fields.text(name)?.filter(|t| !t.is_empty()).map(str::to_owned));
        let name = text("name")?.ok_or_else(|| spec.error("`name` is missing"))?;
        Ok(Info { name, display_name: text("displayName")?, description: text("description")? })
    }
}

/// What a pipeline says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    pub name: String,
    pub display_name: Option<String>,
    pub description: Option<String>,
}

fn has_platforms(value: &&Value) -> bool {
    value.get("platforms").is_some_and(|p| p.as_object().is_some_and(|map| !map.is_empty()))
}

/// The SDK writes a parameter called `n` or `y` without quotes: only true and false are booleans.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! { strict_booleans: true }
}

fn yaml_one(text: &str) -> Result<Value, IrError> {
    serde_saphyr::from_str_with_options(text, options())
        .map_err(|e| whole(format!("it is neither JSON nor YAML: {e}")))
}

fn whole(what: impl Into<String>) -> IrError {
    IrError::new("pipeline file", what)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "pipelineInfo:\n  name: p\nroot:\n  dag: {}\n";

    #[test]
    fn one_file_holds_a_spec_and_perhaps_a_platform() {
        let one = Document::read(SPEC.as_bytes()).unwrap();
        assert_eq!((one.info().unwrap().name.as_str(), &one.platform), ("p", &None));
        let two = format!("{SPEC}---\nplatforms:\n  kubernetes: {{}}\n");
        let two = Document::read(two.as_bytes()).unwrap();
        assert!(two.platform.is_some());
        assert_eq!(Document::of_body(&two.body()).unwrap(), two);
        assert_eq!(Document::of_body(&one.body()).unwrap(), one);
        let json = serde_json::to_vec(&one.spec).unwrap();
        assert_eq!(Document::read(&json).unwrap(), one);
    }

    #[test]
    fn what_is_no_pipeline_is_refused_with_a_reason() {
        let refused = |text: &[u8]| Document::read(text).unwrap_err().to_string();
        assert!(refused(b"").contains("no pipeline spec"));
        assert!(refused(b"a: [").contains("not YAML"));
        assert!(refused(b"\xff\xfe").contains("UTF-8"));
        assert!(refused(b"a: 1").contains("neither a pipeline spec"));
        assert!(refused(format!("{SPEC}---\n{SPEC}").as_bytes()).contains("more than one"));
        assert!(
            refused(format!("{}{}", "[".repeat(300), "]".repeat(300)).as_bytes()).contains("pipeline file")
        );
    }
}
