//! The document of an XGBoost model: `doc/model.schema` of XGBoost.

use crate::Error;
use crate::native::categories::{Bits, Test};
use crate::native::codes::Codes;
use crate::native::document::Document;
use crate::native::tree::{Forest, Source, Split};
use crate::native::ubjson;

/// A model as it is stored.
pub(crate) struct Raw {
    pub columns: usize,
    /// Scores a row: classes, or targets.
    pub groups: usize,
    /// One, or one a group; before the objective's link.
    pub base: Vec<f32>,
    pub objective: String,
    pub trees: Vec<Tree>,
    /// By tree: its group.
    pub tree_groups: Vec<u32>,
    /// By tree, for DART.
    pub weights: Option<Vec<f32>>,
    pub linear: Option<Vec<f32>>,
    /// Trees up to the best round of early stopping.
    pub best_trees: Option<usize>,
    pub codes: Option<Codes>,
    pub names: Option<Vec<String>>,
}

pub(crate) struct Tree {
    pub left: Vec<i64>,
    pub right: Vec<i64>,
    pub feature: Vec<u32>,
    /// Threshold of a split, value of a leaf.
    pub value: Vec<f32>,
    pub missing_left: Vec<bool>,
    /// The categories that go right, for categorical splits.
    pub sets: Vec<Option<Bits>>,
    /// Hessians, for explanations.
    pub cover: Vec<f32>,
}

/// Newest major version whose rules are known.
const NEWEST: f64 = 3.0;

pub(crate) fn document(bytes: &[u8]) -> Result<Document, Error> {
    // UBJSON's first key has a length with a type marker; JSON's a quote.
    let second = bytes.iter().skip(1).find(|b| !b.is_ascii_whitespace());
    if bytes.first() == Some(&b'{') && !matches!(second, Some(b'"' | b'}')) {
        return ubjson::read(bytes);
    }
    if bytes.first() == Some(&b'{') {
        return Document::json(bytes);
    }
    Err(Error::Unsupported(
        "the binary format of XGBoost before 3.1 (save the model as JSON or UBJSON)".into(),
    ))
}

pub(crate) fn read(bytes: &[u8]) -> Result<Raw, Error> {
    parse(&document(bytes)?)
}

pub(crate) fn parse(document: &Document) -> Result<Raw, Error> {
    let version = document.numbers("version")?;
    match version.first() {
        Some(major) if (1.0..=NEWEST).contains(major) => {}
        _ => return Err(Error::Unsupported(format!("XGBoost {version:?}; up to {NEWEST} is known"))),
    }
    let learner = document.get("learner")?;
    let parameters = learner.get("learner_model_param")?;
    let columns = parameters.count("num_feature")?;
    let classes = parameters.count("num_class")?;
    let targets = if parameters.find("num_target").is_some() { parameters.count("num_target")? } else { 1 };
    let groups = classes.max(targets).max(1);
    if columns > 1 << 24 || groups > 1 << 20 {
        return Err(Error::Broken("the model has too many columns or classes".into()));
    }
    let objective = learner.get("objective")?.text("name")?.to_owned();
    let booster = learner.get("gradient_booster")?;
    let names = match learner.find("feature_names") {
        Some(_) => Some(learner.texts("feature_names")?).filter(|n| n.len() == columns),
        None => None,
    };
    let mut raw = Raw {
        columns,
        groups,
        base: base_score(parameters.text("base_score")?)?,
        objective,
        trees: Vec::new(),
        tree_groups: Vec::new(),
        weights: None,
        linear: None,
        best_trees: None,
        codes: None,
        names,
    };
    let model = match booster.text("name")? {
        "gbtree" => booster.get("model")?,
        "dart" => {
            let weights = booster.numbers("weight_drop")?;
            raw.weights = Some(weights.iter().map(|w| *w as f32).collect());
            booster.get("gbtree")?.get("model")?
        }
        "gblinear" => {
            let weights = booster.get("model")?.numbers("weights")?;
            raw.linear = Some(weights.iter().map(|w| *w as f32).collect());
            return Ok(raw);
        }
        other => return Err(Error::Unsupported(format!("the XGBoost booster `{other}`"))),
    };
    for tree in model.list("trees")? {
        raw.trees.push(Tree::read(tree)?);
    }
    for group in model.numbers("tree_info")? {
        if *group < 0.0 || *group >= groups as f64 {
            return Err(Error::Broken("a tree is of a class that does not exist".into()));
        }
        raw.tree_groups.push(*group as u32);
    }
    let same = raw.trees.len() == raw.tree_groups.len()
        && raw.weights.as_ref().is_none_or(|w| w.len() == raw.trees.len());
    if !same {
        return Err(Error::Broken("the model has not one class and weight a tree".into()));
    }
    if let Some(attributes) = learner.find("attributes")
        && attributes.find("best_iteration").is_some()
    {
        let best = attributes.count("best_iteration")? + 1;
        raw.best_trees = Some(match model.find("iteration_indptr") {
            Some(Document::Numbers(starts)) => starts.get(best).map_or(raw.trees.len(), |t| *t as usize),
            _ => {
                let parallel = model.get("gbtree_model_param")?.count("num_parallel_tree")?.max(1);
                best.saturating_mul(parallel).saturating_mul(groups)
            }
        });
    }
    if let Some(categories) = model.find("cats") {
        raw.codes = codes(categories, columns)?;
    }
    Ok(raw)
}

/// `5E-1`, or since 3.1 `[5E-1]`, with one number a class.
fn base_score(text: &str) -> Result<Vec<f32>, Error> {
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    let parts = inner.split(',').map(|part| part.trim().parse::<f32>());
    parts
        .collect::<Result<_, _>>()
        .map_err(|_| Error::Broken(format!("the base score `{text}` is no number")))
}

/// The texts of categories, by column, that training data frames had.
fn codes(categories: &Document, columns: usize) -> Result<Option<Codes>, Error> {
    let mut maps = Vec::with_capacity(columns);
    for column in categories.list("enc")? {
        let texts = column.find("offsets").and_then(|offsets| match (offsets, column.find("values")) {
            (Document::Numbers(offsets), Some(Document::Numbers(bytes))) if !bytes.is_empty() => {
                Some((offsets, bytes))
            }
            _ => None,
        });
        let Some((offsets, bytes)) = texts else {
            maps.push(None);
            continue;
        };
        let bytes: Vec<u8> = bytes.iter().map(|b| *b as u8).collect();
        let mut names = Vec::new();
        for pair in offsets.windows(2) {
            let text = bytes
                .get(pair[0] as usize..pair[1] as usize)
                .and_then(|b| String::from_utf8(b.to_vec()).ok())
                .ok_or_else(|| Error::Broken("the texts of categories are not readable".into()))?;
            names.push(text);
        }
        maps.push(Some(names));
    }
    if maps.iter().all(Option::is_none) {
        return Ok(None);
    }
    if maps.len() != columns {
        return Err(Error::Broken("the model has not one list of categories a column".into()));
    }
    Ok(Some(Codes::strict(maps)))
}

impl Tree {
    fn read(document: &Document) -> Result<Self, Error> {
        if let Some(parameters) = document.find("tree_param")
            && parameters.find("size_leaf_vector").is_some()
            && parameters.count("size_leaf_vector")? > 1
        {
            return Err(Error::Unsupported("XGBoost trees with vectors at their leaves".into()));
        }
        let left: Vec<i64> = document.numbers("left_children")?.iter().map(|x| *x as i64).collect();
        let count = left.len();
        let list = |name: &str| -> Result<&[f64], Error> {
            let values = document.numbers(name)?;
            if values.len() == count {
                Ok(values)
            } else {
                Err(Error::Broken(format!("`{name}` of a tree has {} values, not {count}", values.len())))
            }
        };
        let mut tree = Self {
            right: list("right_children")?.iter().map(|x| *x as i64).collect(),
            feature: list("split_indices")?.iter().map(|x| *x as u32).collect(),
            value: list("split_conditions")?.iter().map(|x| *x as f32).collect(),
            missing_left: list("default_left")?.iter().map(|x| *x != 0.0).collect(),
            cover: list("sum_hessian")?.iter().map(|x| *x as f32).collect(),
            sets: vec![None; count],
            left,
        };
        if document.find("split_type").is_none() {
            return Ok(tree);
        }
        let kinds = list("split_type")?.to_vec();
        let nodes = document.numbers("categories_nodes")?;
        let (starts, sizes) =
            (document.numbers("categories_segments")?, document.numbers("categories_sizes")?);
        let all = document.numbers("categories")?;
        if starts.len() != nodes.len() || sizes.len() != nodes.len() {
            return Err(Error::Broken("a tree has not one set of categories a node".into()));
        }
        for ((node, start), size) in nodes.iter().zip(starts).zip(sizes) {
            let start = *start as usize;
            let members = start.checked_add(*size as usize).and_then(|end| all.get(start..end));
            let (Some(members), Some(slot)) = (members, tree.sets.get_mut(*node as usize)) else {
                return Err(Error::Broken("a set of categories is out of range".into()));
            };
            let mut bits = Bits::default();
            for member in members {
                if !(0.0..16_777_216.0).contains(member) {
                    return Err(Error::Broken("a category is out of range".into()));
                }
                bits.insert(*member as u32);
            }
            *slot = Some(bits);
        }
        for (node, kind) in kinds.iter().enumerate() {
            if (*kind != 0.0) != tree.sets[node].is_some() && tree.left[node] >= 0 {
                return Err(Error::Broken("a categorical split has no set of categories".into()));
            }
        }
        Ok(tree)
    }

    pub(crate) fn compile(&self, forest: &mut Forest<f32>, leaves: &mut Vec<f32>) -> Result<(), Error> {
        forest.push(self.left.len(), |node| {
            if self.left[node] < 0 {
                leaves.push(self.value[node]);
                return Ok(Source::Leaf((leaves.len() - 1) as u32));
            }
            Ok(Source::Split(Split {
                feature: self.feature[node],
                // `x < t` is `x <= the number before t`.
                threshold: self.value[node].next_down(),
                missing_left: self.missing_left[node],
                left: usize::try_from(self.left[node]).unwrap_or(usize::MAX),
                right: usize::try_from(self.right[node]).unwrap_or(usize::MAX),
                test: self.sets[node].clone().map(Test::RightSet),
            }))
        })
    }
}
