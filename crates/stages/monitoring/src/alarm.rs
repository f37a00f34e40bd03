//! From windows to alarms: N of M, a level of its own to end, a pause after the end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use types::Timestamp;

use crate::model::MonitorSpec;
use crate::rules::Level;

/// What is remembered of the windows before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct History {
    /// The newest windows, oldest first, as many as the rule looks at.
    pub recent: Vec<Seen>,
    /// Calm windows in a row.
    pub calm: u32,
    /// When the last alarm ended.
    pub ended_at: Option<Timestamp>,
    /// Of the signals that are not ok.
    pub levels: BTreeMap<String, Level>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub drifted: bool,
    pub first_ordinal: i64,
    pub from: Timestamp,
}

impl History {
    /// Takes a window in; whether the alarm is on after it.
    pub fn advance(&mut self, spec: &MonitorSpec, was: bool, seen: Seen, share: f64, to: Timestamp) -> bool {
        let most = spec.rules.of.unwrap_or(spec.consecutive).max(spec.consecutive) as usize;
        self.recent.push(seen);
        let over = self.recent.len().saturating_sub(most);
        self.recent.drain(..over);
        let is_calm = !seen.drifted && share < spec.rules.clear_share.unwrap_or(f64::INFINITY);
        self.calm = if is_calm { self.calm + 1 } else { 0 };
        if was {
            let ends = self.calm >= spec.rules.clear_after.unwrap_or(1).max(1);
            if ends {
                self.ended_at = Some(to);
                // What led to an alarm that has ended does not lead to the next.
                self.recent.clear();
            }
            return !ends;
        }
        let drifted = self.recent.iter().filter(|s| s.drifted).count();
        let pause = spec.rules.cooldown.unwrap_or(0) as i64 * 1_000_000;
        let rests = self.ended_at.is_some_and(|ended| pause > 0 && to.0 < ended.0 + pause);
        seen.drifted && drifted >= spec.consecutive as usize && !rests
    }

    /// The first of the drifted windows that are looked at.
    pub fn first_drifted(&self) -> Option<Seen> {
        self.recent.iter().find(|s| s.drifted).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;

    fn spec(consecutive: u32, rules: Rules) -> MonitorSpec {
        let mut spec: MonitorSpec = serde_json::from_value(serde_json::json!({
            "name": "m", "endpoint": "e", "baseline": {"pipeline": "p", "step": "s", "output": "o"},
            "window": {"rows": 10}, "threshold": 0.1, "consecutive": consecutive, "share": 0.5,
        }))
        .unwrap();
        spec.rules = rules;
        spec
    }

    /// Whether the alarm is on after each window; windows are a minute apart.
    fn alarms(spec: &MonitorSpec, shares: &[f64]) -> Vec<bool> {
        let (mut history, mut on) = (History::default(), false);
        let each = |(i, share): (usize, &f64)| {
            let at = Timestamp(i as i64 * 60_000_000);
            let seen = Seen { drifted: *share >= spec.share, first_ordinal: i as i64, from: at };
            on = history.advance(spec, on, seen, *share, at);
            on
        };
        shares.iter().enumerate().map(each).collect()
    }

    #[test]
    fn windows_in_a_row_raise_it_and_one_without_drift_ends_it() {
        let spec = spec(2, Rules::default());
        assert_eq!(alarms(&spec, &[0.6, 0.1, 0.6, 0.6, 0.1]), [false, false, false, true, false]);
    }

    #[test]
    fn some_of_the_last_raise_it_and_it_ends_below_its_own_level_only() {
        let rules = Rules { of: Some(4), clear_share: Some(0.2), clear_after: Some(2), ..Rules::default() };
        let spec = spec(2, rules);
        let found = alarms(&spec, &[0.6, 0.1, 0.1, 0.6, 0.3, 0.1, 0.3, 0.1, 0.1, 0.6]);
        assert_eq!(found, [false, false, false, true, true, true, true, true, false, false]);
    }

    #[test]
    fn it_rests_after_its_end() {
        let spec = spec(1, Rules { cooldown: Some(150), ..Rules::default() });
        assert_eq!(alarms(&spec, &[0.6, 0.1, 0.6, 0.6, 0.6]), [true, false, false, false, true]);
    }
}
