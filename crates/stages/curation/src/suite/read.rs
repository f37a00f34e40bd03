use serde_json::Value;

use super::{Suite, dbt, gx, json_schema, pandera, python_json, sagemaker};
use crate::Error;

/// What a suite is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Great Expectations, 0.18 and 1.
    Gx,
    /// Tests in a `schema.yml` of dbt.
    Dbt,
    /// A schema of Pandera, as YAML or JSON.
    Pandera,
    /// JSON Schema of one row.
    JsonSchema,
    /// `constraints.json` of SageMaker Model Monitor.
    SageMaker,
}

impl Dialect {
    pub fn name(self) -> &'static str {
        match self {
            Self::Gx => "Great Expectations",
            Self::Dbt => "dbt",
            Self::Pandera => "Pandera",
            Self::JsonSchema => "JSON Schema",
            Self::SageMaker => "SageMaker",
        }
    }

    /// Told from the shape of the content.
    fn of(value: &Value) -> Option<Self> {
        let has = |key: &str| value.get(key).is_some();
        if has("expectations") {
            Some(Self::Gx)
        } else if has("models") || has("sources") || has("seeds") || has("snapshots") {
            Some(Self::Dbt)
        } else if value.get("schema_type").is_some() || has("columns") && has("checks") {
            Some(Self::Pandera)
        } else if has("features") {
            Some(Self::SageMaker)
        } else if has("$schema") || has("properties") {
            Some(Self::JsonSchema)
        } else {
            None
        }
    }
}

impl std::str::FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "gx" | "great-expectations" => Self::Gx,
            "dbt" => Self::Dbt,
            "pandera" => Self::Pandera,
            "json-schema" => Self::JsonSchema,
            "sagemaker" => Self::SageMaker,
            _ => return Err(format!("`{text}` is none of gx, dbt, pandera, json-schema, sagemaker")),
        })
    }
}

/// A suite as JSON or YAML; its dialect is told from its content unless `dialect` is given. `table` names the model
/// whose tests are taken, where there are several.
/// Errors: `BadSuite`.
pub fn read(text: &str, dialect: Option<Dialect>, table: Option<&str>) -> Result<Suite, Error> {
    let format = dialect.map_or("expectation", Dialect::name);
    let bad = |reason: String| Error::BadSuite { format, reason };
    let value: Value = match python_json::read(text) {
        Ok(value) => value,
        Err(json) if text.trim_start().starts_with(['{', '[']) => return Err(bad(json.to_string())),
        Err(_) => serde_saphyr::from_str(text).map_err(|e| bad(e.to_string()))?,
    };
    let dialect = dialect.or_else(|| Dialect::of(&value));
    match dialect.ok_or_else(|| bad("its content looks like no known kind of suite".into()))? {
        Dialect::Gx => gx::suite(&value),
        Dialect::Dbt => dbt::suite(&value, table),
        Dialect::Pandera => pandera::suite(&value),
        Dialect::JsonSchema => Ok(json_schema::suite(&value)),
        Dialect::SageMaker => sagemaker::suite(&value),
    }
}
