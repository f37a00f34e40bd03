use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::signer::Signer;

use crate::local::Local;
use crate::remote::Remote;
use crate::{Blobs, Error, Store};

/// Where objects live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobConfig {
    /// A directory, made if absent.
    Local(PathBuf),
    /// `s3://bucket/prefix`, with `?endpoint=…&region=…&allow_http=true` for another S3 than Amazon's, or
    /// `file:///directory`. Credentials come from the `AWS_*` environment variables, never from the address.
    Url(String),
}

impl Blobs {
    /// Opens the store. A local directory is created and swept of what crashed uploads left.
    pub async fn open(config: &BlobConfig) -> Result<Self, Error> {
        let url = match config {
            BlobConfig::Local(dir) => return Self::open_local(dir.clone()).await,
            BlobConfig::Url(url) => url,
        };
        if let Some(dir) = url.strip_prefix("file://") {
            return Self::open_local(PathBuf::from(dir)).await;
        }
        let (store, prefix) = s3(url)?;
        let name = url.split('?').next().unwrap_or(url).to_owned();
        let scratch = std::env::temp_dir().join("mlwright-uploads");
        Self::remote(store.clone(), Some(store), name, prefix, scratch).await
    }

    async fn open_local(dir: PathBuf) -> Result<Self, Error> {
        let local = crate::blocking(move || Local::open(dir)).await?;
        Ok(Self { store: Arc::new(Store::Local(local)) })
    }

    /// Over any object store. Uploads are spooled to `scratch` first, so that their digest is known before
    /// anything is sent.
    pub async fn over(
        store: Arc<dyn ObjectStore>,
        name: String,
        prefix: String,
        scratch: PathBuf,
    ) -> Result<Self, Error> {
        Self::remote(store, None, name, prefix, scratch).await
    }

    async fn remote(
        store: Arc<dyn ObjectStore>,
        signer: Option<Arc<dyn Signer>>,
        name: String,
        prefix: String,
        scratch: PathBuf,
    ) -> Result<Self, Error> {
        let remote = crate::blocking(move || Remote::new(store, signer, name, prefix, scratch)).await?;
        Ok(Self { store: Arc::new(Store::Remote(remote)) })
    }
}

fn s3(url: &str) -> Result<(Arc<AmazonS3>, String), Error> {
    let bad = |reason: String| Error::BadUrl { url: hide_query(url), reason };
    let rest =
        url.strip_prefix("s3://").ok_or_else(|| bad("it starts with neither s3:// nor file://".into()))?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    if bucket.is_empty() {
        return Err(bad("it names no bucket".into()));
    }
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or_else(|| bad(format!("`{pair}` is no key=value")))?;
        let known: AmazonS3ConfigKey = match key {
            "endpoint" => AmazonS3ConfigKey::Endpoint,
            "region" => AmazonS3ConfigKey::Region,
            "virtual_hosted_style_request" => AmazonS3ConfigKey::VirtualHostedStyleRequest,
            "allow_http" => AmazonS3ConfigKey::Client(object_store::ClientConfigKey::AllowHttp),
            other => {
                return Err(bad(format!(
                    "unknown option `{other}`; there are endpoint, region, allow_http and virtual_hosted_style_request"
                )));
            }
        };
        if key == "endpoint" && value.starts_with("http://") {
            builder = builder.with_allow_http(true);
        }
        builder = builder.with_config(known, value);
    }
    let store = builder.build().map_err(|e| bad(e.to_string()))?;
    Ok((Arc::new(store), prefix.trim_matches('/').to_owned()))
}

fn hide_query(url: &str) -> String {
    match url.split_once('?') {
        Some((place, _)) => format!("{place}?…"),
        None => url.to_owned(),
    }
}
