//! One file a question.

mod agreement;
mod association;
mod coverage;
mod duplicates;
mod labels;
mod novelty;
mod outliers;
mod planted;
mod stream;

pub(super) use agreement::agreement;
pub(super) use association::{leakage, proxies};
pub(super) use coverage::coverage;
pub(super) use duplicates::{contamination, duplicates};
pub(super) use labels::{disagreement, label_errors};
pub(super) use novelty::novelty;
pub(super) use outliers::outliers;
pub(super) use planted::planted;
pub(super) use stream::stream_outliers;

use statistics::{Interval, representation};

use super::{Evidence, Finding, Kind, Plan, Statistic, Threshold, Verdict};

/// Verdict of a share of rows: it fails if even the low end of its interval reaches the limit, and warns from the
/// share itself on, so that a handful of rows by chance is no failure.
pub(super) fn judge_share(count: usize, of: usize, threshold: Threshold) -> (Verdict, Option<Interval>) {
    let interval = representation::wilson(count as f64, of as f64, 0.95).ok();
    let share = count as f64 / of.max(1) as f64;
    let verdict = if interval.is_some_and(|i| i.low >= threshold.fail) {
        Verdict::Fail
    } else if share >= threshold.warn {
        Verdict::Warn
    } else {
        Verdict::Pass
    };
    (verdict, interval)
}

/// A finding about how many rows are of a kind.
pub(super) fn share_finding(
    kind: Kind,
    plan: &Plan,
    of: usize,
    mut evidence: Vec<Evidence>,
    text: impl FnOnce(Verdict, f64) -> String,
) -> Finding {
    let threshold = plan.threshold(kind);
    let count = evidence.len();
    let (verdict, interval) = judge_share(count, of, threshold);
    let share = count as f64 / of.max(1) as f64;
    evidence.truncate(plan.evidence);
    Finding {
        check: kind,
        verdict,
        statistic: Some(Statistic { name: "share of rows".into(), value: share }),
        interval,
        n: of as u64,
        threshold: Some(threshold),
        text: text(verdict, share),
        evidence,
        found: count as u64,
    }
}

pub(super) fn above(value: f64, threshold: Threshold) -> Verdict {
    if value >= threshold.fail {
        Verdict::Fail
    } else if value >= threshold.warn {
        Verdict::Warn
    } else {
        Verdict::Pass
    }
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}
