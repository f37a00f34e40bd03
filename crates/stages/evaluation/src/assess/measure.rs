//! Predictions of one kind, and their metrics over some rows.

use std::collections::BTreeMap;

use columns::{Table, metrics};
use statistics::estimated::average_precision;
use types::DataType;

use super::Plan;
use super::calibration::calibration_error;
use crate::Error;
use crate::model::Task;

pub type Metrics = BTreeMap<String, f64>;

const BINARY: [&str; 15] = [
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "brier",
    "calibration_error",
    "cohen_kappa",
    "f1",
    "log_loss",
    "mcc",
    "positive_rate",
    "precision",
    "predicted_positive_rate",
    "recall",
    "roc_auc",
    "specificity",
];
const MULTICLASS: [&str; 10] = [
    "accuracy",
    "balanced_accuracy",
    "cohen_kappa",
    "macro_f1",
    "macro_precision",
    "macro_recall",
    "mcc",
    "weighted_f1",
    "weighted_precision",
    "weighted_recall",
];
const REGRESSION: [&str; 7] = ["explained_variance", "mae", "mape", "max_error", "median_ae", "r2", "rmse"];
const RANKING: [&str; 4] = ["hit_rate", "map", "mrr", "ndcg"];

/// Whether more of the metric is better; of errors and losses less is.
pub fn higher_is_better(metric: &str) -> bool {
    !matches!(
        metric,
        "brier" | "calibration_error" | "log_loss" | "mae" | "mape" | "max_error" | "median_ae" | "rmse"
    )
}

/// The metrics of a kind of task, by name.
pub fn known_metrics(data: &Data) -> &'static [&'static str] {
    match data {
        Data::Binary { .. } => &BINARY,
        Data::Classes { .. } => &MULTICLASS,
        Data::Numbers { .. } => &REGRESSION,
        Data::Ranked { .. } => &RANKING,
    }
}

/// Labels and predictions, one item a row.
#[derive(Clone, Debug)]
pub enum Data {
    Binary {
        truth: Vec<bool>,
        predicted: Vec<bool>,
        score: Option<Vec<f64>>,
    },
    Classes {
        truth: Vec<String>,
        predicted: Vec<String>,
    },
    Numbers {
        truth: Vec<f64>,
        predicted: Vec<f64>,
    },
    /// The relevance of each row (0 is none), and the query that it belongs to.
    Ranked {
        relevance: Vec<f64>,
        score: Vec<f64>,
        query: Vec<usize>,
        top: usize,
    },
}

impl Data {
    /// Of rows that all have a label. Errors: `BadLabel`, `NoPrediction`, `Columns`.
    pub fn read(table: &Table, plan: &Plan) -> Result<Self, Error> {
        let label = &plan.label;
        if let Some(query) = &plan.query {
            return Self::ranked(table, plan, query);
        }
        let truth: Vec<String> = table.texts(label)?.into_iter().flatten().collect();
        let data_type = table.field(label)?.data_type;
        let whole = || truth.iter().all(|t| t == "0" || t == "1");
        let is_binary =
            data_type == DataType::Boolean || data_type.is_numeric() && whole() || plan.positive.is_some();
        let task = match plan.task {
            Task::Auto if is_binary => Task::Binary,
            Task::Auto if data_type == DataType::String || are_classes(table, plan) => Task::Multiclass,
            Task::Auto => Task::Regression,
            task => task,
        };
        let missing = |what: &'static str| Error::NoPrediction { label: label.clone(), what };
        match task {
            Task::Binary => Self::binary(table, plan, &truth),
            Task::Multiclass => {
                let column = plan.prediction.as_ref().ok_or_else(|| missing("the predicted class"))?;
                let predicted = table.texts(column)?.into_iter().map(Option::unwrap_or_default).collect();
                Ok(Self::Classes { truth, predicted })
            }
            Task::Regression | Task::Auto => {
                let column = plan.prediction.as_ref().or(plan.score.as_ref());
                let column = column.ok_or_else(|| missing("the predicted number"))?;
                let predicted = table.complete_numbers(column)?;
                Ok(Self::Numbers { truth: table.complete_numbers(label)?, predicted })
            }
        }
    }

    fn binary(table: &Table, plan: &Plan, truth: &[String]) -> Result<Self, Error> {
        let label = &plan.label;
        let score = plan.score.as_ref().map(|column| table.complete_numbers(column)).transpose()?;
        if let Some(value) = score.iter().flatten().find(|s| !s.is_finite()) {
            let (label, value) = (plan.score.clone().unwrap_or_default(), value.to_string());
            return Err(Error::BadLabel { label, value, wanted: "finite score" });
        }
        let predicted = match (&plan.prediction, &score) {
            (Some(column), _) => {
                let texts = table.texts(column)?;
                texts.iter().map(|t| positive(column, t.as_deref(), plan)).collect::<Result<_, _>>()?
            }
            (None, Some(score)) => score.iter().map(|s| *s >= plan.threshold).collect(),
            (None, None) => {
                let what = "the score of the positive class, or the predicted class";
                return Err(Error::NoPrediction { label: label.clone(), what });
            }
        };
        let truth = truth.iter().map(|t| positive(label, Some(t), plan)).collect::<Result<_, _>>()?;
        Ok(Self::Binary { truth, predicted, score })
    }

    fn ranked(table: &Table, plan: &Plan, query: &str) -> Result<Self, Error> {
        let what = "the score that rows are ranked by";
        let missing = || Error::NoPrediction { label: plan.label.clone(), what };
        let column = plan.score.as_ref().or(plan.prediction.as_ref()).ok_or_else(missing)?;
        let texts = table.texts(query)?;
        let mut names: BTreeMap<Option<String>, usize> = BTreeMap::new();
        let query = texts
            .into_iter()
            .map(|text| {
                let next = names.len();
                *names.entry(text).or_insert(next)
            })
            .collect();
        Ok(Self::Ranked {
            relevance: table.complete_numbers(&plan.label)?,
            score: table.complete_numbers(column)?,
            query,
            top: plan.top.max(1),
        })
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Binary { .. } => "binary",
            Self::Classes { .. } => "multiclass",
            Self::Numbers { .. } => "regression",
            Self::Ranked { .. } => "ranking",
        }
    }

    /// What can be told of these rows; a metric that they do not allow is absent.
    pub fn metrics(&self, rows: &[usize]) -> Metrics {
        match self {
            Self::Binary { truth, predicted, score } => {
                let score = score.as_ref().map(|score| pick(score, rows));
                binary(&pick(truth, rows), &pick(predicted, rows), score.as_deref())
            }
            Self::Classes { truth, predicted } => classes(&pick(truth, rows), &pick(predicted, rows)),
            Self::Numbers { truth, predicted } => numbers(&pick(truth, rows), &pick(predicted, rows)),
            Self::Ranked { relevance, score, query, top } => ranking(relevance, score, query, *top, rows),
        }
    }
}

/// Few whole numbers as labels and whole numbers as predictions are classes, as scikit-learn takes them.
fn are_classes(table: &Table, plan: &Plan) -> bool {
    const MOST: usize = 20;
    let whole = |column: &String| {
        let mut numbers = table.numbers(column).ok()?.into_iter().flatten().collect::<Vec<_>>();
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        numbers.iter().all(|v| v.fract() == 0.0).then_some(numbers.len())
    };
    let labels = whole(&plan.label).is_some_and(|different| different <= MOST);
    labels && plan.prediction.as_ref().and_then(whole).is_some()
}

fn pick<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|row| values[*row].clone()).collect()
}

fn owned(found: metrics::Metrics) -> Metrics {
    found.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn positive(column: &str, text: Option<&str>, plan: &Plan) -> Result<bool, Error> {
    let text = text.unwrap_or_default();
    if let Some(positive) = &plan.positive {
        return Ok(text == positive);
    }
    match text {
        "1" | "true" | "True" => Ok(true),
        "0" | "false" | "False" => Ok(false),
        other => Err(Error::BadLabel {
            label: column.to_owned(),
            value: other.to_owned(),
            wanted: "0, 1 or boolean (name the positive class otherwise)",
        }),
    }
}

fn binary(truth: &[bool], predicted: &[bool], score: Option<&[f64]>) -> Metrics {
    let one = |b: &bool| f64::from(u8::from(*b));
    let hard: Vec<f64> = predicted.iter().map(one).collect();
    let mut found = owned(metrics::binary(truth, &hard, 0.5));
    // Of classes alone there is no probability to judge.
    ["log_loss", "brier", "roc_auc"].iter().for_each(|name| {
        found.remove(*name);
    });
    let count = |t: bool| truth.iter().filter(|truth| **truth == t).count() as f64;
    let both =
        |t: bool| truth.iter().zip(predicted).filter(|(truth, p)| **truth == t && **p == t).count() as f64;
    if count(false) > 0.0 {
        found.insert("specificity".into(), both(false) / count(false));
        if count(true) > 0.0 {
            let balanced = (both(false) / count(false) + both(true) / count(true)) / 2.0;
            found.insert("balanced_accuracy".into(), balanced);
        }
    }
    found.extend(confusions(truth, predicted));
    if let Some(score) = score {
        let soft = metrics::binary(truth, score, 0.5);
        for name in ["log_loss", "brier", "roc_auc"] {
            found.extend(soft.get(name).map(|value| (name.to_owned(), *value)));
        }
        found.extend(average_precision(truth, score).map(|value| ("average_precision".to_owned(), value)));
        if score.iter().all(|s| (0.0..=1.0).contains(s)) {
            found
                .extend(calibration_error(truth, score).map(|value| ("calibration_error".to_owned(), value)));
        } else {
            found.remove("log_loss");
            found.remove("brier");
        }
    }
    found
}

fn classes(truth: &[String], predicted: &[String]) -> Metrics {
    let mut found = owned(metrics::multiclass(truth, predicted));
    found.extend(confusions(truth, predicted));
    // By class: right, predicted, true.
    let mut counts: BTreeMap<&String, [f64; 3]> = BTreeMap::new();
    for (t, p) in truth.iter().zip(predicted) {
        counts.entry(t).or_default()[2] += 1.0;
        let given = counts.entry(p).or_default();
        given[1] += 1.0;
        given[0] += f64::from(u8::from(t == p));
    }
    let there: Vec<&[f64; 3]> = counts.values().filter(|c| c[2] > 0.0).collect();
    if there.is_empty() {
        return found;
    }
    let rows = truth.len() as f64;
    let recalls = there.iter().map(|c| c[0] / c[2]).sum::<f64>();
    let precise = |c: &&[f64; 3]| if c[1] > 0.0 { c[0] / c[1] * c[2] } else { 0.0 };
    found.insert("balanced_accuracy".into(), recalls / there.len() as f64);
    found.insert("weighted_precision".into(), there.iter().map(precise).sum::<f64>() / rows);
    found.insert("weighted_recall".into(), there.iter().map(|c| c[0]).sum::<f64>() / rows);
    found
}

/// Matthews' correlation (0 where either side has one class only) and Cohen's kappa, as scikit-learn has them.
fn confusions<T: Ord>(truth: &[T], predicted: &[T]) -> Metrics {
    let mut sums: BTreeMap<&T, [f64; 2]> = BTreeMap::new();
    let mut right = 0.0;
    for (t, p) in truth.iter().zip(predicted) {
        sums.entry(t).or_default()[0] += 1.0;
        sums.entry(p).or_default()[1] += 1.0;
        right += f64::from(u8::from(t == p));
    }
    let n = truth.len() as f64;
    let product = |i: usize, j: usize| sums.values().map(|s| s[i] * s[j]).sum::<f64>();
    let (both, spread) = (product(0, 1), (n * n - product(0, 0)) * (n * n - product(1, 1)));
    let mut found = Metrics::new();
    if n > 0.0 {
        let mcc = if spread > 0.0 { (right * n - both) / spread.sqrt() } else { 0.0 };
        found.insert("mcc".into(), mcc);
    }
    if both < n * n {
        found.insert("cohen_kappa".into(), (right * n - both) / (n * n - both));
    }
    found
}

fn numbers(truth: &[f64], predicted: &[f64]) -> Metrics {
    let mut found = owned(metrics::regression(truth, predicted));
    let mut errors: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| (t - p).abs()).collect();
    if errors.is_empty() {
        return found;
    }
    errors.sort_by(f64::total_cmp);
    let middle = errors.len() / 2;
    let median = if errors.len().is_multiple_of(2) {
        (errors[middle - 1] + errors[middle]) / 2.0
    } else {
        errors[middle]
    };
    found.insert("median_ae".into(), median);
    found.extend(errors.last().map(|most| ("max_error".to_owned(), *most)));
    found.extend(explained(truth, predicted).map(|share| ("explained_variance".to_owned(), share)));
    if truth.iter().all(|t| *t != 0.0) {
        let shares = truth.iter().zip(predicted).map(|(t, p)| ((t - p) / t).abs());
        found.insert("mape".into(), shares.sum::<f64>() / truth.len() as f64);
    }
    found
}

/// Of the label's variance, what is left out of that of the errors; `None` where labels do not vary.
fn explained(truth: &[f64], predicted: &[f64]) -> Option<f64> {
    let variance = |values: &mut dyn Iterator<Item = f64>| {
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64
    };
    let all = variance(&mut truth.iter().copied());
    let left = variance(&mut truth.iter().zip(predicted).map(|(t, p)| t - p));
    (all > 0.0).then(|| 1.0 - left / all)
}

/// Means over the queries that have something relevant; ties of the score by place.
fn ranking(relevance: &[f64], score: &[f64], query: &[usize], top: usize, rows: &[usize]) -> Metrics {
    let mut queries: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    rows.iter().for_each(|row| queries.entry(query[*row]).or_default().push(*row));
    let mut sums = [0.0; 4];
    let mut n = 0.0;
    for mut places in queries.into_values() {
        let relevant = places.iter().filter(|row| relevance[**row] > 0.0).count();
        if relevant == 0 {
            continue;
        }
        n += 1.0;
        places.sort_by(|a, b| score[*b].total_cmp(&score[*a]));
        let gain = |row: &usize| relevance[*row].exp2() - 1.0;
        let discounted = |order: &[usize]| -> f64 {
            order.iter().take(top).enumerate().map(|(i, row)| gain(row) / (i as f64 + 2.0).log2()).sum()
        };
        let mut ideal = places.clone();
        ideal.sort_by(|a, b| relevance[*b].total_cmp(&relevance[*a]));
        let (mut hits, mut precision, mut first) = (0.0, 0.0, None);
        for (i, row) in places.iter().take(top).enumerate() {
            if relevance[*row] > 0.0 {
                hits += 1.0;
                precision += hits / (i as f64 + 1.0);
                first = first.or(Some(1.0 / (i as f64 + 1.0)));
            }
        }
        sums[0] += f64::from(u8::from(hits > 0.0));
        sums[1] += precision / relevant.min(top) as f64;
        sums[2] += first.unwrap_or(0.0);
        sums[3] += discounted(&places) / discounted(&ideal);
    }
    if n == 0.0 {
        return Metrics::new();
    }
    RANKING.iter().zip(sums).map(|(name, sum)| ((*name).to_owned(), sum / n)).collect()
}
