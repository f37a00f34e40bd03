//! What the gateway's page offers: providers, their ways to sign in, and models to begin with
//! (`mlflow/utils/providers.py`).

use serde_json::{Value, json};

use crate::call::{Answer, Cx, reply};
use crate::errors::Failure;
use crate::genai::message;
use crate::request::Fields;

/// A field of a way to sign in: name, description, whether it is secret, whether it is needed, its default.
type Field = (&'static str, &'static str, bool, bool, Option<&'static str>);
/// Id, title, description, fields. A provider's first way is its default.
type Mode = (&'static str, &'static str, &'static str, &'static [Field]);

const REGION: Field = ("aws_region_name", "AWS Region (e.g., us-east-1)", false, false, None);
const NEEDED_REGION: Field = ("aws_region_name", "AWS Region (e.g., us-east-1)", false, true, None);
const ACCESS_KEY: Field = ("aws_access_key_id", "AWS Access Key ID", true, true, None);
const SECRET_KEY: Field = ("aws_secret_access_key", "AWS Secret Access Key", true, true, None);
const ROLE: Field = ("aws_role_name", "IAM Role ARN to assume", false, true, None);
const ANY_ROLE: Field =
    ("aws_role_name", "IAM Role ARN to assume (optional, for cross-account access)", false, false, None);
const SESSION: Field = ("aws_session_name", "Session name for assumed role", false, false, None);
const WORKSPACE: Field = ("api_base", "Databricks workspace URL", false, true, None);
const PROJECT: Field = ("vertex_project", "GCP Project ID", false, true, None);
const LOCATION: Field =
    ("vertex_location", "GCP Region (e.g., us-central1)", false, false, Some("us-central1"));

const AWS_KEYS: &str = "Use AWS Access Key ID and Secret Access Key";
const AWS_CHAIN: &str = "Use the server's default AWS credentials (instance profile, IRSA, ECS task role, ~/.aws/credentials, etc.)";

/// Providers with ways of their own; every other one takes a key.
const MODES: [(&str, &[Mode]); 5] = [
    (
        "azure",
        &[(
            "api_key",
            "API Key",
            "Use Azure OpenAI API Key",
            &[
                ("api_key", "Azure OpenAI API Key", true, true, None),
                ("api_base", "Azure OpenAI endpoint URL", false, true, None),
                ("api_version", "API version (e.g., 2024-02-01)", false, true, None),
            ],
        )],
    ),
    (
        "bedrock",
        &[
            (
                "api_key",
                "API Key",
                "Use Amazon Bedrock API Key (bearer token)",
                &[
                    ("api_key", "Amazon Bedrock API Key", true, true, None),
                    ("aws_region_name", "AWS Region", false, true, None),
                ],
            ),
            ("access_keys", "Access Keys", AWS_KEYS, &[ACCESS_KEY, SECRET_KEY, REGION]),
            (
                "iam_role",
                "IAM Role Assumption",
                "Assume an IAM role using the server's ambient credentials (instance profile, IRSA, ECS task role, \
                 ~/.aws/credentials, etc.)",
                &[ROLE, REGION],
            ),
            ("default_chain", "Default Credential Chain", AWS_CHAIN, &[ANY_ROLE, SESSION, REGION]),
        ],
    ),
    (
        "databricks",
        &[
            (
                "pat_token",
                "Personal Access Token",
                "Use Databricks Personal Access Token",
                &[("api_key", "Databricks Personal Access Token", true, true, None), WORKSPACE],
            ),
            (
                "oauth_m2m",
                "OAuth M2M (Service Principal)",
                "Use OAuth machine-to-machine authentication",
                &[
                    ("client_secret", "OAuth Client Secret", true, true, None),
                    WORKSPACE,
                    ("client_id", "OAuth Client ID", false, true, None),
                ],
            ),
        ],
    ),
    (
        "sagemaker",
        &[
            ("access_keys", "Access Keys", AWS_KEYS, &[ACCESS_KEY, SECRET_KEY, NEEDED_REGION]),
            (
                "iam_role",
                "IAM Role Assumption",
                "Assume an IAM role using base credentials (for cross-account access)",
                &[ACCESS_KEY, SECRET_KEY, ROLE, SESSION, NEEDED_REGION],
            ),
            ("default_chain", "Default Credential Chain", AWS_CHAIN, &[ANY_ROLE, SESSION, REGION]),
        ],
    ),
    (
        "vertex_ai",
        &[
            (
                "service_account_json",
                "Service Account JSON",
                "Use GCP Service Account credentials (JSON key file contents)",
                &[
                    ("vertex_credentials", "Service Account JSON key file contents", true, true, None),
                    PROJECT,
                    LOCATION,
                ],
            ),
            (
                "default_chain",
                "Application Default Credentials",
                "Use the server's Application Default Credentials",
                &[PROJECT, LOCATION],
            ),
        ],
    ),
];

/// Providers to choose from; any other name can be written.
const PROVIDERS: [&str; 24] = [
    "ai21",
    "anthropic",
    "azure",
    "azure_ai",
    "bedrock",
    "cerebras",
    "cohere",
    "databricks",
    "deepinfra",
    "deepseek",
    "fireworks_ai",
    "gemini",
    "groq",
    "mistral",
    "moonshot",
    "ollama",
    "openai",
    "openrouter",
    "perplexity",
    "sagemaker",
    "sambanova",
    "together_ai",
    "vertex_ai",
    "xai",
];

/// Models to begin with: provider, model, mode. Prices and limits change weekly and are not guessed at.
const MODELS: [(&str, &str, &str); 12] = [
    ("anthropic", "claude-haiku-4-5", "chat"),
    ("anthropic", "claude-sonnet-4-5", "chat"),
    ("cohere", "command-a-03-2025", "chat"),
    ("deepseek", "deepseek-chat", "chat"),
    ("gemini", "gemini-2.5-flash", "chat"),
    ("gemini", "gemini-2.5-pro", "chat"),
    ("groq", "llama-3.3-70b-versatile", "chat"),
    ("mistral", "mistral-large-latest", "chat"),
    ("openai", "gpt-4.1", "chat"),
    ("openai", "gpt-4.1-mini", "chat"),
    ("openai", "text-embedding-3-large", "embedding"),
    ("openai", "text-embedding-3-small", "embedding"),
];

pub(crate) async fn providers(_: Cx, _: Fields) -> Answer {
    reply(&json!({ "providers": PROVIDERS }))
}

pub(crate) async fn models(_: Cx, f: Fields) -> Answer {
    let wanted = f.text("provider")?;
    let models: Vec<Value> = MODELS
        .iter()
        .filter(|(provider, ..)| wanted.as_ref().is_none_or(|wanted| wanted == provider))
        .map(|(provider, model, mode)| json!({ "model": model, "provider": provider, "mode": mode }))
        .collect();
    reply(&json!({ "models": models }))
}

fn field((name, description, _, required, default): &Field) -> Value {
    message(json!({
        "name": name, "type": "string", "description": description, "required": required, "default": default,
    }))
}

fn mode((id, title, description, fields): &Mode) -> Value {
    let of = |secret: bool| fields.iter().filter(|f| f.2 == secret).map(field).collect::<Vec<_>>();
    json!({
        "mode": id, "display_name": title, "description": description,
        "secret_fields": of(true), "config_fields": of(false),
    })
}

/// A key, and where to send it.
fn key(provider: &str) -> Value {
    let mut title: Vec<char> = provider.chars().collect();
    if let Some(first) = title.first_mut() {
        *first = first.to_ascii_uppercase();
    }
    let title: String = title.into_iter().collect();
    let text = |name: &str, what: &str, required: bool| json!({ "name": name, "type": "string", "description": format!("{title} {what}"), "required": required });
    json!({
        "mode": "api_key", "display_name": "API Key", "description": format!("Use {title} API Key"),
        "secret_fields": [text("api_key", "API Key", true)],
        "config_fields": [text("api_base", "API Base URL", false)],
    })
}

pub(crate) async fn config(_: Cx, f: Fields) -> Answer {
    let provider = f.text_or_empty("provider")?.to_lowercase();
    if provider.is_empty() {
        return Err(Failure::invalid("Provider parameter is required"));
    }
    let modes: Vec<Value> = match MODES.iter().find(|(known, _)| *known == provider) {
        Some((_, modes)) => modes.iter().map(mode).collect(),
        None => vec![key(&provider)],
    };
    let default = modes.first().map(|first| first["mode"].clone());
    reply(&json!({ "auth_modes": modes, "default_mode": default }))
}
