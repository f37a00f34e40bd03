//! What other instrumentations call things (`mlflow/tracing/otel/translation/`): twelve conventions in upstream's
//! order, each a table of names. What does not fit in a table is in `special`.

use super::attributes::Attributes;
use super::special;

/// Attribute names of one convention. `None` and empty: it has none.
#[derive(Default)]
pub(crate) struct Convention {
    pub kind: Option<&'static str>,
    pub kinds: &'static [(&'static str, &'static str)],
    pub input_tokens: Option<&'static str>,
    pub output_tokens: Option<&'static str>,
    pub total_tokens: Option<&'static str>,
    pub cache_read: Option<&'static str>,
    /// The second is an older name.
    pub cache_write: &'static [&'static str],
    pub inputs: &'static [&'static str],
    pub outputs: &'static [&'static str],
    pub models: &'static [&'static str],
    pub provider: Option<&'static str>,
    pub tools: &'static [&'static str],
    pub special: Special,
}

/// Which of the conventions with rules of their own it is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Special {
    #[default]
    No,
    GeminiCli,
    ClaudeCode,
    SpringAi,
    Traceloop,
    Vercel,
    VoltAgent,
    LiveKit,
    Laminar,
}

const NONE: Convention = Convention {
    kind: None,
    kinds: &[],
    input_tokens: None,
    output_tokens: None,
    total_tokens: None,
    cache_read: None,
    cache_write: &[],
    inputs: &[],
    outputs: &[],
    models: &[],
    provider: None,
    tools: &[],
    special: Special::No,
};

/// OpenTelemetry's own, for generative AI; others build on it.
const GEN_AI: Convention = Convention {
    kind: Some("gen_ai.operation.name"),
    kinds: GEN_AI_KINDS,
    input_tokens: Some("gen_ai.usage.input_tokens"),
    output_tokens: Some("gen_ai.usage.output_tokens"),
    cache_read: Some("gen_ai.usage.cache_read.input_tokens"),
    cache_write: &["gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"],
    inputs: &["gen_ai.input.messages", "gen_ai.tool.call.arguments"],
    outputs: &["gen_ai.output.messages", "gen_ai.tool.call.result"],
    models: &["gen_ai.response.model", "gen_ai.request.model"],
    provider: Some("gen_ai.provider.name"),
    tools: &["gen_ai.tool.definitions"],
    ..NONE
};
const GEN_AI_KINDS: &[(&str, &str)] = &[
    ("chat", "CHAT_MODEL"),
    ("create_agent", "AGENT"),
    ("embeddings", "EMBEDDING"),
    ("execute_tool", "TOOL"),
    ("generate_content", "LLM"),
    ("invoke_agent", "AGENT"),
    ("text_completion", "LLM"),
    ("response", "LLM"),
];

pub(crate) const CONVENTIONS: &[Convention] = &[
    // OpenInference
    Convention {
        kind: Some("openinference.span.kind"),
        kinds: &[
            ("TOOL", "TOOL"),
            ("CHAIN", "CHAIN"),
            ("LLM", "LLM"),
            ("RETRIEVER", "RETRIEVER"),
            ("EMBEDDING", "EMBEDDING"),
            ("AGENT", "AGENT"),
            ("RERANKER", "RERANKER"),
            ("UNKNOWN", "UNKNOWN"),
            ("GUARDRAIL", "GUARDRAIL"),
            ("EVALUATOR", "EVALUATOR"),
        ],
        input_tokens: Some("llm.token_count.prompt"),
        output_tokens: Some("llm.token_count.completion"),
        total_tokens: Some("llm.token_count.total"),
        cache_read: Some("llm.token_count.prompt_details.cache_read"),
        cache_write: &["llm.token_count.prompt_details.cache_write"],
        inputs: &["input.value"],
        outputs: &["output.value"],
        models: &[
            "llm.response.model_name",
            "llm.model_name",
            "llm.request.model_name",
            "embedding.model_name",
        ],
        provider: Some("llm.provider"),
        ..NONE
    },
    Convention {
        kinds: &[("llm_call", "LLM"), ("tool_call", "TOOL"), ("agent_call", "AGENT")],
        special: Special::GeminiCli,
        ..GEN_AI
    },
    Convention { kind: Some("span.type"), special: Special::ClaudeCode, ..NONE },
    GEN_AI,
    Convention {
        kind: Some("gen_ai.operation.name"),
        kinds: &[("chat", "CHAT_MODEL"), ("embeddings", "EMBEDDING")],
        input_tokens: Some("gen_ai.usage.input_tokens"),
        output_tokens: Some("gen_ai.usage.output_tokens"),
        special: Special::SpringAi,
        ..NONE
    },
    Convention {
        kind: Some("traceloop.span.kind"),
        kinds: &[
            ("workflow", "WORKFLOW"),
            ("task", "TASK"),
            ("agent", "AGENT"),
            ("tool", "TOOL"),
            ("unknown", "UNKNOWN"),
        ],
        input_tokens: Some("gen_ai.usage.prompt_tokens"),
        output_tokens: Some("gen_ai.usage.completion_tokens"),
        total_tokens: Some("llm.usage.total_tokens"),
        inputs: &["traceloop.entity.input"],
        outputs: &["traceloop.entity.output"],
        provider: Some("gen_ai.system"),
        special: Special::Traceloop,
        ..NONE
    },
    // Google ADK
    Convention {
        inputs: &["gcp.vertex.agent.llm_request", "gcp.vertex.agent.tool_call_args"],
        outputs: &["gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_response"],
        ..NONE
    },
    Convention {
        kind: Some("ai.operationId"),
        kinds: &[
            ("ai.generateText", "LLM"),
            ("ai.generateText.doGenerate", "LLM"),
            ("ai.toolCall", "TOOL"),
            ("ai.streamText", "LLM"),
            ("ai.streamText.doStream", "LLM"),
            ("ai.generateObject", "LLM"),
            ("ai.generateObject.doGenerate", "LLM"),
            ("ai.streamObject", "LLM"),
            ("ai.streamObject.doStream", "LLM"),
            ("ai.embed", "EMBEDDING"),
            ("ai.embed.doEmbed", "EMBEDDING"),
            ("ai.embedMany", "EMBEDDING"),
        ],
        inputs: &["ai.prompt", "ai.toolCall.args", "ai.value", "ai.values"],
        outputs: &[
            "ai.response.text",
            "ai.toolCall.result",
            "ai.response.object",
            "ai.embedding",
            "ai.embeddings",
        ],
        special: Special::Vercel,
        ..NONE
    },
    Convention {
        kinds: &[("agent", "AGENT"), ("llm", "LLM"), ("tool", "TOOL"), ("memory", "MEMORY")],
        inputs: &["agent.messages", "llm.messages", "input"],
        outputs: &["output"],
        special: Special::VoltAgent,
        ..NONE
    },
    Convention {
        inputs: &["lk.user_input", "lk.user_transcript", "lk.chat_ctx", "lk.input_text"],
        outputs: &["lk.response.text", "lk.response.function_calls"],
        special: Special::LiveKit,
        ..GEN_AI
    },
    Convention {
        kind: Some("lmnr.span.type"),
        kinds: &[
            ("LLM", "LLM"),
            ("TOOL", "TOOL"),
            ("DEFAULT", "CHAIN"),
            ("PIPELINE", "CHAIN"),
            ("EXECUTOR", "AGENT"),
            ("EVALUATOR", "EVALUATOR"),
            ("HUMAN_EVALUATOR", "EVALUATOR"),
            ("EVALUATION", "EVALUATOR"),
            ("CACHED", "LLM"),
        ],
        inputs: &["lmnr.span.input"],
        outputs: &["lmnr.span.output"],
        input_tokens: Some("gen_ai.usage.input_tokens"),
        output_tokens: Some("gen_ai.usage.output_tokens"),
        models: &["gen_ai.response.model", "gen_ai.request.model"],
        provider: Some("gen_ai.system"),
        special: Special::Laminar,
        ..NONE
    },
    // Langfuse
    Convention {
        kind: Some("langfuse.observation.type"),
        kinds: &[
            ("generation", "LLM"),
            ("embedding", "EMBEDDING"),
            ("tool", "TOOL"),
            ("retriever", "RETRIEVER"),
            ("agent", "AGENT"),
            ("chain", "CHAIN"),
            ("evaluator", "EVALUATOR"),
            ("guardrail", "GUARDRAIL"),
            ("span", "UNKNOWN"),
        ],
        inputs: &["langfuse.observation.input"],
        outputs: &["langfuse.observation.output"],
        ..NONE
    },
];

impl Convention {
    /// The span's type in upstream's words.
    pub fn span_type(&self, attributes: &Attributes) -> Option<&'static str> {
        if let Some(answer) = special::span_type(self, attributes) {
            return answer;
        }
        self.kind_of(&attributes.text(self.kind?)?)
    }

    pub fn kind_of(&self, word: &str) -> Option<&'static str> {
        self.kinds.iter().find(|(theirs, _)| *theirs == word).map(|(_, ours)| *ours)
    }

    pub fn inputs(&self, attributes: &mut Attributes) -> Option<String> {
        match special::inputs(self, attributes) {
            Some(answer) => answer,
            None => attributes.first(self.inputs),
        }
    }

    pub fn outputs(&self, attributes: &Attributes) -> Option<String> {
        match special::outputs(self, attributes) {
            Some(answer) => answer,
            None => attributes.first(self.outputs),
        }
    }

    /// Input, output, total, read from and written to the cache.
    pub fn tokens(&self, attributes: &Attributes) -> [Option<i64>; 5] {
        if let Some(answer) = special::tokens(self, attributes) {
            return answer;
        }
        let get = |name: Option<&str>| name.and_then(|name| attributes.integer(name));
        [
            get(self.input_tokens),
            get(self.output_tokens),
            get(self.total_tokens),
            get(self.cache_read),
            self.cache_write.iter().find_map(|name| attributes.integer(name)),
        ]
    }

    pub fn model(&self, attributes: &Attributes) -> Option<String> {
        self.models.iter().find_map(|name| attributes.said(name)).map(super::text::unquoted)
    }

    pub fn provider(&self, attributes: &Attributes) -> Option<String> {
        attributes.said(self.provider?).map(super::text::unquoted)
    }

    /// How the web page shows the messages.
    pub fn message_format(&self, attributes: &Attributes) -> Option<&'static str> {
        special::message_format(self, attributes)
    }

    pub fn tools(&self, attributes: &Attributes) -> Option<String> {
        attributes.first(self.tools)
    }
}
