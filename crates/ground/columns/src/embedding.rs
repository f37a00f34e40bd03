//! Drift of vectors (embeddings), by Evidently's four methods.

use std::fmt;
use std::str::FromStr;

use crate::drift::{Frame, Kind, Method, NotComputable, Numbers, Pair, Series, score};
use crate::random::MersenneTwister;
use crate::sgd::{Classifier, Loss, Penalty, Row, Settings, halves, roc_auc};
use crate::statistic::{eigen, percentile};

const BOOTSTRAP: usize = 100;
/// Rows of each side that the kernel's width is measured on.
const SAMPLED: usize = 1000;
/// Rows of both sides that a kernel matrix is made for.
const MOST_ROWS: usize = 6_000;

/// How two sets of vectors are compared, with its variants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VectorMethod {
    kind: VectorKind,
    /// Compare with what chance gives instead of with the threshold.
    bootstrap: bool,
    /// First reduce to so many principal components of the reference.
    components: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum VectorKind {
    Distance(Metric),
    /// Area under the ROC curve of a linear classifier that tells the sides apart.
    Model,
    /// Share of the components that drift by themselves.
    Ratio(Method),
    /// Maximum mean discrepancy.
    Mmd,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Metric {
    Euclidean,
    Cosine,
    CityBlock,
    Chebyshev,
}

const METRICS: [(&str, Metric); 4] = [
    ("euclidean", Metric::Euclidean),
    ("cosine", Metric::Cosine),
    ("cityblock", Metric::CityBlock),
    ("chebyshev", Metric::Chebyshev),
];

impl FromStr for VectorMethod {
    type Err = String;

    /// `distance_euclidean`, `distance_cosine`, `distance_cityblock`, `distance_chebyshev`, `model`, `ratio`, `ratio_ks`
    /// (or another method of numbers), `mmd`; each may end in `_bootstrap` (but ratio) and `_pcaN`.
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "`{text}` is no method; there are distance_euclidean, distance_cosine, distance_cityblock, \
                 distance_chebyshev, model, ratio and mmd, with _bootstrap and _pcaN after them"
            )
        };
        let mut rest = text;
        let (mut bootstrap, mut components) = (false, None);
        loop {
            if let Some(before) = rest.strip_suffix("_bootstrap") {
                (bootstrap, rest) = (true, before);
            } else if let Some((before, count)) = rest.rsplit_once("_pca") {
                components = Some(count.parse::<usize>().ok().filter(|c| *c > 0).ok_or_else(bad)?);
                rest = before;
            } else {
                break;
            }
        }
        let kind = match rest {
            "model" => VectorKind::Model,
            "mmd" => VectorKind::Mmd,
            "ratio" => VectorKind::Ratio(Method::Wasserstein),
            "distance" => VectorKind::Distance(Metric::Euclidean),
            _ => match rest.split_once('_') {
                Some(("ratio", method)) => VectorKind::Ratio(method.parse().map_err(|_| bad())?),
                Some(("distance", name)) => {
                    let found = METRICS.iter().find(|(n, _)| *n == name);
                    VectorKind::Distance(found.ok_or_else(bad)?.1)
                }
                _ => return Err(bad()),
            },
        };
        Ok(Self { kind, bootstrap, components })
    }
}

impl fmt::Display for VectorMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            VectorKind::Distance(metric) => {
                let name = METRICS.iter().find(|(_, m)| *m == metric).map_or("", |(n, _)| n);
                write!(f, "distance_{name}")?;
            }
            VectorKind::Model => f.write_str("model")?,
            VectorKind::Ratio(Method::Wasserstein) => f.write_str("ratio")?,
            VectorKind::Ratio(method) => write!(f, "ratio_{method}")?,
            VectorKind::Mmd => f.write_str("mmd")?,
        }
        if let Some(count) = self.components {
            write!(f, "_pca{count}")?;
        }
        if self.bootstrap { f.write_str("_bootstrap") } else { Ok(()) }
    }
}

impl VectorMethod {
    /// The classifier; below 1,000 reference rows held against chance.
    pub fn default_for(rows: usize) -> Self {
        Self { kind: VectorKind::Model, bootstrap: rows < 1000, components: None }
    }

    pub fn default_threshold(self) -> f64 {
        match self.kind {
            VectorKind::Distance(_) | VectorKind::Ratio(_) => 0.2,
            VectorKind::Model => 0.55,
            VectorKind::Mmd => 0.015,
        }
    }

    /// The score, and whether it is drift. Rows are finite, not empty, and of one length.
    /// Errors: `Reason` where the method does not fit the rows.
    pub fn compare(
        self,
        reference: &[Vec<f64>],
        current: &[Vec<f64>],
        threshold: f64,
    ) -> Result<(f64, bool), NotComputable> {
        let width = |rows: &[Vec<f64>]| rows.first().map_or(0, Vec::len);
        if width(reference) != width(current) || width(reference) == 0 {
            return Err(NotComputable::reason(format!(
                "the vectors have {} and {} components",
                width(reference),
                width(current)
            )));
        }
        let reduced = match self.components {
            Some(count) => Some(principal(reference, current, count)?),
            None => None,
        };
        let (x, y) = reduced.as_ref().map_or((reference, current), |(x, y)| (x, y));
        match self.kind {
            VectorKind::Distance(metric) => Ok(distance(metric, x, y, threshold, self.bootstrap)),
            VectorKind::Model => model(x, y, threshold, self.bootstrap),
            VectorKind::Ratio(method) => ratio(method, x, y, threshold),
            VectorKind::Mmd => discrepancy(x, y, threshold, self.bootstrap),
        }
    }
}

/// Rows of vectors whose components are columns. Errors: `Reason` for columns that hold no numbers.
pub(crate) fn joined(reference: &Frame, current: &Frame, parts: &[String]) -> Result<Pair, NotComputable> {
    let side = |frame: &Frame| -> Result<Vec<Vec<f64>>, NotComputable> {
        let mut rows: Vec<Vec<f64>> = Vec::new();
        for part in parts {
            let series: Series =
                frame.series(part).map_err(|error| NotComputable::reason(error.to_string()))?;
            let values = series
                .all_numbers()
                .ok_or_else(|| NotComputable::reason(format!("column `{part}` holds no numbers")))?;
            rows.resize(values.len(), Vec::new());
            for (row, value) in rows.iter_mut().zip(values) {
                row.push(value);
            }
        }
        rows.retain(|row| row.iter().all(|v| v.is_finite()));
        Ok(rows)
    };
    let (reference, current) = (side(reference)?, side(current)?);
    match (reference.len(), current.len()) {
        (0, _) => Err(NotComputable::EmptySample("reference")),
        (_, 0) => Err(NotComputable::EmptySample("current")),
        _ => Ok(Pair::Vectors { reference, current }),
    }
}

fn center<'a>(rows: impl Iterator<Item = &'a Vec<f64>>) -> Vec<f64> {
    let (mut total, mut count): (Vec<f64>, f64) = (Vec::new(), 0.0);
    for row in rows {
        total.resize(row.len(), 0.0);
        total.iter_mut().zip(row).for_each(|(t, v)| *t += v);
        count += 1.0;
    }
    total.iter_mut().for_each(|t| *t /= count);
    total
}

fn between(metric: Metric, a: &[f64], b: &[f64]) -> f64 {
    let apart = || a.iter().zip(b).map(|(x, y)| (x - y).abs());
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    match metric {
        Metric::Euclidean => apart().map(|d| d * d).sum::<f64>().sqrt(),
        Metric::Cosine => (1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).clamp(0.0, 2.0),
        Metric::CityBlock => apart().sum(),
        Metric::Chebyshev => apart().fold(0.0, f64::max),
    }
}

fn distance(metric: Metric, x: &[Vec<f64>], y: &[Vec<f64>], threshold: f64, bootstrap: bool) -> (f64, bool) {
    let found = between(metric, &center(x.iter()), &center(y.iter()));
    if !bootstrap {
        return (found, found > threshold);
    }
    let (first, second) = sizes(x.len(), y.len());
    let mut by_chance: Vec<f64> = (0..BOOTSTRAP)
        .map(|seed| {
            let mut random = MersenneTwister::new(seed as u32);
            let a = drawn(&mut random, x.len(), first);
            let b = drawn(&mut random, x.len(), second);
            between(metric, &center(a.iter().map(|i| &x[*i])), &center(b.iter().map(|i| &x[*i])))
        })
        .collect();
    by_chance.sort_by(f64::total_cmp);
    (found, found > percentile(&by_chance, 95.0))
}

/// How many rows of the reference stand for each side in a draw.
fn sizes(n: usize, m: usize) -> (usize, usize) {
    let (n, m) = (n as f64, m as f64);
    ((n * n / (n + m)) as usize, (n * m / (n + m)) as usize)
}

/// With replacement.
fn drawn(random: &mut MersenneTwister, rows: usize, count: usize) -> Vec<usize> {
    (0..count).map(|_| random.up_to(rows as u64 - 1) as usize).collect()
}

fn model(
    x: &[Vec<f64>],
    y: &[Vec<f64>],
    threshold: f64,
    bootstrap: bool,
) -> Result<(f64, bool), NotComputable> {
    let all: Vec<&Vec<f64>> = x.iter().chain(y).collect();
    let (train, test) = halves(all.len());
    let is_reference = |rows: &[usize]| -> Vec<bool> { rows.iter().map(|i| *i < x.len()).collect() };
    let (learnt, judged) = (is_reference(&train), is_reference(&test));
    let both = |classes: &[bool]| classes.iter().any(|c| *c) && classes.iter().any(|c| !c);
    if !both(&learnt) || !both(&judged) {
        return Err(NotComputable::reason("there are too few vectors to learn from and to judge"));
    }
    let row = |i: &usize| -> Row { all[*i].iter().enumerate().map(|(k, v)| (k as u32, *v)).collect() };
    let rows: Vec<Row> = train.iter().map(row).collect();
    let settings =
        Settings { loss: Loss::Logistic, penalty: Penalty::L2, epochs: 1000, intercept_decay: 1.0, seed: 42 };
    let classifier = Classifier::fit(&rows, &learnt, x[0].len(), &settings);
    let probability = |i: &usize| 1.0 / (1.0 + (-classifier.decide(&row(i))).exp());
    let area = roc_auc(&judged, &test.iter().map(probability).collect::<Vec<_>>());
    if !bootstrap {
        return Ok((area, area > threshold));
    }
    let mut by_chance: Vec<f64> = (0..BOOTSTRAP)
        .map(|seed| {
            let mut random = MersenneTwister::new(seed as u32);
            roc_auc(&judged, &judged.iter().map(|_| random.uniform()).collect::<Vec<_>>())
        })
        .collect();
    by_chance.sort_by(f64::total_cmp);
    Ok((area, area > percentile(&by_chance, 95.0)))
}

fn ratio(
    method: Method,
    x: &[Vec<f64>],
    y: &[Vec<f64>],
    threshold: f64,
) -> Result<(f64, bool), NotComputable> {
    if !method.applies_to(Kind::Number) {
        return Err(NotComputable::reason(format!("the method {method} does not compare numbers")));
    }
    let width = x[0].len();
    let mut drifted = 0;
    for k in 0..width {
        let part = |rows: &[Vec<f64>]| Numbers::of(rows.iter().map(|row| row[k]).collect());
        let pair = Pair::Numbers { reference: part(x), current: part(y) };
        drifted += usize::from(method.has_drifted(score(method, &pair)?, method.default_threshold()));
    }
    let share = drifted as f64 / width as f64;
    Ok((share, share > threshold))
}

fn discrepancy(
    x: &[Vec<f64>],
    y: &[Vec<f64>],
    threshold: f64,
    bootstrap: bool,
) -> Result<(f64, bool), NotComputable> {
    let (m, n) = (x.len(), y.len());
    if m < 2 || n < 2 {
        return Err(NotComputable::reason("the method needs at least two vectors in each sample"));
    }
    if m + n > MOST_ROWS {
        return Err(NotComputable::reason(format!(
            "the method compares each pair of {} vectors; at most {MOST_ROWS} are possible",
            m + n
        )));
    }
    let squared = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(p, q)| (p - q) * (p - q)).sum::<f64>();
    let sampled = |rows: usize| -> Vec<usize> {
        let mut order = MersenneTwister::new(0).permutation(rows);
        order.truncate(SAMPLED);
        order
    };
    let gamma = |a: &[Vec<f64>], b: &[Vec<f64>]| {
        let (i, j) = (sampled(a.len()), sampled(b.len()));
        let mut all: Vec<f64> =
            i.iter().flat_map(|i| j.iter().map(|j| squared(&a[*i], &b[*j]).sqrt())).collect();
        all.sort_unstable_by(f64::total_cmp);
        1.0 / percentile(&all, 50.0).powi(2)
    };
    let kernel = |rows: &[&Vec<f64>], gamma: f64| -> Vec<Vec<f64>> {
        rows.iter().map(|a| rows.iter().map(|b| (-gamma * squared(a, b)).exp()).collect()).collect()
    };
    let unbiased = |k: &[Vec<f64>], first: &[usize], second: &[usize]| {
        let (a, b) = (first.len() as f64, second.len() as f64);
        // As Evidently does, the diagonal is that of places, also where a row was drawn twice.
        let within = |rows: &[usize]| -> f64 {
            rows.iter()
                .enumerate()
                .map(|(p, i)| {
                    rows.iter().enumerate().filter(|(q, _)| *q != p).map(|(_, j)| k[*i][*j]).sum::<f64>()
                })
                .sum()
        };
        let across: f64 = first.iter().map(|i| second.iter().map(|j| k[*i][*j]).sum::<f64>()).sum();
        within(first) / (a * (a - 1.0)) + within(second) / (b * (b - 1.0)) - 2.0 / (a * b) * across
    };
    let all: Vec<&Vec<f64>> = x.iter().chain(y).collect();
    let (first, second): (Vec<usize>, Vec<usize>) = ((0..m).collect(), (m..m + n).collect());
    let found = unbiased(&kernel(&all, gamma(x, y)), &first, &second);
    if !bootstrap {
        return Ok((found.max(0.0), found > threshold));
    }
    let k = kernel(&x.iter().collect::<Vec<_>>(), gamma(x, x));
    let (first, second) = sizes(m, n);
    let mut by_chance: Vec<f64> = (0..BOOTSTRAP)
        .map(|seed| {
            let mut random = MersenneTwister::new(seed as u32);
            let a = drawn(&mut random, m, first.max(1));
            let b = drawn(&mut random, m, second.max(1));
            unbiased(&k, &a, &b)
        })
        .collect();
    by_chance.sort_by(f64::total_cmp);
    Ok((found.max(0.0), found > percentile(&by_chance, 5.0)))
}

type Rows = Vec<Vec<f64>>;

/// Both sides over the first principal components of the reference.
fn principal(x: &[Vec<f64>], y: &[Vec<f64>], count: usize) -> Result<(Rows, Rows), NotComputable> {
    let width = x[0].len();
    if count > width.min(x.len()) {
        return Err(NotComputable::reason(format!(
            "{count} principal components of {} vectors with {width} components",
            x.len()
        )));
    }
    let mean = center(x.iter());
    let shifted = |rows: &[Vec<f64>]| -> Rows {
        rows.iter().map(|row| row.iter().zip(&mean).map(|(v, m)| v - m).collect()).collect()
    };
    let (x, y) = (shifted(x), shifted(y));
    let mut covariance = vec![vec![0.0; width]; width];
    for row in &x {
        for i in 0..width {
            for j in 0..width {
                covariance[i][j] += row[i] * row[j];
            }
        }
    }
    let (values, vectors) = eigen(&covariance);
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    order.truncate(count);
    let project = |rows: &[Vec<f64>]| -> Rows {
        rows.iter()
            .map(|row| order.iter().map(|k| (0..width).map(|i| row[i] * vectors[i][*k]).sum()).collect())
            .collect()
    };
    Ok((project(&x), project(&y)))
}
