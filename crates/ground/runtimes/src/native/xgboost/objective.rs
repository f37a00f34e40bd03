//! What an objective makes of the sum of the leaves: `PredTransform` and `ProbToMargin` in `src/objective/`.

use crate::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Objective {
    Identity,
    Logistic,
    Hinge,
    Exponential,
    /// The class of the largest score.
    Softmax,
    /// Probabilities of the classes.
    Softprob,
}

/// What the objective's prediction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Score,
    Label,
}

impl Objective {
    pub(crate) fn of(name: &str, groups: usize) -> Result<Self, Error> {
        let objective = match name {
            "reg:squarederror"
            | "reg:linear"
            | "reg:squaredlogerror"
            | "reg:pseudohubererror"
            | "reg:absoluteerror"
            | "reg:quantileerror"
            | "binary:logitraw"
            | "rank:pairwise"
            | "rank:ndcg"
            | "rank:map" => Self::Identity,
            "reg:logistic" | "binary:logistic" => Self::Logistic,
            "binary:hinge" => Self::Hinge,
            "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:cox" | "survival:aft" => {
                Self::Exponential
            }
            "multi:softmax" => Self::Softmax,
            "multi:softprob" => Self::Softprob,
            other => return Err(Error::Unsupported(format!("the XGBoost objective `{other}`"))),
        };
        if matches!(objective, Self::Softmax | Self::Softprob) && groups < 2 {
            return Err(Error::Broken(format!("the objective `{name}` has no classes")));
        }
        Ok(objective)
    }

    pub(crate) fn shown(self) -> Shown {
        if self == Self::Softmax { Shown::Label } else { Shown::Score }
    }

    /// The base score as the start of the sums.
    pub(crate) fn margin(self, base: f32) -> Result<f32, Error> {
        match self {
            Self::Logistic => {
                if base > 0.0 && base < 1.0 {
                    Ok(-(1.0_f32 / base - 1.0).ln())
                } else {
                    Err(Error::Broken(format!("the base score {base} is no probability")))
                }
            }
            Self::Exponential => Ok(base.ln()),
            _ => Ok(base),
        }
    }

    /// One value a row for [`Self::Softmax`], else as many as there are margins.
    pub(crate) fn transform(self, margins: &[f32], groups: usize) -> Vec<f32> {
        match self {
            Self::Identity => margins.to_vec(),
            Self::Logistic => margins.iter().map(|x| sigmoid(*x)).collect(),
            Self::Hinge => margins.iter().map(|x| if *x > 0.0 { 1.0 } else { 0.0 }).collect(),
            Self::Exponential => margins.iter().map(|x| x.exp()).collect(),
            Self::Softmax => margins.chunks_exact(groups).map(|row| best(row) as f32).collect(),
            Self::Softprob => {
                let mut out = margins.to_vec();
                out.chunks_exact_mut(groups).for_each(softmax);
                out
            }
        }
    }
}

/// `std::max_element`: the first of the largest.
fn best(row: &[f32]) -> usize {
    let mut best = 0;
    for (i, x) in row.iter().enumerate() {
        if *x > row[best] {
            best = i;
        }
    }
    best
}

/// `Sigmoid` of `common/math.h`: bounded, so that the exponential stays finite.
fn sigmoid(x: f32) -> f32 {
    const EPSILON: f32 = 1e-16;
    let x = (-x).min(88.7);
    let denominator = x.exp() + 1.0 + EPSILON;
    1.0 / denominator
}

/// `Softmax` of `common/math.h`: the sum is in double precision.
fn softmax(row: &mut [f32]) {
    let largest = row.iter().copied().fold(row[0], f32::max);
    let mut sum = 0.0_f64;
    for x in row.iter_mut() {
        *x = (*x - largest).exp();
        sum += f64::from(*x);
    }
    let sum = sum as f32;
    for x in row.iter_mut() {
        *x /= sum;
    }
}
