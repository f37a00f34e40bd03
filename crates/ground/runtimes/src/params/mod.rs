//! What a caller may tell a model beside its inputs: `signature.params` of an `MLmodel` file, and the values of one request, held
//! against it as `mlflow.models.utils._enforce_params_schema` of MLflow 3.17 does.

mod datetime;
mod enforce;
mod object;
mod python;
mod schema;

use crate::json::{Json, write_fields};

pub use schema::{ParamKind, ParamSchema, ParamSpec};

/// The values of one request, one for each param of the signature, in its order; none where the signature declares none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params(Vec<(String, Json)>);

impl Params {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// As JSON that Python reads; `None` if there are none.
    pub fn text(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let mut text = String::new();
        write_fields(&mut text, &self.0);
        Some(text)
    }

    /// What [`Params::text`] wrote. `None` where it is no object.
    pub fn parse(text: &str) -> Option<Self> {
        match crate::json::parse(text.as_bytes()) {
            Ok(Json::Object(fields)) => Some(Self(fields)),
            _ => None,
        }
    }

    /// Takes those away that `keep` says no to, which may change the others.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Json) -> bool) {
        self.0.retain_mut(|(name, value)| keep(name, value));
    }
}
