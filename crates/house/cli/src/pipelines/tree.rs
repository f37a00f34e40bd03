//! The tasks of a run as a tree of lines.

use std::collections::BTreeMap;

use serde_json::Value;
use types::Timestamp;

use super::steps;
use crate::table::cell;

/// Children of one loop that are shown whatever their state is.
const FEW: usize = 8;

/// One line a task, below what holds it. Where that is more than `most` lines, tasks that ended well are left out first.
pub fn lines(run: &Value, most: usize, colour: bool) -> Vec<String> {
    let mut below: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for step in steps(run) {
        below.entry(step["parent"].as_str().unwrap_or_default()).or_default().push(step);
    }
    let mut all = Vec::new();
    walk(&below, "", 1, colour, &mut all);
    if all.len() > most {
        let interesting = |line: &Line| line.depth == 1 || line.state == "running" || line.state == "failed";
        all.retain(interesting);
        if all.len() > most {
            let left = all.len() - most.saturating_sub(1);
            all.truncate(most.saturating_sub(1));
            all.push(Line { text: format!("  … {left} more"), depth: 1, state: String::new() });
        }
    }
    all.into_iter().map(|line| line.text).collect()
}

struct Line {
    text: String,
    depth: usize,
    state: String,
}

fn walk(
    below: &BTreeMap<&str, Vec<&Value>>,
    parent: &str,
    depth: usize,
    colour: bool,
    lines: &mut Vec<Line>,
) {
    let Some(held) = below.get(parent) else { return };
    let many = held.len() > FEW && held.iter().any(|step| !step["iteration"].is_null());
    for step in held {
        let state = cell(step, "state");
        if many && state != "running" && state != "failed" {
            continue;
        }
        lines.push(Line { text: line(step, depth, colour), depth, state });
        if let Some(id) = step["id"].as_str() {
            walk(below, id, depth + 1, colour, lines);
        }
    }
}

fn line(step: &Value, depth: usize, colour: bool) -> String {
    let state = cell(step, "state");
    let (mark, paint) = match state.as_str() {
        "succeeded" => ("✓", "\x1b[32m"),
        "failed" => ("✗", "\x1b[31m"),
        "running" => ("●", "\x1b[36m"),
        "cancelled" => ("×", "\x1b[33m"),
        "skipped" => ("–", "\x1b[90m"),
        "ready" => ("○", ""),
        _ => ("·", "\x1b[90m"),
    };
    let mark = if colour && !paint.is_empty() { format!("{paint}{mark}\x1b[0m") } else { mark.to_owned() };
    let name = match (&step["iteration"], step["display_name"].as_str()) {
        (Value::Number(iteration), _) => format!("#{iteration}"),
        (_, Some(name)) => name.to_owned(),
        // A run from before there were trees has names only.
        _ => Some(cell(step, "task")).filter(|task| task != "-").unwrap_or_else(|| cell(step, "name")),
    };
    let mut more = Vec::new();
    if let Some(children) = step["children"].as_object().filter(|_| step["shape"] == "loop") {
        let count = |state: &str| children.get(state).and_then(Value::as_u64).unwrap_or(0);
        let ended = count("succeeded") + count("failed") + count("skipped") + count("cancelled");
        more.push(format!("{ended} of {}", count("total")));
        if count("failed") > 0 {
            more.push(format!("{} failed", count("failed")));
        }
    }
    if step["cached"] == Value::Bool(true) {
        more.push("cached".to_owned());
    }
    if step["attempt"].as_i64().unwrap_or(0) > 1 {
        more.push(format!("attempt {}", cell(step, "attempt")));
    }
    let took = took(step);
    if !took.is_empty() {
        more.push(took);
    }
    if let Some(question) = step["question"].as_str().filter(|_| state == "running") {
        more.push(question.to_owned());
    }
    if let Some(message) = step["message"].as_str().filter(|_| state == "failed" || state == "skipped") {
        more.push(message.lines().next().unwrap_or_default().to_owned());
    }
    format!("{}{mark} {name}  {}", "  ".repeat(depth), more.join(" · ")).trim_end().to_owned()
}

/// From start to end as people say it; to now while it runs is not known here, so nothing then.
pub fn took(thing: &Value) -> String {
    let at = |name: &str| thing[name].as_str().and_then(Timestamp::parse_rfc3339).map(Timestamp::millis);
    let (Some(start), Some(end)) = (at("started_at"), at("ended_at")) else { return String::new() };
    let millis = (end - start).max(0);
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
        _ => format!("{} h {} min", millis / 3_600_000, millis % 3_600_000 / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(id: &str, parent: Option<&str>, task: &str, state: &str) -> Value {
        json!({ "id": id, "parent": parent, "task": task, "name": task, "state": state, "attempt": 1, "cached": false })
    }

    #[test]
    fn tasks_stand_below_what_holds_them_with_what_matters_of_them() {
        let mut steps = vec![step("1", None, "load", "succeeded"), step("2", None, "each-1", "running")];
        steps[0]["cached"] = json!(true);
        steps[1]["shape"] = json!("loop");
        steps[1]["children"] = json!({ "total": 2, "succeeded": 1, "failed": 1 });
        for (i, state) in ["succeeded", "failed"].into_iter().enumerate() {
            let mut row = step(&format!("i{i}"), Some("2"), "each-1", state);
            row["iteration"] = json!(i);
            steps.push(row);
        }
        let mut train = step("t", Some("i1"), "train", "failed");
        train["message"] = json!("ValueError: no data\nmore");
        train["attempt"] = json!(3);
        train["started_at"] = json!("2026-01-01T00:00:00Z");
        train["ended_at"] = json!("2026-01-01T00:01:01Z");
        steps.push(train);
        let run = json!({ "steps": steps });
        assert_eq!(
            lines(&run, 100, false),
            [
                "  ✓ load  cached",
                "  ● each-1  2 of 2 · 1 failed",
                "    ✓ #0",
                "    ✗ #1",
                "      ✗ train  attempt 3 · 1 min 1 s · ValueError: no data",
            ]
        );
    }

    #[test]
    fn of_many_iterations_those_that_run_or_failed_are_shown_and_no_more_than_fit() {
        let mut steps = vec![step("1", None, "each-1", "running")];
        for i in 0..100 {
            let mut row =
                step(&format!("i{i}"), Some("1"), "each-1", if i < 90 { "succeeded" } else { "running" });
            row["iteration"] = json!(i);
            steps.push(row);
        }
        let run = json!({ "steps": steps });
        assert_eq!(lines(&run, 100, false).len(), 11);
        let few = lines(&run, 5, false);
        assert_eq!((few.len(), few[4].as_str()), (5, "  … 7 more"));
    }
}
