//! What lies between a gate that opened and the swap: all of it may be left out.

use serde::{Deserialize, Serialize};
use serving::{Guards, ShadowFigures};

use crate::Freeze;

/// The stations, in this order. Where nothing serves yet, there is nothing to compare with: shadow and canary are
/// passed over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RolloutRule {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalRule>,
    /// Times in which neither canary nor swap begins, and a canary makes no step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<Freeze>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryRule>,
}

/// A person must say yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    /// Seconds after which a candidate that nobody approved is refused.
    pub within: i64,
    /// Who may, as actors are written (`user:ann`); empty: whoever may deploy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
}

/// The candidate gets copies of the live requests and answers nobody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShadowRule {
    /// Copies from which it is judged; at least 1.
    pub requests: u64,
    /// Seconds in which so many must come.
    pub within: i64,
    /// The share of copies that it may fail.
    pub errors: f64,
    /// How far its answers may be from those that the callers got ([`ShadowFigures::disagreement`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<f64>,
    /// Its 95th percentile of latency may be this many times that of those who answered, plus `latency_slack_ms`.
    pub latency_factor: f64,
    pub latency_slack_ms: f64,
}

/// The candidate answers growing shares of the traffic, and is rolled back by itself where it does worse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryRule {
    /// Its share of the traffic at each step, above 0 and below 1, growing.
    pub steps: Vec<f64>,
    /// Seconds that each step lasts at least.
    pub bake: i64,
    pub guards: Guards,
}

/// Requests from which percentiles are compared.
const LEAST_FOR_LATENCY: u64 = 50;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Judged {
    /// Too few copies so far.
    Wait,
    Good(String),
    Bad(String),
}

impl ShadowRule {
    /// Bad as soon as what it failed is more than it may fail among all the copies that are asked for.
    pub(crate) fn judge(&self, figures: &ShadowFigures) -> Judged {
        let ShadowFigures { requests, errors, .. } = figures;
        let all = self.requests.max(*requests) as f64;
        if *errors as f64 > self.errors * all {
            return Judged::Bad(format!(
                "{errors} of {requests} copies failed; at most {} may",
                percent(self.errors)
            ));
        }
        if *requests < self.requests {
            return Judged::Wait;
        }
        let apart = figures.disagreement();
        if let Some(most) = self.disagreement {
            match apart {
                Some(apart) if apart <= most => {}
                Some(apart) => {
                    return Judged::Bad(format!(
                        "it disagrees with what serves by {}; at most {} are allowed",
                        percent(apart),
                        percent(most)
                    ));
                }
                None => return Judged::Bad("its answers cannot be compared with what serves".into()),
            }
        }
        let (own, usual) = (figures.p95_ms(), figures.answered_p95_ms());
        let most = usual * self.latency_factor + self.latency_slack_ms;
        if *requests >= LEAST_FOR_LATENCY && own > most {
            return Judged::Bad(format!(
                "its 95th percentile is {own:.1} ms, {usual:.1} ms of what serves (at most {most:.1} ms)"
            ));
        }
        let apart = apart.map(|a| format!(", {} disagreement", percent(a))).unwrap_or_default();
        Judged::Good(format!(
            "{requests} copies, {errors} failed{apart}, 95th percentile {own:.1} ms beside {usual:.1} ms"
        ))
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

impl RolloutRule {
    /// Errors: what is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.approval.as_ref().is_some_and(|a| a.within < 1) {
            return Err("rollout.approval.within must be at least 1".into());
        }
        for freeze in &self.freeze {
            freeze.check().map_err(|why| format!("rollout.freeze: {why}"))?;
        }
        self.check_stations().map_err(str::to_owned)
    }

    fn check_stations(&self) -> Result<(), &'static str> {
        let share = |v: f64| (0.0..=1.0).contains(&v);
        let latency = |factor: f64, slack: f64| factor.is_finite() && factor >= 1.0 && slack >= 0.0;
        if let Some(shadow) = &self.shadow {
            if shadow.requests < 1 || shadow.within < 1 {
                return Err("rollout.shadow needs requests and within of at least 1");
            }
            if !share(shadow.errors) || shadow.disagreement.is_some_and(|d| d.is_nan() || d < 0.0) {
                return Err("rollout.shadow needs errors between 0 and 1 and a disagreement of at least 0");
            }
            if !latency(shadow.latency_factor, shadow.latency_slack_ms) {
                return Err("rollout.shadow needs a latency_factor of at least 1 and a slack of at least 0");
            }
        }
        if let Some(canary) = &self.canary {
            let growing = canary.steps.windows(2).all(|pair| pair[0] < pair[1]);
            let inside = canary.steps.iter().all(|s| *s > 0.0 && *s < 1.0);
            if canary.steps.is_empty() || !growing || !inside {
                return Err(
                    "rollout.canary.steps must be shares above 0 and below 1, each larger than the last",
                );
            }
            if !(0..=30 * 86_400).contains(&canary.bake) {
                return Err("rollout.canary.bake must be between 0 and 30 days");
            }
            let guards = &canary.guards;
            if !(0..=30 * 86_400).contains(&guards.patience_seconds) {
                return Err("rollout.canary.patience must be between 0 and 30 days");
            }
            if !share(guards.error_margin) || !latency(guards.latency_factor, guards.latency_slack_ms) {
                return Err("rollout.canary needs errors between 0 and 1 and a latency_factor of at least 1");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule() -> ShadowRule {
        ShadowRule {
            requests: 100,
            within: 60,
            errors: 0.05,
            disagreement: Some(0.2),
            latency_factor: 2.0,
            latency_slack_ms: 10.0,
        }
    }

    fn figures(requests: u64, errors: u64, rows: u64, other: u64) -> ShadowFigures {
        let body = json!({
            "requests": requests, "errors": errors, "rows": rows, "class_rows": rows, "other_class": other,
        });
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn a_shadow_is_judged_when_enough_copies_came_and_refused_once_it_cannot_pass() {
        assert_eq!(rule().judge(&figures(99, 5, 94, 0)), Judged::Wait);
        assert_eq!(
            rule().judge(&figures(20, 6, 14, 0)),
            Judged::Bad("6 of 20 copies failed; at most 5.0 % may".into())
        );
        assert!(matches!(rule().judge(&figures(100, 5, 95, 19)), Judged::Good(_)));
        assert_eq!(
            rule().judge(&figures(100, 0, 100, 21)),
            Judged::Bad("it disagrees with what serves by 21.0 %; at most 20.0 % are allowed".into())
        );
        assert_eq!(
            rule().judge(&figures(100, 0, 0, 0)),
            Judged::Bad("its answers cannot be compared with what serves".into())
        );
        let uncompared = ShadowRule { disagreement: None, ..rule() };
        assert!(matches!(uncompared.judge(&figures(100, 0, 0, 0)), Judged::Good(_)));
    }
}
