use serde_json::Value;

/// A span's attributes in order: names and JSON texts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes(pub Vec<(String, String)>);

/// Upstream's names (`mlflow/tracing/constant.py: SpanAttributeKey`).
pub(crate) mod key {
    pub const REQUEST_ID: &str = "mlflow.traceRequestId";
    pub const INPUTS: &str = "mlflow.spanInputs";
    pub const OUTPUTS: &str = "mlflow.spanOutputs";
    pub const SPAN_TYPE: &str = "mlflow.spanType";
    pub const CHAT_TOOLS: &str = "mlflow.chat.tools";
    pub const CHAT_USAGE: &str = "mlflow.chat.tokenUsage";
    pub const LLM_COST: &str = "mlflow.llm.cost";
    pub const MODEL: &str = "mlflow.llm.model";
    pub const MODEL_PROVIDER: &str = "mlflow.llm.provider";
    pub const MESSAGE_FORMAT: &str = "mlflow.message.format";
    pub const SESSION_ID: &str = "session.id";
    pub const CONVERSATION_ID: &str = "gen_ai.conversation.id";
    pub const USER_ID: &str = "user.id";
    pub const SERVICE_NAME: &str = "service.name";
    pub const TRACE_TAG_PREFIX: &str = "mlflow.traceTag.";
}

impl Attributes {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn set(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// The value as JSON.
    pub fn json(&self, name: &str) -> Option<Value> {
        self.get(name).map(decoded)
    }

    /// The JSON text, unless it says nothing: null, false, 0, an empty text, list or object.
    pub fn said(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|text| says_something(text))
    }

    /// The first of these that says something.
    pub fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.said(name)).map(str::to_owned)
    }

    /// A text, if that is what the value is.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.json(name)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// An integer, also one inside of a text.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.json(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Bool(flag) => Some(flag.into()),
            _ => None,
        }
    }
}

/// The value behind a JSON text; the text itself if it is none.
pub(crate) fn decoded(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Python's truth of the value.
pub(crate) fn says_something(text: &str) -> bool {
    !matches!(text.trim(), "" | "null" | "false" | "0" | "0.0" | "-0.0" | "\"\"" | "[]" | "{}")
}
