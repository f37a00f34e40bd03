//! CatBoost's `cbm` (FlatBuffers: `catboost/libs/model/flatbuffers/model.fbs`) and JSON files.

use serde_json::Value;

use super::flat::Table;
use crate::Error;
use crate::native::outputs::Classes;
use crate::native::tree::{Forest, Source, Split};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Border {
    pub column: u32,
    /// Values above it go right.
    pub border: f32,
}

pub(crate) enum Trees {
    /// Every level of a tree has one split; the leaf's number has one bit a level.
    Oblivious {
        splits: Vec<Border>,
        starts: Vec<usize>,
        leaf_starts: Vec<usize>,
    },
    Free(Forest<f32>),
}

/// A model as it is stored.
pub(crate) struct Raw {
    pub columns: usize,
    /// Scores a row.
    pub dimension: usize,
    pub trees: Trees,
    pub leaves: Vec<f64>,
    pub scale: f64,
    pub bias: Vec<f64>,
    /// By column: a missing value is above every border.
    pub missing_high: Vec<bool>,
    pub loss: String,
    pub classes: Option<Classes>,
    pub names: Option<Vec<String>>,
}

/// Levels of an oblivious tree that CatBoost makes.
const DEEPEST: usize = 16;
const MOST_COLUMNS: usize = 1 << 24;

fn broken(what: &str) -> Error {
    Error::Broken(format!("the CatBoost model: {what}"))
}

fn computed(what: &str) -> Error {
    Error::Unsupported(format!("CatBoost's {what}"))
}

struct Features {
    columns: usize,
    missing_high: Vec<bool>,
    /// By binary feature: what it asks.
    borders: Vec<Border>,
    /// By number of the float feature: its column.
    flat: Vec<(i64, u32)>,
    names: Option<Vec<String>>,
}

struct Feature {
    index: i64,
    flat: i64,
    borders: Vec<f32>,
    missing_high: bool,
    name: String,
}

fn features(list: Vec<Feature>) -> Result<Features, Error> {
    let columns = list.iter().map(|f| f.flat + 1).max().unwrap_or(0);
    let columns = usize::try_from(columns)
        .ok()
        .filter(|c| *c <= MOST_COLUMNS)
        .ok_or_else(|| broken("too many columns"))?;
    let mut out = Features {
        columns,
        missing_high: vec![false; columns],
        borders: Vec::new(),
        flat: Vec::new(),
        names: None,
    };
    let mut names = vec![String::new(); columns];
    for feature in list {
        let at = usize::try_from(feature.flat).map_err(|_| broken("a feature has no column"))?;
        let column = at as u32;
        out.missing_high[at] = feature.missing_high;
        names[at] = feature.name;
        out.flat.push((feature.index, column));
        out.borders.extend(feature.borders.into_iter().map(|border| Border { column, border }));
    }
    if names.iter().all(|n| !n.is_empty()) {
        out.names = Some(names);
    }
    Ok(out)
}

/// What the texts beside the trees say: loss and labels.
fn about(params: &Value, class_params: Option<&Value>) -> Result<(String, Option<Classes>), Error> {
    let loss = params.pointer("/loss_function/type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(class_params) = class_params else { return Ok((loss, None)) };
    let Some(Value::Array(names)) = class_params.get("class_names") else { return Ok((loss, None)) };
    if names.is_empty() {
        return Ok((loss, None));
    }
    let kind = class_params.get("class_label_type").and_then(Value::as_str).unwrap_or_default();
    let wrong = || broken("its labels are not readable");
    let classes = match kind {
        "Integer" => {
            Classes::Integers(names.iter().map(Value::as_i64).collect::<Option<_>>().ok_or_else(wrong)?)
        }
        "Float" => Classes::Floats(names.iter().map(Value::as_f64).collect::<Option<_>>().ok_or_else(wrong)?),
        "String" => Classes::Texts(
            names.iter().map(|n| n.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(wrong)?,
        ),
        "Boolean" => {
            Classes::Booleans(names.iter().map(Value::as_bool).collect::<Option<_>>().ok_or_else(wrong)?)
        }
        other => return Err(computed(&format!("labels of type `{other}`"))),
    };
    Ok((loss, Some(classes)))
}

pub(crate) fn read(bytes: &[u8]) -> Result<Raw, Error> {
    match bytes {
        [b'C', b'B', b'M', b'1', a, b, c, d, rest @ ..] => {
            let size = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            binary(rest.get(..size).ok_or_else(|| broken("it is cut"))?)
        }
        _ => json(bytes),
    }
}

fn binary(bytes: &[u8]) -> Result<Raw, Error> {
    let core = Table::root(bytes)?;
    if core.text(0)? != "FlabuffersModel_v1" {
        return Err(computed("format of another version"));
    }
    let trees = core.table(1)?.ok_or_else(|| broken("it has no trees"))?;
    if trees.count(4)? > 0 || trees.count(6)? > 0 {
        return Err(computed("categorical features"));
    }
    if trees.count(7)? > 0 || trees.count(12)? > 0 || trees.count(13)? > 0 || trees.count(18)? > 0 {
        return Err(computed("features that are computed from the training data (CTR, text, embeddings)"));
    }
    let floats = trees.tables(5)?;
    let list = floats.iter().map(|f| {
        Ok(Feature {
            index: i64::from(f.int(1, -1)?),
            flat: i64::from(f.int(2, -1)?),
            borders: f.values(3, f32::from_le_bytes)?,
            name: f.text(4)?.to_owned(),
            // 2: `AsTrue`.
            missing_high: f.byte(5)? == 2,
        })
    });
    let features = features(list.collect::<Result<_, Error>>()?)?;
    let dimension = usize::try_from(trees.int(0, 0)?)
        .ok()
        .filter(|d| *d > 0)
        .ok_or_else(|| broken("it has no scores"))?;
    let sizes = trees.values(2, i32::from_le_bytes)?;
    let asked = trees.values(1, i32::from_le_bytes)?;
    let splits: Vec<Border> = asked
        .iter()
        .map(|i| usize::try_from(*i).ok().and_then(|i| features.borders.get(i)).copied())
        .collect::<Option<_>>()
        .or_else(|| if trees.count(10).unwrap_or(0) > 0 { Some(Vec::new()) } else { None })
        .ok_or_else(|| broken("a split is on a border that does not exist"))?;
    let leaves = trees.values(8, f64::from_le_bytes)?;
    let steps = trees.values(10, u32::from_le_bytes)?;
    let made = if steps.is_empty() {
        oblivious(
            splits,
            sizes.iter().map(|s| usize::try_from(*s).unwrap_or(usize::MAX)),
            &leaves,
            dimension,
        )?
    } else {
        let ids = trees.values(11, u32::from_le_bytes)?;
        Trees::Free(free(&features, &asked, &sizes, &steps, &ids, leaves.len(), dimension)?)
    };
    let mut params = Value::Null;
    let mut class_params = None;
    for entry in core.tables(2)? {
        match entry.text(0)? {
            "params" => params = serde_json::from_str(entry.text(1)?).unwrap_or(Value::Null),
            "class_params" => class_params = serde_json::from_str(entry.text(1)?).ok(),
            _ => {}
        }
    }
    let (loss, classes) = about(&params, class_params.as_ref())?;
    let mut bias = trees.values(16, f64::from_le_bytes)?;
    if bias.is_empty() {
        bias = vec![trees.double(15, 0.0)?; dimension];
    }
    finish(features, dimension, made, leaves, (trees.double(14, 1.0)?, bias), (loss, classes))
}

fn finish(
    features: Features,
    dimension: usize,
    trees: Trees,
    leaves: Vec<f64>,
    (scale, bias): (f64, Vec<f64>),
    (loss, classes): (String, Option<Classes>),
) -> Result<Raw, Error> {
    if bias.len() != dimension {
        return Err(broken("it has not one bias a score"));
    }
    Ok(Raw {
        columns: features.columns,
        dimension,
        trees,
        leaves,
        scale,
        bias,
        missing_high: features.missing_high,
        loss,
        classes,
        names: features.names,
    })
}

fn oblivious(
    splits: Vec<Border>,
    sizes: impl Iterator<Item = usize>,
    leaves: &[f64],
    dimension: usize,
) -> Result<Trees, Error> {
    let (mut starts, mut leaf_starts) = (vec![0], Vec::new());
    let (mut at, mut leaf) = (0_usize, 0_usize);
    for size in sizes {
        if size > DEEPEST {
            return Err(broken("a tree has more than 16 levels"));
        }
        at += size;
        leaf_starts.push(leaf);
        leaf += (1 << size) * dimension;
        starts.push(at);
    }
    if at != splits.len() || leaf > leaves.len() {
        return Err(broken("it lacks splits or leaves"));
    }
    Ok(Trees::Oblivious { splits, starts, leaf_starts })
}

/// Trees of other shapes: each node has the distances to its children; 0 on a side means that the node is the leaf.
fn free(
    features: &Features,
    asked: &[i32],
    sizes: &[i32],
    steps: &[u32],
    ids: &[u32],
    leaves: usize,
    dimension: usize,
) -> Result<Forest<f32>, Error> {
    if steps.len() != asked.len() || ids.len() != asked.len() {
        return Err(broken("it has not one step a node"));
    }
    let mut forest = Forest::new(features.columns);
    let mut start = 0_usize;
    for size in sizes {
        let size = usize::try_from(*size).map_err(|_| broken("a tree has a negative size"))?;
        let nodes = start
            ..start
                .checked_add(size)
                .filter(|e| *e <= asked.len())
                .ok_or_else(|| broken("it lacks nodes"))?;
        // Nodes first; then, for each node, the leaf that it is itself.
        forest.push(size * 2, |node| {
            let leaf = |node: usize| -> Result<Source<f32>, Error> {
                let at = ids[nodes.start + node] as usize;
                if !at.is_multiple_of(dimension) || at.checked_add(dimension).is_none_or(|end| end > leaves) {
                    return Err(broken("a node has no leaf"));
                }
                Ok(Source::Leaf((at / dimension) as u32))
            };
            if node >= size {
                return leaf(node - size);
            }
            let step = steps[nodes.start + node];
            let (left, right) = ((step & 0xffff) as usize, (step >> 16) as usize);
            if left == 0 && right == 0 {
                return leaf(node);
            }
            if left == right {
                return Err(broken("a node has one child twice"));
            }
            let border =
                usize::try_from(asked[nodes.start + node]).ok().and_then(|i| features.borders.get(i));
            let border = border.ok_or_else(|| broken("a split is on a border that does not exist"))?;
            let child = |step: usize| {
                let to = node + step;
                if step == 0 {
                    node + size
                } else if to < size {
                    to
                } else {
                    usize::MAX
                }
            };
            Ok(Source::Split(Split {
                feature: border.column,
                threshold: border.border,
                // A missing value is above no border, unless it is the largest number by now.
                missing_left: true,
                left: child(left),
                right: child(right),
                test: None,
            }))
        })?;
        start = nodes.end;
    }
    Ok(forest)
}

fn json(bytes: &[u8]) -> Result<Raw, Error> {
    let model: Value =
        serde_json::from_slice(bytes).map_err(|e| broken(&format!("it is neither cbm nor JSON: {e}")))?;
    let info = model.get("features_info").ok_or_else(|| broken("it has no features_info"))?;
    let filled = |name: &str| info.get(name).and_then(Value::as_array).is_some_and(|a| !a.is_empty());
    if filled("categorical_features") {
        return Err(computed("categorical features"));
    }
    if filled("ctrs")
        || filled("text_features")
        || filled("embedding_features")
        || model.get("ctr_data").is_some()
    {
        return Err(computed("features that are computed from the training data (CTR, text, embeddings)"));
    }
    let wrong = || broken("its features are not readable");
    let list = info.get("float_features").and_then(Value::as_array).ok_or_else(wrong)?;
    let list: Vec<Feature> = list
        .iter()
        .map(|f| {
            let borders = match f.get("borders") {
                Some(Value::Array(b)) => {
                    b.iter().map(|x| x.as_f64().map(|x| x as f32)).collect::<Option<_>>()?
                }
                _ => Vec::new(),
            };
            Some(Feature {
                index: f.get("feature_index")?.as_i64()?,
                flat: f.get("flat_feature_index")?.as_i64()?,
                borders,
                missing_high: f.get("nan_value_treatment")?.as_str()? == "AsTrue",
                name: f.get("feature_id").and_then(Value::as_str).unwrap_or_default().to_owned(),
            })
        })
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    let features = features(list)?;
    let bias: Vec<f64> = model
        .pointer("/scale_and_bias/1")
        .and_then(Value::as_array)
        .and_then(|b| b.iter().map(Value::as_f64).collect())
        .ok_or_else(|| broken("it has no scale_and_bias"))?;
    let scale = model.pointer("/scale_and_bias/0").and_then(Value::as_f64).unwrap_or(1.0);
    let dimension = bias.len();
    if dimension == 0 {
        return Err(broken("it has no scores"));
    }
    let params = model.pointer("/model_info/params").cloned().unwrap_or(Value::Null);
    let about = about(&params, model.pointer("/model_info/class_params"))?;
    let mut leaves: Vec<f64> = Vec::new();
    let trees = if let Some(trees) = model.get("oblivious_trees").and_then(Value::as_array) {
        let (mut splits, mut sizes) = (Vec::new(), Vec::new());
        for tree in trees {
            let levels = tree.get("splits").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            sizes.push(levels.len());
            for level in levels {
                splits.push(split(level, &features)?);
            }
            let values = tree.get("leaf_values").and_then(Value::as_array);
            let values: Option<Vec<f64>> = values.and_then(|v| v.iter().map(Value::as_f64).collect());
            let values =
                values.filter(|v| levels.len() <= DEEPEST && v.len() == (1 << levels.len()) * dimension);
            leaves.extend(values.ok_or_else(|| broken("a tree has another number of leaves than levels"))?);
        }
        oblivious(splits, sizes.into_iter(), &leaves, dimension)?
    } else {
        let trees = model.get("trees").and_then(Value::as_array).ok_or_else(|| broken("it has no trees"))?;
        let mut forest = Forest::new(features.columns);
        for tree in trees {
            grown(tree, &features, &mut forest, &mut leaves, dimension)?;
        }
        Trees::Free(forest)
    };
    finish(features, dimension, trees, leaves, (scale, bias), about)
}

fn split(level: &Value, features: &Features) -> Result<Border, Error> {
    if level.get("split_type").and_then(Value::as_str) != Some("FloatFeature") {
        return Err(computed("splits on other than numbers"));
    }
    let index = level.get("float_feature_index").and_then(Value::as_i64);
    let column = index.and_then(|i| features.flat.iter().find(|(index, _)| *index == i));
    let border = level.get("border").and_then(Value::as_f64);
    match (column, border) {
        (Some((_, column)), Some(border)) => Ok(Border { column: *column, border: border as f32 }),
        _ => Err(broken("a split is not readable")),
    }
}

/// A tree of nested objects, flattened first.
fn grown(
    tree: &Value,
    features: &Features,
    forest: &mut Forest<f32>,
    leaves: &mut Vec<f64>,
    dimension: usize,
) -> Result<(), Error> {
    let mut nodes: Vec<&Value> = vec![tree];
    let mut children: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    while at < nodes.len() {
        match (nodes[at].get("left"), nodes[at].get("right")) {
            (Some(left), Some(right)) => {
                children.push((nodes.len(), nodes.len() + 1));
                nodes.extend([left, right]);
            }
            _ => children.push((0, 0)),
        }
        at += 1;
    }
    forest.push(nodes.len(), |node| {
        if children[node] == (0, 0) {
            let value = nodes[node].get("value");
            let values: Option<Vec<f64>> = match value {
                Some(Value::Array(items)) => items.iter().map(Value::as_f64).collect(),
                Some(one) => one.as_f64().map(|x| vec![x]),
                None => None,
            };
            let values =
                values.filter(|v| v.len() == dimension).ok_or_else(|| broken("a leaf has no value"))?;
            leaves.extend(values);
            return Ok(Source::Leaf((leaves.len() / dimension - 1) as u32));
        }
        let border = split(nodes[node].get("split").unwrap_or(&Value::Null), features)?;
        Ok(Source::Split(Split {
            feature: border.column,
            threshold: border.border,
            missing_left: true,
            left: children[node].0,
            right: children[node].1,
            test: None,
        }))
    })
}
