//! How good the predictions of recent windows were, once labels are known.

use std::collections::BTreeMap;

use columns::{Table, metrics as scores};
use ledger::Tx;
use serde_json::json;
use types::Actor;

use crate::model::{MonitorSpec, WindowView};
use crate::rules::{Bias, Bound, Level};
use crate::watch::{Memory, Monitoring, blocking};
use crate::{Error, bias, store};

/// Windows whose labels may still arrive.
const WINDOWS: i64 = 20;
/// Labelled predictions below which a window is not held against limits.
const LEAST: u64 = 30;

/// Computes the metrics of the newest windows again if labels have arrived since the last time.
pub(crate) async fn refresh(
    monitoring: &Monitoring,
    memory: &mut Memory,
    actor: &Actor,
    spec: &MonitorSpec,
) -> Result<(), Error> {
    let name = spec.name.clone();
    let windows: Vec<WindowView> =
        monitoring.ledger.read(actor.workspace, move |rx| store::windows(rx, &name, WINDOWS)).await?;
    let Some(since) = windows.iter().map(|w| w.from).min() else { return Ok(()) };
    let count = monitoring.log.label_count(actor, &spec.endpoint, since).await?;
    let newest = windows.first().map_or(0, |w| w.number);
    let key = (actor.workspace, spec.name.clone());
    if count == 0 || memory.labels.get(&key) == Some(&(count, newest)) {
        return Ok(());
    }
    let labelled = monitoring.log.labelled(actor, &spec.endpoint, since).await?;
    let watched = monitoring.places(&mut memory.read, actor, spec, &labelled.rows).await?;
    let watched = watched.unwrap_or_else(|| (0..labelled.rows.len()).collect());
    let (output, groups) = (spec.output.clone(), spec.rules.bias.clone());
    let computed = blocking(move || {
        let mut computed = Vec::new();
        for window in windows {
            let range = window.first_ordinal..window.next_ordinal;
            let rows: Vec<usize> =
                watched.iter().copied().filter(|&i| range.contains(&labelled.rows.ordinals[i])).collect();
            if rows.is_empty() {
                continue;
            }
            let outputs = labelled.rows.outputs.take(&rows)?;
            let inputs = labelled.rows.inputs.take(&rows)?;
            let labels: Vec<&serde_json::Value> = rows.iter().map(|&i| &labelled.labels[i]).collect();
            let groups = groups.as_ref().map(|rule| (rule, &inputs));
            if let Some(metrics) = measure(&outputs, &labels, output.as_deref(), groups)? {
                computed.push((window.uid, rows.len() as i64, metrics));
            }
        }
        Ok(computed)
    })
    .await?;
    let worst = newest_of(spec, &computed);
    let name = spec.name.clone();
    monitoring.ledger.record(actor, move |tx| store::put_performance(tx, &name, &computed)).await?;
    if let Some((window, rows, metrics)) = worst {
        hold(monitoring, actor, spec, window, rows, &metrics).await?;
    }
    memory.labels.insert(key, (count, newest));
    Ok(())
}

type Computed = (types::Uid, i64, BTreeMap<String, f64>);

/// The newest window with labels enough to be held against limits.
fn newest_of(spec: &MonitorSpec, computed: &[Computed]) -> Option<Computed> {
    let least = i64::try_from(spec.rules.min_labels.unwrap_or(LEAST)).unwrap_or(i64::MAX);
    // In the order of the windows, newest first.
    computed.iter().find(|(_, rows, _)| *rows >= least).cloned()
}

/// What is held against limits of a labelled window: name, column where there is one, value, limits.
fn held(spec: &MonitorSpec, metrics: &BTreeMap<String, f64>) -> Vec<(String, Option<String>, f64, Bound)> {
    let mut found: Vec<(String, Option<String>, f64, Bound)> = Vec::new();
    for (name, limits) in &spec.rules.performance {
        if let Some(value) = metrics.get(name) {
            found.push((format!("performance_{name}"), None, *value, Bound::of_metric(name, *limits)));
        }
    }
    let rules = spec.rules.bias.as_ref().map(Bias::of_labels).into_iter().flatten();
    for (name, bound) in rules {
        let of = metrics
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix(name)?.strip_prefix(':')?, *value)));
        if let Some((column, value)) = of.max_by(|a, b| a.1.total_cmp(&b.1)) {
            found.push((name.to_owned(), Some(column.to_owned()), value, bound));
        }
    }
    found
}

/// Tells of levels that changed, and shows the values to Prometheus.
async fn hold(
    monitoring: &Monitoring,
    actor: &Actor,
    spec: &MonitorSpec,
    window: types::Uid,
    rows: i64,
    metrics: &BTreeMap<String, f64>,
) -> Result<(), Error> {
    for (name, value) in metrics {
        metrics::gauge!("mlwright_monitor_performance", "monitor" => spec.name.clone(), "metric" => name.clone())
            .set(*value);
    }
    let held = held(spec, metrics);
    let name = spec.name.clone();
    let position = monitoring.ledger.read(actor.workspace, move |rx| store::position(rx, &name)).await?;
    let levels = position.map(|p| p.history.levels).unwrap_or_default();
    let before = |name: &str| levels.get(name).copied().unwrap_or_default();
    if held.iter().all(|(name, _, value, bound)| bound.level(*value, before(name)) == before(name)) {
        return Ok(());
    }
    let (monitor, endpoint) = (spec.name.clone(), spec.endpoint.clone());
    monitoring
        .ledger
        .write(actor, move |tx: &mut Tx<'_>| {
            let mut position = store::position_in(tx, &monitor)?.unwrap_or_default();
            for (name, column, value, bound) in &held {
                let before = position.history.levels.get(name).copied().unwrap_or_default();
                let level = bound.level(*value, before);
                if level == before {
                    continue;
                }
                match level {
                    Level::Ok => position.history.levels.remove(name),
                    level => position.history.levels.insert(name.clone(), level),
                };
                let kind = if level == Level::Ok { "monitor.signal_cleared" } else { "monitor.signal" };
                let payload = json!({
                    "monitor": monitor, "endpoint": endpoint, "window": window, "labelled": rows, "signal": name,
                    "feature": column, "value": value, "limit": bound.of(level), "level": level.name(),
                });
                tx.event(kind, &format!("monitor:{monitor}"), payload)?;
            }
            Ok(store::put_position(tx, &monitor, &position)?)
        })
        .await
}

/// Binary where every label is 0, 1, true or false and there is a probability; regression where labels are other
/// numbers. `None` for what it does not understand.
fn measure(
    outputs: &Table,
    labels: &[&serde_json::Value],
    output: Option<&str>,
    groups: Option<(&Bias, &Table)>,
) -> Result<Option<BTreeMap<String, f64>>, Error> {
    let truth: Option<Vec<f64>> =
        labels.iter().map(|l| l.as_f64().or_else(|| l.as_bool().map(|b| f64::from(u8::from(b))))).collect();
    let Some(truth) = truth else { return Ok(None) };
    let Some(column) = score_column(outputs, output) else { return Ok(None) };
    let scores: Vec<f64> = outputs.numbers(&column)?.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect();
    if scores.iter().any(|s| s.is_nan()) {
        return Ok(None);
    }
    let binary =
        truth.iter().all(|t| *t == 0.0 || *t == 1.0) && scores.iter().all(|s| (0.0..=1.0).contains(s));
    let found = if binary {
        let positive: Vec<bool> = truth.iter().map(|t| *t == 1.0).collect();
        scores::binary(&positive, &scores, 0.5)
    } else {
        scores::regression(&truth, &scores)
    };
    let mut found: BTreeMap<String, f64> =
        found.into_iter().filter(|(_, v)| v.is_finite()).map(|(k, v)| (k.to_owned(), v)).collect();
    if let Some((rule, inputs)) = groups.filter(|_| binary) {
        let positive: Vec<bool> = truth.iter().map(|t| *t == 1.0).collect();
        found.extend(bias::of_labels(rule, output, inputs, outputs, &positive)?);
    }
    Ok(Some(found))
}

/// The output's column, its last one where it has several (`probability_1`), or what looks like a probability.
pub(crate) fn score_column(outputs: &Table, output: Option<&str>) -> Option<String> {
    let numeric: Vec<&str> = outputs
        .schema()
        .fields
        .iter()
        .filter(|f| f.data_type.is_numeric())
        .map(|f| f.name.as_str())
        .collect();
    let stem = |name: &str| {
        let of = |c: &&&str| {
            c.strip_prefix(name)
                .is_some_and(|r| r.strip_prefix('_').is_some_and(|n| n.parse::<u32>().is_ok()))
        };
        numeric
            .iter()
            .find(|c| **c == name)
            .or_else(|| numeric.iter().filter(of).max_by_key(|c| (c.len(), **c)))
    };
    let found = match output {
        Some(name) => stem(name),
        None => ["probability", "probabilities", "output_probability"].iter().find_map(|n| stem(n)),
    };
    let only = || if numeric.len() == 1 { numeric.first() } else { None };
    found.or_else(only).map(|c| (*c).to_owned())
}
