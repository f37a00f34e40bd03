//! A plan as text for the terminal.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{Action, Change, FieldChange, Plan};

/// The whole plan, ending with a line that counts.
pub fn render_plan(plan: &Plan) -> String {
    let mut text = format!("project {}\n\n", plan.project);
    text.push_str(&render_changes(&plan.changes));
    for endpoint in &plan.first_training {
        let _ =
            writeln!(text, "  * first training for endpoint {endpoint}: its alias points to no model yet");
    }
    let count = |action| plan.changes.iter().filter(|c| c.action == action).count();
    let _ = writeln!(
        text,
        "\nplan: {} to create, {} to change, {} to remove, {} unchanged",
        count(Action::Create),
        count(Action::Update),
        count(Action::Remove),
        count(Action::Unchanged)
    );
    text
}

/// One line for each change, fields indented below it; what is unchanged is only counted.
pub fn render_changes(changes: &[Change]) -> String {
    let mut text = String::new();
    for change in changes {
        let sign = match change.action {
            Action::Create => '+',
            Action::Update => '~',
            Action::Remove => '-',
            Action::Unchanged => continue,
        };
        let _ = writeln!(text, "  {sign} {} {}", change.kind, change.name);
        let width = change.fields.iter().map(|f| f.path.chars().count()).max().unwrap_or(0);
        for field in &change.fields {
            let _ = writeln!(text, "      {:width$}  {}", field.path, arrow(field));
        }
    }
    match changes.iter().filter(|c| c.action == Action::Unchanged).count() {
        0 => {}
        n if n == changes.len() => text.push_str("  nothing to change\n"),
        n => {
            let _ = writeln!(text, "  = {n} unchanged");
        }
    }
    text
}

fn arrow(field: &FieldChange) -> String {
    match (&field.before, &field.after) {
        (Some(before), Some(after)) => format!("{} -> {}", shown(before), shown(after)),
        (Some(before), None) => format!("{} -> (removed)", shown(before)),
        (None, Some(after)) => format!("(new) {}", shown(after)),
        (None, None) => String::new(),
    }
}

/// Digests by their first 12 digits, long values cut.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 48;
    let text = match value {
        Value::String(text) => match text.strip_prefix("sha256:") {
            Some(digits) if digits.len() == 64 => return digits[..12].to_owned(),
            _ => text.clone(),
        },
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}
