//! Tables in place: rows, profiles, SQL, and what differs between two versions.

use serde_json::{Value, json};

use super::{Place, query as asked};
use crate::api::Api;
use crate::args::Form;
use crate::failure::Failure;
use crate::screen::{note, put, say};
use crate::table::{short, table};
use crate::tracking::text;

pub async fn query(api: &Api, sql: &str, limit: usize, form: &Form) -> Result<(), Failure> {
    let answer = api.post("data/query", json!({ "sql": sql, "limit": limit })).await?;
    rows(&answer, form);
    if answer["more"] == Value::Bool(true) {
        note(format!("… and more rows: the answer is cut after {limit}; raise --limit"));
    }
    Ok(())
}

pub async fn preview(
    api: &Api,
    place: &Place,
    limit: usize,
    offset: u64,
    columns: &str,
    form: &Form,
) -> Result<(), Failure> {
    let (limit, offset) = (limit.to_string(), offset.to_string());
    let pairs = [("path", place.path.as_str()), ("limit", &limit), ("offset", &offset), ("columns", columns)];
    let answer = api.get(&format!("{}/table/rows{}", place.reference(), asked(&pairs))).await?;
    rows(&answer, form);
    let of = &answer["table"];
    note(format!("{} rows in {} files ({})", text(of, "rows"), text(of, "files"), text(of, "format")));
    Ok(())
}

/// A cell as people read it: numbers as they are, nothing cut.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn rows(answer: &Value, form: &Form) {
    let names: Vec<String> =
        answer["columns"].as_array().into_iter().flatten().map(|c| text(c, "name")).collect();
    let empty = Vec::new();
    let rows = answer["rows"].as_array().unwrap_or(&empty);
    let cells = |row: &Value| row.as_array().into_iter().flatten().map(cell).collect::<Vec<_>>();
    if form.json {
        for row in rows {
            let values = row.as_array().into_iter().flatten().cloned();
            let object: serde_json::Map<String, Value> = names.iter().cloned().zip(values).collect();
            say(Value::Object(object).to_string());
        }
    } else if form.csv {
        put(&csv(&names));
        rows.iter().for_each(|row| put(&csv(&cells(row))));
    } else {
        let headings: Vec<&str> = names.iter().map(String::as_str).collect();
        // A line end inside a cell would tear the table.
        let flat = |row: &Value| cells(row).iter().map(|c| c.replace(['\n', '\r', '\t'], " ")).collect();
        say(table(&headings, &rows.iter().map(flat).collect::<Vec<_>>()));
    }
}

fn csv(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        if cell.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.clone()
        }
    };
    format!("{}\n", cells.iter().map(quoted).collect::<Vec<_>>().join(","))
}

pub async fn profile(api: &Api, place: &Place, json: bool) -> Result<(), Failure> {
    let answer =
        api.get(&format!("{}/table/profile{}", place.reference(), asked(&[("path", &place.path)]))).await?;
    if json {
        say(serde_json::to_string_pretty(&answer).unwrap_or_default());
        return Ok(());
    }
    let profile = &answer["profile"];
    let row = |c: &Value| {
        let mut cells = vec![text(c, "name"), text(c, "type"), text(c, "null_count"), text(c, "distinct")];
        cells.extend(["min", "mean", "max", "std"].map(|name| short(&c[name])));
        cells.push(most(&c["histogram"]));
        cells
    };
    let rows: Vec<_> = profile["columns"].as_array().into_iter().flatten().map(row).collect();
    say(table(&["column", "type", "nulls", "distinct", "min", "mean", "max", "std", "most"], &rows));
    let sample = if answer["sampled"] == Value::Bool(true) {
        format!(", of which {} were looked at", text(profile, "rows"))
    } else {
        String::new()
    };
    note(format!("{} rows{sample}", text(&answer["table"], "rows")));
    Ok(())
}

/// The most frequent value of a column of texts.
fn most(histogram: &Value) -> String {
    let Some(names) = histogram["categories"].as_array() else { return String::new() };
    let counts = histogram["counts"].as_array().into_iter().flatten().filter_map(Value::as_u64);
    let found =
        names.iter().zip(counts).filter(|(name, _)| *name != "(other)").max_by_key(|(_, count)| *count);
    found.map_or_else(String::new, |(name, count)| format!("{} ({count})", short(name)))
}

pub async fn diff(
    api: &Api,
    left: &Place,
    right: &Place,
    key: &[String],
    only: &[String],
    limit: usize,
    json: bool,
) -> Result<(), Failure> {
    let name = |p: &Place| format!("{}@{}:{}", p.repository, p.reference, p.path);
    let body = json!({ "left": name(left), "right": name(right), "key": key, "kinds": only, "limit": limit });
    let answer = api.post("data/row-diff", body).await?;
    if json {
        say(serde_json::to_string_pretty(&answer).unwrap_or_default());
        return Ok(());
    }
    let counts = ["added", "removed", "changed", "unchanged"].map(|n| format!("{} {n}", text(&answer, n)));
    say(counts.join(", "));
    for (field, what) in [("columns_added", "new columns"), ("columns_removed", "columns gone")] {
        let names: Vec<String> = answer[field].as_array().into_iter().flatten().map(cell).collect();
        if !names.is_empty() {
            say(format!("{what}: {}", names.join(", ")));
        }
    }
    for of in answer["columns_retyped"].as_array().into_iter().flatten() {
        say(format!("column {}: {} was {}", text(of, "name"), text(of, "right"), text(of, "left")));
    }
    let row = |change: &Value| {
        let keys: Vec<String> =
            change["key"].as_object().into_iter().flatten().map(|(_, v)| cell(v)).collect();
        let changed = change["changed"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let step = |n: &str| format!("{n}: {} → {}", short(&change["left"][n]), short(&change["right"][n]));
        let detail: Vec<String> = changed.map(step).collect();
        vec![text(change, "kind"), keys.join(", "), detail.join("; ")]
    };
    let rows: Vec<_> = answer["changes"].as_array().into_iter().flatten().map(row).collect();
    if !rows.is_empty() {
        say(format!("\n{}", table(&["", &key.join(", "), "what"], &rows)));
    }
    if !answer["next"].is_null() {
        say("… and more: raise --limit");
    }
    Ok(())
}
