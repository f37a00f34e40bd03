//! `tf.Example`s as the model's input: a feature is a column, or an input of its name.

use std::collections::{HashMap, HashSet};

use runtimes::{Column, ElementType, Frame, Tensor, TensorData, Values};
use serving::{Input, Target};
use wire_inference::json::Json;

use crate::errors::Failure;
use crate::wire::{Example, FeatureKind, InputKind};

#[derive(Clone, Debug, PartialEq)]
pub enum Feature {
    Bytes(Vec<Vec<u8>>),
    Floats(Vec<f32>),
    Integers(Vec<i64>),
}

pub type Row = Vec<(String, Feature)>;

/// Every example with what the context adds to it.
pub fn of_proto(input: Option<crate::wire::Input>) -> Result<Vec<Row>, Failure> {
    let (examples, context) = match input.and_then(|i| i.kind) {
        Some(InputKind::ExampleList(list)) => (list.examples, None),
        Some(InputKind::ExampleListWithContext(list)) => (list.examples, list.context),
        None => return Err(Failure::bad("Input is empty.")),
    };
    let context = context.map(row).unwrap_or_default();
    let rows = with(examples.into_iter().map(row).collect(), &context)?;
    if rows.is_empty() { Err(Failure::bad("Input is empty.")) } else { Ok(rows) }
}

fn row(example: Example) -> Row {
    let features = example.features.map(|f| f.feature).unwrap_or_default();
    features
        .into_iter()
        .filter_map(|(name, feature)| {
            Some((
                name,
                match feature.kind? {
                    FeatureKind::BytesList(list) => {
                        Feature::Bytes(list.value.iter().map(|b| b.to_vec()).collect())
                    }
                    FeatureKind::FloatList(list) => Feature::Floats(list.value),
                    FeatureKind::Int64List(list) => Feature::Integers(list.value),
                },
            ))
        })
        .collect()
}

/// Values that examples may have together, with what the context adds to each and what is missing in some.
const MOST_VALUES: usize = 32 << 20;

fn fits(rows: usize, names: usize) -> Result<(), Failure> {
    match rows.checked_mul(names) {
        Some(values) if values <= MOST_VALUES => Ok(()),
        _ => Err(Failure::bad(format!(
            "{rows} examples of {names} features are more than {MOST_VALUES} values"
        ))),
    }
}

/// Every example with the features of the context that it has not itself.
fn with(mut rows: Vec<Row>, context: &Row) -> Result<Vec<Row>, Failure> {
    fits(rows.len(), context.len())?;
    for row in &mut rows {
        let own: HashSet<&str> = row.iter().map(|(name, _)| name.as_str()).collect();
        let more: Row = context.iter().filter(|(name, _)| !own.contains(name.as_str())).cloned().collect();
        row.extend(more);
    }
    Ok(rows)
}

/// `examples` and `context` of a REST body.
pub fn of_json(body: &Json) -> Result<Vec<Row>, Failure> {
    let Some(examples) = body.get("examples").and_then(Json::list).filter(|e| !e.is_empty()) else {
        return Err(Failure::bad(
            "Failed to parse request: missing \"examples\", or it is not a list of objects",
        ));
    };
    let context = match body.get("context") {
        Some(context) => json_row(context)?,
        None => Row::new(),
    };
    with(examples.iter().map(json_row).collect::<Result<_, _>>()?, &context)
}

fn json_row(example: &Json) -> Result<Row, Failure> {
    let Json::Object(fields) = example else {
        return Err(Failure::bad(format!("an example is a {}, not an object", example.python_type())));
    };
    fields.iter().map(|(name, value)| Ok((name.clone(), json_feature(name, value)?))).collect()
}

fn json_feature(name: &str, value: &Json) -> Result<Feature, Failure> {
    use base64::Engine as _;
    let one = std::slice::from_ref(value);
    let values = value.list().unwrap_or(one);
    let bytes = |v: &Json| match v {
        Json::Text(text) => Some(text.as_bytes().to_vec()),
        Json::Object(_) => {
            let text = v.get("b64").and_then(Json::text)?;
            base64::engine::general_purpose::STANDARD.decode(text).ok()
        }
        _ => None,
    };
    if let Some(integers) = values.iter().map(Json::integer).collect::<Option<Vec<_>>>() {
        return Ok(Feature::Integers(integers));
    }
    if let Some(floats) = values.iter().map(Json::number).collect::<Option<Vec<_>>>() {
        return Ok(Feature::Floats(floats.into_iter().map(|x| x as f32).collect()));
    }
    let texts = values.iter().map(bytes).collect::<Option<Vec<_>>>();
    texts.map(Feature::Bytes).ok_or_else(|| {
        Failure::bad(format!(
            "feature \"{name}\" is neither numbers nor texts, nor a list of one kind of them"
        ))
    })
}

/// Columns where the model has some, else tensors `[examples, values]` by name.
pub fn input(target: &Target, rows: &[Row]) -> Result<Input, Failure> {
    let mut names: Vec<&str> = Vec::new();
    let mut known: HashSet<&str> = HashSet::new();
    for (name, _) in rows.iter().flatten() {
        if known.insert(name) {
            names.push(name);
        }
    }
    fits(rows.len(), names.len())?;
    let by_name: Vec<HashMap<&str, &Feature>> =
        rows.iter().map(|row| row.iter().rev().map(|(name, f)| (name.as_str(), f)).collect()).collect();
    let of = |row: &HashMap<&str, &Feature>, name: &str| row.get(name).copied().cloned();
    if target.model.tabular.is_some() {
        let columns = names.iter().map(|name| {
            let cells: Vec<Option<Feature>> = by_name.iter().map(|row| of(row, name)).collect();
            Ok(Column { name: (*name).into(), values: column(name, &cells)? })
        });
        let frame = Frame::new(columns.collect::<Result<_, Failure>>()?).map_err(serving::Error::from)?;
        return Ok(Input::Columns(frame));
    }
    let mut tensors = Vec::new();
    for spec in target.model.model.inputs() {
        let cells = by_name.iter().map(|row| of(row, &spec.name)).collect::<Option<Vec<_>>>();
        let Some(cells) = cells else {
            return Err(Failure::bad(format!("feature \"{}\" is missing in an example", spec.name)));
        };
        tensors.push(tensor(&spec.name, spec.element, &cells)?);
    }
    Ok(Input::Tensors(tensors))
}

/// One value an example; an absent one is missing.
fn column(name: &str, cells: &[Option<Feature>]) -> Result<Values, Failure> {
    let single = |length: usize| length <= 1;
    let bad = || Failure::bad(format!("feature \"{name}\" must have one value of one kind in each example"));
    let present = || cells.iter().flatten();
    if present().all(|f| matches!(f, Feature::Integers(v) if single(v.len()))) {
        let value = |cell: &Option<Feature>| match cell {
            Some(Feature::Integers(v)) => v.first().copied(),
            _ => None,
        };
        return Ok(Values::Integer(cells.iter().map(value).collect()));
    }
    if present().all(|f| matches!(f, Feature::Bytes(v) if single(v.len()))) {
        let value = |cell: &Option<Feature>| match cell {
            Some(Feature::Bytes(v)) => v.first().map(|b| String::from_utf8_lossy(b).into_owned()),
            _ => None,
        };
        return Ok(Values::Text(cells.iter().map(value).collect()));
    }
    let value = |cell: &Option<Feature>| match cell {
        None => Some(f64::NAN),
        Some(Feature::Floats(v)) if single(v.len()) => Some(v.first().map_or(f64::NAN, |x| f64::from(*x))),
        Some(Feature::Integers(v)) if single(v.len()) => Some(v.first().map_or(f64::NAN, |x| *x as f64)),
        Some(_) => None,
    };
    Ok(Values::Float(cells.iter().map(value).collect::<Option<Vec<f64>>>().ok_or_else(bad)?))
}

fn tensor(name: &str, element: ElementType, cells: &[Feature]) -> Result<Tensor, Failure> {
    let length = |f: &Feature| match f {
        Feature::Bytes(v) => v.len(),
        Feature::Floats(v) => v.len(),
        Feature::Integers(v) => v.len(),
    };
    let width = cells.first().map_or(0, length);
    let bad = || Failure::bad(format!("feature \"{name}\" does not fit the model's input of that name"));
    if cells.iter().any(|cell| length(cell) != width) {
        return Err(bad());
    }
    let numbers = || {
        cells.iter().flat_map(|cell| match cell {
            Feature::Floats(v) => v.iter().map(|x| f64::from(*x)).collect::<Vec<_>>(),
            Feature::Integers(v) => v.iter().map(|x| *x as f64).collect(),
            Feature::Bytes(_) => Vec::new(),
        })
    };
    let data = match element {
        ElementType::F32 => TensorData::F32(numbers().map(|x| x as f32).collect()),
        ElementType::F64 => TensorData::F64(numbers().collect()),
        ElementType::I64 => TensorData::I64(numbers().map(|x| x as i64).collect()),
        ElementType::Bytes => {
            let texts = cells
                .iter()
                .flat_map(|cell| if let Feature::Bytes(v) = cell { v.clone() } else { Vec::new() });
            TensorData::Bytes(texts.collect())
        }
        _ => return Err(bad()),
    };
    if data.len() != cells.len() * width {
        return Err(bad());
    }
    Ok(Tensor { name: name.to_owned(), shape: vec![cells.len() as i64, width as i64], data })
}
