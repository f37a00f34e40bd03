//! Decision trees and averages of them: `sklearn.tree`, `RandomForest*`, `ExtraTrees*`.

use super::labels::Labels;
use super::trees::tree_nodes;
use crate::native::matrix::Block;
use crate::native::outputs::{Classes, Output, Predict, argmax, bytes};
use crate::native::skops::Object;
use crate::native::tree::Forest;
use crate::{ElementType, Error, TensorData};

pub(crate) struct Averaged {
    forest: Forest<f32>,
    /// `width` a leaf.
    values: Vec<f64>,
    width: usize,
    target: Target,
    /// One tree is not an average, so that nothing is divided.
    single: bool,
    nan_allowed: bool,
    name: String,
}

enum Target {
    Numbers,
    Label(Classes),
    /// Each output has as many columns as the one with most classes.
    Labels(Labels),
}

pub(super) fn build(object: &Object<'_>) -> Result<Averaged, Error> {
    let class = object.class().to_owned();
    let outputs = object.get("n_outputs_")?.count()?;
    let target = match class.ends_with("Classifier") {
        true if outputs > 1 => Target::Labels(Labels::read(&object.get("classes_")?)?),
        true => Target::Label(Classes::read(&object.get("classes_")?)?),
        false => Target::Numbers,
    };
    let width = match &target {
        Target::Numbers => outputs,
        Target::Label(classes) => classes.len(),
        Target::Labels(labels) if labels.count() == outputs => {
            outputs * (0..outputs).map(|output| labels.of(output).len()).max().unwrap_or(0)
        }
        Target::Labels(_) => return Err(object.broken("has not the labels of each output")),
    };
    let single = object.find("estimators_")?.is_none();
    let members = if single { vec![object.clone()] } else { object.get("estimators_")?.items()? };
    if members.is_empty() {
        return Err(object.broken("has no trees"));
    }
    let columns = object.get("n_features_in_")?.count()?;
    let mut forest = Forest::new(columns);
    let mut values = Vec::new();
    let mut nan_allowed = true;
    for member in &members {
        // The members of an ensemble are checked as the ensemble is.
        super::check_version(member)?;
        super::check_attributes(member)?;
        if !member.class().contains("Tree") {
            return Err(member.unsupported("it is no tree"));
        }
        let random = member.get("splitter")?.word().as_deref() == Some("random");
        nan_allowed &= random || member.class().starts_with("DecisionTree");
        let tree = tree_nodes(member)?;
        if tree.width != width || tree.outputs != outputs {
            return Err(member.broken("has other outputs than the forest"));
        }
        let mut next = values.len() / width.max(1);
        tree.compile(&mut forest, None, |node| {
            values.extend_from_slice(&tree.values[node * width..(node + 1) * width]);
            next += 1;
            (next - 1) as u32
        })?;
    }
    Ok(Averaged { forest, values, width, target, single, nan_allowed, name: class })
}

impl Averaged {
    /// Sums in the order of the trees, divided by their number.
    fn scores(&self, block: Block) -> Result<Vec<f64>, Error> {
        super::check_width(&block, self.forest.width())?;
        let matrix = block.matrix()?.into_single();
        matrix.finite(&self.name, self.nan_allowed)?;
        let singles = matrix.singles();
        let k = self.width;
        let mut sums = vec![0.0; matrix.rows * k];
        let trees = 0..self.forest.trees();
        if k == 1 {
            self.forest.rows(&singles, trees, |row, _, leaf| sums[row] += self.values[leaf as usize]);
        } else {
            self.forest.rows(&singles, trees, |row, _, leaf| {
                let leaf = leaf as usize * k;
                let sums = &mut sums[row * k..(row + 1) * k];
                for (sum, value) in sums.iter_mut().zip(&self.values[leaf..leaf + k]) {
                    *sum += value;
                }
            });
        }
        if !self.single {
            let count = self.forest.trees() as f64;
            for sum in &mut sums {
                *sum /= count;
            }
        }
        Ok(sums)
    }
}

impl Predict for Averaged {
    fn outputs(&self) -> Vec<Output> {
        match &self.target {
            Target::Label(classes) => vec![
                Output::column("predict", classes.element()),
                Output::table("predict_proba", ElementType::F64, self.width),
            ],
            Target::Labels(labels) => vec![labels.output()],
            Target::Numbers if self.width == 1 => vec![Output::column("predict", ElementType::F64)],
            Target::Numbers => vec![Output::table("predict", ElementType::F64, self.width)],
        }
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        let scores = self.scores(block)?;
        Ok(match &self.target {
            Target::Label(classes) => {
                let labels = classes.take(scores.chunks_exact(self.width).map(argmax));
                vec![labels, TensorData::F64(scores)]
            }
            Target::Labels(labels) => {
                let most = self.width / labels.count();
                let each = scores.chunks_exact(most).enumerate();
                let chosen: Vec<usize> = each
                    .map(|(at, scores)| argmax(&scores[..labels.of(at % labels.count()).len()]))
                    .collect();
                vec![labels.take(&chosen)]
            }
            Target::Numbers => vec![TensorData::F64(scores)],
        })
    }

    fn held(&self) -> usize {
        self.forest.held() + bytes(&self.values)
    }
}
