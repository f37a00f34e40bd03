//! The text of a LightGBM model: `GBDT::SaveModelToString` and `Tree::ToString`.

use std::collections::HashMap;
use std::str::FromStr;

use crate::Error;
use crate::native::categories::{Bits, Test};
use crate::native::outputs::bytes;
use crate::native::tree::{Forest, Source, Split};

/// A model as it is stored.
pub(crate) struct Raw {
    pub columns: usize,
    pub classes: usize,
    pub trees_per_round: usize,
    pub objective: Option<String>,
    /// Random forest mode.
    pub average: bool,
    pub names: Vec<String>,
    pub trees: Vec<Tree>,
    /// Texts of the categories of pandas' categorical columns, in their order.
    pub categories: Vec<Vec<String>>,
}

pub(crate) struct Tree {
    pub feature: Vec<u32>,
    pub threshold: Vec<f64>,
    pub decision: Vec<u8>,
    /// Negative: the complement of a leaf.
    pub left: Vec<i64>,
    pub right: Vec<i64>,
    pub leaf: Vec<f64>,
    pub leaf_count: Vec<f64>,
    pub node_count: Vec<f64>,
    sets: Vec<Bits>,
    /// By leaf, where the tree is linear.
    pub linear: Vec<LinearLeaf>,
}

/// A leaf that is a linear model of some columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinearLeaf {
    constant: f64,
    terms: Vec<(usize, f64)>,
    /// What counts where one of the columns is missing.
    plain: f64,
}

impl LinearLeaf {
    pub(crate) fn held(&self) -> usize {
        size_of::<Self>() + bytes(&self.terms)
    }

    pub(crate) fn plain(value: f64) -> Self {
        Self { constant: value, terms: Vec::new(), plain: value }
    }

    /// `Tree::Predict` of a linear tree: the sum in the order of the terms.
    pub(crate) fn value(&self, row: &[f64]) -> f64 {
        let mut sum = self.constant;
        for (column, coefficient) in &self.terms {
            let x = row.get(*column).copied().unwrap_or(f64::NAN);
            if x.is_nan() {
                return self.plain;
            }
            sum += coefficient * x;
        }
        sum
    }
}

const CATEGORICAL: u8 = 1;
const DEFAULT_LEFT: u8 = 2;
/// Columns, classes and trees that a model may claim.
const MOST: usize = 1 << 24;

fn broken(what: impl std::fmt::Display) -> Error {
    Error::Broken(format!("the LightGBM model: {what}"))
}

fn fields<'t>(lines: impl Iterator<Item = &'t str>) -> HashMap<&'t str, &'t str> {
    lines.filter_map(|line| line.split_once('=')).collect()
}

fn count(fields: &HashMap<&str, &str>, name: &str) -> Result<usize, Error> {
    let value = fields.get(name).ok_or_else(|| broken(format!("`{name}` is missing")))?;
    match value.trim().parse::<usize>() {
        Ok(n) if n <= MOST => Ok(n),
        _ => Err(broken(format!("`{name}` is `{value}`"))),
    }
}

/// Numbers with spaces between; exactly `expected` of them.
fn numbers<T: FromStr>(fields: &HashMap<&str, &str>, name: &str, expected: usize) -> Result<Vec<T>, Error> {
    let text = fields.get(name).copied().unwrap_or_default();
    let values: Result<Vec<T>, _> = text.split_ascii_whitespace().map(str::parse).collect();
    match values {
        Ok(values) if values.len() == expected => Ok(values),
        Ok(values) => Err(broken(format!("`{name}` has {} values, not {expected}", values.len()))),
        Err(_) => Err(broken(format!("`{name}` is no list of numbers"))),
    }
}

pub(crate) fn parse(text: &str) -> Result<Raw, Error> {
    let Some(body) =
        text.trim_start().strip_prefix("tree\n").or_else(|| text.trim_start().strip_prefix("tree\r\n"))
    else {
        return Err(broken("it does not begin with `tree`"));
    };
    let (header, rest) = body.split_once("\nTree=").unwrap_or((body, ""));
    let head = fields(header.lines());
    match head.get("version").copied() {
        Some("v3" | "v4") => {}
        other => {
            return Err(Error::Unsupported(format!(
                "LightGBM's format {}",
                other.unwrap_or("of no version")
            )));
        }
    }
    let (blocks, tail) = rest.split_once("\nend of trees").unwrap_or((rest, ""));
    let columns = count(&head, "max_feature_idx")? + 1;
    let trees_per_round = count(&head, "num_tree_per_iteration")?.max(1);
    let mut trees = Vec::new();
    if !rest.is_empty() {
        for block in blocks.split("\nTree=") {
            trees.push(Tree::read(&fields(block.lines()), columns)?);
        }
    }
    if trees.len() % trees_per_round != 0 {
        return Err(broken("the last round lacks trees"));
    }
    let categories = match tail.lines().find_map(|line| line.strip_prefix("pandas_categorical:")) {
        Some(json) => categories(json)?,
        None => Vec::new(),
    };
    let names = head.get("feature_names").map(|n| n.split(' ').map(str::to_owned).collect());
    Ok(Raw {
        columns,
        classes: count(&head, "num_class")?,
        trees_per_round,
        objective: head.get("objective").map(|o| (*o).to_owned()),
        average: header.lines().any(|line| line.trim() == "average_output"),
        names: names.unwrap_or_default(),
        trees,
        categories,
    })
}

fn categories(json: &str) -> Result<Vec<Vec<String>>, Error> {
    let value: serde_json::Value =
        serde_json::from_str(json.trim()).map_err(|e| broken(format!("categories: {e}")))?;
    let serde_json::Value::Array(lists) = value else { return Ok(Vec::new()) };
    lists
        .into_iter()
        .map(|list| match list {
            serde_json::Value::Array(items) => Ok(items
                .into_iter()
                .map(|item| match item {
                    serde_json::Value::String(text) => text,
                    other => other.to_string(),
                })
                .collect()),
            _ => Err(broken("its categories are no lists")),
        })
        .collect()
}

impl Tree {
    fn read(fields: &HashMap<&str, &str>, columns: usize) -> Result<Self, Error> {
        let leaves = count(fields, "num_leaves")?;
        if leaves == 0 {
            return Err(broken("a tree has no leaves"));
        }
        let splits = leaves - 1;
        let leaf = numbers::<f64>(fields, "leaf_value", leaves)?;
        // A tree of one leaf has no counts.
        let counts = |name: &str, n: usize| numbers::<f64>(fields, name, n).unwrap_or_else(|_| vec![0.0; n]);
        let sets = if count(fields, "num_cat")? > 0 { sets(fields)? } else { Vec::new() };
        let feature = numbers::<u32>(fields, "split_feature", splits)?;
        if feature.iter().any(|f| *f as usize >= columns) {
            return Err(broken("a split is on a column that does not exist"));
        }
        let is_linear = fields.get("is_linear").is_some_and(|v| v.trim() != "0");
        let linear = if is_linear { linear_leaves(fields, &leaf, columns)? } else { Vec::new() };
        Ok(Self {
            linear,
            feature,
            threshold: numbers(fields, "threshold", splits)?,
            decision: numbers(fields, "decision_type", splits)?,
            left: numbers(fields, "left_child", splits)?,
            right: numbers(fields, "right_child", splits)?,
            leaf_count: counts("leaf_count", leaves),
            node_count: counts("internal_count", splits),
            leaf,
            sets,
        })
    }

    /// The node `at` of this tree: splits come first, then leaves.
    fn place(&self, child: i64) -> usize {
        match usize::try_from(child) {
            Ok(split) if split < self.feature.len() => split,
            Ok(_) => usize::MAX,
            Err(_) => {
                usize::try_from(!child).map_or(usize::MAX, |leaf| leaf.saturating_add(self.feature.len()))
            }
        }
    }

    pub(crate) fn children(&self, split: usize) -> (usize, usize) {
        (self.place(self.left[split]), self.place(self.right[split]))
    }

    /// How the split decides: threshold, where missing values go, and a test where it is no comparison.
    pub(crate) fn decide(&self, split: usize) -> Result<(f64, bool, Option<Test>), Error> {
        let decision = self.decision[split];
        let threshold = self.threshold[split];
        if decision & CATEGORICAL != 0 {
            let set = if threshold >= 0.0 { self.sets.get(threshold as usize) } else { None };
            let set = set.ok_or_else(|| broken("a split lacks its categories"))?;
            return Ok((0.0, false, Some(Test::LeftSet(set.clone()))));
        }
        let default_left = decision & DEFAULT_LEFT != 0;
        match decision >> 2 & 3 {
            // NaN is read as zero.
            0 => Ok((threshold, 0.0 <= threshold, None)),
            1 => Ok((threshold, default_left, Some(Test::ZeroMissing { threshold }))),
            2 => Ok((threshold, default_left, None)),
            _ => Err(broken("a split has a kind of missing values that is not known")),
        }
    }

    /// Leaves are numbered as they are met; `linear` gets one a leaf where some tree of the model is linear.
    pub(crate) fn compile(
        &self,
        forest: &mut Forest<f64>,
        leaves: &mut Vec<f64>,
        mut linear: Option<&mut Vec<LinearLeaf>>,
    ) -> Result<(), Error> {
        let splits = self.feature.len();
        forest.push(splits + self.leaf.len(), |node| {
            if node >= splits {
                let plain = self.leaf[node - splits];
                leaves.push(plain);
                if let Some(linear) = &mut linear {
                    // The first tree of a linear model is plain.
                    let own = self.linear.get(node - splits).cloned();
                    linear.push(own.unwrap_or_else(|| LinearLeaf::plain(plain)));
                }
                return Ok(Source::Leaf((leaves.len() - 1) as u32));
            }
            let (left, right) = self.children(node);
            let (threshold, missing_left, test) = self.decide(node)?;
            Ok(Source::Split(Split {
                feature: self.feature[node],
                threshold,
                missing_left,
                left,
                right,
                test,
            }))
        })
    }
}

fn linear_leaves(
    fields: &HashMap<&str, &str>,
    leaf: &[f64],
    columns: usize,
) -> Result<Vec<LinearLeaf>, Error> {
    let constants = numbers::<f64>(fields, "leaf_const", leaf.len())?;
    let counts = numbers::<usize>(fields, "num_features", leaf.len())?;
    let total = counts.iter().try_fold(0_usize, |sum, n| sum.checked_add(*n)).filter(|n| *n <= MOST);
    let total = total.ok_or_else(|| broken("its linear leaves have too many columns"))?;
    let features = numbers::<usize>(fields, "leaf_features", total)?;
    let coefficients = numbers::<f64>(fields, "leaf_coeff", total)?;
    if features.iter().any(|column| *column >= columns) {
        return Err(broken("a linear leaf is of a column that does not exist"));
    }
    let mut terms = features.into_iter().zip(coefficients);
    let each = constants.into_iter().zip(counts).zip(leaf);
    Ok(each
        .map(|((constant, count), plain)| LinearLeaf {
            constant,
            terms: terms.by_ref().take(count).collect(),
            plain: *plain,
        })
        .collect())
}

fn sets(fields: &HashMap<&str, &str>) -> Result<Vec<Bits>, Error> {
    let count = count(fields, "num_cat")?;
    let bounds = numbers::<usize>(fields, "cat_boundaries", count + 1)?;
    let words = fields.get("cat_threshold").copied().unwrap_or_default();
    let words: Vec<u32> = words
        .split_ascii_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| broken("`cat_threshold` is no list of numbers"))?;
    bounds
        .windows(2)
        .map(|pair| {
            words
                .get(pair[0]..pair[1].max(pair[0]))
                .map(|w| Bits(w.to_vec()))
                .ok_or_else(|| broken("a set of categories is out of range"))
        })
        .collect()
}
