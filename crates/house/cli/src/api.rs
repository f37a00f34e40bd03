//! The server's native API, as the commands use it.

use std::path::Path;

use base64::Engine as _;
use outbound::{Answer, Body, Call, Client, Method, Policy};
use serde_json::Value;
use types::{Digest, Reader};

use crate::args::Connection;
use crate::failure::Failure;

const DEFAULT: &str = "http://127.0.0.1:5000";

pub struct Api {
    client: Client,
    pub url: String,
    /// The `Authorization` header.
    credential: Option<String>,
    /// The run or step that this is done for.
    reader: Option<Reader>,
}

impl Api {
    pub fn new(connection: &Connection) -> Result<Self, Failure> {
        let url = connection.server.as_deref().unwrap_or(DEFAULT).trim_end_matches('/').to_owned();
        let credential = match &connection.token {
            Some(token) => Some(format!("Bearer {token}")),
            None => password(),
        };
        Ok(Self { client: Client::new(Policy::local())?, url, credential, reader: reader() })
    }

    /// The access token, for a program that is started to talk to the same server.
    pub fn token(&self) -> Option<&str> {
        self.credential.as_deref()?.strip_prefix("Bearer ")
    }

    /// `path` is what follows `/api/v1/`.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.json(Method::Get, path, Body::Empty).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Result<Value, Failure> {
        self.json(Method::Post, path, Body::Json(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Result<Value, Failure> {
        self.json(Method::Put, path, Body::Json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.json(Method::Delete, path, Body::Empty).await
    }

    pub async fn has_blob(&self, digest: &Digest) -> Result<bool, Failure> {
        let answer = self.call(Method::Head, &format!("blobs/{digest}"), Body::Empty).await?;
        match answer.status {
            200 | 204 => Ok(true),
            404 => Ok(false),
            _ => Err(self.refused(&answer)),
        }
    }

    pub async fn put_blob(&self, digest: &Digest, body: Body) -> Result<(), Failure> {
        self.json(Method::Put, &format!("blobs/{digest}"), body).await.map(drop)
    }

    /// Sends the file unless the server has it; whether it was sent.
    pub async fn put_file(&self, digest: &Digest, path: &Path) -> Result<bool, Failure> {
        if self.has_blob(digest).await? {
            return Ok(false);
        }
        self.put_blob(digest, Body::File(path.to_owned())).await?;
        Ok(true)
    }

    /// Any call below `/api/v1/` whose answer is JSON.
    pub async fn ask(&self, method: Method, path: &str, body: Body) -> Result<Value, Failure> {
        self.json(method, path, body).await
    }

    /// The bytes of an answer.
    pub async fn bytes(&self, method: Method, path: &str, body: Body) -> Result<Vec<u8>, Failure> {
        let answer = self.call(method, path, body).await?;
        if (200..300).contains(&answer.status) { Ok(answer.body.into()) } else { Err(self.refused(&answer)) }
    }

    /// Sends bytes of a media type.
    pub async fn post_typed(&self, path: &str, kind: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let mut call = self.prepared(Method::Post, &format!("/api/v1/{path}"), Body::Bytes(bytes.into()));
        call.headers.push(("content-type".to_owned(), kind.to_owned()));
        let answer = self.client.send(&call).await?;
        if (200..300).contains(&answer.status) { Ok(answer.body.into()) } else { Err(self.refused(&answer)) }
    }

    /// `None` for 404.
    pub async fn find(&self, path: &str) -> Result<Option<Value>, Failure> {
        let answer = self.call(Method::Get, path, Body::Empty).await?;
        if answer.status == 404 { Ok(None) } else { self.accept(answer).map(Some) }
    }

    async fn json(&self, method: Method, path: &str, body: Body) -> Result<Value, Failure> {
        let answer = self.call(method, path, body).await?;
        self.accept(answer)
    }

    /// An endpoint of MLflow's API; `path` is what follows `/api/2.0/mlflow/`.
    pub async fn mlflow(&self, method: Method, path: &str, body: Body) -> Result<Value, Failure> {
        let answer = self.send(method, &format!("/api/2.0/mlflow/{path}"), body).await?;
        self.accept(answer)
    }

    /// Sends a file to any path of the server, as the stream that it is.
    pub async fn upload(&self, path: &str, file: &Path) -> Result<(), Failure> {
        let answer = self.send(Method::Put, path, Body::File(file.to_owned())).await?;
        self.accept(answer).map(drop)
    }

    /// Writes what is at any path of the server into a file. `false` for 404.
    pub async fn download(&self, path: &str, to: &Path) -> Result<bool, Failure> {
        let call = self.prepared(Method::Get, path, Body::Empty);
        match self.client.download(&call, to).await? {
            200 => Ok(true),
            404 => Ok(false),
            status => Err(Failure::new(format!("{} answered with {status}", call.url))),
        }
    }

    async fn call(&self, method: Method, path: &str, body: Body) -> Result<Answer, Failure> {
        self.send(method, &format!("/api/v1/{path}"), body).await
    }

    fn prepared(&self, method: Method, path: &str, body: Body) -> Call {
        let credential = self.credential.clone().map(|credential| ("authorization".to_owned(), credential));
        let reader = self.reader.map(|reader| ("x-mlwright-run".to_owned(), reader.to_string()));
        let headers = credential.into_iter().chain(reader).collect();
        Call { method, url: format!("{}{path}", self.url), headers, body }
    }

    async fn send(&self, method: Method, path: &str, body: Body) -> Result<Answer, Failure> {
        let call = self.prepared(method, path, body);
        self.client.send(&call).await.map_err(|error| match error {
            outbound::Error::Unreachable { reason, .. } => {
                Failure::new(format!("no server answers at {}: {reason}", self.url)).hint(
                    "start one with `mlwright serve`, or name another with --server URL (or MLWRIGHT_URL)",
                )
            }
            other => other.into(),
        })
    }

    fn accept(&self, answer: Answer) -> Result<Value, Failure> {
        if !(200..300).contains(&answer.status) {
            return Err(self.refused(&answer));
        }
        if answer.body.is_empty() { Ok(Value::Null) } else { Ok(answer.json()?) }
    }

    /// The server's own words, where the answer has them.
    fn refused(&self, answer: &Answer) -> Failure {
        let body: Value = answer.json().unwrap_or_default();
        let text = |name: &str| body["error"][name].as_str().map(str::to_owned);
        let message = text("message").or_else(|| body["message"].as_str().map(str::to_owned));
        let message = message.unwrap_or_else(|| format!("{} answered with {}", answer.url, answer.status));
        let hint = match answer.status {
            401 if self.credential.is_none() => Some(
                "give a token with --token or in MLWRIGHT_TOKEN, or set MLWRIGHT_USERNAME and MLWRIGHT_PASSWORD"
                    .to_owned(),
            ),
            _ => text("hint"),
        };
        Failure { message, hint }
    }
}

/// Name and password from the environment, for servers whose users have passwords.
fn password() -> Option<String> {
    let (name, password) =
        (std::env::var("MLWRIGHT_USERNAME").ok()?, std::env::var("MLWRIGHT_PASSWORD").ok()?);
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    Some(format!("Basic {encoded}"))
}

/// A step of a pipeline says that it is one; whoever has a run of MLflow's open may say so. What names neither counts for
/// nothing.
fn reader() -> Option<Reader> {
    ["MLWRIGHT_READER", "MLFLOW_RUN_ID"].iter().find_map(|name| std::env::var(name).ok()?.parse().ok())
}

/// A path segment in a URL.
pub fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            encoded.push(byte as char);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
