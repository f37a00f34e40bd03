//! How shared things look in JSON.

use std::collections::BTreeMap;

use ledger::{Event, Graph};
use serde_json::{Value, json};
use tracking::Point;
use types::Timestamp;

pub fn time(at: Timestamp) -> Value {
    Value::String(at.rfc3339())
}

pub fn time_opt(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, time)
}

/// JSON has no NaN and no infinities: they are null.
pub fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// By key, points `[step, at_ms, value]`, value null for NaN.
pub fn series(series: &BTreeMap<String, Vec<Point>>) -> Value {
    let points = |points: &Vec<Point>| {
        points.iter().map(|p| json!([p.step, p.at.millis(), number(p.value)])).collect::<Value>()
    };
    series.iter().map(|(key, of)| (key.clone(), points(of))).collect()
}

pub fn event(event: &Event) -> Value {
    json!({
        "position": event.position,
        "at": time(event.at),
        "actor": event.actor,
        "kind": event.kind,
        "subject": event.subject,
        "payload": event.payload,
        "hash": event.hash,
    })
}

pub fn graph(graph: &Graph) -> Value {
    let nodes: Vec<Value> = graph
        .nodes
        .iter()
        .map(|n| {
            json!({ "id": n.id, "kind": n.kind, "key": n.key, "props": n.props, "created_at": time(n.created_at) })
        })
        .collect();
    json!({ "nodes": nodes, "edges": graph.edges, "truncated": graph.truncated })
}
