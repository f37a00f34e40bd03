use automation::{CommitRule, PerformanceRule, ScheduleRule, Triggers};
use serving::{Action, Checks, FeatureSettings, MissingKey};

use super::rollout::rollout;
use crate::node::{Node, Value};
use crate::reader::Reader;
use crate::{Budget, Duration, Endpoint, Labels, Promote, Retrain, Span};

pub(super) fn endpoint(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Endpoint {
    let fields = reader.fields(path, at, node, &["model", "alias", "checks", "features"]);
    let checks_at = reader.key_at(&fields, "checks");
    let features_at = reader.key_at(&fields, "features");
    Endpoint {
        model: reader.required(&fields, "model", "<a registered model>", Reader::text).unwrap_or_default(),
        alias: reader.required(&fields, "alias", "champion", Reader::new_name).unwrap_or_default(),
        checks: reader.optional(&fields, "checks", |r, p, n| Some(checks(r, p, checks_at, n))),
        features: reader.optional(&fields, "features", |r, p, n| Some(features(r, p, features_at, n))),
    }
}

const MISSING: [(&str, MissingKey); 3] =
    [("error", MissingKey::Error), ("null", MissingKey::Null), ("default", MissingKey::Default)];

fn features(reader: &mut Reader, path: &str, at: Span, node: &Node) -> FeatureSettings {
    let known = ["key", "dataset", "version", "columns", "missing", "defaults"];
    let fields = reader.fields(path, at, node, &known);
    let defaults = reader.optional(&fields, "defaults", |r, p, n| {
        Some(r.keyed(p, n, |r, _, at, n| match &n.value {
            Value::List(_) | Value::Map(_) | Value::Null => {
                let hint = Some("a default is a text, a number or true/false".to_owned());
                r.error(at, format!("a default cannot be {}", n.value.describe()), hint);
                serde_json::Value::Null
            }
            scalar => scalar.to_json(),
        }))
    });
    let missing = reader.optional(&fields, "missing", |r, _, n| r.word(n, &MISSING)).unwrap_or_default();
    let defaults = defaults.unwrap_or_default();
    if missing != MissingKey::Default && !defaults.is_empty() {
        let hint = Some("say `missing: default`".to_owned());
        reader.error_at(&format!("{path}.defaults"), "nothing takes these defaults", hint);
    }
    FeatureSettings {
        key: reader.required(&fields, "key", "<a column of the data set>", Reader::text).unwrap_or_default(),
        dataset: reader.required(&fields, "dataset", "<a data set>", Reader::text).unwrap_or_default(),
        version: reader.optional(&fields, "version", |r, _, n| r.integer(n, 1, i64::MAX)),
        columns: reader
            .optional(&fields, "columns", |r, p, n| r.list(p, n, Reader::text))
            .unwrap_or_default(),
        missing,
        defaults,
    }
}

const ACTIONS: [(&str, Action); 4] =
    [("off", Action::Off), ("flag", Action::Flag), ("review", Action::Review), ("refuse", Action::Refuse)];

fn checks(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Checks {
    let known = [
        "schema",
        "extra",
        "missing",
        "range",
        "category",
        "novelty",
        "personal",
        "novelty_rate",
        "range_margin",
        "sample",
        "low_confidence",
        "probability",
        "ignore",
    ];
    let fields = reader.fields(path, at, node, &known);
    let usual = Checks::default();
    let mut action = |name: &str, usual: Action| {
        reader.optional(&fields, name, |r, _, n| r.word(n, &ACTIONS)).unwrap_or(usual)
    };
    Checks {
        schema: action("schema", usual.schema),
        extra: action("extra", usual.extra),
        missing: action("missing", usual.missing),
        range: action("range", usual.range),
        category: action("category", usual.category),
        novelty: action("novelty", usual.novelty),
        personal: action("personal", usual.personal),
        novelty_rate: reader
            .optional(&fields, "novelty_rate", |r, p, n| r.number_in(p, n, 0.0, true, 0.05))
            .unwrap_or(usual.novelty_rate),
        range_margin: reader
            .optional(&fields, "range_margin", |r, p, n| r.number_in(p, n, 0.0, false, f64::INFINITY))
            .unwrap_or(usual.range_margin),
        sample: reader
            .optional(&fields, "sample", |r, p, n| r.number_in(p, n, 0.0, false, 1.0))
            .unwrap_or_default(),
        low_confidence: reader
            .optional(&fields, "low_confidence", |r, p, n| r.number_in(p, n, 0.0, true, 1.0)),
        probability: reader.optional(&fields, "probability", Reader::text),
        ignore: reader.optional(&fields, "ignore", |r, p, n| r.list(p, n, Reader::text)).unwrap_or_default(),
    }
}

pub(super) fn retrain(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Retrain {
    let known = ["on", "pipeline", "gate", "labels", "cooldown", "budget", "promote", "rollout", "triggers"];
    let fields = reader.fields(path, at, node, &known);
    let labels_at = reader.key_at(&fields, "labels");
    let budget_at = reader.key_at(&fields, "budget");
    let promote_at = reader.key_at(&fields, "promote");
    let rollout_at = reader.key_at(&fields, "rollout");
    let triggers_at = reader.key_at(&fields, "triggers");
    let triggers = reader.optional(&fields, "triggers", |r, p, n| Some(triggers(r, p, triggers_at, n)));
    // Something else may start it.
    let on = match triggers.is_some() && !reader.has(&fields, "on") {
        true => None,
        false => reader.required(&fields, "on", "<one of monitors>", Reader::text),
    };
    Retrain {
        on: on.unwrap_or_default(),
        triggers,
        pipeline: reader
            .required(&fields, "pipeline", "<one of pipelines>", Reader::text)
            .unwrap_or_default(),
        gate: reader.required(&fields, "gate", "<one of gates>", Reader::text).unwrap_or_default(),
        labels: reader.optional(&fields, "labels", |r, p, n| Some(labels(r, p, labels_at, n))),
        cooldown: reader.optional(&fields, "cooldown", Reader::duration),
        budget: reader.optional(&fields, "budget", |r, p, n| Some(budget(r, p, budget_at, n))),
        promote: reader
            .required(&fields, "promote", "{alias: champion, endpoint: <one of endpoints>}", |r, p, n| {
                Some(promote(r, p, promote_at, n))
            })
            .unwrap_or_default(),
        rollout: reader.optional(&fields, "rollout", |r, p, n| Some(rollout(r, p, rollout_at, n))),
    }
}

fn triggers(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Triggers {
    let fields = reader.fields(path, at, node, &["performance", "labels", "data_commit", "schedule"]);
    let (performance_at, schedule_at) =
        (reader.key_at(&fields, "performance"), reader.key_at(&fields, "schedule"));
    let commit_at = reader.key_at(&fields, "data_commit");
    let found = Triggers {
        performance: reader
            .optional(&fields, "performance", |r, p, n| Some(performance(r, p, performance_at, n))),
        labels: reader.optional(&fields, "labels", |r, _, n| r.integer(n, 1, 1_000_000_000)),
        data_commit: reader.optional(&fields, "data_commit", |r, p, n| Some(data_commit(r, p, commit_at, n))),
        schedule: reader.optional(&fields, "schedule", |r, p, n| Some(schedule(r, p, schedule_at, n))),
    };
    if found.is_empty() {
        let hint = Some("add performance:, labels:, data_commit: or schedule:".to_owned());
        reader.error_at(path, format!("`{path}` triggers nothing"), hint);
    }
    found
}

fn performance(reader: &mut Reader, path: &str, at: Span, node: &Node) -> PerformanceRule {
    let fields = reader.fields(path, at, node, &["monitor", "metric", "min", "max", "windows", "rows"]);
    let bound = automation::Bound {
        min: reader.optional(&fields, "min", Reader::number),
        max: reader.optional(&fields, "max", Reader::number),
    };
    if bound.min.is_none() && bound.max.is_none() {
        let hint = Some("add min: 0.65 or max: 0.65".to_owned());
        reader.error_at(path, "a metric without a bound starts nothing", hint);
    }
    PerformanceRule {
        monitor: reader.required(&fields, "monitor", "<one of monitors>", Reader::text).unwrap_or_default(),
        metric: reader.required(&fields, "metric", "roc_auc", Reader::text).unwrap_or_default(),
        bound,
        windows: reader.optional(&fields, "windows", |r, _, n| r.integer(n, 1, 50)).unwrap_or(1),
        rows: reader.optional(&fields, "rows", |r, _, n| r.integer(n, 1, 1_000_000_000)).unwrap_or(100),
    }
}

fn data_commit(reader: &mut Reader, path: &str, at: Span, node: &Node) -> CommitRule {
    let fields = reader.fields(path, at, node, &["repository", "branch", "prefix", "settle"]);
    let settle = reader.optional(&fields, "settle", Reader::duration).map_or(60, Duration::seconds);
    if settle > 86_400 {
        reader.error_at(&format!("{path}.settle"), "`settle` is at most 1d", None);
    }
    CommitRule {
        repository: reader
            .required(&fields, "repository", "<a repository of data>", Reader::text)
            .unwrap_or_default(),
        branch: reader.optional(&fields, "branch", Reader::text).unwrap_or_else(|| "main".into()),
        prefix: reader.optional(&fields, "prefix", Reader::text).unwrap_or_default(),
        settle: i64::try_from(settle).unwrap_or(i64::MAX),
    }
}

fn schedule(reader: &mut Reader, path: &str, at: Span, node: &Node) -> ScheduleRule {
    let fields = reader.fields(path, at, node, &["cron", "zone"]);
    let rule = ScheduleRule {
        cron: reader.required(&fields, "cron", "\"0 3 * * sun\"", Reader::text).unwrap_or_default(),
        zone: reader.optional(&fields, "zone", Reader::text).unwrap_or_else(|| "UTC".into()),
    };
    if !rule.cron.is_empty()
        && let Err(error) = rule.next(types::Timestamp(0))
    {
        let hint =
            Some("five fields and a zone, such as {cron: \"0 3 * * sun\", zone: Europe/Vienna}".into());
        reader.error_at(path, error.to_string(), hint);
    }
    rule
}

fn labels(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Labels {
    let fields = reader.fields(path, at, node, &["min", "wait"]);
    let min = reader.required(&fields, "min", "800", |r, _, n| r.integer(n, 1, i64::MAX)).unwrap_or(1);
    Labels { min: min as u64, wait: longer_than_zero(reader, &fields, path, "wait", "1h") }
}

fn budget(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Budget {
    let fields = reader.fields(path, at, node, &["runs", "per"]);
    let runs = reader.required(&fields, "runs", "3", |r, _, n| r.integer(n, 1, 1_000_000)).unwrap_or(1);
    Budget { runs: runs as u64, per: longer_than_zero(reader, &fields, path, "per", "1d") }
}

pub(super) fn longer_than_zero(
    reader: &mut Reader,
    fields: &crate::reader::Fields<'_>,
    path: &str,
    key: &str,
    example: &str,
) -> Duration {
    let duration = reader.required(fields, key, example, Reader::duration);
    if duration.is_some_and(|d| d.seconds() == 0) {
        reader.error_at(&format!("{path}.{key}"), format!("`{key}` must be longer than 0s"), None);
    }
    duration.unwrap_or(Duration::from_seconds(1))
}

fn promote(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Promote {
    let fields = reader.fields(path, at, node, &["alias", "endpoint"]);
    Promote {
        alias: reader.required(&fields, "alias", "champion", Reader::text).unwrap_or_default(),
        endpoint: reader
            .required(&fields, "endpoint", "<one of endpoints>", Reader::text)
            .unwrap_or_default(),
    }
}
