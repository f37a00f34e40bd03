use std::collections::BTreeMap;

use columns::Table;
use serde::{Deserialize, Serialize};
use statistics::Interval;

use super::Plan;
use super::calibration::{Calibration, calibration};
use super::estimate::{EstimatedChunk, estimate};
use super::fairness::{self, Grouped};
use super::measure::{Data, higher_is_better, known_metrics};
use crate::Error;
use crate::judge;
use crate::model::{Bound, Check, Outcome, Verdict};

/// What predictions came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    pub format: u32,
    /// `binary`, `multiclass`, `regression` or `ranking`; `estimated` where there are no labels.
    pub task: String,
    pub verdict: Verdict,
    /// Rows with a label.
    pub n: u64,
    pub unlabelled: u64,
    pub metrics: BTreeMap<String, Measured>,
    pub slices: Vec<SliceMeasured>,
    pub calibration: Option<Calibration>,
    pub fairness: Vec<Grouped>,
    /// The champion's metrics on the same rows.
    pub champion: Option<BTreeMap<String, f64>>,
    pub checks: Vec<Check>,
    pub estimated: Vec<EstimatedChunk>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub value: f64,
    /// By a bootstrap over rows (of queries' rows, for a ranking).
    pub interval: Option<Interval>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceMeasured {
    /// `column = value`, crossed ones joined by ` and `.
    pub slice: String,
    pub n: u64,
    /// Whether there are enough rows to judge it.
    pub judged: bool,
    pub metrics: BTreeMap<String, f64>,
}

/// Judges the predictions in a table. A `champion` has the same rows in the same order (its own prediction and score
/// columns, named as the plan's). A `reference` with labels lets rows without labels be judged by estimate.
///
/// Errors: a column that is missing or does not fit, an unknown metric, a limit without ends, a champion of another
/// length; `NoLabels` if no row has a label and there is no reference.
pub fn assess(
    table: &Table,
    champion: Option<&Table>,
    reference: Option<&Table>,
    plan: &Plan,
) -> Result<Assessment, Error> {
    let known: Vec<bool> = match table.field(&plan.label) {
        Ok(_) => table.texts(&plan.label)?.iter().map(|t| t.as_deref().is_some_and(|t| t != "NaN")).collect(),
        Err(_) if reference.is_some() => vec![false; table.rows()],
        Err(error) => return Err(error.into()),
    };
    let missing = known.iter().filter(|k| !**k).count();
    if missing == table.rows() {
        let Some(reference) = reference else {
            return Err(Error::NoLabel(plan.label.clone()));
        };
        return unlabelled(table, reference, plan);
    }
    let whole = table;
    let table = table.filter(&known)?;
    let data = Data::read(&table, plan)?;
    check_plan(&data, plan)?;
    let all: Vec<usize> = (0..table.rows()).collect();
    let n = all.len() as u64;
    let values = data.metrics(&all);
    let intervals = intervals(&data, &all, plan);
    let metrics: BTreeMap<String, Measured> = values
        .iter()
        .map(|(name, value)| {
            (name.clone(), Measured { value: *value, interval: intervals.get(name).copied() })
        })
        .collect();
    let mut checks: Vec<Check> = plan
        .metrics
        .iter()
        .map(|(metric, bound)| judge::check(metric, None, values.get(metric).copied(), *bound, n, ""))
        .collect();
    let slices = slices(&table, &data, plan)?;
    checks.extend(slice_checks(&slices, plan));
    let fairness = grouped(&table, &data, plan, &mut checks)?;
    let champion = match champion {
        Some(champion) => {
            if champion.rows() != whole.rows() {
                return Err(Error::OtherRows { ours: whole.rows(), theirs: champion.rows() });
            }
            let theirs = Data::read(&champion.filter(&known)?, plan)?.metrics(&all);
            if let Some(against) = &plan.champion {
                let metric = &against.metric;
                checks.push(compare(metric, against.max_drop, values.get(metric), theirs.get(metric), n));
            }
            Some(theirs)
        }
        None => None,
    };
    let calibration = match &data {
        Data::Binary { truth, score: Some(score), .. } if score.iter().all(|s| (0.0..=1.0).contains(s)) => {
            Some(calibration(truth, score))
        }
        _ => None,
    };
    let estimated = match reference {
        Some(reference) if missing > 0 => estimate(&whole.filter(&negated(&known))?, reference, plan)?,
        _ => Vec::new(),
    };
    Ok(Assessment {
        format: 1,
        task: data.name().to_owned(),
        verdict: judge::verdict(&checks),
        n,
        unlabelled: missing as u64,
        metrics,
        slices,
        calibration,
        fairness,
        champion,
        checks,
        estimated,
    })
}

fn negated(known: &[bool]) -> Vec<bool> {
    known.iter().map(|k| !k).collect()
}

/// Rows without any label: an alert of an estimate refuses.
fn unlabelled(table: &Table, reference: &Table, plan: &Plan) -> Result<Assessment, Error> {
    let estimated = estimate(table, reference, plan)?;
    let mut checks = Vec::new();
    for chunk in &estimated {
        for m in &chunk.metrics {
            let bound = Bound { min: m.lower_limit, max: m.upper_limit };
            let scope = Some(format!("rows {} to {}", chunk.first, chunk.last));
            let n = chunk.last + 1 - chunk.first;
            checks.push(judge::check(&format!("estimated {}", m.metric), scope, Some(m.value), bound, n, ""));
        }
    }
    Ok(Assessment {
        format: 1,
        task: "estimated".into(),
        verdict: judge::verdict(&checks),
        n: 0,
        unlabelled: table.rows() as u64,
        metrics: BTreeMap::new(),
        slices: Vec::new(),
        calibration: None,
        fairness: Vec::new(),
        champion: None,
        checks,
        estimated,
    })
}

fn check_plan(data: &Data, plan: &Plan) -> Result<(), Error> {
    let limits = plan.metrics.iter().chain(&plan.slice_metrics);
    for (metric, bound) in limits.clone().chain(&plan.fairness) {
        if bound.min.is_none() && bound.max.is_none() {
            return Err(Error::EmptyBound(metric.clone()));
        }
    }
    let known = known_metrics(data);
    let unknown = |metric: &String, task: &'static str, known: &[&str]| {
        Err(Error::UnknownMetric { metric: metric.clone(), task, known: known.join(", ") })
    };
    let mut named = limits.map(|(m, _)| m).chain(plan.champion.iter().map(|c| &c.metric));
    if let Some(metric) = named.find(|m| !known.contains(&m.as_str())) {
        return unknown(metric, data.name(), known);
    }
    match plan.fairness.keys().find(|m| !fairness::KNOWN.contains(&m.as_str())) {
        Some(metric) => unknown(metric, "fairness of a binary", &fairness::KNOWN),
        None => Ok(()),
    }
}

/// All metrics of each sample at once.
fn intervals(data: &Data, rows: &[usize], plan: &Plan) -> BTreeMap<String, Interval> {
    let mut samples: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut random = statistics::Random::new(plan.seed);
    let mut drawn = vec![0; rows.len()];
    for _ in 0..plan.rounds {
        drawn.iter_mut().for_each(|row| *row = rows[random.below(rows.len())]);
        for (name, value) in data.metrics(&drawn) {
            samples.entry(name).or_default().push(value);
        }
    }
    let tail = (1.0 - plan.confidence) / 2.0;
    let interval = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        Interval { low: at(tail), high: at(1.0 - tail), confidence: plan.confidence }
    };
    let enough = samples.into_iter().filter(|(_, values)| values.len() * 2 > plan.rounds);
    enough.map(|(name, values)| (name, interval(values))).collect()
}

/// A slice by name, and its rows.
type Rows = (String, Vec<usize>);

fn slices(table: &Table, data: &Data, plan: &Plan) -> Result<Vec<SliceMeasured>, Error> {
    let mut single: Vec<(&String, Vec<Rows>)> = Vec::new();
    for column in &plan.slices {
        single.push((column, judge::slices(table, column)?));
    }
    let measured = |slice: String, rows: &[usize]| SliceMeasured {
        slice,
        n: rows.len() as u64,
        judged: rows.len() as u64 >= plan.min_rows,
        metrics: data.metrics(rows),
    };
    let mut found = Vec::new();
    for (column, values) in &single {
        found.extend(values.iter().map(|(value, rows)| measured(format!("{column} = {value}"), rows)));
    }
    if plan.cross {
        for (i, (a, ours)) in single.iter().enumerate() {
            for (b, theirs) in &single[i + 1..] {
                for (x, left) in ours {
                    for (y, right) in theirs {
                        // Both lists ascend.
                        let rows: Vec<usize> =
                            left.iter().copied().filter(|row| right.binary_search(row).is_ok()).collect();
                        if !rows.is_empty() {
                            found.push(measured(format!("{a} = {x} and {b} = {y}"), &rows));
                        }
                    }
                }
            }
        }
    }
    Ok(found)
}

fn slice_checks(slices: &[SliceMeasured], plan: &Plan) -> Vec<Check> {
    let mut checks = Vec::new();
    for slice in slices {
        for (metric, bound) in &plan.slice_metrics {
            let observed = if slice.judged { slice.metrics.get(metric).copied() } else { None };
            let reason =
                if slice.judged { String::new() } else { format!(" ({} are needed)", plan.min_rows) };
            checks.push(judge::check(metric, Some(slice.slice.clone()), observed, *bound, slice.n, &reason));
        }
    }
    checks
}

fn grouped(table: &Table, data: &Data, plan: &Plan, checks: &mut Vec<Check>) -> Result<Vec<Grouped>, Error> {
    let Data::Binary { truth, predicted, .. } = data else {
        return match plan.groups.first() {
            Some(column) => Err(Error::NotGrouped { column: column.clone(), task: data.name() }),
            None => Ok(Vec::new()),
        };
    };
    let mut found = Vec::new();
    for column in &plan.groups {
        let groups: Vec<String> =
            table.texts(column)?.into_iter().map(|t| t.unwrap_or_else(|| "(missing)".into())).collect();
        let n = groups.len() as u64;
        let compared = fairness::compare(column, truth, predicted, &groups, plan);
        for (metric, bound) in &plan.fairness {
            let observed = compared.as_ref().ok().and_then(|g| g.metrics.get(metric).copied());
            let reason = format!(" (groups of {} rows are needed)", plan.min_rows);
            let name = format!("{metric} by {column}");
            checks.push(judge::check(&name, None, observed, *bound, n, &reason));
        }
        found.extend(compared);
    }
    Ok(found)
}

fn compare(metric: &str, max_drop: f64, ours: Option<&f64>, theirs: Option<&f64>, n: u64) -> Check {
    let higher = higher_is_better(metric);
    let bound = match theirs {
        Some(value) if higher => Bound { min: Some(value - max_drop), max: None },
        Some(value) => Bound { min: None, max: Some(value + max_drop) },
        None => Bound::default(),
    };
    let observed = theirs.and(ours).copied();
    let mut check = judge::check(metric, Some("champion".into()), observed, bound, n, "");
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        let change = if higher { ours - theirs } else { theirs - ours };
        let side = if change < 0.0 { "worse" } else { "better" };
        let verb = if check.outcome == Outcome::Passed { "may" } else { "may only" };
        check.text = format!(
            "{metric} = {ours:.4} against the champion's {theirs:.4} on the same {n} rows: {side} by {:.4}; it {verb} be \
             worse by {max_drop}",
            change.abs()
        );
    }
    check
}
