use types::Timestamp;

use super::{Rollout, RolloutState};

/// What one variant did in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    pub requests: u64,
    /// Requests that the model or the server failed.
    pub errors: u64,
    /// The latest requests, which `p95_ms` is of.
    pub timed: u64,
    /// 0 without requests.
    pub p95_ms: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Wait,
    /// The step has lasted long enough and seen enough.
    Advance,
    RollBack(String),
    /// It has waited long enough for requests that do not come.
    GiveUp(String),
}

/// Requests of both variants from which percentiles are compared.
const LEAST_FOR_LATENCY: u64 = 50;

/// What to do with a rollout, given what both sides did since its step began.
///
/// Errors are compared by the lower end of the candidate's Wilson interval (95 %), so that a single failure among few
/// requests ends nothing, and a variant that always fails is found within its first `least_requests`.
pub fn decide(rollout: &Rollout, candidate: Window, stable: Window, now: Timestamp) -> Verdict {
    if !rollout.state.is_active() {
        return Verdict::Wait;
    }
    let guards = &rollout.guards;
    let enough = candidate.requests >= guards.least_requests.max(1);
    if enough {
        let usual = share(stable.errors, stable.requests);
        let least = wilson_lower(candidate.errors, candidate.requests);
        if least > usual + guards.error_margin {
            return Verdict::RollBack(format!(
                "{} of {} requests of `{}` failed, {} of {} of the stable variant",
                candidate.errors, candidate.requests, rollout.candidate, stable.errors, stable.requests
            ));
        }
    }
    let most = stable.p95_ms * guards.latency_factor + guards.latency_slack_ms;
    let comparable = enough && candidate.timed >= LEAST_FOR_LATENCY && stable.timed >= LEAST_FOR_LATENCY;
    if comparable && candidate.p95_ms > most {
        return Verdict::RollBack(format!(
            "the 95th percentile of `{}` is {:.1} ms, {:.1} ms of the stable variant (at most {most:.1} ms)",
            rollout.candidate, candidate.p95_ms, stable.p95_ms
        ));
    }
    let lasted = (now.0 - rollout.step_since.0).div_euclid(1_000_000);
    let overdue = lasted - rollout.bake_seconds;
    if rollout.state != RolloutState::Running || overdue < 0 {
        return Verdict::Wait;
    }
    if enough {
        return Verdict::Advance;
    }
    if guards.patience_seconds == 0 || overdue < guards.patience_seconds {
        return Verdict::Wait;
    }
    Verdict::GiveUp(format!(
        "`{}` answered {} requests in {}; it is judged from {} on",
        rollout.candidate,
        candidate.requests,
        long(lasted),
        guards.least_requests.max(1)
    ))
}

/// `90 s`, `65 min`, `26 h`: the largest unit of which there are two at least.
fn long(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Lower end of the Wilson score interval of a proportion at 95 % (z = 1.96).
/// E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
fn wilson_lower(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    let (z, n, p) = (1.96, whole as f64, share(part, whole));
    let centre = p + z * z / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    ((centre - spread) / (1.0 + z * z / n)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::Guards;
    use super::*;

    fn rollout() -> Rollout {
        Rollout {
            uid: types::new_id(Timestamp(0)),
            endpoint: "e".into(),
            candidate: "m-2".into(),
            candidate_version: types::new_id(Timestamp(0)),
            candidate_graph: None,
            stable: Vec::new(),
            steps: vec![0.1, 0.5],
            bake_seconds: 60,
            guards: Guards::default(),
            step: 0,
            step_since: Timestamp(0),
            state: RolloutState::Running,
            reason: None,
            timeline: Vec::new(),
            created_at: Timestamp(0),
            created_by: "test".into(),
            causes: Vec::new(),
        }
    }

    fn window(requests: u64, errors: u64, p95_ms: f64) -> Window {
        Window { requests, errors, timed: requests, p95_ms }
    }

    const LATE: Timestamp = Timestamp(61_000_000);

    #[test]
    fn a_candidate_that_always_fails_goes_back_within_its_first_requests() {
        let verdict = decide(&rollout(), window(20, 20, 1.0), window(180, 0, 1.0), Timestamp(1));
        let Verdict::RollBack(reason) = verdict else { panic!("{verdict:?}") };
        assert_eq!(reason, "20 of 20 requests of `m-2` failed, 0 of 180 of the stable variant");
    }

    #[test]
    fn chance_and_errors_of_both_sides_end_nothing() {
        let rollout = rollout();
        assert_eq!(decide(&rollout, window(30, 1, 1.0), window(300, 0, 1.0), LATE), Verdict::Advance);
        assert_eq!(decide(&rollout, window(30, 15, 1.0), window(300, 150, 1.0), LATE), Verdict::Advance);
        assert_eq!(decide(&rollout, window(19, 19, 1.0), window(300, 0, 1.0), LATE), Verdict::Wait);
    }

    #[test]
    fn a_slow_candidate_goes_back() {
        let slow = decide(&rollout(), window(60, 0, 40.0), window(60, 0, 5.0), LATE);
        assert!(matches!(slow, Verdict::RollBack(_)), "{slow:?}");
        assert_eq!(decide(&rollout(), window(60, 0, 19.0), window(60, 0, 5.0), LATE), Verdict::Advance);
    }

    #[test]
    fn a_step_lasts_as_long_as_it_was_told_and_a_paused_one_for_ever() {
        let good = (window(1000, 0, 1.0), window(1000, 0, 1.0));
        assert_eq!(decide(&rollout(), good.0, good.1, Timestamp(59_000_000)), Verdict::Wait);
        assert_eq!(decide(&rollout(), good.0, good.1, LATE), Verdict::Advance);
        let paused = Rollout { state: RolloutState::Paused, ..rollout() };
        assert_eq!(decide(&paused, good.0, good.1, LATE), Verdict::Wait);
        assert!(matches!(decide(&paused, window(50, 50, 1.0), good.1, LATE), Verdict::RollBack(_)));
    }

    #[test]
    fn a_candidate_that_nobody_asks_is_given_up_after_its_patience() {
        let after = |seconds: i64| Timestamp(seconds * 1_000_000);
        let few = || (window(3, 0, 1.0), window(27, 0, 1.0));
        let asked = |rollout: &Rollout, seconds| decide(rollout, few().0, few().1, after(seconds));
        assert_eq!(asked(&rollout(), 60), Verdict::Wait);
        assert_eq!(asked(&rollout(), 60 + 3599), Verdict::Wait);
        let told = "`m-2` answered 3 requests in 61 min; it is judged from 20 on";
        assert_eq!(asked(&rollout(), 60 + 3600), Verdict::GiveUp(told.into()));
        let endless = Guards { patience_seconds: 0, ..Guards::default() };
        assert_eq!(asked(&Rollout { guards: endless, ..rollout() }, 1_000_000), Verdict::Wait);
        assert_eq!(asked(&Rollout { state: RolloutState::Paused, ..rollout() }, 1_000_000), Verdict::Wait);
        let failing = decide(&rollout(), window(20, 20, 1.0), window(180, 0, 1.0), after(1_000_000));
        assert!(matches!(failing, Verdict::RollBack(_)), "{failing:?}");
    }

    #[test]
    fn latencies_of_few_requests_are_not_compared() {
        let seldom = Window { timed: 4, ..window(500, 0, 900.0) };
        assert_eq!(decide(&rollout(), seldom, window(500, 0, 1.0), LATE), Verdict::Advance);
    }

    #[test]
    fn wilson_bounds_are_those_of_the_literature() {
        // R: binom::binom.wilson(10, 20) -> 0.2993, 0.7007
        assert!((wilson_lower(10, 20) - 0.2993).abs() < 1e-4);
        assert_eq!(wilson_lower(0, 20), 0.0);
    }
}
