use columns::Table;
use serde_json::json;
use statistics::representation::{benjamini_hochberg, independence};
use types::DataType;

use super::above;
use crate::Error;
use crate::verify::features::feature_columns;
use crate::verify::{Evidence, Finding, Kind, Plan, Statistic, Verdict};

/// A numeric column is cut at so many quantiles.
const CUTS: usize = 10;
/// Text columns of more values than this tell rows apart, and so would tell anything.
const MOST_VALUES: usize = 50;
const ROUNDS: usize = 200;

/// Which value, or which tenth, each row has; missing is one more. `None` if the column has one value, or too many.
fn coded(table: &Table, column: &str) -> Result<Option<Vec<usize>>, Error> {
    let numeric = matches!(table.field(column)?.data_type, DataType::Integer | DataType::Float);
    let texts = table.texts(column)?;
    let mut values: Vec<&Option<String>> = texts.iter().collect();
    values.sort();
    values.dedup();
    if values.len() < 2 {
        return Ok(None);
    }
    if values.len() <= CUTS || (!numeric && values.len() <= MOST_VALUES) {
        return Ok(Some(texts.iter().map(|text| values.binary_search(&text).unwrap_or(0)).collect()));
    }
    if !numeric {
        return Ok(None);
    }
    let numbers = table.numbers(column)?;
    let mut sorted: Vec<f64> = numbers.iter().flatten().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() {
        return Ok(None);
    }
    let cuts: Vec<f64> = (1..CUTS).map(|i| sorted[i * (sorted.len() - 1) / CUTS]).collect();
    let code = |v: &Option<f64>| match v {
        Some(v) if v.is_finite() => cuts.iter().filter(|cut| *v > **cut).count(),
        _ => CUTS,
    };
    Ok(Some(numbers.iter().map(code).collect()))
}

/// Bergsma's corrected Cramér's V of two codes, which is not above 0 by chance alone, and the p-value.
fn association(a: &[usize], b: &[usize], rows: Option<&[usize]>) -> Option<(f64, f64)> {
    let (wide, high) = (b.iter().max()? + 1, a.iter().max()? + 1);
    let mut table = vec![vec![0.0; wide]; high];
    let mut count = |row: usize| table[a[row]][b[row]] += 1.0;
    match rows {
        Some(rows) => rows.iter().for_each(|row| count(*row)),
        None => (0..a.len()).for_each(count),
    }
    table.retain(|row| row.iter().any(|n| *n > 0.0));
    let filled: Vec<usize> = (0..wide).filter(|j| table.iter().any(|row| row[*j] > 0.0)).collect();
    let table: Vec<Vec<f64>> = table.iter().map(|row| filled.iter().map(|j| row[*j]).collect()).collect();
    let chi = independence(&table, false).ok()?;
    let (r, c) = (table.len() as f64, filled.len() as f64);
    let n: f64 = table.iter().flatten().sum();
    if r < 2.0 || c < 2.0 || n < 2.0 {
        return None;
    }
    let phi = (chi.statistic / n - (r - 1.0) * (c - 1.0) / (n - 1.0)).max(0.0);
    let less = |k: f64| k - (k - 1.0) * (k - 1.0) / (n - 1.0);
    let smaller = less(r).min(less(c)) - 1.0;
    (smaller > 0.0).then(|| ((phi / smaller).sqrt().min(1.0), chi.p))
}

struct Pair {
    feature: String,
    target: String,
    codes: (Vec<usize>, Vec<usize>),
    v: f64,
    p: f64,
}

fn pairs(table: &Table, features: &[String], targets: &[String]) -> Result<Vec<Pair>, Error> {
    let mut found = Vec::new();
    for target in targets {
        let Some(right) = coded(table, target)? else { continue };
        for feature in features.iter().filter(|f| !targets.contains(f)) {
            let Some(left) = coded(table, feature)? else { continue };
            if let Some((v, p)) = association(&left, &right, None) {
                let codes = (left, right.clone());
                found.push(Pair { feature: feature.clone(), target: target.clone(), codes, v, p });
            }
        }
    }
    found.sort_by(|a, b| b.v.total_cmp(&a.v));
    Ok(found)
}

/// Which features tell a protected attribute.
pub(in crate::verify) fn proxies(table: &Table, plan: &Plan) -> Result<Finding, Error> {
    let targets = plan.columns(table, &plan.protected)?;
    if targets.is_empty() {
        return Err(Error::BadVerification("proxies need the columns of protected attributes".into()));
    }
    finding(Kind::Proxies, table, plan, &targets, |verdict, worst| match verdict {
        Verdict::Pass => format!(
            "no evidence at a false-positive rate of {} that a feature stands in for a protected attribute",
            plan.level
        ),
        _ => format!("`{}` tells `{}`: left in, it brings the attribute back", worst.feature, worst.target),
    })
}

/// Which features tell the label almost by themselves.
pub(in crate::verify) fn leakage(table: &Table, plan: &Plan) -> Result<Finding, Error> {
    let label =
        plan.label.clone().ok_or_else(|| Error::BadVerification("no label column is named".into()))?;
    finding(Kind::Leakage, table, plan, &[label], |verdict, worst| match verdict {
        Verdict::Pass => "no evidence that one feature alone gives the label away".to_owned(),
        _ => format!(
            "`{}` gives the label away by itself: is it known when a prediction is made?",
            worst.feature
        ),
    })
}

fn finding(
    kind: Kind,
    table: &Table,
    plan: &Plan,
    targets: &[String],
    text: impl FnOnce(Verdict, &Pair) -> String,
) -> Result<Finding, Error> {
    let features = feature_columns(table, plan)?;
    let pairs = pairs(table, &features, targets)?;
    let Some(worst) = pairs.first() else {
        return Err(Error::BadVerification("no column can be compared".into()));
    };
    let adjusted = benjamini_hochberg(&pairs.iter().map(|pair| pair.p).collect::<Vec<_>>());
    let threshold = plan.threshold(kind);
    let verdict = if adjusted[0] < plan.level { above(worst.v, threshold) } else { Verdict::Pass };
    let (a, b) = &worst.codes;
    let interval = statistics::bootstrap(table.rows(), ROUNDS, 0.95, plan.seed, |rows| {
        association(a, b, Some(rows)).map(|(v, _)| v)
    });
    let (least, level) = (threshold.warn, plan.level);
    let strong = || pairs.iter().zip(&adjusted).filter(move |(pair, p)| pair.v >= least && **p < level);
    let evidence = strong()
        .take(plan.evidence)
        .map(|(pair, p)| Evidence {
            row: None,
            column: Some(pair.feature.clone()),
            value: json!({"target": pair.target, "cramers_v": pair.v, "p": p}),
            why: format!("is associated with `{}` (V = {:.3}, p = {p:.2e})", pair.target, pair.v),
        })
        .collect();
    Ok(Finding {
        check: kind,
        verdict,
        statistic: Some(Statistic {
            name: format!("Cramér's V of {} and {}", worst.feature, worst.target),
            value: worst.v,
        }),
        interval,
        n: table.rows() as u64,
        threshold: Some(threshold),
        text: text(verdict, worst),
        found: strong().count() as u64,
        evidence,
    })
}
