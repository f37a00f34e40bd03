use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// When windows raise the alarm, and what else of them is watched. All of it may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Rows from the start of one window to the start of the next; the window's rows if absent (consecutive windows).
    /// Fewer make windows that overlap (rolling).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// What a window is compared with.
    #[serde(skip_serializing_if = "is_default")]
    pub against: Against,
    /// Which records are rows of windows.
    #[serde(skip_serializing_if = "is_default")]
    pub records: Records,
    /// `consecutive` drifted windows among so many raise the alarm; in a row if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
    /// So many calm windows in a row end it; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clear_after: Option<u32>,
    /// A window is calm below this share of drifted features; below the monitor's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clear_share: Option<f64>,
    /// From this share on a window is a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn_share: Option<f64>,
    /// Seconds after an alarm ended in which none starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<u64>,
    /// Features with fewer values in the window are not judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_rows: Option<u64>,
    /// The largest share of a feature's values that are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Limits>,
    /// The largest share of a feature's numbers outside of the baseline's range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_range: Option<Limits>,
    /// The largest share of a feature's texts that the baseline has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Limits>,
    /// Milliseconds that 95 % of the window's predictions took at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_p95_ms: Option<Limits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_p99_ms: Option<Limits>,
    /// Predictions a second, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Limits>,
    /// How groups of protected columns compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bias: Option<Bias>,
    /// How much of what mattered for the baseline still matters in that order (NDCG; 1 if all), of models made of trees. Below is worse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution: Option<Limits>,
    /// What single clients do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<Clients>,
    /// Of predictions whose labels are known, by metric: above the limit is worse for errors and losses, below for the others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub performance: BTreeMap<String, Limits>,
    /// Addresses that are told by e-mail when the alarm or a signal begins and ends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub email: Vec<String>,
    /// Labelled predictions of a window below which its performance is not held against limits; 30 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_labels: Option<u64>,
}

/// Groups of protected columns, compared by fairlearn's metrics. Those of labels wait for labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bias {
    /// Input columns.
    pub by: Vec<String>,
    /// A score from here on is a positive prediction; 0.5 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Groups of fewer rows are not compared; 30 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_group: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demographic_parity_difference: Option<Limits>,
    /// Below is worse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demographic_parity_ratio: Option<Limits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equal_opportunity_difference: Option<Limits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equalized_odds_difference: Option<Limits>,
}

/// What a client does, of those with enough rows in a window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clients {
    /// Clients of fewer rows are not looked at; 50 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_rows: Option<u64>,
    /// Rows a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Limits>,
    /// The share of rows that the endpoint's checks found novel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub novel_share: Option<Limits>,
    /// The share of probabilities within 0.05 of one half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundary_share: Option<Limits>,
    /// The share of different rows that are nearer to another one than 95 % of the baseline's are to each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub near_share: Option<Limits>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Rules {
    pub(crate) fn is_default(&self) -> bool {
        is_default(self)
    }
}

/// What the rows of a window are compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// The monitor's baseline, always the same.
    #[default]
    Baseline,
    /// The predictions of the window before.
    Previous,
}

/// Which of the endpoint's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Records {
    /// What callers were answered.
    #[default]
    Answers,
    /// What variants did that got copies of the requests and answered nobody.
    Shadows,
}

/// Values beyond which a signal warns and is critical: above them, or below where less is worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<f64>,
    /// What was worse stays so until the value is here or better; the limits themselves if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear: Option<f64>,
}

/// A rule's limits, with the side that is worse.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bound {
    limits: Limits,
    below: bool,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    #[default]
    Ok,
    Warn,
    Critical,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Critical => "critical",
        }
    }
}

impl Bound {
    pub fn above(limits: Option<Limits>) -> Self {
        Self { limits: limits.unwrap_or_default(), below: false }
    }

    pub fn below(limits: Option<Limits>) -> Self {
        Self { limits: limits.unwrap_or_default(), below: true }
    }

    /// Limits of a metric of performance.
    pub fn of_metric(name: &str, limits: Limits) -> Self {
        Self { limits, below: evaluation::higher_is_better(name) }
    }

    /// The level after `before`. NaN is ok: it says nothing.
    pub fn level(&self, value: f64, before: Level) -> Level {
        let side = if self.below { -1.0 } else { 1.0 };
        let limits = Limits {
            warn: self.limits.warn.map(|l| side * l),
            critical: self.limits.critical.map(|l| side * l),
            clear: self.limits.clear.map(|l| side * l),
        };
        let now = limits.level(side * value);
        let held = limits.clear.is_some_and(|clear| side * value > clear);
        if held { now.max(before) } else { now }
    }

    /// The limit that `level` was reached by.
    pub fn of(&self, level: Level) -> Option<f64> {
        self.limits.of(level)
    }
}

impl Limits {
    /// Above is worse. NaN is ok: it says nothing.
    pub fn level(&self, value: f64) -> Level {
        let above = |limit: Option<f64>| limit.is_some_and(|limit| value > limit);
        match () {
            () if above(self.critical) => Level::Critical,
            () if above(self.warn) => Level::Warn,
            () => Level::Ok,
        }
    }

    /// The limit that `level` was reached by.
    pub(crate) fn of(&self, level: Level) -> Option<f64> {
        match level {
            Level::Critical => self.critical,
            Level::Warn => self.warn,
            Level::Ok => self.warn.or(self.critical),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_left_at_its_own_limit_or_where_it_is_told() {
        let limits = Limits { warn: Some(0.2), critical: Some(0.5), clear: None };
        let at = |limits, value, before| Bound::above(Some(limits)).level(value, before);
        assert_eq!(at(limits, 0.19, Level::Warn), Level::Ok);
        let slow = Limits { clear: Some(0.1), ..limits };
        assert_eq!(at(slow, 0.19, Level::Ok), Level::Ok, "it never was worse");
        assert_eq!(at(slow, 0.19, Level::Warn), Level::Warn);
        assert_eq!(at(slow, 0.3, Level::Critical), Level::Critical);
        assert_eq!(at(slow, 0.1, Level::Critical), Level::Ok);
        assert_eq!(at(slow, f64::NAN, Level::Critical), Level::Ok);
    }

    #[test]
    fn of_some_values_less_is_worse() {
        let floors = Limits { warn: Some(0.9), critical: Some(0.8), clear: Some(0.95) };
        let at = |value, before| Bound::below(Some(floors)).level(value, before);
        assert_eq!(
            (at(0.97, Level::Ok), at(0.85, Level::Ok), at(0.7, Level::Ok)),
            (Level::Ok, Level::Warn, Level::Critical)
        );
        assert_eq!((at(0.92, Level::Warn), at(0.96, Level::Warn)), (Level::Warn, Level::Ok));
        let limits = Limits { warn: Some(0.7), ..Limits::default() };
        assert_eq!(Bound::of_metric("roc_auc", limits).level(0.6, Level::Ok), Level::Warn);
        assert_eq!(Bound::of_metric("rmse", limits).level(0.6, Level::Ok), Level::Ok);
    }
}
