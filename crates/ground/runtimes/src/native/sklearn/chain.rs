//! `ClassifierChain` and `RegressorChain`: each estimator sees what those before it predicted, beside the columns.

use super::predictor;
use crate::native::matrix::{Block, Matrix};
use crate::native::outputs::{Output, Predict};
use crate::native::skops::Object;
use crate::{ElementType, Error, TensorData};

/// What may be given, and what of it goes on to the next estimator.
const METHODS: [&str; 3] = ["predict", "predict_proba", "decision_function"];

struct Link {
    predict: Box<dyn Predict>,
    /// By method: its place among the outputs.
    places: [Option<usize>; 3],
}

impl Link {
    fn read(object: &Object<'_>, classifier: bool) -> Result<Self, Error> {
        let predict = predictor(object)?;
        let outputs = predict.outputs();
        let mut places = [None; 3];
        for (place, method) in places.iter_mut().zip(METHODS) {
            let wanted = match method {
                "predict_proba" => Some(2),
                _ => None,
            };
            *place = outputs.iter().position(|output| output.name == method && output.width == wanted);
        }
        if places[0].is_none() {
            return Err(object.unsupported("it predicts several values a row"));
        }
        if classifier && outputs[places[0].unwrap_or(0)].element == ElementType::Bytes {
            return Err(object.unsupported("it predicts texts, which are no columns"));
        }
        Ok(Self { predict, places })
    }
}

/// The column that a method gives: of probabilities that of the second label.
fn column(data: &TensorData, method: usize) -> Option<Vec<f64>> {
    let values = data.to_f64()?;
    match METHODS[method] {
        "predict_proba" => Some(values.chunks_exact(2).map(|pair| pair[1]).collect()),
        _ => Some(values),
    }
}

pub(crate) struct Chain {
    links: Vec<Link>,
    /// By link: the output that it predicts.
    order: Vec<usize>,
    /// The method whose values go on.
    passed: usize,
    width: usize,
}

pub(super) fn build(object: &Object<'_>) -> Result<Chain, Error> {
    let classifier = object.class() == "ClassifierChain";
    let stored = object.get("estimators_")?.items()?;
    let links: Vec<Link> =
        stored.iter().map(|link| Link::read(link, classifier)).collect::<Result<_, _>>()?;
    let order = object.get("order_")?.indices()?;
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if links.is_empty() || sorted != (0..links.len()).collect::<Vec<_>>() {
        return Err(object.broken("has not one estimator an output"));
    }
    // Before 1.5 labels went on, whatever the estimator could give.
    let passed = match object.find("chain_method_")? {
        Some(method) => {
            let method = method.word();
            METHODS.iter().position(|known| method.as_deref() == Some(*known))
        }
        None => Some(0),
    };
    let Some(passed) = passed.filter(|passed| links.iter().all(|link| link.places[*passed].is_some())) else {
        return Err(object.unsupported("its estimators have not the method by which they are chained"));
    };
    Ok(Chain { links, order, passed, width: object.get("n_features_in_")?.count()? })
}

impl Chain {
    /// Methods that every link has.
    fn methods(&self) -> impl Iterator<Item = usize> + '_ {
        (0..METHODS.len()).filter(|method| self.links.iter().all(|link| link.places[*method].is_some()))
    }
}

impl Predict for Chain {
    fn outputs(&self) -> Vec<Output> {
        self.methods()
            .map(|method| Output::table(METHODS[method], ElementType::F64, self.links.len()))
            .collect()
    }

    fn predict(&self, block: Block) -> Result<Vec<TensorData>, Error> {
        super::check_width(&block, self.width)?;
        let (rows, count) = (block.rows(), self.links.len());
        let matrix = block.matrix()?;
        let methods: Vec<usize> = self.methods().collect();
        let mut tables = vec![vec![0.0; rows * count]; methods.len()];
        let mut before: Vec<f64> = Vec::new();
        for (at, (link, output)) in self.links.iter().zip(&self.order).enumerate() {
            // numpy puts doubles beside, so that all become doubles.
            let previous = Matrix::double(rows, at, before.clone());
            let seen = Matrix::beside(rows, &[matrix.clone(), previous]);
            let given = link.predict.predict(Block::Matrix(seen))?;
            let values = |method: usize| {
                link.places[method]
                    .and_then(|place| column(given.get(place)?, method))
                    .filter(|values| values.len() == rows)
                    .ok_or_else(|| {
                        Error::Broken("an estimator inside gives other outputs than it says".into())
                    })
            };
            for (method, table) in methods.iter().zip(&mut tables) {
                for (row, value) in values(*method)?.into_iter().enumerate() {
                    table[row * count + output] = value;
                }
            }
            let passed = values(self.passed)?;
            before = (0..rows)
                .flat_map(|row| before[row * at..(row + 1) * at].iter().copied().chain([passed[row]]))
                .collect();
        }
        Ok(tables.into_iter().map(TensorData::F64).collect())
    }

    fn held(&self) -> usize {
        self.links.iter().map(|link| link.predict.held()).sum()
    }
}
