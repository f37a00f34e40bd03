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

/// Values above which a signal warns and is critical.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<f64>,
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
