use std::collections::BTreeMap;

use super::signals;
use crate::node::Node;
use crate::reader::Reader;
use monitoring::{Against, Records, Rules};

use crate::{Bound, Champion, FeatureRule, Gate, Method, Monitor, OutputRef, Span, Window};

pub(super) fn gate(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Gate {
    let known = [
        "model",
        "data",
        "label",
        "output",
        "positive",
        "threshold",
        "metrics",
        "slices",
        "slice_metrics",
        "champion",
    ];
    let fields = reader.fields(path, at, node, &known);
    let data_at = reader.key_at(&fields, "data");
    let champion_at = reader.key_at(&fields, "champion");
    let bounds = |r: &mut Reader, p: &str, n: &Node| Some(r.named(p, n, bound));
    Gate {
        model: reader
            .required(&fields, "model", "<a model that a step registers>", Reader::text)
            .unwrap_or_default(),
        data: reader
            .required(&fields, "data", OUTPUT_EXAMPLE, |r, p, n| Some(output_ref(r, p, data_at, n)))
            .unwrap_or_default(),
        label: reader.required(&fields, "label", "<a column of the data>", Reader::text).unwrap_or_default(),
        output: reader.optional(&fields, "output", Reader::text),
        positive: reader.optional(&fields, "positive", Reader::text),
        threshold: reader.optional(&fields, "threshold", |r, p, n| r.number_in(p, n, 0.0, false, 1.0)),
        metrics: reader.optional(&fields, "metrics", bounds).unwrap_or_default(),
        slices: reader.optional(&fields, "slices", |r, p, n| r.list(p, n, Reader::text)).unwrap_or_default(),
        slice_metrics: reader.optional(&fields, "slice_metrics", bounds).unwrap_or_default(),
        champion: reader.optional(&fields, "champion", |r, p, n| Some(champion(r, p, champion_at, n))),
    }
}

const OUTPUT_EXAMPLE: &str = "{pipeline: train, step: split, output: holdout.parquet}";

fn output_ref(reader: &mut Reader, path: &str, at: Span, node: &Node) -> OutputRef {
    let fields = reader.fields(path, at, node, &["pipeline", "step", "output"]);
    let mut part = |key: &str| reader.required(&fields, key, "<a name>", Reader::text).unwrap_or_default();
    OutputRef { pipeline: part("pipeline"), step: part("step"), output: part("output") }
}

fn bound(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Bound {
    let fields = reader.fields(path, at, node, &["min", "max"]);
    let bound = Bound {
        min: reader.optional(&fields, "min", Reader::number),
        max: reader.optional(&fields, "max", Reader::number),
    };
    match bound {
        Bound { min: Some(min), max: Some(max) } if min > max => {
            let message = format!("no value is at least {min} and at most {max}");
            reader.error_at(path, message, None);
        }
        Bound { min: None, max: None } => {
            reader.error_at(path, "this bound allows every value", Some("add min: or max:".into()));
        }
        _ => {}
    }
    bound
}

fn champion(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Champion {
    let fields = reader.fields(path, at, node, &["metric", "max_drop"]);
    Champion {
        metric: reader.required(&fields, "metric", "roc_auc", Reader::text).unwrap_or_default(),
        max_drop: reader
            .required(&fields, "max_drop", "0.02", |r, p, n| r.number_in(p, n, 0.0, false, f64::INFINITY))
            .unwrap_or_default(),
    }
}

const METHODS: [(&str, Method); 5] = [
    ("psi", Method::Psi),
    ("ks", Method::Ks),
    ("jensenshannon", Method::Jensenshannon),
    ("wasserstein", Method::Wasserstein),
    ("chi_square", Method::ChiSquare),
];

pub(super) fn monitor(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Monitor {
    let known = [
        "endpoint",
        "baseline",
        "window",
        "method",
        "threshold",
        "share",
        "consecutive",
        "features",
        "rules",
    ];
    let fields = reader.fields(path, at, node, &known);
    let rules_at = reader.key_at(&fields, "rules");
    let baseline_at = reader.key_at(&fields, "baseline");
    let window_at = reader.key_at(&fields, "window");
    let method = reader.required(&fields, "method", "psi", |r, _, n| r.word(n, &METHODS)).unwrap_or_default();
    // A p-value and a distance of distributions end at 1; the other scores have no upper end.
    let most = match method {
        Method::Ks | Method::Jensenshannon | Method::ChiSquare => 1.0,
        Method::Psi | Method::Wasserstein => f64::INFINITY,
    };
    Monitor {
        endpoint: reader
            .required(&fields, "endpoint", "<one of endpoints>", Reader::text)
            .unwrap_or_default(),
        baseline: reader
            .required(&fields, "baseline", OUTPUT_EXAMPLE, |r, p, n| Some(output_ref(r, p, baseline_at, n)))
            .unwrap_or_default(),
        window: reader
            .required(&fields, "window", "{rows: 1000}", |r, p, n| Some(window(r, p, window_at, n)))
            .unwrap_or_default(),
        method,
        threshold: reader
            .required(&fields, "threshold", "0.2", |r, p, n| r.number_in(p, n, 0.0, true, most))
            .unwrap_or_default(),
        share: reader
            .optional(&fields, "share", |r, p, n| r.number_in(p, n, 0.0, true, 1.0))
            .unwrap_or(DEFAULT_SHARE),
        consecutive: reader.optional(&fields, "consecutive", |r, _, n| r.integer(n, 1, 1000)).unwrap_or(1)
            as u32,
        features: reader.optional(&fields, "features", features).unwrap_or_default(),
        rules: reader.optional(&fields, "rules", |r, p, n| Some(rules(r, p, rules_at, n))),
    }
}

const AGAINST: [(&str, Against); 2] = [("baseline", Against::Baseline), ("previous", Against::Previous)];

const RECORDS: [(&str, Records); 2] = [("answers", Records::Answers), ("shadows", Records::Shadows)];

/// What all of it means is checked where monitors are defined.
fn rules(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Rules {
    let known = [
        "step",
        "against",
        "records",
        "of",
        "clear_after",
        "clear_share",
        "warn_share",
        "cooldown",
        "min_rows",
        "missing",
        "out_of_range",
        "unseen",
        "latency_p95_ms",
        "latency_p99_ms",
        "traffic",
        "bias",
        "attribution",
        "clients",
        "performance",
        "min_labels",
        "email",
    ];
    let fields = reader.fields(path, at, node, &known);
    let mut whole = |name: &str, least: i64, most: i64| {
        reader.optional(&fields, name, |r, _, n| r.integer(n, least, most)).map(|v| v as u64)
    };
    let (step, cooldown) = (whole("step", 1, 10_000_000), whole("cooldown", 0, 31_536_000));
    let (of, clear_after) = (whole("of", 1, 1_000), whole("clear_after", 1, 1_000));
    let min_rows = whole("min_rows", 1, 10_000_000);
    let min_labels = whole("min_labels", 1, 10_000_000);
    let mut share = |name: &str| reader.optional(&fields, name, |r, p, n| r.number_in(p, n, 0.0, true, 1.0));
    let (clear_share, warn_share) = (share("clear_share"), share("warn_share"));
    let mut limits = |name: &str| signals::limits(reader, &fields, name);
    let missing = limits("missing");
    let (out_of_range, unseen) = (limits("out_of_range"), limits("unseen"));
    let (latency_p95_ms, latency_p99_ms) = (limits("latency_p95_ms"), limits("latency_p99_ms"));
    let traffic = limits("traffic");
    Rules {
        step,
        against: reader.optional(&fields, "against", |r, _, n| r.word(n, &AGAINST)).unwrap_or_default(),
        records: reader.optional(&fields, "records", |r, _, n| r.word(n, &RECORDS)).unwrap_or_default(),
        of: of.map(|v| v as u32),
        clear_after: clear_after.map(|v| v as u32),
        clear_share,
        warn_share,
        cooldown,
        min_rows,
        missing,
        out_of_range,
        unseen,
        latency_p95_ms,
        latency_p99_ms,
        traffic,
        bias: signals::bias(reader, &fields),
        attribution: signals::limits(reader, &fields, "attribution"),
        clients: signals::clients(reader, &fields),
        performance: signals::performance(reader, &fields),
        email: reader.optional(&fields, "email", |r, p, n| r.list(p, n, Reader::text)).unwrap_or_default(),
        min_labels,
    }
}

/// Feature names are the model's own, so that any text is allowed.
fn features(reader: &mut Reader, path: &str, node: &Node) -> Option<BTreeMap<String, FeatureRule>> {
    Some(reader.keyed(path, node, |r, path, at, n| {
        let fields = r.fields(path, at, n, &["method", "threshold", "ignore"]);
        FeatureRule {
            method: r.optional(&fields, "method", |r, _, n| r.word(n, &METHODS)),
            threshold: r
                .optional(&fields, "threshold", |r, p, n| r.number_in(p, n, 0.0, true, f64::INFINITY)),
            ignore: r.optional(&fields, "ignore", Reader::boolean).unwrap_or_default(),
        }
    }))
}

/// Evidently's default: a data set has drifted when half of its columns have.
const DEFAULT_SHARE: f64 = 0.5;
/// Fewer rows say nothing about a distribution.
const LEAST_WINDOW_ROWS: i64 = 20;

fn window(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Window {
    let fields = reader.fields(path, at, node, &["rows"]);
    let rows = reader
        .required(&fields, "rows", "1000", |r, _, n| r.integer(n, LEAST_WINDOW_ROWS, 10_000_000))
        .unwrap_or_default();
    Window { rows: rows as u64 }
}
