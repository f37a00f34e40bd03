use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Frame, Kind, Method, NotComputable, Pair, Series, calibrate, score};
use crate::cells::float;
use crate::embedding::{self, VectorMethod};
use crate::{Error, text};

/// The part of the columns that must drift before the data set counts as drifted (Evidently's default).
const SHARE: f64 = 0.5;
const ALPHA: f64 = 0.05;
/// Different values that decide about the default method.
const DECISIVE: usize = 6;

/// Whose rules say what is drift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Evidently's: fixed thresholds, each column for itself; the data set has drifted when half of its columns have.
    #[default]
    Parity,
    /// By chance: a column has drifted if its score would be rare without drift, after correction for the number of
    /// columns (Benjamini–Hochberg), and, where the method is a distance, is past the threshold too. The data set has
    /// drifted when any column has. Without drift that happens with a probability of at most α.
    Calibrated,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Parity => "parity",
            Self::Calibrated => "calibrated",
        }
    }
}

/// What a result was computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Every value.
    Exact,
    /// Counts in fixed bins and sketches.
    Streaming,
}

impl Tier {
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Streaming => "streaming",
        }
    }
}

/// A method for columns of values, or for vectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice {
    Values(Method),
    Vectors(VectorMethod),
}

impl std::str::FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(method) => Ok(Self::Values(method)),
            Err(values) => match text.parse() {
                Ok(method) => Ok(Self::Vectors(method)),
                Err(vectors) => Err(format!("{values}; for vectors {vectors}")),
            },
        }
    }
}

impl Choice {
    fn name(self) -> String {
        match self {
            Self::Values(method) => method.name().to_owned(),
            Self::Vectors(method) => method.to_string(),
        }
    }
}

/// How columns are compared. What is said of a column goes before what is said of its type, and that before what is said
/// of all.
#[derive(Clone, Debug)]
pub struct Options {
    pub mode: Mode,
    pub method: Option<Choice>,
    pub kind_methods: Vec<(Kind, Choice)>,
    pub column_methods: BTreeMap<String, Choice>,
    pub threshold: Option<f64>,
    pub kind_thresholds: Vec<(Kind, f64)>,
    pub column_thresholds: BTreeMap<String, f64>,
    /// Types that are not inferred.
    pub kinds: BTreeMap<String, Kind>,
    /// These columns only; all if empty.
    pub only: Vec<String>,
    /// Columns that together are one vector a row, by the vector's name.
    pub vectors: BTreeMap<String, Vec<String>>,
    /// The part of the columns that must drift; where absent, a half in parity and any column in calibrated mode.
    pub share: Option<f64>,
    /// The false-alarm rate of the calibrated mode.
    pub alpha: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            method: None,
            kind_methods: Vec::new(),
            column_methods: BTreeMap::new(),
            threshold: None,
            kind_thresholds: Vec::new(),
            column_thresholds: BTreeMap::new(),
            kinds: BTreeMap::new(),
            only: Vec::new(),
            vectors: BTreeMap::new(),
            share: None,
            alpha: ALPHA,
        }
    }
}

impl Options {
    fn choice(&self, column: &str, kind: Kind) -> Option<Choice> {
        let of_kind = self.kind_methods.iter().find(|(k, _)| *k == kind).map(|(_, m)| *m);
        self.column_methods.get(column).copied().or(of_kind).or(self.method)
    }

    fn threshold(&self, column: &str, kind: Kind) -> Option<f64> {
        let of_kind = self.kind_thresholds.iter().find(|(k, _)| *k == kind).map(|(_, t)| *t);
        self.column_thresholds.get(column).copied().or(of_kind).or(self.threshold)
    }
}

/// One column, compared.
#[derive(Clone, Debug)]
pub struct Finding {
    pub kind: Kind,
    pub method: String,
    pub score: f64,
    pub threshold: f64,
    pub drifted: bool,
    pub mode: Mode,
    pub tier: Tier,
    /// In calibrated mode: the chance of such a score without drift, and that after correction for the other columns.
    pub p_value: Option<f64>,
    pub adjusted: Option<f64>,
}

#[derive(Clone, Debug)]
pub struct ColumnReport {
    pub column: String,
    pub found: Result<Finding, NotComputable>,
    /// What the count of drifted columns takes, where Evidently's two ways to clean a column differ.
    counted: Option<bool>,
}

#[derive(Clone, Debug)]
pub struct Report {
    /// In the order of the current data; columns that only the reference has come last.
    pub columns: Vec<ColumnReport>,
    pub count: usize,
    /// Drifted columns among those that could be compared; 0 if none could.
    pub share: f64,
    pub drifted: bool,
}

/// Compares every column of `current` with that of `reference`, several at a time. A column that cannot be compared says
/// why and does not stop the others. Errors: a column named in `options` that neither has.
pub fn compare(reference: &Frame, current: &Frame, options: &Options) -> Result<Report, Error> {
    let names = names(reference, current, options)?;
    let mut columns = parallel(&names, |name| column(reference, current, name, options, names.len()));
    if options.mode == Mode::Calibrated {
        correct(&mut columns, options.alpha);
    }
    let compared = columns.iter().filter(|c| c.found.is_ok()).count();
    let drifted = |c: &ColumnReport| c.counted.unwrap_or_else(|| c.found.as_ref().is_ok_and(|f| f.drifted));
    let count = columns.iter().filter(|c| c.found.is_ok() && drifted(c)).count();
    let share = if compared == 0 { 0.0 } else { count as f64 / compared as f64 };
    let drifted = match (options.share, options.mode) {
        (Some(least), _) => count > 0 && share >= least,
        (None, Mode::Parity) => share >= SHARE,
        (None, Mode::Calibrated) => count > 0,
    };
    Ok(Report { columns, count, share, drifted })
}

fn names(reference: &Frame, current: &Frame, options: &Options) -> Result<Vec<String>, Error> {
    let mut names = current.columns();
    let missing: Vec<String> = reference.columns().into_iter().filter(|n| !names.contains(n)).collect();
    names.extend(missing);
    let said =
        options.column_methods.keys().chain(options.column_thresholds.keys()).chain(options.kinds.keys());
    for name in said.chain(&options.only).chain(options.vectors.values().flatten()) {
        if !names.contains(name) && !options.vectors.contains_key(name) {
            return Err(Error::NoColumn { column: name.clone(), known: names });
        }
    }
    names.retain(|n| !options.vectors.values().any(|part| part.contains(n)));
    names.extend(options.vectors.keys().cloned());
    if !options.only.is_empty() {
        names.retain(|n| options.only.contains(n));
    }
    Ok(names)
}

/// As many threads as there are processors, each taking the next item; results in the order of the items.
pub fn parallel<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len().max(1));
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let take = || {
            let mut mine = Vec::new();
            while let Some((at, item)) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                items.get(at).map(|item| (at, item))
            } {
                mine.push((at, work(item)));
            }
            mine
        };
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut done = take();
        for worker in workers {
            done.extend(worker.join().unwrap_or_default());
        }
        done
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, found)| found).collect()
}

fn column(reference: &Frame, current: &Frame, name: &str, options: &Options, columns: usize) -> ColumnReport {
    let read = |frame: &Frame, side: &str| {
        if !frame.has(name) {
            return Err(NotComputable::reason(format!("the column is missing in the {side} data")));
        }
        frame.coded_series(name).map_err(|error| NotComputable::reason(error.to_string()))
    };
    let mut counted = None;
    let mut compared = || -> Result<Finding, NotComputable> {
        if let Some(parts) = options.vectors.get(name) {
            return vectors(embedding::joined(reference, current, parts)?, name, options);
        }
        let now = read(current, "current")?;
        let before = read(reference, "reference")?;
        let kind = options.kinds.get(name).copied().unwrap_or_else(|| now.infer());
        if kind == Kind::Vector {
            return vectors(Pair::of(kind, &before, &now, false)?, name, options);
        }
        let pair = Pair::of(kind, &before, &now, false)?;
        let finding = judge(&pair, kind, name, options, columns)?;
        if options.mode == Mode::Parity && kind == Kind::Number {
            counted = unclean(&before, &now, name, options, columns);
        }
        Ok(finding)
    };
    let found = compared();
    ColumnReport { column: name.to_owned(), found, counted }
}

/// Evidently's count of drifted columns leaves infinities in a column without NaN.
fn unclean(
    reference: &Series,
    current: &Series,
    name: &str,
    options: &Options,
    columns: usize,
) -> Option<bool> {
    if !reference.has_bare_infinity() && !current.has_bare_infinity() {
        return None;
    }
    let pair = Pair::of(Kind::Number, reference, current, true).ok()?;
    Some(judge(&pair, Kind::Number, name, options, columns).ok()?.drifted)
}

fn judge(
    pair: &Pair,
    kind: Kind,
    name: &str,
    options: &Options,
    columns: usize,
) -> Result<Finding, NotComputable> {
    let (rows, others) = pair.rows();
    let method = match options.choice(name, kind) {
        Some(Choice::Values(method)) if method.applies_to(kind) => method,
        Some(choice) => {
            return Err(NotComputable::reason(format!(
                "the method {} does not fit a column of type {kind}",
                choice.name()
            )));
        }
        None => Method::default_for(kind, rows, pair.distinct(DECISIVE))
            .ok_or_else(|| NotComputable::reason(format!("no method fits a column of type {kind}")))?,
    };
    let threshold = options.threshold(name, kind).unwrap_or_else(|| method.default_threshold());
    let value = score(method, pair)?;
    let drifted = match method {
        Method::PercentileText => value > text::random_area(rows, others, threshold),
        _ => method.has_drifted(value, threshold),
    };
    let p_value = match options.mode {
        Mode::Parity => None,
        Mode::Calibrated => {
            let permutations = (10.0 * columns as f64 / options.alpha).clamp(999.0, 20_000.0) as usize;
            Some(calibrate::p_value(method, pair, value, permutations)?)
        }
    };
    Ok(Finding {
        kind,
        method: method.name().to_owned(),
        score: value,
        threshold,
        // A method with a p-value of its own has no say beside the calibrated one.
        drifted: drifted || (p_value.is_some() && method.is_p_value()),
        mode: options.mode,
        tier: Tier::Exact,
        p_value,
        adjusted: None,
    })
}

fn vectors(pair: Pair, name: &str, options: &Options) -> Result<Finding, NotComputable> {
    let Pair::Vectors { reference, current } = pair else {
        return Err(NotComputable::reason("the column holds no vectors"));
    };
    let method = match options.choice(name, Kind::Vector) {
        Some(Choice::Vectors(method)) => method,
        Some(Choice::Values(method)) if options.column_methods.contains_key(name) => {
            return Err(NotComputable::reason(format!("the method {method} does not fit vectors")));
        }
        _ => VectorMethod::default_for(reference.len()),
    };
    let threshold = options.threshold(name, Kind::Vector).unwrap_or_else(|| method.default_threshold());
    let (score, drifted) = method.compare(&reference, &current, threshold)?;
    Ok(Finding {
        kind: Kind::Vector,
        method: method.to_string(),
        score,
        threshold,
        drifted,
        mode: Mode::Parity,
        tier: Tier::Exact,
        p_value: None,
        adjusted: None,
    })
}

/// Corrects the p-values for their number; a column has drifted if its score is past the threshold and rare.
fn correct(columns: &mut [ColumnReport], alpha: f64) {
    let p_values: Vec<f64> =
        columns.iter().map(|c| c.found.as_ref().ok().and_then(|f| f.p_value).unwrap_or(f64::NAN)).collect();
    for (column, adjusted) in columns.iter_mut().zip(calibrate::adjusted(&p_values)) {
        if let Ok(found) = &mut column.found
            && found.p_value.is_some()
        {
            found.adjusted = Some(adjusted);
            found.drifted = found.drifted && adjusted <= alpha;
            if found.method.parse::<Method>().is_ok_and(Method::is_p_value) {
                found.threshold = alpha;
            }
        }
    }
}

impl Report {
    /// `{"columns": [{"column", "type", "method", "score", "threshold", "drifted", "mode", "tier"} | {"column",
    /// "not_computable"}], "share", "drifted"}`; numbers that are not finite are the strings NaN, Infinity, -Infinity.
    pub fn to_json(&self) -> Value {
        let columns: Vec<Value> = self.columns.iter().map(ColumnReport::to_json).collect();
        json!({ "columns": columns, "share": self.share, "drifted": self.drifted })
    }
}

impl ColumnReport {
    fn to_json(&self) -> Value {
        let found = match &self.found {
            Ok(found) => found,
            Err(why) => return json!({ "column": self.column, "not_computable": why.to_string() }),
        };
        let mut fields = Map::new();
        fields.insert("column".into(), json!(self.column));
        fields.insert("type".into(), json!(found.kind.name()));
        fields.insert("method".into(), json!(found.method));
        fields.insert("score".into(), float(found.score));
        fields.insert("threshold".into(), float(found.threshold));
        fields.insert("drifted".into(), json!(found.drifted));
        fields.insert("mode".into(), json!(found.mode.name()));
        fields.insert("tier".into(), json!(found.tier.name()));
        if let Some(p) = found.p_value {
            fields.insert("p_value".into(), float(p));
        }
        if let Some(p) = found.adjusted {
            fields.insert("adjusted_p_value".into(), float(p));
        }
        Value::Object(fields)
    }
}
