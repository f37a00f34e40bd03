//! `MLPClassifier` and `MLPRegressor`.

use crate::native::matrix::Block;
use crate::native::outputs::{Classes, Output, Predict, argmax, bytes, expit, softmax};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Activation {
    Identity,
    Exponential,
    Tanh,
    Logistic,
    Relu,
    Softmax,
}

struct Layer {
    /// `width` rows (inputs) of as many numbers as there are biases.
    weights: Vec<f64>,
    biases: Vec<f64>,
    activation: Activation,
}

pub(crate) struct Network {
    layers: Vec<Layer>,
    width: usize,
    classes: Option<Classes>,
    name: String,
}

fn activation(object: &Object<'_>, name: &str) -> Result<Activation, Error> {
    Ok(match object.get(name)?.word().as_deref() {
        Some("identity") => Activation::Identity,
        Some("exp") => Activation::Exponential,
        Some("tanh") => Activation::Tanh,
        Some("logistic") => Activation::Logistic,
        Some("relu") => Activation::Relu,
        Some("softmax") => Activation::Softmax,
        _ => return Err(object.unsupported("its activation is not known")),
    })
}

pub(super) fn build(object: &Object<'_>) -> Result<Network, Error> {
    let name = object.class().to_owned();
    let width = object.get("n_features_in_")?.count()?;
    let (hidden, last) = (activation(object, "activation")?, activation(object, "out_activation_")?);
    let (coefficients, intercepts) = (object.get("coefs_")?.items()?, object.get("intercepts_")?.items()?);
    if coefficients.is_empty() || coefficients.len() != intercepts.len() {
        return Err(object.broken("has not one intercept a layer"));
    }
    let count = coefficients.len();
    let mut layers: Vec<Layer> = Vec::with_capacity(count);
    let mut inputs = width;
    for (index, (stored, biases)) in coefficients.iter().zip(&intercepts).enumerate() {
        let array = stored.array()?;
        if array.is_single() {
            return Err(
                object.unsupported("it was fitted in single precision, where sums depend on their order")
            );
        }
        let &[rows, outputs] = array.shape() else { return Err(stored.broken("is no matrix")) };
        let (weights, biases) = (stored.floats()?, biases.floats()?);
        if rows != inputs || outputs == 0 || biases.len() != outputs || weights.len() != rows * outputs {
            return Err(stored.broken("does not fit the layer before it"));
        }
        layers.push(Layer { weights, biases, activation: if index + 1 == count { last } else { hidden } });
        inputs = outputs;
    }
    let classes = match name.as_str() {
        "MLPClassifier" => Some(Classes::read(&object.get("classes_")?)?),
        _ => None,
    };
    if let Some(classes) = &classes {
        let binary = last == Activation::Logistic && inputs == 1 && classes.len() == 2;
        let several = last == Activation::Softmax && inputs == classes.len();
        if !binary && !several {
            return Err(object.unsupported("it predicts several labels"));
        }
    }
    Ok(Network { layers, width, classes, name })
}

impl Network {
    fn outputs_of(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.biases.len())
    }

    fn forward(&self, row: &[f64], out: &mut Vec<f64>) {
        let mut values = row.to_vec();
        for layer in &self.layers {
            let count = layer.biases.len();
            let mut next = vec![0.0; count];
            for (x, weights) in values.iter().zip(layer.weights.chunks_exact(count)) {
                for (sum, weight) in next.iter_mut().zip(weights) {
                    *sum += x * weight;
                }
            }
            for (sum, bias) in next.iter_mut().zip(&layer.biases) {
                *sum += bias;
            }
            match layer.activation {
                Activation::Identity => {}
                Activation::Exponential => next.iter_mut().for_each(|x| *x = x.exp()),
                Activation::Tanh => next.iter_mut().for_each(|x| *x = x.tanh()),
                Activation::Logistic => next.iter_mut().for_each(|x| *x = expit(*x)),
                Activation::Relu => next.iter_mut().for_each(|x| *x = x.max(0.0)),
                Activation::Softmax => softmax(&mut next),
            }
            values = next;
        }
        out.append(&mut values);
    }
}

impl Predict for Network {
    fn outputs(&self) -> Vec<Output> {
        match &self.classes {
            Some(classes) => vec![
                Output::column("predict", classes.element()),
                Output::table("predict_proba", ElementType::F64, classes.len()),
            ],
            None if self.outputs_of() == 1 => vec![Output::column("predict", ElementType::F64)],
            None => vec![Output::table("predict", ElementType::F64, self.outputs_of())],
        }
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        super::check_width(&block, self.width)?;
        let matrix = block.matrix()?;
        matrix.finite(&self.name, false)?;
        let mut scores = Vec::with_capacity(matrix.rows * self.outputs_of());
        for row in matrix.doubles().chunks_exact(self.width.max(1)) {
            self.forward(row, &mut scores);
        }
        let Some(classes) = &self.classes else { return Ok(vec![TensorData::F64(scores)]) };
        if self.outputs_of() > 1 {
            let labels = classes.take(scores.chunks_exact(classes.len()).map(argmax));
            return Ok(vec![labels, TensorData::F64(scores)]);
        }
        let labels = classes.take(scores.iter().map(|p| usize::from(*p > 0.5)));
        Ok(vec![labels, TensorData::F64(scores.iter().flat_map(|p| [1.0 - p, *p]).collect())])
    }

    fn held(&self) -> usize {
        self.layers.iter().map(|layer| bytes(&layer.weights) + bytes(&layer.biases)).sum()
    }
}
