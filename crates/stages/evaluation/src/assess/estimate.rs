use columns::Table;
use serde::{Deserialize, Serialize};
use statistics::estimated::{Cbpe, Metric, by_size};

use super::Plan;
use super::measure::Data;
use crate::Error;

/// What to expect of rows whose labels have not come (confidence-based performance estimation).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EstimatedChunk {
    /// Rows from–to, from 1, both included.
    pub first: u64,
    pub last: u64,
    pub metrics: Vec<EstimatedMetric>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EstimatedMetric {
    pub metric: String,
    pub value: f64,
    /// Three standard errors around the value.
    pub low: f64,
    pub high: f64,
    /// What the reference's chunks came to, three standard deviations around.
    pub lower_limit: Option<f64>,
    pub upper_limit: Option<f64>,
    pub alert: bool,
}

/// The metrics that are estimated.
const METRICS: [Metric; 6] =
    [Metric::RocAuc, Metric::Accuracy, Metric::F1, Metric::Precision, Metric::Recall, Metric::Specificity];

/// `reference` has labels and scores, `table` scores only. Errors: `NoPrediction` if there is no score, or the task is
/// not binary; `Columns`, `Statistics`.
pub(super) fn estimate(table: &Table, reference: &Table, plan: &Plan) -> Result<Vec<EstimatedChunk>, Error> {
    let Data::Binary { truth, predicted, score: Some(score) } = Data::read(reference, plan)? else {
        let what = "the score of the positive class of a binary model, to estimate by";
        return Err(Error::NoPrediction { label: plan.label.clone(), what });
    };
    let cbpe = Cbpe::fit(&truth, &score, &predicted, &by_size(truth.len(), plan.chunk))?;
    let column = plan.score.clone().unwrap_or_default();
    let scores = table.complete_numbers(&column)?;
    let positive = match &plan.prediction {
        Some(column) => {
            let wanted = plan.positive.as_deref();
            let texts = table.texts(column)?;
            let yes = |t: &str| wanted.map_or(matches!(t, "1" | "true" | "True"), |wanted| t == wanted);
            texts.iter().map(|t| yes(t.as_deref().unwrap_or_default())).collect()
        }
        None => scores.iter().map(|s| *s >= plan.threshold).collect::<Vec<_>>(),
    };
    let limits: Vec<_> = METRICS.iter().map(|metric| cbpe.limits(*metric)).collect();
    by_size(scores.len(), plan.chunk)
        .into_iter()
        .map(|rows| {
            let mut metrics = Vec::with_capacity(METRICS.len());
            for (metric, limits) in METRICS.iter().zip(&limits) {
                let (s, p) = (&scores[rows.clone()], &positive[rows.clone()]);
                let found = cbpe.estimate_within(*metric, s, p, *limits)?;
                metrics.push(EstimatedMetric {
                    metric: metric.name().to_owned(),
                    value: found.value,
                    low: found.lower,
                    high: found.upper,
                    lower_limit: limits.lower,
                    upper_limit: limits.upper,
                    alert: found.alert,
                });
            }
            Ok(EstimatedChunk { first: rows.start as u64 + 1, last: rows.end as u64, metrics })
        })
        .collect()
}
