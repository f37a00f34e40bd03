use std::collections::BTreeMap;

use crate::node::{Node, Value};
use crate::read::executors::resources;
use crate::reader::{NAME_RULE, Reader, is_name};
use crate::{Environment, Pipeline, Span, Step};

/// The longest that a step may run; a longer one is a mistake in the unit.
const LONGEST_STEP_SECONDS: u64 = 30 * 86_400;
const MOST_RETRIES: i64 = 10;

pub(super) fn environment(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Environment {
    let fields = reader.fields(path, at, node, &["requirements", "python"]);
    Environment {
        requirements: reader
            .required(&fields, "requirements", "requirements.lock", Reader::file)
            .unwrap_or_default(),
        python: reader.required(&fields, "python", "\"3.11\"", python).unwrap_or_default(),
    }
}

fn python(reader: &mut Reader, _path: &str, node: &Node) -> Option<String> {
    let text = match &node.value {
        Value::Text(text) => text.clone(),
        // 3.10 would be read as 3.1.
        _ => {
            let hint = "put it in quotes, as in \"3.11\": without them 3.10 is the number 3.1";
            let message = format!("expected a Python version, found {}", node.value.describe());
            reader.error(node.at, message, Some(hint.into()));
            return None;
        }
    };
    let mut parts = text.split('.');
    let digits =
        |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    let well_formed = parts.next() == Some("3") && digits(parts.next()) && text.matches('.').count() <= 2;
    if !well_formed || !text.split('.').all(|p| digits(Some(p))) {
        reader.error(
            node.at,
            format!("`{text}` is not a Python 3 version"),
            Some("write it as in \"3.11\"".into()),
        );
        return None;
    }
    Some(text)
}

pub(super) fn pipeline(reader: &mut Reader, path: &str, at: Span, node: &Node) -> Pipeline {
    let fields = reader.fields(path, at, node, &["dataset", "params", "executor", "deadline", "steps"]);
    let steps = reader
        .required(&fields, "steps", "a list of steps", |r, p, n| r.list(p, n, |r, p, n| Some(step(r, p, n))));
    if steps.as_ref().is_some_and(Vec::is_empty) {
        reader.error_at(&format!("{path}.steps"), "a pipeline needs at least one step", None);
    }
    let deadline = reader.optional(&fields, "deadline", Reader::duration);
    if deadline.is_some_and(|deadline| deadline.seconds() == 0) {
        let hint = Some("it must be longer than 0s".to_owned());
        reader.error_at(&format!("{path}.deadline"), "no run can have this deadline", hint);
    }
    Pipeline {
        dataset: reader.required(&fields, "dataset", "<one of datasets>", Reader::text).unwrap_or_default(),
        params: reader.optional(&fields, "params", params).unwrap_or_default(),
        steps: steps.unwrap_or_default(),
        executor: reader.optional(&fields, "executor", Reader::text),
        deadline,
    }
}

/// Parameters become environment variables and a JSON file, so that they are scalars with plain names.
fn params(reader: &mut Reader, path: &str, node: &Node) -> Option<BTreeMap<String, serde_json::Value>> {
    let all = reader.named(path, node, |r, _, at, n| match &n.value {
        Value::List(_) | Value::Map(_) | Value::Null => {
            let hint =
                "a parameter is a text, a number or true/false; several values make several parameters";
            r.error(at, format!("a parameter cannot be {}", n.value.describe()), Some(hint.into()));
            serde_json::Value::Null
        }
        scalar => scalar.to_json(),
    });
    Some(all)
}

fn step(reader: &mut Reader, path: &str, node: &Node) -> Step {
    let known = [
        "name",
        "needs",
        "run",
        "environment",
        "outputs",
        "experiment",
        "registers",
        "timeout",
        "retries",
        "secrets",
        "executor",
        "resources",
    ];
    let fields = reader.fields(path, node.at, node, &known);
    let timeout = reader.optional(&fields, "timeout", Reader::duration);
    if timeout.is_some_and(|t| t.seconds() == 0 || t.seconds() > LONGEST_STEP_SECONDS) {
        let hint = Some("it must be longer than 0s and at most 30d".to_owned());
        reader.error_at(&format!("{path}.timeout"), "no step can have this timeout", hint);
    }
    Step {
        name: reader.required(&fields, "name", "<a name>", Reader::new_name).unwrap_or_default(),
        needs: reader.optional(&fields, "needs", |r, p, n| r.list(p, n, Reader::text)).unwrap_or_default(),
        run: reader.required(&fields, "run", "python steps/train.py", Reader::text).unwrap_or_default(),
        environment: reader.optional(&fields, "environment", Reader::text),
        outputs: reader.optional(&fields, "outputs", |r, p, n| r.list(p, n, output)).unwrap_or_default(),
        experiment: reader.optional(&fields, "experiment", Reader::text),
        registers: reader.optional(&fields, "registers", Reader::new_name),
        timeout,
        retries: reader.optional(&fields, "retries", |r, _, n| r.integer(n, 0, MOST_RETRIES)).unwrap_or(0)
            as u32,
        secrets: reader
            .optional(&fields, "secrets", |r, p, n| {
                Some(r.named(p, n, |r, p, _, n| r.text(p, n).unwrap_or_default()))
            })
            .unwrap_or_default(),
        executor: reader.optional(&fields, "executor", Reader::text),
        resources: reader.optional(&fields, "resources", resources),
    }
}

fn output(reader: &mut Reader, path: &str, node: &Node) -> Option<String> {
    let name = reader.text(path, node)?;
    if !is_name(&name) {
        reader.error(
            node.at,
            format!("`{name}` cannot be an output"),
            Some(format!("an output is one file: {NAME_RULE}")),
        );
        return None;
    }
    Some(name)
}
