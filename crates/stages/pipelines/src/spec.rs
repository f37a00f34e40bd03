use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Error, Resources};

/// A pipeline as declared: the entry below `pipelines:` in `mlwright.yaml`, plus its name and the environments
/// that its steps may name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineSpec {
    #[serde(default)]
    pub name: String,
    /// The dataset whose version a run takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    #[serde(default)]
    pub params: BTreeMap<String, serde_json::Value>,
    pub steps: Vec<StepSpec>,
    #[serde(default)]
    pub environments: BTreeMap<String, EnvironmentSpec>,
    /// Where steps run that do not say it; the workspace's default if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<String>,
    /// How long a run may take from its beginning; then it is ended, and has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Span>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    pub name: String,
    /// A shell command; its directory is a fresh checkout of the code snapshot.
    pub run: String,
    /// Steps that must succeed first; their outputs are this step's inputs.
    #[serde(default)]
    pub needs: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Files or directories that the step writes, relative to `MLWRIGHT_OUTPUTS`. Their order is the order of comparison.
    #[serde(default)]
    pub outputs: Vec<String>,
    /// The experiment in which a tracking run is made for the step before it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// The registered model that the step's tracking run gives a new version of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registers: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// How many times a failed step starts again.
    #[serde(default)]
    pub retries: u32,
    /// Names of secrets of the workspace, by the variable of the environment that gets the value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// Where it runs: `process`, `zygote`, or an executor of the workspace; where the pipeline does if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<String>,
    /// What it wants of a cluster's machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// A locked Python environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentSpec {
    /// The lock file with hashes, relative to the root of the code snapshot.
    pub requirements: String,
    /// A version as `uv` takes it, such as `3.11`.
    #[serde(default = "default_python")]
    pub python: String,
}

fn default_python() -> String {
    "3.11".to_owned()
}

impl PipelineSpec {
    /// Whether the pipeline can run at all: names, references, order. Errors name the step.
    pub fn check(&self) -> Result<(), Error> {
        let invalid = |what: String| Error::Spec { pipeline: self.name.clone(), what };
        if !is_name(&self.name) {
            return Err(invalid(format!("`{}` is not a usable pipeline name", self.name)));
        }
        if self.steps.is_empty() {
            return Err(invalid("it has no steps".into()));
        }
        if let Some(name) = self.params.keys().find(|name| !is_identifier(name)) {
            return Err(invalid(format!("parameter `{name}` cannot become an environment variable")));
        }
        for (name, environment) in &self.environments {
            if !is_inside(&environment.requirements) {
                let path = &environment.requirements;
                return Err(invalid(format!(
                    "environment `{name}`: `{path}` is not a path inside the project"
                )));
            }
        }
        let mut names = BTreeSet::new();
        for step in &self.steps {
            if !is_name(&step.name) {
                return Err(invalid(format!("`{}` is not a usable step name", step.name)));
            }
            if !names.insert(step.name.as_str()) {
                return Err(invalid(format!("two steps are called `{}`", step.name)));
            }
        }
        for step in &self.steps {
            self.check_step(step, &names).map_err(|what| invalid(format!("step `{}`: {what}", step.name)))?;
        }
        self.order().map(drop)
    }

    fn check_step(&self, step: &StepSpec, names: &BTreeSet<&str>) -> Result<(), String> {
        if step.run.trim().is_empty() {
            return Err("`run` is empty".into());
        }
        if let Some(need) = step.needs.iter().find(|need| !names.contains(need.as_str())) {
            return Err(format!("it needs `{need}`, which is no step of this pipeline"));
        }
        let distinct: BTreeSet<_> = step.needs.iter().collect();
        if distinct.len() < step.needs.len() {
            return Err("it needs the same step twice".into());
        }
        if let Some(name) = step.environment.as_ref().filter(|name| !self.environments.contains_key(*name)) {
            return Err(format!("environment `{name}` is not declared"));
        }
        if let Some(output) = step.outputs.iter().find(|output| !is_inside(output)) {
            return Err(format!("output `{output}` is not a relative path inside the output directory"));
        }
        let distinct: BTreeSet<_> = step.outputs.iter().collect();
        if distinct.len() < step.outputs.len() {
            return Err("it declares the same output twice".into());
        }
        if step.registers.is_some() && step.experiment.is_none() {
            return Err("`registers` needs `experiment`: a model version comes from a tracking run".into());
        }
        if let Some(name) = step.secrets.keys().find(|name| !is_identifier(name)) {
            return Err(format!("`secrets`: `{name}` cannot become an environment variable"));
        }
        if step.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
            return Err("`timeout` is zero".into());
        }
        Ok(())
    }

    /// Steps by name, each after what it needs; steps that are free keep the order of the file.
    /// Errors: `Spec` naming the steps of a cycle.
    pub fn order(&self) -> Result<Vec<&StepSpec>, Error> {
        let mut done = BTreeSet::new();
        let mut order = Vec::with_capacity(self.steps.len());
        while order.len() < self.steps.len() {
            let ready = |step: &&StepSpec| step.needs.iter().all(|need| done.contains(need.as_str()));
            let next = self.steps.iter().filter(|step| !done.contains(step.name.as_str())).find(ready);
            let Some(step) = next else {
                let stuck = self.steps.iter().map(|s| s.name.as_str()).filter(|name| !done.contains(name));
                let what = format!("steps wait for each other: {}", stuck.collect::<Vec<_>>().join(", "));
                return Err(Error::Spec { pipeline: self.name.clone(), what });
            };
            done.insert(step.name.as_str());
            order.push(step);
        }
        Ok(order)
    }

    pub fn step(&self, name: &str) -> Option<&StepSpec> {
        self.steps.iter().find(|step| step.name == name)
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (1..=100).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('.')
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// A relative path that stays below its root.
fn is_inside(text: &str) -> bool {
    let mut components = Path::new(text).components().peekable();
    components.peek().is_some() && components.all(|c| matches!(c, Component::Normal(_)))
}

/// A length of time as people write it: `500ms`, `30s`, `10m`, `1h30m`, `2d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is no length of time; write it like 30s, 10m, 1h30m or 2d");
        let mut rest = text.trim();
        let mut millis = 0u64;
        if rest.is_empty() {
            return Err(refused());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            let factor = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refused)?.1;
            let number: u64 = number.parse().map_err(|_| refused())?;
            millis = number.checked_mul(factor).and_then(|m| millis.checked_add(m)).ok_or_else(refused)?;
            rest = tail;
        }
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut millis = self.0.as_millis() as u64;
        if millis == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in UNITS {
            if millis >= factor {
                write!(f, "{}{unit}", millis / factor)?;
                millis %= factor;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
