use automation::{CanaryRule, RolloutRule, ShadowRule};
use serving::Guards;

use super::serving::longer_than_zero;
use crate::node::Node;
use crate::reader::{Fields, Reader};
use crate::{Duration, Span};

/// What lies between a gate that opened and the swap.
pub(super) fn rollout(reader: &mut Reader, path: &str, at: Span, node: &Node) -> RolloutRule {
    let fields = reader.fields(path, at, node, &["shadow", "canary"]);
    let (shadow_at, canary_at) = (reader.key_at(&fields, "shadow"), reader.key_at(&fields, "canary"));
    RolloutRule {
        shadow: reader.optional(&fields, "shadow", |r, p, n| Some(shadow(r, p, shadow_at, n))),
        canary: reader.optional(&fields, "canary", |r, p, n| Some(canary(r, p, canary_at, n))),
    }
}

/// A shadow that cannot be judged in a day is not going to be.
const WITHIN: u64 = 86_400;
/// The share of copies that a shadow may fail.
const ERRORS: f64 = 0.01;

fn shadow(reader: &mut Reader, path: &str, at: Span, node: &Node) -> ShadowRule {
    let known = ["requests", "within", "errors", "disagreement", "latency_factor", "latency_slack_ms"];
    let fields = reader.fields(path, at, node, &known);
    let requests =
        reader.required(&fields, "requests", "500", |r, _, n| r.integer(n, 1, 1_000_000_000)).unwrap_or(1);
    let within = match reader.has(&fields, "within") {
        true => longer_than_zero(reader, &fields, path, "within", "1h"),
        false => Duration::from_seconds(WITHIN),
    };
    let (latency_factor, latency_slack_ms) = latency(reader, &fields);
    ShadowRule {
        requests: requests as u64,
        within: seconds(within),
        errors: reader
            .optional(&fields, "errors", |r, p, n| r.number_in(p, n, 0.0, false, 1.0))
            .unwrap_or(ERRORS),
        disagreement: reader
            .optional(&fields, "disagreement", |r, p, n| r.number_in(p, n, 0.0, false, f64::INFINITY)),
        latency_factor,
        latency_slack_ms,
    }
}

fn canary(reader: &mut Reader, path: &str, at: Span, node: &Node) -> CanaryRule {
    let known = ["steps", "bake", "requests", "errors", "latency_factor", "latency_slack_ms"];
    let fields = reader.fields(path, at, node, &known);
    let steps = reader
        .required(&fields, "steps", "[0.1, 0.5]", |r, p, n| {
            r.list(p, n, |r, p, n| r.number_in(p, n, 0.0, true, 0.999_999))
        })
        .unwrap_or_default();
    if steps.windows(2).any(|pair| pair[0] >= pair[1]) {
        let hint =
            Some("order the shares from small to large; all of the traffic comes last by itself".into());
        reader.error_at(&format!("{path}.steps"), "each step must be larger than the one before", hint);
    }
    let bake = reader.required(&fields, "bake", "5m", Reader::duration).unwrap_or(Duration::from_seconds(0));
    if bake.seconds() > 30 * 86_400 {
        reader.error_at(&format!("{path}.bake"), "`bake` must be at most 30d", None);
    }
    let usual = Guards::default();
    let (latency_factor, latency_slack_ms) = latency(reader, &fields);
    let least = reader.optional(&fields, "requests", |r, _, n| r.integer(n, 1, 1_000_000_000));
    let guards = Guards {
        least_requests: least.map_or(usual.least_requests, |n| n as u64),
        error_margin: reader
            .optional(&fields, "errors", |r, p, n| r.number_in(p, n, 0.0, false, 1.0))
            .unwrap_or(usual.error_margin),
        latency_factor,
        latency_slack_ms,
    };
    CanaryRule { steps, bake: seconds(bake), guards }
}

fn latency(reader: &mut Reader, fields: &Fields<'_>) -> (f64, f64) {
    let usual = Guards::default();
    let factor = reader
        .optional(fields, "latency_factor", |r, p, n| r.number_in(p, n, 1.0, false, f64::INFINITY))
        .unwrap_or(usual.latency_factor);
    let slack = reader
        .optional(fields, "latency_slack_ms", |r, p, n| r.number_in(p, n, 0.0, false, f64::INFINITY))
        .unwrap_or(usual.latency_slack_ms);
    (factor, slack)
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.seconds()).unwrap_or(i64::MAX)
}
