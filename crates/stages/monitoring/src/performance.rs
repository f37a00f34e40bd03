//! How good the predictions of recent windows were, once labels are known.

use std::collections::BTreeMap;

use columns::{Table, metrics};
use types::Actor;

use crate::Error;
use crate::model::{MonitorSpec, WindowView};
use crate::store;
use crate::watch::{Memory, Monitoring, blocking};

/// Windows whose labels may still arrive.
const WINDOWS: i64 = 20;

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
    let output = spec.output.clone();
    let computed = blocking(move || {
        let mut computed = Vec::new();
        for window in windows {
            let range = window.first_ordinal..window.next_ordinal;
            let rows: Vec<usize> =
                (0..labelled.rows.len()).filter(|&i| range.contains(&labelled.rows.ordinals[i])).collect();
            if rows.is_empty() {
                continue;
            }
            let outputs = labelled.rows.outputs.take(&rows)?;
            let labels: Vec<&serde_json::Value> = rows.iter().map(|&i| &labelled.labels[i]).collect();
            if let Some(metrics) = measure(&outputs, &labels, output.as_deref())? {
                computed.push((window.uid, rows.len() as i64, metrics));
            }
        }
        Ok(computed)
    })
    .await?;
    let name = spec.name.clone();
    monitoring.ledger.record(actor, move |tx| store::put_performance(tx, &name, &computed)).await?;
    memory.labels.insert(key, (count, newest));
    Ok(())
}

/// Binary where every label is 0, 1, true or false and there is a probability; regression where labels are other
/// numbers. `None` for what it does not understand.
fn measure(
    outputs: &Table,
    labels: &[&serde_json::Value],
    output: Option<&str>,
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
        metrics::binary(&positive, &scores, 0.5)
    } else {
        metrics::regression(&truth, &scores)
    };
    Ok(Some(found.into_iter().filter(|(_, v)| v.is_finite()).map(|(k, v)| (k.to_owned(), v)).collect()))
}

/// The output's column, its last one where it has several (`probability_1`), or what looks like a probability.
fn score_column(outputs: &Table, output: Option<&str>) -> Option<String> {
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
