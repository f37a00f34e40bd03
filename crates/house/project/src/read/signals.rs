//! Rules about what a monitor watches beside drift.

use std::collections::BTreeMap;

use monitoring::{Bias, Clients, Limits};

use crate::Span;
use crate::node::Node;
use crate::reader::{Fields, Reader};

const KEYS: [&str; 3] = ["warn", "critical", "clear"];

fn limit(reader: &mut Reader, fields: &Fields<'_>, name: &str) -> Option<f64> {
    reader.optional(fields, name, |r, p, n| r.number_in(p, n, 0.0, false, f64::INFINITY))
}

pub(super) fn limits(reader: &mut Reader, fields: &Fields<'_>, name: &str) -> Option<Limits> {
    let at = reader.key_at(fields, name);
    reader.optional(fields, name, |r, p, n| Some(limits_of(r, p, at, n)))
}

fn limits_of(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Limits {
    let inner = reader.fields(path, at, node, &KEYS);
    let [warn, critical, clear] = KEYS.map(|name| limit(reader, &inner, name));
    Limits { warn, critical, clear }
}

pub(super) fn bias(reader: &mut Reader, fields: &Fields<'_>) -> Option<Bias> {
    let at = reader.key_at(fields, "bias");
    reader.optional(fields, "bias", |r, p, n| {
        let known = [
            "by",
            "threshold",
            "min_group",
            "demographic_parity_difference",
            "demographic_parity_ratio",
            "equal_opportunity_difference",
            "equalized_odds_difference",
        ];
        let inner = r.fields(p, at, n, &known);
        Some(Bias {
            by: r.required(&inner, "by", "[sex]", |r, p, n| r.list(p, n, Reader::text)).unwrap_or_default(),
            threshold: r.optional(&inner, "threshold", Reader::number),
            min_group: r
                .optional(&inner, "min_group", |r, _, n| r.integer(n, 1, 10_000_000))
                .map(|v| v as u64),
            demographic_parity_difference: limits(r, &inner, "demographic_parity_difference"),
            demographic_parity_ratio: limits(r, &inner, "demographic_parity_ratio"),
            equal_opportunity_difference: limits(r, &inner, "equal_opportunity_difference"),
            equalized_odds_difference: limits(r, &inner, "equalized_odds_difference"),
        })
    })
}

pub(super) fn clients(reader: &mut Reader, fields: &Fields<'_>) -> Option<Clients> {
    let at = reader.key_at(fields, "clients");
    reader.optional(fields, "clients", |r, p, n| {
        let known = ["min_rows", "rate", "novel_share", "boundary_share", "near_share"];
        let inner = r.fields(p, at, n, &known);
        Some(Clients {
            min_rows: r.optional(&inner, "min_rows", |r, _, n| r.integer(n, 2, 10_000_000)).map(|v| v as u64),
            rate: limits(r, &inner, "rate"),
            novel_share: limits(r, &inner, "novel_share"),
            boundary_share: limits(r, &inner, "boundary_share"),
            near_share: limits(r, &inner, "near_share"),
        })
    })
}

/// By the metric's name, which labels decide on.
pub(super) fn performance(reader: &mut Reader, fields: &Fields<'_>) -> BTreeMap<String, Limits> {
    let named = |r: &mut Reader, p: &str, n: &Node| Some(r.keyed(p, n, limits_of));
    reader.optional(fields, "performance", named).unwrap_or_default()
}
