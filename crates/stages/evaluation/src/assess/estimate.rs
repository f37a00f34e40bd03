use columns::Table;
use serde::{Deserialize, Serialize};
use statistics::estimated::{Cbpe, DirectLoss, Estimate, Feature, LossMetric, Metric, by_size};
use types::DataType;

use super::Plan;
use super::measure::Data;
use crate::Error;

/// What to expect of rows whose labels have not come.
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

/// Text columns of more values than this are no features: names and ids have nothing to learn from.
const MOST_CATEGORIES: usize = 200;

/// `reference` has labels, `table` has none: scores of a binary model tell what to expect of them (confidence-based
/// performance estimation); of a regression, trees learn from the reference how large the loss of a row is (direct loss
/// estimation).
///
/// Errors: `NoLabel` if no row of the reference has one; `NoPrediction` if there is no score, or the task is another;
/// `Columns`, `Statistics`.
pub(super) fn estimate(table: &Table, reference: &Table, plan: &Plan) -> Result<Vec<EstimatedChunk>, Error> {
    let texts = reference.texts(&plan.label)?;
    let known: Vec<bool> = texts.iter().map(|t| t.as_deref().is_some_and(|t| t != "NaN")).collect();
    if !known.contains(&true) {
        return Err(Error::NoLabel(plan.label.clone()));
    }
    let reference = reference.filter(&known)?;
    match Data::read(&reference, plan)? {
        Data::Binary { truth, predicted, score: Some(score) } => {
            by_confidence(table, (&truth, &predicted, &score), plan)
        }
        Data::Numbers { truth, predicted } => by_loss(table, &reference, (&truth, &predicted), plan),
        _ => {
            let what = "the score of the positive class of a binary model, or the number of a regression, to estimate by";
            Err(Error::NoPrediction { label: plan.label.clone(), what })
        }
    }
}

fn by_confidence(
    table: &Table,
    (truth, predicted, score): (&[bool], &[bool], &[f64]),
    plan: &Plan,
) -> Result<Vec<EstimatedChunk>, Error> {
    let cbpe = Cbpe::fit(truth, score, predicted, &by_size(truth.len(), plan.chunk))?;
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
                metrics.push(shown(metric.name(), &found));
            }
            Ok(EstimatedChunk { first: rows.start as u64 + 1, last: rows.end as u64, metrics })
        })
        .collect()
}

fn shown(metric: &str, found: &Estimate) -> EstimatedMetric {
    EstimatedMetric {
        metric: metric.to_owned(),
        value: found.value,
        low: found.lower,
        high: found.upper,
        lower_limit: found.limits.lower,
        upper_limit: found.limits.upper,
        alert: found.alert,
    }
}

fn by_loss(
    table: &Table,
    reference: &Table,
    (truth, predicted): (&[f64], &[f64]),
    plan: &Plan,
) -> Result<Vec<EstimatedChunk>, Error> {
    let column = plan.prediction.as_ref().or(plan.score.as_ref()).cloned().unwrap_or_default();
    let expected = table.complete_numbers(&column)?;
    let names = features(table, reference, plan)?;
    let (known, asked) = (Columns::of(reference, &names)?, Columns::of(table, &names)?);
    let chunks = by_size(truth.len(), plan.chunk);
    let mut fitted = Vec::new();
    for metric in LossMetric::ALL {
        // A share of nothing says nothing.
        if metric == LossMetric::MeanAbsolutePercentage && truth.contains(&0.0) {
            continue;
        }
        match DirectLoss::fit(&known.rows(0..truth.len()), predicted, truth, metric, &chunks) {
            Ok(loss) => fitted.push((metric, loss)),
            // A logarithm of −1 or less: the metric is not for such labels.
            Err(statistics::Error::OutOfRange { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    by_size(expected.len(), plan.chunk)
        .into_iter()
        .map(|rows| {
            let features = asked.rows(rows.clone());
            let each = fitted.iter().map(|(metric, loss)| {
                Ok(shown(metric.name(), &loss.estimate(&features, &expected[rows.clone()])?))
            });
            let metrics = each.collect::<Result<Vec<_>, Error>>()?;
            Ok(EstimatedChunk { first: rows.start as u64 + 1, last: rows.end as u64, metrics })
        })
        .collect()
}

/// Those that the plan names; else every column of both tables but labels and outputs, as far as it is fit.
fn features(table: &Table, reference: &Table, plan: &Plan) -> Result<Vec<String>, Error> {
    if !plan.features.is_empty() {
        return Ok(plan.features.clone());
    }
    let outputs: Vec<&String> =
        plan.prediction.iter().chain(&plan.score).chain(&plan.query).chain([&plan.label]).collect();
    let mut found = Vec::new();
    for field in &reference.schema().fields {
        if table.field(&field.name).is_err() || outputs.contains(&&field.name) {
            continue;
        }
        let is_fit = match field.data_type {
            DataType::String => {
                let texts = reference.texts(&field.name)?;
                let kinds: std::collections::BTreeSet<_> = texts.iter().flatten().collect();
                kinds.len() <= MOST_CATEGORIES
            }
            other => other.is_numeric() || other == DataType::Boolean,
        };
        if is_fit {
            found.push(field.name.clone());
        }
    }
    Ok(found)
}

/// Columns as trees take them.
pub(crate) struct Columns(Vec<Values>);

enum Values {
    Numbers(Vec<f64>),
    Categories(Vec<Option<String>>),
}

impl Columns {
    /// Texts are categories, all else is numbers; a missing number is NaN. Errors: `Columns`.
    pub fn of(table: &Table, names: &[String]) -> Result<Self, Error> {
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            columns.push(match table.field(name)?.data_type {
                DataType::String => Values::Categories(table.texts(name)?),
                _ => {
                    let numbers = table.numbers(name)?.into_iter();
                    Values::Numbers(numbers.map(|v| v.unwrap_or(f64::NAN)).collect())
                }
            });
        }
        Ok(Self(columns))
    }

    pub fn rows(&self, rows: std::ops::Range<usize>) -> Vec<Feature<'_>> {
        self.0
            .iter()
            .map(|values| match values {
                Values::Numbers(values) => Feature::Number(&values[rows.clone()]),
                Values::Categories(values) => Feature::Category(&values[rows.clone()]),
            })
            .collect()
    }
}
