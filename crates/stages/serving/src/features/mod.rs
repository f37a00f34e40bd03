//! Inputs that are looked up: callers send the key of what a row is about, and the values that a model takes of it come from a
//! table of features.

mod fed;
mod load;
mod table;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

pub(crate) use fed::{Fed, prepared};
pub(crate) use load::Features;
pub use table::{FeatureLookup, Found, KeyedTable};

/// Which inputs of an endpoint's models are looked up, where, and by what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSettings {
    /// The column that callers send, and that the table has once for each row.
    pub key: String,
    pub dataset: String,
    /// The newest one when this is set, and that one from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Inputs that are looked up; if empty, all that the table has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// What becomes of a row whose key the table does not have.
    #[serde(default)]
    pub missing: MissingKey,
    /// Values for such rows, by column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defaults: BTreeMap<String, Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingKey {
    /// The request is refused.
    #[default]
    Error,
    /// Its features are missing values, as far as the model takes them.
    Null,
    /// Its features are the defaults.
    Default,
}

impl<'de> Deserialize<'de> for MissingKey {
    /// `null` without quotes is what people write.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)?.as_deref() {
            None | Some("null") => Ok(Self::Null),
            Some("error") => Ok(Self::Error),
            Some("default") => Ok(Self::Default),
            Some(other) => {
                Err(serde::de::Error::custom(format!("`{other}` is none of error, null and default")))
            }
        }
    }
}

impl FeatureSettings {
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.key.is_empty() || self.dataset.is_empty() {
            return Err("features need a key and a dataset");
        }
        if self.columns.contains(&self.key) {
            return Err("the key of features is sent, not looked up");
        }
        let scalar = |value: &Value| matches!(value, Value::Number(_) | Value::String(_) | Value::Bool(_));
        if !self.defaults.values().all(scalar) {
            return Err("a default of features is a number, a text, true or false");
        }
        if self.missing != MissingKey::Default && !self.defaults.is_empty() {
            return Err("features have defaults: say `missing: default`");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<FeatureSettings, String> {
        let settings: FeatureSettings = serde_json::from_str(json).map_err(|e| e.to_string())?;
        settings.check().map_err(str::to_owned)?;
        Ok(settings)
    }

    #[test]
    fn what_is_declared_is_read_and_what_makes_no_sense_refused() {
        let least = read(r#"{"key": "id", "dataset": "people"}"#).unwrap();
        assert_eq!((least.version, least.missing), (None, MissingKey::Error));
        let null = read(r#"{"key": "id", "dataset": "people", "missing": null}"#).unwrap();
        assert_eq!(null.missing, MissingKey::Null);
        let quoted = read(r#"{"key": "id", "dataset": "people", "missing": "null"}"#).unwrap();
        assert_eq!(quoted, null);
        assert_eq!(read(&serde_json::to_string(&null).unwrap()).unwrap(), null);
        for (wrong, why) in [
            (r#"{"key": "", "dataset": "people"}"#, "need a key"),
            (r#"{"key": "id", "dataset": "people", "columns": ["id"]}"#, "not looked up"),
            (r#"{"key": "id", "dataset": "people", "missing": "zero"}"#, "`zero` is none of"),
            (r#"{"key": "id", "dataset": "people", "defaults": {"age": 1}}"#, "missing: default"),
            (
                r#"{"key": "id", "dataset": "people", "missing": "default", "defaults": {"age": []}}"#,
                "a number",
            ),
            (r#"{"key": "id", "dataset": "people", "table": "x"}"#, "unknown field"),
        ] {
            let said = read(wrong).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
