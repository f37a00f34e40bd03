//! Metrics, slices and checks of predictions that are there already.

use std::collections::BTreeMap;

use columns::{Table, metrics};
use runtimes::{Frame, tabular};
use types::DataType;

use crate::Error;
use crate::model::{Bound, Check, Outcome, Request, Slice, Task, Verdict};

const BINARY: [&str; 9] = [
    "accuracy",
    "brier",
    "f1",
    "log_loss",
    "positive_rate",
    "precision",
    "predicted_positive_rate",
    "recall",
    "roc_auc",
];
const MULTICLASS: [&str; 5] = ["accuracy", "macro_f1", "macro_precision", "macro_recall", "weighted_f1"];
const REGRESSION: [&str; 3] = ["mae", "r2", "rmse"];

/// Whether more of the metric is better; of errors and losses less is.
pub fn higher_is_better(metric: &str) -> bool {
    !matches!(metric, "log_loss" | "brier" | "rmse" | "mae")
}

/// What was true, one item a row.
#[derive(Clone, Debug)]
pub(crate) enum Truth {
    Binary(Vec<bool>),
    Classes(Vec<String>),
    Numbers(Vec<f64>),
}

/// What was predicted, of the same kind as the truth.
#[derive(Clone, Debug)]
pub(crate) enum Predicted {
    Scores(Vec<f64>),
    Classes(Vec<String>),
    Numbers(Vec<f64>),
}

impl Truth {
    /// Reads the label column of rows that all have one.
    pub fn read(table: &Table, request: &Request) -> Result<Self, Error> {
        let label = &request.label;
        let data_type = table.field(label)?.data_type;
        let texts: Vec<String> = table.texts(label)?.into_iter().flatten().collect();
        let is_binary = data_type == DataType::Boolean
            || data_type.is_numeric() && texts.iter().all(|t| t == "0" || t == "1")
            || request.positive.is_some();
        let task = match request.task {
            Task::Auto if is_binary => Task::Binary,
            Task::Auto if data_type == DataType::String => Task::Multiclass,
            Task::Auto => Task::Regression,
            task => task,
        };
        Ok(match task {
            Task::Binary => Self::Binary(match &request.positive {
                Some(positive) => texts.iter().map(|t| t == positive).collect(),
                None => texts.iter().map(|t| positive(label, t)).collect::<Result<_, _>>()?,
            }),
            Task::Multiclass => Self::Classes(texts),
            Task::Regression | Task::Auto => Self::Numbers(table.complete_numbers(label)?),
        })
    }

    pub fn task(&self) -> Task {
        match self {
            Self::Binary(_) => Task::Binary,
            Self::Classes(_) => Task::Multiclass,
            Self::Numbers(_) => Task::Regression,
        }
    }

    fn names(&self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Binary(_) => ("binary", &BINARY),
            Self::Classes(_) => ("multiclass", &MULTICLASS),
            Self::Numbers(_) => ("regression", &REGRESSION),
        }
    }

    /// Errors: `UnknownMetric`, `EmptyBound`.
    pub fn check_request(&self, request: &Request) -> Result<(), Error> {
        let (task, known) = self.names();
        let bounds = request.metrics.iter().chain(&request.slice_metrics);
        for (metric, bound) in bounds.clone() {
            if bound.min.is_none() && bound.max.is_none() {
                return Err(Error::EmptyBound(metric.clone()));
            }
        }
        let named = bounds.map(|(m, _)| m).chain(request.champion.iter().map(|c| &c.metric));
        match named.into_iter().find(|m| !known.contains(&m.as_str())) {
            Some(metric) => {
                let known = known.join(", ");
                Err(Error::UnknownMetric { metric: metric.clone(), task, known })
            }
            None => Ok(()),
        }
    }

    /// The prediction in `outputs` that answers to this truth.
    pub fn predicted(&self, outputs: &Frame, request: &Request) -> Result<Predicted, Error> {
        let output = match (&request.output, outputs.columns.as_slice()) {
            (Some(name), _) => name.as_str(),
            (None, [only]) => &*only.name,
            (None, _) if matches!(self, Self::Binary(_)) => "probability",
            (None, _) if matches!(self, Self::Classes(_)) && outputs.column("label").is_some() => "label",
            (None, _) => {
                let outputs = outputs.names().collect::<Vec<_>>().join(", ");
                return Err(Error::ChooseOutput { outputs });
            }
        };
        Ok(match self {
            Self::Binary(_) => Predicted::Scores(tabular::score(outputs, output)?),
            Self::Numbers(_) => Predicted::Numbers(tabular::score(outputs, output)?),
            Self::Classes(_) => Predicted::Classes(classes(outputs, output)?),
        })
    }

    /// Metrics over these rows.
    pub fn metrics(&self, predicted: &Predicted, rows: &[usize], threshold: f64) -> BTreeMap<String, f64> {
        let found = match (self, predicted) {
            (Self::Binary(truth), Predicted::Scores(scores)) => {
                metrics::binary(&pick(truth, rows), &pick(scores, rows), threshold)
            }
            (Self::Classes(truth), Predicted::Classes(classes)) => {
                metrics::multiclass(&pick(truth, rows), &pick(classes, rows))
            }
            (Self::Numbers(truth), Predicted::Numbers(values)) => {
                metrics::regression(&pick(truth, rows), &pick(values, rows))
            }
            _ => metrics::Metrics::new(),
        };
        // A model that answers NaN has no metrics; JSON has no NaN either.
        found.into_iter().filter(|(_, v)| v.is_finite()).map(|(k, v)| (k.to_owned(), v)).collect()
    }
}

fn pick<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().filter_map(|&row| values.get(row).cloned()).collect()
}

fn positive(label: &str, text: &str) -> Result<bool, Error> {
    match text {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        other => {
            Err(Error::BadLabel { label: label.into(), value: other.into(), wanted: "0, 1, true or false" })
        }
    }
}

fn classes(outputs: &Frame, name: &str) -> Result<Vec<String>, Error> {
    use runtimes::Values;
    let Some(column) = outputs.column(name) else {
        let outputs = outputs.names().collect::<Vec<_>>().join(", ");
        return Err(Error::ChooseOutput { outputs });
    };
    let missing = || "(missing)".to_owned();
    Ok(match &column.values {
        Values::Text(v) => v.iter().map(|x| x.clone().unwrap_or_else(missing)).collect(),
        Values::Integer(v) => v.iter().map(|x| x.map_or_else(missing, |x| x.to_string())).collect(),
        Values::Boolean(v) => v.iter().map(|x| x.map_or_else(missing, |x| x.to_string())).collect(),
        Values::Float(v) => v.iter().map(ToString::to_string).collect(),
    })
}

/// The rows of each slice: by value, or between quartiles for a numeric column of more than 12 values.
pub(crate) fn slices(table: &Table, column: &str) -> Result<Vec<(String, Vec<usize>)>, Error> {
    const MOST_VALUES: usize = 12;
    let texts = table.texts(column)?;
    let name = |text: &Option<String>| text.clone().unwrap_or_else(|| "(missing)".into());
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (row, text) in texts.iter().enumerate() {
        groups.entry(name(text)).or_default().push(row);
    }
    if groups.len() <= MOST_VALUES || !table.field(column)?.data_type.is_numeric() {
        return Ok(groups.into_iter().collect());
    }
    let values = table.numbers(column)?;
    let mut sorted: Vec<f64> = values.iter().copied().flatten().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return Ok(Vec::new()) };
    let cuts = [sorted[last / 4], sorted[last / 2], sorted[last * 3 / 4]];
    let labels = [
        format!("≤ {}", cuts[0]),
        format!("({}, {}]", cuts[0], cuts[1]),
        format!("({}, {}]", cuts[1], cuts[2]),
        format!("> {}", cuts[2]),
        "(missing)".to_owned(),
    ];
    let mut bands: Vec<(String, Vec<usize>)> = labels.into_iter().map(|l| (l, Vec::new())).collect();
    for (row, value) in values.iter().enumerate() {
        let band = match value {
            Some(v) if v.is_finite() => cuts.iter().filter(|cut| v > *cut).count(),
            _ => 4,
        };
        bands[band].1.push(row);
    }
    bands.retain(|(_, rows)| !rows.is_empty());
    Ok(bands)
}

/// One check of a metric that may be absent.
pub(crate) fn check(
    metric: &str,
    scope: Option<String>,
    observed: Option<f64>,
    bound: Bound,
    n: u64,
    reason: &str,
) -> Check {
    let place = scope.as_deref().map(|s| format!(" where {s}")).unwrap_or_default();
    let limit = match (bound.min, bound.max) {
        (Some(min), Some(max)) => format!("between {min} and {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "anything".into(),
    };
    let (outcome, text) = match observed {
        None => {
            let text =
                format!("{metric}{place} cannot be computed from {n} rows{reason}; it should be {limit}");
            (Outcome::NotComputable, text)
        }
        Some(value) => {
            let good = bound.min.is_none_or(|min| value >= min) && bound.max.is_none_or(|max| value <= max);
            let verb = if good { "is" } else { "should be" };
            let text = format!("{metric}{place} = {value:.4} (n = {n}) {verb} {limit}");
            (if good { Outcome::Passed } else { Outcome::Failed }, text)
        }
    };
    Check { metric: metric.into(), scope, outcome, observed, bound, n, text }
}

pub(crate) fn slice_checks(slices: &[Slice], request: &Request) -> Vec<Check> {
    let mut checks = Vec::new();
    for slice in slices {
        for (metric, bound) in &request.slice_metrics {
            let scope = Some(format!("{} = {}", slice.column, slice.value));
            let observed = if slice.judged { slice.metrics.get(metric).copied() } else { None };
            let reason = match slice.judged {
                false => format!(" ({} are needed)", request.min_slice_rows),
                true => String::new(),
            };
            checks.push(check(metric, scope, observed, *bound, slice.n, &reason));
        }
    }
    checks
}

/// Refused if anything failed; not computable if something over all rows, or the comparison, is.
pub(crate) fn verdict(checks: &[Check]) -> Verdict {
    let slice = |c: &Check| c.scope.as_deref().is_some_and(|s| s != "champion");
    if checks.iter().any(|c| c.outcome == Outcome::Failed) {
        Verdict::Refused
    } else if checks.iter().any(|c| c.outcome == Outcome::NotComputable && !slice(c)) {
        Verdict::NotComputable
    } else {
        Verdict::Blessed
    }
}
