use std::collections::BTreeMap;

use columns::Table;
use serde_json::json;
use statistics::Interval;
use statistics::representation::{benjamini_hochberg, goodness_of_fit, wilson};

use super::{above, percent};
use crate::Error;
use crate::verify::{Evidence, Finding, Kind, Plan, Statistic, Verdict};

struct Column<'a> {
    name: &'a String,
    texts: Vec<Option<String>>,
    p: f64,
    /// Cohen's w over √(k − 1): 0 for the population's own shares.
    effect: f64,
    n: f64,
}

pub(in crate::verify) fn coverage(table: &Table, plan: &Plan) -> Result<Finding, Error> {
    if plan.population.is_empty() {
        return Err(Error::BadVerification("coverage needs the shares of a population".into()));
    }
    let mut columns = Vec::new();
    let mut evidence: Vec<(f64, Evidence)> = Vec::new();
    for (name, shares) in &plan.population {
        let texts = table.texts(name)?;
        let counts: Vec<f64> =
            shares.keys().map(|v| texts.iter().flatten().filter(|t| *t == v).count() as f64).collect();
        let n: f64 = counts.iter().sum();
        let wanted: Vec<f64> = shares.values().copied().collect();
        let fit = goodness_of_fit(&counts, &wanted)?;
        let effect = (fit.statistic / n / (counts.len() as f64 - 1.0)).sqrt();
        let whole: f64 = wanted.iter().sum();
        for ((value, share), count) in shares.iter().zip(&counts) {
            let share = share / whole;
            let interval = wilson(*count, n, 0.95)?;
            if share < interval.low || share > interval.high {
                evidence.push(stratum(name, value, share, *count, n, interval));
            }
        }
        evidence.extend(strangers(name, &texts, shares));
        columns.push(Column { name, texts, p: fit.p, effect, n });
    }
    let adjusted = benjamini_hochberg(&columns.iter().map(|c| c.p).collect::<Vec<_>>());
    let threshold = plan.threshold(Kind::Coverage);
    let small = small_groups(&columns, plan);
    let worst = columns.iter().zip(&adjusted).max_by(|a, b| a.0.effect.total_cmp(&b.0.effect));
    let Some((worst, p)) = worst else { return Err(Error::BadVerification("no column is compared".into())) };
    // An effect counts only where it is no chance.
    let mut verdict = if *p < plan.level { above(worst.effect, threshold) } else { Verdict::Pass };
    if verdict == Verdict::Pass && !small.is_empty() {
        verdict = Verdict::Warn;
    }
    evidence.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut evidence: Vec<Evidence> = evidence.into_iter().map(|(_, e)| e).chain(small).collect();
    let found = evidence.len() as u64;
    evidence.truncate(plan.evidence);
    let (value, n) = (worst.effect, worst.n as u64);
    let text = match verdict {
        Verdict::Pass => format!(
            "no evidence at a false-positive rate of {} that the sample differs from the population in {} column(s)",
            plan.level,
            columns.len()
        ),
        _ => format!(
            "`{}` differs from the population (p = {p:.2e} after Benjamini and Hochberg), or a crossed group has fewer \
             than {} rows",
            worst.name, plan.min_group
        ),
    };
    let statistic = Some(Statistic { name: format!("effect size of {}", worst.name), value });
    let interval = effect_interval(worst, plan);
    Ok(Finding {
        check: Kind::Coverage,
        verdict,
        statistic,
        interval,
        n,
        threshold: Some(threshold),
        text,
        evidence,
        found,
    })
}

fn stratum(name: &str, value: &str, share: f64, count: f64, n: f64, interval: Interval) -> (f64, Evidence) {
    let own = count / n;
    let side = if own < share { "under" } else { "over" };
    let why = format!(
        "{side}-represented: {} of {n} rows ({} to {}), {} of the population",
        percent(own),
        percent(interval.low),
        percent(interval.high),
        percent(share)
    );
    let value = json!({"value": value, "share": own, "population": share, "n": count});
    ((own - share).abs(), Evidence { row: None, column: Some(name.to_owned()), value, why })
}

/// Values that the population does not have.
fn strangers(
    name: &str,
    texts: &[Option<String>],
    shares: &BTreeMap<String, f64>,
) -> Option<(f64, Evidence)> {
    let foreign: Vec<&String> = texts.iter().flatten().filter(|t| !shares.contains_key(*t)).collect();
    let first = foreign.first()?;
    let why =
        format!("{} rows have values that the population does not list, such as {first}", foreign.len());
    let value = json!({"value": first, "n": foreign.len()});
    let share = foreign.len() as f64 / texts.len() as f64;
    Some((share, Evidence { row: None, column: Some(name.to_owned()), value, why }))
}

/// Crossed groups of the first columns that have fewer rows than asked for.
fn small_groups(columns: &[Column<'_>], plan: &Plan) -> Vec<Evidence> {
    const MOST_GROUPS: usize = 1_000;
    let mut groups: Vec<Vec<&String>> = vec![Vec::new()];
    let mut crossed = Vec::new();
    for column in columns {
        let values = &plan.population[column.name];
        if groups.len() * values.len() > MOST_GROUPS {
            break;
        }
        crossed.push(column);
        groups = groups
            .into_iter()
            .flat_map(|group| {
                values.keys().map(move |v| group.iter().copied().chain([v]).collect::<Vec<&String>>())
            })
            .collect();
    }
    let mut counts: BTreeMap<Vec<&String>, u64> = groups.into_iter().map(|group| (group, 0)).collect();
    for row in 0..columns.first().map_or(0, |c| c.texts.len()) {
        let key: Option<Vec<&String>> = crossed.iter().map(|c| c.texts[row].as_ref()).collect();
        if let Some(count) = key.and_then(|key| counts.get_mut(&key)) {
            *count += 1;
        }
    }
    let mut small: Vec<_> = counts.into_iter().filter(|(_, n)| *n < plan.min_group).collect();
    small.sort_by_key(|(_, n)| *n);
    let name = crossed.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(" × ");
    small
        .into_iter()
        .map(|(group, n)| {
            let group = group.iter().map(|v| v.as_str()).collect::<Vec<_>>().join(" × ");
            let why = format!("{n} rows; {} are needed to judge a group", plan.min_group);
            Evidence { row: None, column: Some(name.clone()), value: json!({"group": group, "n": n}), why }
        })
        .collect()
}

/// Of the effect size, by resampling the counts.
fn effect_interval(column: &Column<'_>, plan: &Plan) -> Option<Interval> {
    let shares = &plan.population[column.name];
    let values: Vec<usize> = column
        .texts
        .iter()
        .flatten()
        .filter_map(|text| shares.keys().position(|value| value == text))
        .collect();
    let wanted: Vec<f64> = shares.values().copied().collect();
    statistics::bootstrap(values.len(), 200, 0.95, plan.seed, |rows| {
        let mut counts = vec![0.0; wanted.len()];
        rows.iter().for_each(|row| counts[values[*row]] += 1.0);
        let fit = goodness_of_fit(&counts, &wanted).ok()?;
        Some((fit.statistic / rows.len() as f64 / (counts.len() as f64 - 1.0)).sqrt())
    })
}
