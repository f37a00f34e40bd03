//! What a snapshot says: its values as points, and the short form that upstream downloads
//! (`ui/service/storage/sql/data.py`, `core/report.py::Snapshot.dict`).

use std::collections::BTreeMap;

use reports::Point;
use serde_json::{Map, Value, json};

/// Options of a metric that do not tell what was measured.
const TESTS: [&str; 6] = ["type", "tests", "count_tests", "share_tests", "mean_tests", "std_tests"];

/// Every single value of a snapshot, in its order.
pub(crate) fn points(snapshot: &Value) -> Vec<Point> {
    let mut out = Vec::new();
    for result in results(snapshot) {
        for single in singles(result) {
            out.extend(point(single));
        }
    }
    out
}

fn results(snapshot: &Value) -> impl Iterator<Item = &Value> {
    let results = snapshot["metric_results"].as_object();
    // In the report's order, and what it does not name at the end.
    let named = snapshot["top_level_metrics"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let order: Vec<&str> = named.collect();
    let mut all: Vec<(&String, &Value)> = results.into_iter().flatten().collect();
    all.sort_by_key(|(id, _)| order.iter().position(|o| o == id).unwrap_or(usize::MAX));
    all.into_iter().map(|(_, r)| r)
}

fn kind(result: &Value) -> &str {
    result["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default()
}

/// The values that a result is made of.
fn singles(result: &Value) -> Vec<&Value> {
    let each = |key: &str| result[key].as_object().into_iter().flat_map(|m| m.values());
    match kind(result) {
        "SingleValue" => vec![result],
        "CountValue" => vec![&result["count"], &result["share"]],
        "MeanStdValue" => vec![&result["mean"], &result["std"]],
        "ByLabelValue" => each("values").collect(),
        "ByLabelCountValue" => each("counts").chain(each("shares")).collect(),
        _ => Vec::new(),
    }
}

fn point(single: &Value) -> Option<Point> {
    let location = single.get("metric_value_location").filter(|l| !l.is_null())?;
    let config = location["metric"]["params"].as_object()?;
    let mut params: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in location["param"].as_object().into_iter().flatten() {
        params.insert(key.clone(), text(value));
    }
    for (key, value) in config.iter().filter(|(k, _)| !TESTS.contains(&k.as_str())) {
        params.insert(key.clone(), text(value));
    }
    params.retain(|_, v| v != "None");
    let metric = config.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Point { metric, params, value: number(&single["value"]) })
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        other => other.as_f64(),
    }
}

/// `str(value)` of Python.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(b) => if *b { "True" } else { "False" }.into(),
        Value::String(s) => s.clone(),
        Value::Number(n) => n.to_string(),
        other => other.to_string(),
    }
}

/// How many tests there are, and how many of them failed.
pub(crate) fn tests(snapshot: &Value) -> (usize, usize) {
    let all = results(snapshot).flat_map(|r| r["tests"].as_array().into_iter().flatten());
    let mut counts = (0, 0);
    for test in all {
        counts.0 += 1;
        counts.1 += usize::from(!matches!(test["status"].as_str(), Some("SUCCESS")));
    }
    counts
}

/// `{"metrics": [{id, metric_name, config, value}], "tests": […]}`.
pub(crate) fn short(snapshot: &Value) -> Value {
    let mut metrics = Vec::new();
    let mut tests = Vec::new();
    for result in results(snapshot) {
        let config = without_tests(&result["metric_value_location"]["metric"]["params"]);
        metrics.push(json!({
            "id": result["metric_value_location"]["metric"]["metric_id"],
            "metric_name": name(&config),
            "config": config,
            "value": plain(result),
        }));
        tests.extend(result["tests"].as_array().into_iter().flatten().cloned());
    }
    json!({ "metrics": metrics, "tests": tests })
}

fn without_tests(config: &Value) -> Value {
    let kept = config
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(k, v)| (k.as_str() == "type" || !TESTS.contains(&k.as_str())) && !v.is_null());
    Value::Object(kept.map(|(k, v)| (k.clone(), v.clone())).collect::<Map<_, _>>())
}

/// `ValueDrift(column=x,method=K-S p_value)`.
pub(crate) fn name(config: &Value) -> String {
    let kind = config["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default();
    let parts: Vec<String> = config
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(k, _)| *k != "type")
        .map(|(k, v)| format!("{k}={}", text(v)))
        .collect();
    format!("{kind}({})", parts.join(","))
}

fn plain(result: &Value) -> Value {
    let inner = |key: &str| result[key]["value"].clone();
    let each = |key: &str| -> Value {
        let pairs = result[key].as_object().into_iter().flatten();
        Value::Object(pairs.map(|(k, v)| (k.clone(), v["value"].clone())).collect::<Map<_, _>>())
    };
    match kind(result) {
        "CountValue" => json!({ "count": inner("count"), "share": inner("share") }),
        "MeanStdValue" => json!({ "mean": inner("mean"), "std": inner("std") }),
        "ByLabelValue" => each("values"),
        "ByLabelCountValue" => json!({ "counts": each("counts"), "shares": each("shares") }),
        _ => result["value"].clone(),
    }
}

#[cfg(test)]
mod tests_of_results {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_have_two_points_and_a_short_form() {
        let single = |param: serde_json::Value, value: f64| {
            json!({"type": "evidently:metric_result_v2:SingleValue", "value": value, "tests": [],
                "metric_value_location": {"param": param, "metric": {"metric_id": "m", "params":
                    {"type": "evidently:metric_v2:DriftedColumnsCount", "drift_share": 0.5, "tests": null}}}})
        };
        let mut count = single(json!({}), 0.0);
        count["type"] = json!("evidently:metric_result_v2:CountValue");
        count["count"] = single(json!({"value_type": "count"}), 1.0);
        count["share"] = single(json!({"value_type": "share"}), 0.5);
        count["tests"] = json!([{"status": "FAIL"}, {"status": "SUCCESS"}]);
        let snapshot = json!({"metric_results": {"m": count}, "top_level_metrics": ["m"]});
        let found = points(&snapshot);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].params["value_type"], "share");
        assert_eq!(found[1].params["drift_share"], "0.5");
        assert_eq!(tests(&snapshot), (2, 1));
        let short = short(&snapshot);
        assert_eq!(short["metrics"][0]["metric_name"], "DriftedColumnsCount(drift_share=0.5)");
        assert_eq!(short["metrics"][0]["value"], json!({"count": 1.0, "share": 0.5}));
    }
}
