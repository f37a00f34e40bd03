//! What is watched beside drift: how whole the data is, how long predictions take, how many there are.

use std::collections::BTreeMap;

use predictions::Rows;
use serde::{Deserialize, Serialize};

use crate::model::{Judgement, MonitorSpec};
use crate::rules::{Bound, Level, Limits};

/// One measured value of a window, held against its limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// `missing`, `out_of_range`, `unseen`, `latency_p95_ms`, `latency_p99_ms`, `traffic`, `drift`, `demographic_parity_difference`,
    /// `demographic_parity_ratio`, `attribution_ndcg`, `client_rate`, `client_novel_share`, `client_boundary_share`,
    /// `client_near_share`.
    pub name: String,
    /// The feature, protected column or client with the worst value, where it is one of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    pub value: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    pub level: Level,
    /// What the value was made of, as JSON: groups with their rates, features with their attributions, clients with their figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}

/// A value before it is held against what was before.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub name: String,
    pub feature: Option<String>,
    pub value: f64,
    pub bound: Bound,
    pub detail: Option<serde_json::Value>,
}

/// Every signal that can be measured, whether or not there is a limit for it. `traffic` is in predictions a second and is
/// left out where all of the window came at once. `before` has the levels that are not ok, `more` what was measured elsewhere.
pub(crate) fn measure(
    spec: &MonitorSpec,
    rows: &Rows,
    judgement: &Judgement,
    more: Vec<Measured>,
    before: &BTreeMap<String, Level>,
) -> Vec<Signal> {
    let rules = &spec.rules;
    let mut signals = Vec::new();
    let mut held = |measured: Measured| {
        let Measured { name, feature, value, bound, detail } = measured;
        let level = bound.level(value, before.get(&name).copied().unwrap_or_default());
        signals.push(Signal { name, feature, value, limit: bound.of(level), level, detail });
    };
    more.into_iter().for_each(&mut held);
    let mut add = |name: &str, feature: Option<String>, value: f64, limits: Option<Limits>| {
        held(Measured { name: name.into(), feature, value, bound: Bound::above(limits), detail: None });
    };
    let warn =
        Limits { warn: rules.warn_share.map(|s| s - 1e-9), critical: Some(spec.share - 1e-9), clear: None };
    add("drift", None, judgement.share, Some(warn));
    type Of = fn(&crate::FeatureScore) -> f64;
    let of_features: [(&str, Option<Limits>, Of); 3] = [
        ("missing", rules.missing, |f| f.current_missing),
        ("out_of_range", rules.out_of_range, |f| f.out_of_range),
        ("unseen", rules.unseen, |f| f.unseen),
    ];
    for (name, limits, of) in of_features {
        let worst = judgement.features.iter().max_by(|a, b| of(a).total_cmp(&of(b)));
        if let Some(worst) = worst {
            add(name, Some(worst.name.clone()), of(worst), limits);
        }
    }
    let mut latencies: Vec<f64> = rows.latency_us.iter().map(|us| *us as f64 / 1_000.0).collect();
    latencies.sort_by(f64::total_cmp);
    if !latencies.is_empty() {
        let at = |q: f64| latencies[((latencies.len() - 1) as f64 * q).ceil() as usize];
        add("latency_p95_ms", None, at(0.95), rules.latency_p95_ms);
        add("latency_p99_ms", None, at(0.99), rules.latency_p99_ms);
    }
    let (first, last) = (rows.at.iter().min(), rows.at.iter().max());
    if let (Some(first), Some(last)) = (first, last)
        && last.0 > first.0
    {
        add("traffic", None, rows.len() as f64 / ((last.0 - first.0) as f64 / 1e6), rules.traffic);
    }
    signals
}

/// The worst of all.
pub(crate) fn worst(signals: &[Signal]) -> Level {
    signals.iter().map(|s| s.level).max().unwrap_or_default()
}

/// Gauges for Prometheus, of the newest window of each monitor.
pub(crate) fn publish(spec: &MonitorSpec, judgement: &Judgement, signals: &[Signal], alarm: bool) {
    let monitor = spec.name.clone();
    metrics::gauge!("mlwright_monitor_alarm", "monitor" => monitor.clone()).set(f64::from(u8::from(alarm)));
    metrics::gauge!("mlwright_monitor_drift_share", "monitor" => monitor.clone()).set(judgement.share);
    for signal in signals.iter().filter(|s| s.name != "drift") {
        metrics::gauge!("mlwright_monitor_signal", "monitor" => monitor.clone(), "signal" => signal.name.clone())
            .set(signal.value);
    }
    for feature in &judgement.features {
        let labels = [("monitor", monitor.clone()), ("feature", feature.name.clone())];
        if let Some(score) = feature.score {
            metrics::gauge!("mlwright_monitor_feature_score", &labels).set(score);
        }
        metrics::gauge!("mlwright_monitor_feature_drifted", &labels)
            .set(f64::from(u8::from(feature.drifted)));
    }
    metrics::counter!("mlwright_monitor_windows_total", "monitor" => monitor).increment(1);
}
