//! A model whose inputs are looked up, as its callers see it: it takes the key instead.

use std::sync::Arc;

use runtimes::{
    Column, ColumnSpec, ColumnType, ElementType, Error, Frame, InputSchema, Model, Params, Tabular, Tensor,
    TensorSpec, Values, tabular,
};
use serde_json::Value;

use super::{Features, MissingKey};
use crate::checks::{Checker, Noticed};
use crate::load::Loaded;

/// How rows that callers send become rows of the model.
pub(crate) struct Fed {
    pub features: Arc<Features>,
    pub inner: Arc<Loaded>,
    /// One a column of the model.
    sources: Vec<Source>,
    looked_up: Vec<String>,
    /// One a looked-up column; `None` without such a policy.
    defaults: Option<Vec<Value>>,
    inputs: Vec<TensorSpec>,
    columns: Vec<ColumnSpec>,
}

#[derive(Clone, Copy)]
enum Source {
    /// The caller's column at this place.
    Sent(usize),
    /// The looked-up one at this place.
    LookedUp(usize),
}

impl Fed {
    /// Errors: why the model and the table do not fit.
    pub fn new(features: Arc<Features>, inner: Arc<Loaded>) -> Result<Self, String> {
        let settings = &features.settings;
        let about = format!("{} {}", inner.model_name, inner.number);
        let Some(taken) = &inner.tabular else {
            return Err(format!("{about} takes no columns that could be looked up"));
        };
        let there = features.table.columns();
        for wanted in &settings.columns {
            if !taken.columns().iter().any(|c| c.name == *wanted) {
                return Err(format!("{about} takes no column `{wanted}`"));
            }
            if !there.iter().any(|c| c.name == *wanted) {
                return Err(format!("{} has no column `{wanted}`", features.name()));
            }
        }
        let is_wanted = |name: &String| settings.columns.is_empty() || settings.columns.contains(name);
        let key = features.table.key().clone();
        let of_key =
            if key.column_type == ColumnType::String { ElementType::Bytes } else { ElementType::I64 };
        let input = |name: &str, element| TensorSpec { name: name.to_owned(), element, shape: vec![-1] };
        let (mut inputs, mut columns) = (vec![input(&key.name, of_key)], vec![key.clone()]);
        let (mut sources, mut looked_up) = (Vec::new(), Vec::new());
        for (at, spec) in taken.columns().iter().enumerate() {
            if spec.name == key.name {
                sources.push(Source::Sent(0));
                continue;
            }
            if let Some(found) = there.iter().find(|c| c.name == spec.name && is_wanted(&c.name)) {
                if (found.column_type == ColumnType::String) != is_text(spec.column_type) {
                    return Err(format!(
                        "`{}` is {} in {}, and {about} takes {}",
                        spec.name,
                        found.column_type.name(),
                        features.name(),
                        spec.column_type.name()
                    ));
                }
                sources.push(Source::LookedUp(looked_up.len()));
                looked_up.push(spec.name.clone());
                continue;
            }
            sources.push(Source::Sent(inputs.len()));
            inputs.push(input(&spec.name, taken.element(at).unwrap_or(ElementType::F64)));
            columns.push(spec.clone());
        }
        if looked_up.is_empty() {
            return Err(format!("{} has no column that {about} takes", features.name()));
        }
        let defaults = match settings.missing {
            MissingKey::Default => {
                let of = |name: &String| {
                    let default =
                        settings.defaults.get(name).ok_or_else(|| format!("`{name}` has no default"))?;
                    let kind = there.iter().find(|c| c.name == *name).map(|c| c.column_type);
                    match kind.is_none_or(|kind| is_of(kind, default)) {
                        true => Ok(default.clone()),
                        false => Err(format!("the default {default} of `{name}` is of another type")),
                    }
                };
                Some(looked_up.iter().map(of).collect::<Result<_, _>>()?)
            }
            _ => None,
        };
        Ok(Self { features, inner, sources, looked_up, defaults, inputs, columns })
    }

    pub fn key(&self) -> &str {
        &self.features.settings.key
    }

    pub fn looked_up(&self) -> &[String] {
        &self.looked_up
    }

    /// What callers send, by name and type: the key first.
    pub fn schema(&self) -> InputSchema {
        InputSchema::Columns(self.columns.clone())
    }

    /// The model's columns for the caller's, which are in the order of [`Fed::schema`].
    fn rows(&self, sent: &Frame) -> Result<Frame, Error> {
        let unsent = || Error::MissingInput(self.key().to_owned());
        let keys = sent.columns.first().ok_or_else(unsent)?;
        let mut found = self.features.table.look_up(&keys.values, &self.looked_up)?;
        if let Some(row) = found.known.iter().position(|known| !known) {
            match (self.features.settings.missing, &self.defaults) {
                (MissingKey::Null, _) => {}
                (MissingKey::Default, Some(defaults)) => {
                    for (column, default) in found.rows.columns.iter_mut().zip(defaults) {
                        fill(column, &found.known, default)?;
                    }
                }
                _ => {
                    let message = match shown(&keys.values, row) {
                        Some(key) => format!("{} has no features for {key}", self.features.name()),
                        None => "the value is missing: it says whose features are looked up".to_owned(),
                    };
                    return Err(Error::Cell { column: keys.name.to_string(), row, message });
                }
            }
        }
        let mut columns = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            let column = match *source {
                Source::Sent(at) => sent.columns.get(at),
                Source::LookedUp(at) => found.rows.columns.get(at),
            };
            columns.push(column.cloned().ok_or_else(unsent)?);
        }
        Ok(Frame { columns, rows: sent.rows })
    }
}

fn is_text(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::String | ColumnType::Binary | ColumnType::Datetime)
}

/// Whether a column of a table, which has four types, may hold the value.
fn is_of(kind: ColumnType, value: &Value) -> bool {
    match kind {
        ColumnType::Boolean => value.is_boolean(),
        ColumnType::Long => value.is_i64(),
        ColumnType::Double => value.is_number(),
        _ => value.is_string(),
    }
}

fn shown(keys: &Values, row: usize) -> Option<String> {
    match keys {
        Values::Integer(v) => v.get(row).copied().flatten().map(|key| key.to_string()),
        Values::Text(v) => v.get(row)?.as_ref().map(|key| format!("`{key}`")),
        Values::Float(_) | Values::Boolean(_) => None,
    }
}

/// Puts the default where the key is not known.
fn fill(column: &mut Column, known: &[bool], default: &Value) -> Result<(), Error> {
    let name = std::sync::Arc::clone(&column.name);
    let wrong = move || Error::Cell {
        column: name.to_string(),
        row: 0,
        message: format!("its default {default} is of another type"),
    };
    fn put<T: Clone>(values: &mut [T], known: &[bool], default: T) {
        values.iter_mut().zip(known).filter(|(_, known)| !**known).for_each(|(v, _)| *v = default.clone());
    }
    match &mut column.values {
        Values::Float(v) => put(v, known, default.as_f64().ok_or_else(wrong)?),
        Values::Integer(v) => put(v, known, Some(default.as_i64().ok_or_else(wrong)?)),
        Values::Boolean(v) => put(v, known, Some(default.as_bool().ok_or_else(wrong)?)),
        Values::Text(v) => put(v, known, Some(default.as_str().ok_or_else(wrong)?.to_owned())),
    }
    Ok(())
}

impl Model for Fed {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    fn outputs(&self) -> &[TensorSpec] {
        self.inner.model.outputs()
    }

    fn run(&self, inputs: &[Tensor], wanted: &[&str]) -> Result<Vec<Tensor>, Error> {
        self.run_with(inputs, &Params::default(), wanted)
    }

    fn run_with(&self, inputs: &[Tensor], params: &Params, wanted: &[&str]) -> Result<Vec<Tensor>, Error> {
        let rows = self.rows(&sent(self, inputs.to_vec())?)?;
        self.inner_inputs(&rows).and_then(|inputs| self.inner.model.run_with(&inputs, params, wanted))
    }

    fn streams(&self) -> bool {
        self.inner.model.streams()
    }

    fn stream(
        &self,
        inputs: &[Tensor],
        params: &Params,
        part: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), Error> {
        let rows = self.rows(&sent(self, inputs.to_vec())?)?;
        self.inner_inputs(&rows).and_then(|inputs| self.inner.model.stream(&inputs, params, part))
    }

    fn prediction(&self) -> Option<&str> {
        self.inner.model.prediction()
    }

    fn takes_missing_text(&self) -> bool {
        self.inner.model.takes_missing_text()
    }
}

impl Fed {
    fn tabular(&self) -> Result<&Tabular, Error> {
        self.inner.tabular.as_ref().ok_or_else(|| Error::NotTabular("its inputs are no columns".into()))
    }

    fn inner_inputs(&self, rows: &Frame) -> Result<Vec<Tensor>, Error> {
        self.tabular()?.inputs(rows)
    }
}

/// Tensors of a caller as columns in the order of the schema; `[n, 1]` is taken for `[n]`, as clients send both.
fn sent(fed: &Fed, mut tensors: Vec<Tensor>) -> Result<Frame, Error> {
    for tensor in &mut tensors {
        if let [rows, 1] = *tensor.shape {
            tensor.shape = vec![rows];
        }
    }
    let rows = tensors.first().map_or(0, Tensor::rows);
    let ordered: Vec<Tensor> = runtimes::check_inputs(&fed.inputs, &tensors)?.into_iter().cloned().collect();
    tabular::to_frame(&ordered, rows)
}

/// As [`crate::infer::prepared`]: the inputs of the model that runs, and what of them is logged, which is what was looked up with
/// the key that it was looked up by.
pub(crate) fn prepared(
    fed: &Fed,
    face: &Loaded,
    checker: Option<&Checker>,
    input: crate::Input,
) -> Result<(Vec<Tensor>, Frame, Noticed), crate::Error> {
    let mut unknown = Vec::new();
    let tensors = match input {
        crate::Input::Tensors(tensors) => tensors,
        crate::Input::Columns(frame) => {
            let mut names = checker.map(|c| c.unknown(&frame)).unwrap_or_default();
            names.retain(|name| name != fed.key());
            unknown = names;
            face.tabular.as_ref().ok_or(crate::Error::NotTabular)?.inputs(&frame)?
        }
    };
    let sent = sent(fed, tensors)?;
    let rows = fed.rows(&sent)?;
    let inputs = fed.inner_inputs(&rows)?;
    let mut logged = fed.tabular()?.columns_of(&inputs).unwrap_or(rows);
    let noticed = match checker {
        Some(checker) => checker.look(&logged, &unknown)?,
        None => Noticed::default(),
    };
    if logged.column(fed.key()).is_none() {
        logged.columns.extend(sent.columns.into_iter().next());
    }
    Ok((inputs, logged, noticed))
}
