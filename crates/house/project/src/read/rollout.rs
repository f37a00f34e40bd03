use automation::{ApprovalRule, CanaryRule, DAYS, Freeze, RolloutRule, ShadowRule};
use serving::{Guards, WithoutTraffic};

use super::serving::longer_than_zero;
use crate::node::Node;
use crate::reader::{Fields, Reader};
use crate::{Duration, Span};

/// What lies between a gate that opened and the swap.
pub(super) fn rollout(reader: &mut Reader, path: &str, at: Span, node: &Node) -> RolloutRule {
    let fields = reader.fields(path, at, node, &["shadow", "approval", "freeze", "canary"]);
    let (shadow_at, canary_at) = (reader.key_at(&fields, "shadow"), reader.key_at(&fields, "canary"));
    let approval_at = reader.key_at(&fields, "approval");
    RolloutRule {
        shadow: reader.optional(&fields, "shadow", |r, p, n| Some(shadow(r, p, shadow_at, n))),
        approval: reader.optional(&fields, "approval", |r, p, n| Some(approval(r, p, approval_at, n))),
        freeze: reader
            .optional(&fields, "freeze", |r, p, n| r.list(p, n, |r, p, n| Some(freeze(r, p, n))))
            .unwrap_or_default(),
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

fn approval(reader: &mut Reader, path: &str, at: Span, node: &Node) -> ApprovalRule {
    let fields = reader.fields(path, at, node, &["within", "by"]);
    ApprovalRule {
        within: seconds(longer_than_zero(reader, &fields, path, "within", "2d")),
        by: reader.optional(&fields, "by", |r, p, n| r.list(p, n, Reader::text)).unwrap_or_default(),
    }
}

fn freeze(reader: &mut Reader, path: &str, node: &Node) -> Freeze {
    let fields = reader.fields(path, node.at, node, &["days", "from", "to", "first", "last", "zone"]);
    let days = DAYS.map(|(name, _)| (name, name));
    let day = |r: &mut Reader, _: &str, n: &Node| r.word(n, &days).map(str::to_owned);
    let mut freeze = Freeze {
        days: reader.optional(&fields, "days", |r, p, n| r.list(p, n, day)).unwrap_or_default(),
        from: reader.optional(&fields, "from", Reader::text),
        to: reader.optional(&fields, "to", Reader::text),
        first: reader.optional(&fields, "first", Reader::text),
        last: reader.optional(&fields, "last", Reader::text),
        zone: reader.required(&fields, "zone", "Europe/Vienna", Reader::text).unwrap_or_default(),
    };
    if freeze.zone.is_empty() {
        // That is reported already; the rest is read all the same.
        freeze.zone = "UTC".into();
    }
    if let Err(why) = freeze.check() {
        let hint = "such as {days: [fri], from: \"16:00\", to: \"24:00\", zone: Europe/Vienna}".to_owned();
        reader.error_at(path, why, Some(hint));
    }
    freeze
}

const WITHOUT_TRAFFIC: [(&str, WithoutTraffic); 2] =
    [("pause", WithoutTraffic::Pause), ("roll_back", WithoutTraffic::RollBack)];

fn canary(reader: &mut Reader, path: &str, at: Span, node: &Node) -> CanaryRule {
    let known = [
        "steps",
        "bake",
        "requests",
        "errors",
        "latency_factor",
        "latency_slack_ms",
        "patience",
        "without_traffic",
    ];
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
    let patience = reader.optional(&fields, "patience", Reader::duration);
    if patience.is_some_and(|patience| patience.seconds() > 30 * 86_400) {
        reader.error_at(&format!("{path}.patience"), "`patience` must be at most 30d", None);
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
        patience_seconds: patience.map_or(usual.patience_seconds, seconds),
        // Nobody stands by a retraining to take up what was paused.
        without_traffic: reader
            .optional(&fields, "without_traffic", |r, _, n| r.word(n, &WITHOUT_TRAFFIC))
            .unwrap_or(WithoutTraffic::RollBack),
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
