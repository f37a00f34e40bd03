use super::datetime::{self, Time};
use super::object::mismatch;
use super::python::{quoted, text};
use super::{ParamKind, ParamSchema, ParamSpec, Params};
use crate::Error;
use crate::json::Json;
use crate::mlmodel::ColumnType;

impl ParamSchema {
    /// The values of a request that says `given` beside its rows: defaults for what it does not name, whole numbers as floats
    /// where floats are declared. What nobody declared is left out; a null is a value, and not the default.
    ///
    /// Errors: `Params`, in MLflow's words.
    pub fn enforce(&self, given: Option<&Json>) -> Result<Params, Error> {
        if self.is_empty() {
            return Ok(Params::default());
        }
        match given {
            None | Some(Json::Null) => self.values(&[]),
            Some(Json::Object(fields)) => self.values(fields),
            Some(other) => Err(Error::Params(format!(
                "Parameters must be a dictionary. Got type '{}'.",
                other.python_type()
            ))),
        }
    }

    /// Those of another schema's values that this one declares, too.
    ///
    /// Errors: `Params` where it declares them as something else.
    pub fn narrowed(&self, params: &Params) -> Result<Params, Error> {
        if self.is_empty() { Ok(Params::default()) } else { self.values(&params.0) }
    }

    fn values(&self, given: &[(String, Json)]) -> Result<Params, Error> {
        if let Some((name, _)) = given.iter().find(|(name, _)| !self.specs().iter().any(|s| s.name == *name))
        {
            tracing::debug!(name, "a param that the signature does not declare is left out");
        }
        let (mut values, mut wrong) = (Vec::with_capacity(self.specs().len()), Vec::new());
        for spec in self.specs() {
            // Of repeated names the last one counts.
            let value = match given.iter().rev().find(|(name, _)| *name == spec.name) {
                None => spec.default.clone(),
                Some((_, value)) => match spec.enforce(value) {
                    Ok(value) => value,
                    Err(why) => {
                        wrong.push(format!("({}, {})", quoted(&spec.name), quoted(&why)));
                        continue;
                    }
                },
            };
            values.push((spec.name.clone(), value));
        }
        if wrong.is_empty() {
            return Ok(Params(values));
        }
        Err(Error::Params(format!("Invalid parameters found: {{{}}}", wrong.join(", "))))
    }
}

impl ParamSpec {
    /// `ParamSpec.validate_type_and_shape`. Errors: why not, in its words.
    pub(super) fn enforce(&self, value: &Json) -> Result<Json, String> {
        let failed = |why: String| format!("Failed to validate type and shape for {self}, error: {why}");
        match &self.kind {
            ParamKind::Scalar(kind) => scalar(value, *kind).map_err(failed),
            ParamKind::List(kind) => {
                let depth = depth(value);
                let Json::List(items) = value else {
                    return Err(self.no_list(value, 0));
                };
                if depth != Some(1) {
                    return Err(self.no_list(value, depth.unwrap_or(1)));
                }
                let items = items.iter().map(|item| scalar(item, *kind));
                items.collect::<Result<_, _>>().map(Json::List).map_err(failed)
            }
            ParamKind::Object(properties) => match mismatch(properties, value, true) {
                None => Ok(value.clone()),
                Some(why) => Err(failed(why)),
            },
        }
    }

    fn no_list(&self, value: &Json, dimensions: usize) -> String {
        format!(
            "Value must be a 1D array with shape (-1,) for param {self}, received {} with ndim {dimensions}",
            value.python_type()
        )
    }
}

/// Dimensions of a nested list as numpy counts them; `None` where its rows differ.
fn depth(value: &Json) -> Option<usize> {
    let Json::List(items) = value else { return Some(0) };
    let length = |item: &Json| item.list().map(<[Json]>::len);
    let (first, rest) = match items.split_first() {
        None => return Some(1),
        Some(split) => split,
    };
    if rest.iter().any(|item| length(item) != length(first)) {
        return None;
    }
    let below = depth(first)?;
    rest.iter().all(|item| depth(item) == Some(below)).then_some(below + 1)
}

/// `_enforce_param_datatype`.
fn scalar(value: &Json, kind: ColumnType) -> Result<Json, String> {
    let class = || format!("<class '{}'>", value.python_type());
    let word = || format!("DataType.{}", kind.name());
    if kind == ColumnType::Datetime {
        let unfit =
            || format!("Failed to convert value `{}` from type `{}` to `{}`", text(value), class(), word());
        return match value {
            Json::Null => Ok(Json::Null),
            Json::Text(time) => match datetime::read(time) {
                Time::Is => Ok(value.clone()),
                Time::Missing => Ok(Json::Null),
                Time::Beyond => Err(format!(
                    "Failed to convert value to `{}`. It must be convertible to datetime.date/datetime, got `{time}`",
                    word()
                )),
                Time::Not => Err(unfit()),
            },
            _ => Err(unfit()),
        };
    }
    match (kind, value) {
        (_, Json::Null) => Ok(Json::Null),
        (_, Json::List(_) | Json::Object(_)) => {
            Err(format!("Value must be a scalar for type `{}`, got `{}`", word(), text(value)))
        }
        (ColumnType::Boolean, Json::Bool(_))
        | (ColumnType::String, Json::Text(_))
        | (ColumnType::Integer | ColumnType::Long, Json::Int(_) | Json::UInt(_))
        | (ColumnType::Float | ColumnType::Double, Json::Float(_)) => Ok(value.clone()),
        (ColumnType::Float | ColumnType::Double, Json::Int(n)) => Ok(Json::Float(*n as f64)),
        (ColumnType::Float | ColumnType::Double, Json::UInt(n)) => Ok(Json::Float(*n as f64)),
        _ => Err(format!("Can not safely convert `{}` to `{}` for value `{}`", class(), word(), text(value))),
    }
}
