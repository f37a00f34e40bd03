use serde_json::Value;

use super::Expectation;

impl Expectation {
    /// For people, on one line: `age: values to be between, min_value 18, max_value 65`.
    pub fn phrase(&self) -> String {
        let words = self.kind.trim_start_matches("expect_").trim_start_matches("column_").replace('_', " ");
        let about = match (self.column(), self.kwargs.get("column_list").and_then(Value::as_array)) {
            (Some(column), _) => column.to_owned(),
            (None, Some(list)) => {
                list.iter().map(|v| v.as_str().unwrap_or_default()).collect::<Vec<_>>().join(", ")
            }
            (None, None) => match (self.kwargs.get("column_A"), self.kwargs.get("column_B")) {
                (Some(a), Some(b)) => {
                    format!("{}, {}", a.as_str().unwrap_or_default(), b.as_str().unwrap_or_default())
                }
                _ => "table".into(),
            },
        };
        let mut out = format!("{about}: {words}");
        for (key, value) in &self.kwargs {
            let told =
                matches!(key.as_str(), "column" | "column_list" | "column_A" | "column_B" | "batch_id");
            if told || value.is_null() || *value == Value::Bool(false) || key == "condition_parser" {
                continue;
            }
            let shown = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let short: String = shown.chars().take(60).collect();
            let more = if short.len() < shown.len() { "…" } else { "" };
            out.push_str(&format!(", {key} {short}{more}"));
        }
        out
    }
}
