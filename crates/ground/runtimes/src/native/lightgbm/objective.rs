//! `ConvertOutput` of LightGBM's objectives.

use crate::Error;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Objective {
    Identity,
    /// `reg_sqrt`: the sign of the score times its square.
    Square,
    Exponential,
    /// Slope of the sigmoid.
    Binary(f64),
    Softmax,
    OneVsAll(f64),
    /// `log1p(exp(x))`.
    Softplus,
}

impl Objective {
    /// From the `objective` line of a model (`binary sigmoid:1`); without one scores stay raw.
    pub(crate) fn of(line: Option<&str>, classes: usize) -> Result<Self, Error> {
        let Some(line) = line else { return Ok(Self::Identity) };
        let mut words = line.split_ascii_whitespace();
        let name = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        let sigmoid = || -> Result<f64, Error> {
            match rest.iter().find_map(|w| w.strip_prefix("sigmoid:")) {
                None => Ok(1.0),
                Some(x) => x.parse().map_err(|_| Error::Broken(format!("objective `{line}`"))),
            }
        };
        let objective = match name {
            "regression" | "regression_l1" | "huber" | "fair" | "quantile" | "mape" => {
                if rest.contains(&"sqrt") { Self::Square } else { Self::Identity }
            }
            "lambdarank" | "rank_xendcg" | "custom" | "none" => Self::Identity,
            "poisson" | "gamma" | "tweedie" => Self::Exponential,
            "binary" => Self::Binary(sigmoid()?),
            "cross_entropy" | "xentropy" => Self::Binary(1.0),
            "cross_entropy_lambda" | "xentlambda" => Self::Softplus,
            "multiclass" => Self::Softmax,
            "multiclassova" => Self::OneVsAll(sigmoid()?),
            other => return Err(Error::Unsupported(format!("the LightGBM objective `{other}`"))),
        };
        if matches!(objective, Self::Softmax | Self::OneVsAll(_)) && classes < 2 {
            return Err(Error::Broken(format!("the objective `{name}` has no classes")));
        }
        Ok(objective)
    }

    pub(crate) fn is_classification(self) -> bool {
        matches!(self, Self::Binary(_) | Self::Softmax | Self::OneVsAll(_))
    }

    pub(crate) fn transform(self, scores: &mut [f64], groups: usize) {
        match self {
            Self::Identity => {}
            Self::Square => scores.iter_mut().for_each(|x| {
                let sign = if *x > 0.0 {
                    1.0
                } else if *x < 0.0 {
                    -1.0
                } else {
                    0.0
                };
                *x = sign * *x * *x;
            }),
            Self::Exponential => scores.iter_mut().for_each(|x| *x = x.exp()),
            Self::Binary(slope) | Self::OneVsAll(slope) => {
                scores.iter_mut().for_each(|x| *x = 1.0 / (1.0 + (-slope * *x).exp()));
            }
            Self::Softplus => scores.iter_mut().for_each(|x| *x = x.exp().ln_1p()),
            Self::Softmax => scores.chunks_exact_mut(groups).for_each(super::super::outputs::softmax),
        }
    }
}
