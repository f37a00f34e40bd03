//! `InvokeEndpointAsync`: input and output are objects of repositories. What is acknowledged is done: the output is stored
//! before the answer is given, so that a server that dies loses nothing; clients that poll find it at once.

use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use repositories::{Condition, Object, Repositories};
use serde_json::json;
use types::{Actor, Level, ResourceKind};

use crate::errors::Failure;
use crate::invoke::predicted;
use crate::{State, body, sign_in};

/// Bytes of an input, as for a request.
const MOST: u64 = 64 << 20;

pub async fn invoke(
    state: Extract<State>,
    Path(endpoint): Path<String>,
    parts: Parts,
    bytes: Bytes,
) -> Result<Response, Failure> {
    let actor = sign_in::actor(&state, &parts, &bytes).await?;
    let text = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
    let Some(location) = text("x-amzn-sagemaker-inputlocation") else {
        return Err(Failure::Validation("InputLocation is missing".into()));
    };
    let input = Location::parse(location)?;
    let read = input.read(&state.repositories, &actor).await?;
    let id = types::new_id(state.clock.now()).hex();
    let inference = text("x-amzn-sagemaker-inference-id").unwrap_or(&id).to_owned();

    let mut headers = parts.headers.clone();
    if let Some(kind) = headers.get("x-amzn-sagemaker-content-type").cloned() {
        headers.insert(header::CONTENT_TYPE, kind);
    } else {
        headers.remove(header::CONTENT_TYPE);
    }
    let accept = headers.get("x-amzn-sagemaker-accept").or_else(|| headers.get(header::ACCEPT)).cloned();
    let (output, failure) =
        (input.beside("async-outputs", &id, "out"), input.beside("async-failures", &id, "err"));
    match predicted(&state, &actor, &endpoint, &headers, read).await {
        Ok((answer, reply)) => {
            let (kind, bytes) = body::written(accept.as_ref(), &answer, reply);
            output.write(&state, &actor, kind, bytes.into()).await?;
        }
        // The model's refusal is a result, too; everything else is told now.
        Err(Failure::Model { status, body }) => {
            let text = json!({ "status": status.as_u16(), "message": body }).to_string();
            failure.write(&state, &actor, "application/json", text.into()).await?;
        }
        Err(other) => return Err(other),
    }
    let body = json!({ "InferenceId": inference });
    let mut response = (StatusCode::ACCEPTED, axum::Json(body)).into_response();
    for (name, place) in
        [("x-amzn-sagemaker-outputlocation", output), ("x-amzn-sagemaker-failurelocation", failure)]
    {
        if let Ok(value) = HeaderValue::from_str(&place.url()) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// `s3://repository/branch/path`.
struct Location {
    repository: String,
    branch: String,
    path: String,
}

impl Location {
    fn parse(text: &str) -> Result<Self, Failure> {
        let bad = || {
            Failure::Validation(format!(
                "`{text}` is no object of this server: inputs are at s3://<repository>/<branch>/<path>"
            ))
        };
        let mut parts = text.strip_prefix("s3://").ok_or_else(bad)?.splitn(3, '/').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(repository), Some(branch), Some(path))
                if !repository.is_empty() && !branch.is_empty() && !path.is_empty() =>
            {
                Ok(Self { repository, branch, path })
            }
            _ => Err(bad()),
        }
    }

    fn url(&self) -> String {
        format!("s3://{}/{}/{}", self.repository, self.branch, self.path)
    }

    fn beside(&self, folder: &str, id: &str, end: &str) -> Self {
        let (repository, branch) = (self.repository.clone(), self.branch.clone());
        Self { repository, branch, path: format!("{folder}/{id}.{end}") }
    }

    fn allowed(&self, actor: &Actor, level: Level) -> Result<(), Failure> {
        if kit::reaches(actor, ResourceKind::Repository, &self.repository, level) {
            return Ok(());
        }
        Err(Failure::Access {
            status: StatusCode::FORBIDDEN,
            name: "AccessDeniedException",
            message: format!("{actor} has no access to {}", self.url()),
        })
    }

    async fn read(&self, repositories: &Repositories, actor: &Actor) -> Result<Bytes, Failure> {
        self.allowed(actor, Level::Read)?;
        let object = repositories.stat(actor, &self.repository, &self.branch, &self.path).await?;
        if object.size > MOST {
            return Err(Failure::Validation(format!(
                "{} has {} bytes; at most {MOST} are taken",
                self.url(),
                object.size
            )));
        }
        let mut chunks = repositories.read(&object, None).await?.body;
        let mut bytes = Vec::with_capacity(usize::try_from(object.size).unwrap_or(0));
        while let Some(chunk) = chunks.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        Ok(bytes.into())
    }

    async fn write(&self, state: &State, actor: &Actor, kind: &str, bytes: Bytes) -> Result<(), Failure> {
        self.allowed(actor, Level::Edit)?;
        let received =
            state.repositories.receive(stream::once(async move { Ok(bytes) }).boxed(), &[]).await?;
        let etag = received.etag();
        let object = Object {
            physical: received.physical,
            size: received.size,
            etag,
            modified_at: state.clock.now(),
            content_type: Some(kind.to_owned()),
            metadata: Default::default(),
            checksums: Default::default(),
            headers: Default::default(),
        };
        let (repository, branch) = (&self.repository, &self.branch);
        state.repositories.stage(actor, repository, branch, &self.path, object, Condition::default()).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_names_repository_branch_and_path() {
        let place = Location::parse("s3://data/main/in/rows.csv").unwrap();
        assert_eq!(
            (place.repository.as_str(), place.branch.as_str(), place.path.as_str()),
            ("data", "main", "in/rows.csv")
        );
        assert_eq!(place.beside("async-outputs", "7", "out").url(), "s3://data/main/async-outputs/7.out");
        for bad in ["", "s3://", "s3://data", "s3://data/main", "s3://data/main/", "http://x/y/z"] {
            assert!(Location::parse(bad).is_err(), "{bad}");
        }
    }
}
