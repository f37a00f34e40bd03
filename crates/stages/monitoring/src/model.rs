use std::collections::BTreeMap;

use columns::Histogram;
use serde::{Deserialize, Serialize};
use types::{Digest, Timestamp, Uid};

use crate::rules::{Level, Rules};
use crate::signals::Signal;

/// How a feature's window is compared with its baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Population stability index over the baseline's quantile bins; drift from the threshold on.
    #[default]
    Psi,
    /// p-value of the two-sample Kolmogorov–Smirnov test; drift at the threshold or below.
    Ks,
    /// Jensen–Shannon distance over the same bins as PSI; drift from the threshold on.
    Jensenshannon,
    /// Wasserstein distance in standard deviations of the baseline; drift from the threshold on.
    Wasserstein,
    /// p-value of Pearson's χ² test over the same bins as PSI; drift at the threshold or below.
    ChiSquare,
}

impl Method {
    /// Whether the score is a p-value, so that small means drift.
    pub fn is_p_value(self) -> bool {
        matches!(self, Self::Ks | Self::ChiSquare)
    }

    /// Whether it compares numbers themselves, not counts in bins.
    pub fn needs_numbers(self) -> bool {
        matches!(self, Self::Ks | Self::Wasserstein)
    }
}

/// Where the rows come from that a window is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BaselineRef {
    /// A Parquet blob.
    Blob { digest: Digest },
    /// The output of the pipeline run that made the serving model version.
    Output { pipeline: String, step: String, output: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowRows {
    pub rows: u64,
}

/// What differs for one feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MonitorSpec {
    pub name: String,
    pub endpoint: String,
    pub baseline: BaselineRef,
    pub window: WindowRows,
    #[serde(default)]
    pub method: Method,
    pub threshold: f64,
    /// The part of the features that must drift before the window counts as drifted, 0 < share ≤ 1.
    #[serde(default = "fifth")]
    pub share: f64,
    /// So many drifted windows in a row raise the alarm.
    #[serde(default = "one")]
    pub consecutive: u32,
    #[serde(default)]
    pub features: BTreeMap<String, FeatureRule>,
    /// Quantile bins of a numeric feature; features of at most 20 different values are binned by value.
    #[serde(default = "ten")]
    pub bins: u32,
    /// Raise the threshold of a distance to the 99 % quantile that chance alone gives for this many rows and bins,
    /// so that small windows do not raise false alarms.
    #[serde(default = "yes")]
    pub calibrate: bool,
    /// The output that is compared with late labels; found by itself if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// When windows raise the alarm, and what else is watched.
    #[serde(default, skip_serializing_if = "Rules::is_default")]
    pub rules: Rules,
}

fn fifth() -> f64 {
    0.2
}

fn one() -> u32 {
    1
}

fn ten() -> u32 {
    10
}

fn yes() -> bool {
    true
}

/// One feature of one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureScore {
    pub name: String,
    pub method: Method,
    /// `None` where it cannot be computed; `reason` says why.
    pub score: Option<f64>,
    /// The one that was applied, calibration included.
    pub threshold: f64,
    pub drifted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Shares of missing or not finite values.
    pub baseline_missing: f64,
    pub current_missing: f64,
    /// The share of the window's numbers outside of the baseline's range.
    #[serde(default)]
    pub out_of_range: f64,
    /// The share of the window's texts that the baseline has not.
    #[serde(default)]
    pub unseen: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Histogram>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Histogram>,
}

/// What a window's rows say.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    pub features: Vec<FeatureScore>,
    /// Drifted features among those that could be judged; 0 if none could.
    pub share: f64,
    pub drifted: bool,
}

/// A judged window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowView {
    #[serde(rename = "id")]
    pub uid: Uid,
    pub monitor: String,
    /// Counts from 1.
    pub number: i64,
    pub from: Timestamp,
    pub to: Timestamp,
    pub rows: i64,
    /// Ordinals in the endpoint's log: the first, and the one after the last. Records between them that are not watched are no
    /// rows of it.
    pub first_ordinal: i64,
    pub next_ordinal: i64,
    pub revision: Uid,
    pub model_version: Uid,
    /// The Parquet blob that it was compared with.
    pub baseline: Digest,
    pub drifted: bool,
    pub share: f64,
    /// Whether the alarm was on after it.
    pub alarm: bool,
    /// The worst of its signals.
    pub level: Level,
    pub signals: Vec<Signal>,
    /// Histograms are left out of lists.
    pub features: Vec<FeatureScore>,
}

/// How good the predictions of a window were, by the labels that have arrived.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Performance {
    pub window: Uid,
    /// When the window's last prediction was made.
    pub at: Timestamp,
    /// Predictions with a label.
    pub rows: i64,
    pub metrics: BTreeMap<String, f64>,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MonitorSummary {
    pub name: String,
    pub endpoint: String,
    /// Whether the alarm is on.
    pub drifted: bool,
    /// How many windows were judged.
    pub windows: i64,
    pub last: Option<WindowView>,
    /// Why windows cannot be judged now.
    pub problem: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Monitor {
    pub name: String,
    pub endpoint: String,
    pub method: Method,
    pub threshold: f64,
    pub share: f64,
    pub window_rows: u64,
    pub consecutive: u32,
    /// Whether the alarm is on.
    pub drifted: bool,
    /// Drifted windows in a row, the newest ones.
    pub streak: i64,
    /// The log's ordinal that the next window starts with.
    pub next_ordinal: i64,
    pub problem: Option<String>,
    /// Of the signals that are not ok, those of labelled predictions among them.
    pub levels: BTreeMap<String, Level>,
    pub spec: MonitorSpec,
    /// Newest first, without histograms.
    pub windows: Vec<WindowView>,
    /// The newest one with histograms.
    pub latest: Option<WindowView>,
    /// In the order of `windows`, where labels have arrived.
    pub performance: Vec<Performance>,
}
