use std::collections::BTreeMap;

use types::Timestamp;

/// One request to an LLM application, from start to end.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// As the client that made it calls it.
    pub uid: String,
    /// The experiment's number.
    pub experiment: i64,
    pub name: Option<String>,
    pub state: TraceState,
    /// At millisecond resolution, like `ended_at`.
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// The conversation that it belongs to.
    pub session: Option<String>,
    /// What the caller's own system calls the request.
    pub client_request: Option<String>,
    pub request_preview: Option<String>,
    pub response_preview: Option<String>,
    /// Whether a client has said what stands here; until then it follows from the spans.
    pub declared: bool,
    pub has_spans: bool,
    pub usage: Usage,
    pub cost: Cost,
    pub tags: BTreeMap<String, String>,
    pub metadata: BTreeMap<String, String>,
    /// In the order in which they were made.
    pub assessments: Vec<Assessment>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceState {
    #[default]
    Unspecified,
    Ok,
    Error,
    InProgress,
}

impl TraceState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "UNSPECIFIED",
            Self::Ok => "OK",
            Self::Error => "ERROR",
            Self::InProgress => "IN_PROGRESS",
        }
    }

    /// Whether a root span may still decide it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Unspecified | Self::InProgress)
    }

    pub(crate) fn of_name(name: &str) -> Self {
        match name {
            "OK" => Self::Ok,
            "ERROR" => Self::Error,
            "IN_PROGRESS" => Self::InProgress,
            _ => Self::Unspecified,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanStatus {
    Unset,
    Ok,
    Error,
}

impl SpanStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unset => "UNSET",
            Self::Ok => "OK",
            Self::Error => "ERROR",
        }
    }
}

/// Tokens that a model read and wrote. `total` leaves cache tokens out where the model counts them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: Option<i64>,
    pub output: Option<i64>,
    pub total: Option<i64>,
    pub cache_read: Option<i64>,
    pub cache_write: Option<i64>,
    /// The part of `cache_write` that is kept for an hour.
    pub cache_write_1h: Option<i64>,
}

/// US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    pub input: Option<f64>,
    pub output: Option<f64>,
    pub total: Option<f64>,
}

/// A unit of work inside a trace, as it arrives.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Sixteen hexadecimal digits, unique in its trace.
    pub uid: String,
    /// None for the root.
    pub parent: Option<String>,
    pub name: String,
    /// What it does: `LLM`, `TOOL`, `RETRIEVER`, or a word of the client's own.
    pub kind: Option<String>,
    pub status: SpanStatus,
    /// Nanoseconds since the epoch.
    pub started_ns: i64,
    pub ended_ns: Option<i64>,
    pub model: Option<String>,
    pub provider: Option<String>,
    /// What this span and those below it used, if it says so.
    pub usage: Option<Usage>,
    pub cost: Option<Cost>,
    /// The whole span as JSON text: what is handed back, and what full-text conditions look into.
    pub document: String,
}

/// A span as it is handed back.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSpan {
    pub uid: String,
    pub document: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssessmentKind {
    /// How good it was.
    Feedback,
    /// What it should have been.
    Expectation,
    /// A known issue that it shows.
    Issue,
}

impl AssessmentKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Feedback => "feedback",
            Self::Expectation => "expectation",
            Self::Issue => "issue",
        }
    }

    pub(crate) fn of_name(name: &str) -> Self {
        match name {
            "expectation" => Self::Expectation,
            "issue" => Self::Issue,
            _ => Self::Feedback,
        }
    }
}

/// What a person, a judge or a program says about a trace or one of its spans.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// Made up on arrival if empty.
    pub uid: String,
    /// The trace's uid.
    pub trace: String,
    pub kind: AssessmentKind,
    /// What is assessed; an issue's id for `Issue`.
    pub name: String,
    pub value: serde_json::Value,
    /// Why there is no value: `{error_code, error_message, stack_trace}`.
    pub error: Option<serde_json::Value>,
    /// Who says so: `HUMAN`, `LLM_JUDGE`, `CODE`, and which one.
    pub source_kind: String,
    pub source: Option<String>,
    /// The run that made it.
    pub run: Option<String>,
    pub span: Option<String>,
    pub rationale: Option<String>,
    pub metadata: BTreeMap<String, String>,
    /// Whether it is about the whole session of its trace.
    pub of_session: bool,
    /// The assessment that this one replaces; it becomes invalid.
    pub overrides: Option<String>,
    pub valid: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Assessment {
    /// What it counts as in averages, and whether it is a number itself: yes and true are 1, no and false are 0.
    pub fn number(&self) -> (Option<f64>, bool) {
        use serde_json::Value;
        match &self.value {
            Value::Bool(value) => (Some(f64::from(u8::from(*value))), false),
            Value::Number(value) => match value.as_f64().filter(|v| v.is_finite()) {
                Some(value) => (Some(value), true),
                None => (None, false),
            },
            Value::String(text) => match text.trim().to_lowercase().as_str() {
                "yes" => (Some(1.0), false),
                "no" => (Some(0.0), false),
                _ => (None, false),
            },
            _ => (None, false),
        }
    }
}
