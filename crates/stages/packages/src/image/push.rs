//! Sending an image to a registry (OCI distribution specification 1.1): blobs that it lacks, then the manifest.

use std::path::Path;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outbound::{Body, Call, Client, Method};
use serde_json::Value;

use super::layout::loose;
use crate::Error;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// `registry.example.org/team/churn:3`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub registry: String,
    pub repository: String,
    pub tag: String,
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad =
            || Error::Image(format!("`{text}` is no address of an image: registry.example.org/team/churn:3"));
        let (registry, rest) = text.split_once('/').ok_or_else(bad)?;
        let (repository, tag) = rest.rsplit_once(':').unwrap_or((rest, "latest"));
        let part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-'))
        };
        let host = registry.contains('.') || registry.contains(':') || registry == "localhost";
        let tag_fits = !tag.is_empty()
            && tag.len() <= 128
            && tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if !host || !repository.split('/').all(part) || !tag_fits {
            return Err(bad());
        }
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), tag: tag.to_owned() })
    }
}

struct Registry<'c> {
    client: &'c Client,
    base: String,
    reference: Reference,
    credential: Option<String>,
}

/// Pushes the image in `folder`; how many blobs were sent. `plain` speaks HTTP instead of HTTPS. `credential` is a user and a
/// password, sent as they are.
///
/// Errors: `Registry` with what the registry says, `Outbound`.
pub async fn push(
    client: &Client,
    folder: &Path,
    reference: Reference,
    credential: Option<(String, String)>,
    plain: bool,
) -> Result<(String, usize), Error> {
    let (digest, manifest) = loose(folder)?;
    let scheme = if plain { "http" } else { "https" };
    let base = format!("{scheme}://{}", reference.registry);
    let credential =
        credential.map(|(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))));
    let registry = Registry { client, base, reference, credential };
    let mut sent = 0;
    let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
    for blob in layers.iter().chain([&manifest["config"]]) {
        let digest = blob["digest"].as_str().unwrap_or_default();
        sent += usize::from(registry.send_blob(folder, digest).await?);
    }
    let place = folder.join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
    let path = format!("/v2/{}/manifests/{}", registry.reference.repository, registry.reference.tag);
    let body = Body::File(place);
    let answer = registry.call(Method::Put, &path, body, &[("content-type", MANIFEST)]).await?;
    accept("PUT manifest", &answer, &[201])?;
    Ok((digest, sent))
}

impl Registry<'_> {
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Body,
        headers: &[(&str, &str)],
    ) -> Result<outbound::Answer, Error> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut all: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        // Never to somebody else, wherever an answer leads.
        if let Some(credential) =
            self.credential.as_ref().filter(|_| url.starts_with(&format!("{}/", self.base)))
        {
            all.push(("authorization".into(), credential.clone()));
        }
        Ok(self.client.send(&Call { method, url, headers: all, body }).await?)
    }

    /// Whether it was sent: what is there already is not.
    async fn send_blob(&self, folder: &Path, digest: &str) -> Result<bool, Error> {
        let repository = &self.reference.repository;
        let known =
            self.call(Method::Head, &format!("/v2/{repository}/blobs/{digest}"), Body::Empty, &[]).await?;
        if known.status == 200 {
            return Ok(false);
        }
        accept("HEAD blob", &known, &[404])?;
        let started =
            self.call(Method::Post, &format!("/v2/{repository}/blobs/uploads/"), Body::Empty, &[]).await?;
        accept("POST upload", &started, &[202])?;
        let place = started.location.as_deref().unwrap_or_default();
        if place.is_empty() {
            return Err(Error::Registry {
                what: "POST upload".into(),
                status: 202,
                message: "it names no place to upload to".into(),
            });
        }
        let separator = if place.contains('?') { '&' } else { '?' };
        let file = Body::File(folder.join("blobs/sha256").join(digest.trim_start_matches("sha256:")));
        let to = format!("{place}{separator}digest={}", digest.replace(':', "%3A"));
        let done = self.call(Method::Put, &to, file, &[("content-type", "application/octet-stream")]).await?;
        accept("PUT blob", &done, &[201])?;
        Ok(true)
    }
}

fn accept(what: &str, answer: &outbound::Answer, wanted: &[u16]) -> Result<(), Error> {
    if wanted.contains(&answer.status) {
        return Ok(());
    }
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = said["errors"][0]["message"].as_str().unwrap_or("no reason given").to_owned();
    Err(Error::Registry { what: what.to_owned(), status: answer.status, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_images_are_told_from_names() {
        let reference: Reference = "localhost:5001/team/churn:3".parse().unwrap();
        assert_eq!(
            (reference.registry.as_str(), reference.repository.as_str(), reference.tag.as_str()),
            ("localhost:5001", "team/churn", "3")
        );
        assert_eq!("r.example.org/churn".parse::<Reference>().unwrap().tag, "latest");
        for text in [
            "churn",
            "team/churn:3",
            "r.example.org/Churn",
            "r.example.org/",
            "r.example.org/a:b c",
            "r.example.org/../x",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
